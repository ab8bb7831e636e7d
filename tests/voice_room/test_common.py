"""Acceptance cases G1–G19 and G21 of voice-room.md 9.1. G20 runs inside the client, on every answer of every suite."""

from __future__ import annotations

import json
import time

import pytest

from stoa import http, tokens
from stoa.endpoints import ALWAYS_MEMBERS, OPTIONAL, PROTECTED, REQUIRED, body_for, field_error
from stoa.http import API, check_answer
from stoa.postgres import Postgres, create_database

MIB = 1024 * 1024


@pytest.mark.parametrize("endpoint", PROTECTED)
def test_G1_no_token_is_401_everywhere(server, endpoint):
    answer = server.http.post(API + endpoint, {}).expect(401, 401)
    assert answer.header("www-authenticate") == "Bearer"
    assert answer.header("access-control-allow-origin") == "*"


def bad_tokens(server) -> dict[str, str]:
    now = int(time.time())
    good = {"sub": "mallory", "iat": now, "exp": now + 600}
    alice = server.user()
    im = alice.im().ok()
    rtc = alice.rtc(alice.room()).ok()
    return {
        "garbage": "abc.def.ghi",
        "wrong_key": tokens.login_token("mallory", key=tokens.OTHER_KEY),
        "alg_none": tokens.sign({"typ": "JWT", "alg": "none"}, good, b"", "none"),
        "hs512": tokens.sign({"typ": "JWT", "alg": "HS512"}, good, tokens.KEY, "HS512"),
        "exp_now": tokens.login_token("mallory", exp=now),
        "no_sub": tokens.login_token("mallory", sub=...),
        "no_exp": tokens.login_token("mallory", exp=...),
        "with_aud": tokens.login_token("mallory", aud="stoa"),
        "hub_app_token": im["aliyun_im"]["app_token"],
        "hub_token": im["hub"]["token"],
        "media_token": rtc["auth_token"],
    }


BAD_KINDS = ("garbage", "wrong_key", "alg_none", "hs512", "exp_now", "no_sub", "no_exp", "with_aud", "hub_app_token", "hub_token", "media_token")


@pytest.mark.parametrize("kind", BAD_KINDS)
def test_G2_bad_token_is_401(server, kind):
    server.http.post(API + "list", {}, token=bad_tokens(server)[kind]).expect(401, 401)


def test_G2_two_authorization_headers_are_401(server, alice):
    header = ("Authorization", f"Bearer {alice.token}")
    server.http.post(API + "list", {}, headers=[header, header]).expect(401, 401)
    server.http.post(API + "list", {}, headers=[header]).ok()


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", "BEARER ", "Bearer    ", "Bearer"])
def test_G3_spellings_of_bearer(server, alice, prefix):
    server.http.post(API + "list", {}, headers=[("Authorization", prefix + alice.token)]).ok()


def test_G4_token_in_query_body_or_cookie_only_is_401(server, alice):
    t = alice.token
    server.http.post(f"{API}list?token={t}&access_token={t}&authorization=Bearer%20{t}", {}).expect(401, 401)
    server.http.post(API + "list", {"token": t, "authorization": f"Bearer {t}"}).expect(401, 401)
    server.http.post(API + "list", {}, headers=[("Cookie", f"token={t}; Authorization={t}")]).expect(401, 401)


def test_G5_bad_token_hides_broken_json(server):
    server.http.post(API + "list", b"{", token="rubbish").expect(401, 401)


@pytest.mark.parametrize("path", ["//api/chatroom/list", "/api//chatroom//list/", "/api/chatroom/list/", "///api///chatroom///list"])
def test_G6_slashes_are_merged(server, alice, path):
    assert "rooms" in server.http.post(path, {}, token=alice.token).ok()


@pytest.mark.parametrize("path", ["/API/chatroom/list", "/api/chatroom/nope", "/api/ktv/listSongs", "/api/chatroom", "/api/chatroom/list/x"])
@pytest.mark.parametrize("with_token", [False, True])
def test_G7_unknown_path_is_404(server, alice, path, with_token):
    server.http.post(path, {}, token=alice.token if with_token else None).expect(404, 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_G8_other_methods_are_405(server, alice, method):
    for token in (alice.token, None):
        for path in (API + "list", "/login"):
            server.http.request(method, path, token=token, body=b"").expect(405, 405)


@pytest.mark.parametrize("path", [API + "list", API + "nope", "/login", "/no/such/thing"])
def test_G9_preflight(server, path):
    answer = server.http.raw("OPTIONS", path, headers=[("Origin", "https://app.example.org"), ("Access-Control-Request-Method", "POST")])
    assert answer.status == 204 and answer.raw == b""
    assert answer.header("access-control-allow-origin") == "*"
    words = lambda name: {w.strip().lower() for w in answer.header(name).split(",")}
    assert words("access-control-allow-methods") == {"post", "get", "put", "patch", "delete", "options"}
    assert words("access-control-allow-headers") == {"authorization", "content-type", "accept", "x-requested-with", "x-request-id"}
    assert answer.header("access-control-max-age") == "600"
    assert words("access-control-expose-headers") == {"x-request-id", "retry-after"}
    assert answer.header("access-control-allow-credentials") is None


def test_G10_listed_and_unlisted_origins(own_server):
    server = own_server({"http.cors.origins": ["https://a.example.org", "https://b.example.org"]})
    token = server.user().token
    for status, bearer in ((200, token), (401, "rubbish")):
        for origin in ("https://a.example.org", "https://b.example.org"):
            answer = server.http.post(API + "list", {}, token=bearer, headers=[("Origin", origin)], cors=origin)
            assert answer.status == status
            assert "origin" in (answer.header("vary") or "").lower()
        answer = server.http.post(API + "list", {}, token=bearer, headers=[("Origin", "https://evil.example.org")], cors=None)
        assert answer.status == status
        assert not [k for k, _ in answer.headers if k.lower().startswith("access-control-")]


def test_G11_oversize_bodies_are_413(server, alice):
    server.http.post(API + "list", b'{"x":"' + b"a" * (2 * MIB) + b'"}', token=alice.token).expect(413, 413)
    server.http.post("/login", b'{"x":"' + b"a" * (64 * 1024) + b'"}').expect(413, 413)
    # Right at the limit they are read.
    fits = lambda size: b'{"x":"' + b"a" * (size - 8) + b'"}'
    assert len(fits(2 * MIB)) == 2 * MIB
    server.http.post(API + "list", fits(2 * MIB), token=alice.token).ok()
    server.http.post("/login", fits(64 * 1024)).expect(200, 400)


BROKEN = {
    "array": b"[1]",
    "string": b'"x"',
    "number": b"7",
    "null": b"null",
    "cut_off": b"{",
    "two_values": b"{}{}",
    "invalid_utf8": b'{"title":"\xff\xfe"}',
    "overlong_utf8": b'{"title":"\xc0\xaf"}',
    "lone_surrogate": b'{"title":"\\ud800"}',
    "surrogate_bytes": b'{"title":"\xed\xa0\x80"}',
    "nested_33": b'{"x":' + b"[" * 32 + b"]" * 32 + b"}",
    "nested_100000": b'{"x":' + b"[" * 100_000,
    "single_quotes": b"{'a':1}",
    "nan": b'{"page_num":NaN}',
    "trailing_comma": b'{"a":1,}',
    "blank": b"  ",
}


@pytest.mark.parametrize("kind", [k for k in BROKEN if k != "blank"])
def test_G11_malformed_bodies_are_400(server, alice, kind):
    server.http.post(API + "list", BROKEN[kind], token=alice.token).expect(400, 400)
    server.http.post("/login", BROKEN[kind]).expect(400, 400) if kind != "nested_100000" else None


def test_G12_empty_body_counts_as_an_object(server, alice):
    assert len(server.http.post(API + "list", b"", token=alice.token).ok()["rooms"]) <= 10
    answer = server.http.post(API + "get", b"", token=alice.token).expect(200, 400)
    assert "id" in answer["message"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "rubbish"])
def test_G13_content_type_is_not_looked_at(server, alice, room, content_type):
    headers = [("Content-Type", content_type)] if content_type else []
    answer = server.http.request("POST", API + "get", token=alice.token, headers=headers, body=json.dumps({"id": room}).encode())
    assert answer.ok()["id"] == room


def test_G13_bom_and_pretty_print(server, alice, room):
    pretty = json.dumps({"id": room}, indent=4).encode()
    assert alice.call("get", pretty).ok()["id"] == room
    assert alice.call("get", b"\xef\xbb\xbf" + pretty).ok()["id"] == room
    assert alice.call("get", b"\r\n\t " + pretty + b" \n").ok()["id"] == room


def test_G14_unknown_names_are_ignored(server, alice, room):
    rubbish = b'{"id":"' + room.encode() + b'","x":' + b"[" * 31 + b"]" * 31 + b',"im_server":["aliyun"],"y":{"id":null,"z":[null,{}]}}'
    assert alice.call("get", rubbish).ok()["id"] == room


def test_G14_last_of_duplicate_names_wins(server, alice, room):
    assert alice.call("get", b'{"id":"nonsense","id":"' + room.encode() + b'"}').ok()["id"] == room
    alice.call("get", b'{"id":"' + room.encode() + b'","id":"nonsense"}').expect(200, 404)


@pytest.mark.parametrize("sent,stored", [(b"123", "123"), (b"1.0", "1.0"), (b"true", "true"), (b"false", "false"), (b"1e3", "1e3"), (b"-7", "-7"), (b"12345678901234567890123", "12345678901234567890123")])
def test_G15_scalars_become_their_exact_text(server, alice, sent, stored):
    answer = alice.call("create", b'{"anchor":"' + alice.name.encode() + b'","title":' + sent + b"}").ok()
    assert answer["title"] == stored
    assert alice.get(answer["id"]).ok()["title"] == stored


def test_G15_long_number_as_anchor(server, admin):
    answer = admin.call("create", b'{"anchor":12345678901234567890,"title":123}').ok()
    assert (answer["anchor_id"], answer["title"]) == ("12345678901234567890", "123")


@pytest.mark.parametrize("sent", [b'"2"', b"2.0", b'" 2 "', b'"+2"', b"2"])
def test_G16_spellings_of_two(server, sent):
    owner = server.user()
    for _ in range(5):
        owner.room()
    page = lambda n: [r["id"] for r in server.user().call("list", b'{"page_size":2,"page_num":' + n + b"}").ok()["rooms"]]
    first = page(b"1")
    second = page(sent)
    assert len(first) == len(second) == 2 and not set(first) & set(second)


@pytest.mark.parametrize("sent", [b'""', b"null"])
def test_G16_spellings_of_the_default(server, sent):
    owner = server.user()
    for _ in range(12):
        owner.room()
    plain = server.user().list().ok()["rooms"]
    got = server.user().call("list", b'{"page_num":' + sent + b',"page_size":' + sent + b"}").ok()["rooms"]
    assert len(plain) == len(got) == 10
    assert [r["id"] for r in got] == [r["id"] for r in plain]


@pytest.mark.parametrize("sent", [b"2.5", b'"abc"', b"true", b"[1]", b"{}", b"9223372036854775808", b'"2.5"', b"1e40"])
def test_G17_not_an_integer_is_400(server, bob, alice, room, sent):
    body = b'{"id":"' + room.encode() + b'","user_id":"' + bob.name.encode() + b'","index":' + sent + b"}"
    answer = bob.call("joinMic", body).expect(200, 400)
    assert "index" in answer["message"] and answer["msg"] == answer["message"]
    assert bob.call("leaveMic", body).expect(200, 400)["members"] == []
    assert bob.seats(room) == {}


REQUIRED_CASES = [(e, f) for e in PROTECTED for f in REQUIRED[e]] + [("login", "username"), ("login", "password")]


@pytest.mark.parametrize("endpoint,field", REQUIRED_CASES)
def test_G18_required_field_is_named(server, alice, endpoint, field):
    room = alice.room()
    for missing in ("absent", None, "", "  "):
        if endpoint == "login":
            body = {"username": alice.name, "password": alice.name}
        else:
            body = body_for(endpoint, alice.name, room)
        if missing == "absent":
            del body[field]
        else:
            body[field] = missing
        if endpoint == "login":
            answer = server.http.post("/login", body).expect(200, 400)
        else:
            answer = alice.call(endpoint, body).expect(*field_error(endpoint))
        assert field in answer["message"], answer
        assert answer["msg"] == answer["message"], answer
        if endpoint in ALWAYS_MEMBERS:
            assert answer["members"] == [] and answer["success"] is False
        if endpoint == "joinMic":
            assert "members" not in answer
    assert alice.get(room).ok()["status"] == 1


WRONG_TYPES = [(e, f) for e in PROTECTED for f, kind in {**REQUIRED[e], **OPTIONAL[e]}.items() if kind == "string"]


@pytest.mark.parametrize("endpoint,field", WRONG_TYPES)
def test_G18_array_or_object_for_a_string_is_400(server, alice, endpoint, field):
    room = alice.room()
    for value in ([], ["x"], {}, {"a": "b"}):
        answer = alice.call(endpoint, body_for(endpoint, alice.name, room) | {field: value}).expect(*field_error(endpoint))
        assert field in answer["message"]
    assert alice.get(room).ok()["title"] == "a room"


@pytest.mark.parametrize("bad", ["a\u0000b", "a\u001fb", "a\u0085b", "a\u007fb", "x" * 256, "ü" * 128])
def test_G19_bad_user_ids_are_400(server, admin, bad):
    assert "user_id" in admin.call("token", {"user_id": bad}).expect(200, 400)["message"]
    assert "anchor" in admin.call("create", {"title": "t", "anchor": bad}).expect(200, 400)["message"]
    server.http.login(bad).expect(200, 400)


@pytest.mark.parametrize("reserved", ["system", "bob_shadow", "_shadow"])
def test_G19_reserved_user_ids_are_400(server, admin, reserved):
    admin.call("token", {"user_id": reserved}).expect(200, 400)
    admin.call("create", {"title": "t", "anchor": reserved}).expect(200, 400)


def test_G19_nul_in_text_is_400(server, alice, room):
    for field in ("title", "notice", "anchor_nick"):
        assert field in alice.create(**{field: "a\u0000b"}).expect(200, 400)["message"]
    alice.update(room, title="a\u0000b").expect(200, 400)
    assert alice.get(room).ok()["title"] == "a room"


@pytest.mark.parametrize("field,fits,too_long", [
    ("anchor_nick", "😀" * 256, "😀" * 257),
    ("notice", "字" * 1024, "字" * 1025),
    ("title", "é" * 256, "é" * 257),
])
def test_G19_lengths_count_scalar_values(server, alice, field, fits, too_long):
    answer = alice.create(**{field: fits}).ok()
    assert answer[field] == fits
    assert field in alice.create(**{field: too_long}).expect(200, 400)["message"]


def test_G20_request_id_is_kept_or_made(server, alice):
    for sent in ("abc-123_x.Y", "a" * 64):
        assert alice.call("list", {}, headers=[("X-Request-Id", sent)]).header("x-request-id") == sent
    for sent in ("a" * 65, "bad id", "", "ä"):
        got = alice.call("list", {}, headers=[("X-Request-Id", sent)]).header("x-request-id")
        assert got != sent and got
    ids = {alice.list().header("x-request-id") for _ in range(20)}
    assert len(ids) == 20


def test_G20_reader_refuses_what_it_must_refuse():
    """The checks of the client itself: each of these answers must be found faulty."""
    good = [("content-type", "application/json; charset=utf-8"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
            ("x-request-id", "a"), ("access-control-allow-origin", "*"), ("access-control-expose-headers", "x-request-id, retry-after")]
    before = http.checked
    check_answer(200, good, b'{"code":200}')
    for raw in (b'{"code":200,"a":[{"b":null}]}', b'{"code":"200"}', b'{"code":true}', b"{}", b"[]", b'{"code":418,"message":"x"}', b'{"code":400}'):
        with pytest.raises(AssertionError):
            check_answer(200, good, raw)
    for i in range(len(good)):
        with pytest.raises(AssertionError):
            check_answer(200, good[:i] + good[i + 1 :], b'{"code":200}')
    with pytest.raises(AssertionError):
        check_answer(502, good, b'{"code":502,"message":"x"}')
    assert http.checked == before + 1


def test_G21_database_down_during_each_endpoint_then_back(own_server):
    """The PostgreSQL half; a broken SQLite file is covered in Rust (README.md)."""
    cluster = Postgres()
    try:
        server = own_server({"limits.user": {"per_sec": 0, "burst": 0}}, url=create_database(cluster.admin_url))
        alice = server.user()
        room = alice.room()
        alice.join(room).ok()
        cluster.suspend()
        for endpoint in PROTECTED:
            answer = alice.call(endpoint, body_for(endpoint, alice.name, room))
            if endpoint == "token" and answer.status == 200 and answer.code == 200:
                continue  # needs no row of the store
            assert (answer.status, answer.code) in ((200, 500), (503, 503)) or (endpoint == "getRtcAuthToken" and answer.status in (500, 503)), (endpoint, answer)
            text = answer.raw.decode().lower()
            for internal in ("postgres", "sql", "connection", "pool", "127.0.0.1", "refused", "panic"):
                assert internal not in text, (endpoint, answer)
            if endpoint in ALWAYS_MEMBERS and answer.status == 200:
                assert answer["members"] == []
        cluster.resume()
        deadline = time.monotonic() + 20
        while (last := alice.info(room)).code != 200:
            assert time.monotonic() < deadline, f"no recovery: {last}"
            time.sleep(0.1)
        assert alice.seats(room) == {1: alice.name}
        for endpoint in PROTECTED:
            assert alice.call(endpoint, body_for(endpoint, alice.name, room)).status == 200
    finally:
        cluster.stop()


def test_row_27_rate_limit_per_caller(own_server):
    server = own_server({"limits.user": {"per_sec": 1, "burst": 5}})
    alice, bob = server.users(2)
    room = alice.room()
    answers = [alice.list() for _ in range(12)]
    limited = [a for a in answers if a.status == 429]
    assert limited and all(a.header("retry-after") for a in limited)
    assert answers[0].status == 200
    # On these two a non-200 status would leave Android hanging: HTTP 200, code 429, members present.
    for call in (lambda: alice.leave(room), lambda: alice.info(room)):
        answer = next(a for a in (call() for _ in range(12)) if a.code == 429)
        assert answer.status == 200 and answer["members"] == [] and answer["success"] is False
    bob.list().ok()
