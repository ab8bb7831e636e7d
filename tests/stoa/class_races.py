"""Races that are played on one server and on two processes of one database."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable

from .classroom import ASSISTANT, Person, Throng
from .notes import note

AT_ONCE = 4
# A pool of connections, and who asks: a user of that name at one of the servers.
Side = tuple[Throng, Callable[[str], Person]]


async def rounds(what: str, count: int, one: Callable[[int], Awaitable[None]], at_once: int = AT_ONCE) -> None:
    """Plays so many rounds, some of them at the same time, and notes how long that took."""
    began, numbers = time.monotonic(), iter(range(count))

    async def player() -> None:
        for n in numbers:
            await one(n)

    await asyncio.gather(*(player() for _ in range(at_once)))
    note(f"classroom race, {what}: {count} rounds in {time.monotonic() - began:.1f} s")


async def two_assistants(throngs: list[Side], count: int) -> None:
    """J16. With several servers the two ask different ones, and a third looks on."""
    async def one(n: int) -> None:
        (t0, p0), (t1, p1) = throngs[0], throngs[-1]
        teacher, a, b = p0(f"t{n}"), p0(f"a{n}"), p1(f"b{n}")
        c = (await t0.create(teacher))["id"]
        (await t0.call(teacher, "setAssistantPermit", {"class_id": c, "permit": "[]"})).ok()
        replies = await asyncio.gather(
            t0.join(a, c, identity=2), t1.join(b, c, identity=2), t1.get(p1(f"t{n}"), c), t0.call(teacher, "list", {"user_id": teacher.name, "page_size": 5}),
        )
        outcomes = {a.name: replies[0].outcome, b.name: replies[1].outcome}
        assert sorted(outcomes.values()) == ["ClassHasAssistant", "yes"], outcomes
        winner = next(name for name, outcome in outcomes.items() if outcome == "yes")
        assert (await t1.get(p1(f"t{n}"), c))["assistantPermit"]["user_id"] == winner
        rows = await t0.rows(teacher, c)
        assert [u for u, row in rows.items() if row["identity"] == ASSISTANT] == [winner] == list(rows)

    await rounds("two assistants for one slot", count, one, 8)


async def meeting_info(throngs: list[Side], count: int) -> None:
    """I07: half of the calls change `members`, half the flags; no key is lost and every answer is a state that was."""
    async def one(n: int) -> None:
        throng, at = throngs[0]
        c = (await throng.create(at("t")))["id"]
        width = 10
        numbers = itertools.count(1)

        async def write(k: int) -> tuple[dict, dict]:
            t, p = throngs[k % len(throngs)]
            m = next(numbers)
            patch = {"members": [{"user_id": f"u{m}", "n": m}, {"user_id": f"v{m}", "n": m}]} if k % 4 < 2 else {"all_mute": bool(m % 2), "interaction_allowed": bool(m % 3)}
            return patch, (await t.call(p("t"), "updateMeetingInfo", {"id": c} | patch)).ok()

        done = await asyncio.gather(*(write(k) for k in range(width)))
        sent_members = [p["members"] for p, _ in done if "members" in p]
        for patch, state in done:
            # The answer holds one's own change, and of the other keys whole values that somebody sent.
            assert all(state[k] == v for k, v in patch.items()), (patch, state)
            assert state["members"] in [[], *sent_members], "a mixture"
        final = (await throng.call(at("t"), "getMeetingInfo", {"id": c})).ok()
        assert final["members"] in sent_members and {"all_mute", "interaction_allowed"} <= set(final), f"a lost key: {final}"
        assert final in [state for _, state in done], "a state that no answer showed"
        assert json.loads((await throng.get(at("t"), c))["meetingInfo"]) == final

    await rounds("updates of the meeting info, ten at once", count, one)
