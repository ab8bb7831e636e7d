"""Acceptance cases J, V, M of voice-room.md 9.5: seats over HTTP."""

from __future__ import annotations

import json
import time

import pytest

from stoa.http import check_members, seat_of
from stoa.tokens import claims_of
from stoa.wait import until_next_second

UNKNOWN = "0123456789abcdef0123456789abcdef"


def fill(server, room: str, count: int = 8) -> list:
    """`count` new users on the lowest free seats, in order."""
    users = server.users(count)
    for user in users:
        assert user.join(room).ok()["members"]
    return users


@pytest.mark.parametrize("wish", [{}, {"index": 0}, {"index": -1}, {"index": -(2**40)}, {"index": None}, {"index": ""}])
def test_J1_first_join_without_a_wish(server, bob, room, wish):
    now = time.time() * 1000
    members = bob.join(room, **wish).ok()["members"]
    check_members(members)
    assert members[0]["user_id"] == bob.name and members[0]["joined"] is True
    assert abs(members[0]["join_time"] - now) <= 1000
    assert bob.seats(room) == {1: bob.name}


def test_J2_wish(server, bob, carol, room):
    assert seat_of(bob.join(room, index=5).ok()["members"], bob.name) == 5
    assert seat_of(carol.join(room, index=5).ok()["members"], carol.name) == 1
    assert bob.seats(room) == {1: carol.name, 5: bob.name}


def test_J3_wish_out_of_range(server, bob, room):
    answer = bob.join(room, index=9).expect(200, 400)
    assert answer["message"] == answer["msg"] and "index" in answer["message"]
    assert "members" not in answer and bob.seats(room) == {}
    assert seat_of(bob.join(room, index=8).ok()["members"], bob.name) == 8


def test_J4_ninth_user(server, bob, room):
    fill(server, room)
    before = bob.info(room).ok()["members"]
    for wish in ({}, {"index": 3}):
        answer = bob.join(room, **wish).ok()
        assert answer["reason"] == 1 and answer["desc"] and answer["message"]
        assert "members" not in answer and "index" not in answer
    assert bob.info(room).ok()["members"] == before


def test_J5_seated_user_again(server, bob, room):
    bob.join(room, index=3, extends='{"user_nick":"Bob"}').ok()
    before = bob.info(room).ok()["members"]
    for fields in ({"index": 3}, {"index": 5}, {}, {"extends": '{"user_nick":"New"}'}):
        answer = bob.join(room, **fields).ok()
        assert (answer["reason"], answer["index"]) == (2, 3) and answer["desc"] and answer["message"]
        assert "members" not in answer
    assert bob.info(room).ok()["members"] == before
    fill(server, room, 7)
    answer = bob.join(room).ok()
    assert (answer["reason"], answer["index"]) == (2, 3)


def test_J6_extends(server, bob, carol, room):
    assert bob.join(room, index=1).ok()["members"][0]["extends"] == ""
    text = '{"user_nick":"Carol",  "user_avatar":"https:\\/\\/a"}'
    assert carol.join(room, index=2, extends=text).ok()["members"][1]["extends"] == text
    carol.leave(room, 2).ok()
    members = bob.info(room).ok()["members"]
    assert members[0]["extends"] == "" and members[0]["joined"]
    assert members[1] == {"index": 2, "joined": False, "user_id": "", "extends": ""}
    assert all("extends" not in m for m in members[2:])


def test_J7_no_such_room(server, alice, bob, room):
    alice.dismiss(room).ok()
    for target in (room, UNKNOWN, "nonsense"):
        assert "members" not in bob.join(target).expect(200, 404)


def test_J8_for_another_user(server, alice, bob, carol, admin, room):
    assert "members" not in bob.join(room, user_id=carol.name).expect(200, 403)
    assert "members" not in alice.join(room, user_id=carol.name).expect(200, 403)
    assert bob.seats(room) == {}
    assert seat_of(admin.join(room, user_id=carol.name).ok()["members"], carol.name) == 1


def test_J9_owner_takes_and_leaves_a_seat(server, alice, room):
    may_publish = lambda: claims_of(alice.rtc(room).ok()["auth_token"])["video"]["canPublish"]
    assert may_publish()
    assert seat_of(alice.join(room, index=4).ok()["members"], alice.name) == 4
    assert may_publish()
    assert seat_of(alice.leave(room, 4).ok()["members"], alice.name) == 0
    assert may_publish()


@pytest.mark.parametrize("bad", ["[]", '{"user_nick":null}', '{"user_avatar":[]}', '{"user_nick":1}', '{"x":"' + "a" * 2041 + '"}'])
def test_J11_bad_extends_takes_no_seat(server, bob, room, bad):
    assert "extends" in bob.join(room, extends=bad).expect(200, 400)["message"]
    assert bob.seats(room) == {}


def test_J11_longest_extends(server, bob, room):
    text = '{"x":"' + "a" * 2040 + '"}'
    assert len(text) == 2048
    assert bob.join(room, extends=text).ok()["members"][0]["extends"] == text


def test_J_one_user_in_two_rooms(server, alice, bob):
    one, two = alice.room(), alice.room()
    bob.join(one, index=2).ok()
    bob.join(two, index=7).ok()
    assert bob.seats(one) == {2: bob.name} and bob.seats(two) == {7: bob.name}


@pytest.mark.parametrize("index", [3, 5, 0, -1, "3"])
def test_V1_leave_frees_the_own_seat(server, bob, carol, room, index):
    bob.join(room, index=3).ok()
    carol.join(room, index=5).ok()
    answer = bob.leave(room, index).ok()
    assert answer["success"] is True
    check_members(answer["members"])
    assert {m["index"]: m["user_id"] for m in answer["members"] if m["joined"]} == {5: carol.name}
    assert answer["members"] == bob.info(room).ok()["members"]


def test_V2_leave_without_a_seat(server, bob, carol, room):
    carol.join(room, index=5).ok()
    before = bob.info(room).ok()["members"]
    for _ in range(2):
        answer = bob.leave(room, 5).ok()
        assert answer["success"] is True and answer["members"] == before


def test_V3_not_another_ones_seat(server, bob, carol, room):
    bob.join(room, index=1).ok()
    carol.join(room, index=2).ok()
    answer = bob.leave(room, 2, user_id=carol.name).expect(200, 403)
    assert answer["success"] is False and answer["members"] == []
    bob.leave(room, 2).ok()
    assert bob.seats(room) == {2: carol.name}


def test_V4_owner_moderates(server, alice, bob, carol, room):
    carol.join(room, index=6).ok()
    assert seat_of(alice.leave(room, 1, user_id=carol.name).ok()["members"], carol.name) == 0
    carol.join(room, index=6).ok()
    assert alice.leave(room, 6).ok()["members"][5]["joined"] is False
    # An owner on seat 2 who names seat 5 loses seat 2 only.
    alice.join(room, index=2).ok()
    bob.join(room, index=5).ok()
    alice.leave(room, 5).ok()
    assert bob.seats(room) == {5: bob.name}


def test_V4_admin_moderates(server, admin, bob, carol, room):
    carol.join(room, index=6).ok()
    admin.leave(room, 3, user_id=carol.name).ok()
    assert carol.seats(room) == {}
    carol.join(room, index=6).ok()
    admin.leave(room, 6).ok()
    assert carol.seats(room) == {}


def test_V5_bad_index(server, bob, room):
    bob.join(room, index=3).ok()
    for body in ({"id": room, "user_id": bob.name}, {"id": room, "user_id": bob.name, "index": 9}):
        answer = bob.call("leaveMic", body).expect(200, 400)
        assert answer["members"] == [] and answer["success"] is False and "index" in answer["message"]
    assert bob.seats(room) == {3: bob.name}


def test_V6_gone_rooms(server, alice, bob, room):
    for target in (UNKNOWN, "nonsense"):
        answer = bob.leave(target).expect(200, 404)
        assert answer["members"] == [] and answer["success"] is False
    bob.join(room, index=3).ok()
    alice.dismiss(room).ok()
    answer = bob.leave(room, 3).ok()
    assert answer["success"] is True and len(answer["members"]) == 8 and not any(m["joined"] for m in answer["members"])


def test_M1_meeting_info(server, alice, bob, room):
    bob.join(room, index=4).ok()
    answer = alice.info(room, user_id=["ignored"]).ok()
    assert answer["success"] is True
    check_members(answer["members"])
    alice.dismiss(room).ok()
    for target in (room, UNKNOWN, "nonsense"):
        answer = alice.info(target).expect(200, 404)
        assert answer["members"] == [] and answer["success"] is False


def test_M2_all_views_agree(server, alice, bob, carol, room):
    by_index = lambda ms: {m["index"]: m for m in ms}
    joined = bob.join(room, index=3, extends='{"user_nick":"\\u0042 \\"q\\""}').ok()["members"]
    assert by_index(joined) == by_index(alice.info(room).ok()["members"])
    carol.join(room).ok()
    left = carol.leave(room).ok()["members"]
    views = [
        left,
        alice.info(room).ok()["members"],
        json.loads(alice.get(room).ok()["meetingInfo"])["members"],
        json.loads(next(r for r in alice.list(page_size=500).ok()["rooms"] if r["id"] == room)["meetingInfo"])["members"],
        json.loads(alice.update(room, notice="n").ok()["meetingInfo"])["members"],
    ]
    for view in views[1:]:
        assert by_index(view) == by_index(views[0])


def test_M2_seats_do_not_move_updated_at(server, alice, bob, room):
    before = alice.get(room).ok()["updated_at"]
    until_next_second(before)
    bob.join(room).ok()
    bob.leave(room).ok()
    assert alice.get(room).ok()["updated_at"] == before
