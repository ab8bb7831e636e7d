"""The people of one test in voice rooms: accounts, rooms, and their connections to the message hub, closed together."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from . import tokens
from .http import User
from .member import Member, Refused
from .server import Server

EXTENSION = {"userNick": "Nick", "userAvatar": ""}

# hub.md 5.9.
BAD = (1400, "bad request")
NOT_ALLOWED = (1403, "not allowed")
NOT_MEMBER = (1403, "not a member")
BANNED = (1403, "banned")
MUTED = (1403, "muted")
NO_GROUP = (1404, "no such group")
NO_RECEIVER = (1404, "no such receiver")
NO_MESSAGE = (1404, "no such message")
CLOSING = (1409, "group closing")

# Settings.
OFF = {"per_sec": 0, "burst": 0}
LIMITS = ("signals", "comments", "reads", "commands", "connects", "connects_user")
FREE = {f"limits.hub_{name}": OFF for name in LIMITS}
HUB_KEY = b"end-to-end-test-hub-signing-key1"
KEYS = {"hub.jwt_keys": [tokens.base64.b64encode(HUB_KEY).decode()]}
BOTH_LIVE = {"voice.single_login": False}


async def do(call: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    """A blocking call, without holding up the others."""
    return await asyncio.to_thread(call, *args, **kw)


def im_token(user: User, **fields: Any) -> str:
    """The hub token inside the voice bundle."""
    token: str = user.im(**fields).ok()["aliyun_im"]["app_token"]
    return token


class Guest(Member):
    """A connection of a known account."""

    def __init__(self, server: Server, user: User, token: str) -> None:
        super().__init__(server.http.port, token)
        self.user, self.name = user, user.name

    def personal(self) -> list[dict[str, Any]]:
        """Direct messages so far, with what their wrapper holds."""
        out = []
        for one in [d for d in self.direct if d["kind"] == "message"]:
            wrapper = json.loads(one["data"])
            assert set(wrapper) == {"data", "groupId"}, wrapper
            out.append(one | {"inner": json.loads(wrapper["data"]), "group": wrapper["groupId"]})
        return out

    async def exit(self, seconds: float = 8) -> dict[str, Any]:
        """The removal that only this user is told of."""
        got: dict[str, Any] = await self.until(lambda: next((d for d in self.direct if d["kind"] == "exit"), None), "exit", seconds)
        return got

    async def put_out(self, room: str, seconds: float = 8) -> None:
        """Both subscriptions ended for good."""
        both = {(f"room:{room}", 2000), (f"chat:{room}", 2000)}
        await self.until(lambda: both <= set(self.unsubscribed), "the end of both subscriptions", seconds)


class Hall:
    """Leaving the block closes every connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.guests: list[Guest] = []

    async def __aenter__(self) -> Hall:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(g.close() for g in self.guests), return_exceptions=True)

    async def connect(self, user: User | None = None, **fields: Any) -> Guest:
        """A connection of that user, or of a new one; `fields` of the token request."""
        user = user or self.server.user()
        guest = Guest(self.server, user, await do(im_token, user, **fields))
        self.guests.append(guest)
        await guest.connect()
        return guest

    async def enter(self, room: str, user: User | None = None, **fields: Any) -> Guest:
        """The same, joined."""
        guest = await self.connect(user, **fields)
        await guest.join(room, EXTENSION)
        return guest

    async def room(self, members: int = 1) -> tuple[str, Guest, list[Guest]]:
        """A room with its owner and so many members in its group; everybody knows that all are in."""
        owner = await self.connect()
        room: str = await do(owner.user.room)
        await owner.join(room, EXTENSION)
        others = list(await asyncio.gather(*(self.enter(room) for _ in range(members))))
        for guest in (owner, *others):
            await guest.until(lambda g=guest: total(g) == members + 1, "everybody in")
        return room, owner, others

    async def seated(self, room: str, guest: Guest, **fields: Any) -> int:
        """Takes a seat; everybody in the group was told when this answers."""
        seats = (await do(guest.user.join, room, **fields)).ok()["members"]
        return next(m["index"] for m in seats if m["user_id"] == guest.name)

    async def silent(self, *guests: Guest) -> None:
        """Whatever was published before this call has arrived everywhere."""
        await asyncio.gather(*(g.quiet() for g in guests))


def total(guest: Guest) -> int:
    """How many are in, as this guest was told last; alone until it is told something."""
    told = guest.of("members")
    return told[-1]["total"] if told else 1


def left(guest: Guest) -> list[tuple[str, str]]:
    """Who went and why, in order."""
    return [(x["userId"], x["why"]) for e in guest.of("members") for x in e["left"]]


def joined(guest: Guest) -> list[str]:
    """Who came, in order."""
    return [x["userId"] for e in guest.of("members") for x in e["joined"]]


async def error_of(member: Member, command: str, **body: Any) -> int:
    """The code of the error reply to a command."""
    try:
        got = await member.command(command, body)
    except Refused as refused:
        return refused.code
    raise AssertionError(f"{command} {body}: {got}")


def wrapped(room: str, data: Any) -> str:
    """The official wrapper of direct messages."""
    return json.dumps({"data": data if isinstance(data, str) else json.dumps(data), "groupId": room})


def now_ms() -> int:
    return int(time.time() * 1000)
