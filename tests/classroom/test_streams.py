"""classroom.md 9.11, X02 to X06 through the URLs that the API returned: WHIP publishers and WHEP viewers on aiortc. HLS, FLV and RTMP (X07) come later."""

from __future__ import annotations

import time

import aiohttp
import pytest

from stoa.class_fixtures import streams  # noqa: F401
from stoa.class_media import live, run
from stoa.classroom import person, url_sig
from stoa.streams import Publisher, Refused, Viewer
from stoa.wait import until


# What only the media engine decides does not depend on the database.
sqlite_only = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


async def refusal(url: str, bearer: str | None = None, *, viewer: bool = False) -> int:
    """The status with which an offer is refused."""
    with pytest.raises(Refused) as got:
        await (Viewer() if viewer else Publisher()).start(url, bearer)
    return got.value.status


async def links(who, c: str) -> dict:
    return (await run(who.get, c))["link_info"]


async def test_X02_push_as_teacher(teacher, student, streams, room):
    c = room["id"]
    await run(student.join, c)
    url = (await links(teacher, c))["rtc_push_url"]
    first = await streams(Publisher(500), url)
    viewer = await streams(Viewer(), (await links(teacher, c))["rtc_pull_url"], student.token)
    await viewer.until_hears(500, 10)
    await viewer.until_sees(5, 10)
    assert await first.close() in (200, 204)
    await run(teacher.start, c)
    second = await streams(Publisher(700), url)
    await run(teacher.stop, c)
    await second.ended(3)
    assert await refusal(url) == 410
    assert await refusal((await links(teacher, c))["rtc_pull_url"], student.token, viewer=True) == 410


async def test_X03_push_as_student(teacher, student, streams, room):
    c = room["id"]
    await run(student.join, c)
    mine = await links(student, c)
    assert await refusal(mine["rtc_push_url"]) == 403
    await run(teacher.stage, c, teacher, student)
    me = await streams(Publisher(600), mine["rtc_push_url"])
    viewer = await streams(Viewer(), mine["rtc_pull_url"], teacher.token)
    await viewer.until_hears(600, 10)
    await run(teacher.meet, c, all_mute=False)
    seen = viewer.frames[0]
    await until(lambda: viewer.frames[0] > seen + 15, 5, "pictures go on")
    await run(teacher.stage, c, teacher)
    await viewer.until_silent(3)
    assert me.state != "new" and await refusal(mine["rtc_push_url"]) == 403


async def test_X03_not_a_member(teacher, other, student, room):
    c = room["id"]
    assert await refusal((await links(other, c))["rtc_push_url"]) == 403
    await run(student.join, c)
    await run(teacher.stage, c, student)
    url = (await links(student, c))["rtc_push_url"]
    await run(student.leave, c)
    assert await refusal(url) == 403


async def test_X04_changed_urls(teacher, student, room):
    c, meeting = room["id"], room["meeting_id"]
    url = (await links(teacher, c))["rtc_push_url"]
    stamp = url.split("timestamp=")[1].split("&")[0]
    another = (await run(teacher.create))["meeting_id"]
    for bad in (
        url.replace(f"userId={teacher.name}", f"userId={student.name}"), url.replace(meeting, another), url.replace(stamp, str(int(stamp) + 1)),
        url[:-1] + ("0" if url[-1] != "0" else "1"), url.split("&token=")[0], url.replace("/whip/", "/whep/"),
    ):
        assert bad != url and await refusal(bad, teacher.token) == 401, bad
    past = int(time.time()) - 1
    expired = f"{url.split('userId=')[0]}userId={teacher.name}&timestamp={past}&token={url_sig('push', meeting, teacher.name, past)}"
    assert await refusal(expired) == 401


async def test_X04_unknown_and_deleted_class(server, teacher, room):
    soon, unknown = int(time.time()) + 60, "e65c9abd-0def-49c3-b7db-29380dbc0001"
    signed = f"{server.url}/whip/{unknown}?userId={teacher.name}&timestamp={soon}&token={url_sig('push', unknown, teacher.name, soon)}"
    assert await refusal(signed) == 404
    url = (await links(teacher, room["id"]))["rtc_push_url"]
    await run(teacher.delete, room["id"])
    assert await refusal(url) == 404


@sqlite_only
async def test_X05_the_teacher_plays_a_student(teacher, student, stage, streams, room):
    """Published over LiveKit's signalling, played over WHEP."""
    c = room["id"]
    await run(student.join, c)
    await run(teacher.stage, c, student)
    me = await live(stage, student, room)
    await me.sing(640)
    viewer = await streams(Viewer(), (await links(student, c))["rtc_pull_url"], teacher.token)
    await viewer.until_hears(640, 10)


@sqlite_only
async def test_X05_a_publisher_over_http_is_heard_over_signalling(teacher, student, stage, streams, room):
    c = room["id"]
    await run(student.join, c)
    watcher = await live(stage, student, room)
    await streams(Publisher(520), (await links(teacher, c))["rtc_push_url"])
    await until(lambda: any(ear.amplitude(520) > 0.05 for ear in watcher.ears.values()), 10, "the teacher is heard")
    await until(lambda: any(p.attributes.get("stoa.user") == teacher.name for p in watcher.room.remote_participants.values()), 5, "as the teacher")


async def test_X06_who_may_play(teacher, student, other, server, streams, room):
    c = room["id"]
    banned = person(server)
    for who in (student, banned):
        await run(who.join, c)
    await run(teacher.kick, c, banned)
    await streams(Publisher(500), (await links(teacher, c))["rtc_push_url"])
    pull = (await links(teacher, c))["rtc_pull_url"]
    assert await refusal(pull, viewer=True) == 401
    assert await refusal(pull, "rubbish", viewer=True) == 401
    assert await refusal(pull, banned.token, viewer=True) == 403
    assert await refusal(pull, other.token, viewer=True) == 403
    viewer = await streams(Viewer(), pull, student.token)
    await viewer.until_hears(500, 10)
    await run(teacher.kick, c, student)
    told = time.monotonic()
    await until(lambda: viewer.state in ("closed", "failed") or time.monotonic() - viewer.last_sound > 0.5, 3, "the playback is cut")
    assert viewer.last_sound - told < 1


async def test_K02_push_of_a_banned_user(teacher, student, streams, room):
    c = room["id"]
    await run(student.join, c)
    await run(teacher.stage, c, student)
    url = (await links(student, c))["rtc_push_url"]
    me = await streams(Publisher(500), url)
    await run(teacher.kick, c, student)
    await me.ended(3)
    assert await refusal(url) == 403


@sqlite_only
async def test_preflight_and_location(server, teacher, streams, room):
    """A page of another origin may push, read `Location` and end the stream."""
    url = (await links(teacher, room["id"]))["rtc_push_url"]
    async with aiohttp.ClientSession() as http:
        async with http.options(url, headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}) as answer:
            assert answer.status in (200, 204) and answer.headers["Access-Control-Allow-Origin"] == "*"
    me = await streams(Publisher(500), url)
    assert me.location.startswith(server.url) and me.answer.startswith("v=0")
    assert await me.delete() in (200, 204)
    await me.ended(3)
    assert await me.delete() in (200, 204, 404)
