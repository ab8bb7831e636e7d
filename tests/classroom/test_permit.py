"""classroom.md 9.8: the assistant's permit. 11002, `exit` and messages of A06 and A07: test_realtime_members.py."""

from __future__ import annotations

import json

import pytest

from stoa.class_media import bot, run
from stoa.class_routes import EMPTY_RIGHTS, RIGHTS
from stoa.classroom import LEFT, NORMAL, STAMP, STUDENT, UNKNOWN, people, person, until_later
from stoa.crew import PARTICIPANT_REMOVED


def rights_of(who, c: str, target) -> set[str]:
    """Which rights an assistant really has, by trying."""
    tries = {
        "MemberManagement": lambda: who.unkick(c, target),
        "CheckInManagement": lambda: who.call("getAllCheckIns", {"class_id": c}),
        "EditAnnouncement": lambda: who.update(c, notice="x"),
        "Courceware": lambda: who.delete_docs(c, "nothing"),
        "MuteUser": lambda: who.room_call("cancelMuteUser", c, user_id=target.name),
        "MuteGroup": lambda: who.room_call("cancelMuteChatroom", c),
    }
    found = set()
    for right, call in tries.items():
        outcome = call().outcome
        assert outcome in ("yes", "no"), (right, outcome)
        if outcome == "yes":
            found.add(right)
    return found


# Rights that show over HTTP; the others are about messages and the board.
HTTP_RIGHTS = {"MemberManagement", "CheckInManagement", "EditAnnouncement", "Courceware", "MuteUser", "MuteGroup"}


def test_A01_before_it_is_set(teacher, c):
    assert teacher.get_permit(c).body == {"success": True}


@pytest.mark.parametrize("text", ['{"Courceware":true}', '["Courceware","RemoveGroupMessage","MuteGroup"]', "plain text", '  ["spaces"] ', "7"])
def test_A02_stored_as_sent(teacher, c, text):
    data = teacher.permit(c, text).ok()
    assert set(data) == {"class_id", "permit", "created_at", "updated_at"}
    assert (data["class_id"], data["permit"]) == (c, text) and data["created_at"] == data["updated_at"] and STAMP.fullmatch(data["created_at"])
    assert teacher.get_permit(c).ok() == data


def test_A03_set_twice(teacher, c):
    first = teacher.permit(c, "[]").ok()
    until_later(first["created_at"])
    second = teacher.permit(c, '["MuteUser"]').ok()
    assert second["created_at"] == first["created_at"] and second["updated_at"] > first["updated_at"]
    assert teacher.get_permit(c).ok() == second


def test_A04_as_json(teacher, c):
    assert teacher.permit(c, {"Courceware": True, "x": [1]}).ok()["permit"] == '{"Courceware":true,"x":[1]}'
    assert teacher.permit(c, ["Courceware", "MuteGroup"]).ok()["permit"] == '["Courceware","MuteGroup"]'


@pytest.mark.parametrize("permit,rights", [
    (list(RIGHTS), HTTP_RIGHTS),
    ([], set()),
    (["Courceware", "Unknown", 7, "courceware"], {"Courceware"}),
    (["courceware", "MUTEUSER"], set()),
    ({"Courceware": True, "MuteUser": "true", "MuteGroup": 1, "MemberManagement": False, "EditAnnouncement": "false", "CheckInManagement": 0}, {"Courceware", "MuteUser", "MuteGroup"}),
    ({"Courceware": "yes", "MuteUser": [True], "MuteGroup": {"a": 1}}, set()),
    ("Courceware", set()),
    ('"Courceware"', set()),
    (list(EMPTY_RIGHTS), set()),
    *(([right], {right}) for right in sorted(HTTP_RIGHTS)),
], ids=lambda v: None if isinstance(v, set) else json.dumps(v)[:40])
def test_A05_rights(teacher, student, server, c, permit, rights):
    assistant = person(server)
    teacher.permit(c, permit).ok()
    assistant.assist(c).ok()
    assert rights_of(assistant, c, student) == rights


def test_A06_right_removed_while_inside(teacher, student, server, c):
    assistant = person(server)
    teacher.permit(c, ["Courceware", "MuteUser"]).ok()
    assistant.assist(c).ok()
    assert rights_of(assistant, c, student) == {"Courceware", "MuteUser"}
    teacher.permit(c, ["MuteUser"]).ok()
    assert rights_of(assistant, c, student) == {"MuteUser"}
    teacher.permit(c, ["MemberManagement"]).ok()
    assert rights_of(assistant, c, student) == {"MemberManagement"}


def test_A07_delete_with_the_assistant_inside(teacher, student, server, c):
    one, two = people(server, 2)
    teacher.permit(c).ok()
    one.assist(c).ok()
    assert teacher.drop_permit(c).body == {"success": True}
    row = teacher.row(c, one)
    assert (row["identity"], row["status"]) == (STUDENT, LEFT)
    assert teacher.get_permit(c).body == {"success": True}
    one.add_doc(c, "d").denied()
    one.members(c).denied()
    one.leave(c).refused("NotInClass")
    # No ban, and a free slot.
    one.join(c).ok()
    teacher.permit(c).ok()
    two.assist(c).ok()


async def test_A07_media_of_the_assistant_ends(teacher, server, crew, c):
    assistant = person(server)
    await run(teacher.permit, c)
    await run(assistant.assist, c)
    me = await bot(crew, assistant, c)
    await run(teacher.drop_permit, c)
    assert (await me.gone())[0] == PARTICIPANT_REMOVED


def test_A07_permit_for_somebody_else(teacher, server, c):
    one, two = people(server, 2)
    teacher.permit(c).ok()
    one.assist(c).ok()
    teacher.permit(c, assistant_id=one.name).ok()
    assert teacher.row(c, one)["status"] == NORMAL
    teacher.permit(c, assistant_id=two.name).ok()
    row = teacher.row(c, one)
    assert (row["identity"], row["status"]) == (STUDENT, LEFT)
    one.assist(c).refused("ClassNotAssistantPermit")
    two.assist(c).ok()
    data = teacher.permit(c).ok()
    assert "assistant_id" not in data and teacher.row(c, two)["status"] == NORMAL


def test_A08_delete_without_the_assistant(teacher, student, c):
    teacher.drop_permit(c).ok()
    teacher.permit(c).ok()
    teacher.drop_permit(c).ok()
    teacher.drop_permit(c).ok()
    teacher.permit(c).ok()
    student.assist(c).ok()
    student.leave(c).ok()
    teacher.drop_permit(c).ok()
    assert teacher.row(c, student)["status"] == LEFT
    assert "assistantPermit" not in teacher.get(c).ok()


def test_A09_who_may_not(teacher, student, other, server, c):
    assistant = person(server)
    first = teacher.permit(c).ok()
    assistant.assist(c).ok()
    student.join(c).ok()
    for who in (assistant, student, other):
        who.permit(c, "[]").denied()
        who.drop_permit(c).denied()
    assert teacher.get_permit(c).ok() == first


def test_A10_readable_by_everybody(teacher, other, c):
    data = teacher.permit(c).ok()
    assert other.get_permit(c).ok() == data


def test_A11_unknown_class(teacher):
    teacher.permit(UNKNOWN).missing()
    teacher.drop_permit(UNKNOWN).missing()
    # The sign-in page of the official client asks while an id is typed; a refusal locks it.
    for unknown in (UNKNOWN, "not-a-class"):
        assert teacher.get_permit(unknown).body == {"success": True}
