"""classroom.md 9.2: login and tokens. What connects to the message hub (T01, T07, T11): test_realtime_groups.py and test_realtime_edges.py; L05's instants need a turned clock: Rust."""

from __future__ import annotations

import base64
import random
import re
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stoa import http, tokens
from stoa.class_routes import OPEN, ROUTES
from stoa.classroom import STAMP, Person, fresh, instant, login, person, post, query_of
from stoa.hub_token import claims, exchange, refresh
from stoa.member import Member
from stoa.server import ADMIN, binary

NO_LIMIT = {"auth.login_failures": 10**6, "auth.login_failures_address": 10**6}
COMPAT_KEY = base64.b64encode(bytes.fromhex("69bd9d7ec736dda976")).decode()


def user_command(server, *args: str, password: str | None = None) -> None:
    """`stoa user …` on the server's store."""
    command = [str(binary()), "user", *args, "--data", str(server.data)]
    if server.store_url:
        command += ["--set", f'store.url="{server.store_url}"']
    given = f"{password}\n" if password is not None else None
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False, cwd=server.folder)
    assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"


def works(server, token: str, name: str) -> str:
    return post(server.http, ROUTES["list"].path, {"user_id": name}, token=token).outcome


def test_L01_both_paths(server):
    name = fresh("alice")
    data = login(server.http, name).ok()
    assert set(data) == {"token", "expire"} and works(server, data["token"], name) == "yes"
    both = server.http.login(name).ok()  # checked as the other dialect's answer
    assert both["success"] is True and set(both["data"]) == {"token", "expire"}
    assert both["data"]["token"] == both["token"] and works(server, both["token"], name) == "yes"
    assert set(both.body) == {"code", "token", "expire", "success", "data"}


def test_L02_wrong_password_in_demo(server):
    name = fresh("alice")
    login(server.http, name, "wrong").credentials()
    both = server.http.login(name, "wrong")
    assert (both.status, both.code) == (200, 401)
    assert (both["success"], both["errorCode"], both["errorMsg"]) == (False, "401", "incorrect Username or Password")
    # An operator without an account has no password.
    login(server.http, ADMIN).credentials()


def test_L02_wrong_password_and_unknown_user_look_alike(own_server):
    server = own_server({"auth.mode": "accounts"} | NO_LIMIT)
    user_command(server, "add", "bob", password="bobs-password")
    login(server.http, "bob", "bobs-password").ok()
    times: dict[str, list[float]] = {"bob": [], "nobody": []}
    texts = set()
    for name in random.sample([*times] * 10, 20):
        began = time.monotonic()
        texts.add(login(server.http, name, "wrong").credentials().raw)
        times[name].append(time.monotonic() - began)
    assert len(texts) == 1
    known, unknown = (statistics.median(times[n]) for n in times)
    assert 0.4 < known / unknown < 2.5, (known, unknown)


@pytest.mark.parametrize("stale", ["Bearer rubbish", "Bearer", "Basic Zm9v"])
def test_L03_stale_authorization_header(server, stale):
    login(server.http, fresh("alice"), headers=[("Authorization", stale)]).ok()


def test_L04_expire(server):
    data = login(server.http, fresh("alice")).ok()
    assert STAMP.fullmatch(data["expire"]) and instant(data["expire"]) == tokens.claims_of(data["token"])["exp"]


def test_L05_compatibility_key(own_server):
    """Whether the key's bytes are those of the reference; the vector's instants: Rust, with the clock as a parameter."""
    token = tokens.login_token("alice", key=bytes.fromhex("69bd9d7ec736dda976"))
    assert works(own_server(), token, "alice") == "401"
    assert works(own_server({"auth.jwt_keys": [tokens.KEY_TEXT, f"lenient:{COMPAT_KEY}"]}), token, "alice") == "yes"


def test_L06_old_token_after_a_new_login(server):
    name = fresh("alice")
    first, second = login(server.http, name).ok()["token"], login(server.http, name).ok()["token"]
    assert works(server, first, name) == works(server, second, name) == "yes"


def test_L07_tokens_of_other_kinds(server, teacher, room):
    hub = teacher.hub_token(im_server=["aliyun_old", "aliyun_new", "stoa"]).ok()
    others = [
        hub["hub"]["token"], hub["aliyun_new_im"]["app_token"], hub["aliyun_old_im"]["access_token"], hub["aliyun_old_im"]["refresh_token"],
        teacher.rtc(room["meeting_id"])["auth_token"], teacher.get(room["id"]).ok()["link_info"]["rtc_token"],
        tokens.media_token(teacher.name, room["meeting_id"]), tokens.login_token(teacher.name, aud="jump"),
    ]
    for token in others:
        assert works(server, token, teacher.name) == "401"
        assert server.http.post(http.API + "list", {}, token=token).status == 401


def test_L07_a_login_token_opens_no_media(server, teacher, room):
    status = server.http.raw("GET", f"/rtc/validate?access_token={teacher.token}").status
    assert status == 401


@pytest.mark.parametrize("name", ["李老师", "👩‍🏫 with emoji", "a b&c=d#e?f/..", "ü" * 127 + "x"])
def test_L08_user_ids_of_all_kinds(server, name):
    data = login(server.http, name).ok()
    me = Person(server.http, name, data["token"])
    c = me.klass(title=name[:100])["id"]
    me.join(c).ok()
    assert me.rows(c)[name]["identity"] == 3
    assert any(one["id"] == c and one["teacher_id"] == name for one in me.list(page_size=500).ok())
    assert me.get(c).ok()["teacher_id"] == name


def test_L08_256_bytes_are_too_many(server):
    login(server.http, "x" * 256).bad("username")
    login(server.http, "ü" * 128).bad("username")


@pytest.mark.parametrize("name", ["system", "bob_shadow", "_shadow", "a\u0007b", "a\u0000b", "a\u009fb"])
def test_L09_reserved_user_ids(server, name):
    login(server.http, name).bad("username")
    assert post(server.http, ROUTES["list"].path, {"user_id": name}, token=tokens.login_token(name)).status == 401


def test_L10_too_many_failures(own_server):
    server = own_server()
    for _ in range(10):
        login(server.http, "alice", "wrong").credentials()
    login(server.http, "alice", "wrong").status_is(429)
    login(server.http, "alice").status_is(429)
    server.http.login("alice").expect(429, 429)  # one count for both paths
    login(server.http, "bob").ok()


def test_L11_subjects_without_account_disabled_and_revoked(own_server):
    server = own_server()
    nobody = person(server, "nobody-s-account")
    c = nobody.klass()["id"]
    person(server, "somebody").delete(c).denied()
    assert works(server, tokens.login_token("x", admin=True, role="admin"), "x") == "yes"
    Person(server.http, "x", tokens.login_token("x", admin=True, role="admin")).delete(c).denied()
    user_command(server, "add", "carol", password="carols-password")
    user_command(server, "add", "dave", password="daves-password")
    carol, dave = (login(server.http, n, f"{n}s-password").ok()["token"] for n in ("carol", "dave"))
    assert works(server, carol, "carol") == works(server, dave, "dave") == "yes"
    user_command(server, "disable", "carol")
    user_command(server, "logout", "dave")
    assert works(server, carol, "carol") == "401"
    assert works(server, tokens.login_token("carol"), "carol") == "401"
    login(server.http, "carol", "carols-password").credentials()
    assert works(server, dave, "dave") == "401"
    assert works(server, login(server.http, "dave", "daves-password").ok()["token"], "dave") == "yes"


def test_L12_restart(own_server):
    server = own_server({"auth.jwt_keys": []})
    token = login(server.http, "alice").ok()["token"]
    server.restart()
    assert works(server, token, "alice") == "yes"


def test_L13_one_token_for_both_dialects(server):
    name = fresh("alice")
    one = login(server.http, name).ok()["token"]
    two = server.http.login(name).ok()["token"]
    for token in (one, two):
        server.http.post(http.API + "list", {}, token=token).ok()
        assert works(server, token, name) == "yes"


# -- hub tokens: everything that shows without a hub -------------------------------------------------

def test_T01_new_im(teacher):
    before = int(time.time())
    data = teacher.hub_token().ok()
    assert set(data) == {"aliyun_new_im", "hub"}
    im = data["aliyun_new_im"]
    assert set(im) == {"app_id", "app_sign", "app_token", "auth"} and set(im["auth"]) == {"user_id", "nonce", "timestamp", "role"}
    assert all(im.values()) and all(im["auth"].values())
    assert im["auth"]["user_id"] == teacher.name and im["app_id"] == "stoa"
    assert abs(im["auth"]["timestamp"] - before - 172_800) <= 2
    claims = tokens.claims_of(im["app_token"])
    assert (claims["exp"], claims["jti"]) == (im["auth"]["timestamp"], im["auth"]["nonce"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", im["auth"]["nonce"])
    hub = data["hub"]
    assert set(hub) == {"url", "token", "expires_at"} and hub["url"].endswith("/connection/websocket") and hub["url"].startswith("ws")
    assert abs(hub["expires_at"] - before - 600) <= 2 and type(hub["expires_at"]) is int
    assert tokens.unb64(im["app_sign"]).decode() == hub["url"]


def test_T02_three_names(teacher):
    data = teacher.hub_token(im_server=["aliyun_old", "rong_cloud", "aliyun_new"]).ok()
    assert set(data) == {"aliyun_old_im", "aliyun_new_im", "hub"}
    assert set(data["aliyun_old_im"]) == {"access_token", "refresh_token"} and all(data["aliyun_old_im"].values())
    assert data["aliyun_old_im"]["refresh_token"] != teacher.hub_token(im_server=["aliyun_old"]).ok()["aliyun_old_im"]["refresh_token"]


@pytest.mark.parametrize("given", [..., None, [], ["nonsense"], ["aliyun_new", "nonsense"], 7, {}, [1], [["aliyun_new"]]])
def test_T03_v2_needs_known_names(teacher, given):
    teacher.hub_token(im_server=given).bad("im_server")


@pytest.mark.parametrize("given", ["aliyun_new", "ALIYUN_NEW", ["Aliyun_New"], ["aliyun_new", "aliyun_new"], ["stoa"]])
def test_T03_spellings_of_names(teacher, given):
    assert "hub" in teacher.hub_token(im_server=given).ok()


FIVE = {"access_token", "refresh_token", "aliyun_access_token", "aliyun_refresh_token", "rong_cloud_token"}


@pytest.mark.parametrize("given", [..., None, [], ["aliyun"], ["aliyun", "rongCloud"], ["rong_cloud"], ["aliyun_new"]])
def test_T04_T05_v1(teacher, given):
    data = teacher.hub_token("", im_server=given).ok()
    assert set(data) - {"aliyun_new_im"} == FIVE | {"hub"} and data["rong_cloud_token"] == ""
    assert data["access_token"] and data["refresh_token"]
    names = [] if given in (..., None) else given
    if "aliyun" in names or not names:
        assert data["access_token"] == data["aliyun_access_token"] and data["refresh_token"] == data["aliyun_refresh_token"]
    else:
        assert data["aliyun_access_token"] == data["aliyun_refresh_token"] == ""
    assert ("aliyun_new_im" in data) == ("aliyun_new" in names)
    claims = tokens.claims_of(data["access_token"])
    assert abs(claims["exp"] - time.time() - 7200) <= 3
    assert len(tokens.unb64(data["refresh_token"])) >= 32


def test_T05_v1_refuses_unknown_names(teacher):
    teacher.hub_token("", im_server=["fridge"]).bad("im_server")


@pytest.mark.parametrize("version", ["", "v2/"])
def test_T06_device_types(teacher, version):
    for good in ("android", "WEB", "iOS", "pc", "Web"):
        teacher.hub_token(version, device_type=good).ok()
    for bad in ("fridge", ..., "web ", 7):
        teacher.hub_token(version, device_type=bad).bad("device_type")


def role(who: Person, **fields) -> str:
    return who.hub_token(**fields).ok()["aliyun_new_im"]["auth"]["role"]


def test_T07_role(teacher, student, root, server, c):
    assistant = person(server)
    teacher.permit(c).ok()
    student.join(c).ok()
    assistant.assist(c).ok()
    assert [role(p, role="admin") for p in (teacher, assistant, root, student)] == ["admin", "admin", "admin", "user"]
    assert [role(p) for p in (teacher, assistant, root, student)] == ["user"] * 4
    assert role(teacher, role="teacher") == "user"
    teacher.drop_permit(c).ok()
    assert role(assistant, role="admin") == "user"


def test_T08_role_after_the_last_class_ended(teacher, c):
    second = teacher.klass()["id"]
    teacher.stop(c).ok()
    assert role(teacher, role="admin") == "admin"
    teacher.stop(second).ok()
    assert role(teacher, role="admin") == "user"
    teacher.start(second).ok()
    assert role(teacher, role="admin") == "admin"


def test_T09_for_somebody_else(teacher, student):
    for version in ("", "v2/"):
        teacher.hub_token(version, user_id=student.name).denied()


def test_T11_tokens_are_for_their_user(teacher):
    data = teacher.hub_token("", im_server=["aliyun", "aliyun_new"]).ok()
    for token in (data["access_token"], data["aliyun_new_im"]["app_token"], data["hub"]["token"]):
        claims = tokens.claims_of(token)
        assert "aud" in claims and claims["exp"] > time.time()
        assert not tokens.verifies(token, tokens.KEY), "signed with the key of login tokens"


def test_T11_refresh_tokens_rotate(server, teacher):
    data = teacher.hub_token("", im_server=["aliyun"]).ok()
    answer = refresh(server.http, data["refresh_token"])
    said = claims(answer)
    assert abs(said["exp"] - time.time() - 7200) <= 3 and said["sub"] == teacher.name
    assert {k: said["meta"][k] for k in ("role", "face", "dev", "dt")} == {"role": "user", "face": "class", "dev": "d1", "dt": "web"}
    second = answer["refresh_token"]
    assert second != data["refresh_token"] and len(tokens.unb64(second)) == 32
    third = refresh(server.http, second)["refresh_token"]
    # The first one again: everything that came of it is over, and nothing else.
    untouched = teacher.hub_token("", im_server=["aliyun"]).ok()["refresh_token"]
    for spent in (data["refresh_token"], second, third):
        assert refresh(server.http, spent).status == 401
    assert refresh(server.http, untouched).status == 200


def test_T11_refresh_tokens_are_bound_to_their_device(server, teacher):
    token = teacher.hub_token(im_server=["aliyun_old"]).ok()["aliyun_old_im"]["refresh_token"]
    assert refresh(server.http, token, "d2").status == 401
    assert refresh(server.http, token).status == 200


def test_T11_of_many_exchanges_one_wins(server, teacher):
    token = teacher.hub_token("", im_server=["aliyun"]).ok()["refresh_token"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refresh(server.http, token), range(8)))
    won = [a for a in answers if a.status == 200]
    assert len(won) == 1 and {a.status for a in answers} == {200, 401}
    assert refresh(server.http, won[0]["refresh_token"]).status == 401, "a thief was among them"


def test_T11_refresh_tokens_outlive_a_restart(own_server):
    server = own_server()
    teacher = person(server)
    spent = teacher.hub_token("", im_server=["aliyun"]).ok()["refresh_token"]
    token = refresh(server.http, spent)["refresh_token"]
    address = teacher.do("getLiveJumpUrl", {"user_id": teacher.name, "live_id": teacher.klass()["id"]}, {})["live_jump_url"]
    server.kill()
    server.start()
    assert refresh(server.http, token).status == 200
    assert refresh(server.http, spent).status == 401
    fields = query_of(address)
    verified = [post(server.http, OPEN["verifyAuthToken"].path, fields) for _ in range(2)]
    assert [v["success"] for v in verified] == [True, False], "the key and what was used are kept"


@pytest.mark.parametrize("face", ["voice", "class"])
def test_a_login_token_opens_the_hub(server, teacher, face):
    said = claims(exchange(server.http, teacher.token, device_id="d7", device_type="web", face=face))
    assert abs(said["exp"] - time.time() - 600) <= 3 and said["sub"] == teacher.name
    assert (said["meta"]["face"], said["meta"]["dev"], said["meta"]["role"]) == (face, "d7", "user")
    assert exchange(server.http, teacher.token[:-4] + "AAAA").status == 401
    assert exchange(server.http).status == 401
    assert exchange(server.http, teacher.token, face="talk").status == 400


async def test_T11_all_forms_connect_and_altered_ones_do_not(server, teacher):
    data = teacher.hub_token("", im_server=["aliyun", "aliyun_new"]).ok()
    renewed = refresh(server.http, data["refresh_token"])["token"]
    opened = exchange(server.http, teacher.token, face="class")["token"]
    for token in (data["access_token"], data["aliyun_new_im"]["app_token"], data["hub"]["token"], renewed, opened):
        async with Member(server.port, token) as member:
            hello = await member.call("session.hello")
            assert (hello["user"], hello["role"]) == (teacher.name, "user")
        head, payload, signature = token.split(".")
        altered = Member(server.port, f"{head}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}")
        with pytest.raises(ConnectionError):
            await altered.connect()
        assert altered.closed == 3500
        await altered.close()


async def test_T11_a_connection_renews_itself(server, teacher):
    data = teacher.hub_token("", im_server=["aliyun"]).ok()
    async with Member(server.port, data["access_token"]) as member:
        assert await member.refused("session.refresh", refresh_token=data["refresh_token"], device_id="d2") == (1403, "not allowed")
        got = await member.call("session.refresh", refresh_token=data["refresh_token"], device_id="d1")
        assert set(got) == {"token", "expires_at", "refresh_token"} and abs(got["expires_at"] - time.time() - 7200) <= 3
        assert await member.refused("session.refresh", refresh_token=data["refresh_token"], device_id="d1") == (1403, "not allowed")
        assert await member.refused("session.refresh", device_id="d1") == (1400, "bad request")
        answer = await member.command("refresh", {"token": got["token"]})
        assert answer["client"] == member.client and abs(answer["ttl"] - 7200) <= 3
    assert refresh(server.http, got["refresh_token"]).status == 401, "the family is gone"
