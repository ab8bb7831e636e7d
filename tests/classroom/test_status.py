"""classroom.md 9.4: start, stop, pause. S13, S14: test_realtime_members.py; S11 with both databases here; S12 in test_durability.py."""

from __future__ import annotations

import asyncio
import time

import pytest

from stoa.classroom import ENDED, IN_CLASS, PREPARING, UNKNOWN, Throng, instant, person, until_later
from stoa.crew import ROOM_DELETED
from stoa.talk import door

CALLS = ("start", "stop", "pause")


def test_S01_S02_start(teacher, c):
    created = teacher.get(c).ok()
    until_later(created["updated_at"])
    before = int(time.time())
    first = teacher.start(c).ok()
    assert first["status"] == IN_CLASS and before <= instant(first["started_at"]) <= time.time()
    assert first["updated_at"] > created["updated_at"] and "stopped_at" not in first
    until_later(first["started_at"])
    again = teacher.start(c).ok()
    assert (again["status"], again["started_at"], again["updated_at"]) == (IN_CLASS, first["started_at"], first["updated_at"])


def test_S03_S04_pause(teacher, c):
    assert teacher.pause(c).ok()["status"] == PREPARING
    assert "started_at" not in teacher.get(c).ok()
    started = teacher.start(c).ok()["started_at"]
    paused = teacher.pause(c).ok()
    assert (paused["status"], paused["started_at"]) == (PREPARING, started) and "stopped_at" not in paused
    until_later(started)
    assert teacher.start(c).ok()["started_at"] > started


def test_S05_S06_stop(teacher, c):
    teacher.start(c).ok()
    stopped = teacher.stop(c).ok()
    assert stopped["status"] == ENDED and abs(instant(stopped["stopped_at"]) - time.time()) < 3
    until_later(stopped["stopped_at"])
    again = teacher.stop(c).ok()
    assert (again["stopped_at"], again["updated_at"]) == (stopped["stopped_at"], stopped["updated_at"])


def test_S05_stop_without_start(teacher, c):
    stopped = teacher.stop(c).ok()
    assert stopped["status"] == ENDED and "started_at" not in stopped and "stopped_at" in stopped


async def test_S05_media_ends_with_the_class(server, teacher, student, crew, room):
    c = room["id"]
    (await asyncio.to_thread(student.join, c)).ok()
    (await asyncio.to_thread(teacher.start, c)).ok()
    token = (await asyncio.to_thread(student.get, c)).ok()["link_info"]["rtc_token"]
    bot = await crew.join(f"ws://127.0.0.1:{server.port}", token)
    began = time.monotonic()
    (await asyncio.to_thread(teacher.stop, c)).ok()
    reason, _ = await bot.gone()
    assert reason == ROOM_DELETED and time.monotonic() - began < 1.5
    status, text = await door(server.port, token)
    assert status == 404 and "requested room does not exist" in text
    # Started again it gets its channel back.
    (await asyncio.to_thread(teacher.start, c)).ok()
    assert (await door(server.port, token))[0] == 101


def test_S07_start_after_stop(teacher, c):
    teacher.start(c).ok()
    stopped = teacher.stop(c).ok()["stopped_at"]
    until_later(stopped)
    again = teacher.start(c).ok()
    assert again["status"] == IN_CLASS and again["stopped_at"] == stopped < again["started_at"]
    assert teacher.pause(c).ok()["status"] == PREPARING


def test_S07_pause_of_an_ended_class(teacher, c):
    stopped = teacher.stop(c).ok()["stopped_at"]
    paused = teacher.pause(c).ok()
    assert (paused["status"], paused["stopped_at"]) == (PREPARING, stopped)


@pytest.mark.parametrize("call", CALLS)
def test_S08_only_the_teacher(teacher, student, other, server, c, call):
    assistant = person(server)
    teacher.permit(c).ok()
    assistant.assist(c).ok()
    student.join(c).ok()
    before = teacher.start(c).ok()
    for who in (student, assistant, other):
        who.call(call, {"id": c, "user_id": who.name}).denied()
        who.call(call, {"id": c, "user_id": teacher.name}).denied()
    after = teacher.get(c).ok()
    assert all(after[k] == before[k] for k in ("status", "started_at", "updated_at")) and "stopped_at" not in after


@pytest.mark.parametrize("call", CALLS)
def test_S09_unknown_class(teacher, call):
    teacher.call(call, {"id": UNKNOWN, "user_id": teacher.name}).missing()
    teacher.call(call, {"id": "nonsense", "user_id": teacher.name}).missing()


@pytest.mark.parametrize("call", CALLS)
def test_S10_switch_class_status_grants_nothing(teacher, server, c, call):
    assistant = person(server)
    teacher.permit(c, '["SwitchClassStatus"]').ok()
    assistant.assist(c).ok()
    assistant.call(call, {"id": c, "user_id": assistant.name}).denied()


async def test_S11_fifty_at_once(server, teacher):
    async with Throng(50) as throng:
        for _ in range(5):
            c = (await throng.create(teacher))["id"]
            body = {"id": c, "user_id": teacher.name}
            replies = await asyncio.gather(*(throng.call(teacher, ("start", "stop")[n % 2], body) for n in range(50)))
            shown = [r.ok() for r in replies]
            # Each answer is the record right after its own change, or after a later one.
            assert {one["status"] for one in shown} <= {IN_CLASS, ENDED}
            final = await throng.get(teacher, c)
            latest = max(one["updated_at"] for one in shown)
            assert final["updated_at"] == latest and final["status"] in {one["status"] for one in shown if one["updated_at"] == latest}
            assert "started_at" in final and "stopped_at" in final


def test_admin_teaches_every_class(teacher, root, c):
    assert root.start(c).ok()["status"] == IN_CLASS
    assert root.pause(c, user_id=teacher.name).ok()["status"] == PREPARING
    assert root.stop(c).ok()["status"] == ENDED
