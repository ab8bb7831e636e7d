"""Acceptance cases C, I, E, U of voice-room.md 9.4."""

from __future__ import annotations

import asyncio
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from livekit import rtc

from stoa.http import check_members
from stoa.wait import until, until_next_millisecond, until_next_second

FRESH = (
    '{"members":[' + ",".join('{"index":%d,"joined":false,"user_id":""}' % i for i in range(1, 9)) + "]}"
)


def test_C1_full_and_minimal(server, alice):
    full = alice.create(title="Friday jazz", anchor_nick="Alice", notice="be kind", extends='{"anchor_avatar":"https://img.example.org/a.png"}').ok()
    assert (full["title"], full["anchor_nick"], full["notice"]) == ("Friday jazz", "Alice", "be kind")
    assert full["extends"] == '{"anchor_avatar":"https://img.example.org/a.png"}'
    bare = alice.create(title="x").ok()
    assert (bare["anchor_nick"], bare["notice"], bare["extends"]) == ("", "", "")
    for room in (full, bare):
        assert room["created_at"] == room["updated_at"] == room["started_at"]
        assert abs(datetime.fromisoformat(room["created_at"]).timestamp() - time.time()) < 5
        assert room["created_at"].endswith("+08:00")
        assert room["meetingInfo"] == FRESH
        assert room["anchor_id"] == alice.name and room["status"] == 1 and room["cover_url"] == ""
        assert room["metrics"] == {"online_count": 0}
        again = alice.get(room["id"]).ok()
        assert again.body == room.body


def test_C1_time_zone_is_configurable(own_server):
    for zone, offset in (("Europe/Berlin", {"+01:00", "+02:00"}), ("-03:30", {"-03:30"})):
        server = own_server({"server.time_zone": zone})
        assert server.user().create().ok()["created_at"][-6:] in offset


def test_C2_ids(server, alice):
    rooms = [alice.create().ok() for _ in range(10)]
    for room in rooms:
        assert re.fullmatch(r"[0-9a-f]{32}", room["id"]) and room["id"] == room["chat_id"]
        assert 10_000_000 <= room["show_code"] <= 99_999_999
    assert len({r["id"] for r in rooms}) == len({r["show_code"] for r in rooms}) == 10


def test_C3_for_another_owner(server, alice, bob, admin):
    marker = f"stolen-{alice.name}"
    bob.call("create", {"title": marker, "anchor": alice.name}).expect(200, 403)
    assert marker not in [r["title"] for r in bob.list(page_size=500).ok()["rooms"]]
    made = admin.call("create", {"title": "given", "anchor": alice.name}).ok()
    assert made["anchor_id"] == alice.name
    assert alice.dismiss(made["id"]).ok()["success"] is True


def test_C3_rooms_per_owner(own_server):
    server = own_server({"voice.max_live_rooms_per_owner": 2})
    alice = server.user()
    first = alice.room()
    alice.room()
    alice.create().expect(200, 403)
    assert len(alice.list().ok()["rooms"]) == 2
    alice.dismiss(first).ok()
    alice.create().ok()
    alice.create().expect(200, 403)


def test_C4_title_limits(server, alice):
    title = "🎷" * 256
    assert alice.get(alice.create(title=title).ok()["id"]).ok()["title"] == title
    alice.create(title=title + "x").expect(200, 400)
    for blank in ("", " ", "\t\n", "\u3000"):
        alice.create(title=blank).expect(200, 400)


@pytest.mark.parametrize("sent,stored", [
    ('""', ""),
    ('"  "', ""),
    ('"{\\"anchor_avatar\\":\\"https:\\\\/\\\\/img\\\\/a.png\\"}"', '{"anchor_avatar":"https:\\/\\/img\\/a.png"}'),
    (json.dumps('{\n  "anchor_avatar" : "a\\/b",\n  "n": [1, 2.50]\n}'), '{\n  "anchor_avatar" : "a\\/b",\n  "n": [1, 2.50]\n}'),
    (json.dumps('{"user_avatrar":7,"nick":null,"ava":{"a":[]}}'), '{"user_avatrar":7,"nick":null,"ava":{"a":[]}}'),
    ('{"anchor_avatar": "x", "b": {"c": 1}}', '{"anchor_avatar":"x","b":{"c":1}}'),
    ("{}", "{}"),
    (json.dumps('{"x":' + "[" * 15 + "]" * 15 + "}"), '{"x":' + "[" * 15 + "]" * 15 + "}"),
    (json.dumps('{"x":"' + "a" * 8184 + '"}'), '{"x":"' + "a" * 8184 + '"}'),
])
def test_C5_extends_is_kept_verbatim(server, alice, sent, stored):
    body = b'{"title":"t","anchor":"%s","extends":%s}' % (alice.name.encode(), sent.encode())
    made = alice.call("create", body).ok()
    assert made["extends"] == stored
    assert alice.get(made["id"]).ok()["extends"] == stored
    assert next(r for r in alice.list(page_size=500).ok()["rooms"] if r["id"] == made["id"])["extends"] == stored


BAD_EXTENDS = {
    "array_text": "[]", "string_text": '"x"', "null_text": "null", "number_text": "7", "no_json": "hello",
    "avatar_null": '{"anchor_avatar":null}', "avatar_object": '{"anchor_avatar":{}}', "avatar_number": '{"anchor_avatar":1}',
    "duplicate": '{"a":1,"a":2}', "trailing_comma": '{"a":1,}', "trailing_data": '{"a":1} x', "comment": '{"a":1}//',
    "levels_17": '{"x":' + "[" * 16 + "]" * 16 + "}", "too_long": '{"x":"' + "a" * 8185 + '"}', "single_quotes": "{'a':1}", "nul": '{"a":"\u0000"}',
}


@pytest.mark.parametrize("kind", BAD_EXTENDS)
def test_C6_bad_extends(server, alice, kind):
    marker = f"{kind}-{alice.name}"
    answer = alice.create(title=marker, extends=BAD_EXTENDS[kind]).expect(200, 400)
    assert "extends" in answer["message"]
    assert marker not in [r["title"] for r in alice.list(page_size=500).ok()["rooms"]]


@pytest.mark.parametrize("value", [[], ["{}"], {"anchor_avatar": None}, {"anchor_avatar": {}}])
def test_C6_bad_extends_as_a_value(server, alice, value):
    alice.create(extends=value).expect(200, 400)


def test_C8_two_hundred_creates_at_once(server):
    owner = server.user()
    with ThreadPoolExecutor(64) as pool:
        made = list(pool.map(lambda _: owner.create().ok(), range(200)))
    assert len({m["id"] for m in made}) == len({m["show_code"] for m in made}) == 200
    listed, cursor = set(), {}
    reader = server.user()
    while True:
        page = reader.list(page_size=100, **cursor).ok()
        listed |= {r["id"] for r in page["rooms"]}
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert {m["id"] for m in made} <= listed


def test_C9_killed_right_after_the_answer(own_server):
    server = own_server()
    for i in range(5):
        made = server.user("alice").create(title=f"round {i}").ok()
        server.kill()
        server.start()
        assert server.user().get(made["id"]).ok()["title"] == f"round {i}"
    assert len(server.user().list().ok()["rooms"]) == 5


def test_I1_empty_store(own_server):
    answer = own_server().user().list().ok()
    assert answer["rooms"] == [] and "next_cursor" not in answer


def one_by_one(user, count: int) -> list[str]:
    """Rooms made in different milliseconds, in the order of their making."""
    made = []
    for _ in range(count):
        made.append(user.room())
        until_next_millisecond()
    return made


def test_I2_pages(own_server):
    server = own_server()
    alice = server.user()
    made = one_by_one(alice, 25)
    pages = [[r["id"] for r in alice.list(page_size=10, page_num=n).ok()["rooms"]] for n in (1, 2, 3, 4)]
    assert [len(p) for p in pages] == [10, 10, 5, 0]
    assert [i for p in pages for i in p] == made[::-1], "newest first, no repeats"


def test_I3_many_rooms_of_one_moment(own_server):
    server = own_server()
    owners = server.users(50)
    with ThreadPoolExecutor(50) as pool:
        made = set(pool.map(lambda u: u.room(), owners))
    reader = server.user()
    orders = []
    for _ in range(3):
        order = [r["id"] for n in range(1, 8) for r in reader.list(page_size=8, page_num=n).ok()["rooms"]]
        assert len(order) == 50 and set(order) == made
        orders.append(order)
    assert orders[0] == orders[1] == orders[2]


def test_I4_clamped_numbers(own_server):
    server = own_server()
    alice = server.user()
    made = one_by_one(alice, 12)
    page = lambda **f: [r["id"] for r in alice.list(**f).ok()["rooms"]]
    usual = page()
    assert usual == made[::-1][:10]
    for fields in ({"page_num": 0}, {"page_num": -5}, {"page_size": 0}, {"page_size": -1}, {"page_num": -(2**63), "page_size": -(2**63)}):
        assert page(**fields) == usual, fields
    assert len(page(page_size=501)) == len(page(page_size=2**62)) == 12
    assert page(page_num=2**62) == []
    assert page(page_num=2**63 - 1, page_size=500) == []


def test_I4_page_size_is_capped_at_500(own_server):
    server = own_server({"limits.user": {"per_sec": 0, "burst": 0}})
    alice = server.user()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda _: alice.room(), range(503)))
    assert len(alice.list(page_size=501).ok()["rooms"]) == 500
    assert len(alice.list(page_size=500, page_num=2).ok()["rooms"]) == 3


def test_I5_dismissed_is_not_listed(server, alice):
    room = alice.room()
    listed = lambda: room in [r["id"] for r in alice.list(page_size=500).ok()["rooms"]]
    assert listed()
    alice.dismiss(room).ok()
    assert not listed()


def test_I6_cursor_walk_while_rooms_come_and_go(own_server):
    server = own_server({"limits.user": {"per_sec": 0, "burst": 0}})
    owner, reader = server.users(2)
    with ThreadPoolExecutor(16) as pool:
        staying = list(pool.map(lambda _: owner.room(), range(60)))
        leaving = list(pool.map(lambda _: owner.room(), range(100)))
    seen, cursor, changes = [], {}, iter(leaving)
    while True:
        page = reader.list(page_size=7, **cursor).ok()
        seen += [r["id"] for r in page["rooms"]]
        for _ in range(5):  # churn between the pages
            owner.room()
            if (gone := next(changes, None)) is not None:
                owner.dismiss(gone).ok()
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"], "page_num": 99}
    for room in staying:
        assert seen.count(room) == 1
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("cursor", ["x", "!!!!", "MTcxMDQyMDE3OTAwMC41ZjBj", "a" * 5000, "MTIz", 7])
def test_I6_mangled_cursor(server, alice, cursor):
    assert "cursor" in alice.list(cursor=cursor).expect(200, 400)["message"]


@pytest.mark.parametrize("user_id", ["admin", "somebody", 17, ["a"], {"b": 1}, "a\u0000b"])
def test_I7_user_id_is_ignored(server, alice, room, user_id):
    alice.list(user_id=user_id).ok()
    assert alice.get(room, user_id=user_id).ok()["id"] == room
    assert alice.info(room, user_id=user_id).ok()["success"] is True


def test_I9_text_survives(server, alice):
    texts = {"title": "مرحبا שלום 🏳️‍🌈 \u202e‮ 用户 e\u0301", "notice": "line 1\nline 2\t\"quoted\" \\ / \u2028 💥", "anchor_nick": "\U0001F9D1\U0001F3FD‍🎤"}
    made = alice.create(**texts).ok()
    got = alice.get(made["id"]).ok()
    listed = next(r for r in alice.list(page_size=500).ok()["rooms"] if r["id"] == made["id"])
    for field, text in texts.items():
        assert made[field] == got[field] == listed[field] == text


def test_E1_get(server, alice, bob, room):
    bob.join(room, extends='{"user_nick":"Bob"}').ok()
    live = bob.get(room).ok()
    assert live["status"] == 1 and "stopped_at" not in live
    assert json.loads(live["meetingInfo"])["members"][0]["user_id"] == bob.name
    alice.dismiss(room).ok()
    gone = bob.get(room).ok()
    assert gone["status"] == 2 and gone["metrics"] == {"online_count": 0}
    assert gone["stopped_at"] == gone["updated_at"] and gone["created_at"] == live["created_at"]
    members = json.loads(gone["meetingInfo"])["members"]
    check_members(members)
    assert not any(m["joined"] for m in members)
    assert members[0].get("extends") == "" and "extends" not in members[1]
    for unknown in ("0" * 32, "nonsense", "a" * 31, room[:-1]):
        assert bob.get(unknown).expect(200, 404)["message"] == "room not found"


async def test_E2_online_count_follows_media(server, alice, bob, carol, room):
    """The hub half waits for the message hub (README.md)."""
    async def count(n: int) -> None:
        await until(lambda: asyncio.to_thread(lambda: alice.get(room).ok()["metrics"]["online_count"] == n), 5, f"online_count {n}")

    clients = []
    try:
        for n, user in enumerate((alice, bob, carol), 1):
            answer = user.rtc(room).ok()
            client = rtc.Room()
            await client.connect(answer["rtc_url"], answer["auth_token"])
            clients.append(client)
            await count(n)
        listed = next(r for r in alice.list(page_size=500).ok()["rooms"] if r["id"] == room)
        assert listed["metrics"] == {"online_count": 3}
        for n in (2, 1, 0):
            await clients.pop().disconnect()
            await count(n)
    finally:
        for client in clients:
            await client.disconnect()


def test_U1_who_may_update(server, alice, bob, admin, room):
    before = alice.get(room).ok()
    until_next_second(before["created_at"])
    changed = alice.update(room, title="new", notice="n", extends='{"anchor_avatar":"b"}', anchor_nick="A", cover_url="https://c").ok()
    assert (changed["title"], changed["notice"], changed["extends"], changed["anchor_nick"], changed["cover_url"]) == ("new", "n", '{"anchor_avatar":"b"}', "A", "https://c")
    assert changed["updated_at"] > before["updated_at"] and changed["created_at"] == before["created_at"]
    bob.update(room, title="stolen").expect(200, 403)
    assert admin.update(room, title="by admin").ok()["title"] == "by admin"
    assert alice.get(room).ok()["title"] == "by admin"
    alice.dismiss(room).ok()
    alice.update(room, title="late").expect(200, 404)
    alice.update("0" * 32, title="x").expect(200, 404)


def test_U2_cleared_and_unchanged(server, alice):
    room = alice.room(title="t", notice="n", anchor_nick="k", extends='{"a":1}')
    assert alice.update(room, notice="").ok()["notice"] == ""
    assert alice.update(room, title="").ok()["title"] == "t"
    assert alice.update(room, title="   ").ok()["title"] == "t"
    before = alice.get(room).ok().body
    until_next_second(before["updated_at"])
    assert alice.update(room).ok().body == before, "an update of nothing moved something"
    assert alice.update(room, title="t").ok()["updated_at"] == before["updated_at"]
    assert alice.update(room, anchor_nick="", extends="").ok()["extends"] == ""


@pytest.mark.parametrize("field,value", [("title", "x" * 257), ("notice", "x" * 1025), ("extends", "[]"), ("anchor_nick", "x" * 257), ("cover_url", "x" * 1025)])
def test_U2_limits_hold_in_update(server, alice, room, field, value):
    assert field in alice.update(room, **{field: value}).expect(200, 400)["message"]
    assert alice.get(room).ok()["title"] == "a room"
