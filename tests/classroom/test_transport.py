"""classroom.md 9.1: transport, envelope, coercion. G24 runs inside the client, on every answer of the suite; G27 in test_zz_log.py, G28 and G29 in test_matrix.py."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stoa import tokens
from stoa.class_routes import OPEN, ROUTES
from stoa.class_world import World, open_body
from stoa.classroom import FAULT, SETTINGS, check_answer, fresh, person, post, request
from stoa.postgres import Postgres, create_database
from stoa.server import Server
from stoa.wait import until_sync

MIB = 1024 * 1024
ALL = [*ROUTES, *OPEN]
PATHS = {name: route.path for name, route in (ROUTES | OPEN).items()}


def fields(*kinds: str) -> list[tuple[str, str]]:
    """Every route's fields of these kinds."""
    return [(r, f) for r, route in ROUTES.items() for f, kind in route.fields.items() if kind in kinds]


def required(*kinds: str) -> list[tuple[str, str]]:
    return [(r, f) for r, route in ROUTES.items() for f, kind in route.required.items() if kind in kinds]


@pytest.fixture(scope="session")
def busy(server: Server) -> World:
    """A class that calls may change: who asks is the operator, who may do everything."""
    return World(server)


def ask(world: World, route: str, **changed: object):
    """The route with some fields changed, by the operator in the right name; `...` leaves a field out."""
    body = world.body(route, world.teacher)
    if route == "delete":  # not the one that the others need
        body["id"] = world.teacher.klass()["id"]
    body |= changed
    return world.admin.call(route, {k: v for k, v in body.items() if v is not ...})


@pytest.mark.parametrize("route", ROUTES)
def test_G01_no_token_is_401(server, route):
    post(server.http, PATHS[route], {}).unauthorized()


def bad_tokens() -> dict[str, str]:
    now = int(time.time())
    claims = {"sub": "mallory", "iat": now, "exp": now + 600}
    good = tokens.login_token("mallory")
    return {
        "garbage": "abc.def.ghi",
        "empty": "",
        "one_signature_byte": good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:],
        "alg_none": tokens.sign({"typ": "JWT", "alg": "none"}, claims, b"", "none"),
        "hs512_with_the_right_key": tokens.sign({"typ": "JWT", "alg": "HS512"}, claims, tokens.KEY, "HS512"),
        "other_key": tokens.login_token("mallory", key=tokens.OTHER_KEY),
        "with_audience": tokens.login_token("mallory", aud="jump"),
    }


@pytest.mark.parametrize("kind", bad_tokens())
def test_G02_bad_token_is_401(server, kind):
    post(server.http, PATHS["list"], {"user_id": "mallory"}, token=bad_tokens()[kind]).unauthorized()


def test_G03_expired_token_is_401(server):
    now = int(time.time())
    post(server.http, PATHS["list"], {"user_id": "m"}, token=tokens.login_token("m", exp=now)).unauthorized()
    post(server.http, PATHS["list"], {"user_id": "m"}, token=tokens.login_token("m", iat=now - 8 * 86400, exp=now - 86400)).unauthorized()


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", "BEARER ", "Bearer  ", "Bearer"])
def test_G04_spellings_of_bearer(server, student, prefix):
    post(server.http, PATHS["list"], {"user_id": student.name}, headers=[("Authorization", prefix + student.token)]).ok()


def test_G05_two_authorization_headers_are_401(server, student):
    header = ("Authorization", f"Bearer {student.token}")
    post(server.http, PATHS["list"], {"user_id": student.name}, headers=[header, header]).unauthorized()


@pytest.mark.parametrize("route", ALL)
def test_G06_other_verbs_are_405(server, student, route):
    for method, token in (("GET", None), ("GET", student.token), ("PUT", student.token), ("DELETE", None)):
        # check_head looks at `Allow` and at the CORS header.
        if route != "/login":  # whose answers carry the other dialect's code beside ours
            request(server.http, method, PATHS[route], token=token).status_is(405)


@pytest.mark.parametrize("route", ALL)
def test_G07_preflight(server, route):
    for asked in ("content-type", "authorization,content-type", "authorization"):
        answer = server.http.raw("OPTIONS", PATHS[route], headers=[
            ("Origin", "https://class.example.org"), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", asked),
        ])
        assert answer.status == 204 and answer.raw == b""
        words = lambda name: {w.strip().lower() for w in (answer.header(name) or "").split(",")}
        assert answer.header("access-control-allow-origin") == "*"
        assert "post" in words("access-control-allow-methods")
        assert {"authorization", "content-type"} <= words("access-control-allow-headers")
        assert answer.header("access-control-max-age") == "600"
        assert answer.header("access-control-allow-credentials") is None


@pytest.mark.parametrize("path", ["/api/v1/class/nope", "/api/v1/class/getX", "/api/v2/class/get", "/api/class/get", "/api/v1/class/Get"])
def test_G08_unknown_path_is_404(server, student, path):
    for token in (student.token, None):
        reply = post(server.http, path, {}, token=token).status_is(404)
        assert reply.body == {"success": False, "errorCode": "404", "errorMsg": "NotFound"}


@pytest.mark.parametrize("path", ["//api/v1/class/get/", "/api//v1/class//get", "///api/v1/class/get"])
def test_G08_slashes_are_merged(server, teacher, c, path):
    assert post(server.http, path, {"id": c, "user_id": teacher.name}, token=teacher.token).ok()["id"] == c


BROKEN = {
    "words": b"not json",
    "array": b"[]",
    "string": b'"x"',
    "null": b"null",
    "number": b"7",
    "cut_off": b'{"user_id":"a"',
    "two_values": b"{}{}",
    "trailing_comma": b'{"a":1,}',
    "lone_surrogate": b'{"user_id":"\\ud800"}',
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("route", ["list", "joinClass", "updateMeetingInfo", "setCheckIn", "getRtcAuthToken", "getWhiteboardAuthInfo"])
def test_G09_broken_bodies(student, route, kind):
    student.call(route, BROKEN[kind]).bad()


@pytest.mark.parametrize("body", [b'{"user_id":"\xff\xfe"}', b'{"x":"\xc0\xaf"}', b'{"x":"\xed\xa0\x80"}'])
def test_G10_invalid_utf8(student, body):
    student.call("list", body).bad()


def test_G11_bom(teacher, c):
    body = json.dumps({"id": c, "user_id": teacher.name}).encode()
    assert teacher.call("get", b"\xef\xbb\xbf" + body).ok()["id"] == c


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "rubbish"])
def test_G12_content_type_is_not_looked_at(server, teacher, c, content_type):
    headers = [("Content-Type", content_type)] if content_type else []
    reply = request(server.http, "POST", PATHS["get"], token=teacher.token, headers=headers, body=json.dumps({"id": c, "user_id": teacher.name}).encode())
    assert reply.ok()["id"] == c


# What may differ between two equal calls.
MOVING = {"nonce", "curTime", "checksum", "auth_token", "authToken", "token", "access_token", "refresh_token", "updated_at", "like_count", "now_time", "timestamp",
          "expires_at", "live_jump_url"}


def steady(value: object) -> object:
    """The answer's shape, and its values where two calls must agree."""
    if isinstance(value, dict):
        return {k: steady(v) if k not in MOVING else type(v) for k, v in value.items() if k not in ("link_info", "shadow_link_info")}
    return [steady(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("route", [r for r in ROUTES if not ROUTES[r].writes])
def test_G13_unknown_fields_change_nothing(world, route):
    body = world.body(route, world.teacher)
    more = body | {"zzz": None, "x": {"id": 1, "user_id": [None]}, "y": [[{}]], "ID": 7, "role2": "admin"}
    plain, rich = world.teacher.call(route, body), world.teacher.call(route, more)
    assert steady(plain.body) == steady(rich.body) and plain.outcome == "yes", (plain, rich)


@pytest.mark.parametrize("route", [r for r in ROUTES if ROUTES[r].writes and r != "delete"])
def test_G13_unknown_fields_are_no_error(busy, route):
    plain, rich = ask(busy, route), ask(busy, route, zzz=None, x={"id": 1}, y=[[{}]])
    assert rich.body.get("errorMsg") != "参数错误", rich
    if route != "deleteDoc":  # which finds nothing the second time
        assert plain.body.get("errorCode") == rich.body.get("errorCode"), (plain, rich)


def test_G14_oversize_bodies_are_413(server, student):
    body = lambda size: b'{"user_id":"' + student.name.encode() + b'","x":"' + b"a" * (size - 21 - len(student.name)) + b'"}'
    for path, limit, token in ((PATHS["list"], 2 * MIB, student.token), (PATHS["login"], 64 * 1024, None)):
        assert len(body(limit)) == limit
        post(server.http, path, body(limit + 1), token=token).status_is(413)
        assert post(server.http, path, body(limit), token=token).status == 200
    student.list().ok()


@pytest.mark.parametrize("depth,good", [(32, True), (33, False)])
def test_G15_nesting(student, depth, good):
    body = b'{"user_id":"' + student.name.encode() + b'","x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    reply = student.call("list", body)
    reply.ok() if good else reply.bad()


@pytest.mark.parametrize("route,name", required("string", "choice"))
def test_G16_required_strings(busy, route, name):
    for blank in (..., None, "", "   ", "\t\n\u3000"):
        ask(busy, route, **{name: blank}).bad(name)


@pytest.mark.parametrize("route,name", required("json", "integer", "doc_ids") + [("addDocs", "docInfo"), ("v2/token", "im_server")])
def test_G16_other_required_fields(busy, route, name):
    for blank in (..., None, ""):
        ask(busy, route, **{name: blank}).bad(name)


@pytest.mark.parametrize("route", ["login", "verifyAuthToken"])
def test_G16_required_strings_of_open_routes(server, route):
    for name in OPEN[route].required:
        for blank in (..., None, "") if name == "password" else (..., None, "", "   "):
            body = open_body(route) | {name: blank}
            post(server.http, PATHS[route], {k: v for k, v in body.items() if v is not ...}).bad(name)


@pytest.mark.parametrize("route,name", required("string"))
def test_G17_numbers_and_booleans_are_text(busy, route, name):
    for value in (810, True, 1.5):
        reply = ask(busy, route, **{name: value})
        assert reply.body.get("errorMsg") != "参数错误", reply


@pytest.mark.parametrize("sent,stored", [(b"810", "810"), (b"true", "true"), (b"1.0", "1.0"), (b"12345678901234567890123", "12345678901234567890123")])
def test_G17_the_exact_text_is_stored(teacher, sent, stored):
    body = b'{"teacher_id":"' + teacher.name.encode() + b'","title":' + sent + b',"notice":' + sent + b',"teacher_nick":' + sent + b"}"
    made = teacher.call("create", body).ok()
    assert (made["title"], made["notice"], made["teacher_nick"]) == (stored, stored, stored)
    assert teacher.get(made["id"]).ok()["title"] == stored


@pytest.mark.parametrize("route,name", fields("string", "choice"))
def test_G18_no_object_or_array_for_a_string(busy, route, name):
    for value in ({"a": 1}, ["a"], []):
        ask(busy, route, **{name: value}).bad(name)


def test_G18_objects_for_json_text(teacher, c):
    for value, text in (({"a": [1, "é"]}, '{"a":[1,"é"]}'), ([1, {"b": True}], '[1,{"b":true}]')):
        assert teacher.klass(extends=value)["extends"] == text
        assert teacher.permit(c, value).ok()["permit"] == text
        assert teacher.add_doc(c, fresh("doc"), data=value).ok()["docInfos"] == text


INTEGERS = fields("integer")
# In range, and with an effect that does no harm here.
GOOD_INTEGER = {"mode": 2, "identity": 1, "status": 1, "page_num": 3, "page_size": 3, "ban_seconds": 3, "duration": 3, "minute": 3}


@pytest.mark.parametrize("route,name", INTEGERS)
def test_G19_spellings_of_an_integer(busy, route, name):
    n = GOOD_INTEGER[name]
    for value in (n, str(n), f" {n} ", float(n), f"+{n}"):
        assert ask(busy, route, **{name: value}).body.get("errorMsg") != "参数错误"


@pytest.mark.parametrize("route,name", INTEGERS)
def test_G20_no_integer(busy, route, name):
    for value in ("x", 3.5, True, 99999999999999999999, "3.5", [1], {"a": 1}):
        ask(busy, route, **{name: value}).bad(name)


@pytest.mark.parametrize("name", ["all_mute", "interaction_allowed"])
def test_G21_spellings_of_a_boolean(teacher, c, name):
    for value, meaning in ((True, True), (False, False), ("true", True), ("FALSE", False), ("False", False), ("TRUE", True), (1, True), (0, False)):
        assert teacher.meet(c, **{name: value}).ok()[name] is meaning
    before = teacher.info(c).ok()
    for value in ("yes", 2, "1", [True], {}):
        teacher.meet(c, **{name: value}).bad(name)
    for absent in ("", None):
        teacher.meet(c, **{name: absent}).ok()
    assert teacher.info(c).ok() == before


@pytest.mark.parametrize("route,name", fields("string", "choice", "json"))
def test_G22_nul_in_a_string(busy, route, name):
    ask(busy, route, **{name: "a\u0000b"}).bad(name)


def test_G22_nothing_is_stored(teacher, c):
    before = teacher.get(c).ok()
    teacher.update(c, title="fine", notice="a\u0000b").bad("notice")
    teacher.meet(c, members=[{"user_id": "a", "x": "\u0000"}]).bad("members")
    teacher.add_docs(c, [{"docId": "a", "data": "x"}, {"docId": "b", "data": "a\u0000"}]).bad()
    assert teacher.get(c).ok()["title"] == before["title"] and teacher.docs(c) == [] and teacher.info(c).ok() == {"members": []}


def test_G23_last_of_duplicate_keys_wins(teacher, c):
    name = teacher.name.encode()
    assert teacher.call("get", b'{"id":"nonsense","user_id":"' + name + b'","id":"' + c.encode() + b'"}').ok()["id"] == c
    teacher.call("get", b'{"id":"' + c.encode() + b'","user_id":"' + name + b'","id":"nonsense"}').missing()


def test_G25_refusals_have_neither_code_nor_message(teacher, student, c):
    teacher.kick(c, student).ok()
    for reply in (student.join(c), student.leave(c), teacher.assist("0" * 32), student.join("nonsense")):
        assert reply.status == 200 and set(reply.body) == {"success", "data"}, reply
    student.join(c).refused("InBlackList")


def test_G26_a_failing_store():
    """Every call says one of two texts and nothing internal, and recovers with the store."""
    database = Postgres()
    server = Server(store_url=create_database(database.admin_url), settings=SETTINGS)
    try:
        server.start()
        t = person(server)
        c = t.klass()["id"]
        database.suspend()
        calls = (t.get, t.start, t.join, t.members, t.meet, t.set_check_in, t.get_permit, t.delete)
        with ThreadPoolExecutor(len(calls)) as pool:
            replies = list(pool.map(lambda call: call(c), calls))
        for reply in replies:
            # H, or K where no connection to the database came free in time.
            assert "data" not in reply and (reply.status, reply["errorCode"], reply["errorMsg"]) in ((200, "500", FAULT), (503, "503", "try again later"))
        database.resume()
        until_sync(lambda: t.get(c).outcome == "yes", 30, "works again")
        assert t.start(c).ok()["status"] == 1
    finally:
        server.discard()
        database.stop()


def test_G30_two_problems_in_one_body(student, c):
    student.call("joinClass", {"class_id": c, "user_id": ["x"]}).bad("user_id", "user_name")
    msg = student.call("joinClass", {"class_id": "", "identity": "x"}).bad("class_id", "user_id", "user_name", "identity").body["data"]["msg"]
    assert msg.count("; ") >= 3
    assert student.call("create", {"teacher_id": student.name}).bad("title").body["data"] == {"code": 401, "msg": "title: required"}


def test_G31_spellings_of_a_class_id(teacher, c):
    dashed = "-".join((c[:8], c[8:12], c[12:16], c[16:20], c[20:]))
    for spelled in (dashed, c.upper(), dashed.upper(), "-" + c + "-"):
        assert teacher.get(spelled).ok()["id"] == c
        assert teacher.add_doc(spelled, fresh("doc")).ok()["classId"] == c
        teacher.join(spelled).ok()
        assert teacher.room_call("isMuteChatroom", spelled).ok() == {"result": False}
        assert teacher.permit(spelled).ok()["class_id"] == c
    for unknown in ("nonsense", "0" * 32, c[:-1], c + "0", "../" + c, "g" * 32):
        teacher.get(unknown).missing()
        teacher.join(unknown).refused("ClassNotFound")
        teacher.set_check_in(unknown).missing("NotFound")


def test_G32_listed_and_unlisted_origins(own_server):
    server = own_server({"http.cors.origins": ["https://a.example.org", "https://b.example.org"]})
    t = person(server)
    for token in (t.token, "rubbish"):
        for origin in ("https://a.example.org", "https://b.example.org"):
            reply = post(server.http, PATHS["list"], {"user_id": t.name}, token=token, headers=[("Origin", origin)], cors=origin)
            assert "origin" in (reply.header("vary") or "").lower()
        post(server.http, PATHS["list"], {"user_id": t.name}, token=token, headers=[("Origin", "https://evil.example.org")], cors=None)


def test_limit_of_requests_is_shared_with_voice_rooms(own_server):
    """2.4: HTTP 429 for one subject, nobody else; the envelope and `Retry-After` are checked by the client."""
    server = own_server({"limits.user": {"per_sec": 1, "burst": 20}})
    greedy, calm = person(server), person(server)
    replies = [greedy.list() for _ in range(12)]
    voice = [server.http.raw("POST", "/api/chatroom/list", headers=[("Authorization", f"Bearer {greedy.token}")], body=b"{}").status for _ in range(12)]
    assert {r.status for r in replies} == {200} and voice[-1] == 429
    greedy.list().status_is(429)
    calm.list().ok()


LENGTHS = [
    ("create", "title", "é" * 256, "é" * 257),
    ("create", "teacher_nick", "😀" * 256, "😀" * 257),
    ("create", "notice", "字" * 1365 + "a", "字" * 1365 + "ab"),
    ("create", "extends", "x" * 65536, "x" * 65537),
    ("joinClass", "user_name", "字" * 256, "字" * 257),
    ("joinClass", "user_avatar", "h" * 2048, "h" * 2049),
    ("setAssistantPermit", "permit", "p" * 65536, "p" * 65537),
    ("token", "device_id", "d" * 255, "d" * 256),
    ("kickClass", "user_id", "ü" * 127 + "a", "ü" * 128),
    ("muteUser", "user_id", "u" * 255, "u" * 256),
]


@pytest.mark.parametrize("route,name,fits,too_long", LENGTHS, ids=[f"{r}-{n}" for r, n, *_ in LENGTHS])
def test_limits_of_lengths(server, route, name, fits, too_long):
    world = World(server)
    assert ask(world, route, **{name: fits}).outcome == "yes"
    ask(world, route, **{name: too_long}).bad(name)


@pytest.mark.parametrize("bad", ["a\u001fb", "a\u007fb", "a\u0085b", "system", "bob_shadow", "_shadow"])
def test_limits_of_user_ids(world, bad):
    for route, name in required("string"):
        if name in ("user_id", "teacher_id") and not (route == "getRtcAuthToken" and bad == "bob_shadow"):
            ask(world, route, **{name: bad}).bad(name)


def test_the_checker_finds_what_it_looks_for(teacher, c):
    """The checks that every answer goes through do fail."""
    good = teacher.get(c)
    check_answer(200, good.headers, good.raw)
    for broken in (
        good.raw.replace(b'"success":true', b'"success":1'), good.raw.replace(b'"status":0', b'"status":null'), b'{"success":false,"errorCode":404,"errorMsg":"x"}',
        b'{"success":true,"errorCode":"404","errorMsg":"x"}', b'{"success":false,"data":{"reason":"Whatever"}}', good.raw.replace(b'"aliyun_id"', b'"aliyun_ie"'),
    ):
        assert broken != good.raw
        with pytest.raises(AssertionError):
            check_answer(200, good.headers, broken)
    with pytest.raises(AssertionError):
        check_answer(200, [(k, v) for k, v in good.headers if k.lower() != "access-control-allow-origin"], good.raw)
