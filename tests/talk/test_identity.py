"""talk.md 9.9: identities. Bodies of all kinds (I04, I05, I23, I26) are tested in the dialect's own crate; classes (in I22): test_classes.py."""

from __future__ import annotations

import asyncio
import random

import pytest
from livekit.protocol import models

from stoa.live import Gate
from stoa.signal import Signal
from stoa.talk import BAD_PARAM, SLACK, Talk, fresh
from stoa.wait import until

NO_CHANNEL, NO_USER, STALE = 401, 402, 403
MIC, CAMERA, SCREEN, SCREEN_AUDIO = models.MICROPHONE, models.CAMERA, models.SCREEN_SHARE, models.SCREEN_SHARE_AUDIO
SOURCES = {
    1: {MIC, CAMERA, SCREEN}, 2: set(), 3: set(), 4: {MIC, CAMERA, SCREEN, SCREEN_AUDIO}, 5: {MIC, CAMERA, SCREEN, SCREEN_AUDIO}, 6: {MIC, CAMERA, SCREEN},
}
sqlite_only = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


async def type_of(talk: Talk, channel: str, user: str) -> int:
    return (await talk.detail(channel, user))["IdentityType"]


@sqlite_only
async def test_I01_I02_demoted_while_publishing_and_promoted_again(talk, stage, channel):
    one, watcher = await talk.enter(stage, channel), await talk.enter(stage, channel)
    await one.sing(600)
    await one.camera()
    await watcher.wait_hears(one, 600)
    await until(lambda: len(watcher.room.remote_participants[one.name].track_publications) == 2, 5, "both tracks are seen")
    (await talk.identity(channel, one.name, 3, RequstId=9007199254740993)).ok()
    assert await talk.speakers(channel) == []
    assert (await talk.media(one.name))["UseVideo"] == (await talk.media(one.name))["UseAudio"] == 0
    await until(lambda: not watcher.sees_track_of(one), 1, "unpublished for the others")
    for client in (one, watcher):
        told = await client.notice("identity", user_id=one.name)
        assert (told["identity_type"], told["old_identity_type"], told["request_id"], told["op_user"]) == (3, 1, "9007199254740993", "admin")
        await client.sees(one.name, identity="3")
    await until(lambda: not one.me.permissions.can_publish, 2, "the permission is told")
    await one.hush()
    # I02: promoted, the same connection publishes again.
    (await talk.identity(channel, one.name, 1)).ok()
    assert "request_id" not in await one.notice("identity", identity_type=1)
    await until(lambda: one.me.permissions.can_publish, 2, "the permission is told")
    await one.sing(1100)
    await watcher.wait_hears(one, 1100)
    assert not [e for e, _ in one.events if e == "reconnecting"]


@sqlite_only
async def test_I01_the_unpublish_message(talk, crew, channel):
    """The Python SDK does not act on it, so a bot looks."""
    one = await talk.bot(crew, channel)
    track = await one.publish()
    (await talk.identity(channel, one.user, 3)).ok()

    async def taken_back() -> bool:
        seen = await one.view()
        return seen["unpublished"] == [track] and seen["can_publish"] is False

    await until(taken_back, 2, "the track is taken back")


@sqlite_only
async def test_I03_each_type_has_its_sources(talk, channel):
    user = fresh("u")
    async with Signal(f"ws://127.0.0.1:{talk.server.port}", (await talk.token(channel, user, IdentityType=1)).ok()["Token"]) as one:
        sid = (await one.wait("join")).participant.sid
        for wanted in (2, 3, 4, 5, 6, 1):
            (await talk.identity(channel, user, wanted)).ok()

            def told(update, wanted=wanted) -> bool:
                return any(p.sid == sid and p.attributes.get("stoa.identity") == str(wanted) for p in update.participants)

            update = await one.wait("update", where=told)
            me = next(p for p in update.participants if p.sid == sid)
            assert me.permission.can_publish == bool(SOURCES[wanted]), wanted
            if SOURCES[wanted]:
                assert set(me.permission.can_publish_sources) == SOURCES[wanted], wanted
            assert me.permission.can_subscribe and me.permission.can_publish_data and not me.permission.can_update_metadata


async def test_I06_unknown_channel_and_absent_user(talk, crew, channel):
    reply = (await talk.identity(channel, "nobody", 1, RequstId=7)).expect(NO_CHANNEL)
    assert (reply["Code"], reply["ChannelID"], reply["UserID"], reply["ResponetId"]) == (401, channel, "nobody", 7)
    await talk.bot(crew, channel)
    assert (await talk.identity(channel, "nobody", 1)).expect(NO_USER)["Code"] == 402


async def test_I07_I08_I11_I13_order_of_requests(talk, stage, channel):
    one = await talk.enter(stage, channel)

    async def ask(to: int, **request) -> int:
        return (await talk.identity(channel, one.name, to, **request)).code

    assert await ask(4, RequstId=10) == 0
    reply = (await talk.identity(channel, one.name, 5, RequstId=9)).expect(STALE)
    assert reply["Code"] == 403 and reply["ResponetId"] == 9
    assert await ask(3, RequstId=10) == 0 and await type_of(talk, channel, one.name) == 4, "a replay changes nothing"
    assert await ask(5, RequstId=11) == 0 and await type_of(talk, channel, one.name) == 5
    # I08: other spellings, one meaning.
    for n, spelling in ((12, "RequestId"), (13, "request_id"), (14, "RequstId")):
        reply = (await talk.identity(channel, one.name, 6, **{spelling: n})).ok()
        assert reply["ResponetId"] == n and "ResponseId" not in reply
        assert (await talk.identity(channel, one.name, 1, **{spelling: n - 1})).expect(STALE)
    # I11: without a number always applied, and the mark stays.
    assert "ResponetId" not in (await talk.identity(channel, one.name, 2)).ok()
    assert await type_of(talk, channel, one.name) == 2
    assert await ask(1, RequstId=13) == STALE and await ask(1, RequstId=14) == 0 and await type_of(talk, channel, one.name) == 2
    # I13: nothing changes, the mark rises, nobody is told.
    await one.notice("identity", identity_type=2)
    before = len(one.notices("identity"))
    assert await ask(2, RequstId=20) == 0 and await ask(1, RequstId=19) == STALE
    (await talk.push(channel, "after it")).ok()
    await one.text("after it")
    assert len(one.notices("identity")) == before


async def test_I09_I10_64_bits(talk, crew, channel):
    big = 9007199254740993
    one = await talk.bot(crew, channel)
    assert (await talk.identity(channel, one.user, 3, RequstId=big)).ok()["ResponetId"] == big
    assert (await talk.identity(channel, one.user, 1, RequstId=big - 1)).expect(STALE)["ResponetId"] == big - 1
    for number, code in ((9223372036854775807, 0), (9223372036854775808, BAD_PARAM), (-5, 0), (1.5, BAD_PARAM)):
        user = (await talk.bot(crew, channel)).user
        reply = (await talk.identity(channel, user, 3, RequstId=number)).expect(code)
        assert reply.body.get("ResponetId") == (number if code == 0 else None)
        assert await type_of(talk, channel, user) == (3 if code == 0 else 1)


async def test_I12_failures_leave_the_mark(talk, crew, channel):
    user = fresh("u")
    assert (await talk.identity(channel, user, 1, RequstId=50)).expect(NO_CHANNEL)
    await talk.bot(crew, channel)
    assert (await talk.identity(channel, user, 1, RequstId=50)).expect(NO_USER)
    await talk.bot(crew, channel, user)
    assert (await talk.identity(channel, user, 9, RequstId=50)).expect(BAD_PARAM)["ResponetId"] == 50
    assert (await talk.identity(channel, user, 4, RequstId=20)).ok()
    assert await type_of(talk, channel, user) == 4


async def test_I14_shuffled_requests_at_once(talk, crew, channel):
    one = await talk.bot(crew, channel)
    wanted = {n: random.Random(n).randint(1, 6) for n in range(1, 201)}
    order = list(wanted)
    random.Random(14).shuffle(order)
    gate = asyncio.Semaphore(32)

    async def ask(n: int) -> int:
        async with gate:
            return (await talk.identity(channel, one.user, wanted[n], RequstId=n)).code

    codes = dict(zip(order, await asyncio.gather(*map(ask, order))))
    assert codes[200] == 0 and set(codes.values()) <= {0, STALE}
    assert await type_of(talk, channel, one.user) == wanted[200]
    viewer = await talk.bot(crew, channel)

    async def shown() -> bool:
        return (await viewer.view())["others"][one.user]["attributes"].get("stoa.identity") == str(wanted[200])

    await until(shown, 5, "the attribute says the same")


async def test_I15_I17_I18_how_long_an_identity_lasts(talk, crew, channel):
    user, elsewhere = fresh("u"), fresh()
    last = await talk.bot(crew, channel)
    one = await talk.bot(crew, channel, user)
    await talk.bot(crew, elsewhere, user)
    (await talk.identity(channel, user, 3, RequstId=9)).ok()
    assert await type_of(talk, elsewhere, user) == 1, "another channel"
    early = one.token  # says type 1
    await one.leave()
    await talk.absent(channel, user)
    reply = (await talk.token(channel, user, IdentityType=1)).ok()
    assert reply["IdentityType"] == 3, "a sticky identity wins over the request"
    for token in (early, reply["Token"], talk.foreign_token(user, channel, attributes={"stoa.identity": "1", "stoa.user": user})):
        back = await talk.bot(crew, channel, user, token=token)
        assert await type_of(talk, channel, user) == 3
        await back.leave()
        await talk.absent(channel, user)
    # I17: the next channel of that name knows nothing of it.
    (await talk.dismiss(channel)).ok()
    await last.gone()
    await talk.bot(crew, channel, user, token=early)
    row = await talk.detail(channel, user)
    assert (row["IdentityType"], row["Sticky"]) == (1, 0)
    assert (await talk.identity(channel, user, 6, RequstId=1)).ok()


async def test_I16_identity_and_mark_survive_a_kill(own_server, crew, channel):
    server = own_server({"talk.linger_secs": 60})
    talk = Talk(server)
    one = await talk.bot(crew, channel)
    (await talk.identity(channel, one.user, 3, RequstId=9)).ok()
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    await talk.bot(crew, channel, one.user, IdentityType=1)
    assert await type_of(talk, channel, one.user) == 3
    (await talk.identity(channel, one.user, 1, RequstId=8)).expect(STALE)


@sqlite_only
async def test_I19_on_demand(talk, stage, channel):
    one, watcher = await talk.enter(stage, channel, IdentityType=2), await talk.enter(stage, channel)
    assert not one.me.permissions.can_publish  # that it cannot is tried in P04
    reply = (await talk.mic(channel, one.name, 1)).ok()
    assert (reply["IdentityType"], reply["Granted"]) == (2, 1)
    assert (await watcher.notice("mic_grant", user_id=one.name))["granted"] == 1
    await until(lambda: one.me.permissions.can_publish, 2, "the permission is told")
    await one.sing(1000)
    await watcher.wait_hears(one, 1000)
    (await talk.identity(channel, one.name, 2)).ok()
    assert await talk.speakers(channel) == [] and (await talk.detail(channel, one.name))["MicGrant"] == 0
    await until(lambda: not watcher.sees_track_of(one), 2, "the track is gone")
    await watcher.notice("mic_grant", user_id=one.name, granted=0)


@pytest.mark.parametrize("to", [2, 3])
async def test_I20_seated_in_a_voice_room(talk, crew, alice, bob, to):
    room = await asyncio.to_thread(alice.room)
    token = (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]
    await talk.bot(crew, room, bob.name, token=token)
    (await asyncio.to_thread(bob.join, room)).ok()
    assert (await talk.detail(room, bob.name))["MicGrant"] == 1
    (await talk.identity(room, bob.name, to)).ok()
    assert await asyncio.to_thread(alice.seats, room) == {}
    if to == 2:
        (await asyncio.to_thread(bob.join, room)).ok()
    else:
        answer = (await asyncio.to_thread(bob.join, room)).expect(200, 403)
        assert answer["message"]


@sqlite_only
async def test_I21_I22_a_guest_without_a_seat(talk, stage, alice, bob):
    room = await asyncio.to_thread(alice.room)
    tokens = [(await asyncio.to_thread(u.rtc, room)).ok()["auth_token"] for u in (alice, bob)]
    watcher, one = await talk.enter(stage, room, alice.name, token=tokens[0]), await talk.enter(stage, room, bob.name, token=tokens[1])
    assert [await type_of(talk, room, u.name) for u in (alice, bob)] == [5, 2], "the owner, and everybody else"
    (await talk.identity(room, bob.name, 6)).ok()
    await until(lambda: one.me.permissions.can_publish, 2, "the permission is told")
    await one.sing(1200)
    await watcher.wait_hears(one, 1200)
    assert await asyncio.to_thread(alice.seats, room) == {}


async def test_I24_racing_with_leave_and_kick(talk, crew, channel):
    await talk.bot(crew, channel)
    for n in range(8):
        one = await talk.bot(crew, channel)
        ends = talk.kick(channel, one.user, 60) if n % 2 else one.leave()
        reply, _ = await asyncio.gather(talk.identity(channel, one.user, 4), ends)
        assert reply.code in (0, NO_USER), reply
        await talk.absent(channel, one.user)
        assert one.user not in await talk.speakers(channel)
        if n % 2:
            (await talk.identity(channel, one.user, 4)).expect(NO_USER)


@sqlite_only
async def test_I25_demoted_in_the_resume_window(talk, stage, crew, channel):
    watcher = await talk.enter(stage, channel)
    async with Gate(talk.server.port) as gate:
        one = await talk.enter(stage, channel, url=f"ws://127.0.0.1:{gate.port}")
        await one.sing(640)
        await watcher.wait_hears(one, 640)
        gate.close()
        await asyncio.wait_for(gate.waiting.wait(), 10)
        (await talk.identity(channel, one.name, 3)).ok()
        assert await talk.speakers(channel) == []
        await until(lambda: not watcher.hears(one, 640), 2, "silence")
        gate.open()
        await until(lambda: ("reconnected", None) in one.events, SLACK + 4, "resumed")
        await until(lambda: not one.me.permissions.can_publish, 3, "the permission is told")
        assert not watcher.sees_track_of(one) and not watcher.hears(one, 640)
        assert await type_of(talk, channel, one.name) == 3
        await one.close()
