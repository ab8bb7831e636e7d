"""talk.md 9.4: kick and ban. Classes (K29 to K32): test_classes.py. Hub events (in K25) and playback in the broadcast formats (in K06) are not served yet; K06 with WHIP and WHEP: test_streams.py."""

from __future__ import annotations

import asyncio
import random
import re
import time

import pytest
from livekit import rtc

from stoa.crew import DISCONNECT, PARTICIPANT_REMOVED, Refused
from stoa.hub_token import claims, exchange
from stoa.talk import BAD_PARAM, NO_CHANNEL, NO_USER, NOT_PERMITTED, RESUME, SLACK, Reply, Talk, door, fresh, validate
from stoa.wait import until

BANNED, REVOKED, IN = 403, 401, 101


async def refused_with(talk: Talk, status: int, token: str, *, sid: str | None = None) -> str:
    """A token that opens no door: join (or resume) and validate answer this status."""
    got, text = await door(talk.server.port, token, sid=sid)
    assert got == status, (got, text)
    assert text == "token revoked" if status == REVOKED else text.startswith("banned from channel until "), text
    assert (await validate(talk.server.port, token))[0] == status
    return text


async def opens(talk: Talk, token: str) -> None:
    assert (await door(talk.server.port, token))[0] == IN


async def test_K01_K02_a_present_user_is_kicked(talk, stage, crew, channel):
    watcher = await talk.enter(stage, channel)
    victim = await talk.enter(stage, channel)
    await victim.sing(700)
    await watcher.wait_hears(victim, 700)
    began = time.time()
    (await talk.kick(channel, victim.name, 600, op_user="the boss")).ok()
    assert await talk.users(channel) == [watcher.name]
    assert await talk.speakers(channel) == [] and await talk.user_status(victim.name) == []
    # K02: what the victim is told.
    assert await asyncio.wait_for(victim.disconnected, 5) == rtc.DisconnectReason.PARTICIPANT_REMOVED
    (told,) = victim.notices("kicked")
    assert (told["user_id"], told["op_user"], told["reason"], told["kick_time"]) == (victim.name, "the boss", 1, 600)
    assert told["detail"] == "the boss,1,600" and abs(told["until"] - began - 600) <= 3
    assert not [name for name, _ in victim.events if name == "reconnecting"], "the SDK tries to come back"
    # The others.
    seen = await watcher.notice("user_kicked", user_id=victim.name)
    assert {k: seen[k] for k in ("op_user", "reason", "kick_time", "until", "detail")} == {k: told[k] for k in ("op_user", "reason", "kick_time", "until", "detail")}
    await until(lambda: victim.name not in watcher.room.remote_participants, 2, "the victim is gone for the others")
    assert not watcher.notices("kicked") and not victim.notices("user_kicked")


async def test_K02_the_leave_frame(talk, crew, channel):
    victim = await talk.bot(crew, channel)
    (await talk.kick(channel, victim.user, 60)).ok()
    assert await victim.gone() == (PARTICIPANT_REMOVED, DISCONNECT)


async def test_K03_a_victim_that_keeps_sending(talk, crew, channel):
    watcher = await talk.bot(crew, channel)
    victim, control = await asyncio.gather(talk.bot(crew, channel), talk.bot(crew, channel))
    await victim.publish(stubborn=True)
    await control.publish()
    await asyncio.gather(watcher.hears(victim, 25), watcher.hears(control, 25))
    (await talk.kick(channel, victim.user, 60)).ok()
    replied = time.time()
    await watcher.hears(control, 50)  # a second of chances
    after = (await watcher.heard(victim))["last"] - replied
    assert after < 0.1, f"a packet came {after * 1000:.0f} ms after the reply"
    assert (await victim.view())["left"] == [PARTICIPANT_REMOVED, DISCONNECT]


async def test_K04_K05_K07_old_and_new_tokens_of_a_banned_user(talk, crew, channel):
    await talk.bot(crew, channel)
    old = (await talk.token(channel, "k04-" + channel)).ok()["Token"]
    victim = await talk.bot(crew, channel, "k04-" + channel, token=old)

    async def refreshed() -> bool:
        return bool((await victim.view())["refreshed_token"])

    await until(refreshed, 5, "a refreshed token")
    new = (await victim.view())["refreshed_token"]
    began = time.time()
    (await talk.kick(channel, victim.user, 600)).ok()
    for token in (old, new, talk.foreign_token(victim.user, channel)):
        text = await refused_with(talk, BANNED, token)
        assert abs(int(text.rsplit(" ", 1)[1]) - began - 600) <= 2
        await refused_with(talk, BANNED, token, sid=victim.sid)
    reply = (await talk.token(channel, victim.user)).expect(NOT_PERMITTED)
    assert any(int(n) in range(590, 601) for n in re.findall(r"\d+", reply["ErrorInfo"])), reply
    # K05: without a ban the tokens of before are revoked.
    (await talk.kick(channel, victim.user, 0)).ok()
    for token in (old, new):
        await refused_with(talk, REVOKED, token)
        await refused_with(talk, REVOKED, token, sid=victim.sid)


async def test_K05_resume_after_a_kick_without_time(talk, crew, channel):
    victim, _ = await asyncio.gather(talk.bot(crew, channel), talk.bot(crew, channel))
    (await talk.kick(channel, victim.user)).ok()
    await refused_with(talk, REVOKED, victim.token, sid=victim.sid)
    assert victim.user not in await talk.users(channel)


async def test_K08_the_end_of_a_ban(talk, crew, channel):
    await talk.bot(crew, channel)
    user = fresh("u")
    before = time.time()
    (await talk.kick(channel, user, 2)).ok()
    after = time.time()

    async def let_in() -> bool:
        status, text = await door(talk.server.port, talk.foreign_token(user, channel))
        assert status in (IN, BANNED), text
        return status == IN

    assert not await let_in()
    await until(let_in, 2 + SLACK, "the ban ends")
    # The server counts in milliseconds.
    assert before - 0.001 + 2 <= time.time() <= after + 2 + 0.5, "not at its end"
    await opens(talk, (await talk.token(channel, user)).ok()["Token"])


@pytest.mark.parametrize("secs", [..., 0])
async def test_K09_kick_without_time(talk, crew, channel, secs):
    await talk.bot(crew, channel)
    victim = await talk.bot(crew, channel)
    same_second = (await talk.token(channel, victim.user)).ok()["Token"]
    began = int(time.time())
    (await talk.kick(channel, victim.user, secs)).ok()
    kicked = int(time.time())
    fresh_token = (await talk.token(channel, victim.user)).ok()["Token"]
    again = await crew.join(victim.url, fresh_token)
    assert time.time() - began < 5
    await talk.present(channel, victim.user)
    await victim.gone()
    for token in (victim.token, same_second):
        await refused_with(talk, REVOKED, token)
    assert kicked - began <= 1
    assert victim.user in await talk.users(channel) and not (await again.view())["ended"]
    assert await talk.bans(ChannelID=channel) == []


async def test_K10_kick_without_time_lifts_a_ban(talk, crew, channel):
    user = fresh("u")
    (await talk.kick(channel, user, 600)).ok()
    (await talk.kick(channel, user, 0)).ok()
    assert await talk.bans(ChannelID=channel) == []
    (await talk.kick(channel, user, 0)).expect(NO_CHANNEL)
    await talk.bot(crew, channel)
    (await talk.kick(channel, user, 600)).ok()
    (await talk.kick(channel, user, 0)).ok()
    (await talk.kick(channel, user, 0)).expect(NO_USER)
    await opens(talk, (await talk.token(channel, user)).ok()["Token"])


async def test_K11_K12_nobody_to_kick(talk, crew, channel):
    (await talk.kick(channel, "nobody", 0)).expect(NO_CHANNEL)
    await talk.bot(crew, channel)
    (await talk.kick(channel, "nobody", 0)).expect(NO_USER)
    (await talk.kick(channel, "nobody")).expect(NO_USER)


async def test_K13_a_ban_in_advance(talk, crew, channel):
    user = fresh("u")
    token = (await talk.token(channel, user)).ok()["Token"]
    (await talk.kick(channel, user, 600)).ok()
    assert await talk.status(channel) == 1, "a ban makes no channel"
    await refused_with(talk, BANNED, token)
    with pytest.raises(Refused) as refused:
        await crew.join(f"ws://127.0.0.1:{talk.server.port}", token)
    assert refused.value.status == BANNED
    assert await talk.status(channel) == 1


async def test_K14_the_latest_kick_wins(talk, channel):
    for first, then in ((600, 10), (10, 600)):
        user = fresh("u")
        (await talk.kick(channel, user, first)).ok()
        (await talk.kick(channel, user, then)).ok()
        (ban,) = await talk.bans(ChannelID=channel, UserID=user)
        assert ban["ExpireTime"] - ban["StartTime"] in (then, then + 1)
        assert then - 5 <= ban["Remaining"] <= then


async def test_K15_K16_bad_parameters(talk, channel):
    for secs in (-1, 315_360_001, 1.5, "abc"):
        (await talk.kick(channel, "u", secs)).expect(BAD_PARAM)
    assert await talk.bans(ChannelID=channel) == []
    for secs in (315_360_000, "60"):
        (await talk.kick(channel, "u", secs)).ok()
    for missing in ("channel_id", "kick_user_id"):
        fields = {"channel_id": channel, "kick_user_id": "u", "kick_time": 5} | {missing: ...}
        assert missing in (await talk.call("admin_kick_user", **fields)).expect(BAD_PARAM)["ErrorInfo"].lower()


async def test_K17_who_kicked(talk, stage, channel):
    watcher, victim = await talk.enter(stage, channel), await talk.enter(stage, channel)
    (await talk.kick(channel, victim.name, 60)).ok()
    assert (await watcher.notice("user_kicked"))["op_user"] == "admin"
    (ban,) = await talk.bans(ChannelID=channel)
    assert (ban["UserID"], ban["OpUser"], ban["Source"]) == (victim.name, "admin", "talk")
    (await talk.kick(channel, victim.name, 60, op_user="somebody")).ok()
    assert (await talk.bans(ChannelID=channel))[0]["OpUser"] == "somebody"


async def test_K09_K18_K36_bans_and_revocations_survive_a_kill(own_server, crew, channel):
    server = own_server({"talk.linger_secs": 60})
    talk = Talk(server)
    await talk.bot(crew, channel)
    banned, revoked, lifted = [await talk.bot(crew, channel) for _ in range(3)]
    (await talk.kick(channel, banned.user, 600)).ok()
    (await talk.kick(channel, revoked.user)).ok()
    (await talk.kick(channel, lifted.user, 600)).ok()
    assert await talk.lift(channel, lifted.user) == 1
    old_text = await refused_with(talk, BANNED, banned.token)
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    assert await refused_with(talk, BANNED, banned.token) == old_text, "another end after the restart"
    await refused_with(talk, BANNED, banned.token, sid=banned.sid)
    for bot in (revoked, lifted):
        await refused_with(talk, REVOKED, bot.token)
        await refused_with(talk, REVOKED, talk.foreign_token(bot.user, channel, nbf=...))
        await talk.bot(crew, channel, bot.user)
    assert banned.user not in await talk.users(channel)


async def test_K19_killed_in_the_middle_of_a_kick(own_server, crew):
    """Whatever of the kick was stored when the server died: with it nobody comes back, without it nobody was told."""
    server = own_server({"talk.linger_secs": 60})
    talk = Talk(server)
    dice = random.Random(19)
    for _ in range(4):
        channel = fresh()
        victim = await talk.bot(crew, channel)
        kick = asyncio.create_task(talk.kick(channel, victim.user, 600))
        await asyncio.sleep(dice.uniform(0.001, 0.012))
        await asyncio.to_thread(server.kill)
        said = (await asyncio.gather(kick, return_exceptions=True))[0]
        await asyncio.to_thread(server.start)
        bans = await talk.bans(ChannelID=channel)
        assert bans or isinstance(said, BaseException), "a reply of OK, and no ban after the crash"
        if bans:
            await refused_with(talk, BANNED, victim.token)
            await refused_with(talk, BANNED, victim.token, sid=victim.sid)
            await refused_with(talk, BANNED, talk.foreign_token(victim.user, channel))
        assert await talk.users(channel) == []


async def test_K20_a_ban_outlives_the_channel(talk, crew, channel):
    victim, last = await talk.bot(crew, channel), await talk.bot(crew, channel)
    (await talk.kick(channel, victim.user, 600)).ok()
    (await talk.dismiss(channel)).ok()
    assert await talk.status(channel) == 1
    await talk.bot(crew, channel)
    await refused_with(talk, BANNED, talk.foreign_token(victim.user, channel))
    (await talk.token(channel, victim.user)).expect(NOT_PERMITTED)
    await last.gone()


async def test_K21_other_channels_are_not_touched(talk, crew, channel):
    user, elsewhere = fresh("u"), fresh()
    await talk.bot(crew, channel, user)
    stays = await talk.bot(crew, elsewhere, user)
    (await talk.kick(channel, user, 600)).ok()
    assert await talk.users(elsewhere) == [user] and await talk.users(channel) == []
    assert not (await stays.view())["ended"]
    await opens(talk, (await talk.token(elsewhere, user)).ok()["Token"])


async def test_K23_two_devices(talk, crew, channel):
    one = await talk.bot(crew, channel, DeviceID="phone")
    two = await talk.bot(crew, channel, one.user, DeviceID="desk")
    await talk.bot(crew, channel)
    (await talk.kick(channel, one.user, 60)).ok()
    assert one.user not in await talk.users(channel)
    assert await one.gone() == await two.gone() == (PARTICIPANT_REMOVED, DISCONNECT)
    assert len(await talk.calls(one.user)) == 1
    for device in ("phone", "desk", "third"):
        await refused_with(talk, BANNED, talk.foreign_token(f"{one.user}\x1f{device}", channel, attributes={"stoa.user": one.user}))


async def test_K24_a_shadow_is_its_users(talk, crew, channel):
    user = fresh("u")
    await talk.bot(crew, channel)
    shadow = await talk.bot(crew, channel, user, token=talk.foreign_token(f"{user}_shadow", channel, attributes={"stoa.user": user}))
    assert shadow.identity == f"{user}_shadow"
    (await talk.kick(channel, user, 60)).ok()
    assert await shadow.gone() == (PARTICIPANT_REMOVED, DISCONNECT)
    await refused_with(talk, BANNED, shadow.token)
    assert user not in await talk.users(channel)


async def test_K25_K28_a_seated_user_of_a_voice_room(talk, crew, alice, bob):
    room = await asyncio.to_thread(alice.room)
    (await asyncio.to_thread(bob.join, room)).ok()
    token = (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]
    guest = await talk.bot(crew, room, bob.name, token=token)
    (await talk.kick(room, bob.name, 600)).ok()
    assert await asyncio.to_thread(alice.seats, room) == {}
    assert await guest.gone() == (PARTICIPANT_REMOVED, DISCONNECT)
    # K28: every door of the room's API is closed.
    (await asyncio.to_thread(bob.join, room)).expect(200, 403)
    (await asyncio.to_thread(bob.rtc, room)).expect(403, 403)
    await refused_with(talk, BANNED, token)
    assert await asyncio.to_thread(alice.seats, room) == {}
    assert await talk.lift(room, bob.name) == 1
    (await asyncio.to_thread(bob.join, room)).ok()
    new = (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]
    await refused_with(talk, REVOKED, token)
    await talk.bot(crew, room, bob.name, token=new)


async def test_K26_a_seat_without_a_connection(talk, alice, bob):
    room = await asyncio.to_thread(alice.room)
    (await asyncio.to_thread(bob.join, room)).ok()
    (await talk.kick(room, bob.name)).ok()
    assert await asyncio.to_thread(alice.seats, room) == {}
    (await talk.kick(room, bob.name)).expect(NO_USER)


async def test_K27_the_owner_of_a_voice_room(talk, crew, alice, bob):
    room = await asyncio.to_thread(alice.room)
    tokens = [(await asyncio.to_thread(u.rtc, room)).ok()["auth_token"] for u in (alice, bob)]
    owner = await talk.bot(crew, room, alice.name, token=tokens[0])
    guest = await talk.bot(crew, room, bob.name, token=tokens[1])
    (await talk.kick(room, alice.name, 60)).ok()
    await owner.gone()
    assert await talk.users(room) == [bob.name] and await talk.status(room) == 3
    await guest.leave()
    await talk.absent(room, bob.name)
    assert await talk.status(room) == 2
    assert (await asyncio.to_thread(bob.get, room)).ok()["status"] == 1


async def test_K33_kick_in_the_resume_window(talk, crew, channel):
    await talk.bot(crew, channel)
    victim = await talk.bot(crew, channel)
    await victim.publish()  # so that there is a packet right before the loss
    await asyncio.sleep(0.5)
    lost = await victim.vanish()
    assert victim.user in await talk.users(channel), "present in the resume window"
    await asyncio.sleep(RESUME * 0.5)
    (await talk.kick(channel, victim.user, 60)).ok()
    (call,) = await talk.calls(victim.user)
    assert abs(call["LeaveTime"] - lost) <= 1.01, f"{call['LeaveTime'] - lost:.1f} s off"
    await refused_with(talk, BANNED, victim.token, sid=victim.sid)


async def test_K34_kick_through_another_apps_key(talk, other, crew, channel):
    victim = await talk.bot(crew, channel)
    (await other.kick(channel, victim.user, 0)).expect(NO_CHANNEL)
    (await other.kick(channel, victim.user, 600)).ok()
    assert await talk.users(channel) == [victim.user]
    assert await talk.bans(ChannelID=channel) == [] and len(await other.bans(ChannelID=channel)) == 1
    await opens(talk, victim.token)


async def test_K36_lifting_a_ban_revives_no_token(talk, crew, channel):
    await talk.bot(crew, channel)
    victim = await talk.bot(crew, channel)
    (await talk.kick(channel, victim.user, 600)).ok()
    assert await talk.lift(channel, victim.user) == 1
    await refused_with(talk, REVOKED, victim.token)
    await refused_with(talk, REVOKED, talk.foreign_token(victim.user, channel, nbf=...))
    await talk.bot(crew, channel, victim.user)


async def test_K35_a_batch(talk, crew, channel):
    bots = await asyncio.gather(*(talk.bot(crew, channel) for _ in range(3)))
    stays = await talk.bot(crew, channel)
    users = [bot.user for bot in bots]

    async def batch(wanted: list) -> Reply:
        return await talk.call("batch_kick_talk_user", ChannelID=channel, UserList=wanted)

    for bad in ([*users, 1.5], [*users, {"Name": "x"}], [], [f"u{n}" for n in range(101)], users[0]):
        (await batch(bad)).expect(BAD_PARAM)
    assert len(await talk.users(channel)) == 4, "somebody was kicked by a malformed request"
    reply = (await batch([users[0], {"UserID": users[1]}, "absent", users[2], users[0]])).ok()
    assert reply["FailCount"] == 1
    assert [(row["UserID"], row["ErrorCode"]) for row in reply["ResultList"]] == [(users[0], 0), (users[1], 0), ("absent", NO_USER), (users[2], 0)]
    assert await talk.users(channel) == [stays.user]


async def test_hub_tokens_for_media_tokens(talk, other, channel):
    user = f"u#{fresh()}"
    token = (await talk.token(channel, user)).ok()["Token"]
    at = talk.server.http
    said = claims(await asyncio.to_thread(exchange, at, token, device_id="pad"))
    assert (said["meta"]["face"], said["meta"]["dev"], said["meta"]["app"], said["meta"]["role"]) == ("talk", "pad", talk.app.app_id, "user")
    assert said["sub"].startswith("~") and abs(said["exp"] - time.time() - 600) <= 3
    foreign = claims(await asyncio.to_thread(exchange, at, (await other.token(channel, user)).ok()["Token"]))
    assert foreign["sub"] == f"!{other.app.app_id}.{said['sub']}" and foreign["meta"]["uid"] == user
    # A ban of the channel, then a revoked token, then a new one.
    until_ban = time.time() + 60
    (await talk.kick(channel, user, 60)).ok()
    refused = await asyncio.to_thread(exchange, at, token)
    assert refused.status == BANNED and re.fullmatch(r"banned from channel until \d+", refused["message"]), refused
    assert abs(int(refused["message"].rsplit(" ", 1)[1]) - until_ban) <= 2
    elsewhere = (await talk.token(fresh(), user)).ok()["Token"]
    assert (await asyncio.to_thread(exchange, at, elsewhere)).status == 200
    assert await talk.lift(channel, user) == 1
    revoked = await asyncio.to_thread(exchange, at, token)
    assert (revoked.status, revoked["message"]) == (REVOKED, "token revoked")
    fresh_one = (await talk.token(channel, user)).ok()["Token"]
    assert (await asyncio.to_thread(exchange, at, fresh_one)).status == 200
    for bad in (token[:-4] + "AAAA", talk.foreign_token(user, channel, ttl=-120)):
        assert (await asyncio.to_thread(exchange, at, bad)).status == 401
