"""Transcripts of the hub's protocol: raw clients of both formats, and names for what differs from run to run."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Protocol

import websockets
from centrifuge.protocol import client_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

SECONDS = 10.0
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Written even when empty (hub.md 2.2); a Protobuf message does not tell.
ALWAYS: dict[str, dict[str, Any]] = {
    "ClientInfo": {"user": "", "client": ""},
    "PresenceResult": {"presence": {}},
    "PresenceStatsResult": {"num_clients": 0, "num_users": 0},
    "HistoryResult": {"publications": [], "epoch": "", "offset": 0},
}


class Closed(Exception):
    """The end of a connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.told = {"code": code, "reason": reason}


class Codec(Protocol):
    """How commands become a frame and frames messages."""

    subprotocols: list[websockets.Subprotocol] | None

    def frame(self, commands: list[Any]) -> str | bytes: ...

    def messages(self, frame: str | bytes) -> list[Any]: ...


class Json:
    """JSON lines in text frames."""

    subprotocols = None

    def frame(self, commands: list[Any]) -> str | bytes:
        return "\n".join(json.dumps(c) for c in commands)

    def messages(self, frame: str | bytes) -> list[Any]:
        assert isinstance(frame, str), "JSON goes in text frames"
        return [json.loads(line) for line in frame.removesuffix("\n").split("\n")]


class Protobuf:
    """Messages behind their lengths in binary frames, through the schema of the official SDK."""

    subprotocols = [websockets.Subprotocol("centrifuge-protobuf")]

    def frame(self, commands: list[Any]) -> str | bytes:
        out = bytearray()
        for command in commands:
            message = client_pb2.Command()
            _fill(message, command)
            text = message.SerializeToString()
            length = len(text)
            while length >= 0x80:
                out.append(length & 0x7F | 0x80)
                length >>= 7
            out.append(length)
            out += text
        return bytes(out)

    def messages(self, frame: str | bytes) -> list[Any]:
        assert isinstance(frame, bytes), "Protobuf goes in binary frames"
        found, at = [], 0
        while at < len(frame):
            length = shift = 0
            more = True
            while more:
                length |= (frame[at] & 0x7F) << shift
                more, shift, at = frame[at] >= 0x80, shift + 7, at + 1
            reply = client_pb2.Reply()
            reply.ParseFromString(frame[at : at + length])
            assert at + length <= len(frame), "a message is cut"
            found.append(_plain(reply))
            at += length
        return found


def _fill(message: Message, value: dict[str, Any]) -> None:
    for name, item in value.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.type == FieldDescriptor.TYPE_BYTES:
            setattr(message, name, json.dumps(item).encode())
        elif field.message_type is None:
            setattr(message, name, item)
        elif field.message_type.GetOptions().map_entry:
            for key, entry in item.items():
                _fill(getattr(message, name)[key], entry)
        else:
            getattr(message, name).SetInParent()
            _fill(getattr(message, name), item)


def _plain(message: Message) -> dict[str, Any]:
    out: dict[str, Any] = dict(ALWAYS.get(message.DESCRIPTOR.name, {}))
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_BYTES:
            out[field.name] = json.loads(value)
        elif field.message_type is None:
            out[field.name] = value
        elif field.message_type.GetOptions().map_entry:
            out[field.name] = {key: _plain(entry) for key, entry in value.items()}
        elif isinstance(value, Message):
            out[field.name] = _plain(value)
        else:
            out[field.name] = [_plain(entry) for entry in value]
    return out


CODECS: dict[str, Codec] = {"json": Json(), "protobuf": Protobuf()}


class Socket:
    """A raw client."""

    def __init__(self, ws: websockets.ClientConnection, codec: Codec) -> None:
        self.ws = ws
        self.codec = codec
        self.waiting: list[Any] = []

    @classmethod
    async def open(cls, url: str, format: str) -> Socket:
        codec = CODECS[format]
        ws = await websockets.connect(url, subprotocols=codec.subprotocols, compression=None, ping_interval=None)
        return cls(ws, codec)

    async def send(self, commands: list[Any]) -> None:
        await self.ws.send(self.codec.frame(commands))

    async def next(self) -> Any:
        """The next message; `Closed` is the end."""
        if not self.waiting:
            try:
                self.waiting = self.codec.messages(await asyncio.wait_for(self.ws.recv(), SECONDS))
            except websockets.ConnectionClosed as end:
                told = end.rcvd
                raise Closed(told.code if told else 1006, told.reason if told else "") from None
        return self.waiting.pop(0)


class Names:
    """Stand for what differs from run to run: clients by their connection, epochs in order of appearance."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def put(self, value: Any) -> Any:
        """A command with real values in the place of names."""
        real = {name: value for value, name in self.of.items()}
        if isinstance(value, dict):
            return {k: self.put(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.put(v) for v in value]
        return real.get(value, value) if isinstance(value, str) else value

    def take(self, connection: str, message: Any) -> Any:
        """A message with names in the place of real values."""
        client = message.get("connect", {}).get("client")
        if client is not None:
            assert UUID.fullmatch(client), client
            self.of[client] = f"client {connection}"
        return self._take("", message)

    def _take(self, key: str, value: Any) -> Any:
        match value:
            case dict():
                # In order, so that epochs are numbered alike in every run.
                return {self.of.get(k, k): self._take(k, value[k]) for k in sorted(value)}
            case list():
                return [self._take(key, v) for v in value]
            case str() if key in ("version", "node", "session"):
                return key
            case str():
                if key == "epoch" and value and value not in self.of:
                    assert re.fullmatch("[A-Za-z]{8}", value), value
                    self.of[value] = f"epoch {sum(n.startswith('epoch ') for n in self.of.values()) + 1}"
                return self.of.get(value, value)
            case int() if key == "time":
                return "time"
            case int() if key == "ttl":
                # In tens: seconds may have begun between the token and the answer.
                return (value + 9) // 10 * 10
        return value
