"""talk.md 9.10: extensions. JS and Node (in X01) join in the browser suite; classes (in X10, X13): test_classes.py; X14: Rust, api-talk."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing

import pytest

from stoa import tokens
from stoa.crew import ROOM_DELETED, Refused
from stoa.media import refused
from stoa.postgres import psql
from stoa.server import Server
from stoa.talk import BAD_PARAM, CHECKSUM, NO_CHANNEL, NO_USER, NOT_ADMIN, NOT_PERMITTED, App, Talk, door, fresh
from stoa.wait import until, until_next_millisecond

sqlite_only = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@sqlite_only
@pytest.mark.parametrize("identity", [..., 1, 2, 3, 4, 5, 6])
async def test_X01_an_unmodified_sdk_joins_with_a_created_token(talk, stage, channel, identity):
    user = fresh("u")
    began = int(time.time())
    reply = (await talk.token(channel, user, IdentityType=identity, Name="A name", Metadata="about")).ok()
    effective = 1 if identity is ... else identity
    assert (reply["AppID"], reply["ChannelID"], reply["UserID"], reply["Identity"], reply["IdentityType"]) == (1000, channel, user, user, effective)
    assert reply["Url"].startswith("ws") and 600 <= reply["ExpireTime"] - began <= 602
    claims = tokens.claims_of(reply["Token"])
    assert claims["attributes"]["stoa.user"] == user and claims["attributes"]["stoa.identity"] == str(effective)
    assert claims["video"]["roomJoin"] is True and claims["video"]["room"] == channel and claims["exp"] == reply["ExpireTime"]
    assert tokens.verifies(reply["Token"], talk.app.secret.encode())
    one = await talk.enter(stage, channel, user, token=reply["Token"], url=reply["Url"])
    assert one.me.name == "A name" and one.me.metadata == "about"
    may = effective in (1, 4, 5, 6)
    await one.sees(user, user=user, identity=str(effective), mic=str(int(may)), muted="")
    assert one.me.permissions.can_publish == may and one.me.permissions.can_subscribe
    if may:
        await one.microphone()
        await until_speakers(talk, channel, [user])


async def until_speakers(talk: Talk, channel: str, users: list[str]) -> None:
    async def so() -> bool:
        return await talk.speakers(channel) == users

    await until(so, 5, f"speakers {users}")


async def test_X02_lifetimes(talk, channel):
    for ttl, code in ((59, BAD_PARAM), (604_801, BAD_PARAM), (60, 0), (604_800, 0)):
        reply = (await talk.token(channel, "u", TTL=ttl)).expect(code)
        if code == 0:
            assert abs(reply["ExpireTime"] - time.time() - ttl) <= 2
    # Past its end and past the leeway of the clocks.
    expired = talk.foreign_token("u", channel, ttl=-120)
    assert (await door(talk.server.port, expired))[0] == 401
    assert await talk.status(channel) == 1


async def test_X03_must_exist(talk, crew, channel):
    user = fresh("u")
    token = (await talk.token(channel, user, MustExist=1)).ok()["Token"]
    status, text = await door(talk.server.port, token)
    assert status == 404 and "requested room does not exist" in text
    with pytest.raises(Refused) as no:
        await crew.join(f"ws://127.0.0.1:{talk.server.port}", token)
    assert no.value.status == 404 and await talk.status(channel) == 1
    await talk.bot(crew, channel)
    await talk.bot(crew, channel, user, token=token)


@sqlite_only
async def test_X04_tokens_for_a_voice_room(talk, stage, alice, bob):
    room = await asyncio.to_thread(alice.room)
    assert (await talk.token(room, alice.name)).ok()["IdentityType"] == 5
    assert (await talk.token(room, bob.name)).ok()["IdentityType"] == 2
    reply = (await talk.token(room, bob.name, IdentityType=6)).ok()
    assert reply["IdentityType"] == 2
    (await talk.token(room, bob.name, IdentityType=7)).expect(BAD_PARAM)
    (await talk.token(room, "somebody_shadow")).expect(BAD_PARAM)
    owner, guest = await talk.enter(stage, room, alice.name), await talk.enter(stage, room, bob.name, token=reply["Token"])
    await owner.microphone()
    await refused(guest, [owner], 900)
    assert await talk.speakers(room) == [alice.name]


async def test_X05_token_for_a_dismissed_room(talk, alice):
    room = await asyncio.to_thread(alice.room)
    (await asyncio.to_thread(alice.dismiss, room)).ok()
    (await talk.token(room, "u")).expect(NO_CHANNEL)


async def test_X07_a_device_beside_none(talk, crew, channel):
    user = fresh("u")
    plain, device = await talk.bot(crew, channel, user), await talk.bot(crew, channel, user, DeviceID="b")
    assert (plain.identity, device.identity) == (user, f"{user}\x1fb")
    assert await talk.count(channel) == 1 and (await talk.detail(channel, user))["Devices"] == 2
    assert not (await plain.view())["ended"]


async def test_X08_X09_the_list_of_bans(talk):
    one, two = fresh(), fresh()
    users = [fresh("u") for _ in range(3)]
    for n, user in enumerate(users):
        (await talk.kick(one, user, 600 + n)).ok()
        until_next_millisecond()
    (await talk.kick(two, users[0], 600)).ok()
    (await talk.kick(one, "short", 1)).ok()
    began = time.time()
    rows = await talk.bans(ChannelID=one)
    assert [row["UserID"] for row in rows] == [*users, "short"]
    for row in rows:
        assert set(row) == {"ChannelID", "UserID", "OpUser", "Source", "StartTime", "ExpireTime", "Remaining"}, row
        assert abs(row["ExpireTime"] - time.time() - row["Remaining"]) <= 1.5
    assert {row["ChannelID"] for row in await talk.bans(UserID=users[0])} == {one, two}
    page = (await talk.call("list_talk_bans", ChannelID=one, StartSeq=1, Limit=1)).ok()
    assert page["BanList"] == [next(r for r in await talk.bans(ChannelID=one) if r["UserID"] == users[1])] and page["Total"] in (3, 4)

    async def ended() -> bool:
        return [row["UserID"] for row in await talk.bans(ChannelID=one)] == users

    await until(ended, 5, "the short ban ends")
    assert time.time() - began >= 0.9
    # X09
    assert await talk.lift(one, users[0]) == 1 and await talk.lift(one, users[0]) == 0
    assert [row["UserID"] for row in await talk.bans(ChannelID=one)] == users[1:]
    assert await talk.lift(two, users[0]) == 1


async def test_X10_dismiss(talk, stage, crew, channel, alice):
    (await talk.dismiss(channel)).expect(NO_CHANNEL)
    watcher = await talk.enter(stage, channel)
    bots = [await talk.bot(crew, channel) for _ in range(2)]
    assert (await talk.dismiss(channel)).ok()["UserCount"] == 3
    assert await talk.status(channel) == 1
    assert [(await bot.gone())[0] for bot in bots] == [ROOM_DELETED] * 2
    await asyncio.wait_for(watcher.disconnected, 5)
    assert len(watcher.notices("dismissed")) == 1
    for bot in bots:
        assert len(await talk.calls(bot.user)) == 1
    # Another join makes it anew.
    await talk.bot(crew, channel, bots[0].user)
    # A voice room.
    room = await asyncio.to_thread(alice.room)
    token = (await asyncio.to_thread(alice.rtc, room)).ok()["auth_token"]
    owner = await talk.bot(crew, room, alice.name, token=token)
    assert (await talk.dismiss(room)).ok()["UserCount"] == 1
    assert (await owner.gone())[0] == ROOM_DELETED
    assert (await asyncio.to_thread(alice.get, room)).ok()["status"] == 2
    assert await talk.status(room) == 1
    (await talk.dismiss(room)).expect(NO_CHANNEL)


async def test_X11_a_mute_ends_by_itself_also_across_a_restart(own_server, crew, channel):
    server = own_server({"talk.linger_secs": 60})
    talk = Talk(server)
    one, watcher = await talk.bot(crew, channel), await talk.bot(crew, channel)
    await one.publish(stubborn=True)
    await watcher.hears(one, 10)
    began = time.time()
    (await talk.mute(channel, one.user, Audio=1, Duration=2)).ok()
    assert (await talk.detail(channel, one.user))["AudioMuted"] == 1

    async def lifted() -> bool:
        return (await talk.detail(channel, one.user))["AudioMuted"] == 0

    await until(lifted, 6, "the mute ends")
    assert 1.9 <= time.time() - began <= 4
    (await talk.mute(channel, one.user, Audio=1, Duration=3)).ok()
    began = time.time()
    await asyncio.to_thread(server.restart)
    again = await talk.bot(crew, channel, one.user)
    assert (await talk.detail(channel, again.user))["AudioMuted"] == 1
    watcher = await talk.bot(crew, channel)
    await again.publish(stubborn=True)
    await until(lifted, 8, "the mute ends after the restart")
    assert time.time() - began >= 2.9
    # The stubborn client sent all the time; from now on it is heard.
    await watcher.hears(again, 10)


async def test_X12_bad_mutes(talk, crew, channel):
    (await talk.mute(channel, "u", Audio=1)).expect(NO_CHANNEL)
    bot = await talk.bot(crew, channel)
    (await talk.mute(channel, bot.user)).expect(BAD_PARAM)
    (await talk.mute(channel, "nobody", Audio=1)).expect(NO_USER)


async def test_X13_grants_where_there_are_none(talk, crew, channel, alice, bob):
    room = await asyncio.to_thread(alice.room)
    (await asyncio.to_thread(bob.join, room)).ok()
    (await talk.mic(room, bob.name, 1)).expect(NOT_PERMITTED)
    bot = await talk.bot(crew, channel, IdentityType=1)
    (await talk.mic(channel, bot.user, 1)).expect(NOT_PERMITTED)
    (await talk.mic(channel, "nobody", 1)).expect(NO_USER)
    (await talk.mic(fresh(), "nobody", 1)).expect(NO_CHANNEL)


@sqlite_only
async def test_X15_clients_cannot_set_the_servers_attributes(talk, stage, channel):
    one, watcher = await talk.enter(stage, channel, IdentityType=3), await talk.enter(stage, channel)
    for name in ("stoa.identity", "stoa.user", "stoa.mine"):
        try:
            await asyncio.wait_for(one.me.set_attributes({name: "1"}), 3)
        except Exception:  # the SDK reports a refusal in many shapes
            pass
    (await talk.push(channel, "after it")).ok()
    await watcher.text("after it")
    assert watcher.shows(one.name) == {"stoa.user": one.name, "stoa.identity": "3", "stoa.mic": "0", "stoa.muted": ""}


async def test_X16_details_agree(talk, crew, channel, alice, bob):
    (await talk.call("get_talk_channel_detail", ChannelID=channel)).expect(NO_CHANNEL)
    began = time.time()
    one, two = await talk.bot(crew, channel), await talk.bot(crew, channel, IdentityType=2)
    whole = await talk.detail(channel)
    assert (whole["Kind"], whole["Status"], whole["Total"]) == ("adhoc", 3, 2) and abs(whole["CreateTime"] - began) <= 2
    rows = whole["UserList"]
    assert [row["UserID"] for row in rows] == [one.user, two.user]
    blank = {"Sticky": 0, "MicGrant": 0, "AudioMuted": 0, "VideoMuted": 0, "Devices": 1, "Speaker": 0, "VideoUplinkBitRate": 0}
    for row, identity in zip(rows, (1, 2)):
        assert abs(row.pop("JoinTime") - began) <= 3
        assert row == blank | {"UserID": row["UserID"], "IdentityType": identity}
    (await talk.identity(channel, one.user, 5)).ok()
    (await talk.mic(channel, two.user, 1)).ok()
    (await talk.mute(channel, two.user, Video=1)).ok()
    await two.publish()
    await until_speakers(talk, channel, [two.user])
    first, second = await talk.detail(channel, one.user), await talk.detail(channel, two.user)
    assert (first["IdentityType"], first["Sticky"]) == (5, 1)
    assert {k: second[k] for k in ("IdentityType", "Sticky", "MicGrant", "AudioMuted", "VideoMuted", "Speaker")} == {
        "IdentityType": 2, "Sticky": 0, "MicGrant": 1, "AudioMuted": 0, "VideoMuted": 1, "Speaker": 1,
    }
    page = (await talk.call("get_talk_channel_detail", ChannelID=channel, StartSeq=1, Limit=1)).ok()
    assert [row["UserID"] for row in page["UserList"]] == [two.user] and page["Total"] == 2
    (await talk.kick(channel, two.user)).ok()
    assert (await talk.detail(channel))["Total"] == 1
    room = await asyncio.to_thread(alice.room)
    whole = await talk.detail(room)
    assert (whole["Kind"], whole["Status"], whole["Total"], whole["UserList"]) == ("room", 2, 0, [])


def audit_log(server: Server) -> list[tuple]:
    """Every row: app, identifier, op_user, command, target, result, request_id."""
    columns = "app_id, identifier, op_user, command, replace(target, char(31), ' '), result, request_id"
    if server.store_url:
        columns = columns.replace("char(31)", "chr(31)")
        rows = [line.split("|") for line in psql(server.store_url, f"SELECT {columns} FROM audit_log ORDER BY id").splitlines()]
    else:
        with closing(sqlite3.connect(server.data / "stoa.db")) as db:
            rows = db.execute(f"SELECT {columns} FROM audit_log ORDER BY id").fetchall()
    return [(int(app), *map(str, rest[:4]), int(result), request) for app, *rest, result, request in rows]


async def test_X17_every_changing_command_is_logged(own_server, crew, channel):
    server = own_server({"talk.linger_secs": 60})
    talk, guest = Talk(server), Talk(server, identifier="guest")
    one, two = await talk.bot(crew, channel), await talk.bot(crew, channel)
    a, b = one.user, two.user
    secret_text = fresh("content")
    wanted: list[tuple] = []

    async def does(command: str, target: str, op: str = "", by: Talk = talk, **fields) -> None:
        reply = await by.call(command, **fields)
        wanted.append((talk.app.app_id, by.identifier, op, command.lower(), target, reply.code, reply.header("x-request-id")))

    about = {"ChannelID": channel, "UserID": a}
    await does("push_mcu_msg", f"{channel} {a}", meeting_id=channel, receiver_id=a, content=secret_text, user_id=secret_text)
    await does("push_mcu_msg", channel, meeting_id=channel, content=secret_text * 200)
    await does("mute_talk_user", f"{channel} {a}", **about, Audio=1)
    await does("mute_talk_user", f"{channel} {a}", **about)
    await does("change_user_Identity", f"{channel} {a}", **about, IdentityType=2)
    await does("change_user_Identity", "nowhere someone", ChannelID="nowhere", UserID="someone", IdentityType=2)
    await does("set_talk_mic", f"{channel} {a}", **about, Granted=1)
    await does("admin_kick_user", f"{channel} {a}", "the boss", channel_id=channel, kick_user_id=a, kick_time=600, op_user="the boss")
    await does("admin_kick_user", f"{channel} {b}", by=guest, channel_id=channel, kick_user_id=b)
    wanted[-1] = (*wanted[-1][:4], "", *wanted[-1][5:])  # nothing of its body is read
    await does("delete_talk_ban", f"{channel} {a}", **about)
    await does("batch_kick_talk_user", f"{channel} {a} {b}", ChannelID=channel, UserList=[a, b])
    await does("dismiss_talk_channel", channel, ChannelID=channel)
    # Questions leave nothing, nor does somebody without the secret.
    await talk.count(channel)
    (await talk.token(channel, a)).ok()
    await talk.bans()
    stranger = Talk(server, App(talk.app.app_id, talk.app.key, "not the secret at all, not at all"))
    (await stranger.call("dismiss_talk_channel", ChannelID=channel)).expect(CHECKSUM)
    rows = await asyncio.to_thread(audit_log, server)
    assert rows == wanted
    assert {row[5] for row in rows} >= {0, 401, NOT_ADMIN, BAD_PARAM}
    assert secret_text not in repr(rows)
    # It outlasts a crash.
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    assert await asyncio.to_thread(audit_log, server) == wanted
