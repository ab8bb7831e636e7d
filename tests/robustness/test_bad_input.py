"""Bad input of every kind, on every endpoint: the spec's error, never a 5xx, and nothing changed."""

from __future__ import annotations

import base64
import json
import time

import pytest

from stoa import tokens
from stoa.endpoints import ALWAYS_MEMBERS, OPTIONAL, PROTECTED, REQUIRED, body_for, field_error
from stoa.http import API
from stoa.tokens import HEADER, KEY, OTHER_KEY, b64, compact, sign

STRANGE = {
    "array": [], "object": {}, "nested": [[[{"a": [1]}]]], "float": 2.5, "negative": -1, "huge": 10**40, "exponent": 1e300, "true": True, "null": None,
    "blank": "  ", "nul": "a\u0000b", "control": "a\u0007b", "bidi": "\u202eabc", "noncharacter": "\uffff", "emoji": "🏳️‍🌈", "long": "x" * 9000,
    "very_long": "x" * 300_000, "sql": "'; DROP TABLE voice_rooms; --", "path": "../../../etc/passwd", "format": "%s%n{}${jndi:x}", "html": "<script>alert(1)</script>",
    "newline": "a\r\nX-Injected: 1", "number_text": "12", "json_text": '{"a":1}',
}


def picture(reader, room: str) -> dict:
    """Everything that anybody can see of a room, but who is online."""
    return {k: v for k, v in reader.get(room).ok().body.items() if k != "metrics"}


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("endpoint", PROTECTED)
def test_strange_values_in_every_field(server, endpoint, kind):
    """Whatever is not refused must be a legal value of that field; whatever is refused changes nothing."""
    alice, mallory = server.users(2)
    room = alice.room(title="before")
    alice.join(room, index=3).ok()
    before = picture(alice, room)
    for field in {**REQUIRED[endpoint], **OPTIONAL[endpoint]}:
        # A stranger's request: no value may let it change somebody else's room.
        answer = mallory.call(endpoint, body_for(endpoint, mallory.name, room) | {field: STRANGE[kind]})
        assert answer.status < 500 and answer.code != 500, (endpoint, field, answer)
        assert "X-Injected" not in {k for k, _ in answer.headers}
        if endpoint == "joinMic" and "members" in answer:
            mallory.leave(room).ok()
            seats = mallory.seats(room)
            assert seats == {3: alice.name}
            continue
        after = picture(alice, room)
        assert after == before or endpoint in ("joinMic", "leaveMic") and json.loads(after["meetingInfo"])["members"][2]["user_id"] == alice.name, (endpoint, field)


BYTES = {
    "empty_array": b"[]", "text": b'"x"', "number": b"1", "word": b"hello", "half": b'{"id":', "invalid_utf8": b'{"id":"\xff"}', "utf16": '{"id":"a"}'.encode("utf-16"),
    "overlong": b'{"id":"\xc1\x81"}', "surrogate_escape": b'{"id":"\\udc00"}', "half_pair": b'{"id":"\\ud83d\\u0041"}', "surrogate_bytes": b'{"id":"\xed\xbf\xbf"}',
    "deep_array": b'{"x":' + b"[" * 32 + b"]" * 32 + b"}", "deep_object": b'{"x":' * 33 + b"1" + b"}" * 33, "bottomless": b'{"x":' * 200_000, "raw_control": b'{"id":"a\x01b"}',
    "bad_escape": b'{"id":"\\x41"}', "leading_zero": b'{"index":01}', "plus": b'{"index":+1}', "hex": b'{"index":0x1}', "infinity": b'{"index":Infinity}', "comment": b"{/**/}",
    "unquoted": b"{id:1}", "two": b"{} {}", "nul_bytes": b"\x00" * 100, "xml": b"<a/>", "form": b"id=1&user_id=2",
}


@pytest.mark.parametrize("kind", BYTES)
@pytest.mark.parametrize("endpoint", PROTECTED)
def test_broken_bodies(server, endpoint, kind):
    user = server.user()
    answer = user.call(endpoint, BYTES[kind]).expect(400, 400)
    assert "members" not in answer or answer["members"] == []


@pytest.mark.parametrize("endpoint", PROTECTED)
def test_oversize_body_is_not_read(server, endpoint):
    user = server.user()
    user.call(endpoint, b'{"x":"' + b"a" * (3 * 1024 * 1024) + b'"}').expect(413, 413)
    # Not even looked at without a token: the answer comes before 100 MB that never follow.
    began = time.monotonic()
    answer = server.http.raw("POST", API + endpoint, headers=[("Content-Length", "100000000"), ("Authorization", "Bearer x")], timeout=5)
    assert answer.status in (401, 413) and time.monotonic() - began < 5


def test_missing_fields_one_by_one_and_all(server):
    alice = server.user()
    room = alice.room()
    for endpoint in PROTECTED:
        required = list(REQUIRED[endpoint])
        for gone in [*([f] for f in required), required]:
            if not gone:
                continue
            body = {k: v for k, v in body_for(endpoint, alice.name, room).items() if k not in gone}
            answer = alice.call(endpoint, body).expect(*field_error(endpoint))
            assert any(f in answer["message"] for f in gone)
            assert ("members" in answer) == (endpoint in ALWAYS_MEMBERS)
    assert alice.seats(room) == {} and alice.get(room).ok()["status"] == 1


def forged() -> dict[str, str]:
    """More than thirty ways to be wrong."""
    now = int(time.time())
    good = {"sub": "mallory", "iat": now, "exp": now + 600}
    without = lambda name: {k: v for k, v in good.items() if k != name}
    head, body, mac = sign(HEADER, good, KEY).split(".")
    flipped = b64(bytes([tokens.unb64(mac)[0] ^ 1]) + tokens.unb64(mac)[1:])
    out = {
        "empty": "", "dots": "..", "one_part": body, "two_parts": f"{head}.{body}", "four_parts": f"{head}.{body}.{mac}.x", "no_signature": f"{head}.{body}.",
        "cut_signature": f"{head}.{body}.{mac[:-4]}", "flipped_signature": f"{head}.{body}.{flipped}", "doubled_signature": f"{head}.{body}.{mac}{mac}",
        "foreign_signature": f"{head}.{body}.{sign(HEADER, without('iat'), KEY).split('.')[2]}", "changed_payload": f"{head}.{b64(compact(good | {'sub': 'the-operator'}))}.{mac}",
        "wrong_key": sign(HEADER, good, OTHER_KEY), "empty_key": sign(HEADER, good, b""), "key_text": sign(HEADER, good, tokens.KEY_TEXT.encode()), "app_secret": sign(HEADER, good, tokens.APP_SECRET.encode()),
        "none": sign({"typ": "JWT", "alg": "none"}, good, b"", "none"), "none_signed": sign({"typ": "JWT", "alg": "none"}, good, KEY), "None": sign({"typ": "JWT", "alg": "None"}, good, b"", "none"),
        "hs384": sign({"typ": "JWT", "alg": "HS384"}, good, KEY, "HS384"), "hs512": sign({"typ": "JWT", "alg": "HS512"}, good, KEY, "HS512"), "rs256": sign({"typ": "JWT", "alg": "RS256"}, good, KEY),
        "es256": sign({"typ": "JWT", "alg": "ES256"}, good, KEY), "lower_alg": sign({"typ": "JWT", "alg": "hs256"}, good, KEY), "no_alg": sign({"typ": "JWT"}, good, KEY),
        "alg_list": sign({"typ": "JWT", "alg": ["HS256"]}, good, KEY), "claimed_512": sign({"typ": "JWT", "alg": "HS512"}, good, KEY), "header_no_json": sign(b"HS256", good, KEY),
        "payload_no_json": sign(HEADER, b"mallory", KEY), "payload_array": sign(HEADER, b"[]", KEY), "no_sub": sign(HEADER, without("sub"), KEY), "empty_sub": sign(HEADER, good | {"sub": ""}, KEY),
        "number_sub": sign(HEADER, good | {"sub": 7}, KEY), "control_sub": sign(HEADER, good | {"sub": "a\u0001"}, KEY), "long_sub": sign(HEADER, good | {"sub": "x" * 256}, KEY),
        "no_exp": sign(HEADER, without("exp"), KEY), "text_exp": sign(HEADER, good | {"exp": "tomorrow"}, KEY), "null_exp": sign(HEADER, good | {"exp": None}, KEY), "negative_exp": sign(HEADER, good | {"exp": -1}, KEY),
        "expired": sign(HEADER, good | {"exp": now}, KEY), "long_expired": sign(HEADER, good | {"exp": now - 10**6}, KEY), "iat_ahead": sign(HEADER, good | {"iat": now + 120}, KEY), "nbf_ahead": sign(HEADER, good | {"nbf": now + 120}, KEY),
        "aud": sign(HEADER, good | {"aud": "hub"}, KEY), "aud_list": sign(HEADER, good | {"aud": ["x"]}, KEY), "too_long": sign(HEADER, good | {"x": "y" * 4096}, KEY),
        "media": tokens.media_token("mallory", "0" * 32), "padded": sign(HEADER, good, KEY) + "=", "blank_inside": f"{head}. {body}.{mac}", "standard_base64": base64.b64encode(sign(HEADER, good, KEY).encode()).decode(),
        "inner_garbage": f"{head}.{body}!.{mac}",
    }
    return out


FORGED = list(forged())


@pytest.mark.parametrize("kind", FORGED)
def test_forged_token_is_401_everywhere(server, kind):
    assert len(FORGED) >= 30
    token = forged()[kind]
    alice = server.user()
    room = alice.room()
    before = picture(alice, room)
    for endpoint in PROTECTED:
        server.http.post(API + endpoint, body_for(endpoint, "mallory", room), token=token).expect(401, 401)
    assert picture(alice, room) == before


def test_good_token_of_that_workshop_is_accepted(server):
    """So that the refusals above say something."""
    now = int(time.time())
    for claims in ({"sub": "mallory", "exp": now + 600}, {"sub": "mallory", "iat": now + 30, "exp": now + 600}, {"sub": "mallory", "exp": now + 600, "x": [1, {"y": None}]}):
        server.http.post(API + "list", {}, token=sign(HEADER, claims, KEY)).ok()


def test_wrong_user_for_the_token_changes_nothing(server):
    alice, bob, mallory = server.users(3)
    room = alice.room(title="before")
    bob.join(room, index=2).ok()
    before = picture(alice, room)
    assert mallory.call("joinMic", {"id": room, "user_id": alice.name}).expect(200, 403)
    assert mallory.call("leaveMic", {"id": room, "user_id": bob.name, "index": 2}).expect(200, 403)
    assert mallory.call("leaveMic", {"id": room, "user_id": alice.name, "index": 2}).expect(200, 403)
    mallory.call("leaveMic", {"id": room, "user_id": mallory.name, "index": 2}).ok()
    assert mallory.call("dismiss", {"id": room, "user_id": alice.name}).expect(200, 403)
    assert mallory.call("dismiss", {"id": room, "user_id": mallory.name}).ok()["success"] is False
    assert mallory.call("update", {"id": room, "title": "after"}).expect(200, 403)
    assert mallory.call("create", {"title": "x", "anchor": alice.name}).expect(200, 403)
    assert mallory.call("token", {"user_id": alice.name}).expect(200, 403)
    assert mallory.call("getRtcAuthToken", {"room_id": room, "user_id": alice.name}).expect(403, 403)
    assert picture(alice, room) == before


RAW = {
    "no_crlf": b"POST /api/chatroom/list HTTP/1.1\nHost: x\n\n", "two_lengths": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "bad_length": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "bad_chunk": b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "smuggling": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "nul_path": b"POST /login\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "long_header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n", "many_headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    "garbage": bytes(range(256)) * 40, "tls_hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 512, "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "percent": b"POST /%zz/%00/%ff HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("kind", RAW)
def test_broken_http(server, kind):
    """Whatever the bytes: an answer below 500 or a closed connection, and the server goes on."""
    import socket

    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        try:
            s.sendall(RAW[kind])
            s.shutdown(socket.SHUT_WR)
            got = b""
            while chunk := s.recv(65536):
                got += chunk
        except (ConnectionResetError, BrokenPipeError):
            got = b""
    if got.startswith(b"HTTP/1."):
        assert int(got.split(b" ", 2)[1]) < 500, got[:200]
    assert server.alive()
    server.user().list().ok()
