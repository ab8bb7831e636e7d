"""The rows of talk.md 9 that need a client of plain HTTP streams (WHIP and WHEP): K06, L13, M19, S09. Only classes hand out addresses for these.

HLS, FLV and RTMP (in K06) are not served.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from stoa.class_fixtures import c, m, room, streams, student, teacher  # noqa: F401
from stoa.class_media import bot, live, run
from stoa.classroom import Person, person
from stoa.notes import note
from stoa.resend import Resender, Ways
from stoa.streams import Publisher, Refused, Viewer
from stoa.talk import NO_USER, WINDOW, Talk
from stoa.wait import until

# What only the media engine decides does not depend on the database.
sqlite_only = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


async def links(who: Person, c: str) -> dict:
    return (await run(who.get, c))["link_info"]


async def refusal(stream: Publisher | Viewer, url: str, bearer: str | None = None) -> int:
    """The status with which an offer is refused."""
    with pytest.raises(Refused) as got:
        await stream.start(url, bearer)
    return got.value.status


async def test_L13_a_publisher_over_http_is_counted_as_its_user(talk, teacher, student, crew, streams, c, m):
    await run(student.join, c)
    url = (await links(teacher, c))["rtc_push_url"]
    assert await talk.count(m) == 0
    me = await streams(Publisher(500), url)
    await talk.present(m, teacher.name)
    assert (await talk.count(m), await talk.users(m), await talk.status(m)) == (1, [teacher.name], 3)
    assert (await talk.channels())[m] == 1
    (row,) = await talk.user_status(teacher.name)
    assert (row["ChannelID"], row["UseVideo"], row["UseAudio"]) == (m, 1, 1)
    assert await talk.speakers(m) == [teacher.name]
    # With a connection over signalling besides it is one user still, and a viewer besides is none more either.
    beside = await bot(crew, teacher, c)
    watcher = await bot(crew, student, c)
    await talk.present(m, student.name)
    viewer = await streams(Viewer(), (await links(teacher, c))["rtc_pull_url"], student.token)
    assert (await talk.count(m), await talk.users(m)) == (2, [teacher.name, student.name])
    assert await me.close() in (200, 204)
    await until(lambda: no_speaker(talk, m), 5, "the stream is over")
    assert await talk.users(m) == [teacher.name, student.name], "the user is there without the stream"
    await beside.leave()
    await talk.absent(m, teacher.name)
    assert await talk.count(m) == 1
    # A viewer is there as long as it views.
    await watcher.leave()
    assert await talk.users(m) == [student.name]
    await viewer.close()
    await talk.absent(m, student.name)
    # One stay, from the stream's begin to the end of the other connection.
    (call,) = await talk.closed_calls(teacher.name, 1)
    assert call["ChannelID"] == m


async def no_speaker(talk: Talk, m: str) -> bool:
    return await talk.speakers(m) == []


async def test_L13_a_stream_that_ends_takes_its_user_along(talk, teacher, streams, c, m):
    me = await streams(Publisher(500), (await links(teacher, c))["rtc_push_url"])
    await talk.present(m, teacher.name)
    assert await me.close() in (200, 204)
    await talk.absent(m, teacher.name)
    assert (await talk.count(m), await talk.status(m)) == (0, 2)
    await talk.closed_calls(teacher.name, 1)


async def test_K06_running_streams_end_and_new_ones_are_refused(talk, teacher, student, streams, c, m):
    await run(student.join, c)
    await run(teacher.stage, c, teacher, student)
    mine = await links(student, c)
    push, pull = mine["rtc_push_url"], (await links(teacher, c))["rtc_pull_url"]
    host = await streams(Publisher(700), (await links(teacher, c))["rtc_push_url"])
    me = await streams(Publisher(500), push)
    mirror = await streams(Viewer(), mine["rtc_pull_url"], teacher.token)
    viewer = await streams(Viewer(), pull, student.token)
    await viewer.until_hears(700, 10)
    await mirror.until_hears(500, 10)
    await talk.present(m, student.name)
    (await talk.kick(m, student.name, 600)).ok()
    told = time.monotonic()
    assert await talk.users(m) == [teacher.name], "gone before the reply"
    await me.ended(3)
    await until(lambda: viewer.state in ("closed", "failed") or time.monotonic() - viewer.last_sound > 0.5, 3, "the victim's playback is cut")
    assert viewer.last_sound - told < 1
    await mirror.until_silent(3)
    assert await refusal(Publisher(), push) == 403
    assert await refusal(Viewer(), pull, student.token) == 403
    assert await talk.users(m) == [teacher.name]
    # Others' streams go on, and after the ban the victim sees them again.
    assert host.state == "connected"
    assert await talk.lift(m, student.name) == 1
    await run(student.join, c)
    back = await streams(Viewer(), pull, student.token)
    await back.until_hears(700, 10)


async def test_K06_a_kick_without_time_ends_streams(talk, teacher, student, streams, c, m):
    await run(student.join, c)
    await run(teacher.stage, c, teacher, student)
    push = (await links(student, c))["rtc_push_url"]
    me = await streams(Publisher(500), push)
    await talk.present(m, student.name)
    (await talk.kick(m, student.name, 0)).ok()
    assert await talk.users(m) == []
    await me.ended(3)
    # No ban, but a kicked member is in the class no more.
    assert await refusal(Publisher(), push) == 403


@sqlite_only
async def test_M19_who_is_there_over_http_alone_cannot_be_told_anything(talk, teacher, student, stage, streams, c, m, room):
    await streams(Publisher(500), (await links(teacher, c))["rtc_push_url"])
    await talk.present(m, teacher.name)
    (await talk.push(m, "for the stream", receiver_id=teacher.name)).expect(NO_USER)
    # To all it is no error; who can hear does.
    (await talk.push(m, "nobody can hear this")).ok()
    await run(student.join, c)
    listener = await live(stage, student, room)
    await talk.present(m, student.name)
    (await talk.push(m, "to all")).ok()
    await listener.text("to all")
    (await talk.push(m, "still not", receiver_id=teacher.name)).expect(NO_USER)
    # The same user over signalling is told.
    beside = await live(stage, teacher, room)
    await until(lambda: beside.me.sid, 5, "a participant")
    (await talk.push(m, "for the teacher", receiver_id=teacher.name)).ok()
    await beside.text("for the teacher")
    assert not listener.texts(content="for the teacher")
    assert [t["content"] for t in beside.texts()] == ["for the teacher"]


async def same_figures(talk: Talk, user: str, me: Resender, what: str, seconds: float = 25) -> float:
    """Waits until what the server says of a whole window is what was sent once, bit rate within 10 % and frames within 1.5; kbit/s."""
    deadline, tried = time.monotonic() + seconds, []
    # What is read next is of this way of sending alone.
    await asyncio.sleep(WINDOW + 1.5)
    while time.monotonic() < deadline:
        said = await talk.media(user)
        # The server takes complete seconds, so its window ended up to a second ago.
        kbps, fps = me.sent.rate(WINDOW + 0.5)
        tried.append((said["VideoBitRate"], round(kbps), said["VideoFrameRate"], round(fps, 1)))
        if kbps > 30 and abs(said["VideoBitRate"] - kbps) <= 0.1 * kbps and abs(said["VideoFrameRate"] - fps) <= 1.5:
            note(f"statistics, {what}: {said['VideoBitRate']} kbps, sent once {kbps:.0f}; {said['VideoFrameRate']} fps, sent {fps:.1f}")
            return kbps
        await asyncio.sleep(0.25)
    raise AssertionError(f"{what}; VideoBitRate, kbps sent, VideoFrameRate, fps sent: {tried[-12:]}")


@sqlite_only
async def test_S09_retransmissions_and_padding_do_not_count(talk, teacher, streams, c):
    """Sent again unasked, padded, doubled on the way, or lost and repaired: what the command says is what was sent once."""
    me = await streams(Resender(), (await links(teacher, c))["rtc_push_url"])
    sent = me.sent
    await same_figures(talk, teacher.name, me, "as it is")
    assert (sent.again, sent.padding, sent.doubled, sent.lost) == (0, 0, 0, 0)

    me.ways = Ways(again=2)
    kbps = await same_figures(talk, teacher.name, me, "each packet three times")
    # The way was used indeed: twice the pictures' own bytes came on top.
    assert sent.again * 8 / 1000 > 1.5 * kbps * (WINDOW + 1), sent.again

    me.ways = Ways(padding=3)
    kbps = await same_figures(talk, teacher.name, me, "with padding")
    assert sent.padding * 8 / 1000 > 0.2 * kbps * (WINDOW + 1), sent.padding
    assert sent.tails > 5 * (WINDOW + 1), sent.tails

    me.ways = Ways(double=True)
    await same_figures(talk, teacher.name, me, "every datagram twice")
    assert sent.doubled > 15 * (WINDOW + 1), sent.doubled

    me.ways = Ways(lose=True)
    await same_figures(talk, teacher.name, me, "lost and repaired")
    assert sent.lost >= 10 and sent.repaired >= 0.8 * sent.lost, (sent.lost, sent.repaired)
