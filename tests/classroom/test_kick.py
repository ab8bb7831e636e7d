"""classroom.md 9.5, K: kicks and bans. 11003, `exit` and hub functions (K01, K02, K11 in part): test_realtime_members.py; K05 in test_durability.py; push and play of K02 in test_media.py."""

from __future__ import annotations

import asyncio
import time

import pytest

from stoa.class_media import address, becomes, bot, live, run
from stoa.classroom import ASSISTANT, KICKED, NORMAL, STUDENT, UNKNOWN, Throng, people, person
from stoa.crew import PARTICIPANT_REMOVED, Refused
from stoa.media import refused
from stoa.talk import door
from stoa.wait import until, until_sync


def test_K01_kick(teacher, student, c):
    student.join(c).ok()
    before = teacher.row(c, student)
    assert teacher.kick(c, student).body == {"success": True}
    assert teacher.row(c, student) == before | {"status": KICKED}


def test_K02_after_the_kick(teacher, student, room):
    c = room["id"]
    student.join(c).ok()
    teacher.kick(c, student).ok()
    student.join(c).refused("InBlackList")
    student.assist(c).refused("InBlackList")
    student.leave(c).refused("NotInClass")
    student.rtc(room["meeting_id"]).denied()
    student.members(c).denied()
    student.info(c).denied()
    assert "link_info" not in student.get(c).ok()


async def test_K02_media_with_the_earlier_tokens(server, teacher, student, crew, room):
    c = room["id"]
    await run(student.join, c)
    got = await run(student.get, c)
    tokens = [got["link_info"]["rtc_token"], got["shadow_link_info"]["rtc_token"], (await asyncio.to_thread(student.rtc, room["meeting_id"]))["auth_token"]]
    me = await bot(crew, student, c)
    shadow = await bot(crew, student, c, shadow=True)
    began = time.monotonic()
    await run(teacher.kick, c, student)
    for one in (me, shadow):
        assert (await one.gone())[0] == PARTICIPANT_REMOVED
    assert time.monotonic() - began < 2
    for token in tokens:
        assert (await door(server.port, token))[0] == 403
        with pytest.raises(Refused):
            await crew.join(address(student), token, early=True)


async def test_K03_no_packet_after_the_kick(teacher, student, crew, room):
    c = room["id"]
    await run(student.join, c)
    await run(teacher.stage, c, student)
    watcher, me = await bot(crew, teacher, c), await bot(crew, student, c)
    await me.publish(stubborn=True)
    await watcher.hears(me, 25)
    await run(teacher.kick, c, student)
    replied = time.time()
    control = await bot(crew, teacher, c, shadow=True)
    await control.publish()
    await watcher.hears(control, 75)  # a second and a half of chances
    assert (await watcher.heard(me))["last"] - replied < 1


def test_K04_end_of_a_ban(teacher, student, c):
    student.join(c).ok()
    first = teacher.row(c, student)["join_time"]
    began = time.time()
    teacher.kick(c, student, ban_seconds=2).ok()
    student.join(c).refused("InBlackList")
    until_sync(lambda: student.join(c).outcome == "yes", 8, "the ban ends")
    assert time.time() - began >= 1.9
    row = teacher.row(c, student)
    assert row["status"] == NORMAL and row["join_time"] > first


def test_K06_kick_in_advance(teacher, student, c):
    teacher.kick(c, student).ok()
    assert student.name not in teacher.rows(c)
    student.join(c).refused("InBlackList")
    assert student.name not in teacher.rows(c)


@pytest.mark.parametrize("count", [2, 50])
async def test_K07_kicks_at_once(server, teacher, student, c, count):
    async with Throng(50) as throng:
        (await throng.join(student, c)).ok()
        body = {"class_id": c, "user_id": student.name}
        replies = await asyncio.gather(*(throng.call(teacher, "kickClass", body) for _ in range(count)))
        assert all(r.ok() is None for r in replies)
        (await throng.join(student, c)).refused("InBlackList")
        # One lift ends it: there was one ban.
        (await throng.call(teacher, "cancelKick", body)).ok()
        (await throng.join(student, c)).ok()


def test_K08_the_protected(teacher, student, root, server, c):
    assistant = person(server)
    teacher.permit(c, '["MemberManagement"]').ok()
    teacher.join(c).ok()
    student.join(c).ok()
    assistant.assist(c).ok()
    for who in (teacher, assistant, root):
        who.kick(c, teacher).denied()
        who.kick(c, assistant).denied()
        who.kick(c, who).denied()
    assert {row["status"] for row in teacher.rows(c).values()} == {NORMAL}
    assistant.kick(c, student).ok()
    assert teacher.row(c, student)["status"] == KICKED


def test_K09_assistant_who_left(teacher, server, c):
    one, two = people(server, 2)
    teacher.permit(c).ok()
    one.assist(c).ok()
    one.leave(c).ok()
    teacher.kick(c, one).ok()
    row = teacher.row(c, one)
    assert (row["status"], row["identity"]) == (KICKED, STUDENT)
    assert "assistantPermit" not in teacher.get(c).ok()
    one.assist(c).refused("InBlackList")
    two.assist(c).ok()
    assert teacher.row(c, two)["identity"] == ASSISTANT


def test_K10_without_a_ban(teacher, student, c):
    student.join(c).ok()
    teacher.kick(c, student, ban_seconds=0).ok()
    assert teacher.row(c, student)["status"] == KICKED
    student.members(c).denied()
    student.join(c).ok()
    assert teacher.row(c, student)["status"] == NORMAL


async def test_K10_without_a_ban_puts_out(teacher, student, crew, c):
    await run(student.join, c)
    me = await bot(crew, student, c)
    await run(teacher.kick, c, student, ban_seconds=0)
    assert (await me.gone())[0] == PARTICIPANT_REMOVED
    assert (await door(student.http.port, me.token))[0] == 401, "a token of before works again"
    await run(student.join, c)
    await bot(crew, student, c)


@pytest.mark.parametrize("sent", [60, "60", " 60 ", 60.0])
def test_K10_lengths(teacher, student, c, sent):
    student.join(c).ok()
    teacher.kick(c, student, ban_seconds=sent).ok()
    student.join(c).refused("InBlackList")


def test_K10_negative(teacher, student, c):
    student.join(c).ok()
    teacher.kick(c, student, ban_seconds=-1).bad("ban_seconds")
    assert teacher.row(c, student)["status"] == NORMAL


def test_K10_a_new_kick_renews_the_end(teacher, student, c):
    teacher.kick(c, student).ok()
    teacher.kick(c, student, ban_seconds=1).ok()
    until_sync(lambda: student.join(c).outcome == "yes", 8, "the shorter ban ends")


def test_K11_mute_after_the_kick(teacher, student, server, c):
    assistant = person(server)
    teacher.permit(c, '["MemberManagement"]').ok()
    assistant.assist(c).ok()
    student.join(c).ok()
    assistant.mute(c, student).denied()
    assistant.kick(c, student).ok()
    for who in (teacher, assistant):
        assert who.mute(c, student).ok() == {"result": True}
        assert who.room_call("cancelMuteUser", c, user_id=student.name).ok() == {"result": True}
    teacher.unkick(c, student).ok()
    student.join(c).ok()
    assert student.get(c).ok()["user_status"] == {"mute": False, "mute_source": []}


def test_K12_kick_of_somebody_on_stage(teacher, student, other, room):
    c = room["id"]
    student.join(c).ok()
    other.join(c).ok()
    teacher.stage(c, teacher, student, other).ok()
    teacher.meet(c, all_mute=True).ok()
    teacher.kick(c, student).ok()
    info = teacher.info(c).ok()
    assert [m["user_id"] for m in info["members"]] == [teacher.name, other.name] and info["all_mute"] is True


async def test_K12_the_stage_is_left(teacher, student, stage, room):
    c = room["id"]
    await run(student.join, c)
    await run(teacher.stage, c, student)
    await run(teacher.kick, c, student, ban_seconds=0)
    await run(student.join, c)
    watcher, again = await live(stage, teacher, room), await live(stage, student, room)
    await refused(again, [watcher], 700)


def test_K13_cancel(teacher, student, c):
    student.join(c).ok()
    teacher.kick(c, student).ok()
    for _ in range(2):
        assert teacher.unkick(c, student).body == {"success": True}
    assert teacher.row(c, student)["status"] == KICKED
    student.join(c).ok()
    assert teacher.row(c, student)["status"] == NORMAL


def test_K14_who_may_not(teacher, student, other, server, c):
    assistant = person(server)
    teacher.permit(c, '["MuteUser","Courceware"]').ok()
    assistant.assist(c).ok()
    for one in (student, other):
        one.join(c).ok()
    for who in (student, assistant):
        who.kick(c, other).denied()
        who.unkick(c, other).denied()
    assert teacher.row(c, other)["status"] == NORMAL
    teacher.kick(UNKNOWN, other).missing()
    teacher.unkick(UNKNOWN, other).missing()


def test_kick_lasts_a_year_and_over_the_end_of_the_class(teacher, student, c):
    student.join(c).ok()
    teacher.kick(c, student).ok()
    teacher.stop(c).ok()
    student.join(c).refused("InBlackList")
    teacher.start(c).ok()
    student.join(c).refused("InBlackList")


def test_kick_ban_is_configured(own_server):
    server = own_server({"class.kick_ban": 1})
    t, s = people(server, 2)
    c = t.klass()["id"]
    t.kick(c, s).ok()
    s.join(c).refused("InBlackList")
    until_sync(lambda: s.join(c).outcome == "yes", 8, "the ban ends")


async def test_kick_ends_presence_for_the_others(teacher, student, stage, room):
    c = room["id"]
    await run(student.join, c)
    watcher, victim = await live(stage, teacher, room), await live(stage, student, room)
    await until(lambda: student.name in watcher.room.remote_participants, 5, "both see each other")
    await run(teacher.kick, c, student)
    await until(lambda: student.name not in watcher.room.remote_participants, 2, "the victim is gone")
    await asyncio.wait_for(victim.disconnected, 5)
    await becomes(teacher, c, student, KICKED, 1)
