"""classroom.md 9.10: mute, like, statistics, routes without envelope. pv and uv (U08), the functions of the hub and the end of a mute (U01): test_realtime_members.py, test_realtime_edges.py."""

from __future__ import annotations

import time

import pytest

from stoa import tokens
from stoa.class_media import bot, live, online, run
from stoa.class_routes import OPEN, ROUTES
from stoa.classroom import DASHED, UNKNOWN, person, post, query_of

FREE, ALONE, ALL = {"mute": False, "mute_source": []}, {"mute": True, "mute_source": ["user"]}, {"mute": True, "mute_source": ["group"]}


def shown(who, c: str) -> dict:
    return who.get(c).ok()["user_status"]


def test_U01_mute_one(teacher, student, c):
    student.join(c).ok()
    assert teacher.mute(c, student, 1).ok() == {"result": True}
    assert shown(student, c) == ALONE
    assert teacher.mute(c, student, 43_200).ok() == {"result": True}
    assert teacher.room_call("cancelMuteUser", c, user_id=student.name).ok() == {"result": True}
    assert shown(student, c) == FREE
    assert teacher.room_call("cancelMuteUser", c, user_id=student.name).ok() == {"result": True}


def test_U02_bad_bodies(teacher, student, c):
    for minute in (0, 43_201, -1, "x", ...):
        teacher.mute(c, student, minute).bad("minute")
    for route in ("muteUser", "cancelMuteUser", "muteChatroom", "cancelMuteChatroom", "isMuteChatroom", "getStatistics", "sendLikeMessage"):
        for blank in (..., "", " "):
            teacher.room_call(route, c, user_id=teacher.name if route == "sendLikeMessage" else student.name, minute=1, server_type=blank).bad("server_type")
    assert shown(student, c) == FREE


@pytest.mark.parametrize("server_type", ["rongCloud", "anything", 7])
def test_U03_mute_all(teacher, c, server_type):
    call = lambda route: teacher.room_call(route, c, server_type=server_type).ok()
    assert call("isMuteChatroom") == {"result": False}
    assert call("muteChatroom") == {"result": True}
    assert call("isMuteChatroom") == {"result": True} == call("muteChatroom")
    assert call("cancelMuteChatroom") == {"result": True}
    assert call("isMuteChatroom") == {"result": False}


def test_U04_user_status(teacher, student, other, server, c):
    assistant = person(server)
    teacher.permit(c).ok()
    assistant.assist(c).ok()
    for who in (student, other):
        who.join(c).ok()
    assert shown(student, c) == FREE
    teacher.mute(c, student).ok()
    assert shown(student, c) == ALONE and shown(other, c) == FREE
    teacher.room_call("muteChatroom", c).ok()
    both = shown(student, c)
    assert both["mute"] is True and sorted(both["mute_source"]) == ["group", "user"]
    assert shown(other, c) == ALL
    assert shown(teacher, c) == shown(assistant, c) == FREE
    teacher.room_call("cancelMuteUser", c, user_id=student.name).ok()
    assert shown(student, c) == ALL
    # Alone, an assistant can be muted.
    teacher.mute(c, assistant).ok()
    assert shown(assistant, c) == ALONE


def test_U05_the_teacher(teacher, root, server, c):
    assistant = person(server)
    teacher.permit(c).ok()
    assistant.assist(c).ok()
    for who in (teacher, assistant, root):
        who.mute(c, teacher).denied()
    assert shown(teacher, c) == FREE


def test_mute_of_unknown_class(teacher, student):
    teacher.mute(UNKNOWN, student).missing()
    for route in ("cancelMuteUser", "muteChatroom", "cancelMuteChatroom", "isMuteChatroom", "getStatistics", "sendLikeMessage"):
        teacher.room_call(route, UNKNOWN, user_id=teacher.name).missing()


def test_U06_likes(own_server):
    server = own_server()
    t, s = person(server, "t"), person(server, "s")
    c = t.klass()["id"]
    s.join(c).ok()
    for _ in range(5):
        assert s.room_call("sendLikeMessage", c, user_id=s.name).ok() == {"result": True}
    assert t.get(c).ok()["metrics"]["like_count"] == 5
    server.restart()
    assert person(server, "t").get(c).ok()["metrics"]["like_count"] == 5


def test_U07_statistics(teacher, student, c):
    student.join(c).ok()
    student.room_call("sendLikeMessage", c, user_id=student.name).ok()
    data = student.room_call("getStatistics", c).ok()
    assert data == {"metrics": {"pv": 0, "uv": 0, "like_count": 1, "online_count": 0}}
    assert data["metrics"] == teacher.get(c).ok()["metrics"]


def test_U08_a_class_used_over_http_only(teacher, student, c):
    student.join(c).ok()
    teacher.join(c).ok()
    student.leave(c).ok()
    assert teacher.get(c).ok()["metrics"] == {"pv": 0, "uv": 0, "like_count": 0, "online_count": 0}


async def test_U09_online_count(teacher, student, crew, c):
    """Three connections of two users: the third is a shadow publisher."""
    await run(student.join, c)
    await bot(crew, teacher, c)
    await bot(crew, teacher, c, shadow=True)
    me = await bot(crew, student, c)
    await online(teacher, c, 2)
    stats = await run(teacher.room_call, "getStatistics", c)
    assert stats["metrics"]["online_count"] == 2
    listed = next(one for one in await run(student.list, page_size=500) if one["id"] == c)
    assert listed["metrics"]["online_count"] == 2
    await me.leave()
    await online(teacher, c, 1)


def test_U10_rtc_auth_token(teacher, student, other, server, room):
    c, meeting = room["id"], room["meeting_id"]
    banned = person(server)
    banned.join(c).ok()
    teacher.kick(c, banned).ok()
    student.join(c).ok()
    before = int(time.time())
    reply = student.rtc(meeting)
    assert set(reply.body) == {"success", "auth_token", "authToken", "timestamp", "rtc_url", "rtc_room", "rtc_identity", "rtc_provider"}
    assert reply["auth_token"] == reply["authToken"] and abs(reply["timestamp"] - before - 86_400) <= 3 and type(reply["timestamp"]) is int
    assert (reply["rtc_room"], reply["rtc_identity"], reply["rtc_provider"]) == (meeting, student.name, "embedded") and reply["rtc_url"].startswith("ws")
    assert teacher.rtc(meeting)["rtc_identity"] == teacher.name
    other.rtc(meeting).denied()
    banned.rtc(meeting).denied()
    for unknown in (UNKNOWN, "nonsense", c, meeting.upper(), str(room["meeting_id"])[::-1]):
        student.rtc(unknown).missing()
    student.rtc(meeting, user_id=other.name).denied()
    student.rtc(meeting, user_id=f"{other.name}_shadow").denied()
    assert student.rtc(meeting, user_id=f"{student.name}_shadow")["rtc_identity"] == f"{student.name}_shadow"
    student.leave(c).ok()
    student.rtc(meeting).denied()


@pytest.mark.parametrize("shadow", [False, True])
def test_U10_what_the_token_says(teacher, student, room, shadow):
    student.join(room["id"]).ok()
    for who, kind in ((teacher, "5"), (student, "2")):
        name = f"{who.name}_shadow" if shadow else who.name
        claims = tokens.claims_of(who.rtc(room["meeting_id"], user_id=name)["auth_token"])
        links = who.get(room["id"]).ok()["shadow_link_info" if shadow else "link_info"]
        linked = tokens.claims_of(links["rtc_token"])
        for one in (claims, linked):
            assert one["sub"] == name and one["attributes"] == {"stoa.user": who.name, "stoa.identity": kind}
            video = one["video"]
            assert (video["room"], video["roomJoin"], video["canSubscribe"], video["canPublishData"]) == (room["meeting_id"], True, True, True)
            assert video["canPublish"] is (who is teacher) and not video.get("canUpdateOwnMetadata", False)
            assert {"iss", "nbf", "exp"} <= set(one)
        assert linked["exp"] == int(query_of(links["rtc_push_url"])["timestamp"])
    assert DASHED.fullmatch(room["meeting_id"])


async def test_U10_the_token_opens_the_channel(teacher, stage, room):
    client = await live(stage, teacher, room)
    assert client.room.name == room["meeting_id"]


# -- jump URLs -------------------------------------------------------------------------------------------

def jump(who, c: str, **fields) -> dict[str, str]:
    reply = who.do("getLiveJumpUrl", {"user_id": who.name, "live_id": c, "user_name": "小 明&x=1"}, fields)
    reply.ok()
    assert set(reply.body) == {"success", "live_jump_url"}
    assert reply["live_jump_url"].startswith("auipusher://page/live-room?")
    return query_of(reply["live_jump_url"])


def verify(server, fields: dict, **kw):
    return post(server.http, OPEN["verifyAuthToken"].path, fields, **kw)


def test_U11_U12_jump_url(server, student, c):
    fields = jump(student, c)
    assert set(fields) == {"app_server", "token", "user_id", "user_name", "live_id"}
    assert (fields["user_id"], fields["live_id"], fields["user_name"]) == (student.name, c, "小 明&x=1")
    claims = tokens.claims_of(fields["token"])
    assert claims["aud"] == "jump" and abs(claims["exp"] - time.time() - 3600) < 5 and claims["jti"]
    post(server.http, ROUTES["list"].path, {"user_id": student.name}, token=fields["token"]).unauthorized()
    reply = verify(server, fields)  # U12: without any Authorization
    assert reply["success"] is True and set(reply.body) == {"success", "login_token"}
    assert tokens.claims_of(reply["login_token"])["sub"] == student.name
    post(server.http, ROUTES["list"].path, {"user_id": student.name}, token=reply["login_token"]).ok()
    again = verify(server, fields)
    assert again.body == {"success": False, "errorCode": "401", "errorMsg": "InvalidToken"}


@pytest.mark.parametrize("name,value", [
    ("user_id", "somebody"), ("live_id", UNKNOWN), ("app_server", "https://evil.example.com"), ("user_name", "another"), ("token", "eyJhbGciOiJub25lIn0.e30."),
])
def test_U11_changed_field(server, student, c, name, value):
    fields = jump(student, c)
    assert verify(server, fields | {name: value})["errorMsg"] == "InvalidToken"
    # A try with wrong fields does not use it up.
    assert verify(server, fields).ok() is None


def test_U11_other_tokens(server, student, c):
    fields = jump(student, c)
    expired = tokens.sign(tokens.HEADER, tokens.claims_of(fields["token"]) | {"exp": int(time.time()) - 1}, tokens.KEY)
    for bad in (student.token, expired, "rubbish", fields["token"][:-4] + "AAAA"):
        assert verify(server, fields | {"token": bad})["errorMsg"] == "InvalidToken"


def test_U11_of_an_unknown_class(student):
    student.call("getLiveJumpUrl", {"user_id": student.name, "live_id": UNKNOWN}).missing()
