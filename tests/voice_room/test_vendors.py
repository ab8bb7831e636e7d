"""Rows R7, R8 and section 6.3 of voice-room.md with the vendor's cloud played by the test (`tests/stoa/vendors.py`), on SQLite; what is
kept over a restart on both databases."""

from __future__ import annotations

import json
import re
import time

import pytest

from stoa.server import ADMIN
from stoa.vendor_fixtures import checked, cloud, refused_at_start, start  # noqa: F401
from stoa.vendors import API, FAILURES, HANG, IM_ID, IM_SIGN, NEW_IM, RTC, RTC_ID, SLACK, WRITE_LIMIT, Cloud, im_token, look_within, rtc_token
from stoa.wait import until_sync

IM = NEW_IM | {"voice.provider.im": "aliyun"}
MEDIA = RTC | {"voice.provider.media": "aliyun"}
CREATE, COUNT = "CreateLiveMessageGroup", "DescribeChannelParticipants"
DAY = 86_400
# A list waits for nobody; a busy machine may.
AT_ONCE = 1.5


def ids(user) -> list[str]:
    return [r["id"] for r in user.list(page_size=100).ok()["rooms"]]


def online(user, room: str) -> int:
    return next(r["metrics"]["online_count"] for r in user.list(page_size=100).ok()["rooms"] if r["id"] == room)


# -- configuration ---------------------------------------------------------------------------------

@pytest.mark.parametrize("part,keys", [("im", sorted(NEW_IM)), ("media", sorted(RTC))])
def test_R7_a_part_without_credentials_is_refused(tmp_path, part, keys):
    chosen = {f"voice.provider.{part}": "aliyun"}
    said, check = refused_at_start(chosen), checked(chosen, tmp_path)
    assert check.returncode != 0
    for key in keys:
        assert key in said and key in check.stdout + check.stderr, key


@pytest.mark.parametrize("lacks", sorted(NEW_IM | RTC))
def test_R7_one_missing_key_is_the_one_that_is_named(tmp_path, lacks):
    settings = {**IM, **MEDIA}
    del settings[lacks]
    check = checked(settings, tmp_path)
    said = check.stdout + check.stderr
    assert check.returncode != 0 and lacks in said, said
    assert not [k for k in NEW_IM | RTC if k != lacks and re.search(rf"{re.escape(k)}\b", said)], said


def test_R7_with_credentials_the_check_passes(tmp_path):
    check = checked(IM | MEDIA, tmp_path)
    assert check.returncode == 0, check.stderr
    assert not [v for k, v in (IM | MEDIA).items() if k.endswith("key") and v in check.stdout + check.stderr]


@pytest.mark.parametrize("address", ["http://vendor.example.com", "ftp://127.0.0.1", "vendor", "https://user:pw@vendor.example.com", "https://vendor.example.com/?a=b", ""])
def test_R7_a_bad_address_is_refused(tmp_path, address):
    settings = IM | API | {"aliyun.host": address}
    check = checked(settings, tmp_path)
    assert check.returncode != 0 and "aliyun.host" in check.stdout + check.stderr
    assert "aliyun.host" in refused_at_start(settings)
    assert "pw@" not in check.stdout + check.stderr


# -- tokens ----------------------------------------------------------------------------------------

def check_vendor_im(user, **asked) -> None:
    answer = user.im(**asked).ok()
    im, now = answer["aliyun_im"], time.time()
    assert (im["app_id"], im["app_sign"]) == (im["appid"], im["appsign"]) == (IM_ID, IM_SIGN)
    auth = im["auth"]
    assert im["app_token"] == im["apptoken"] == im_token(user.name, auth)
    assert auth["user_id"] == auth["userid"] == user.name and abs(auth["timestamp"] - now - 2 * DAY) < 5
    assert re.fullmatch(r"AK-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", auth["nonce"])
    assert auth["role"] == asked.get("role", "")
    assert im["im_provider"] == answer["im_provider"] == "aliyun"
    assert not {"hub", "im_url"} & (set(answer.body) | set(im))


def check_vendor_media(user, room: str) -> None:
    media = user.rtc(room).ok()
    assert media["auth_token"] == media["authToken"] == rtc_token(room, user.name, media["timestamp"])
    assert abs(media["timestamp"] - time.time() - DAY) < 5
    assert (media["rtc_provider"], media["rtc_app_id"], media["rtc_room"], media["rtc_identity"]) == ("aliyun", RTC_ID, room, user.name)
    assert "rtc_url" not in media


def check_own_media(user, room: str, port: int) -> None:
    media = user.rtc(room).ok()
    assert (media["rtc_provider"], media["rtc_url"]) == ("embedded", f"ws://127.0.0.1:{port}") and "rtc_app_id" not in media


def check_own_im(user, port: int) -> None:
    answer = user.im().ok()
    assert answer["im_provider"] == "embedded" and answer["hub"]["url"] == answer["im_url"] == f"ws://127.0.0.1:{port}/connection/websocket"


def test_R7_messages_outside_media_inside(start, cloud):
    server = start(IM, API)
    owner, guest = server.user(), server.user("客人 &x=1")
    room = owner.room()
    for user in (owner, guest):
        check_vendor_im(user, role="admin")
        check_own_media(user, room, server.port)
    assert cloud.count(CREATE) == 1 and cloud.count(COUNT) == 0
    guest.join(room).ok()
    guest.leave(room, 1).ok()
    assert owner.get(room).ok()["metrics"]["online_count"] == 0 and cloud.count(COUNT) == 0, "our own engine counts"
    assert owner.dismiss(room).ok()["success"] is True


def test_R7_media_outside_messages_inside(start, cloud):
    server = start(MEDIA, API)
    owner, guest = server.user(), server.user("客人 &x=1")
    room = owner.room()
    for user in (owner, guest):
        check_own_im(user, server.port)
        check_vendor_media(user, room)
    assert cloud.count(CREATE) == 0, "its groups are ours"
    guest.join(room).ok()
    assert owner.seats(room)[1] == guest.name
    assert owner.dismiss(room).ok()["success"] is True


def test_R7_both_outside(start, cloud):
    server = start(IM, MEDIA, API)
    user = server.user()
    room = user.room()
    check_vendor_im(user, role="admin")
    check_vendor_im(user)
    check_vendor_media(user, room)
    assert [c.fields for c in cloud.of(CREATE)] == [{"AppId": IM_ID, "GroupId": room, "CreatorId": user.name}]


def test_R8_strict_and_as_requested_with_the_cloud(start, cloud):
    server = start(IM, API, {"voice.aliyun_role": "strict"})
    assert server.user().im(role="admin").ok()["aliyun_im"]["auth"]["role"] == ""
    admin = server.user(ADMIN)
    check_vendor_im(admin, role="admin")
    assert cloud.calls == [], "tokens are made here"


# -- create ----------------------------------------------------------------------------------------

def test_create_makes_one_group_of_the_room(start, cloud):
    server = start(IM, API)
    owner, admin = server.user("房主 &x='1'"), server.admin()
    room = owner.create(title="题目").ok()["id"]
    for_owner = admin.create(anchor=owner.name).ok()["id"]
    assert [c.fields for c in cloud.of(CREATE)] == [{"AppId": IM_ID, "GroupId": g, "CreatorId": owner.name} for g in (room, for_owner)]
    assert ids(owner) == [for_owner, room]


def test_create_that_is_refused_calls_nobody(start, cloud):
    server = start(IM, API)
    owner, other = server.user(), server.user()
    other.create(anchor=owner.name).expect(200, 403)
    owner.create(title=" ").expect(200, 400)
    assert cloud.calls == []


def test_create_over_the_limit_calls_nobody(start, cloud):
    """A group that was made cannot be taken back."""
    server = start(IM, API, {"voice.max_live_rooms_per_owner": 1})
    owner, other = server.user(), server.user()
    first = owner.create().ok()["id"]
    owner.create().expect(200, 403)
    assert [c.fields["GroupId"] for c in cloud.of(CREATE)] == [first]
    other.create().ok()
    owner.dismiss(first).ok()
    again = owner.create().ok()["id"]
    assert [c.fields["GroupId"] for c in cloud.of(CREATE)][2:] == [again]


@pytest.mark.parametrize("how", FAILURES)
def test_create_fails_with_the_vendor_and_stores_nothing(start, cloud, how):
    server = start(IM, API)
    owner = server.user()
    before = owner.room()
    cloud.answer(how, CREATE)
    failed = look_within(WRITE_LIMIT + SLACK, owner.create, how).expect(200, 500)
    assert failed["message"] == "internal error", failed
    assert ids(owner) == [before]
    for group in {c.fields["GroupId"] for c in cloud.of(CREATE)} - {before}:
        owner.get(group).expect(200, 404)
    cloud.answer("ok", CREATE)
    after = owner.room()
    assert set(ids(owner)) == {before, after}, "one failure blocks nobody"


@pytest.mark.parametrize("body", [
    {"RequestId": "R"}, {"RequestId": "R", "GroupId": "another"}, {"RequestId": "R", "GroupId": 7}, [], "text", 1,
    {"RequestId": "R", "GroupId": "another", "AlreadyDelete": True},
])
def test_create_with_an_undocumented_answer_stores_nothing(start, cloud, body):
    server = start(IM, API)
    owner = server.user()
    cloud.instead[CREATE] = (200, body)
    owner.create().expect(200, 500)
    assert ids(owner) == []


@pytest.mark.parametrize("status,body,tries", [
    (302, {}, 1), (404, {}, 1), (200, {"GroupId": "x" * 1_000_000}, 1), (400, {"Code": 7}, 1), (429, {"Code": "Throttling", "Message": "later"}, 2),
    (400, {"Code": "Throttling.User", "Message": "later"}, 2), (503, {"Code": "ServiceUnavailable", "Message": "later"}, 2), (403, {"Code": "InvalidAccessKeyId.NotFound", "Message": "no"}, 1),
])
def test_create_with_an_odd_status_stores_nothing(start, cloud, status, body, tries):
    server = start(IM, API)
    owner = server.user()
    cloud.instead[CREATE] = (status, body)
    look_within(WRITE_LIMIT + SLACK, owner.create, str(status)).expect(200, 500)
    assert ids(owner) == [] and cloud.count(CREATE) == tries, "only what may help is tried again"


def test_create_while_nobody_is_there_to_answer(start):
    with Cloud() as gone:
        hosts = gone.hosts
    server = start(IM, API, hosts)
    owner = server.user()
    look_within(WRITE_LIMIT + SLACK, owner.create, "a closed port").expect(200, 500)
    assert ids(owner) == []


def test_without_access_keys_nobody_is_called(start, cloud):
    server = start(IM, MEDIA)
    owner = server.user()
    room = owner.room()
    assert online(owner, room) == 0
    check_vendor_im(owner)
    check_vendor_media(owner, room)
    owner.dismiss(room).ok()
    assert cloud.calls == []


# -- how many are there ----------------------------------------------------------------------------

def test_online_count_is_what_the_vendor_counts(start, cloud):
    server = start(MEDIA, API)
    owner = server.user()
    cloud.participants = 7
    room = owner.create().ok()
    assert room["metrics"]["online_count"] == 0, "unknown is 0, and nobody waits"
    room = room["id"]
    until_sync(lambda: online(owner, room) == 7, 5, "the vendor's number")
    assert owner.get(room).ok()["metrics"]["online_count"] == 7
    for _ in range(20):
        owner.list().ok()
    assert [c.fields for c in cloud.of(COUNT)] == [{"AppId": RTC_ID, "ChannelId": room}], "once in 10 s"
    cloud.participants = 9
    until_sync(lambda: online(owner, room) == 9, 20, "the new number")
    first, second = (c.at for c in cloud.of(COUNT))
    assert second - first > 9
    owner.dismiss(room).ok()
    assert owner.get(room).ok()["metrics"]["online_count"] == 0


@pytest.mark.parametrize("how", FAILURES)
def test_lists_never_wait_for_the_count(start, cloud, how):
    server = start(MEDIA, API)
    owner = server.user()
    cloud.participants = 3
    room = owner.room()
    until_sync(lambda: online(owner, room) == 3, 5, "the vendor's number")
    cloud.answer(how, COUNT)
    more = [owner.room() for _ in range(12)]
    for _ in range(3):
        rooms = look_within(AT_ONCE, lambda: owner.list(page_size=100), f"a list with a vendor that answers {how}").ok()["rooms"]
        assert {r["id"]: r["metrics"]["online_count"] for r in rooms} == {room: 3} | dict.fromkeys(more, 0)
    look_within(AT_ONCE, lambda: owner.get(more[0]), "a get").ok()


# -- the rest, while the vendor is down --------------------------------------------------------------

@pytest.mark.parametrize("how", FAILURES)
def test_a_room_lives_and_ends_while_the_vendor_is_down(start, cloud, how):
    server = start(IM, MEDIA, API)
    owner, guest = server.user(), server.user()
    room = owner.room()
    cloud.answer(how)
    quick = lambda work: look_within(AT_ONCE, work, how).ok()
    seat = quick(lambda: guest.join(room))["members"][0]
    assert seat["user_id"] == guest.name
    check_vendor_im(guest, role="user")
    check_vendor_media(guest, room)
    quick(lambda: guest.leave(room, 1))
    quick(lambda: owner.update(room, title="still here"))
    assert quick(lambda: owner.dismiss(room))["success"] is True
    assert ids(owner) == [] and quick(lambda: owner.get(room))["status"] == 2
    assert [c.what for c in cloud.calls if c.what not in (COUNT,)] == [CREATE], "nothing but the group"


@pytest.mark.parametrize("store_kind", ["sqlite", "postgres"])
def test_rooms_stay_over_a_restart_and_failed_ones_do_not_come_up(start, cloud, store_kind):
    server = start(IM, MEDIA, API, store=store_kind)
    owner, guest = server.user(), server.user()
    kept, ended = owner.room(), owner.room()
    guest.join(kept, index=4).ok()
    cloud.answer("refuse", CREATE)
    owner.create().expect(200, 500)
    owner.dismiss(ended).ok()
    server.restart()
    owner, guest = server.user(owner.name), server.user(guest.name)
    assert ids(owner) == [kept] and guest.name in owner.seats(kept).values()
    check_vendor_media(guest, kept)
    assert owner.dismiss(kept).ok()["success"] is True and ids(owner) == []


def test_readyz_and_metrics_show_the_parts(start, cloud):
    server = start(IM, MEDIA, API)
    owner = server.user()
    owner.room()
    cloud.answer(HANG, CREATE)
    owner.create().expect(200, 500)
    ready = server.http.raw("GET", "/readyz")
    clouds = json.loads(ready.raw)["clouds"]
    assert ready.status == 200 and set(clouds) == {"aliyun_messages", "aliyun_media", "aliyun_recordings"}
    hurt = clouds["aliyun_messages"]
    assert hurt["breaker"] == "closed" and hurt["last_error"]["kind"] == "timeout" and abs(hurt["last_error"]["at"] - time.time()) < 30
    assert "last_error" not in clouds["aliyun_recordings"]
    metrics = server.http.raw("GET", "/metrics").raw.decode()
    assert 'stoa_cloud_calls_total{part="aliyun_messages",outcome="ok"} 1' in metrics
    assert 'stoa_cloud_calls_total{part="aliyun_messages",outcome="unavailable"} 1' in metrics
    assert 'stoa_cloud_breaker_open{part="aliyun_messages"} 0' in metrics
