"""talk.md 9.7: call records. Days and zones (R05 to R08) are tested over the store, where time is a parameter."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import datetime

from stoa.crew import Bot, Crew
from stoa.postgres import psql
from stoa.server import Server
from stoa.talk import BAD_PARAM, BEAT, GRACE, RESUME, SLACK, ZONE, Knock, Talk, fresh
from stoa.wait import kept_up, on_time, until


async def left(talk: Talk, bot: Bot, channel: str) -> float:
    at = await bot.leave()
    await talk.absent(channel, bot.user)
    return at


def around(call: dict, channel: str, joined: float, gone: float, slack: float = 2) -> None:
    """The record says so; times are floored to seconds."""
    assert call["ChannelID"] == channel
    assert abs(call["JoinTime"] + 0.5 - joined) <= slack and abs(call["LeaveTime"] + 0.5 - gone) <= slack, (call, joined, gone)
    assert call["CallDuration"] == call["LeaveTime"] - call["JoinTime"]


async def test_R01_R09_R13_a_stay_an_open_call_and_a_return(talk, crew, channel):
    joined = time.time()
    bot = await talk.bot(crew, channel)
    # R09: an open call shows on request only.
    assert await talk.calls(bot.user) == []
    await asyncio.sleep(2)
    (row,) = await talk.calls(bot.user, open=True)
    assert row["LeaveTime"] == 0 and abs(row["CallDuration"] - (time.time() - row["JoinTime"])) <= 1.1, row
    gone = await left(talk, bot, channel)
    (call,) = await talk.closed_calls(bot.user, 1)
    around(call, channel, joined, gone)
    assert call["CallDuration"] in (2, 3, 4)
    # R13: a clean leave ends a record, also when the user is back at once.
    again = await talk.bot(crew, channel, bot.user)
    await left(talk, again, channel)
    rows = await talk.closed_calls(bot.user, 2)
    assert rows[0] == call and rows[1]["JoinTime"] >= call["LeaveTime"]


async def test_R02_R03_R04_pages_and_days(talk, crew):
    user, names = fresh("u"), [fresh() for _ in range(5)]
    for name in names:
        await left(talk, await talk.bot(crew, name, user), name)
    rows = await talk.closed_calls(user, 5)
    assert [row["ChannelID"] for row in rows] == names
    day = int(datetime.fromtimestamp(rows[0]["JoinTime"], ZONE).strftime("%Y%m%d"))
    if datetime.fromtimestamp(rows[4]["JoinTime"], ZONE).strftime("%Y%m%d") != str(day):
        return  # midnight fell into the test: its five rows are of two days

    async def ask(date=day, **fields):
        return await talk.call("query_talk_user_call", UserID=user, QueryDate=date, **fields)

    for fields, count in (({}, 1), ({"Limit": 2}, 2), ({"Limit": 100}, 5), ({"Limit": 500}, 5)):
        reply = (await ask(**fields)).ok()
        assert len(reply["Call"]) == count and reply["Total"] == 5, reply
    for bad in ({"Limit": 0}, {"Limit": -1}, {"StartSeq": -1}):
        (await ask(**bad)).expect(BAD_PARAM)
    for start in (0, 2, 4, 5):
        reply = (await ask(StartSeq=start, Limit=2)).ok()
        assert reply["Call"] == rows[start:start + 2] and reply["Total"] == 5
    for date, code in ((20230229, BAD_PARAM), (20231301, BAD_PARAM), (2023111, BAD_PARAM), ("20231115", 0), (20240229, 0), (..., BAD_PARAM)):
        (await ask(date)).expect(code)
    assert (await ask("20231115")).ok()["Total"] == 0


async def test_R10_R11_R12_lost_connections(talk, crew):
    """Three users at once: back within the grace period, never back, back after it."""
    async def lose(channel: str) -> tuple[str, float, float]:
        joined = time.time()
        bot = await talk.bot(crew, channel)
        await bot.publish()
        await asyncio.sleep(1)
        return bot.user, joined, await bot.vanish()

    async def back_in_time() -> None:
        channel = fresh()
        await talk.bot(crew, channel)
        user, joined, _ = await lose(channel)
        await talk.absent(channel, user, RESUME + SLACK)
        assert await talk.calls(user) == [], "closed before the grace period ended"
        again = await talk.bot(crew, channel, user)
        await asyncio.sleep(GRACE)
        (row,) = await talk.calls(user, open=True)
        assert row["LeaveTime"] == 0, "the timer of the loss closed the continued call"
        gone = await left(talk, again, channel)
        (call,) = await talk.closed_calls(user, 1)
        around(call, channel, joined, gone)

    async def never_back() -> None:
        channel = fresh()
        await talk.bot(crew, channel)
        user, joined, lost = await lose(channel)
        (call,) = await talk.closed_calls(user, 1, GRACE + SLACK)
        assert time.time() - lost >= GRACE - 0.5, "closed before the grace period ended"
        around(call, channel, joined, lost)

    async def too_late() -> None:
        channel = fresh()
        await talk.bot(crew, channel)
        user, joined, lost = await lose(channel)
        await talk.closed_calls(user, 1, GRACE + SLACK)
        back = time.time()
        gone = await left(talk, await talk.bot(crew, channel, user), channel)
        first, second = await talk.closed_calls(user, 2)
        around(first, channel, joined, lost)
        around(second, channel, back, gone)

    await asyncio.gather(back_in_time(), never_back(), too_late())


async def test_R14_R15_devices_and_channels_overlap(talk, crew):
    user, channel, elsewhere = fresh("u"), fresh(), fresh()
    joined = time.time()
    one = await talk.bot(crew, channel, user, DeviceID="a")
    await asyncio.sleep(1)
    two = await talk.bot(crew, channel, user, DeviceID="b")
    there = time.time()
    other = await talk.bot(crew, elsewhere, user)
    await one.leave()
    await asyncio.sleep(1)
    assert await talk.calls(user) == []
    gone = await left(talk, two, channel)
    (call,) = await talk.closed_calls(user, 1)
    around(call, channel, joined, gone)
    away = await left(talk, other, elsewhere)
    first, second = await talk.closed_calls(user, 2)
    assert first == call
    around(second, elsewhere, there, away)
    assert second["JoinTime"] <= first["LeaveTime"]


async def test_R16_R17_kill_and_restart(own_server):
    """One client is back within the grace period, one is not."""
    server = own_server({"talk.linger_secs": 60})
    talk = Talk(server)

    async def scene() -> None:
        channel = fresh()
        async with Crew() as crew:
            joined = time.time()
            stays_away, comes_back = await talk.bot(crew, channel), await talk.bot(crew, channel)
            await asyncio.sleep(2.5)
            killed, began = time.time(), time.monotonic()
            await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        async with Crew() as crew:
            back = await talk.bot(crew, channel, comes_back.user)
            on_time(began, GRACE)
            (call,) = await talk.closed_calls(stays_away.user, 1, GRACE + SLACK)
            # LeaveTime is the last heartbeat: floored, at most one beat before the kill (and the beat itself may be a little late).
            assert killed - BEAT - 1.5 <= call["LeaveTime"] <= killed and call["LeaveTime"] >= call["JoinTime"], (call, killed)
            (row,) = await talk.calls(comes_back.user, open=True)
            assert row["LeaveTime"] == 0 and abs(row["JoinTime"] + 0.5 - joined) <= 2, row
            gone = await left(talk, back, channel)
            (call,) = await talk.closed_calls(comes_back.user, 1)
            around(call, channel, joined, gone)

    await kept_up(scene)


async def test_R18_graceful_restart(own_server, crew, channel):
    server = own_server({"talk.linger_secs": 60, "talk.call_grace_secs": 1})
    talk = Talk(server)
    joined = time.time()
    bot = await talk.bot(crew, channel)
    await asyncio.sleep(1)
    began = time.time()
    await asyncio.to_thread(server.stop)
    stopped = time.time()
    await asyncio.to_thread(server.start)
    (call,) = await talk.closed_calls(bot.user, 1, GRACE + SLACK)
    assert began - 1 <= call["LeaveTime"] <= stopped and abs(call["JoinTime"] + 0.5 - joined) <= 2, (call, began, stopped)


async def test_R19_admitted_but_never_connected(talk, crew, channel):
    user = fresh("u")
    await talk.bot(crew, channel)
    knock = await Knock(talk.server.port, (await talk.token(channel, user)).ok()["Token"]).open()
    assert knock.status == 101 and await knock.sid()
    assert await talk.count(channel) == 1 and user not in await talk.users(channel)
    assert await talk.calls(user, open=True) == []
    (await talk.kick(channel, user)).ok()
    assert await knock.ends(5)
    (await talk.kick(channel, user)).expect(100005)
    assert await talk.calls(user, open=True) == []
    knock.close()


async def test_R20_kicked_and_dismissed(talk, crew, channel):
    kicked, stays = await talk.bot(crew, channel), await talk.bot(crew, channel)
    await asyncio.sleep(1.2)
    for bot, command in ((kicked, talk.kick(channel, kicked.user)), (stays, talk.dismiss(channel))):
        before = time.time()
        (await command).ok()
        (call,) = await talk.calls(bot.user)
        assert int(before) <= call["LeaveTime"] <= time.time() and call["CallDuration"] >= 1, call


async def test_R21_a_stay_in_a_voice_room(talk, crew, alice):
    room = await asyncio.to_thread(alice.room)
    token = (await asyncio.to_thread(alice.rtc, room)).ok()["auth_token"]
    bot = await talk.bot(crew, room, alice.name, token=token)
    await left(talk, bot, room)
    (call,) = await talk.closed_calls(alice.name, 1)
    assert call["ChannelID"] == room


async def test_R10_a_resume_is_the_same_call(talk, crew, channel):
    joined = time.time()
    bot = await talk.bot(crew, channel)
    last = await talk.bot(crew, channel)
    await bot.cut()
    assert await talk.users(channel) == [bot.user, last.user]
    await bot.resume()

    async def resumed() -> bool:
        return (await bot.view())["resumed"] == 1

    await until(resumed, 5, "resumed")
    await asyncio.sleep(RESUME + 0.5)
    assert await talk.users(channel) == [bot.user, last.user], "a resume keeps the place"
    gone = await left(talk, bot, channel)
    (call,) = await talk.closed_calls(bot.user, 1)
    around(call, channel, joined, gone)


DAY_MS = 86_400_000


def age(server: Server, channel: str, by_ms: int) -> None:
    """Moves the closed calls of a channel into the past; the server is down."""
    sql = f"UPDATE talk_call SET join_ms = join_ms - {by_ms}, leave_ms = leave_ms - {by_ms} WHERE channel_id = '{channel}' AND leave_ms IS NOT NULL"
    if server.store_url:
        psql(server.store_url, sql)
        return
    with closing(sqlite3.connect(server.data / "stoa.db")) as db, db:
        assert db.execute(sql).rowcount == 1


async def calls_on(talk: Talk, user: str, at: float) -> list[str]:
    """Channels of the calls of the day that this moment is in."""
    day = int(datetime.fromtimestamp(at, ZONE).strftime("%Y%m%d"))
    reply = (await talk.call("query_talk_user_call", UserID=user, QueryDate=day, Limit=100)).ok()
    assert reply["Total"] == len(reply["Call"])
    return [row["ChannelID"] for row in reply["Call"]]


async def test_R22_rows_older_than_the_retention_are_gone(own_server, crew):
    server = own_server({"talk.call_retention_days": 2})
    talk = Talk(server)
    user, old, young, new = fresh("u"), fresh("old"), fresh("young"), fresh("new")
    for channel in (old, young, new):
        await left(talk, await talk.bot(crew, channel, user), channel)
    (first, second, _) = await talk.closed_calls(user, 3)
    await asyncio.to_thread(server.stop)
    # A minute past the retention, and an hour short of it.
    age(server, old, 2 * DAY_MS + 60_000)
    age(server, young, 2 * DAY_MS - 3_600_000)
    then_old, then_young = first["JoinTime"] - 2 * 86_400 - 60, second["JoinTime"] - 2 * 86_400 + 3_600
    await asyncio.to_thread(server.start)

    async def forgotten() -> bool:
        return old not in await calls_on(talk, user, then_old)

    await until(forgotten, 10, "the old call is forgotten")
    assert young in await calls_on(talk, user, then_young)
    assert [row["ChannelID"] for row in await talk.calls(user)] == [new]
    # Kept for ever on request: an even older one stays over restarts.
    await asyncio.to_thread(server.stop)
    server.settings["talk.call_retention_days"] = 0
    age(server, young, 500 * DAY_MS)
    await asyncio.to_thread(server.start)
    assert young in await calls_on(talk, user, then_young - 500 * 86_400)
