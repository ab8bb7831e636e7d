"""Transcripts of the reference engine, replayed against the hub (hub.md 9, A18). Where from: golden/README.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from stoa.hub import Hub, token
from stoa.transcript import Closed, Names, Socket

GOLDEN = Path(__file__).parent / "golden"
TRANSCRIPTS = {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}
CASES = [(name, format) for name, t in TRANSCRIPTS.items() for format in t["formats"]]



@dataclass(frozen=True)
class Difference:
    """An answer of the hub that is meant to be another one."""

    why: str
    theirs: dict[str, Any]
    ours: dict[str, Any]


def reply(id: int, **body: Any) -> dict[str, Any]:
    return {"receive": {"id": id, **body}}


def error(id: int, code: int, message: str) -> dict[str, Any]:
    return reply(id, error={"code": code, "message": message})


def closed(code: int, reason: str) -> dict[str, Any]:
    return {"closed": {"code": code, "reason": reason}}


BAD = closed(3501, "bad request")
AFTER_REFUSAL = Difference(
    "2.6: 3501; the reference means the same, but drops the socket before its close frame is out",
    closed(1006, ""),
    BAD,
)
# Every place where the hub answers otherwise, with the section of hub.md that wants it so.
DIFFERENCES: dict[str, list[Difference]] = {
    "connect_expired_token": [AFTER_REFUSAL],
    "connect_expired_and_more_in_one_frame": [AFTER_REFUSAL],
    "refresh": [
        Difference(
            "3.2: the client is always filled, because an SDK takes its id from there; the version goes with it",
            reply(2, refresh={"expires": True, "ttl": 1200}),
            reply(2, refresh={"client": "client a", "version": "version", "expires": True, "ttl": 1200}),
        )
    ],
    "two_bodies": [Difference("2.2: ambiguous, so refused", reply(2, unsubscribe={}), BAD)],
    "too_long": [
        Difference(
            "2.1: the code alone is asked for; the reason helps who looks for it",
            closed(1009, ""),
            closed(1009, "message too large"),
        )
    ],
    "publish_no_data": [
        Difference(
            "2.4: refused before anybody is asked",
            error(2, 103, "permission denied"),
            error(2, 107, "bad request"),
        )
    ],
    "subscribe_map": [
        Difference(
            "2.4: whatever else is in the request, maps are not offered",
            error(2, 107, "bad request"),
            error(2, 108, "not available"),
        )
    ],
    # 2.4: the 129th is refused. The reference counts the personal channel, which the client did not ask for.
    "subscribe_129": [
        Difference(
            "2.4",
            error(129, 106, "limit exceeded"),
            reply(
                129,
                subscribe={"data": {"role": "member"}, "epoch": "epoch 129", "positioned": True, "recoverable": True},
            ),
        )
    ],
}
# 2.6: answers that wait for the product may overtake each other.
ANY_ORDER = {"connect_and_all_in_one_frame"}


def expected(name: str) -> list[dict[str, Any]]:
    """The steps as the hub is meant to answer them."""
    steps = [as_ours(step) for step in TRANSCRIPTS[name]["steps"]]
    for difference in DIFFERENCES.get(name, []):
        at = [i for i, step in enumerate(steps) if answer(step) == difference.theirs]
        assert len(at) == 1, f"the reference does not differ any more: {difference}"
        steps[at[0]] = {"on": steps[at[0]]["on"], **difference.ours}
    return steps


def as_ours(step: dict[str, Any]) -> dict[str, Any]:
    """2.5: the epoch in the first publication of a fresh stream is optional, and left out."""
    push = step.get("receive", {}).get("push", {})
    if "epoch" not in push.get("pub", {}):
        return step
    pub = {k: v for k, v in push["pub"].items() if k != "epoch"}
    return {**step, "receive": {"push": {**push, "pub": pub}}}


def answer(step: dict[str, Any]) -> dict[str, Any]:
    """What a step says that a client is told; empty = it says something else."""
    return {k: step[k] for k in ("receive", "closed") if k in step}


class Replay:
    """One transcript against a hub of its own."""

    def __init__(self, hub: Hub, format: str) -> None:
        self.hub = hub
        self.format = format
        self.names = Names()
        self.sockets: dict[str, Socket] = {}

    async def run(self, steps: list[dict[str, Any]], any_order: bool) -> None:
        for (on, listens), group in groupby(steps, lambda s: (s.get("on"), bool(answer(s)))):
            if on is not None and on not in self.sockets:
                continue  # It ended earlier than the reference ended it.
            if not listens:
                for step in group:
                    await self.step(step)
                continue
            golden = [answer(step) for step in group]
            told = [await self.hear(on or "") for _ in golden]
            if any_order:
                golden.sort(key=json.dumps)
                told.sort(key=json.dumps)
            assert told == golden

    async def step(self, step: dict[str, Any]) -> None:
        if "open" in step:
            self.sockets[step["open"]] = await Socket.open(self.hub.url, self.format)
        elif "server" in step:
            await self.product(dict(step["server"]))
        elif "send" in step:
            await self.sockets[step["on"]].send(with_tokens(self.names.put(step["send"])))
        elif "raw" in step:
            await self.sockets[step["on"]].ws.send(step["raw"])
        else:
            raise AssertionError(f"no such step: {step}")

    async def hear(self, on: str) -> dict[str, Any]:
        try:
            return {"receive": self.names.take(on, await self.sockets[on].next())}
        except Closed as end:
            del self.sockets[on]
            return {"closed": end.told}

    async def product(self, command: dict[str, Any]) -> None:
        """What the server does by itself."""
        do = command.pop("do")
        if do == "publish":
            data = command.pop("data")
            more = {"live": 1} if command.pop("live", False) else {}
            position = await self.hub.publish(command["channel"], data, **more)
            assert "error" not in position, position
        else:
            assert await self.hub.do(do, **command) != "unknown"


def with_tokens(value: Any) -> Any:
    """Signed tokens in the place of `token:<user>[:expired|:altered|:ttl=<seconds>]`."""
    if isinstance(value, list):
        return [with_tokens(v) for v in value]
    if isinstance(value, dict):
        return {k: with_tokens(v) for k, v in value.items()}
    if not isinstance(value, str) or not value.startswith("token:"):
        return value
    _, user, *what = value.split(":")
    match what:
        case []:
            return token(user)
        case ["expired"]:
            return token(user, ttl=-5)
        case ["altered"]:
            return token(user)[:-4] + "AAAA"
        case [ttl]:
            return token(user, ttl=int(ttl.removeprefix("ttl=")))
    raise AssertionError(value)


@pytest.fixture
def own_hub(name: str) -> Iterator[Hub]:
    hub = Hub("open", *TRANSCRIPTS[name].get("settings", []))
    yield hub
    hub.kill()


@pytest.mark.parametrize(("name", "format"), CASES, ids=[f"{n}-{f}" for n, f in CASES])
async def test_a18_golden(own_hub: Hub, name: str, format: str) -> None:
    await Replay(own_hub, format).run(expected(name), name in ANY_ORDER)


def test_a18_every_difference_has_its_transcript() -> None:
    assert len(TRANSCRIPTS) > 100, "transcripts are missing"
    assert DIFFERENCES.keys() | ANY_ORDER <= TRANSCRIPTS.keys()
