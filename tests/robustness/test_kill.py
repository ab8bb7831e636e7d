"""`kill -9` at 50 random moments under write load: every acknowledged write is there afterwards, and the server serves again."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

import aiohttp

from stoa.crowd import Crowd, together
from stoa.http import seat_of
from stoa.server import Server

KILLS = 50
WRITERS = 24
# A writer's connection dies with the server: these are no answers.
CUT = (aiohttp.ClientError, ConnectionError, asyncio.TimeoutError, OSError)


@dataclass
class Truth:
    """What was acknowledged, and what was asked but never answered (which may or may not have happened)."""

    title: dict[str, str] = field(default_factory=dict)  # room → last acknowledged title
    maybe_title: dict[str, str] = field(default_factory=dict)
    seat: dict[str, int] = field(default_factory=dict)  # room → seat of its owner, 0 = none
    maybe_seat: set[str] = field(default_factory=set)
    dismissed: set[str] = field(default_factory=set)
    maybe_dismissed: set[str] = field(default_factory=set)
    writes: int = 0


async def writer(crowd: Crowd, user, truth: Truth, seed: int) -> None:
    """Creates rooms, renames them, takes and leaves seats, dismisses; notes each acknowledgement."""
    dice = random.Random(seed)
    rooms: list[str] = []
    try:
        while True:
            if not rooms or dice.random() < 0.2:
                answer = (await crowd.call(user, "create", {"title": "new", "anchor": user.name})).answer.ok()
                rooms.append(answer["id"])
                truth.title[answer["id"]], truth.seat[answer["id"]] = "new", 0
            room = dice.choice(rooms)
            move = dice.random()
            if move < 0.4:
                title = f"title {dice.random()}"
                truth.maybe_title[room] = title
                (await crowd.call(user, "update", {"id": room, "title": title})).answer.ok()
                truth.title[room] = title
                del truth.maybe_title[room]
            elif move < 0.9:
                truth.maybe_seat.add(room)
                if truth.seat[room]:
                    (await crowd.leave(user, room)).answer.ok()
                    truth.seat[room] = 0
                else:
                    truth.seat[room] = seat_of((await crowd.join(user, room)).answer.ok()["members"], user.name)
                truth.maybe_seat.discard(room)
            else:
                truth.maybe_dismissed.add(room)
                assert (await crowd.dismiss(user, room)).answer.ok()["success"] is True
                truth.dismissed.add(room)
                truth.maybe_dismissed.discard(room)
                rooms.remove(room)
            truth.writes += 1
    except CUT:
        return


async def check(crowd: Crowd, reader, truth: Truth) -> None:
    """Compares the store with what was acknowledged."""
    for room, title in truth.title.items():
        got = (await crowd.call(reader, "get", {"id": room})).answer.ok()
        if room in truth.dismissed:
            assert got["status"] == 2, f"a dismissal is lost: {room}"
            continue
        if room not in truth.maybe_dismissed:
            assert got["status"] == 1, f"dismissed by nobody: {room}"
        assert got["title"] in (title, truth.maybe_title.get(room)), f"a title is lost: {got['title']}, acknowledged {title}"
        if room not in truth.maybe_seat and got["status"] == 1:
            holders = [m for m in (await crowd.info(reader, room)).answer.ok()["members"] if m["joined"]]
            expected = [truth.seat[room]] if truth.seat[room] else []
            assert [m["index"] for m in holders] == expected, f"a seat is lost or came from nowhere: {room}"


async def test_fifty_kills_lose_nothing():
    server = Server(settings={"limits.user": {"per_sec": 0, "burst": 0}})
    dice = random.Random(50)
    writes = checked = 0
    slowest = 0.0
    try:
        server.start()
        for round_number in range(KILLS):
            users = [server.user(f"writer-{round_number}-{i}") for i in range(WRITERS)]
            truth = Truth()
            goal = dice.randrange(1, 400)

            async def killer() -> None:
                give_up = time.monotonic() + 20
                while truth.writes < goal and time.monotonic() < give_up:
                    await asyncio.sleep(0)
                server.process.kill()

            async with Crowd(WRITERS) as crowd:
                await together([killer, *(lambda u=u, i=i: writer(crowd, u, truth, round_number * 1000 + i) for i, u in enumerate(users))])
            server.kill()
            await asyncio.to_thread(server.start)
            slowest = max(slowest, server.started_in)
            async with Crowd(WRITERS) as crowd:
                await check(crowd, server.user("reader"), truth)
            writes += truth.writes
            checked += len(truth.title)
        assert writes > KILLS * 50, f"only {writes} writes: the kills hit an idle server"
        assert slowest < 5, f"serving again after {slowest:.1f} s"
        print(f"{KILLS} kills, {writes} acknowledged writes in {checked} rooms, slowest start {slowest:.2f} s")
    finally:
        server.discard()


async def test_sigterm_under_load_loses_nothing():
    """The orderly end: in-flight requests are answered or refused, and every answer holds."""
    server = Server(settings={"limits.user": {"per_sec": 0, "burst": 0}})
    try:
        server.start()
        for round_number in range(5):
            users = [server.user(f"writer-{round_number}-{i}") for i in range(WRITERS)]
            truth = Truth()

            async def ender() -> None:
                while truth.writes < 100:
                    await asyncio.sleep(0)
                await asyncio.to_thread(server.stop)

            async def tolerant(crowd, user, seed):
                try:
                    await writer(crowd, user, truth, seed)
                except AssertionError as error:
                    if "503" not in str(error):  # row 28: stopping
                        raise

            async with Crowd(WRITERS) as crowd:
                await together([ender, *(lambda u=u, i=i: tolerant(crowd, u, i) for i, u in enumerate(users))])
            await asyncio.to_thread(server.start)
            async with Crowd(WRITERS) as crowd:
                await check(crowd, server.user("reader"), truth)
    finally:
        server.discard()
