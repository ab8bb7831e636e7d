"""The rows of talk.md 9 that need the message hub: M13, M14, K25, K28 and K29's 11003; and groups of adhoc channels (hub.md 5.4, E19)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from stoa.class_media import run
from stoa.classroom import person
from stoa.member import Members
from stoa.talk import Talk, fresh

TEXT_PUSH, YOU_WERE_KICKED, SOMEBODY_WAS_KICKED, IDENTITY, MIC, MUTED, DISMISSED = range(61001, 61008)


@pytest_asyncio.fixture
async def members() -> AsyncIterator[Members]:
    async with Members() as made:
        yield made


def body(message: dict) -> dict:
    assert message["sys"] is True and message["sender"]["userId"] == "system"
    return json.loads(message["data"])


async def test_M13_a_text_reaches_those_who_are_in_the_hub_only(talk: Talk, stage, members, alice, bob, carol):
    room = alice.room()
    listener, both = await members.of(bob), await members.of(carol)
    await listener.join(room)
    await both.join(room)
    client = await talk.enter(stage, room, carol.name, token=carol.rtc(room).ok()["auth_token"])
    (await talk.push(room, "for all", user_id="admin")).ok()
    got, same = body(await listener.message(TEXT_PUSH)), body(await both.message(TEXT_PUSH))
    assert got == same and (got["event"], got["content"], got["channel_id"]) == ("message", "for all", room)
    assert (await client.text("for all"))["id"] == got["id"], "one id on both ways"
    # To one user who is in the group only: it and nobody else.
    (await talk.push(room, "for bob", receiver_id=bob.name)).ok()
    inner = (await listener.told(TEXT_PUSH))["inner"]
    assert (inner["content"], inner["receiver_id"]) == ("for bob", bob.name)
    await both.quiet()
    assert not [m for m in both.direct if m.get("type") == TEXT_PUSH] and len(both.messages(TEXT_PUSH)) == 1
    (await talk.push(room, "nobody", receiver_id="nobody")).expect(100005)


async def test_M14_a_class_hears_it_in_the_group_of_its_own_id(talk: Talk, members, server):
    teacher, student = person(server), person(server)
    room = teacher.klass(mode=1)
    await run(teacher.start, room["id"])
    await run(student.join, room["id"])
    token = (await run(student.hub_token))["hub"]["token"]
    there = await members.connect(server.port, token)
    await there.join(room["id"])
    (await talk.push(room["meeting_id"], "good morning")).ok()
    got = await there.message(TEXT_PUSH)
    assert got["groupId"] == room["id"] and body(got)["channel_id"] == room["meeting_id"]
    # K29: a kick by the Talk command shows as 11003, and the user is out.
    (await talk.kick(room["meeting_id"], student.name, 600)).ok()
    kicked = body(await there.message(11003))
    assert (kicked["user_id"], kicked["status"]) == (student.name, 3)
    assert await there.refused("query", groupId=room["id"]) == (1403, "banned")
    await there.until(lambda: len(there.unsubscribed) == 2, "the end of the subscriptions")
    assert [e["reason"] for e in there.direct if e["kind"] == "exit"] == [2]


async def test_K25_K28_a_seated_user_of_a_voice_room(talk: Talk, members, alice, bob, carol):
    room = alice.room()
    victim, watcher = await members.of(bob), await members.of(carol)
    await victim.join(room)
    await watcher.join(room)
    bob.join(room, index=5).ok()
    await watcher.event("members", total=2)
    (await talk.kick(room, bob.name, 600)).ok()
    assert alice.seats(room) == {}
    left = await watcher.message(21102)
    assert left["sender"]["userId"] == bob.name and json.loads(left["data"]) == {"userId": bob.name, "seatIndex": 5}
    assert (await victim.told(21004))["inner"] == {"type": 21004, "userId": bob.name}
    assert (await victim.told(YOU_WERE_KICKED))["inner"]["kick_time"] == 600
    assert body(await watcher.message(SOMEBODY_WAS_KICKED))["user_id"] == bob.name
    assert await victim.refused("query", groupId=room) == (1403, "banned"), "at once"
    assert await victim.not_sent(room, 21301, {"content": "still here"}) == (1403, "banned")
    await victim.until(lambda: len(victim.unsubscribed) == 2, "the end of the subscriptions")
    assert [code for _, code in victim.unsubscribed] == [2000, 2000]
    assert [(e["reason"], e["groupId"]) for e in victim.direct if e["kind"] == "exit"] == [(2, room)]
    gone = await watcher.event("members", total=1)
    assert [(u["userId"], u["why"]) for u in gone["left"]] == [(bob.name, "kicked")]
    # K28: the group's door stays closed, on a new connection too, until the ban is lifted.
    again = await members.of(bob)
    assert await again.refused("join", groupId=room) == (1403, "banned")
    assert await talk.lift(room, bob.name) == 1
    await again.join(room)
    assert (await again.comment(room, "back"))["seqnum"] > 0


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
class TestAdhocGroups:
    """Adhoc channels have a group for those who are present in them."""

    async def test_only_those_present_and_only_so_long(self, talk: Talk, crew, members, channel, alice, bob):
        group = f"talk:{channel}"
        me, other = await members.of(alice), await members.of(bob)
        assert await me.refused("join", groupId=group) == (1404, "no such group")
        bot, _ = await talk.bot(crew, channel, alice.name), await talk.bot(crew, channel, "somebody else")
        joined = await me.join(group)
        assert joined["channels"] == [f"room:t.{channel}", f"chat:t.{channel}"] and joined["groupName"] == channel
        assert await other.refused("join", groupId=group) == (1403, "join refused")
        for kind in (61001, 61099):
            assert await me.not_sent(group, kind) == (1403, "not allowed")
        await bot.leave()
        await me.until(lambda: len(me.unsubscribed) == 2, "out of the group with the media session")
        assert await me.refused("query", groupId=group) in [(1403, "not a member"), (1404, "no such group")]

    async def test_E19_texts_are_2048_bytes_at_most(self, talk: Talk, crew, members, channel, alice):
        await talk.bot(crew, channel, alice.name)
        me = await members.of(alice)
        await me.join(f"talk:{channel}")
        fits = json.dumps({"t": "测" * 600}, ensure_ascii=False)
        fits = fits[:-2] + "x" * (2048 - len(fits.encode())) + fits[-2:]
        assert len(fits.encode()) == 2048
        await me.send(f"talk:{channel}", 7, fits)
        assert (await me.message(7))["data"] == fits
        assert await me.not_sent(f"talk:{channel}", 7, fits[:-2] + "x" + fits[-2:]) == (1400, "bad request")

    async def test_administration_shows_as_numbers_and_events(self, talk: Talk, crew, members, channel, alice, bob):
        await talk.bot(crew, channel, alice.name)
        await talk.bot(crew, channel, bob.name)
        me = await members.of(alice)
        await me.join(f"talk:{channel}")
        (await talk.identity(channel, bob.name, 3)).ok()
        assert body(await me.message(IDENTITY))["identity_type"] == 3
        assert (await me.event("role"))["identity"] == 3
        (await talk.identity(channel, bob.name, 2)).ok()
        (await talk.mic(channel, bob.name, 1)).ok()
        assert body(await me.message(MIC))["granted"] == 1 and (await me.event("micGrant"))["userId"] == bob.name
        (await talk.mute(channel, bob.name, Audio=1)).ok()
        assert body(await me.message(MUTED))["audio"] == 1 and (await me.event("mic"))["on"] is False
        (await talk.dismiss(channel)).ok()
        await me.message(DISMISSED)
        assert (await me.event("exit"))["reason"] == 1

    async def test_names_that_cannot_be_read_back(self, talk: Talk, crew, members, alice):
        for channel in (fresh("大厅"), fresh("大" * 37)):
            await talk.bot(crew, channel, alice.name)
            me = await members.of(alice)
            joined = await me.join(f"talk:{channel}")
            assert joined["groupId"] == f"talk:{channel}" and all(len(c) < 255 and c.isascii() for c in joined["channels"])
            await me.send(f"talk:{channel}", 7, {"n": 1})
            assert (await me.message(7))["groupId"] == f"talk:{channel}"
