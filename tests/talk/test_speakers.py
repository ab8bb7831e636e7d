"""talk.md 9.6: who counts as a speaker. Classes (P08): test_classes.py."""

from __future__ import annotations

import asyncio

import pytest
from livekit import api, rtc

from stoa.media import refused
from stoa.talk import Talk
from stoa.wait import until


async def speaking(talk: Talk, channel: str, *users: str, seconds: float = 5) -> None:
    """Waits until exactly these are speakers; the details agree (X16)."""
    async def so() -> bool:
        return await talk.speakers(channel) == list(users)

    await until(so, seconds, f"speakers are {users}")
    for row in (await talk.detail(channel))["UserList"]:
        assert row["Speaker"] == int(row["UserID"] in users), row


sqlite_only = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@sqlite_only
async def test_P01_P02_an_open_and_a_muted_microphone(talk, stage, channel):
    one = await talk.enter(stage, channel)
    await speaking(talk, channel)
    publication = await one.microphone(silent=True)
    await speaking(talk, channel, one.name)
    publication.track.mute()
    await speaking(talk, channel)
    publication.track.unmute()
    await speaking(talk, channel, one.name)


@sqlite_only
async def test_P03_a_listener_tries(talk, stage, channel):
    watcher, listener = await talk.enter(stage, channel), await talk.enter(stage, channel, IdentityType=3)
    await refused(listener, [watcher], 900)
    assert await talk.speakers(channel) == []


@sqlite_only
async def test_P04_with_and_without_a_grant(talk, stage, channel):
    one = await talk.enter(stage, channel, IdentityType=2)
    watcher = await talk.enter(stage, channel)
    await refused(one, [watcher], 900)
    assert await talk.speakers(channel) == []
    (await talk.mic(channel, one.name, 1)).ok()
    await one.sees(one.name, mic="1", identity="2")
    await one.microphone()
    await speaking(talk, channel, one.name)
    (await talk.mic(channel, one.name, 0)).ok()
    assert await talk.speakers(channel) == [], "right after the reply"


@sqlite_only
async def test_P05_screen_audio_is_no_speech(talk, stage, channel):
    one = await talk.enter(stage, channel, IdentityType=4)
    await one.microphone(source=rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO)

    async def sends() -> bool:
        return (await talk.media(one.name))["UseAudio"] == 1

    await until(sends, 5, "audio in use")
    assert await talk.speakers(channel) == []


async def test_P06_server_mute(own_server, stage, channel):
    server = own_server({"talk.linger_secs": 60})
    talk = Talk(server)
    one, watcher = await talk.enter(stage, channel), await talk.enter(stage, channel)
    publication = await one.sing(500)
    await watcher.wait_hears(one, 500)
    await speaking(talk, channel, one.name)
    (await talk.mute(channel, one.name, Audio=1)).ok()
    assert await talk.speakers(channel) == []
    await until(lambda: not watcher.hears(one, 500), 2, "silence")
    told = await watcher.notice("muted", user_id=one.name)
    assert (told["audio"], told["video"], told["until"], told["op_user"]) == (1, 0, 0, "admin")
    await watcher.sees(one.name, muted="a")
    # The client opens its microphone again: reverted.
    publication.track.unmute()
    await until(lambda: publication.muted, 3, "muted again by the server")
    assert await talk.speakers(channel) == []

    async def back() -> None:
        again = await talk.enter(stage, channel, one.name)
        await again.microphone()
        row = await talk.detail(channel, one.name)
        assert (row["AudioMuted"], row["VideoMuted"], row["Speaker"]) == (1, 0, 0), row
        assert await talk.speakers(channel) == []
        await again.close()
        await talk.absent(channel, one.name)

    await one.close()
    await talk.absent(channel, one.name)
    await back()
    await watcher.close()
    await asyncio.to_thread(server.restart)
    await back()
    third = await talk.enter(stage, channel, one.name)
    (await talk.mute(channel, one.name, Audio=0)).ok()
    await third.microphone()
    await speaking(talk, channel, one.name)


async def test_P07_a_seat_of_a_voice_room(talk, crew, alice, bob):
    room = await asyncio.to_thread(alice.room)
    token = (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]
    guest = await talk.bot(crew, room, bob.name, token=token)
    (await asyncio.to_thread(bob.join, room)).ok()
    track = await guest.publish()
    await speaking(talk, room, bob.name)
    (await asyncio.to_thread(bob.leave, room)).ok()
    assert await talk.speakers(room) == []

    async def taken_back() -> bool:
        return (await guest.view())["unpublished"] == [track]

    await until(taken_back, 2, "the track is taken back")


@sqlite_only
async def test_P09_app_id_left_out(talk, other, crew, channel):
    await talk.bot(crew, channel)
    for admin in (talk, other):
        reply = (await admin.call("get_talk_speaker_list_on_a_channel", ChannelID=channel)).ok()
        assert reply["AppID"] == admin.app.app_id


@sqlite_only
async def test_P01_raw_permission_taken_away(talk, crew, channel):
    """4.2: `canPublish=false` set through the RoomService excludes."""
    bot = await talk.bot(crew, channel)
    await bot.publish()
    await speaking(talk, channel, bot.user)
    service = api.LiveKitAPI(talk.server.url, talk.app.key, talk.app.secret)
    try:
        await service.room.update_participant(api.UpdateParticipantRequest(
            room=channel, identity=bot.user, permission=api.ParticipantPermission(can_publish=False, can_subscribe=True, can_publish_data=True),
        ))
    finally:
        await service.aclose()
    assert await talk.speakers(channel) == []
    assert (await talk.detail(channel, bot.user))["IdentityType"] == 1
