"""talk.md 9.8: texts pushed into a channel. Hub receivers (M13, M14) are not served yet; a receiver on WHIP (M19): test_streams.py; M18 needs a frozen clock."""

from __future__ import annotations

import asyncio

import pytest

from stoa.live import Gate
from stoa.talk import BAD_PARAM, NO_CHANNEL, NO_USER, TEXT, Talk, fresh
from stoa.wait import until

# Texts are not stored.
pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


async def settled(talk: Talk, channel: str, *clients) -> None:
    """Everything pushed so far is in: what is pushed now comes after it."""
    mark = fresh("settled")
    (await talk.push(channel, mark)).ok()
    await asyncio.gather(*(c.text(mark) for c in clients))


@pytest.mark.parametrize("receiver", ["", None, ...], ids=["empty", "null", "absent"])
async def test_M01_M11_broadcast(talk, stage, channel, receiver):
    clients = [await talk.enter(stage, channel) for _ in range(3)]
    (await talk.push(channel, "测试消息222", user_id="nobody", receiver_id=receiver)).ok()
    got = [await c.text("测试消息222") for c in clients]
    await settled(talk, channel, *clients)
    for client, body in zip(clients, got):
        assert body == got[0], "not the same message for all"
        assert set(body) == {"event", "id", "channel_id", "user_id", "receiver_id", "content", "ts"}
        assert (body["user_id"], body["receiver_id"]) == ("nobody", "")
        assert len(client.texts(content="测试消息222")) == 1
    assert clients[0].texts()[-1]["user_id"] == "", "user_id absent"
    (await talk.push(channel, "x", user_id="x" * 256)).expect(BAD_PARAM)


async def test_M02_one_receiver_with_two_devices(talk, stage, channel):
    user = fresh("u")
    phone = await talk.enter(stage, channel, user, DeviceID="phone")
    desk = await talk.enter(stage, channel, user, DeviceID="desk")
    other = await talk.enter(stage, channel)
    (await talk.push(channel, "for you", receiver_id=user, user_id="admin")).ok()
    one, two = await phone.text("for you"), await desk.text("for you")
    assert one == two and one["receiver_id"] == user
    await settled(talk, channel, phone, desk, other)
    assert not other.texts(content="for you")
    assert len(phone.texts(content="for you")) == len(desk.texts(content="for you")) == 1


async def test_M03_M04_nobody_to_receive(talk, crew, channel, alice):
    (await talk.push(channel, "x")).expect(NO_CHANNEL)
    (await talk.push(channel, "x", receiver_id="nobody")).expect(NO_CHANNEL)
    bot = await talk.bot(crew, channel)
    (await talk.push(channel, "x", receiver_id="nobody")).expect(NO_USER)
    await bot.leave()
    await talk.absent(channel, bot.user)
    assert await talk.status(channel) == 2
    (await talk.push(channel, "x")).ok()
    (await talk.push(channel, "x", receiver_id=bot.user)).expect(NO_USER)
    room = await asyncio.to_thread(alice.room)
    (await talk.push(room, "x")).ok()


EMOJI = "\U0001F600"
CONTENTS = {
    "M05_multi_byte": ("测" * 682 + "ab", True),
    "M05_multi_byte_too_long": ("测" * 683, False),
    "M06_emoji": (EMOJI * 512, True),
    "M06_emoji_too_long": (EMOJI * 513, False),
    "M07_quotes": ('"' * 2048, True),
    "M07_quotes_too_long": ('"' * 2049, False),
    "M09_space": (" ", True),
    "M09_nul": ("a\0b", True),
    "M09_lines": (" one\r\ntwo\n\tthree ", True),
    "M09_html": ("<script>alert('&amp;')</script>", True),
    "M08_empty": ("", False),
    "M08_number": (5, False),
    "M08_object": ({}, False),
    "M08_null": (None, False),
    "M08_absent": (..., False),
}


async def test_M05_M06_M07_M08_M09_contents_arrive_unchanged(talk, stage, channel):
    one = await talk.enter(stage, channel)
    for name, (content, good) in CONTENTS.items():
        reply = await talk.push(channel, content)
        assert reply.code == (0 if good else BAD_PARAM), f"{name}: {reply}"
        if good:
            await one.text(content)
    # Escaped on the wire it is the same text.
    before = len(one.texts(content=EMOJI * 512))
    body = b'{"meeting_id":"%s","content":"%s"}' % (channel.encode(), b"\\ud83d\\ude00" * 512)
    (await talk.raw("push_mcu_msg", body)).ok()
    await until(lambda: len(one.texts(content=EMOJI * 512)) == before + 1, 5, "the escaped text")
    assert [t["content"] for t in one.texts()] == [c for c, good in CONTENTS.values() if good] + [EMOJI * 512]


async def test_M12_order(talk, stage, channel):
    clients = [await talk.enter(stage, channel) for _ in range(2)]
    for n in range(100):
        (await talk.push(channel, f"number {n}")).ok()
    await asyncio.gather(*(c.text("number 99", 10) for c in clients))
    for client in clients:
        assert [t["content"] for t in client.texts()] == [f"number {n}" for n in range(100)]


async def test_M15_clients_cannot_send_as_the_server(talk, stage, channel):
    liar, victim = await talk.enter(stage, channel), await talk.enter(stage, channel)
    for topic in (TEXT, "stoa.talk.notice", "stoa.other"):
        await liar.me.publish_data(b'{"forged":1}', reliable=True, topic=topic)
        await liar.me.publish_data(b'{"forged":1}', reliable=False, topic=topic)
    await liar.me.publish_data(b"free", reliable=True, topic="free")
    await until(lambda: any(p.topic == "free" for p in victim.data), 5, "an honest topic")
    await settled(talk, channel, victim)
    assert not [p for p in victim.data if b"forged" in p.data], "a forged packet"


async def test_M16_receiver_in_the_resume_window(talk, stage, channel):
    watcher = await talk.enter(stage, channel)
    async with Gate(talk.server.port) as gate:
        one = await talk.enter(stage, channel, url=f"ws://127.0.0.1:{gate.port}")
        gate.close()
        await asyncio.wait_for(gate.waiting.wait(), 10)
        assert one.name in await talk.users(channel)
        (await talk.push(channel, "while you were away")).ok()
        (await talk.push(channel, "for you alone", receiver_id=one.name)).ok()
        gate.open()
        for content in ("while you were away", "for you alone"):
            await one.text(content, 10)
        await settled(talk, channel, one, watcher)
        assert [t["content"] for t in one.texts()][:2] == ["while you were away", "for you alone"]
        assert len(one.texts(content="while you were away")) == 1
        await one.close()


async def test_M17_who_comes_later_gets_nothing(talk, stage, channel):
    first = await talk.enter(stage, channel)
    (await talk.push(channel, "too early for you")).ok()
    await first.text("too early for you")
    late = await talk.enter(stage, channel)
    await settled(talk, channel, first, late)
    assert not late.texts(content="too early for you")
