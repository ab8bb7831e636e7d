"""talk.md 9.3: counts, lists, status. Classes (L11, L12): test_classes.py."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from stoa.crew import DUPLICATE_IDENTITY, Crew, Refused
from stoa.talk import BAD_PARAM, LINGER, RESUME, SLACK, Talk, door, fresh
from stoa.wait import kept_up, on_time, until


async def lists(talk: Talk, channel: str) -> tuple[int, list[str], int]:
    return await talk.count(channel), await talk.users(channel), await talk.status(channel)


async def ends(talk: Talk, channel: str, seconds: float = LINGER + SLACK) -> float:
    """Waits until the channel does not exist any more."""
    async def gone() -> bool:
        return await talk.status(channel) == 1

    return await until(gone, seconds, f"{channel} ends")


async def test_L01_nobody_in_an_unknown_channel(talk, channel):
    assert await talk.count(channel) == 0
    assert await talk.users(channel) == [] == await talk.speakers(channel)


async def test_L02_status_of_an_unknown_channel(talk, channel):
    assert await talk.status(channel) == 1
    assert channel not in await talk.channels()


async def test_L03_two_users(talk, crew, channel):
    first = await talk.bot(crew, channel, fresh("z"))
    second = await talk.bot(crew, channel, fresh("a"))
    assert await lists(talk, channel) == (2, [first.user, second.user], 3)
    assert (await talk.channels())[channel] == 2


async def test_L04_two_devices_of_one_user(talk, crew, channel):
    one = await talk.bot(crew, channel, DeviceID="phone")
    two = await talk.bot(crew, channel, one.user, DeviceID="desk")
    await until_devices(talk, channel, one.user, 2)
    assert await lists(talk, channel) == (1, [one.user], 3)
    await one.leave()
    await until_devices(talk, channel, one.user, 1)
    assert await lists(talk, channel) == (1, [one.user], 3)
    await two.leave()
    await talk.absent(channel, one.user)
    assert (await lists(talk, channel))[0] == 0


async def until_devices(talk: Talk, channel: str, user: str, number: int) -> None:
    async def there() -> bool:
        return (await talk.detail(channel, user))["Devices"] == number

    await until(there, 5, f"{number} devices of {user}")


async def test_L05_second_join_of_an_identity(talk, crew, channel):
    old = await talk.bot(crew, channel)
    last = await talk.bot(crew, channel)
    want = (2, [old.user, last.user], 3)
    seen = []
    joined = asyncio.Event()

    async def watch() -> None:
        while not joined.is_set():
            seen.append(await lists(talk, channel))

    watching = asyncio.create_task(watch())
    new = await talk.bot(crew, channel, old.user)
    assert (await old.gone())[0] == DUPLICATE_IDENTITY
    joined.set()
    await watching
    assert all(one == want for one in seen), seen
    assert await lists(talk, channel) == want
    await new.leave()
    assert len(await talk.closed_calls(old.user, 1)) == 1
    await last.leave()


async def test_L06_hidden_participants_do_not_count(talk, crew, channel):
    for extra in ({"hidden": True}, {"recorder": True}):
        name = fresh("recorder")
        bot = await crew.join(f"ws://127.0.0.1:{talk.server.port}", talk.foreign_token(name, channel, **extra))
        assert await lists(talk, channel) == (0, [], 2)
        assert (await talk.channels())[channel] == 0
        assert await talk.user_status(name) == []
        await bot.leave()
        assert await talk.calls(name, open=True) == []


async def test_L07_L08_an_adhoc_channel_lingers_and_a_return_restarts_it(talk, crew):
    async def scene() -> None:
        channel = fresh()

        async def leave(bot) -> float:
            gone = time.monotonic()
            await bot.leave()
            await talk.absent(channel, bot.user)
            return gone

        bot = await talk.bot(crew, channel)
        first = await leave(bot)
        assert await talk.status(channel) == 2
        assert (await talk.channels())[channel] == 0
        # Near the end of the linger somebody comes back, and the time runs anew.
        await asyncio.sleep(LINGER * 0.6)
        bot = await talk.bot(crew, channel, bot.user)
        on_time(first, LINGER)
        again = await leave(bot)
        began = time.monotonic()
        await asyncio.sleep(LINGER * 0.75)
        status = await talk.status(channel)
        on_time(again, LINGER)
        assert status == 2, "the timer went on from the first departure"
        await ends(talk, channel)
        assert time.monotonic() - began >= LINGER - 0.5
        assert channel not in await talk.channels()

    await kept_up(scene)


async def test_L09_no_linger(own_server, crew, channel):
    talk = Talk(own_server({"talk.linger_secs": 0}))
    bot = await talk.bot(crew, channel)
    assert await talk.status(channel) == 3
    await bot.leave()
    await talk.absent(channel, bot.user)
    assert await ends(talk, channel) < 5, "it lingers"


async def test_L10_a_new_voice_room(talk, alice):
    room = await asyncio.to_thread(alice.room)
    assert await talk.status(room) == 2
    assert (await talk.channels())[room] == 0
    (await asyncio.to_thread(alice.dismiss, room)).ok()
    assert await talk.status(room) == 1
    assert room not in await talk.channels()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_L14_a_black_hole(talk, channel):
    """Also R11: nothing arrives from the client any more and no socket is closed."""
    async with Crew() as frozen:
        bot = await talk.bot(frozen, channel)
        await bot.publish()
        await asyncio.sleep(1)  # so that the call has a length
        frozen.freeze()
        lost = time.time()
        assert await talk.users(channel) == [bot.user]
        await asyncio.sleep(RESUME)
        assert await talk.users(channel) == [bot.user], "gone although nothing told the server of a loss"
        # Signalling is given up after 12 s of silence, media after 15 s.
        await talk.absent(channel, bot.user, 15 + RESUME + SLACK)
        (call,) = await talk.closed_calls(bot.user, 1, 25)
        assert abs(call["LeaveTime"] - lost) <= 2, f"{call['LeaveTime'] - lost:.1f} s off"
        frozen.thaw()


async def test_L15_order_of_channels(talk, crew):
    mark = fresh("")
    names = [f"{letter}{mark}" for letter in "ba中B"]
    await asyncio.gather(*(talk.bot(crew, name) for name in names))
    listed = [name for name in await talk.channels() if name.endswith(mark)]
    assert [name[0] for name in listed] == ["B", "a", "b", "中"]


async def test_L16_X06_two_apps(talk, other, crew, channel):
    mine, theirs = await asyncio.gather(talk.bot(crew, channel, "same-name"), other.bot(crew, channel, "same-name"))
    extra = await talk.bot(crew, channel)
    assert await talk.users(channel) == ["same-name", extra.user]
    assert await other.users(channel) == ["same-name"]
    assert (await talk.channels())[channel] == 2 and (await other.channels())[channel] == 1
    (await other.kick(channel, "same-name", 60)).ok()
    assert await talk.users(channel) == ["same-name", extra.user]
    await theirs.gone()
    await mine.leave()
    # X06: a token of one app opens that app's channel, whatever the other one has under the name.
    name = fresh()
    await talk.bot(crew, name)
    assert await other.status(name) == 1 and name not in await other.channels()


async def test_L17_pages(talk, crew):
    channel = fresh()
    bots = [await talk.bot(crew, channel) for _ in range(5)]
    for bot in bots[:3]:
        await bot.publish()
    for command, rows, count in (("get_talk_user_list_on_a_channel", "UserList", 5), ("get_talk_speaker_list_on_a_channel", "UserList", 3)):
        whole = (await talk.call(command, ChannelID=channel)).ok()
        assert whole["Total"] == len(whole[rows]) == count
        pages = []
        for start in range(0, 6, 2):
            page = (await talk.call(command, ChannelID=channel, StartSeq=start, Limit=2)).ok()
            assert page["Total"] == count and len(page[rows]) <= 2
            pages += page[rows]
        assert pages == whole[rows]
        for bad in ({"Limit": 0}, {"Limit": -1}, {"StartSeq": -1}):
            (await talk.call(command, ChannelID=channel, **bad)).expect(BAD_PARAM)
        assert len((await talk.call(command, ChannelID=channel, Limit=5000)).ok()[rows]) == count
    whole = list(await talk.channels())
    pages, total = [], len(whole)
    for start in range(0, total + 3, 3):
        page = (await talk.call("get_talk_channel_list", StartSeq=start, Limit=3)).ok()
        pages += [row["ChannelID"] for row in page["ChannelList"]]
    assert channel in pages and len(pages) == len(set(pages))


async def test_L18_lists_while_many_join(talk, crew, channel):
    """60 joins here; the 1,000 of the checklist run with STOA_SOAK."""
    number = 1000 if "STOA_SOAK" in os.environ else 60
    done = asyncio.Event()
    lengths = []

    async def watch() -> None:
        while not done.is_set():
            users = await talk.users(channel)  # checks duplicates and Total
            lengths.append(len(users))

    async def join() -> str:
        async with gate:
            return (await talk.bot(crew, channel)).user

    gate = asyncio.Semaphore(16)
    watching = asyncio.create_task(watch())
    joined = await asyncio.gather(*(join() for _ in range(number)))
    done.set()
    await watching
    assert lengths == sorted(lengths) and len(set(lengths)) > 3, "nothing was seen of the joins"
    assert set(await talk.users(channel)) == set(joined)


async def test_L19_a_question_after_a_reply(talk, crew):
    for _ in range(5):
        channel = fresh()
        kicked, stays = await asyncio.gather(talk.bot(crew, channel), talk.bot(crew, channel))
        (await talk.kick(channel, kicked.user)).ok()
        assert await lists(talk, channel) == (1, [stays.user], 3)
        assert await talk.user_status(kicked.user) == []
        (await talk.dismiss(channel)).ok()
        assert await lists(talk, channel) == (0, [], 1)
        assert channel not in await talk.channels() and await talk.user_status(stays.user) == []


async def test_L20_restart_during_linger(own_server, crew):
    linger = 3
    server = own_server({"talk.linger_secs": linger})
    talk = Talk(server)

    async def scene() -> None:
        channel = fresh()
        bot = await talk.bot(crew, channel)
        (await talk.identity(channel, bot.user, 3, RequstId=5)).ok()
        left = time.monotonic()
        await bot.leave()
        await talk.absent(channel, bot.user)
        gone = time.monotonic()
        await asyncio.sleep(linger / 2)
        await asyncio.to_thread(server.stop)
        on_time(left, linger)
        stopped = time.monotonic()
        await asyncio.to_thread(server.start)
        status, channels = await talk.status(channel), await talk.channels()
        on_time(stopped, linger)
        assert status == 2 and channels[channel] == 0
        await asyncio.sleep(max(0.0, gone + linger + 0.2 - time.monotonic()))
        status = await talk.status(channel)
        on_time(stopped, linger)
        assert status == 2, "the linger went on from before the restart"
        await talk.bot(crew, channel, bot.user)
        on_time(stopped, linger)
        assert (await talk.detail(channel, bot.user))["IdentityType"] == 3
        (await talk.identity(channel, bot.user, 1, RequstId=4)).expect(403)

    await kept_up(scene)


async def test_L21_no_adhoc_channel_under_a_dismissed_rooms_id(talk, crew, alice):
    room = await asyncio.to_thread(alice.room)
    before = (await talk.token(room, fresh("u"))).ok()["Token"]
    (await asyncio.to_thread(alice.dismiss, room)).ok()
    for token in (before, talk.foreign_token(fresh("u"), room)):
        status, text = await door(talk.server.port, token)
        assert status == 404 and "requested room does not exist" in text, (status, text)
    with pytest.raises(Refused) as refused:
        await talk.bot(crew, room, token=before)
    assert refused.value.status == 404
    assert await talk.status(room) == 1 and room not in await talk.channels()


# The requests of the published document as they are printed there, but for quotes and commas that are no JSON.
SAMPLES = {
    "query_talk_channel_user_count": ('{"ChannelID": "12345"}', {"ChannelID": str, "UserCount": int}),
    "get_talk_user_list_on_a_channel": ('{" AppID": 1000, "ChannelID":"12345"}', {"AppID": int, "ChannelID": str, "Total": int, "UserList": list}),
    "get_talk_channel_list": ('{"AppID": 1000}', {"AppID": int, "Total": int, "ChannelList": list}),
    "query_talk_channel_status": ('{"AppID": 1000, "ChannelID": "12345"}', {"AppID": int, "ChannelID": str, "Status": int}),
    "query_talk_user_status": ('{"AppID": 1000, "UserID": "u#123"}', {"AppID": int, "UserID": str, "Status": list}),
    "query_talk_user_call": ('{"AppID": 1000, "UserID": "u#123", "QueryDate": 20171124, "StartSeq": 0, "Limit": 10}', {"AppID": int, "UserID": str, "Call": list}),
    "get_talk_speaker_list_on_a_channel": ('{"ChannelID": "12345"}', {"AppID": int, "ChannelID": str, "Total": int, "UserList": list}),
    "push_mcu_msg": ('{"meeting_id": "12345", "user_id": "admin", "receiver_id": "", "content":"测试消息222"}', {}),
    "change_user_%20Identity": (
        '{"ChannelID": "12345", "UserID": "leef", "IdentityType": 1 , "RequstId": 1591177759251}',
        {"ChannelID": str, "UserID": str, "ResponetId": int, "Code": int},
    ),
    "admin_kick_user": ('{"app_id": 1000, "channel_id": "12345", "kick_user_id": "u#123", "kick_time": 6000, "op_user": "op_user"}', {}),
}


async def test_L22_samples_of_the_published_document(talk, crew):
    for user in ("u#123", "leef"):
        await (await talk.bot(crew, "12345", user)).publish()
    for command, (body, fields) in SAMPLES.items():
        reply = (await talk.raw(command, body.encode())).ok()
        for name, kind in fields.items():
            assert type(reply[name]) is kind, f"{command}: {name} in {reply}"
        if "UserList" in reply:
            assert {"UserID": "u#123"} in reply["UserList"] and {"UserID": "leef"} in reply["UserList"]
        if "ChannelList" in reply:
            assert {"ChannelID": "12345", "UserCount": 2} in reply["ChannelList"]
        if "Status" in fields and fields["Status"] is list:
            assert set(reply["Status"][0]) == {"ChannelID", "UseVideo", "UseAudio", "VideoFrameRate", "VideoBitRate", "AudioBitRate"}
    assert await talk.users("12345") == ["leef"]
    await talk.lift("12345", "u#123")
