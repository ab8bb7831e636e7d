"""classroom.md 9.9: check-ins. Q13 in test_durability.py."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

import pytest

from stoa.class_routes import BARE, V1
from stoa.classroom import ID, UNKNOWN, ZONE, Throng, people, person, post
from stoa.wait import until_next_millisecond, until_sync

TIME = "%Y-%m-%dT%H:%M:%S"


def seconds(text: str) -> float:
    return datetime.strptime(text, TIME).replace(tzinfo=ZONE).timestamp()


def check(one: dict, duration: int) -> None:
    """A check-in as in 4.24."""
    assert set(one) == {"id", "start_time", "now_time", "duration"} and one["duration"] == duration and ID.fullmatch(one["id"])
    assert seconds(one["start_time"]) <= seconds(one["now_time"]) <= time.time()


@pytest.mark.parametrize("prefix", [BARE, V1])
def test_Q01_set(server, teacher, c, prefix):
    call = lambda route, body: post(server.http, prefix + route, body, token=teacher.token)
    one = call("setCheckIn", {"class_id": c, "user_id": teacher.name, "duration": 60}).ok()
    check(one, 60)
    assert abs(seconds(one["now_time"]) - time.time()) < 3
    running = call("getRunningCheckIn", {"class_id": c}).ok()
    assert {k: v for k, v in running.items() if k != "now_time"} == {k: v for k, v in one.items() if k != "now_time"}
    assert [o["id"] for o in call("getAllCheckIns", {"class_id": c}).ok()] == [one["id"]]
    teacher.join(c).ok()
    call("checkIn", {"check_in_id": one["id"], "user_id": teacher.name}).ok()
    (record,) = call("getCheckInRecords", {"check_in_id": one["id"]}).ok()
    assert call("getCheckInRecordByUserId", {"check_in_id": one["id"], "user_id": teacher.name}).ok() == record
    assert set(record) == {"user_id", "time", "check_in_id", "class_id"}
    assert (record["user_id"], record["check_in_id"], record["class_id"]) == (teacher.name, one["id"], c)
    assert abs(seconds(record["time"]) - time.time()) < 3


def test_Q02_one_at_a_time(teacher, c):
    first = teacher.set_check_in(c, 1).ok()
    teacher.set_check_in(c).conflict("AlreadyCheckIn")
    until_sync(lambda: teacher.call("getRunningCheckIn", {"class_id": c}).outcome == "404", 4, "it ends")
    assert teacher.set_check_in(c).ok()["id"] != first["id"]
    # Of another class.
    teacher.set_check_in(teacher.klass()["id"]).ok()


async def test_Q03_a_hundred_at_once(server, teacher, c):
    async with Throng(100) as throng:
        body = {"class_id": c, "user_id": teacher.name, "duration": 60}
        replies = await asyncio.gather(*(throng.call(teacher, "setCheckIn", body) for _ in range(100)))
    good = [r for r in replies if r.outcome == "yes"]
    assert len(good) == 1
    for r in replies:
        if r is not good[0]:
            r.conflict("AlreadyCheckIn")
    all_of_them = await asyncio.to_thread(teacher.call, "getAllCheckIns", {"class_id": c})
    assert [o["id"] for o in all_of_them.ok()] == [good[0].ok()["id"]]


@pytest.mark.parametrize("duration", [0, -1, 86_401, 2**40])
def test_Q04_bad_durations(teacher, c, duration):
    teacher.set_check_in(c, duration).bad("duration")


@pytest.mark.parametrize("sent,stored", [("60", 60), (1, 1), (86_400, 86_400), (30.0, 30)])
def test_Q04_good_durations(teacher, c, sent, stored):
    check(teacher.set_check_in(c, sent).ok(), stored)


def test_Q05_who_may(teacher, student, server, c):
    assistant = person(server)
    teacher.permit(c, ["MemberManagement"]).ok()
    assistant.assist(c).ok()
    student.join(c).ok()
    student.set_check_in(c).denied()  # with the text `NotPermit`, which the client shows
    assistant.set_check_in(c).denied()
    teacher.permit(c, ["CheckInManagement"]).ok()
    which = assistant.set_check_in(c).ok()["id"]
    assert assistant.call("getCheckInRecords", {"check_in_id": which}).ok() == []
    student.call("getCheckInRecords", {"check_in_id": which}).denied()
    student.call("getAllCheckIns", {"class_id": c}).denied()


def test_Q06_running(teacher, student, c):
    running = lambda: student.call("getRunningCheckIn", {"class_id": c})
    student.join(c).ok()
    running().missing("NotFound")
    one = teacher.set_check_in(c, 1).ok()
    assert running().ok()["id"] == one["id"]
    until_sync(lambda: running().outcome == "404", 4, "it ends")
    running().missing("NotFound")
    student.call("getRunningCheckIn", {"class_id": UNKNOWN}).missing("NotFound")


def test_Q07_check_in(teacher, student, other, c):
    student.join(c).ok()
    which = teacher.set_check_in(c, 1).ok()["id"]
    began = time.monotonic()
    assert student.check_in(which).body == {"success": True}
    student.check_in(which).refused("AlreadyCheckIn")
    other.check_in(which).refused("NotInClass")
    student.check_in(UNKNOWN).refused("NotFound")
    student.check_in("nonsense").refused("NotFound")
    other.join(c).ok()
    until_sync(lambda: time.monotonic() - began > 1 + 2 + 0.2, 10, "the end and two seconds more")
    other.check_in(which).refused("CheckInEnded")
    student.check_in(which).refused("AlreadyCheckIn")
    assert [r["user_id"] for r in teacher.call("getCheckInRecords", {"check_in_id": which}).ok()] == [student.name]


def test_Q07_within_two_seconds_of_the_end(teacher, student, c):
    student.join(c).ok()
    which = teacher.set_check_in(c, 1).ok()["id"]
    until_sync(lambda: teacher.call("getRunningCheckIn", {"class_id": c}).outcome == "404", 4, "it ends")
    student.check_in(which).ok()


def test_Q07_those_who_left(teacher, student, c):
    student.join(c).ok()
    which = teacher.set_check_in(c).ok()["id"]
    student.leave(c).ok()
    student.check_in(which).refused("NotInClass")
    student.join(c).ok()
    student.check_in(which).ok()
    # The record outlives a leave and a kick.
    student.leave(c).ok()
    teacher.kick(c, student).ok()
    assert teacher.record(which, student).ok()["user_id"] == student.name


async def test_Q08_fifty_check_ins_of_one_user(server, teacher, student, c):
    async with Throng(50) as throng:
        (await throng.join(student, c)).ok()
        which = (await throng.call(teacher, "setCheckIn", {"class_id": c, "user_id": teacher.name, "duration": 60})).ok()["id"]
        replies = await asyncio.gather(*(throng.call(student, "checkIn", {"check_in_id": which, "user_id": student.name}) for _ in range(50)))
        assert sorted(r.outcome for r in replies) == ["AlreadyCheckIn"] * 49 + ["yes"]
        records = (await throng.call(teacher, "getCheckInRecords", {"check_in_id": which})).ok()
    assert [r["user_id"] for r in records] == [student.name]


def test_Q09_all(teacher, c):
    everything = lambda: teacher.call("getAllCheckIns", {"class_id": c})
    assert everything().ok() == []
    made = []
    for _ in range(3):
        made.append(teacher.set_check_in(c, 1).ok()["id"])
        until_sync(lambda: teacher.call("getRunningCheckIn", {"class_id": c}).outcome == "404", 4, "it ends")
    assert [o["id"] for o in everything().ok()] == made
    for one in everything().ok():
        check(one, 1)
    teacher.call("getAllCheckIns", {"class_id": UNKNOWN}).missing("NotFound")


def test_Q10_records(teacher, server, c):
    users = people(server, 5)
    which = teacher.set_check_in(c).ok()["id"]
    records = lambda: teacher.call("getCheckInRecords", {"check_in_id": which}).ok()
    assert records() == []
    for u in users:
        u.join(c).ok()
        u.check_in(which).ok()
        until_next_millisecond()
    assert [r["user_id"] for r in records()] == [u.name for u in users]
    teacher.call("getCheckInRecords", {"check_in_id": UNKNOWN}).missing("NotFound")


def test_Q11_one_record(teacher, student, other, c):
    for who in (student, other):
        who.join(c).ok()
    which = teacher.set_check_in(c).ok()["id"]
    student.record(which, student).missing("NotFound")
    student.check_in(which).ok()
    assert student.record(which, student).ok()["user_id"] == student.name
    other.record(which, student).denied()
    assert teacher.record(which, student).ok() == student.record(which, student).ok()
    teacher.record(which, other).missing("NotFound")
    teacher.record(UNKNOWN, other).missing("NotFound")


def test_Q12_countdown(own_server):
    """start + duration - now, in a zone of its own: right from the first answer on and never up."""
    server = own_server({"server.time_zone": "-09:30"})
    t = person(server)
    c = t.klass()["id"]
    t.set_check_in(c, 60).ok()
    left = []
    began = time.monotonic()
    while time.monotonic() - began < 3:
        one = t.call("getRunningCheckIn", {"class_id": c}).ok()
        rest = seconds(one["start_time"]) + one["duration"] - seconds(one["now_time"])
        assert abs(rest - (60 - (time.monotonic() - began))) <= 2
        left.append(rest)
    assert left == sorted(left, reverse=True) and left[-1] < left[0] <= 60
