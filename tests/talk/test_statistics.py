"""talk.md 9.5: what a user sends, against what the sender's own WebRTC statistics say.

Retransmissions and padding (S09): test_streams.py. Layers that are paused (in S05): tests/browser/channel.test.mjs.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from livekit import rtc

from stoa.live import Meter
from stoa.media import REFUSAL_SECONDS
from stoa.notes import note
from stoa.talk import WINDOW, Talk, fresh
from stoa.wait import until

# The figures come from the media engine and from nothing that is stored.
pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def close(got: float, want: float, share: float = 0.15, slack: float = 2) -> bool:
    return abs(got - want) <= share * want + slack


async def agrees(talk: Talk, user: str, meters: list[Meter], field: str, *, rid: str | None = None, fps: int = 0, seconds: float = 25) -> None:
    """Waits until what the server says agrees with what the senders say of the same window: within 15 %, frames within 2.

    The first seconds are skipped by that: the encoder still looks for its rate, and a mean over a ramp compares nothing.
    With `fps` the senders must have come to that many frames per second, too.
    """
    deadline, tried = time.monotonic() + seconds, []
    while time.monotonic() < deadline:
        await asyncio.gather(*(m.sample() for m in meters))
        if all(m.samples[-1][0] - m.samples[0][0] > WINDOW + 1.5 for m in meters):
            said = await talk.media(user)
            # The server takes complete seconds, so its window ended up to a second ago.
            rates = [m.rate(WINDOW + 0.5, rid) for m in meters]
            kbps, sent = sum(r[0] for r in rates), max(r[1] for r in rates)
            tried.append((said[field], round(kbps), said["VideoFrameRate"], round(sent, 1)))
            steady = not fps or (abs(sent - fps) <= 1.5 and abs(said["VideoFrameRate"] - sent) <= 2)
            if kbps > 5 and close(said[field], kbps) and steady:
                note(f"statistics: {field} {said[field]} kbps, sent {kbps:.0f}" + (f"; {said['VideoFrameRate']} fps, sent {sent:.1f}" if fps else ""))
                return
        await asyncio.sleep(0.25)
    raise AssertionError(f"{field}, kbps sent, VideoFrameRate, fps sent: {tried[-12:]}")


async def test_S01_never_seen_and_just_left(talk, crew, channel):
    assert await talk.user_status(fresh("u")) == []
    bot = await talk.bot(crew, channel)
    assert len(await talk.user_status(bot.user)) == 1
    await bot.leave()
    await talk.absent(channel, bot.user)
    assert await talk.user_status(bot.user) == []


async def test_S02_S03_two_channels_without_tracks(talk, crew):
    user, names = fresh("u"), [fresh("z"), fresh("a")]
    for name in names:
        await talk.bot(crew, name, user)
    rows = await talk.user_status(user)
    assert [row.pop("ChannelID") for row in rows] == names
    assert all(set(row.values()) == {0} for row in rows), rows


async def test_S04_camera_and_microphone(talk, stage, channel):
    async def one(fps: int, bitrate: int) -> None:
        client = await talk.enter(stage, channel, options=rtc.RoomOptions(auto_subscribe=False))
        video, audio = Meter(await client.camera(fps=fps, bitrate=bitrate)), Meter(await client.microphone())
        await asyncio.gather(agrees(talk, client.name, [video], "VideoBitRate", fps=fps), agrees(talk, client.name, [audio], "AudioBitRate"))
        said = await talk.media(client.name)
        assert (said["UseVideo"], said["UseAudio"]) == (1, 1)

    await asyncio.gather(one(15, 300_000), one(24, 600_000))


async def test_S05_simulcast_counts_the_top_layer(talk, stage, channel):
    """What follows when the top layer pauses is tested in a browser: nothing here makes a sender pause it."""
    one = await talk.enter(stage, channel)
    meter = Meter(await one.camera(fps=15, bitrate=700_000, width=640, height=360, simulcast=True))
    await meter.sample()

    async def two_layers() -> bool:
        await meter.sample()
        return sum(1 for _, frames in meter.samples[-1][1].values() if frames > 10) >= 2

    await until(two_layers, 15, "two layers or more are sent")
    top = sorted(meter.samples[-1][1], key="qhf".index)[-1]
    await agrees(talk, one.name, [meter], "VideoBitRate", rid=top, fps=15)
    whole = meter.rate(WINDOW)[0]
    said = (await talk.media(one.name))["VideoBitRate"]
    assert said < 0.93 * whole, "the sum of the layers"
    # The uplink of the details is that sum.
    assert (await talk.detail(channel, one.name))["VideoUplinkBitRate"] > said


async def test_S06_muted_video(talk, stage, channel):
    one = await talk.enter(stage, channel)
    publication = await one.camera()

    async def flows() -> bool:
        return (await talk.media(one.name))["VideoBitRate"] > 20

    await until(flows, 10, "video flows")
    publication.track.mute()

    async def used() -> int:
        said = await talk.media(one.name)
        assert said["UseVideo"] or (said["VideoBitRate"], said["VideoFrameRate"]) == (0, 0), said
        return not said["UseVideo"]

    # The SDK's mute is a message of its own; from its arrival on all three values are 0 together.
    await until(used, 2, "shown as muted")
    publication.track.unmute()
    await until(flows, 10, "video flows again")


async def test_S07_sender_stops_without_mute(talk, stage, crew, channel):
    """A camera whose pictures end, and a microphone that falls silent."""
    one = await talk.enter(stage, channel)
    two = await talk.bot(crew, channel)
    await one.camera()
    await two.publish()

    async def flows() -> bool:
        return (await talk.media(one.name))["VideoBitRate"] > 20 and (await talk.media(two.user))["AudioBitRate"] > 5

    await until(flows, 10, "both flow")
    await two.pause()
    await one.stop_feeding()

    async def silent() -> bool:
        video, audio = await talk.media(one.name), await talk.media(two.user)
        assert video["UseVideo"] == audio["UseAudio"] == 1, (video, audio)
        return (video["VideoBitRate"], video["VideoFrameRate"], audio["AudioBitRate"]) == (0, 0, 0)

    # Window and a second, and what the SDK itself still has in its queues.
    await until(silent, WINDOW + 1 + 1, "all rates 0")


async def test_S08_silence_with_dtx(talk, stage, channel):
    one = await talk.enter(stage, channel)
    meter = Meter(await one.microphone(silent=True, dtx=True))
    await asyncio.sleep(WINDOW + 1)
    for _ in range(3):
        await meter.sample()
        said = await talk.media(one.name)
        assert said["UseAudio"] == 1 and 1 <= said["AudioBitRate"] <= 12, said
        await asyncio.sleep(0.5)


async def test_S10_camera_and_screen(talk, stage, channel):
    one = await talk.enter(stage, channel)
    camera = Meter(await one.camera(fps=15, bitrate=300_000))
    screen = Meter(await one.camera(fps=5, bitrate=200_000, source=rtc.TrackSource.SOURCE_SCREENSHARE))
    await agrees(talk, one.name, [camera, screen], "VideoBitRate", fps=15)


async def test_S11_two_devices_with_a_microphone_each(talk, stage, channel):
    user = fresh("u")
    phone = await talk.enter(stage, channel, user, DeviceID="phone")
    desk = await talk.enter(stage, channel, user, DeviceID="desk")
    meters = [Meter(await one.microphone(bitrate=rate)) for one, rate in ((phone, 24_000), (desk, 48_000))]
    await agrees(talk, user, meters, "AudioBitRate")


async def test_S12_a_young_track_does_not_overshoot(talk, stage, channel):
    one = await talk.enter(stage, channel)
    publication = await one.microphone(bitrate=32_000)
    meter, said = Meter(publication), []
    began = time.monotonic()
    while time.monotonic() - began < 2.5:
        said.append((await talk.media(one.name))["AudioBitRate"])
        await asyncio.sleep(0.05)
    await agrees(talk, one.name, [meter], "AudioBitRate")
    steady = (await talk.media(one.name))["AudioBitRate"]
    assert max(said) <= steady * 1.25 + 3, (steady, said)
    assert 0 < next(rate for rate in said if rate), "nothing shown of the young track"


async def test_S13_packets_without_right_do_not_count(talk, crew, stage, channel):
    listener = await talk.bot(crew, channel, IdentityType=3)
    watcher = await talk.bot(crew, channel)
    for unannounced in (False, True):
        # The server may refuse the announcement, the line, or only the packets.
        await asyncio.wait([asyncio.create_task(listener.publish(stubborn=True, unannounced=unannounced))], timeout=REFUSAL_SECONDS)
    end = time.monotonic() + WINDOW
    while time.monotonic() < end:
        said = await talk.media(listener.user)
        assert (said["UseAudio"], said["AudioBitRate"]) == (0, 0), said
        await asyncio.sleep(0.2)
    assert (await watcher.heard(listener))["packets"] == 0
    assert (await talk.detail(channel, listener.user))["Speaker"] == 0
