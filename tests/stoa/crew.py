"""Many cheap participants: real ICE, DTLS and SRTP clients in one `stoa-load drive` process, ordered about from here."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import uuid
from typing import Any

from .server import binary

REPLY_SECONDS = 40.0
# `leave` reasons and actions of LiveKit's protocol.
DUPLICATE_IDENTITY, PARTICIPANT_REMOVED, ROOM_DELETED = 2, 4, 5
DISCONNECT = 0


class Refused(Exception):
    """The door answered an HTTP status, or a `leave` in place of the join."""

    def __init__(self, answer: dict) -> None:
        super().__init__(f"{answer}")
        self.status: int = answer.get("status", 0)
        self.text: str = answer["error"]


class Bot:
    """One participant."""

    def __init__(self, crew: Crew, name: str, url: str, token: str) -> None:
        self.crew, self.name, self.url, self.token = crew, name, url, token
        self.sid = self.identity = self.user = ""
        self.tag = 0

    async def _do(self, what: str, **fields: Any) -> dict:
        return await self.crew.order(what, bot=self.name, **fields)

    async def publish(self, tag: int | None = None, **fields: Any) -> str:
        """An announced microphone at 50 packets per second, each of them marked with the tag; answers the track's sid."""
        self.tag = tag or next(self.crew.tags)
        return (await self._do("publish", tag=self.tag, **fields))["track"]

    async def pause(self, paused: bool = True) -> None:
        """Stops or goes on sending, without telling the server."""
        await self._do("pause", tag=self.tag, paused=paused)

    async def hears(self, sender: Bot, packets: int = 10, seconds: float = 10) -> None:
        """Waits for so many new packets of that sender."""
        await self._do("hear", tag=sender.tag, packets=packets, limit_ms=int(seconds * 1000))

    async def cut(self) -> None:
        """Closes the signalling socket under the session."""
        await self._do("cut")

    async def resume(self, token: str | None = None) -> None:
        await self._do("resume", token=token)

    async def leave(self) -> float:
        """Says goodbye; answers the time."""
        return (await self._do("leave"))["at"]

    async def vanish(self) -> float:
        """Closes its sockets without a word; answers the time."""
        return (await self._do("vanish"))["at"]

    async def gone(self, seconds: float = 5) -> tuple[int, int]:
        """Waits for the server's `leave`: reason and action."""
        got = await self._do("gone", limit_ms=int(seconds * 1000))
        return got["reason"], got["action"]

    async def view(self) -> dict:
        return await self._do("view")

    async def heard(self, sender: Bot) -> dict:
        """Of that sender so far: how many packets, and when the last one came (unix seconds)."""
        return (await self.view())["senders"].get(str(sender.tag), {"packets": 0, "last": 0.0})


class Crew:
    """A process full of them. Leaving the block kills it: whoever is still in a channel vanishes without goodbye."""

    def __init__(self) -> None:
        self.tags = itertools.count(1)
        self._n = itertools.count(1)
        self._open: dict[int, asyncio.Future[dict]] = {}

    async def __aenter__(self) -> Crew:
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(str(binary().with_name("stoa-load")), "drive", stdin=pipe, stdout=pipe, stderr=pipe, limit=2**22)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.kill()
        await self.process.wait()
        await self._reading

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()

    def freeze(self) -> None:
        """Nothing of it reaches the server any more, and no socket is closed: a black hole."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def _read(self) -> None:
        while line := await self.process.stdout.readline():
            answer = json.loads(line)
            waiting = self._open.pop(answer.pop("n"))
            if not waiting.done():
                waiting.set_result(answer)
        said = (await self.process.stderr.read()).decode()
        for waiting in self._open.values():
            if not waiting.done():
                waiting.set_exception(RuntimeError(f"the crew's process ended: {said}"))

    async def order(self, what: str, **fields: Any) -> dict:
        n = next(self._n)
        self._open[n] = answer = asyncio.get_running_loop().create_future()
        line = {"n": n, "do": what} | {k: v for k, v in fields.items() if v is not None}
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        await self.process.stdin.drain()
        got = await asyncio.wait_for(answer, REPLY_SECONDS)
        if "status" in got or got.get("error") == "left":
            raise Refused(got)
        assert "error" not in got, f"{what} {fields.get('bot')}: {got['error']}"
        return got

    async def join(self, url: str, token: str, *, early: bool = False) -> Bot:
        """Joins with a token; `early`: without waiting for media."""
        bot = Bot(self, uuid.uuid4().hex, url, token)
        got = await self.order("join", bot=bot.name, url=url, token=token, early=early)
        bot.sid, bot.identity = got["sid"], got["identity"]
        return bot
