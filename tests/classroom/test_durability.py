"""classroom.md 9.13: what was answered is there after a kill, on every route that writes; restarts with people connected; two processes on one database.

P06 (a full disk) is a case of the store crates. Likes are counters (5.10): a crash may lose seconds of them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from stoa.class_media import becomes, bot, keeps, online, run
from stoa.class_races import meeting_info, two_assistants
from stoa.class_routes import ROUTES
from stoa.class_world import World
from stoa.classroom import GRACE, KICKED, LEFT, NORMAL, RESTART_GRACE, RESUME, SETTINGS, SLACK, Person, Reply, Throng, people, person
from stoa.crew import Crew
from stoa.notes import note
from stoa.postgres import store_url
from stoa.server import Server


@pytest.fixture(scope="session")
def mortal(request: pytest.FixtureRequest, store: str) -> Iterator[Server]:
    """A server that is killed after every test's write."""
    made = Server(store_url=store_url(request, store), settings=SETTINGS)
    try:
        yield made.start()
    finally:
        made.discard()


def again(server: Server) -> None:
    server.kill()
    server.start()


# What each writing route does, by whom; those who are not named here are asked by the teacher with the body of the matrix.
WRITES = {
    "update": lambda w: w.teacher.update(w.id, title="new", notice="news", extends="{}"),
    "start": lambda w: w.teacher.start(w.id),
    "stop": lambda w: w.teacher.stop(w.id),
    "pause": lambda w: w.teacher.pause(w.id) if w.teacher.start(w.id).ok() else None,
    "joinClass": lambda w: w.other.join(w.id, user_avatar="https://img.example.com/1.png"),
    "leaveClass": lambda w: w.student.leave(w.id),
    "checkIn": lambda w: w.student.check_in(w.check_in),
    "cancelMuteUser": lambda w: w.teacher.room_call("cancelMuteUser", w.id, user_id=w.peer.name) if w.teacher.mute(w.id, w.peer).ok() else None,
    "cancelMuteChatroom": lambda w: w.teacher.room_call("cancelMuteChatroom", w.id) if w.teacher.room_call("muteChatroom", w.id).ok() else None,
    "addDocs": lambda w: w.teacher.add_docs(w.id, [{"docId": f"d{n}", "data": "x"} for n in range(50)]),
}
# These change nothing that lasts; a class that comes and goes has tests of its own.
NO_WRITE = ("token", "v2/token", "create", "v2/create", "delete", "sendLikeMessage", "getLiveJumpUrl")
DURABLE = [r for r, route in ROUTES.items() if route.writes and r not in NO_WRITE and not r.startswith("v1/")]
# The second half of these puts everything back.
THERE_AND_BACK = ("cancelMuteUser", "cancelMuteChatroom", "pause")


@pytest.mark.parametrize("route", DURABLE)
def test_P01_kill_after_the_answer(mortal, route):
    world = World(mortal, check_in=route != "setCheckIn")
    if route == "setCheckIn":
        world.check_in = "0" * 32  # none yet: the snapshot asks for its records
    before = snapshot(world)
    reply: Reply = WRITES[route](world) if route in WRITES else world.teacher.call(route, world.body(route, world.teacher))
    assert reply.outcome == "yes", reply
    after = snapshot(world)
    assert after != before or route in THERE_AND_BACK, "the write shows nowhere, so its loss would not show either"
    again(mortal)
    assert snapshot(world) == after


def snapshot(world: World) -> dict:
    """As the world's, but for what moves by itself."""
    if world.check_in == "0" * 32:
        return {"check_ins": [c["id"] for c in world.teacher.call("getAllCheckIns", {"class_id": world.id}).ok()]}
    return world.snapshot()


def test_P01_create_and_delete(mortal):
    teacher, student = people(mortal, 2)
    drop = lambda one: {k: v for k, v in one.items() if k not in ("link_info", "shadow_link_info")}
    made = [teacher.create(title=f"t{n}", notice="n", extends="e", mode=2).ok() for n in range(3)]
    again(mortal)
    for one in made:
        assert drop(teacher.get(one["id"]).ok()) == drop(one)
    student.join(made[0]["id"]).ok()
    teacher.delete(made[0]["id"]).ok()
    again(mortal)
    teacher.get(made[0]["id"]).missing()
    student.join(made[0]["id"]).refused("ClassNotFound")


def test_S12_K05_Q13_status_ban_and_check_in_over_a_kill(mortal):
    teacher, student, other = people(mortal, 3)
    c = teacher.klass()["id"]
    for who in (student, other):
        who.join(c).ok()
    started = teacher.start(c).ok()["started_at"]
    again(mortal)
    got = teacher.get(c).ok()
    assert (got["status"], got["started_at"]) == (1, started)
    teacher.kick(c, student).ok()
    again(mortal)
    student.join(c).refused("InBlackList")
    which = teacher.set_check_in(c, 600).ok()
    other.check_in(which["id"]).ok()
    again(mortal)
    running = teacher.call("getRunningCheckIn", {"class_id": c}).ok()
    assert (running["id"], running["start_time"], running["duration"]) == (which["id"], which["start_time"], 600)
    assert [r["user_id"] for r in teacher.call("getCheckInRecords", {"check_in_id": which["id"]}).ok()] == [other.name]
    other.check_in(which["id"]).refused("AlreadyCheckIn")
    teacher.set_check_in(c).conflict("AlreadyCheckIn")


@pytest.mark.parametrize("how", ["restart", "kill"])
async def test_P02_restart_with_members_connected(own_server, how):
    """Who is back in time never left; who is not has left once the time is over; who was never connected stays."""
    server = own_server()
    teacher, back, lost, http_only = (person(server, n) for n in ("teacher", "back", "lost", "http-only"))
    c = (await run(teacher.create))["id"]
    for who in (back, lost, http_only):
        await run(who.join, c)
    async with Crew() as crew:
        for who in (back, lost):
            await bot(crew, who, c)
        await online(teacher, c, 2)
        # A kick waits until everything that the engine told is taken in, so that both count as connected for good.
        await run(teacher.kick, c, "somebody who never was here")
        rows = await asyncio.to_thread(teacher.rows, c)
        await asyncio.to_thread(server.restart if how == "restart" else lambda: again(server))
        crew.kill()
    began = time.monotonic()
    assert await asyncio.to_thread(teacher.rows, c) == rows
    async with Crew() as crew:
        await bot(crew, back, c)
        await keeps(teacher, c, lost, NORMAL, began + RESTART_GRACE - 1 - time.monotonic())
        await becomes(teacher, c, lost, LEFT, RESTART_GRACE + GRACE + RESUME + SLACK)
        await keeps(teacher, c, back, NORMAL, 1)
    after = await asyncio.to_thread(teacher.rows, c)
    assert after == rows | {"lost": rows["lost"] | {"status": LEFT}}


# -- two processes on one database -----------------------------------------------------------------------

def everywhere(pair: tuple[Server, Server], name: str) -> list[Person]:
    """One user at both processes."""
    return [person(s, name) for s in pair]


async def test_P04_J03_joins_of_one_user(pair):
    teacher, student = everywhere(pair, "teacher"), everywhere(pair, "student")
    async with Throng(100) as throng:
        c = (await throng.create(teacher[0]))["id"]
        replies = await asyncio.gather(*(throng.join(student[n % 2], c, user_name=f"n{n}") for n in range(200)))
        assert all(r.ok() is None for r in replies)
        shown = [await throng.rows(t, c) for t in teacher]
    assert shown[0] == shown[1] and list(shown[0]) == ["student"]


async def test_P04_J16_two_assistants(pair):
    async with Throng(32) as throng:
        await two_assistants([(throng, lambda name, s=s: person(s, name)) for s in pair], 40)


async def test_P04_I07_meeting_info(pair):
    async with Throng(32) as throng:
        await meeting_info([(throng, lambda name, s=s: person(s, name)) for s in pair], 20)


async def test_P04_D03_Q03_one_document_one_check_in(pair):
    teacher = everywhere(pair, "teacher")
    async with Throng(64) as throng:
        for _ in range(5):
            c = (await throng.create(teacher[0]))["id"]
            docs = [throng.call(teacher[n % 2], "addDoc", {"classId": c, "docId": "d", "serverType": "x", "data": str(n)}) for n in range(30)]
            checks = [throng.call(teacher[n % 2], "setCheckIn", {"class_id": c, "user_id": "teacher", "duration": 60}) for n in range(30)]
            replies = await asyncio.gather(*docs, *checks)
            assert sorted(r.outcome for r in replies[:30]) == ["409"] * 29 + ["yes"]
            assert sorted(r.outcome for r in replies[30:]) == ["409"] * 29 + ["yes"]
            made = next(r for r in replies[30:] if r.outcome == "yes").ok()["id"]
            for t in teacher:
                assert (await throng.call(t, "getRunningCheckIn", {"class_id": c})).ok()["id"] == made


async def test_P04_K07_kicks_of_one_user(pair):
    teacher, student = everywhere(pair, "teacher"), everywhere(pair, "student")
    async with Throng(64) as throng:
        for _ in range(5):
            c = (await throng.create(teacher[0]))["id"]
            (await throng.join(student[0], c)).ok()
            body = {"class_id": c, "user_id": "student"}
            replies = await asyncio.gather(
                *(throng.call(teacher[n % 2], "kickClass", body) for n in range(50)), *(throng.join(student[n % 2], c) for n in range(10)),
            )
            assert all(r.ok() is None for r in replies[:50])
            assert {r.outcome for r in replies[50:]} <= {"yes", "InBlackList"}
            for s, t in zip(student, teacher):
                (await throng.join(s, c)).refused("InBlackList")
                assert (await throng.rows(t, c))["student"]["status"] == KICKED
            (await throng.call(teacher[1], "cancelKick", body)).ok()
            (await throng.join(student[0], c)).ok()


# -- P05 -------------------------------------------------------------------------------------------------

KILLS, WRITERS = 20, 24
CUT = (aiohttp.ClientError, ConnectionError, asyncio.TimeoutError, OSError)


@dataclass
class Truth:
    """Of one writer's class: what was acknowledged, and which keys had a write under way that was never answered."""

    state: dict[str, object] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    writes: int = 0


async def writer(throng: Throng, me: Person, truth: Truth, dice: random.Random) -> None:
    """Changes a class of its own in all ways, and notes each acknowledgement."""
    try:
        c = (await throng.create(me))["id"]
        truth.state = {"id": c, "title": "race", "status": 0, "members": [], "all_mute": None, "docs": [], "row": None}
        while True:
            what = dice.choice(["title", "status", "members", "all_mute", "docs", "row"])
            value: object
            n = str(truth.writes)
            match what:
                case "title":
                    value, route, body = n, "update", {"id": c, "user_id": me.name, "title": n}
                case "status":
                    value = 1 - truth.state["status"]
                    route, body = ("pause", "start")[value], {"id": c, "user_id": me.name}
                case "members":
                    value = [{"user_id": n}]
                    route, body = "updateMeetingInfo", {"id": c, "members": value}
                case "all_mute":
                    value = dice.random() < 0.5
                    route, body = "updateMeetingInfo", {"id": c, "all_mute": value}
                case "docs":
                    value = [*truth.state["docs"], f"d{n.zfill(6)}"]
                    route, body = "addDoc", {"classId": c, "docId": value[-1], "serverType": "x", "data": "{}"}
                case _:
                    value = LEFT if truth.state["row"] == NORMAL else NORMAL
                    body = {"class_id": c, "user_id": me.name, "user_name": me.name}
                    route = "leaveClass" if value == LEFT else "joinClass"
            truth.unsure.add(what)
            assert (await throng.call(me, route, body)).outcome == "yes"
            truth.state[what] = value
            truth.unsure.discard(what)
            truth.writes += 1
    except CUT:
        return


async def compare(throng: Throng, me: Person, truth: Truth) -> None:
    """Nothing acknowledged is lost, and nothing came from nowhere."""
    if not truth.state:
        return
    c = truth.state["id"]
    got = await throng.get(me, c)
    info = (await throng.call(me, "getMeetingInfo", {"id": c})).ok()
    docs = (await throng.call(me, "queryDoc", {"classId": c})).ok()["docInfos"]
    row = (await throng.rows(me, c)).get(me.name, {}).get("status")
    seen = {"title": got["title"], "status": got["status"], "members": info["members"], "all_mute": info.get("all_mute"), "docs": [d["docId"] for d in docs], "row": row}
    for what, value in seen.items():
        if what not in truth.unsure:
            assert value == truth.state[what], f"{what}: {value}, acknowledged {truth.state[what]}"
        elif what == "docs":
            assert value[: len(truth.state["docs"])] == truth.state["docs"] and len(value) <= len(truth.state["docs"]) + 1


async def test_P05_twenty_kills_under_load(own_server):
    server = own_server()
    dice, writes, slowest = random.Random(5), 0, 0.0
    for number in range(KILLS):
        users = [person(server, f"w-{number}-{i}") for i in range(WRITERS)]
        truths = [Truth() for _ in users]
        goal = dice.randrange(20, 400)

        async def killer() -> None:
            give_up = time.monotonic() + 10
            while sum(t.writes for t in truths) < goal and time.monotonic() < give_up:
                await asyncio.sleep(0)
            server.process.kill()

        async with Throng(WRITERS) as throng:
            await asyncio.gather(killer(), *(writer(throng, u, t, random.Random(f"{number} {u.name}")) for u, t in zip(users, truths)))
        server.kill()
        await asyncio.to_thread(server.start)
        slowest = max(slowest, server.started_in)
        async with Throng(WRITERS) as throng:
            await asyncio.gather(*(compare(throng, u, t) for u, t in zip(users, truths)))
        writes += sum(t.writes for t in truths)
    assert writes > KILLS * 20, f"only {writes} writes: the kills hit an idle server"
    note(f"classroom: {KILLS} kills, {writes} acknowledged writes, slowest start {slowest:.2f} s")
