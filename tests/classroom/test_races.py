"""Many at once: 100 students joining while the teacher kicks, two assistants for one slot (J16), meeting info (I07), the reload (V05, V06).

500 rounds per database, but 60 of those with a hundred joins or with media (500 with `STOA_SOAK`). Several run at the same time.
"""

from __future__ import annotations

import asyncio
import os
import random

from stoa.class_media import bot, online
from stoa.class_races import AT_ONCE, meeting_info, rounds, two_assistants
from stoa.classroom import ASSISTANT, GRACE, KICKED, LEAVE_GRACE, NORMAL, RESUME, Person, Throng, people, person

SOAK = "STOA_SOAK" in os.environ
ROUNDS = 500
# A round of these has a hundred joins, or takes a second of media.
CROWDS, RELOADS = (500, 500) if SOAK else (60, 60)
STUDENTS = 100


async def test_a_hundred_students_join_while_the_teacher_kicks(server):
    """Each victim ends as kicked, however its join and its kick meet; the others are in; nobody has two rows."""
    users = people(server, STUDENTS)

    async def one(n: int) -> None:
        dice = random.Random(n)
        teacher = person(server)
        victims = set(u.name for u in dice.sample(users, 20))
        c = (await throng.create(teacher))["id"]
        jobs = [("join", u) for u in users] + [("kick", u) for u in users if u.name in victims]
        dice.shuffle(jobs)

        async def act(what: str, who: Person) -> tuple[str, str, str]:
            if what == "join":
                reply = await throng.join(who, c)
            else:
                reply = await throng.call(teacher, "kickClass", {"class_id": c, "user_id": who.name})
            return what, who.name, reply.outcome

        done = await asyncio.gather(*(act(*job) for job in jobs))
        assert all(outcome == "yes" for what, _, outcome in done if what == "kick"), "a kick failed"
        joined = {name: outcome for what, name, outcome in done if what == "join"}
        assert all(outcome == "yes" for name, outcome in joined.items() if name not in victims)
        assert all(joined[v] in ("yes", "InBlackList") for v in victims)
        rows = await throng.rows(teacher, c)
        for name, outcome in joined.items():
            if name not in victims:
                assert rows[name]["status"] == NORMAL
            elif outcome == "yes":
                assert rows[name]["status"] == KICKED, "joined, kicked, and still in"
            else:
                assert name not in rows
        assert set(rows) == {name for name, outcome in joined.items() if outcome == "yes"}
        again = await asyncio.gather(*(throng.join(u, c) for u in users if u.name in victims))
        assert {r.outcome for r in again} == {"InBlackList"}

    async with Throng(64) as throng:
        await rounds("100 joins against 20 kicks", CROWDS, one)


async def test_J16_two_assistants_for_one_slot(server):
    async with Throng(32) as throng:
        names: dict[str, Person] = {}
        mark = person(server).name
        await two_assistants([(throng, lambda n: names.setdefault(n, person(server, f"{n}-{mark}")))], ROUNDS)


async def test_I07_concurrent_meeting_info(server):
    teacher = person(server)
    async with Throng(40) as throng:
        await meeting_info([(throng, lambda _: teacher)], ROUNDS)


async def test_I07_five_hundred_on_one_class(server, teacher, c):
    async with Throng(50) as throng:
        async def write(n: int) -> dict:
            patch = {"members": [{"user_id": f"u{n}"}]} if n % 2 else {"all_mute": bool(n % 4), "interaction_allowed": bool(n % 3)}
            return (await throng.call(teacher, "updateMeetingInfo", {"id": c} | patch)).ok()

        states = await asyncio.gather(*(write(n) for n in range(500)))
        final = (await throng.call(teacher, "getMeetingInfo", {"id": c})).ok()
    assert final in states and len(final["members"]) == 1 and {"all_mute", "interaction_allowed"} <= set(final)
    assert all(len(s["members"]) <= 1 for s in states)


async def test_reload_over_http(server):
    """leaveClass of the old page against joinClass of the new one, and a rival for the slot; both orders are right, nothing in between is."""
    users = [people(server, 3) for _ in range(AT_ONCE * 2)]

    async def one(n: int) -> None:
        teacher, me, rival = users[n % len(users)]
        c = (await throng.create(teacher))["id"]
        (await throng.call(teacher, "setAssistantPermit", {"class_id": c, "permit": "[]"})).ok()
        (await throng.join(me, c, identity=2)).ok()
        left, joined, stolen = await asyncio.gather(throng.leave(me, c), throng.join(me, c, identity=2), throng.join(rival, c, identity=2))
        assert left.outcome == "yes"
        # One of them has the slot at most, and who was told so has it unless it left after.
        rows = await throng.rows(teacher, c)
        holders = [u for u, row in rows.items() if row["identity"] == ASSISTANT]
        assert len(holders) <= 1, rows
        assert stolen.outcome in ("yes", "ClassHasAssistant") and joined.outcome in ("yes", "ClassHasAssistant")
        if stolen.outcome == "yes":
            assert holders == [rival.name] and rows[rival.name]["status"] == NORMAL
            assert joined.outcome == "ClassHasAssistant" or rows[me.name]["status"] != NORMAL
        else:
            assert joined.outcome == "yes" and holders == [me.name]

    async with Throng(32) as throng:
        await rounds("reload with a rival, over HTTP", ROUNDS, one, AT_ONCE)


async def test_reload_with_a_live_connection(server, crew):
    """V05 and V06 many times, with every distance between the late leave, the new join and the new connection: nobody who came back is out."""
    teacher = person(server)

    async def one(n: int) -> None:
        dice = random.Random(n)
        me = person(server)
        c = (await throng.create(teacher))["id"]
        (await throng.join(me, c)).ok()
        old = await bot(crew, me, c)
        await online(teacher, c, 1)
        pause = lambda: asyncio.sleep(dice.choice((0, 0, 0.01, 0.05)))

        async def page_goes() -> None:
            await pause()
            if n % 3:
                await old.leave()
            await pause()
            (await throng.leave(me, c)).ok()

        async def page_comes() -> None:
            await pause()
            await bot(crew, me, c)

        (await throng.join(me, c)).ok()
        await asyncio.gather(page_goes(), page_comes())
        await online(teacher, c, 1)
        watched.append((me, c))

    watched: list[tuple[Person, str]] = []
    async with Throng(16) as throng:
        await rounds("reload with media", RELOADS, one)
        # Longer than every grace after the last of them.
        await asyncio.sleep(GRACE + LEAVE_GRACE + RESUME)  # in which nobody may fall out
        for me, c in watched:
            rows = await throng.rows(teacher, c)
            assert rows[me.name]["status"] == NORMAL, f"out after a reload: {rows}"

