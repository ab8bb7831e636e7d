"""classroom.md 5.6: messages that move the stage and its switches, on the hub, and what the media engine makes of them (9.11 X03, X09; 9.12 R28)."""

from __future__ import annotations

import json
import time

import pytest
from livekit import rtc

from stoa.class_hub import Hall
from stoa.class_media import bot, live, run
from stoa.media import refused, stays_unheard
from stoa.wait import until

# What only the media engine decides does not depend on the database.
sqlite_only = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
AUDIO, VIDEO = rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO
FORBIDDEN, FULL = (1403, "not allowed"), (1403, "stage full")


def room_of(hall: Hall) -> dict:
    return {"id": hall.id, "meeting_id": hall.meeting}


async def test_R28_a_full_stage(own_server):
    server = own_server({"class.stage_max": 2})
    async with Hall(server) as hall:
        teacher = await hall.enter(hall.teacher)
        people = await hall.people(3)
        for who, one in people:
            await hall.signal(one, 30010, studentId=who.name)
        (first, _), (second, _), (third, me) = people
        for who in (first, second):
            await hall.signal(teacher, 30012, studentId=who.name)
        for kind in (30012, 30001):
            assert await hall.no_signal(teacher, kind, studentId=third.name) == FULL
        assert await hall.no_signal(me, 30014, studentId=third.name) == FORBIDDEN, "as if it had been accepted"
        assert await hall.no_signal(me, 30003, studentId=third.name) == FORBIDDEN, "as if it had been invited"
        await me.quiet()
        assert not [m for m in me.messages() if json.loads(m["data"]).get("studentId") == third.name and m["type"] in (30001, 30012)]
        # Who is on it may be invited again; and a free place is taken.
        await hall.signal(teacher, 30001, studentId=first.name)
        await hall.signal(teacher, 30023, studentId=second.name)
        await hall.signal(teacher, 30012, studentId=third.name)
        await hall.signal(me, 30014, studentId=third.name)
        assert await hall.no_signal(teacher, 30001, studentId=second.name) == FULL


@sqlite_only
async def test_X03_S_b_from_application_to_the_end(hall, stage):
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    watcher, student = await live(stage, hall.teacher, room_of(hall)), await live(stage, who, room_of(hall))
    await refused(student, [watcher], 500)
    await hall.signal(me, 30010, studentId=who.name)
    await hall.signal(teacher, 30012, studentId=who.name)
    await student.sing(600)
    await watcher.wait_hears(student, 600)
    await hall.signal(me, 30014, studentId=who.name)
    # Another update of the list, and of the rest, does not throw the provisional one off.
    await run(hall.teacher.stage, hall.id, hall.teacher)
    await run(hall.teacher.meet, hall.id, all_mute=False)
    await flows(watcher, student, AUDIO)
    assert watcher.hears(student, 600)
    await run(hall.teacher.stage, hall.id, hall.teacher, who)
    await hall.signal(me, 30020, studentId=who.name)
    await hall.signal(teacher, 30022, studentId=who.name)
    await until(lambda: not watcher.hears(student, 600), 1, "the student is off the stage")
    await until(lambda: not watcher.sees_track_of(student), 2, "the publication is gone")
    await student.hush()
    await refused(student, [watcher], 700)


def leaving() -> dict[str, tuple[str, int, dict]]:
    """Messages that end a place: by whom, and what goes with them."""
    return {
        "30002": ("T", 30002, {}), "30004": ("S", 30004, {}), "30013": ("T", 30013, {}), "30022": ("T", 30022, {}), "30023": ("T", 30023, {}),
        "30024": ("T", 30024, {"studentId": ""}), "10007": ("T", 10007, {}), "10004": ("T", 10004, {}),
    }


@sqlite_only
@pytest.mark.parametrize("name", leaving())
async def test_messages_that_end_a_place(hall, crew, name):
    by, kind, more = leaving()[name]
    await run(hall.teacher.start, hall.id)
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    watcher = await bot(crew, hall.teacher, hall.id)
    await hall.signal(me, 30010, studentId=who.name)
    await hall.signal(teacher, 30001, studentId=who.name)
    student = await bot(crew, who, hall.id)
    await student.publish(stubborn=True)
    await watcher.hears(student, 25)
    await hall.signal(teacher if by == "T" else me, kind, **({"studentId": who.name} | more))
    told = time.time()
    control = await bot(crew, hall.teacher, hall.id, shadow=True)
    await control.publish()
    await watcher.hears(control, 75)  # a second and a half of chances
    assert (await watcher.heard(student))["last"] - told < 1


@sqlite_only
async def test_R30_the_assistant_by_messages(hall, crew):
    assistant = await hall.assistant()
    teacher, helper = await hall.enter(hall.teacher), await hall.enter(assistant)
    watcher = await bot(crew, hall.teacher, hall.id)
    await hall.signal(helper, 30010, studentId=assistant.name)
    await hall.signal(teacher, 30012, studentId=assistant.name)
    body = await bot(crew, assistant, hall.id)
    await body.publish()
    await watcher.hears(body, 25)


async def packets(client, speaker, kind: int) -> int:
    """RTP packets of that kind received so far from that speaker."""
    other = client.room.remote_participants.get(speaker.name)
    for publication in other.track_publications.values() if other else ():
        if publication.kind == kind and publication.track is not None:
            for one in await publication.track.get_stats():
                if one.HasField("inbound_rtp"):
                    return one.inbound_rtp.received.packets_received
    return 0


async def flows(client, speaker, kind: int, more: int = 20) -> None:
    before = await packets(client, speaker, kind)

    async def more_came() -> bool:
        return await packets(client, speaker, kind) >= before + more

    await until(more_came, 8, f"{speaker.name} flows")


async def stands(client, speaker, kind: int, seconds: float = 1.0) -> None:
    """Waits until nothing comes for that long."""
    last, since = -1, time.monotonic()

    async def still() -> bool:
        nonlocal last, since
        now = await packets(client, speaker, kind)
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= seconds

    await until(still, 5 + seconds, f"{speaker.name} stands still")


async def on_stage(hall: Hall, stage, *people):
    await run(hall.teacher.stage, hall.id, *people)
    return [await live(stage, who, room_of(hall)) for who in people]


@sqlite_only
async def test_X09_microphone_and_camera_are_switched_by_the_teacher(hall, stage):
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    watcher, = await on_stage(hall, stage, hall.teacher)
    await run(hall.teacher.stage, hall.id, hall.teacher, who)
    student = await live(stage, who, room_of(hall))
    await student.sing(600)
    await student.camera()
    await watcher.wait_hears(student, 600)
    await flows(watcher, student, VIDEO)
    await hall.signal(teacher, 20009, studentId=who.name, turnOn=False)
    event = await me.event("muteMic")
    assert (event["userId"], event["on"]) == (who.name, True)
    await until(lambda: not watcher.hears(student, 600), 2, "the microphone is off")
    await stays_unheard([watcher], student, 600)
    await flows(watcher, student, VIDEO)
    await hall.signal(teacher, 20011, studentId=who.name, turnOn=False)
    await stands(watcher, student, VIDEO)
    # A new session of the student changes nothing.
    await student.close()
    again = await live(stage, who, room_of(hall))
    await again.sing(600)
    await again.camera()
    await until(lambda: watcher.sees_track_of(again), 5, "published again")
    await stays_unheard([watcher], again, 600)
    await stands(watcher, again, VIDEO)
    # The switches end with the place on the stage.
    await run(hall.teacher.stage, hall.id, hall.teacher)
    await run(hall.teacher.stage, hall.id, hall.teacher, who)
    await again.close()
    third = await live(stage, who, room_of(hall))
    await third.sing(700)
    await watcher.wait_hears(third, 700)


@sqlite_only
async def test_X09_allowed_again(hall, crew):
    """A client that never stops sending is heard as soon as it may be."""
    teacher = await hall.enter(hall.teacher)
    (who, _), = await hall.people(1)
    await run(hall.teacher.stage, hall.id, who)
    watcher, student = await bot(crew, hall.teacher, hall.id), await bot(crew, who, hall.id)
    await student.publish(stubborn=True)
    await watcher.hears(student, 25)
    for kind, off, on in ((20009, {"turnOn": False}, {"turnOn": True}), (30041, {"muted": True}, {"muted": False})):
        await hall.signal(teacher, kind, studentId=who.name if kind == 20009 else "", **off)
        told = time.time()
        control = await bot(crew, hall.teacher, hall.id, shadow=True)
        await control.publish()
        await watcher.hears(control, 75)
        assert (await watcher.heard(student))["last"] - told < 1, kind
        await hall.signal(teacher, kind, studentId=who.name if kind == 20009 else "", **on)
        await watcher.hears(student, 25)
        await control.leave()


@sqlite_only
async def test_X09_the_last_word_counts(hall, crew):
    """As the official client shows it: one alone and all, in either order; and its teacher, on entering, says that nobody is muted."""
    teacher = await hall.enter(hall.teacher)
    (who, _), = await hall.people(1)
    await run(hall.teacher.stage, hall.id, who)
    watcher, student = await bot(crew, hall.teacher, hall.id), await bot(crew, who, hall.id)
    control = await bot(crew, hall.teacher, hall.id, shadow=True)
    await control.publish()
    await student.publish(stubborn=True)
    await watcher.hears(student, 25)

    async def one(on: bool) -> None:
        await hall.signal(teacher, 20009, studentId=who.name, turnOn=on)

    async def everybody(on: bool) -> None:
        await hall.signal(teacher, 30041, studentId="", muted=not on)

    async def of_the_meeting(on: bool) -> None:
        await run(hall.teacher.meet, hall.id, all_mute=not on)

    for mutes, allows in ((one, everybody), (everybody, one), (everybody, of_the_meeting), (of_the_meeting, everybody)):
        await mutes(False)
        told = time.time()
        await watcher.hears(control, 75)
        assert (await watcher.heard(student))["last"] - told < 1, mutes.__name__
        await allows(True)
        await watcher.hears(student, 25)
    # What is said of the meeting again, and was so, takes no single switch back.
    await one(False)
    told = time.time()
    await run(hall.teacher.meet, hall.id, all_mute=False)
    await watcher.hears(control, 75)
    assert (await watcher.heard(student))["last"] - told < 1


@sqlite_only
async def test_X09_all_microphones_off(hall, stage):
    """Also of who enters later; never the teacher's."""
    teacher = await hall.enter(hall.teacher)
    (one, me), (two, _) = await hall.people(2)
    boss, first = await on_stage(hall, stage, hall.teacher, one)
    await first.sing(500)
    await boss.wait_hears(first, 500)
    await hall.signal(teacher, 30041, studentId="", muted=True)
    event = await me.event("muteMic")
    assert (event["userId"], event["on"], event["except"]) == ("*", True, [hall.teacher.name])
    await until(lambda: not boss.hears(first, 500), 2, "all are off")
    await run(hall.teacher.stage, hall.id, hall.teacher, one, two)
    later = await live(stage, two, room_of(hall))
    await later.sing(700)
    await boss.sing(900)
    await first.wait_hears(boss, 900)
    await stays_unheard([boss], first, 500)
    await stays_unheard([boss], later, 700)
    assert (await hall.no_signal(me, 30041, studentId="", muted=False)) == FORBIDDEN
    sent = await hall.signal(teacher, 30041, studentId="", muted=False)
    await me.message(30041, messageId=sent["messageId"])
    assert me.of("muteMic")[-1]["on"] is False
