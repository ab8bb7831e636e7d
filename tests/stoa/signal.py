"""LiveKit's signalling by hand: what a patched client could send."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable

import aiohttp
from livekit.protocol import rtc as proto


class Signal:
    """One signalling socket. Everything received is kept in `seen`."""

    def __init__(self, base: str, token: str, **query: str) -> None:
        self.base, self.token = base, token
        self.query = {"access_token": token, "protocol": "16", "sdk": "js", "version": "2.23.0", "auto_subscribe": "1"} | query
        self.seen: list[proto.SignalResponse] = []
        self.closed = asyncio.Event()

    async def __aenter__(self) -> Signal:
        self.session = aiohttp.ClientSession()
        try:
            self.ws = await self.session.ws_connect(f"{self.base}/rtc", params=self.query)
        except BaseException:
            await self.session.close()
            raise
        self._fresh = asyncio.Condition()
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.ws.close()
        await self._task
        await self.session.close()

    async def _read(self) -> None:
        async for message in self.ws:
            if message.type == aiohttp.WSMsgType.BINARY:
                response = proto.SignalResponse()
                response.ParseFromString(message.data)
                async with self._fresh:
                    self.seen.append(response)
                    self._fresh.notify_all()
        async with self._fresh:
            self.closed.set()
            self._fresh.notify_all()

    async def send(self, **fields: object) -> None:
        await self.ws.send_bytes(proto.SignalRequest(**fields).SerializeToString())

    async def wait(self, kind: str, seconds: float = 10, where: Callable[[object], bool] = lambda _: True) -> object:
        """The first message of that kind (a field of SignalResponse) that `where` likes."""
        looked = 0

        def found() -> object:
            # Each message is looked at once: a flood of them must not make the look slower and slower.
            nonlocal looked
            while looked < len(self.seen):
                message = self.seen[looked]
                if message.WhichOneof("message") == kind and where(getattr(message, kind)):
                    return getattr(message, kind)
                looked += 1
            return None

        async with self._fresh:
            try:
                await asyncio.wait_for(self._fresh.wait_for(lambda: found() or self.closed.is_set()), seconds)
            except asyncio.TimeoutError:
                raise AssertionError(f"no {kind} within {seconds} s, but {Counter(self.kinds())}") from None
            got = found()
        assert got is not None, f"closed without {kind}: {Counter(self.kinds())}"
        return got

    def kinds(self) -> list[str]:
        return [m.WhichOneof("message") for m in self.seen]


def trickle(candidate: str) -> str:
    return json.dumps({"candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0})
