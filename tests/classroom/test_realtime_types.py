"""classroom.md 7.5 as data, and each of its rows from each role (9.12 R03, R04, R26, R27, R29; hub.md E3, E4, E20)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from stoa.class_hub import Hall
from stoa.class_media import run
from stoa.class_routes import RIGHTS
from stoa.classroom import fresh, person
from stoa.member import Member, Refused

FORBIDDEN, STRANGER = (1403, "not allowed"), (1403, "not a member")

# Who: T teacher (an admin counts as one), A the assistant, a right's name = the assistant with it, S a student about itself, `any` = everybody who joined.
TABLE: dict[int, tuple[str, ...]] = {
    10001: ("any",), 10003: ("T",), 10004: ("T",), 10005: ("T", "EditAnnouncement"), 10006: ("T", "EditAnnouncement"), 10007: ("T",),
    11001: (), 11002: (), 11003: (), 11004: ("T", "CheckInManagement"), 11111: ("T", "RemoveGroupMessage"),
    20007: ("T", "S"), 20008: ("S",), 20009: ("T",), 20010: ("S",), 20011: ("T",), 20012: ("S",),
    21000: ("T",), 21001: ("T",), 21002: ("T", "A"),
    30001: ("T",), 30002: ("T",), 30003: ("S",), 30004: ("S",), 30010: ("S",), 30011: ("S",), 30012: ("T",), 30013: ("T",), 30014: ("S",),
    30020: ("S",), 30022: ("T",), 30023: ("T",), 30024: ("T",), 30032: ("T",), 30040: ("T",), 30041: ("T",), 30042: ("T",),
    40001: ("A",), 40002: ("T",), 40003: ("T", "Courceware"), 40004: ("T", "RemoveGroupMessage"),
    400001: ("MuteUser",), 400002: ("T",), 400003: ("MuteGroup",), 400004: ("T",),
    50000: ("any",), 59999: ("any",),
    # Listed nowhere.
    9999: (), 12345: (), 60000: (), 61001: (), 0: (), -1: (), 10002: (), 21003: (), 30005: (), 40005: (), 400005: (),
}
# What must have been said before, by whom, about the sender or the student.
BEFORE = {30003: [("T", 30001)], 30004: [("T", 30001)], 30012: [("S", 30010)], 30013: [("S", 30010)], 30014: [("S", 30010), ("T", 30012)]}
RIGHTS_USED = sorted({r for who in TABLE.values() for r in who if len(r) > 1 and r != "any"})
COLUMNS = ["T", "admin", "A", "S", "stranger", *RIGHTS_USED, "all rights"]


def may(kind: int, column: str) -> bool:
    who = TABLE[kind]
    if column == "stranger":
        return False
    if "any" in who:
        return True
    match column:
        case "T" | "admin":
            # What is the student's about itself is anybody's about itself; only the assistant's own are not the teacher's.
            return "T" in who or "S" in who
        case "S":
            return "S" in who
        case "A":
            return "A" in who or "S" in who
        case "all rights":
            return bool(set(who) & {"A", "S", *RIGHTS_USED})
    return bool(set(who) & {"A", "S", column})


@dataclass
class Cast:
    hall: Hall
    teacher: Member
    student: Member
    sender: Member
    name: str


def payload(kind: int, cast: Cast, sender: str, student: str) -> dict[str, Any]:
    """Everything that any type asks for. What a student says is about itself; what the teacher says, about the student."""
    about = sender if "S" in TABLE[kind] else student
    return {
        "sid": fresh("sid"), "content": "x", "studentId": about, "teacherId": cast.hall.teacher.name, "turnOn": True, "muted": False, "removeSids": "a;b",
        "assistantId": sender, "data": [], "allowed": True, "sessionId": f"1_{kind}",
    }


async def prepare(kind: int, cast: Cast, about: str) -> None:
    by = {"T": cast.teacher, "S": cast.sender if about == cast.name else cast.student}
    for who, step in BEFORE.get(kind, []):
        await cast.hall.signal(by[who], step, studentId=about)


@pytest.mark.parametrize("column", COLUMNS)
async def test_R03_E3_every_type_from_every_role(hall, column):
    teaches = await hall.enter(hall.teacher)
    await run(hall.teacher.start, hall.id)
    await run(hall.teacher.set_check_in, hall.id, 600)
    (student_name, student), (_, watcher) = await hall.people(2)
    match column:
        case "T":
            who, sender = hall.teacher, teaches
        case "S":
            who, sender = student_name, student
        case "admin":
            who = person(hall.server, "the-operator")
            sender = await hall.enter(who)
        case "stranger":
            who = person(hall.server)
            sender = await hall.connect(who)
        case _:
            rights = {"A": [], "all rights": RIGHTS}.get(column, [column])
            who = await hall.assistant(*rights)
            sender = await hall.enter(who)
    cast = Cast(hall, teaches, student, sender, who.name)
    passed = []
    for kind in TABLE:
        data = payload(kind, cast, who.name, student_name.name)
        wanted = may(kind, column)
        if wanted and kind in BEFORE:
            await prepare(kind, cast, data["studentId"])
        try:
            await sender.send(hall.id, kind, data)
            got: object = True
        except Refused as e:
            got = (e.code, e.message)
        refused = STRANGER if column == "stranger" else FORBIDDEN
        assert got == (True if wanted else refused), f"{kind} from {column}: {got}"
        if wanted:
            passed.append(kind)
        if kind in (30001, 30012):
            await hall.signal(teaches, 30024, studentId="")  # the stage stays free
    await watcher.quiet()
    seen = [m["type"] for m in watcher.messages() if m["sender"]["userId"] == who.name and not m.get("sys")]
    extra = {step for steps in BEFORE.values() for _, step in steps} | {30024}
    assert [k for k in seen if k not in extra] == [k for k in passed if k not in extra]
    assert set(passed) <= set(seen)


async def test_R04_messages_about_others_and_out_of_turn(hall):
    assistant = await hall.assistant()
    teacher, helper = await hall.enter(hall.teacher), await hall.enter(assistant)
    (who, me), (victim, other) = await hall.people(2)
    await hall.signal(teacher, 30001, studentId=victim.name)
    for kind in (20007, 20008, 20010, 20012, 30003, 30004, 30010, 30011, 30014, 30020):
        assert await hall.no_signal(me, kind, studentId=victim.name, turnOn=True) == FORBIDDEN, kind
    assert await hall.no_signal(helper, 40001, assistantId=who.name) == FORBIDDEN
    assert await hall.no_signal(me, 30003, studentId=who.name) == FORBIDDEN, "without an invitation"
    assert await hall.no_signal(me, 30004, studentId=who.name) == FORBIDDEN
    assert await hall.no_signal(teacher, 30012, studentId=who.name) == FORBIDDEN, "without an application"
    await hall.signal(me, 30010, studentId=who.name)
    await hall.signal(me, 30011, studentId=who.name)
    assert await hall.no_signal(teacher, 30012, studentId=who.name) == FORBIDDEN, "taken back"
    assert await hall.no_signal(me, 30014, studentId=who.name) == FORBIDDEN, "never accepted"
    assert await hall.no_signal(teacher, 11004) == FORBIDDEN, "no check-in runs"
    await run(hall.teacher.set_check_in, hall.id, 600)
    await hall.signal(teacher, 11004)
    for status, start, stop in ((None, False, False), ("start", True, True), ("pause", False, False), ("stop", False, True)):
        if status:
            await run(getattr(hall.teacher, status), hall.id)
        for kind, passes in ((10003, start), (10004, stop)):
            if passes:
                await hall.signal(teacher, kind)
            else:
                assert await hall.no_signal(teacher, kind) == FORBIDDEN, (status, kind)


async def test_E4_a_student_cannot_speak_for_the_server(hall):
    (who, me), (victim, other) = await hall.people(2)
    row = {"class_id": hall.id, "user_id": victim.name, "user_name": "x", "identity": 1, "status": 3}
    for kind in (11001, 11002, 11003, 10003, 10004):
        assert await hall.no_signal(me, kind, **row) == FORBIDDEN
        assert await me.refused("send", groupId=hall.id, type=kind, data=json.dumps(row), sys=True, sender={"userId": "system"}) == FORBIDDEN
    await other.quiet()
    assert not [m for m in other.messages() if m["type"] in (10003, 10004, 11002, 11003)]


async def test_forged_fields_are_the_servers(hall):
    (who, me), (_, other) = await hall.people(2)
    forged = {"sender": {"userId": "system"}, "messageId": "mine", "seqnum": 1, "timestamp": 1, "sys": True}
    sent = await me.send(hall.id, 50000, {"x": 1}, **forged)
    got = await other.message(50000)
    assert got["sender"]["userId"] == who.name and got["messageId"] == sent["messageId"] != "mine"
    assert got["timestamp"] == sent["timestamp"] > 1_000_000_000_000 and not got.get("sys")


async def test_R26_entries_of_30032(hall):
    teacher = await hall.enter(hall.teacher)
    entry = {"user_id": "s", "rtc_pull_url": "x" * 200}
    for count in (0, 10, 32):
        await hall.signal(teacher, 30032, studentId="", data=[entry] * count)
    assert await hall.no_signal(teacher, 30032, studentId="", data=[entry] * 33) == (1400, "bad request")


async def test_R27_no_applications_while_interaction_is_off(hall):
    (who, me), = await hall.people(1)
    await hall.signal(me, 30010, studentId=who.name)
    await run(hall.teacher.meet, hall.id, interaction_allowed=False)
    assert await hall.no_signal(me, 30010, studentId=who.name) == FORBIDDEN
    await run(hall.teacher.meet, hall.id, interaction_allowed=True)
    await hall.signal(me, 30010, studentId=who.name)


async def test_R29_a_late_rejection(hall):
    """Relayed also after 30012 and after 30011. Its 120 seconds are a unit test (`r29_…` in class_rules/tests.rs)."""
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    reject = lambda: hall.signal(teacher, 30013, studentId=who.name, full=True)
    assert await hall.no_signal(teacher, 30013, studentId=who.name) == FORBIDDEN
    await hall.signal(me, 30010, studentId=who.name)
    sent = await reject()
    await me.message(30013, messageId=sent["messageId"])
    await hall.signal(me, 30010, studentId=who.name)
    await hall.signal(teacher, 30012, studentId=who.name)
    await reject()
    await hall.signal(me, 30010, studentId=who.name)
    await hall.signal(me, 30011, studentId=who.name)
    await reject()
