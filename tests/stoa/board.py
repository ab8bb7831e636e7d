"""A y-websocket client of a class's whiteboard, on `pycrdt`, the Python port of Yjs."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
from pycrdt import Array, Doc, Map, YMessageType, create_sync_message, create_update_message, handle_sync_message

from .classroom import BOARD_SECRET, Person, board_checksum, fresh, without
from .wait import until

PATH = "/api/v1/class/whiteboard/"
# Message 2 of y-protocols: a permission was denied.
DENIED = 2


def auth(who: Person, *, age: int = 0, nonce: str | None = None, secret: str = BOARD_SECRET, **fields: Any) -> dict[str, str]:
    """The query of a good request, made here; `age` seconds old. Fields given as `...` are left out."""
    now = str(int(time.time()) - age)
    nonce = nonce or fresh("").strip("-").ljust(32, "0")
    return without({"nonce": nonce, "curTime": now, "checksum": board_checksum(nonce, now, secret)} | fields)


async def knock(who: Person | None, c: str, query: dict[str, str], *, upgrade: bool = False) -> int:
    """The HTTP status of a request, plain or with an upgrade (101 = let in)."""
    url = f"http://{who.http.host}:{who.http.port}{PATH}{c}"
    headers = {"Authorization": f"Bearer {who.token}"} if who.token else {}
    async with aiohttp.ClientSession() as session:
        if not upgrade:
            async with session.get(url, params=query, headers=headers) as answer:
                return answer.status
        try:
            async with session.ws_connect(url, params=query, headers=headers):
                return 101
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status


class Board:
    """One browser tab: a document of its own that outlives its connections."""

    def __init__(self, who: Person, c: str) -> None:
        self.who, self.c = who, c
        self.doc = Doc()
        self.elements = self.doc.get("elements", type=Map)
        self.pages = self.doc.get("pages", type=Array)
        self.view = self.doc.get("view", type=Map)
        self.denied = 0
        self.ws: aiohttp.ClientWebSocketResponse | None = None
        self._hearing = False
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        self._watch = self.doc.observe(self._changed)

    def _changed(self, event: Any) -> None:
        if self.ws is not None and not self._hearing:
            self._out.put_nowait(create_update_message(event.update))

    async def connect(self) -> Board:
        """With what getWhiteboardAuthInfo answers."""
        info = (await asyncio.to_thread(self.who.call, "getWhiteboardAuthInfo")).ok()
        query = {name: str(info[name]) for name in ("nonce", "curTime", "checksum")}
        self.session = aiohttp.ClientSession()
        try:
            self.ws = await self.session.ws_connect(
                f"http://{self.who.http.host}:{self.who.http.port}{PATH}{self.c}", params=query, headers={"Authorization": f"Bearer {self.who.token}"},
            )
        except BaseException:
            await self.session.close()
            raise
        self._out = asyncio.Queue()
        self.ended = asyncio.Event()
        self._out.put_nowait(create_sync_message(self.doc))
        self._tasks = [asyncio.create_task(self._read(self.ws)), asyncio.create_task(self._write(self.ws))]
        return self

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in ws:
                if message.type != aiohttp.WSMsgType.BINARY:
                    continue
                if message.data[0] == YMessageType.SYNC:
                    self._hearing = True
                    try:
                        answer = handle_sync_message(message.data[1:], self.doc)
                    finally:
                        self._hearing = False
                    if answer is not None:
                        self._out.put_nowait(answer)
                elif message.data[0] == DENIED:
                    self.denied += 1
        finally:
            self.ended.set()

    async def _write(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await ws.send_bytes(await self._out.get())

    async def drop(self) -> None:
        """The connection goes; the document stays."""
        ws, self.ws = self.ws, None
        if ws is None:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await ws.close()
        await self.session.close()

    def draw(self, name: str, **more: Any) -> None:
        self.elements[name] = {"id": name, "type": "rectangle", "x": 1, "y": 2, "width": 30, "height": 40} | more

    def shown(self) -> dict:
        """The whole document."""
        return {"elements": self.elements.to_py(), "pages": self.pages.to_py(), "view": self.view.to_py()}

    async def shows(self, *names: str, seconds: float = 10) -> None:
        """Waits until exactly these elements are there."""
        await until(lambda: set(self.elements.keys()) == set(names), seconds, f"elements {names} at {self.who.name}")

    async def gone(self, seconds: float = 5) -> None:
        """Waits until the server has closed the socket."""
        await asyncio.wait_for(self.ended.wait(), seconds)


async def same(*boards: Board, seconds: float = 10) -> None:
    """Waits until all show the same."""
    await until(lambda: all(b.shown() == boards[0].shown() for b in boards), seconds, "the boards converge")
