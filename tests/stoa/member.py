"""A client of the message hub: the Centrifuge protocol in JSON over one WebSocket, and the functions of groups."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from typing import Any

import aiohttp

SECONDS = 8.0


class Refused(Exception):
    """An error reply."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']} {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]


class Member:
    """One connection. What it is told is kept in order: `events` of groups, `direct` of the personal channel."""

    def __init__(self, port: int, token: str) -> None:
        self.url = f"ws://127.0.0.1:{port}/connection/websocket"
        self.token = token
        self.events: list[dict[str, Any]] = []
        self.direct: list[dict[str, Any]] = []
        self.unsubscribed: list[tuple[str, int]] = []
        self.positions: dict[str, tuple[int, str]] = {}
        self.client = ""
        self.closed: int | None = None
        self.fault: AssertionError | None = None
        self._ids = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._subscribing: dict[int, str] = {}
        self._news = asyncio.Condition()
        self._http: aiohttp.ClientSession | None = None
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None

    async def connect(self, **subs: Any) -> Member:
        self.closed = None
        self._http = aiohttp.ClientSession()
        self._ws = await self._http.ws_connect(self.url, max_msg_size=1 << 22)
        self._reader = asyncio.create_task(self._read())
        answer = await self.command("connect", {"token": self.token, "name": "py", "subs": subs})
        self.client = answer["client"]
        return self

    async def __aenter__(self) -> Member:
        return await self.connect()

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """In order."""
        if self._ws is not None and not self._ws.closed:
            await self._ws.close()
        await self._end()

    async def vanish(self) -> None:
        """Without a goodbye: the TCP connection is reset."""
        assert self._ws is not None
        transport = self._ws.get_extra_info("transport") or self._ws._response.connection.transport  # type: ignore[union-attr]
        transport.abort()
        await self._end()

    async def _end(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._http is not None:
            await self._http.close()

    async def _read(self) -> None:
        assert self._ws is not None
        async for frame in self._ws:
            if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                continue
            try:
                for line in str(frame.data).split("\n"):
                    await self._take(json.loads(line))
            except AssertionError as e:
                # What is wrong with the stream fails the test, not this task alone.
                self.fault = e
                await self._ws.close()
                break
        self.closed = self._ws.close_code
        for waits in self._waiting.values():
            if not waits.done():
                waits.set_exception(ConnectionError(f"closed with {self.closed}"))
        async with self._news:
            self._news.notify_all()

    async def _take(self, reply: dict[str, Any]) -> None:
        assert self._ws is not None
        if not reply:
            await self._ws.send_str("{}")
        elif "id" in reply:
            # At once: pushes that follow are counted from the positions in it.
            for channel, sub in reply.get("connect", {}).get("subs", {}).items():
                self._took(channel, sub)
            channel = self._subscribing.pop(reply["id"], "")
            if "subscribe" in reply:
                self._took(channel, reply["subscribe"])
            waits = self._waiting.pop(reply["id"], None)
            if waits is not None and not waits.done():
                waits.set_result(reply)
        elif "push" in reply:
            push = reply["push"]
            if "pub" in push:
                self._publication(push["channel"], push["pub"])
            if "unsubscribe" in push:
                self.unsubscribed.append((push["channel"], push["unsubscribe"]["code"]))
                self.positions.pop(push["channel"], None)
        async with self._news:
            self._news.notify_all()

    def _publication(self, channel: str, pub: dict[str, Any]) -> None:
        if "offset" in pub:
            before, epoch = self.positions.get(channel, (0, ""))
            assert before == 0 or pub["offset"] == before + 1, f"a gap in {channel}: {before} then {pub['offset']}"
            self.positions[channel] = (pub["offset"], epoch)
        data = pub["data"]
        into = self.direct if channel.startswith("user:") else self.events
        for one in data["items"] if data.get("kind") == "batch" else [data]:
            into.append(one | {"channel": channel, "live": "offset" not in pub})

    def _took(self, channel: str, sub: dict[str, Any]) -> None:
        self.positions[channel] = (sub.get("offset", 0), sub.get("epoch", ""))
        for pub in sub.get("publications", []):
            self._publication(channel, pub)

    async def command(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """A command's result; an error reply is raised."""
        assert self._ws is not None
        self._ids += 1
        waits: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[self._ids] = waits
        if name == "subscribe":
            self._subscribing[self._ids] = body["channel"]
        if self.closed is not None:
            raise ConnectionError(f"closed with {self.closed}")
        await self._ws.send_str(json.dumps({"id": self._ids, name: body}))
        reply = await asyncio.wait_for(waits, SECONDS)
        if "error" in reply:
            raise Refused(reply["error"])
        result: dict[str, Any] = reply[name]
        return result

    async def call(self, method: str, **args: Any) -> Any:
        """A function: `call("send", groupId=…)` is `group.send`."""
        name = method if "." in method else f"group.{method}"
        return (await self.command("rpc", {"method": name, "data": args})).get("data")

    async def refused(self, method: str, **args: Any) -> tuple[int, str]:
        """How a function is refused."""
        try:
            got = await self.call(method, **args)
        except Refused as e:
            return e.code, e.message
        raise AssertionError(f"{method} was not refused: {got}")

    async def subscribe(self, channel: str, **body: Any) -> dict[str, Any]:
        return await self.command("subscribe", {"channel": channel, **body})

    async def join(self, group: str, extension: dict[str, str] | None = None) -> dict[str, Any]:
        """Joins a group and subscribes to both of its channels, from the position of the answer on."""
        args = {} if extension is None else {"userExtension": json.dumps(extension)}
        answer: dict[str, Any] = await self.call("join", groupId=group, **args)
        for channel in answer["channels"]:
            pos = answer["pos"][channel]
            got = await self.subscribe(channel, recover=True, offset=pos["offset"], epoch=pos["epoch"])
            assert got.get("recovered"), got
        return answer

    async def again(self) -> dict[str, bool]:
        """A new connection that goes on where this one was; which channels recovered."""
        await self._end()
        positions = {c: p for c, p in self.positions.items()}
        personal = {c: {"recover": True, "offset": o, "epoch": e} for c, (o, e) in positions.items() if c.startswith("user:")}
        await self.connect(**personal)
        out = {}
        for channel, (offset, epoch) in positions.items():
            if not channel.startswith("user:"):
                got = await self.subscribe(channel, recover=True, offset=offset, epoch=epoch)
                out[channel] = bool(got.get("recovered"))
        return out

    async def send(self, group: str, kind: int, data: Any = None, **more: Any) -> dict[str, Any]:
        text = data if isinstance(data, str) else json.dumps({} if data is None else data)
        answer: dict[str, Any] = await self.call("send", groupId=group, type=kind, data=text, **more)
        return answer

    async def not_sent(self, group: str, kind: int, data: Any = None, **more: Any) -> tuple[int, str]:
        text = data if isinstance(data, str) else json.dumps({} if data is None else data)
        return await self.refused("send", groupId=group, type=kind, data=text, **more)

    async def comment(self, group: str, text: str, kind: int = 21301) -> dict[str, Any]:
        return await self.send(group, kind, {"content": text, "sid": uuid.uuid4().hex})

    async def direct_to(self, group: str, receiver: str, kind: int, data: Any) -> dict[str, Any]:
        wrapped = json.dumps({"data": json.dumps(data), "groupId": group})
        answer: dict[str, Any] = await self.call("sendTo", receiverId=receiver, type=kind, data=wrapped)
        return answer

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["kind"] == kind]

    def messages(self, number: int | None = None) -> list[dict[str, Any]]:
        return [e for e in self.of("message") if number is None or e["type"] == number]

    async def until(self, true: Any, what: str, seconds: float = SECONDS) -> Any:
        """Waits until `true()` holds; asked again whenever something arrives."""
        async def wait() -> Any:
            async with self._news:
                while not (got := true()):
                    if self.fault is not None:
                        raise self.fault
                    await self._news.wait()
                return got
        try:
            return await asyncio.wait_for(wait(), seconds)
        except TimeoutError:
            tail = [*self.events[-4:], *self.direct[-4:]]
            raise AssertionError(f"not within {seconds} s: {what}; last: {tail}") from None

    async def event(self, kind: str, seconds: float = SECONDS, **fields: Any) -> dict[str, Any]:
        """The first event of this kind with these fields."""
        def there() -> dict[str, Any] | None:
            return next((e for e in self.of(kind) if fields.items() <= e.items()), None)
        return await self.until(there, f"{kind} {fields}", seconds)

    async def message(self, number: int, seconds: float = SECONDS, **fields: Any) -> dict[str, Any]:
        return await self.event("message", seconds, type=number, **fields)

    async def told(self, number: int, seconds: float = SECONDS) -> dict[str, Any]:
        """The first direct message with this number; `inner` is what its wrapper holds."""
        def there() -> dict[str, Any] | None:
            return next((e for e in self.direct if e.get("type") == number), None)
        got = await self.until(there, f"direct {number}", seconds)
        wrapper = json.loads(got["data"])
        return got | {"inner": json.loads(wrapper["data"]), "group": wrapper["groupId"]}

    async def ended(self, code: int, seconds: float = SECONDS) -> None:
        await self.until(lambda: self.closed is not None, "the end of the connection", seconds)
        assert self.closed == code, self.closed

    async def quiet(self) -> None:
        """Everything that was published for this connection before this call has arrived: the hub answers in order."""
        await self.call("session.hello")


class Members:
    """Connections that end with the test."""

    def __init__(self) -> None:
        self.all: list[Member] = []

    async def __aenter__(self) -> Members:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(m.close() for m in self.all))

    async def connect(self, port: int, token: str) -> Member:
        self.all.append(Member(port, token))
        return await self.all[-1].connect()

    async def of(self, user: Any) -> Member:
        """A connection of a user of the voice-room API."""
        answer = await asyncio.to_thread(user.im)
        return await self.connect(user.http.port, answer.ok()["aliyun_im"]["app_token"])
