"""The Talk commands as an administrator's server calls them. Every reply is checked for what holds for all (B21)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from livekit.protocol import rtc as proto

from . import http, tokens
from .crew import Bot, Crew
from .http import Answer, no_null
from .server import Server
from .wait import until

if TYPE_CHECKING:
    from .media import Client

# `server.time_zone` of a server that was not told otherwise.
ZONE = timezone(timedelta(hours=8))
TEXT, NOTICE = "stoa.talk.msg", "stoa.talk.notice"
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")

# Codes of the error table.
BAD_BODY, WRONG_APP, UNKNOWN_COMMAND, NOT_ADMIN, RATE_LIMITED, CHECKSUM = 60003, 60006, 60009, 60010, 60018, 70009
INTERNAL, BAD_PARAM, NO_CHANNEL, NO_USER, NOT_PERMITTED = 100001, 100002, 100004, 100005, 100006

# Seconds on the server that most tests share: a lost client counts as present for RESUME, its call goes on if it is back
# within GRACE, an empty channel lives for LINGER, running calls are noted every BEAT, statistics are means over WINDOW.
RESUME, GRACE, LINGER, BEAT, WINDOW = 2, 5, 2, 1, 2
# How far a waiting test lets the server be late, on a busy machine.
SLACK = 6

# Everything of this run that no log may hold, see `leaks`.
_checksums: set[str] = set()
_signatures: set[str] = set()
_marks: set[str] = {tokens.KEY_TEXT}


@dataclass(frozen=True)
class App:
    """A tenant."""

    app_id: int
    key: str
    secret: str

    def config(self) -> dict:
        return {"app_id": self.app_id, "appkey": self.key, "appsecret": self.secret}


FIRST = App(1000, "firstkey", "secret-of-the-first-app-number-1")
SECOND = App(2000, "secondkey", "another-secret-another-secret-00")
_marks |= {FIRST.secret, SECOND.secret}


def fresh(kind: str = "ch") -> str:
    """A name nobody used."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def no_repeats(pairs: list[tuple[str, Any]]) -> dict:
    names = [k for k, _ in pairs]
    assert len(names) == len(set(names)), f"a key twice: {names}"
    return dict(pairs)


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


class Reply(Answer):
    """A checked reply."""

    @property
    def code(self) -> int:
        return self.body["ErrorCode"]

    def ok(self) -> Reply:
        return self.expect(0)

    def expect(self, code: int) -> Reply:  # type: ignore[override]
        assert self.code == code, f"expected {code}, got {self}"
        return self


def check_reply(status: int, headers: Iterable[tuple[str, str]], raw: bytes, *, identity: bool = False) -> Reply:
    """What holds for every reply; `identity`: of change_user_Identity, which says more."""
    reply = Reply(status, list(headers), raw)
    assert status == 200, reply
    assert reply.header("content-type") == "application/json; charset=utf-8", reply.headers
    assert http.REQUEST_ID.fullmatch(reply.header("x-request-id") or ""), reply.headers
    body = json.loads(raw.decode("utf-8"), object_pairs_hook=no_repeats, parse_constant=no_constant)
    assert type(body) is dict, reply
    no_null(body)
    code, info = body["ErrorCode"], body["ErrorInfo"]
    assert type(code) is int and type(info) is str, reply
    if code == 0:
        assert body["ActionStatus"] == "OK" and info == "", reply
    else:
        assert body["ActionStatus"] == "FAIL" and 0 < len(info.encode()) <= 256, reply
        echoes = {"Code", "ChannelID", "UserID", "ResponetId", "ResponseId"} if identity else set()
        assert set(body) - echoes == {"ActionStatus", "ErrorCode", "ErrorInfo"}, reply
    if identity:
        assert body["Code"] == code, reply
    for name in ("ChannelID", "UserID"):
        assert type(body.get(name, "")) is str, reply
    for name in ("AppID", "Total", "UserCount"):
        assert type(body.get(name, 0)) is int, reply
    reply.body = body
    http.checked += 1
    return reply


async def exchange(port: int, head: str, body: bytes = b"") -> tuple[int, list[tuple[str, str]], bytes]:
    """One request on a connection of its own; `head` without the headers that every request has."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{head}\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        top, _, rest = (await asyncio.wait_for(reader.read(), 30)).partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        headers = [(k.strip(), v.strip()) for k, _, v in (line.partition(":") for line in lines)]
        return int(first.split()[1]), headers, rest
    finally:
        writer.close()


class Knock:
    """A knock at signalling by hand, as a join or (with a sid) a resume. Let in (status 101) the socket stays open and says nothing."""

    def __init__(self, port: int, token: str, *, sid: str | None = None) -> None:
        self.port = port
        self.query = {"access_token": token, "protocol": "16", "sdk": "js", "version": "2.23.0", "auto_subscribe": "1"}
        if sid:
            self.query |= {"reconnect": "1", "sid": sid}
        self.status, self.text = 0, ""

    async def open(self) -> Knock:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write((
            f"GET /rtc?{urlencode(self.query)} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode())
        await self.writer.drain()
        top = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        self.status = int(top.split()[1])
        length = re.search(rb"(?i)content-length: *(\d+)", top)
        if length and self.status != 101:
            self.text = (await asyncio.wait_for(self.reader.readexactly(int(length[1])), 10)).decode()
        return self

    async def _frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; servers send neither masks nor parts."""
        head = await self.reader.readexactly(2)
        size = head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
        return head[0] & 0x0F, await self.reader.readexactly(size)

    async def sid(self) -> str:
        """Our participant's sid, from the server's `join` (its first frame)."""
        _, payload = await asyncio.wait_for(self._frame(), 10)
        response = proto.SignalResponse()
        response.ParseFromString(payload)
        return response.join.participant.sid

    async def ends(self, seconds: float) -> bool:
        """Whether the server closes the socket within that time (a close frame is enough: we do not answer it)."""
        async def drain() -> None:
            while (await self._frame())[0] != 8:
                pass

        try:
            await asyncio.wait_for(drain(), seconds)
        except asyncio.TimeoutError:
            return False
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        return True

    def close(self) -> None:
        self.writer.close()


async def door(port: int, token: str, *, sid: str | None = None) -> tuple[int, str]:
    """Knocks and goes away: 101 = let in, else the status and the text."""
    knock = await Knock(port, token, sid=sid).open()
    knock.close()
    return knock.status, knock.text


async def validate(port: int, token: str) -> tuple[int, str]:
    """What the validate route says."""
    status, _, raw = await exchange(port, f"GET /rtc/validate?access_token={token} HTTP/1.1")
    return status, raw.decode()


class Talk:
    """An administrator's server of one app."""

    def __init__(self, server: Server, app: App = FIRST, identifier: str = "admin") -> None:
        self.server, self.app, self.identifier = server, app, identifier

    def query(self, identifier: str | None = None) -> str:
        curtime = str(int(time.time()))
        checksum = hashlib.sha1((self.app.secret + curtime).encode()).hexdigest()
        _checksums.add(checksum)
        return urlencode({"appkey": self.app.key, "identifier": identifier or self.identifier, "curtime": curtime, "checksum": checksum})

    async def raw(self, command: str, body: bytes, *, service: str = "im", identifier: str | None = None) -> Reply:
        """These bytes as they are."""
        head = f"POST /v1/{service}/{command}?{self.query(identifier)} HTTP/1.1\r\nContent-Type: application/json"
        status, headers, raw = await exchange(self.server.port, head, body)
        identity = re.sub(r"%20|\+", "", command).lower().strip("/") == "change_user_identity"
        return check_reply(status, headers, raw, identity=identity)

    async def call(self, command: str, /, **fields: Any) -> Reply:
        """A command; fields given as `...` are left out."""
        body = {k: v for k, v in fields.items() if v is not ...}
        return await self.raw(command, json.dumps(body, ensure_ascii=False).encode())

    # -- reads --------------------------------------------------------------------------------

    async def count(self, channel: str) -> int:
        return (await self.call("query_talk_channel_user_count", ChannelID=channel)).ok()["UserCount"]

    async def _users(self, command: str, channel: str) -> list[str]:
        reply = (await self.call(command, ChannelID=channel)).ok()
        names = [row["UserID"] for row in reply["UserList"]]
        assert len(names) == len(set(names)) == reply["Total"], reply
        assert (reply["AppID"], reply["ChannelID"]) == (self.app.app_id, channel)
        return names

    async def users(self, channel: str) -> list[str]:
        return await self._users("get_talk_user_list_on_a_channel", channel)

    async def speakers(self, channel: str) -> list[str]:
        return await self._users("get_talk_speaker_list_on_a_channel", channel)

    async def status(self, channel: str) -> int:
        return (await self.call("query_talk_channel_status", ChannelID=channel)).ok()["Status"]

    async def channels(self) -> dict[str, int]:
        reply = (await self.call("get_talk_channel_list")).ok()
        rows = {row["ChannelID"]: row["UserCount"] for row in reply["ChannelList"]}
        assert len(rows) == reply["Total"] == len(reply["ChannelList"]), reply
        assert list(rows) == sorted(rows, key=str.encode), "not in the order of bytes"
        return rows

    async def user_status(self, user: str) -> list[dict]:
        rows = (await self.call("query_talk_user_status", UserID=user)).ok()["Status"]
        for row in rows:
            assert set(row) == {"ChannelID", "UseVideo", "UseAudio", "VideoFrameRate", "VideoBitRate", "AudioBitRate"}, row
            assert type(row["ChannelID"]) is str and all(type(v) is int for k, v in row.items() if k != "ChannelID"), row
            assert row["UseVideo"] in (0, 1) and row["UseAudio"] in (0, 1)
        return rows

    async def media(self, user: str) -> dict:
        """The one entry of a user who is in one channel."""
        rows = await self.user_status(user)
        assert len(rows) == 1, rows
        return rows[0]

    async def calls(self, user: str, *, open: bool = False) -> list[dict]:
        """All call records that began within the last ten minutes, paged together."""
        now = time.time()
        rows: list[dict] = []
        for day in sorted({datetime.fromtimestamp(t, ZONE).strftime("%Y%m%d") for t in (now - 600, now)}):
            more = {"IncludeOpen": 1} if open else {}
            reply = (await self.call("query_talk_user_call", UserID=user, QueryDate=int(day), Limit=100, **more)).ok()
            rows += reply["Call"]
            assert reply["Total"] >= len(reply["Call"])
        for row in rows:
            assert set(row) == {"ChannelID", "JoinTime", "LeaveTime", "CallDuration"} and row["CallDuration"] >= 0, row
            assert open or row["LeaveTime"] - row["JoinTime"] == row["CallDuration"], row
        return rows

    async def detail(self, channel: str, user: str | None = None) -> dict:
        """Of the channel, or of one user in it."""
        reply = (await self.call("get_talk_channel_detail", ChannelID=channel)).ok()
        if user is None:
            return reply.body
        return next(row for row in reply["UserList"] if row["UserID"] == user)

    async def bans(self, **fields: Any) -> list[dict]:
        return (await self.call("list_talk_bans", **fields)).ok()["BanList"]

    # -- changes ------------------------------------------------------------------------------

    async def kick(self, channel: str, user: str, secs: Any = ..., **fields: Any) -> Reply:
        return await self.call("admin_kick_user", channel_id=channel, kick_user_id=user, kick_time=secs, **fields)

    async def identity(self, channel: str, user: str, to: Any, **fields: Any) -> Reply:
        return await self.call("change_user_Identity", ChannelID=channel, UserID=user, IdentityType=to, **fields)

    async def push(self, channel: str, content: Any, **fields: Any) -> Reply:
        return await self.call("push_mcu_msg", meeting_id=channel, content=content, **fields)

    async def token(self, channel: str, user: str, **fields: Any) -> Reply:
        reply = await self.call("create_talk_token", ChannelID=channel, UserID=user, **fields)
        if reply.code == 0:
            _signatures.add(reply["Token"].rsplit(".", 1)[1])
        return reply

    async def mute(self, channel: str, user: str, **fields: Any) -> Reply:
        return await self.call("mute_talk_user", ChannelID=channel, UserID=user, **fields)

    async def mic(self, channel: str, user: str, granted: int) -> Reply:
        return await self.call("set_talk_mic", ChannelID=channel, UserID=user, Granted=granted)

    async def lift(self, channel: str, user: str) -> int:
        return (await self.call("delete_talk_ban", ChannelID=channel, UserID=user)).ok()["Removed"]

    async def dismiss(self, channel: str) -> Reply:
        return await self.call("dismiss_talk_channel", ChannelID=channel)

    # -- participants -------------------------------------------------------------------------

    def foreign_token(self, identity: str, channel: str, **kw: Any) -> str:
        """A token of the app's own backend, not of this server's minting. `nbf=...` leaves that claim out."""
        token = tokens.media_token(identity, channel, key=self.app.key, secret=self.app.secret, **kw)
        _signatures.add(token.rsplit(".", 1)[1])
        return token

    async def bot(self, crew: Crew, channel: str, user: str | None = None, *, token: str | None = None, **fields: Any) -> Bot:
        """A cheap participant, present when this returns. `fields` go into create_talk_token."""
        user = user or fresh("u")
        if token is None:
            token = (await self.token(channel, user, **fields)).ok()["Token"]
        bot = await crew.join(f"ws://127.0.0.1:{self.server.port}", token)
        bot.user = user
        await self.present(channel, user)
        return bot

    async def enter(self, stage: Any, channel: str, user: str | None = None, *, token: str | None = None, url: str | None = None, options: Any = None, **fields: Any) -> Client:
        """A participant on the public SDK, present when this returns."""
        from .live import Live

        user = user or fresh("u")
        identity = user + "\x1f" + fields["DeviceID"] if "DeviceID" in fields else user
        if token is None:
            reply = (await self.token(channel, user, **fields)).ok()
            token, identity = reply["Token"], reply["Identity"]
        client = Live(identity, channel)
        stage.clients.append(client)
        await client.connect(token=token, url=url or f"ws://127.0.0.1:{self.server.port}", options=options)
        await self.present(channel, user)
        return client

    async def present(self, channel: str, user: str, seconds: float = 10) -> None:
        async def there() -> bool:
            return user in await self.users(channel)

        await until(there, seconds, f"{user} is present in {channel}")

    async def absent(self, channel: str, user: str, seconds: float = 10) -> None:
        async def gone() -> bool:
            return user not in await self.users(channel)

        await until(gone, seconds, f"{user} is gone from {channel}")

    async def closed_calls(self, user: str, number: int, seconds: float = 15) -> list[dict]:
        """Waits until so many of the user's call records are closed."""
        async def there() -> bool:
            return len(await self.calls(user)) >= number

        await until(there, seconds, f"{number} closed calls of {user}")
        rows = await self.calls(user)
        assert len(rows) == number, rows
        return rows


_HEX = re.compile(r"[0-9a-fA-F]{40}")
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]+")
_RUN = re.compile(r"[\w-]{43,}", re.ASCII)


def leaks(log: str) -> list[str]:
    """What a server's log says that it must not (C30): checksums, secrets, tokens and their signatures of this run."""
    found = [h for h in _HEX.findall(log) if h.lower() in _checksums]
    found += _JWT.findall(log)
    for run in _RUN.findall(log):
        found += [run for at in range(len(run) - 42) if run[at:at + 43] in _signatures]
    return found + [mark for mark in _marks if mark in log]
