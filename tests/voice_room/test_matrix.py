"""G23: endpoint × caller × state of the room, generated from the table of 2.9 and the situations of 2.5."""

from __future__ import annotations

import pytest

from stoa.endpoints import ALWAYS_MEMBERS, PROTECTED, body_for
from stoa.http import API

CALLERS = ("no_token", "self", "other", "owner", "admin")
ROOMS = ("live", "dismissed", "unknown")
UNKNOWN = "0123456789abcdef0123456789abcdef"


def expected(endpoint: str, caller: str, room: str) -> dict:
    """HTTP status, code, and what the body must show. `self` names the caller, `other`, `owner` and `admin` name a third user."""
    if caller == "no_token":
        return {"status": 401, "code": 401}
    foreign = {"status": 200, "code": 403}
    gone = {"status": 200, "code": 404}
    fine = {"status": 200, "code": 200}
    match endpoint:
        case "token" | "create":
            return fine if caller in ("self", "admin") else foreign
        case "list":
            return fine
        case "get":
            return gone if room == "unknown" else fine
        case "getMeetingInfo":
            return fine if room == "live" else gone | {"success": False, "members": 0}
        case "getRtcAuthToken":
            if caller not in ("self", "admin"):
                return {"status": 403, "code": 403}
            return fine if room == "live" else {"status": 404, "code": 404}
        case "dismiss":
            if caller in ("other", "owner"):
                return foreign | {"success": False, "reason": "NoPermit"}
            if room == "unknown":
                return fine | {"success": False, "reason": "Unknown"}
            return fine | ({"success": True} if caller == "admin" else {"success": False, "reason": "NoPermit"})
        case "joinMic":
            if caller not in ("self", "admin"):
                return foreign | {"members": None}
            return fine | {"members": 8} if room == "live" else gone | {"members": None}
        case "leaveMic":
            if caller == "other" or (caller == "owner" and room == "unknown"):
                return foreign | {"success": False, "members": 0}
            if room == "unknown":
                return gone | {"success": False, "members": 0}
            return fine | {"success": True, "members": 8}
        case "update":
            if room != "live":
                return gone
            return fine if caller in ("owner", "admin") else foreign
    raise AssertionError(endpoint)


@pytest.mark.parametrize("room_state", ROOMS)
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("endpoint", PROTECTED)
def test_G23_matrix(server, endpoint, caller, room_state):
    owner, member, stranger = server.users(3)
    room = owner.room()
    if room_state == "dismissed":
        assert owner.dismiss(room).ok()["success"] is True
    asked = UNKNOWN if room_state == "unknown" else room
    body = body_for(endpoint, member.name, asked)
    acting = {"self": member, "other": stranger, "owner": owner, "admin": server.admin()}.get(caller)
    answer = server.http.post(API + endpoint, body, token=acting.token if acting else None)

    want = expected(endpoint, caller, room_state)
    assert (answer.status, answer.code) == (want["status"], want["code"]), answer
    for name in ("success", "reason"):
        if name in want:
            assert answer.body.get(name) == want[name], answer
    if "members" in want:
        shown = answer.body.get("members")
        assert (None if shown is None else len(shown)) == want["members"], answer
    if answer.code != 200 and endpoint not in ALWAYS_MEMBERS:
        assert "members" not in answer
    # Whoever was refused changed nothing.
    if answer.code in (401, 403) and room_state == "live":
        assert owner.get(room).ok()["status"] == 1
        assert owner.seats(room) == {}


def test_G23_dismiss_by_the_owner(server, alice):
    """The one cell of 2.9 that the matrix cannot show, where `self` is the owner."""
    room = alice.room()
    assert alice.dismiss(room).ok().body == {"code": 200, "success": True}


def test_G23_caller_check_can_be_switched_off(own_server):
    server = own_server({"auth.bind_subject": False})
    alice, bob = server.users(2)
    room = bob.call("create", {"title": "t", "anchor": alice.name}).ok()["id"]
    assert bob.call("joinMic", {"id": room, "user_id": alice.name}).ok()["members"][0]["user_id"] == alice.name
    assert "bind_subject" in server.log()
