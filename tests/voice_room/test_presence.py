"""Acceptance cases K1–K9 and K11 of voice-room.md 9.8, with media sessions. Grace periods are shortened by configuration."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from stoa import tokens
from stoa.bot import Bot
from stoa.crowd import Crowd, together
from stoa.http import seat_of
from stoa.media import Stage
from stoa.postgres import store_url
from stoa.server import Server
from stoa.wait import kept_up, on_time, until

GRACE = 2.0
RESTART_GRACE = 5.0
# Timers may fire late on a busy machine, never early.
LATE = 8.0
SETTINGS = {"voice.seat_grace": int(GRACE), "voice.seat_restart_grace": int(RESTART_GRACE), "media.resume_window": 2}


@pytest.fixture(scope="module")
def quick(request, store):
    """A server with short grace periods, one per database, for the tests of this file that share it."""
    server = Server(store_url=store_url(request, store), settings=SETTINGS)
    try:
        yield server.start()
        assert "panicked at" not in server.log()
    finally:
        server.discard()


async def seated(server, count: int = 1, **fields):
    """A room with so many people on seats; nobody connected."""
    owner, *users = server.users(count + 1)
    room = await asyncio.to_thread(owner.room)
    for user in users:
        assert (await asyncio.to_thread(user.join, room, **fields)).ok()["members"]
    return owner, users, room


async def seats(user, room: str) -> dict[int, str]:
    return await asyncio.to_thread(user.seats, room)


async def holds_for(user, room: str, expected: dict[int, str], seconds: float) -> None:
    """Fails as soon as the seats are not `expected` within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert await seats(user, room) == expected
        await asyncio.sleep(0.1)


async def test_K1_back_within_the_grace_keeps_the_seat(quick):
    async def scene() -> None:
        owner, (bob,), room = await seated(quick)
        async with Stage() as stage:
            listener = await stage.enter(owner, room)
            first = await stage.enter(bob, room)
            left = time.monotonic()
            await first.close()
            await asyncio.sleep(GRACE * 0.6)  # away for part of the grace
            again = await stage.enter(bob, room)
            on_time(left, GRACE)
            await holds_for(owner, room, {1: bob.name}, GRACE * 1.5)
            await again.sing(500)
            await listener.wait_hears(again, 500)

    await kept_up(scene)


async def test_K2_not_back_frees_the_seat(quick):
    owner, (bob,), room = await seated(quick)
    async with Stage() as stage:
        client = await stage.enter(bob, room)
        await client.close()
        left = time.monotonic()
        await until(lambda: seats_empty(owner, room), GRACE + LATE, "the seat is freed")
        assert time.monotonic() - left >= GRACE - 0.1, "freed before the grace was over"
        members = (await asyncio.to_thread(owner.info, room)).ok()["members"]
        assert members[0] == {"index": 1, "joined": False, "user_id": "", "extends": ""}


async def seats_empty(user, room: str) -> bool:
    return await seats(user, room) == {}


async def test_K2_killed_client_frees_the_seat(quick):
    owner, (bob,), room = await seated(quick)
    answer = (await asyncio.to_thread(bob.rtc, room)).ok()
    bot = Bot(answer["rtc_url"], answer["auth_token"])
    try:
        await bot.ready()
        bot.kill()
        # Presence lasts for the resume window, then the grace runs.
        await until(lambda: seats_empty(owner, room), 2 + GRACE + LATE, "the seat of a killed client is freed")
    finally:
        bot.kill()


async def test_K4_http_only_seat_stays(quick):
    owner, (bob,), room = await seated(quick)
    await holds_for(owner, room, {1: bob.name}, GRACE * 3)


async def test_K5_http_seat_then_one_session(quick):
    owner, (bob,), room = await seated(quick)
    await holds_for(owner, room, {1: bob.name}, GRACE * 1.5)
    async with Stage() as stage:
        client = await stage.enter(bob, room)
        await holds_for(owner, room, {1: bob.name}, GRACE * 1.5)
        await client.close()
        await until(lambda: seats_empty(owner, room), GRACE + LATE, "freed after the grace")


async def test_K5_seat_taken_while_connected(quick):
    """`attended` from the start: the session was there before the seat."""
    owner, bob = quick.users(2)
    room = await asyncio.to_thread(owner.room)
    async with Stage() as stage:
        client = await stage.enter(bob, room)
        (await asyncio.to_thread(bob.join, room)).ok()
        await client.close()
        await until(lambda: seats_empty(owner, room), GRACE + LATE, "freed after the grace")


async def test_K6_second_login_keeps_the_seat(quick):
    owner, (bob,), room = await seated(quick)
    async with Stage() as stage:
        first = await stage.enter(bob, room)
        second = await stage.enter(bob, room)
        await asyncio.wait_for(first.disconnected, 5)
        await holds_for(owner, room, {1: bob.name}, GRACE * 2)
        listener = await stage.enter(owner, room)
        await second.sing(700)
        await listener.wait_hears(second, 700)


async def test_K7_restart_with_eight_seats(own_server):
    server = own_server(SETTINGS)
    owner, users, room = await seated(server, 8)
    async with Stage() as stage:
        for user in users:
            await stage.enter(user, room)
        await until(lambda: online(owner, room, 8), 10, "eight people in the channel")
        await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    opened = time.monotonic()
    everybody = {i: u.name for i, u in enumerate(users, 1)}
    assert await seats(owner, room) == everybody
    async with Stage() as stage:
        for user in users[:4]:
            await stage.enter(user, room)
        assert await seats(owner, room) == everybody
        staying = {i: u.name for i, u in enumerate(users[:4], 1)}
        await until(lambda: same_seats(owner, room, staying), RESTART_GRACE + LATE, "the four who did not return are freed")
        assert time.monotonic() - opened >= RESTART_GRACE - 0.5
        await holds_for(owner, room, staying, GRACE)


async def same_seats(user, room: str, expected: dict[int, str]) -> bool:
    return await seats(user, room) == expected


async def online(user, room: str, count: int) -> bool:
    return (await asyncio.to_thread(user.get, room)).ok()["metrics"]["online_count"] == count


async def test_K8_killed_during_a_race(own_server):
    server = own_server()
    owner, users = server.user(), server.users(64)
    dice = random.Random(8)
    for _ in range(6):
        rooms = [owner.room() for _ in range(6)]
        acknowledged: list[tuple[str, str, int]] = []
        wanted: set[tuple[str, str]] = set()

        async def run(crowd: Crowd, user) -> None:
            for room in rooms:
                wanted.add((room, user.name))
                try:
                    answer = (await crowd.join(user, room)).answer
                except (OSError, asyncio.TimeoutError, Exception) as error:
                    if isinstance(error, AssertionError):
                        raise
                    return  # the connection died with the server
                if answer.code == 200 and "members" in answer:
                    acknowledged.append((room, user.name, seat_of(answer["members"], user.name)))

        async def killer() -> None:
            goal = dice.randrange(1, 40)
            while len(acknowledged) < goal:
                await asyncio.sleep(0)
            server.process.kill()

        async with Crowd(64) as crowd:
            await together([killer, *(lambda u=u: run(crowd, u) for u in users)])
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        after = {room: server.user(owner.name).seats(room) for room in rooms}
        for room, user, index in acknowledged:
            assert after[room].get(index) == user, f"lost: {user} on {index}"
        for room, taken in after.items():
            assert all((room, user) in wanted for user in taken.values())
            assert len(set(taken.values())) == len(taken)


async def test_K9_http_only_seats_survive_a_restart(own_server):
    server = own_server(SETTINGS)
    owner, users, room = await seated(server, 3)
    await asyncio.to_thread(server.restart)
    await holds_for(owner, room, {i: u.name for i, u in enumerate(users, 1)}, RESTART_GRACE * 1.5)


async def test_K11_restart_during_closing(own_server):
    server = own_server()
    owner, (bob,), room = await seated(server)
    async with Stage() as stage:
        await stage.enter(bob, room)
        (await asyncio.to_thread(owner.dismiss, room)).ok()
        await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    got = (await asyncio.to_thread(owner.get, room)).ok()
    assert got["status"] == 2 and got["metrics"]["online_count"] == 0
    (await asyncio.to_thread(bob.rtc, room)).expect(404, 404)
    token = tokens.media_token(bob.name, room)
    refused = await asyncio.to_thread(server.http.raw, "GET", f"/rtc/validate?access_token={token}")
    assert refused.status == 404 and b"requested room does not exist" in refused.raw
