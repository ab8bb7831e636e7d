"""classroom.md 9.11 over the signalling: who may publish in a class, and what real clients see and hear. WHIP and WHEP: test_streams.py.

20009 and 30041 (X09), 30001 and 30012 (X03): test_realtime_stage.py; here `members` decides who is on stage.
"""

from __future__ import annotations

import asyncio
import time
from urllib.parse import quote, urlsplit

import pytest
from livekit import rtc

from stoa.class_media import address, bot, live, run
from stoa.classroom import Person, person, query_of, url_sig
from stoa.crew import Refused
from stoa.media import refused
from stoa.talk import door
from stoa.wait import until

# What only the media engine decides does not depend on the database.
sqlite_only = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

VECTORS = [
    ("push", "e65c9abd-0def-49c3-b7db-29380dbc0001", "teacher1", "7326e76cceed66fac3de4d6ee071a6511bf960115330e0fdbea800b3eb1f8720"),
    ("pull", "e65c9abd-0def-49c3-b7db-29380dbc0001", "teacher1", "ea4741f68922c4e4707ed4de2e9e8c2949180ca7508b180408e63779be393ce0"),
    ("push", "e65c9abd-0def-49c3-b7db-29380dbc0001", "teacher1_shadow", "231327a0bc36a2b1e59862049e2a78f27f11fbd3c3b291b4ba68bc56c426e1f9"),
    ("push", "e65c9abd-0def-49c3-b7db-29380dbc0001", "李 老师&x=1", "24745da68845fc57391de6badf6b50324d8b063508ade32e311247a56354c8c4"),
    ("play", "/live/stoa_e65c9abd-0def-49c3-b7db-29380dbc0001_teacher1_camera.flv", "stu01", "bf128126f2f84867561bfa263da576eb437b621d63799a103fb78a72110527ee"),
    ("play", "/live/stoa_e65c9abd-0def-49c3-b7db-29380dbc0001_teacher1_camera.m3u8", "stu01", "451c81b78e0433daaa5a20dcd971fb71bdf25d5e853a9df9f51b6a6124a6cafc"),
    ("play", "/live/stoa_e65c9abd-0def-49c3-b7db-29380dbc0001_teacher1_shadow_camera.m3u8", "stu01", "130cd2f4b78f6b7ecbd50faa274a422026292eeb5529d253d26a6f2c188f4e56"),
]


@pytest.mark.parametrize("kind,resource,user,sig", VECTORS)
def test_X01_the_formula_gives_the_vectors(kind, resource, user, sig):
    assert url_sig(kind, resource, user, 1700884074) == sig


@pytest.mark.parametrize("name", ["stu01", "李 老师&x=1", "a/b?c#d%"])
def test_X01_X08_every_url_of_get_recomputes(server, teacher, room, name):
    """The same formula, written a second time, over all 36 links of an answer."""
    me, meeting = person(server, name), room["meeting_id"]
    got = me.get(room["id"]).ok()
    expiries = set()
    for key, shadow in (("link_info", ""), ("shadow_link_info", "_shadow")):
        links = got[key]
        for kind, route in (("push", "whip"), ("pull", "whep")):
            url = links[f"rtc_{kind}_url"]
            expiry = int(query_of(url)["timestamp"])
            expiries.add(expiry)
            user = name + shadow
            assert url == f"{server.url}/{route}/{meeting}?userId={quote(user, safe='-._~')}&timestamp={expiry}&token={url_sig(kind, meeting, user, expiry)}"
        for form, ext in (("flv", "flv"), ("hls", "m3u8")):
            for suffix, track in (("", "camera"), ("_oriaac", "camera_oriaac"), ("_screen", "shareScreen"), ("_screen_oriaac", "shareScreen_oriaac")):
                url = links["cdn_pull_info"][f"{form}{suffix}_url"]
                path = f"/live/stoa_{meeting}_{teacher.name}{shadow}_{track}.{ext}"
                expiry = int(query_of(url)["auth_key"].split("-")[0])
                expiries.add(expiry)
                assert url == f"{server.url}{path}?viewer={quote(name, safe='-._~')}&auth_key={expiry}-0-0-{url_sig('play', path, name, expiry)}"
        assert not any(v for k, v in links["cdn_pull_info"].items() if k.startswith(("rtmp", "rts")))
        assert urlsplit(links["rtc_url"]).scheme in ("ws", "wss")
    assert len(expiries) == 1 and abs(expiries.pop() - time.time() - 86_400) < 3


def test_X01_a_public_address_is_used(own_server):
    server = own_server({"http.public_url": "https://class.example.com"})
    t = person(server)
    made = t.klass()
    assert made["link_info"]["rtc_push_url"].startswith("https://class.example.com/whip/") and made["link_info"]["rtc_url"] == "wss://class.example.com"


async def people_in(stage, teacher: Person, students: list[Person], room: dict):
    """All in class and connected."""
    for who in students:
        await run(who.join, room["id"])
    return [await live(stage, who, room) for who in (teacher, *students)]


async def test_X02_teacher_publishes_while_the_class_is_not_ended(teacher, student, stage, room):
    c = room["id"]
    me, watcher = await people_in(stage, teacher, [student], room)
    await me.sing(500)
    await watcher.wait_hears(me, 500)  # preparing
    await run(teacher.start, c)
    await stays_heard(watcher, me, 500)
    await run(teacher.pause, c)
    await stays_heard(watcher, me, 500)
    await run(teacher.stop, c)
    for client in (me, watcher):
        assert await asyncio.wait_for(client.disconnected, 3) == rtc.DisconnectReason.ROOM_DELETED
    links = (await run(teacher.get, c))["link_info"]
    status, text = await door(teacher.http.port, links["rtc_token"])
    assert status == 404 and "requested room does not exist" in text


async def stays_heard(watcher, speaker, freq: float, seconds: float = 1.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert watcher.hears(speaker, freq), f"{watcher.name} stopped hearing {speaker.name}"
        await asyncio.sleep(0.05)


async def test_X03_a_student_needs_the_stage(teacher, student, other, stage, room):
    c = room["id"]
    watcher, me, more = await people_in(stage, teacher, [student, other], room)
    await refused(me, [watcher, more], 700)
    await run(teacher.stage, c, teacher, student)
    await me.sing(800)
    for one in (watcher, more):
        await one.wait_hears(me, 800)
    # An update that says nothing about the students.
    await run(teacher.meet, c, all_mute=False)
    await run(teacher.meet, c, interaction_allowed=True)
    await stays_heard(watcher, me, 800)
    await run(teacher.stage, c, teacher)
    told = time.monotonic()
    for one in (watcher, more):
        await until(lambda o=one: not o.hears(me, 800), 1, f"{one.name} stops hearing")
        assert one.last_heard(me, 800) - told < 1
        await until(lambda o=one: not o.sees_track_of(me), 2, "the publication is gone")
    await me.hush()
    await refused(me, [watcher, more], 900)
    # Listening goes on.
    await watcher.sing(450)
    await me.wait_hears(watcher, 450)


@sqlite_only
async def test_X03_a_patched_client_on_and_off_the_stage(teacher, student, crew, room):
    """It goes on sending whatever it is told."""
    c = room["id"]
    await run(student.join, c)
    watcher = await bot(crew, teacher, c)
    await run(teacher.stage, c, student)
    me = await bot(crew, student, c)
    await me.publish(stubborn=True)
    await watcher.hears(me, 25)
    await run(teacher.meet, c, members=[])
    told = time.time()
    control = await bot(crew, teacher, c, shadow=True)
    await control.publish()
    await watcher.hears(control, 50)
    assert (await watcher.heard(me))["last"] - told < 1


async def test_R28_stage_max(own_server, stage):
    server = own_server({"class.stage_max": 2})
    t, *students = [person(server) for _ in range(4)]
    room = await run(t.create)
    c = room["id"]
    clients = await people_in(stage, t, students, room)
    data = await run(t.stage, c, t, *students)
    assert [m["user_id"] for m in data["members"]] == [t.name, *(s.name for s in students)], "not stored as sent"
    one, two, three = clients[1:]
    await one.sing(500)
    await two.sing(600)
    await clients[0].wait_hears(one, 500)
    await clients[0].wait_hears(two, 600)
    await refused(three, [clients[0]], 700)
    # A place comes free; who did not fit comes when newly named (5.6).
    await run(t.stage, c, t, students[1])
    await run(t.stage, c, t, students[1], students[2])
    await three.sing(800)
    await clients[0].wait_hears(three, 800)
    await stays_heard(clients[0], two, 600, 0.5)


@sqlite_only
async def test_R30_an_assistant_needs_the_stage_too(teacher, server, stage, room):
    c = room["id"]
    assistant = person(server)
    await run(teacher.permit, c)
    await run(assistant.assist, c)
    watcher, me = await live(stage, teacher, room), await live(stage, assistant, room)
    await refused(me, [watcher], 700)
    await run(teacher.stage, c, assistant)
    await me.sing(800)
    await watcher.wait_hears(me, 800)


@sqlite_only
async def test_stage_policy_open(own_server, stage):
    server = own_server({"class.stage_policy": "open"})
    t, s = person(server), person(server)
    room = await run(t.create)
    watcher, me = await people_in(stage, t, [s], room)
    await me.sing(700)
    await watcher.wait_hears(me, 700)


@sqlite_only
async def test_leaving_class_ends_publishing(teacher, student, other, stage, room):
    """5.6: a leave takes the user off the stage; a kick in test_kick.py."""
    c = room["id"]
    await run(teacher.stage, c, student)
    for who in (student, other):
        await run(who.join, c)
    await run(teacher.meet, c, members=[])
    await run(teacher.stage, c, student)
    await run(student.leave, c)
    await run(student.join, c)
    watcher, me = await live(stage, other, room), await live(stage, student, room)
    await refused(me, [watcher], 700)


@sqlite_only
async def test_teacher_and_two_students_hear_and_see_each_other(teacher, student, other, stage, room):
    """Real clients, everybody publishing sound and pictures."""
    c = room["id"]
    await run(teacher.start, c)
    await run(teacher.stage, c, teacher, student, other)
    clients = await people_in(stage, teacher, [student, other], room)
    tones = {client.name: 500.0 + 150 * n for n, client in enumerate(clients)}
    pictures: dict[tuple[str, str], int] = {}

    def watch(me) -> None:
        @me.room.on("track_subscribed")
        def _(track, publication, participant):
            if track.kind == rtc.TrackKind.KIND_VIDEO:
                me.tasks.append(asyncio.create_task(count(me, track, participant.identity)))

    async def count(me, track, identity: str) -> None:
        stream = rtc.VideoStream(track)
        try:
            async for _ in stream:
                pictures[me.name, identity] = pictures.get((me.name, identity), 0) + 1
        finally:
            await stream.aclose()

    for client in clients:
        watch(client)
    for client in clients:
        await client.sing(tones[client.name])
        await client.camera()
    for me in clients:
        for them in clients:
            if me is not them:
                await until(lambda m=me, t=them: m.hears(t, tones[t.name]), 15, f"{me.name} hears {them.name}")
                await until(lambda m=me, t=them: pictures.get((m.name, t.name), 0) > 5, 15, f"{me.name} sees {them.name}")
                attributes = me.shows(them.name)
                assert attributes["stoa.user"] == them.name and attributes["stoa.identity"] == ("5" if them.name == teacher.name else "2")


@sqlite_only
async def test_shadow_publisher_of_the_teacher(teacher, student, stage, room):
    await run(student.join, room["id"])
    watcher = await live(stage, student, room)
    main, shadow = await live(stage, teacher, room), await live(stage, teacher, room, shadow=True)
    await main.sing(500)
    await shadow.sing(700)
    await watcher.wait_hears(main, 500)
    await watcher.wait_hears(shadow, 700)
    assert watcher.shows(f"{teacher.name}_shadow")["stoa.user"] == teacher.name
    assert (await run(teacher.get, room["id"]))["metrics"]["online_count"] == 2


@sqlite_only
async def test_a_student_s_shadow_needs_the_stage(teacher, student, stage, room):
    c = room["id"]
    await run(student.join, c)
    watcher, me = await live(stage, teacher, room), await live(stage, student, room, shadow=True)
    await refused(me, [watcher], 700)
    await run(teacher.stage, c, student)
    await me.sing(800)
    await watcher.wait_hears(me, 800)


@sqlite_only
async def test_stage_of_somebody_who_comes_later(teacher, student, stage, room):
    """On stage before the connection; also after a reconnect with a new token."""
    c = room["id"]
    await run(student.join, c)
    await run(teacher.stage, c, student)
    watcher = await live(stage, teacher, room)
    for freq in (600, 800):
        me = await live(stage, student, room)
        await me.sing(freq)
        await watcher.wait_hears(me, freq)
        await me.close()


async def test_a_deleted_class_lets_nobody_in(teacher, crew, room):
    token = room["link_info"]["rtc_token"]
    await run(teacher.delete, room["id"])
    with pytest.raises(Refused) as refusal:
        await crew.join(address(teacher), token, early=True)
    assert refusal.value.status == 404
