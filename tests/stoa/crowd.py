"""Many callers at once, on kept-open connections; every answer is checked like all others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

from .http import API, Answer, User, check_answer


@dataclass
class Timed:
    """An answer with the interval in which it took effect."""

    user: str
    endpoint: str
    began: float
    ended: float
    answer: Answer


class Crowd:
    """Calls of many users through one pool of connections."""

    def __init__(self, size: int = 64) -> None:
        self.size = size
        self.session: aiohttp.ClientSession

    async def __aenter__(self) -> Crowd:
        connector = aiohttp.TCPConnector(limit=self.size)
        self.session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.session.close()

    async def call(self, user: User, endpoint: str, body: dict) -> Timed:
        url = f"http://{user.http.host}:{user.http.port}{API}{endpoint}"
        began = time.monotonic()
        async with self.session.post(url, json=body, headers={"Authorization": f"Bearer {user.token}"}) as reply:
            raw = await reply.read()
            ended = time.monotonic()
            headers = [(k, v) for k, v in reply.headers.items()]
            return Timed(user.name, endpoint, began, ended, check_answer(reply.status, headers, raw))

    async def join(self, user: User, room: str, **fields: Any) -> Timed:
        return await self.call(user, "joinMic", {"id": room, "user_id": user.name} | fields)

    async def leave(self, user: User, room: str, index: int = 1, **fields: Any) -> Timed:
        return await self.call(user, "leaveMic", {"id": room, "user_id": user.name, "index": index} | fields)

    async def info(self, user: User, room: str) -> Timed:
        return await self.call(user, "getMeetingInfo", {"id": room})

    async def dismiss(self, user: User, room: str) -> Timed:
        return await self.call(user, "dismiss", {"id": room, "user_id": user.name})


async def together(jobs: Iterable[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """Runs all at once, released by one gate."""
    gate = asyncio.Event()

    async def held(job: Callable[[], Awaitable[Any]]) -> Any:
        await gate.wait()
        return await job()

    tasks = [asyncio.create_task(held(job)) for job in jobs]
    await asyncio.sleep(0)
    gate.set()
    return await asyncio.gather(*tasks)
