"""The official Python SDK, unmodified, over both formats; ids are those of hub.md 9."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from centrifuge import (
    CentrifugeError,
    Client,
    ClientEventHandler,
    ClientState,
    ReplyError,
    Subscription,
    SubscriptionEventHandler,
)

from stoa.hub import Hub, token
from stoa.wait import until

SECONDS = 15.0


class Log(ClientEventHandler):
    """Remembers what a client was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def of(self, name: str) -> list[Any]:
        return [ctx for n, ctx in self.events if n == name]

    async def on_connecting(self, ctx: Any) -> None:
        self.events.append(("connecting", ctx))

    async def on_connected(self, ctx: Any) -> None:
        self.events.append(("connected", ctx))

    async def on_disconnected(self, ctx: Any) -> None:
        self.events.append(("disconnected", ctx))

    async def on_subscribed(self, ctx: Any) -> None:
        self.events.append(("subscribed", ctx))

    async def on_publication(self, ctx: Any) -> None:
        self.events.append(("publication", ctx))


class SubLog(SubscriptionEventHandler):
    """Remembers what a subscription was told."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.offsets: list[int] = []
        self.subscribed: list[Any] = []
        self.unsubscribed: list[Any] = []

    async def on_subscribed(self, ctx: Any) -> None:
        self.subscribed.append(ctx)

    async def on_unsubscribed(self, ctx: Any) -> None:
        self.unsubscribed.append(ctx)

    async def on_publication(self, ctx: Any) -> None:
        self.got.append(plain(ctx.pub.data))
        self.offsets.append(ctx.pub.offset)


def plain(data: Any) -> Any:
    """Payloads: the JSON codec hands over values, the Protobuf codec bytes."""
    return json.loads(data) if isinstance(data, bytes) else data


Connect = Callable[..., tuple[Client, Log]]


@pytest.fixture(params=["json", "protobuf"])
def protobuf(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "protobuf")


@pytest.fixture
async def connect(hub: Hub, protobuf: bool) -> AsyncIterator[Connect]:
    made: list[Client] = []

    def make(user: str = "alice", **options: Any) -> tuple[Client, Log]:
        log = Log()
        options.setdefault("token", token(user))
        client = Client(
            options.pop("url", hub.url),
            events=log,
            use_protobuf=protobuf,
            min_reconnect_delay=0.05,
            max_reconnect_delay=0.3,
            **options,
        )
        made.append(client)
        return client, log

    yield make
    for client in made:
        await client.disconnect()


async def subscribe(client: Client, channel: str) -> tuple[Subscription, SubLog]:
    log = SubLog()
    sub = client.new_subscription(channel, events=log)
    await sub.subscribe()
    return sub, log


def cut(client: Client) -> None:
    """The connection is lost, without a goodbye."""
    client._conn.transport.abort()  # noqa: SLF001


async def test_a1_connects(connect: Connect) -> None:
    client, log = connect()
    await client.connect()
    await client.ready(SECONDS)
    assert len(log.of("connected")[0].client) == 36
    await until(lambda: log.of("subscribed"), SECONDS, "the personal channel")
    assert log.of("subscribed")[0].channel == "user:#alice"


async def test_b2_an_expired_token_is_renewed(connect: Connect) -> None:
    asked = []

    async def get_token() -> str:
        asked.append(1)
        return token("alice")

    client, log = connect(token=token("alice", ttl=-5), get_token=get_token)
    await client.connect()
    await client.ready(SECONDS)
    assert len(asked) == 1
    assert len(log.of("connected")) == 1


async def test_b3_a_token_that_cannot_be_good_ends_it(connect: Connect) -> None:
    for bad in (token("alice") + "x", token("alice", aud="api"), token("alice", channel="room:1")):
        client, log = connect(token=bad)
        await client.connect()
        await until(lambda log=log: log.of("disconnected"), SECONDS, "it gives up")
        assert log.of("disconnected")[0].code == 3500
        assert client.state == ClientState.DISCONNECTED


async def test_b6_refreshes_keep_the_connection(connect: Connect) -> None:
    asked = []

    async def get_token() -> str:
        asked.append(1)
        return token("alice", ttl=2)

    client, log = connect(token="", get_token=get_token)
    await client.connect()
    await client.ready(SECONDS)
    await until(lambda: len(asked) >= 4, SECONDS, "three refreshes")
    assert len(log.of("connected")) == 1


async def test_c1_publications_come_in_order(connect: Connect, hub: Hub, protobuf: bool) -> None:
    client, _ = connect()
    await client.connect()
    channel = f"room:py-c1-{protobuf}"
    sub, log = await subscribe(client, channel)
    await sub.ready(SECONDS)
    assert log.subscribed[0].recoverable and log.subscribed[0].positioned
    assert plain(log.subscribed[0].data) == {"role": "member"}
    payloads = [{"n": n, "text": "你好 \u2028 \n 😀"} for n in range(1, 31)]
    for payload in payloads:
        await hub.publish(channel, payload)
    await until(lambda: len(log.got) == 30, SECONDS, "all of them")
    assert log.got == payloads
    assert log.offsets == list(range(1, 31))


async def test_c2_refusals_end_a_subscription(connect: Connect) -> None:
    client, _ = connect()
    await client.connect()
    for channel, code in (("room:x:denied", 103), ("none:x", 102), ("user:#bob", 103)):
        _, log = await subscribe(client, channel)
        await until(lambda log=log: log.unsubscribed, SECONDS, f"{channel} ends")
        assert log.unsubscribed[0].code == code


async def test_c4_c5_c12_a_cut_is_recovered(connect: Connect, hub: Hub, protobuf: bool) -> None:
    user = f"py-c4-{protobuf}"
    client, told = connect(user)
    await client.connect()
    channel = f"room:{user}"
    sub, log = await subscribe(client, channel)
    await sub.ready(SECONDS)
    await hub.publish(channel, 1)
    await hub.publish(f"user:#{user}", "one")
    await until(lambda: len(log.got) == 1 and told.of("publication"), SECONDS, "the first")
    cut(client)
    for n in range(2, 12):
        await hub.publish(channel, n)
    await hub.publish(f"user:#{user}", "two")
    await until(lambda: len(log.subscribed) == 2 and len(log.got) == 11, SECONDS, "the rest")
    assert (log.subscribed[1].was_recovering, log.subscribed[1].recovered) == (True, True)
    cut(client)
    await until(lambda: len(log.subscribed) == 3, SECONDS, "a third time")
    assert log.subscribed[2].recovered
    await hub.publish(channel, 12)
    await until(lambda: len(log.got) >= 12, SECONDS, "the last")
    assert log.got == list(range(1, 13))
    await until(lambda: len(told.of("publication")) >= 2, SECONDS, "the direct message")
    assert [plain(p.pub.data) for p in told.of("publication")] == ["one", "two"]


async def test_c9_a_lost_history_is_told(connect: Connect, protobuf: bool) -> None:
    own = Hub("open")
    try:
        client, _ = connect(url=own.url)
        await client.connect()
        sub, log = await subscribe(client, "chat:py")
        await sub.ready(SECONDS)
        await own.publish("chat:py", 1)
        await until(lambda: log.got == [1], SECONDS, "the first")
        port = own.port
        own.kill()
        own = Hub("open", f"port={port}")
        await until(lambda: len(log.subscribed) == 2, SECONDS, "it is back")
        assert (log.subscribed[1].was_recovering, log.subscribed[1].recovered) == (True, False)
        await client.disconnect()
    finally:
        own.kill()


async def test_c16_d1_history_and_presence(connect: Connect, hub: Hub, protobuf: bool) -> None:
    channel = f"room:py-d1-{protobuf}"
    subs = []
    for user in ("one", "two"):
        client, _ = connect(user)
        await client.connect()
        sub, _log = await subscribe(client, channel)
        await sub.ready(SECONDS)
        subs.append(sub)
    for n in range(1, 6):
        await hub.publish(channel, n)
    page = await subs[0].history(limit=2, reverse=True)
    assert [plain(p.data) for p in page.publications] == [5, 4]
    assert page.offset == 5
    present = await subs[0].presence()
    assert sorted(info.user for info in present.clients.values()) == ["one", "two"]
    stats = await subs[1].presence_stats()
    assert (stats.num_clients, stats.num_users) == (2, 2)


async def test_functions(connect: Connect, hub: Hub, protobuf: bool) -> None:
    client, _ = connect()
    await client.connect()
    await client.ready(SECONDS)

    async def call(method: str, data: Any) -> Any:
        result = await client.rpc(method, json.dumps(data).encode() if protobuf else data)
        return plain(result.data)

    value = {"text": "a\nb\u2028", "n": 1.5, "list": [None, True]}
    assert await call("echo", value) == value
    with pytest.raises(ReplyError) as refused:
        await call("nothing", {})
    assert (refused.value.code, refused.value.message) == (104, "method not found")
    with pytest.raises(CentrifugeError):
        await client.publish("room:x", b"{}" if protobuf else {})
    channel = f"room:py-own-{protobuf}"
    sub, log = await subscribe(client, channel)
    await sub.ready(SECONDS)
    sent = await asyncio.gather(*(call("publish", {"channel": channel, "data": n}) for n in range(20)))
    assert [s["offset"] for s in sent] == list(range(1, 21))
    await until(lambda: len(log.got) == 20, SECONDS, "its own messages")
    assert log.got == list(range(20))


async def test_f1_f6_ended_by_the_server(connect: Connect, hub: Hub, protobuf: bool) -> None:
    user = f"py-kicked-{protobuf}"
    client, told = connect(user)
    await client.connect()
    sub, log = await subscribe(client, "room:py-f1")
    await sub.ready(SECONDS)
    await hub.do("unsubscribe", user=user, channel="room:py-f1")
    await until(lambda: log.unsubscribed, SECONDS, "the subscription ends")
    assert log.unsubscribed[0].code == 2000
    await hub.do("disconnect", user=user, code=4001)
    await until(lambda: len(told.of("connected")) == 2, SECONDS, "it is back")
    await hub.do("disconnect", user=user, code=4501)
    await until(lambda: told.of("disconnected"), SECONDS, "it gives up")
    assert (told.of("disconnected")[0].code, told.of("disconnected")[0].reason) == (4501, "asked for")
