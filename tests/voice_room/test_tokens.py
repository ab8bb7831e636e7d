"""Acceptance cases T1–T6 and R1–R9 of voice-room.md 9.3, as far as they need no message hub."""

from __future__ import annotations

import hashlib
import re
import time
import uuid

import pytest
from livekit import api, rtc

from stoa import tokens
from stoa.hub_token import claims, exchange

HOUR = 3600


def test_T1_everything_is_there(server, bob):
    now = int(time.time())
    answer = bob.im(device_id="phone-1", device_type="android").ok()
    im = answer["aliyun_im"]
    assert im["auth"]["user_id"] == im["auth"]["userid"] == bob.name
    for a, b in (("app_id", "appid"), ("app_sign", "appsign"), ("app_token", "apptoken")):
        assert im[a] == im[b] != ""
    nonce = im["auth"]["nonce"]
    assert nonce.startswith("AK-") and len(nonce) <= 64
    uuid.UUID(nonce[3:])
    assert im["auth"]["role"] == "user"
    assert im["app_id"] == "voice"
    assert im["im_provider"] == answer["im_provider"] == "embedded"
    assert im["im_url"] == answer["im_url"] == f"ws://127.0.0.1:{server.port}/connection/websocket"
    assert tokens.unb64(im["app_sign"]).decode() == im["im_url"] and "=" not in im["app_sign"]

    claims = tokens.claims_of(im["app_token"])
    assert tokens.header_of(im["app_token"])["alg"] == "HS256"
    assert im["auth"]["timestamp"] == claims["exp"]
    assert abs(claims["exp"] - (now + 48 * HOUR)) <= 2
    assert claims["jti"] == nonce and claims["aud"] == "hub"
    meta = claims["meta"]
    assert (meta["role"], meta["uid"], meta["face"], meta["dev"], meta["dt"]) == ("user", bob.name, "voice", "phone-1", "android")
    assert {"app", "sid"} <= set(meta)

    hub = answer["hub"]
    short = tokens.claims_of(hub["token"])
    assert hub["url"] == im["im_url"] and hub["expires_at"] == short["exp"]
    assert abs(short["exp"] - (now + 600)) <= 2
    assert short["aud"] == "hub" and short["sub"] == claims["sub"]


@pytest.mark.parametrize("who,asked,got", [
    ("user", "admin", "user"), ("admin", "admin", "admin"), ("user", None, "user"), ("user", "owner", "user"),
    ("admin", None, "user"), ("user", "", "user"), ("user", "Admin", "user"),
])
def test_T2_role(server, bob, admin, who, asked, got):
    caller = admin if who == "admin" else bob
    fields = {} if asked is None else {"role": asked}
    answer = caller.im(**fields).ok()
    assert answer["aliyun_im"]["auth"]["role"] == got
    assert tokens.claims_of(answer["aliyun_im"]["app_token"])["meta"]["role"] == got


def test_T4_nonces_differ(server, bob):
    bundles = [bob.im().ok()["aliyun_im"] for _ in range(20)]
    assert len({b["auth"]["nonce"] for b in bundles}) == 20
    assert len({b["app_token"] for b in bundles}) == 20


def test_T6_for_another_user(server, bob, carol, admin):
    bob.im(user_id=carol.name).expect(200, 403)
    answer = admin.im(user_id=carol.name).ok()
    assert answer["aliyun_im"]["auth"]["user_id"] == carol.name


def test_R1_claims(server, alice, bob, room):
    now = int(time.time())
    answer = bob.rtc(room).ok()
    assert answer["auth_token"] == answer["authToken"]
    claims = tokens.claims_of(answer["auth_token"])
    assert tokens.verifies(answer["auth_token"], tokens.APP_SECRET.encode())
    assert answer["timestamp"] == claims["exp"]
    assert abs(claims["exp"] - (now + 24 * HOUR)) <= 2
    assert (answer["rtc_provider"], answer["rtc_room"], answer["rtc_identity"]) == ("embedded", room, bob.name)
    assert answer["rtc_url"] == f"ws://127.0.0.1:{server.port}"
    assert claims["iss"] == tokens.APP_KEY and claims["sub"] == bob.name
    assert claims["iat"] <= claims["nbf"] <= claims["iat"] + 1 and abs(claims["iat"] - now) <= 2
    assert claims["attributes"] == {"stoa.user": bob.name, "stoa.identity": "2"}
    assert claims["video"] == {
        "roomJoin": True, "room": room, "canPublish": False, "canSubscribe": True, "canPublishData": True, "canUpdateOwnMetadata": False,
    }
    # The public server SDK takes it for one of its own.
    seen = api.TokenVerifier(tokens.APP_KEY, tokens.APP_SECRET).verify(answer["auth_token"])
    assert (seen.identity, seen.video.room) == (bob.name, room)


async def test_R2_unmodified_sdk_joins_with_it(server, alice, bob, room):
    answer = bob.rtc(room).ok()
    client = rtc.Room()
    try:
        await client.connect(answer["rtc_url"], answer["auth_token"])
        assert client.local_participant.identity == bob.name
        assert client.name == room
        assert (await client.sid).startswith("RM_")
        assert client.local_participant.sid.startswith("PA_")
    finally:
        await client.disconnect()


def test_R3_rights_at_minting(server, alice, bob, carol, room):
    bob.join(room).ok()
    for user, may, identity in ((alice, True, "5"), (bob, True, "2"), (carol, False, "2")):
        claims = tokens.claims_of(user.rtc(room).ok()["auth_token"])
        assert claims["video"]["canPublish"] is may
        assert claims["attributes"]["stoa.identity"] == identity
        assert not {"roomAdmin", "roomCreate", "roomList"} & set(claims["video"])


@pytest.mark.parametrize("asked", ["0" * 32, "nonsense", "0" * 31, "g" * 32, "../../etc/passwd"])
def test_R4_unknown_room_is_404(server, bob, asked):
    bob.rtc(asked).expect(404, 404)


def test_R4_dismissed_room_is_404(server, alice, bob, room):
    alice.dismiss(room).ok()
    bob.rtc(room).expect(404, 404)
    alice.rtc(room).expect(404, 404)


async def test_R5_refusals(server, alice, bob, carol, admin, room):
    bob.rtc(room, user_id=carol.name).expect(403, 403)
    alice.rtc(room, user_id=carol.name).expect(403, 403)
    assert "room_id" in bob.call("getRtcAuthToken", {"user_id": bob.name}).expect(400, 400)["message"]
    assert "user_id" in bob.call("getRtcAuthToken", {"room_id": room}).expect(400, 400)["message"]
    assert admin.rtc(room, user_id=carol.name).ok()["rtc_identity"] == carol.name


def test_R6_spellings_of_the_id(server, bob, room):
    dashed = str(uuid.UUID(room))
    for spelling in (dashed, room.upper(), dashed.upper()):
        answer = bob.rtc(spelling).ok()
        assert answer["rtc_room"] == room
        assert tokens.claims_of(answer["auth_token"])["video"]["room"] == room
        assert bob.get(spelling).ok()["id"] == room
    joined = bob.join(dashed).ok()
    assert joined["members"][0]["user_id"] == bob.name


# 6.2: concatenation without separators, SHA-256, lower-case hex.
def aliyun(*parts: object) -> str:
    return hashlib.sha256("".join(map(str, parts)).encode()).hexdigest()


IM = {"aliyun.im.app_id": "demo-im-app-0001", "aliyun.im.app_key": "demo-im-key-abcdef0123456789", "aliyun.im.app_sign": "demo-sign-0001"}
RTC = {"aliyun.rtc.app_id": "7c610000-demo-rtc", "aliyun.rtc.app_key": "c461b000demokey"}
ALIYUN = IM | RTC | {"voice.provider.media": "aliyun", "voice.provider.im": "aliyun"}


def test_R7_vectors_of_the_formula():
    """The vectors of 6.2 against this file's formula; with fixed clock and nonce inside the server they are Rust tests."""
    ids = ("demo-im-app-0001", "demo-im-key-abcdef0123456789")
    assert aliyun(*ids, "alice", "6f1d2c3b-4a59-4e68-8b77-0123456789ab", 1893456000, "admin") == "66c4717069ad0db4160307b79d293af89db675ac8928f059b4750ef004cafa23"
    assert aliyun(*ids, "bob", "AK-6f1d2c3b-4a59-4e68-8b77-0123456789ab", 1893456000, "user") == "832a75a5b0a42a23883ac8f5f95307acc5a2b2067d43a73f5b895913ada892a6"
    assert aliyun("7c610000-demo-rtc", "c461b000demokey", "cfa4a59e90ab42cbaf708f218ad10000", "用户一", 1893456000) == "688c4c57a08f0c90d4455aa6daeb048f203a95cd230f99407144caed66eaa043"


def test_R7_aliyun_tokens(own_server):
    server = own_server(ALIYUN)
    now = int(time.time())
    for name in ("alice", "用户一"):
        user = server.user(name)
        room = user.room()
        media = user.rtc(room).ok()
        assert media["auth_token"] == media["authToken"] == aliyun("7c610000-demo-rtc", "c461b000demokey", room, name, media["timestamp"])
        assert abs(media["timestamp"] - (now + 24 * HOUR)) <= 3
        assert media["rtc_provider"] == "aliyun" and media["rtc_app_id"] == "7c610000-demo-rtc"
        assert "rtc_url" not in media

        answer = user.im(role="admin").ok()
        im = answer["aliyun_im"]
        auth = im["auth"]
        assert im["app_id"] == "demo-im-app-0001" and im["app_sign"] == "demo-sign-0001"
        assert im["app_token"] == im["apptoken"] == aliyun(*("demo-im-app-0001", "demo-im-key-abcdef0123456789"), name, auth["nonce"], auth["timestamp"], auth["role"])
        assert abs(auth["timestamp"] - (now + 48 * HOUR)) <= 3
        assert re.fullmatch(r"AK-[0-9a-f-]{36}", auth["nonce"])
        assert answer["im_provider"] == im["im_provider"] == "aliyun"
        assert "hub" not in answer and "im_url" not in answer and "im_url" not in im
        assert user.get(room).ok()["metrics"]["online_count"] == 0


def test_R7_providers_are_independent(own_server):
    server = own_server(RTC | {"voice.provider.media": "aliyun"})
    user = server.user()
    assert user.rtc(user.room()).ok()["rtc_provider"] == "aliyun"
    assert user.im().ok()["im_provider"] == "embedded"


def test_R7_missing_credentials_fail_the_start(own_server):
    server = own_server({"voice.provider.im": "aliyun"}, start=False)
    with pytest.raises(AssertionError, match="aliyun.im"):
        server.start()


def test_R8_role_as_requested(own_server):
    server = own_server(ALIYUN | {"voice.aliyun_role": "as_requested"})
    user = server.user()
    assert user.im(role="admin").ok()["aliyun_im"]["auth"]["role"] == "admin"
    assert user.im(role="user").ok()["aliyun_im"]["auth"]["role"] == "user"
    assert "aliyun_role" in server.log(), "no warning at start"


def test_R8_role_strict(own_server):
    server = own_server(ALIYUN | {"voice.aliyun_role": "strict"})
    assert server.user().im(role="admin").ok()["aliyun_im"]["auth"]["role"] == ""
    assert server.admin().im(role="admin").ok()["aliyun_im"]["auth"]["role"] == "admin"


def test_R9_no_key_material_in_answers_or_log(own_server):
    keys = (IM["aliyun.im.app_key"], RTC["aliyun.rtc.app_key"], tokens.KEY_TEXT, tokens.KEY.decode(), tokens.APP_SECRET)
    server = own_server(ALIYUN)
    user = server.user()
    room = user.room()
    seen = [user.rtc(room), user.im(role="admin"), user.get(room), user.list(), user.im(user_id="other"), server.http.login("bob"), user.join(room), user.dismiss(room)]
    server.stop()
    for answer in seen:
        for key in keys:
            assert key not in answer.raw.decode()
    log = server.log()
    for key in keys[:-1]:
        assert key not in log
    for answer in seen[:2]:
        for secret in (answer.body.get("auth_token"), answer.body.get("aliyun_im", {}).get("app_token")):
            assert not secret or secret not in log


def test_the_media_token_of_a_room_opens_the_hub(server, bob):
    room = bob.room()
    said = claims(exchange(server.http, bob.rtc(room).ok()["auth_token"]))
    assert (said["sub"], said["meta"]["face"]) == (bob.name, "talk")
    assert claims(exchange(server.http, bob.token))["meta"]["face"] == "voice"
    media = bob.rtc(room).ok()["auth_token"]
    bob.dismiss(room).ok()
    refused = exchange(server.http, media)
    assert (refused.status, refused["message"]) == (404, "requested room does not exist")
