"""The official Python SDK of the hub's protocol, unmodified, as a member of a group."""

from __future__ import annotations

import json
from typing import Any

from centrifuge import Client, Subscription

from .hall import EXTENSION
from .http import User
from .server import Server

SECONDS = 8.0


def plain(data: Any) -> Any:
    """Payloads: the JSON codec hands over values, the Protobuf codec bytes."""
    return json.loads(data) if isinstance(data, bytes) else data


class Sdk:
    """One client. `got` in order: channel and payload; `subscribed`: channel, whether it asked for recovery, whether it got it."""

    def __init__(self, server: Server, user: User, token: str, *, protobuf: bool = False, url: str = "") -> None:
        self.user, self.protobuf = user, protobuf
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.subscribed: list[tuple[str, bool, bool]] = []
        self.unsubscribed: list[tuple[str, int]] = []
        self.disconnected: list[int] = []
        self.subs: dict[str, Subscription] = {}
        url = url or f"ws://127.0.0.1:{server.port}/connection/websocket"
        self.client = Client(url, token=token, use_protobuf=protobuf, min_reconnect_delay=0.05, max_reconnect_delay=0.3)

        async def disconnected(ctx: Any) -> None:
            self.disconnected.append(ctx.code)

        self.client.events.on_disconnected = disconnected

    async def connect(self) -> Sdk:
        await self.client.connect()
        await self.client.ready(SECONDS)
        return self

    async def rpc(self, method: str, args: Any) -> Any:
        data = json.dumps(args).encode() if self.protobuf else args
        return plain((await self.client.rpc(method, data)).data)

    async def join(self, room: str) -> Sdk:
        await self.connect()
        answer = await self.rpc("group.join", {"groupId": room, "userExtension": json.dumps(EXTENSION)})
        for channel in answer["channels"]:
            self.subs[channel] = sub = self.client.new_subscription(channel)

            async def publication(ctx: Any, channel: str = channel) -> None:
                self.got.append((channel, plain(ctx.pub.data)))

            async def subscribed(ctx: Any, channel: str = channel) -> None:
                self.subscribed.append((channel, ctx.was_recovering, ctx.recovered))

            async def unsubscribed(ctx: Any, channel: str = channel) -> None:
                self.unsubscribed.append((channel, ctx.code))

            sub.events.on_publication, sub.events.on_subscribed, sub.events.on_unsubscribed = publication, subscribed, unsubscribed
            await sub.subscribe()
            await sub.ready(SECONDS)
        return self

    def messages(self, number: int) -> list[dict[str, Any]]:
        return [d for _, d in self.got if d["kind"] == "message" and d["type"] == number]

    def ids(self, number: int) -> list[str]:
        return [m["messageId"] for m in self.messages(number)]

    def cut(self) -> None:
        """The connection is lost, without a goodbye."""
        self.client._conn.transport.abort()  # noqa: SLF001

    async def close(self) -> None:
        await self.client.disconnect()
