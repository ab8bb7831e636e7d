"""9.10: the request sequences of both official apps, as their sources show them, against a fresh server in demo mode.

Every answer goes through a copy of the apps' reading rules: what Android cannot read (a null, an empty credential, a missing list) or what iOS
takes for something else (any `members` is a success) fails here. The message steps wait for the hub.
"""

from __future__ import annotations

import json

import pytest

from stoa.http import API


class App:
    """What both apps share: one account, one token, and a reader."""

    headers: list[tuple[str, str]] = []

    def __init__(self, server, name: str) -> None:
        self.http, self.name, self.token = server.http, name, None

    def post(self, path: str, body: dict, *, authorization: str | None = None):
        headers = [*self.headers, ("Authorization", authorization if authorization is not None else f"Bearer {self.token}")]
        answer = self.http.request("POST", path, headers=headers, body=json.dumps(body, ensure_ascii=False).encode())
        for text in strings(answer.body):
            assert text != "null"
        return answer

    def credentials(self, answer) -> None:
        """The bundle for the message library: nothing may be empty, or Android crashes."""
        im = answer.ok()["aliyun_im"]
        for name in ("app_id", "app_sign", "app_token"):
            assert isinstance(im[name], str) and im[name]
        auth = im["auth"]
        assert all(isinstance(auth[k], str) and auth[k] for k in ("user_id", "nonce", "role"))
        assert isinstance(auth["timestamp"], int) and auth["timestamp"] > 0


def strings(value):
    if isinstance(value, dict):
        for v in value.values():
            yield from strings(v)
    elif isinstance(value, list):
        for v in value:
            yield from strings(v)
    elif isinstance(value, str):
        yield value


class Android(App):
    headers = [("Content-Type", "application/json; charset=utf-8"), ("Accept-Encoding", "gzip"), ("User-Agent", "okhttp/4.9.0")]

    def sign_in(self) -> None:
        # No token yet; host and path are joined by plain concatenation, so there are two slashes.
        answer = self.http.request("POST", "//login", headers=self.headers, body=json.dumps({"username": self.name, "password": self.name}).encode())
        assert answer.ok()["token"] and answer["expire"]
        self.token = answer["token"]
        self.credentials(self.post("//api/chatroom/token", {
            "user_id": self.name, "device_id": "a1b2c3", "device_type": "android", "im_server": ["aliyun_new"], "role": "admin",
        }))

    def list(self) -> list:
        rooms = self.post("//api/chatroom/list", {"user_id": "admin", "page_num": 1, "page_size": 20}).ok()["rooms"]
        for room in rooms:
            self.read_room(room)
        return rooms

    def read_room(self, room: dict) -> dict:
        """One bad `extends` fails the whole list there."""
        for name in ("id", "title", "anchor_id", "anchor_nick", "meetingInfo"):
            assert isinstance(room[name], str)
        assert isinstance(room["show_code"], int) and isinstance(room["status"], int) and isinstance(room["metrics"]["online_count"], int)
        if room["extends"]:
            avatar = json.loads(room["extends"]).get("anchor_avatar", "")
            assert isinstance(avatar, str)
        self.read_members(json.loads(room["meetingInfo"]))
        return room

    @staticmethod
    def read_members(holder: dict) -> dict[int, str]:
        taken = {}
        for m in holder["members"]:  # missing = a crash
            assert isinstance(m["index"], int) and isinstance(m["joined"], bool)
            if m.get("extends"):
                extends = json.loads(m["extends"])
                assert isinstance(extends.get("user_nick", ""), str) and isinstance(extends.get("user_avatar", ""), str)
            if m["joined"]:
                taken[m["index"]] = m["user_id"]
        return taken

    def create(self) -> dict:
        return self.read_room(self.post("//api/chatroom/create", {
            "title": "安卓的房间", "anchor": self.name, "anchor_nick": self.name, "extends": '{"anchor_avatar":"https:\\/\\/img.example.org\\/a.png"}', "notice": "",
        }).ok().body)

    def enter(self, room: str) -> dict[int, str]:
        rtc = self.post("//api/chatroom/getRtcAuthToken", {"room_id": room, "user_id": self.name})
        assert rtc.status == 200 and rtc["auth_token"] and rtc["timestamp"] > 0  # does not look at `code`
        self.read_room(self.post("//api/chatroom/get", {"id": room, "user_id": self.name}).ok().body)
        info = self.post("//api/chatroom/getMeetingInfo", {"id": room}).ok()
        return self.read_members(info.body)

    def take_seat(self, room: str) -> int:
        answer = self.post("//api/chatroom/joinMic", {
            "id": room, "user_id": self.name, "extends": json.dumps({"user_nick": self.name, "user_avatar": "https://img.example.org/b.png"}),
        }).ok()
        if answer.body.get("reason") == 2:
            return answer["index"]
        if "members" not in answer:
            return -1
        return next(i for i, u in self.read_members(answer.body).items() if u == self.name)

    def leave_seat(self, room: str, index: int) -> None:
        answer = self.post("//api/chatroom/leaveMic", {"id": room, "user_id": self.name, "index": index})
        assert answer.status == 200 and answer.code == 200  # anything else and it stops half-way
        assert self.name not in self.read_members(answer.body).values()

    def dismiss(self, room: str) -> None:
        assert self.post("//api/chatroom/dismiss", {"id": room, "user_id": self.name}).ok()["success"] is True


class Ios(App):
    headers = [("Content-Type", "application/json"), ("Accept", "application/json"), ("Accept-Language", "zh-Hans;q=1")]

    def sign_in(self) -> None:
        answer = self.post("/login", {"username": self.name, "password": self.name}, authorization="Bearer ")
        self.token = answer.ok()["token"]
        # A second sign-in still carries the first token.
        self.token = self.post("/login", {"username": self.name, "password": self.name}).ok()["token"]
        self.credentials(self.post("/api/chatroom/token", {
            "user_id": self.name, "device_id": "E621E1F8-C36C-495A-93FC-0C247A3E6E5F", "device_type": "ios", "role": "admin",
        }))

    def list(self) -> list:
        return [self.read_room(r) for r in self.post("/api/chatroom/list", {"user_id": self.name, "page_num": 1, "page_size": 10}).ok()["rooms"]]

    def read_room(self, room: dict) -> dict:
        assert room["status"] in (1, 2) and room["id"]
        for m in json.loads(room["meetingInfo"])["members"]:
            assert isinstance(m["index"], int)
        return room

    def create(self) -> dict:
        return self.read_room(self.post("/api/chatroom/create", {
            "title": "iOS room", "notice": "", "anchor": self.name, "anchor_nick": self.name, "extends": '{"anchor_avatar":""}',
        }).ok().body)

    def enter(self, room: str) -> dict[int, str]:
        got = self.read_room(self.post("/api/chatroom/get", {"id": room, "user_id": self.name}).ok().body)
        rtc = self.post("/api/chatroom/getRtcAuthToken", {"room_id": room, "user_id": self.name}).ok()
        assert rtc["auth_token"] and rtc["timestamp"] > 0
        return {m["index"]: m["user_id"] for m in json.loads(got["meetingInfo"])["members"] if m["joined"]}

    def meeting_info(self, room: str) -> dict[int, str]:
        answer = self.post("/api/chatroom/getMeetingInfo", {"id": room, "user_id": self.name}).ok()
        return {m["index"]: m["user_id"] for m in answer["members"] if m["joined"]}

    def take_seat(self, room: str) -> int:
        answer = self.post("/api/chatroom/joinMic", {
            "id": room, "user_id": self.name, "index": 0, "extends": '{"user_nick":"%s","user_avatar":""}' % self.name,
        }).ok()
        if "members" not in answer:  # any members is a success
            assert answer["message"]  # shown to the user
            return -1
        return next(m["index"] for m in answer["members"] if m["user_id"] == self.name)

    def leave_seat(self, room: str, index: int) -> None:
        self.post("/api/chatroom/leaveMic", {"id": room, "user_id": self.name, "index": index}).ok()

    def dismiss(self, room: str) -> None:
        assert self.post("/api/chatroom/dismiss", {"id": room, "user_id": self.name}).ok()["success"] is True


@pytest.mark.parametrize("owner_app,guest_app", [(Android, Ios), (Ios, Android), (Android, Android), (Ios, Ios)])
def test_replay_of_the_official_apps(own_server, owner_app, guest_app):
    server = own_server({"auth.mode": "demo"})
    owner, guest = owner_app(server, "主播"), guest_app(server, "guest-1")
    owner.sign_in()
    guest.sign_in()
    assert owner.list() == []
    room = owner.create()["id"]
    assert [r["id"] for r in guest.list()] == [room]
    assert owner.enter(room) == {} == guest.enter(room)

    seat = guest.take_seat(room)
    assert seat == 1
    assert guest.enter(room) == {1: guest.name}, "re-enter while seated sees itself"
    again = guest.take_seat(room)
    assert again == (1 if isinstance(guest, Android) else -1)
    guest.leave_seat(room, seat)
    # Both apps free the seat a second time in some of their ways out; Android may send -1.
    guest.leave_seat(room, -1 if isinstance(guest, Android) else seat)
    assert owner.enter(room) == {}

    assert guest.take_seat(room) == 1
    owner.dismiss(room)
    guest.leave_seat(room, 1)
    assert owner.list() == []
    gone = guest.post(API + "get", {"id": room}).ok()
    assert gone["status"] == 2


def test_replay_full_house_and_refusals(own_server):
    """What the apps read when things do not go well."""
    server = own_server({"auth.mode": "demo"})
    owner = Android(server, "owner")
    owner.sign_in()
    room = owner.create()["id"]
    for i in range(8):
        guest = (Android, Ios)[i % 2](server, f"guest-{i}")
        guest.sign_in()
        assert guest.take_seat(room) == i + 1
    for late in (Android(server, "late-1"), Ios(server, "late-2")):
        late.sign_in()
        assert late.take_seat(room) == -1
        late.leave_seat(room, 3)
        assert 3 in late.enter(room)
    owner.dismiss(room)
    # Android reads `members` and never `code` here; a missing list is a crash.
    for path, body in (("getMeetingInfo", {"id": room}), ("leaveMic", {"id": "0" * 32, "user_id": "owner", "index": 1})):
        answer = owner.post(API + path, body)
        assert answer.status == 200 and answer["members"] == []
    # A refusal of getRtcAuthToken must not be HTTP 200: Android would read a token out of it.
    assert owner.post(API + "getRtcAuthToken", {"room_id": room, "user_id": "owner"}).status == 404
