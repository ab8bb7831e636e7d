"""People of a class on the message hub: what the official client does between `token` and `joinGroup`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from .class_media import run
from .classroom import Person, fresh, person
from .member import Member
from .server import Server

COMMENT = 10001
JOINED, LEFT_CLASS, KICKED_OUT = 11001, 11002, 11003
DISSOLVED, REMOVED = 1, 2


async def hub_token(who: Person, device: str = "d1") -> str:
    got = await run(who.hub_token, device_id=device)
    token: str = got["hub"]["token"]
    return token


class Hall:
    """One class, and connections that end with the block."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.teacher = person(server)
        self.id = self.meeting = ""
        self._open: list[Member] = []

    async def __aenter__(self) -> Hall:
        made = await run(self.teacher.create, mode=1)
        self.id, self.meeting = made["id"], made["meeting_id"]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(m.close() for m in self._open))

    async def member(self, who: Person | None = None, **fields: Any) -> Person:
        """Somebody with a row, not connected."""
        who = who or person(self.server)
        await run(who.join, self.id, **fields)
        return who

    async def assistant(self, *rights: str) -> Person:
        """Somebody in the slot, not connected."""
        await run(self.teacher.permit, self.id, json.dumps(rights))
        return await self.member(identity=2)

    async def connect(self, who: Person, device: str = "d1") -> Member:
        """A connection that has joined nothing."""
        return await self.opened(Member(who.http.port, await hub_token(who, device)))

    async def opened(self, one: Member) -> Member:
        self._open.append(one)
        return await one.connect()

    async def enter(self, who: Person, device: str = "d1") -> Member:
        """A connection in the group."""
        one = await self.connect(who, device)
        await one.join(self.id)
        return one

    async def people(self, count: int) -> list[tuple[Person, Member]]:
        """So many students with a connection each."""
        async def one() -> tuple[Person, Member]:
            who = await self.member()
            return who, await self.enter(who)

        return list(await asyncio.gather(*(one() for _ in range(count))))

    # -- what is sent ---------------------------------------------------------------------------

    async def say(self, by: Member, text: str, **more: Any) -> dict[str, Any]:
        """A comment; extra fields go beside it."""
        return await by.send(self.id, COMMENT, {"content": text, "sid": fresh("sid")}, **more)

    async def signal(self, by: Member, kind: int, **data: Any) -> dict[str, Any]:
        return await by.send(self.id, kind, {"sid": fresh("sid")} | data)

    async def no_signal(self, by: Member, kind: int, **data: Any) -> tuple[int, str]:
        return await by.not_sent(self.id, kind, {"sid": fresh("sid")} | data)

    async def recent(self, by: Member, **args: Any) -> list[dict[str, Any]]:
        got: list[dict[str, Any]] = (await by.call("recent", groupId=self.id, limit=100, **args))["messageList"]
        return got


def said(message: dict[str, Any]) -> str:
    """The text of a comment."""
    content: str = json.loads(message["data"])["content"]
    return content


def about(one: Member, kind: int, who: Person) -> list[dict[str, Any]]:
    """What a connection was told of somebody's membership: the `data` of 1100x."""
    rows = [json.loads(m["data"]) for m in one.messages(kind)]
    return [row for row in rows if row["user_id"] == who.name]


async def hears_of(one: Member, kind: int, who: Person, seconds: float = 8) -> dict[str, Any]:
    """Waits for 1100x about somebody."""
    await one.until(lambda: about(one, kind, who), f"{kind} about {who.name}", seconds)
    return about(one, kind, who)[0]


async def is_put_out(one: Member, group: str, seconds: float = 8) -> None:
    """Waits for `exit` 2 and the end of both subscriptions."""
    def out() -> bool:
        told = any(e.get("kind") == "exit" and e["groupId"] == group and e["reason"] == REMOVED for e in one.direct)
        return told and len(one.unsubscribed) >= 2

    await one.until(out, "exit 2", seconds)
    assert [code for _, code in one.unsubscribed] == [2000, 2000], one.unsubscribed
