"""The rows of talk.md 9 that need a class: L11, L12, K29–K32, P08, R21, I22, X10, X13, and K15 of classroom.md. 11003 in K29 waits for the message hub."""

from __future__ import annotations

import asyncio

import pytest

from stoa.class_fixtures import c, m, room, student, teacher  # noqa: F401
from stoa.class_media import bot, live, run
from stoa.classroom import IN_CLASS, KICKED, NORMAL, STUDENT, Person, person, until_later
from stoa.crew import PARTICIPANT_REMOVED, ROOM_DELETED
from stoa.media import refused
from stoa.talk import BAD_PARAM, LINGER, NO_CHANNEL, NOT_PERMITTED, SLACK, door
from stoa.wait import until


async def test_L11_status_over_the_life_of_a_class(talk, teacher, c, m):
    assert await talk.status(m) == 1 and m not in await talk.channels()
    await run(teacher.start, c)
    assert await talk.status(m) == 2 and (await talk.channels())[m] == 0
    await asyncio.sleep(LINGER + 1)  # a running class does not linger away
    assert await talk.status(m) == 2
    await run(teacher.pause, c)
    assert await talk.status(m) == 2

    async def ended() -> bool:
        return await talk.status(m) == 1

    await until(ended, LINGER + SLACK, "the paused class's channel ends")
    await run(teacher.start, c)
    assert await talk.status(m) == 2
    await run(teacher.stop, c)
    assert await talk.status(m) == 1 and m not in await talk.channels()


async def test_L11_the_first_join_opens_the_channel(talk, teacher, crew, c, m):
    me = await bot(crew, teacher, c)
    await talk.present(m, teacher.name)
    assert await talk.status(m) == 3
    await me.leave()
    await talk.absent(m, teacher.name)
    assert await talk.status(m) == 2


async def test_L12_queried_by_the_class_id(talk, teacher, crew, c, m):
    await run(teacher.start, c)
    await bot(crew, teacher, c)
    await talk.present(m, teacher.name)
    assert await talk.status(c) == 1 and await talk.users(c) == []


async def test_L21_join_to_a_stopped_class(talk, teacher, c, m, room):
    await run(teacher.stop, c)
    status, text = await door(talk.server.port, room["link_info"]["rtc_token"])
    assert status == 404 and "requested room does not exist" in text
    status, text = await door(talk.server.port, talk.foreign_token("somebody", m))
    assert status == 404 and await talk.status(m) == 1
    (await talk.token(m, "somebody")).expect(NO_CHANNEL)


async def test_K29_K15_a_member_is_kicked_for_a_time(talk, teacher, student, crew, c, m):
    await run(student.join, c)
    me = await bot(crew, student, c)
    await talk.present(m, student.name)
    (await talk.kick(m, student.name, 600)).ok()
    row = await asyncio.to_thread(teacher.row, c, student)
    assert (row["status"], row["identity"]) == (KICKED, STUDENT)
    assert (await me.gone())[0] == PARTICIPANT_REMOVED
    (await asyncio.to_thread(student.join, c)).refused("InBlackList")
    assert "link_info" not in await run(student.get, c)
    assert await talk.lift(m, student.name) == 1
    await run(student.join, c)
    assert (await asyncio.to_thread(teacher.row, c, student))["status"] == NORMAL
    # Lifted by the class API as well.
    (await talk.kick(m, student.name, 600)).ok()
    await run(teacher.unkick, c, student)
    assert await talk.bans(ChannelID=m) == []
    await run(student.join, c)


@pytest.mark.parametrize("secs", [..., 0])
async def test_K30_without_time(talk, teacher, student, c, m, secs):
    await run(student.join, c)
    before = await asyncio.to_thread(teacher.row, c, student)
    (await talk.kick(m, student.name, secs)).ok()
    assert (await asyncio.to_thread(teacher.row, c, student))["status"] == KICKED
    await asyncio.to_thread(until_later, before["join_time"])
    await run(student.join, c)
    after = await asyncio.to_thread(teacher.row, c, student)
    assert after["status"] == NORMAL and after["join_time"] > before["join_time"]


async def test_K31_kick_class_is_listed_and_lifted(talk, teacher, student, c, m):
    await run(student.join, c)
    await run(teacher.kick, c, student, ban_seconds=600)
    (ban,) = await talk.bans(ChannelID=m)
    assert (ban["UserID"], ban["Source"], ban["ChannelID"], ban["OpUser"]) == (student.name, "class", m, teacher.name)
    assert 590 <= ban["Remaining"] <= 600
    assert await talk.lift(m, student.name) == 1
    await run(student.join, c)


async def test_K32_the_teacher(talk, teacher, crew, c, m):
    await run(teacher.join, c)
    await run(teacher.start, c)
    me = await bot(crew, teacher, c)
    await talk.present(m, teacher.name)
    (await talk.kick(m, teacher.name, 600)).ok()
    assert (await me.gone())[0] == PARTICIPANT_REMOVED
    other = person(talk.server, "the-operator")
    row = await asyncio.to_thread(other.row, c, teacher)
    assert (row["status"], row["identity"]) == (KICKED, 3)
    assert (await run(teacher.get, c))["status"] == IN_CLASS


async def test_K29_a_kick_takes_off_the_stage(talk, teacher, student, c, m):
    await run(student.join, c)
    await run(teacher.stage, c, teacher, student)
    (await talk.kick(m, student.name, 0)).ok()
    assert [one["user_id"] for one in (await run(teacher.info, c))["members"]] == [teacher.name]


async def test_P08_speakers_of_a_class(talk, teacher, student, stage, c, m, room):
    await run(student.join, c)
    await run(teacher.stage, c, student)
    await live(stage, teacher, room)
    me = await live(stage, student, room)
    await talk.present(m, student.name)
    assert await talk.speakers(m) == []
    await me.microphone()

    async def speak(*names: str) -> bool:
        return await talk.speakers(m) == list(names)

    await until(lambda: speak(student.name), 5, "the student is a speaker")
    await run(teacher.meet, c, members=[])
    await until(lambda: speak(), 5, "off the stage, and no speaker")


async def test_R21_a_stay_in_a_class(talk, teacher, crew, c, m):
    me = await bot(crew, teacher, c)
    await talk.present(m, teacher.name)
    await me.leave()
    (call,) = await talk.closed_calls(teacher.name, 1)
    assert call["ChannelID"] == m


async def test_I22_a_student_on_stage_becomes_a_listener(talk, teacher, student, stage, c, m, room):
    await run(student.join, c)
    await run(teacher.stage, c, teacher, student)
    watcher, me = await live(stage, teacher, room), await live(stage, student, room)
    await talk.present(m, student.name)
    await me.sing(700)
    await watcher.wait_hears(me, 700)
    before = await asyncio.to_thread(teacher.row, c, student)
    (await talk.identity(m, student.name, 3)).ok()
    await until(lambda: not watcher.sees_track_of(me), 3, "the publication is gone")
    assert [one["user_id"] for one in (await run(teacher.info, c))["members"]] == [teacher.name]
    assert (await asyncio.to_thread(teacher.row, c, student)) == before
    await me.hush()
    # `members` does not help while an administrator says otherwise.
    await run(teacher.stage, c, teacher, student)
    await refused(me, [watcher], 800)


async def test_I22_an_assistant_without_a_set_identity(talk, teacher, server, stage, c, m, room):
    assistant = person(server)
    await run(teacher.permit, c)
    await run(assistant.assist, c)
    watcher, me = await live(stage, teacher, room), await live(stage, assistant, room)
    await talk.present(m, assistant.name)
    assert (await talk.detail(m, assistant.name))["IdentityType"] == 2
    assert (await talk.detail(m, teacher.name))["IdentityType"] == 5
    await refused(me, [watcher], 700)
    await run(teacher.stage, c, assistant)
    await me.sing(800)
    await watcher.wait_hears(me, 800)


async def test_identity_one_publishes_without_the_stage(talk, teacher, student, stage, c, m, room):
    """classroom.md 5.6: rights given through this API come on top; a mute always wins."""
    await run(student.join, c)
    watcher, me = await live(stage, teacher, room), await live(stage, student, room)
    await talk.present(m, student.name)
    (await talk.identity(m, student.name, 1)).ok()
    await me.sing(700)
    await watcher.wait_hears(me, 700)
    (await talk.mute(m, student.name, Audio=1)).ok()
    await until(lambda: not watcher.hears(me, 700), 3, "muted")


async def test_X10_dismissing_a_class_stops_it(talk, teacher, crew, c, m):
    await run(teacher.start, c)
    me = await bot(crew, teacher, c)
    await talk.present(m, teacher.name)
    assert (await talk.dismiss(m)).ok()["UserCount"] == 1
    assert (await me.gone())[0] == ROOM_DELETED
    got = await run(teacher.get, c)
    assert got["status"] == 2 and "stopped_at" in got
    assert await talk.status(m) == 1


async def test_X13_no_grants_in_a_class(talk, teacher, student, crew, c, m):
    await run(student.join, c)
    await bot(crew, student, c)
    await talk.present(m, student.name)
    (await talk.mic(m, student.name, 1)).expect(NOT_PERMITTED)


async def test_a_guest_of_the_class_only_listens(talk, teacher, student, stage, c, m, room):
    """7.2: a token of create_talk_token lets a user in without a member row."""
    await run(teacher.start, c)
    watcher = await live(stage, teacher, room)
    guest = await talk.enter(stage, m, IdentityType=1)
    assert guest.name not in await asyncio.to_thread(teacher.rows, c)
    await refused(guest, [watcher], 700)
    await watcher.sing(500)
    await guest.wait_hears(watcher, 500)
    (await talk.token(m, "bob_shadow")).expect(BAD_PARAM)
