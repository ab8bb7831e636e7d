"""Live connections of a class: participants that came in with what the class's own routes answered."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .classroom import Person
from .crew import Bot, Crew
from .live import Live, Stage
from .wait import until


def address(who: Person) -> str:
    return f"ws://127.0.0.1:{who.http.port}"


async def run(call: Any, *args: Any, **kw: Any) -> Any:
    """A blocking call of a `Person`, off the event loop; answers its `data`."""
    return (await asyncio.to_thread(call, *args, **kw)).ok()


async def link(who: Person, c: str, name: str = "link_info") -> dict:
    return (await run(who.get, c))[name]


async def bot(crew: Crew, who: Person, c: str, *, shadow: bool = False) -> Bot:
    """A cheap participant, on the token of `link_info`."""
    made = await crew.join(address(who), (await link(who, c, "shadow_link_info" if shadow else "link_info"))["rtc_token"])
    made.user = who.name
    return made


async def live(stage: Stage, who: Person, room: dict, *, shadow: bool = False) -> Live:
    """A participant on the public SDK, on the token of `link_info`."""
    links = await link(who, room["id"], "shadow_link_info" if shadow else "link_info")
    client = Live(f"{who.name}_shadow" if shadow else who.name, room["meeting_id"])
    stage.clients.append(client)
    await client.connect(token=links["rtc_token"], url=links["rtc_url"])
    return client


async def online(watcher: Person, c: str, count: int, seconds: float = 10) -> None:
    """Waits until so many users have a live connection."""
    async def seen() -> bool:
        return (await run(watcher.get, c))["metrics"]["online_count"] == count

    await until(seen, seconds, f"{count} users online in {c}")


async def status(watcher: Person, c: str, who: Person) -> int:
    return (await asyncio.to_thread(watcher.row, c, who))["status"]


async def becomes(watcher: Person, c: str, who: Person, wanted: int, seconds: float) -> float:
    """Waits for a member's status; answers when it was seen."""
    async def is_so() -> bool:
        return await status(watcher, c, who) == wanted

    await until(is_so, seconds, f"{who.name} has status {wanted}")
    return time.monotonic()


async def keeps(watcher: Person, c: str, who: Person, wanted: int, seconds: float) -> None:
    """Fails as soon as a member's status is another within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = await status(watcher, c, who)
        assert got == wanted, f"{who.name} has status {got}"
        await asyncio.sleep(0.1)
