"""A bare HTTP client that checks, on every answer, what holds for all of them (acceptance case G20)."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
STATUSES = {200, 400, 401, 403, 404, 405, 413, 429, 500, 503}
API = "/api/chatroom/"

# How many answers were checked in this process; printed at the end.
checked = 0


@dataclass
class Answer:
    """One answer. `body` is the parsed object, `raw` its bytes."""

    status: int
    headers: list[tuple[str, str]]
    raw: bytes
    body: Any = None

    @property
    def code(self) -> int:
        return self.body["code"]

    def header(self, name: str) -> str | None:
        """The header's value; None when it is absent. Twice is a fault."""
        found = self.all(name)
        assert len(found) < 2, f"{name} twice: {found}"
        return found[0] if found else None

    def all(self, name: str) -> list[str]:
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    def __contains__(self, name: str) -> bool:
        return name in self.body

    def ok(self) -> Answer:
        """Asserts HTTP 200 and code 200."""
        return self.expect(200, 200)

    def expect(self, status: int, code: int) -> Answer:
        assert (self.status, self.body.get("code")) == (status, code), f"expected HTTP {status} code {code}, got {self}"
        return self

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.raw[:2000].decode(errors='replace')}"


def no_null(value: Any, path: str = "") -> None:
    """Fails on a JSON null at any depth; Android reads it as the word `null`."""
    assert value is not None, f"null at {path or 'the top'}"
    if isinstance(value, dict):
        for k, v in value.items():
            no_null(v, f"{path}.{k}")
    elif isinstance(value, list):
        for i, v in enumerate(value):
            no_null(v, f"{path}[{i}]")


SEAT_KEYS = {
    "never": {"index", "joined", "user_id"},
    "again": {"index", "joined", "user_id", "extends"},
    "taken": {"index", "joined", "user_id", "extends", "join_time"},
}


def check_members(members: list[dict]) -> None:
    """Eight seats as in 4.0."""
    assert [m["index"] for m in members] == list(range(1, 9)), members
    holders = [m["user_id"] for m in members if m["joined"]]
    assert len(holders) == len(set(holders)), f"one user on two seats: {members}"
    for m in members:
        assert type(m["index"]) is int and type(m["joined"]) is bool and type(m["user_id"]) is str
        if m["joined"]:
            assert set(m) == SEAT_KEYS["taken"], m
            assert m["user_id"] and type(m["join_time"]) is int and type(m["extends"]) is str
        else:
            assert m["user_id"] == "" and set(m) in (SEAT_KEYS["never"], SEAT_KEYS["again"]), m
            assert m.get("extends", "") == ""


ROOM_KEYS = {
    "id", "chat_id", "title", "notice", "extends", "cover_url", "anchor_id", "anchor_nick", "status", "show_code",
    "meetingInfo", "metrics", "created_at", "updated_at", "started_at",
}


def check_room(room: dict) -> None:
    """A room object as in 4.0."""
    known = ROOM_KEYS | ({"stopped_at"} if room["status"] == 2 else set())
    assert ROOM_KEYS <= set(room), f"lacks {ROOM_KEYS - set(room)}"
    assert set(room) - {"code"} == known, f"too much: {set(room) - known}"
    assert re.fullmatch(r"[0-9a-f]{32}", room["id"]) and room["chat_id"] == room["id"]
    assert room["status"] in (1, 2)
    for name in ("title", "notice", "extends", "cover_url", "anchor_id", "anchor_nick", "meetingInfo"):
        assert type(room[name]) is str, name
    assert type(room["show_code"]) is int and 10_000_000 <= room["show_code"] <= 99_999_999
    assert set(room["metrics"]) == {"online_count"} and type(room["metrics"]["online_count"]) is int
    for name in known:
        if name.endswith("_at"):
            assert INSTANT.fullmatch(room[name]), f"{name}: {room[name]}"
    info = json.loads(room["meetingInfo"])
    assert set(info) == {"members"}
    no_null(info)
    check_members(info["members"])
    assert room["meetingInfo"] == json.dumps(info, separators=(",", ":"), sort_keys=True, ensure_ascii=False), "not compact or names not in order"


def check_head(answer: Answer, cors: str | None) -> None:
    """What the headers of every answer of a REST dialect say. `cors` is the expected allowed origin, None = no CORS headers."""
    status = answer.status
    assert answer.header("content-type") == "application/json; charset=utf-8", answer.headers
    assert answer.header("cache-control") == "no-store", answer.headers
    assert answer.header("x-content-type-options") == "nosniff", answer.headers
    assert REQUEST_ID.fullmatch(answer.header("x-request-id") or ""), answer.headers
    assert answer.header("access-control-allow-origin") == cors, answer.headers
    if cors is not None:
        exposed = answer.header("access-control-expose-headers") or ""
        assert {h.strip().lower() for h in exposed.split(",")} == {"x-request-id", "retry-after"}, answer.headers
    assert answer.header("access-control-allow-credentials") is None
    if status == 401:
        assert answer.header("www-authenticate") == "Bearer", answer.headers
    if status in (429, 503):
        assert int(answer.header("retry-after")) >= 1
    if status == 405:
        assert {m.strip() for m in answer.header("allow").split(",")} == {"POST", "OPTIONS"}


def check_answer(status: int, headers: Iterable[tuple[str, str]], raw: bytes, *, cors: str | None = "*") -> Answer:
    """What holds for every answer of the voice-room dialect. `cors` as in `check_head`."""
    global checked
    answer = Answer(status, list(headers), raw)
    assert status in STATUSES, f"unknown status: {answer}"
    check_head(answer, cors)

    body = json.loads(raw.decode("utf-8"))
    assert isinstance(body, dict), answer
    no_null(body)
    assert type(body.get("code")) is int, f"code is not a number: {answer}"
    assert body["code"] in STATUSES, answer
    if status != 200:
        assert body["code"] == status, answer
    if body["code"] != 200:
        assert body.get("message"), f"no message: {answer}"
    if body["code"] == 400 and "msg" in body:
        assert body["msg"] == body["message"]
    if "members" in body and body["members"]:
        check_members(body["members"])
    if "meetingInfo" in body:
        check_room(body)
    for room in body.get("rooms", ()):
        check_room(room)
    answer.body = body
    checked += 1
    return answer


class Http:
    """Requests to one server, a new connection each."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    def raw(self, method: str, path: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes | None = None, timeout: float = 30) -> Answer:
        """Sends exactly these headers (plus Host and Content-Length); checks nothing."""
        conn = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            conn.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                conn.putheader(name, value.encode() if isinstance(value, str) else value)
            if body is not None:
                conn.putheader("Content-Length", str(len(body)))
            conn.putheader("Connection", "close")
            conn.endheaders()
            if body is not None:
                try:
                    conn.send(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the server may answer 401 or 413 without reading the body
            reply = conn.getresponse()
            return Answer(reply.status, reply.getheaders(), reply.read())
        finally:
            conn.close()

    def request(self, method: str, path: str, *, token: str | None = None, headers: Iterable[tuple[str, str]] = (), body: bytes | None = None, cors: str | None = "*") -> Answer:
        """As `raw`, then every check that holds for all answers."""
        sent = list(headers)
        if token is not None:
            sent.append(("Authorization", f"Bearer {token}"))
        got = self.raw(method, path, headers=sent, body=body)
        return check_answer(got.status, got.headers, got.raw, cors=cors)

    def post(self, path: str, body: Any = None, **kw: Any) -> Answer:
        """POST of a JSON value (or of bytes as they are)."""
        data = body if isinstance(body, bytes) else (b"" if body is None else json.dumps(body, ensure_ascii=False).encode())
        headers = [("Content-Type", "application/json"), *kw.pop("headers", ())]
        return self.request("POST", path, body=data, headers=headers, **kw)

    def login(self, name: str, password: str | None = None, **kw: Any) -> Answer:
        return self.post("/login", {"username": name, "password": name if password is None else password}, **kw)


class User:
    """A caller with a token."""

    def __init__(self, http: Http, name: str, token: str) -> None:
        self.http, self.name, self.token = http, name, token

    def call(self, endpoint: str, body: Any = None, **kw: Any) -> Answer:
        """One call of the voice-room API; `body` is sent as it is."""
        return self.http.post(API + endpoint, body, token=self.token, **kw)

    # The calls of the API with the fields a well-behaved client sends; extra fields replace them.
    def create(self, title: str = "a room", **fields: Any) -> Answer:
        return self.call("create", {"title": title, "anchor": self.name} | fields)

    def room(self, **fields: Any) -> str:
        """Makes a room, answers its id."""
        return self.create(**fields).ok()["id"]

    def list(self, **fields: Any) -> Answer:
        return self.call("list", fields)

    def get(self, room: str, **fields: Any) -> Answer:
        return self.call("get", {"id": room} | fields)

    def join(self, room: str, **fields: Any) -> Answer:
        return self.call("joinMic", {"id": room, "user_id": self.name} | fields)

    def leave(self, room: str, index: Any = 1, **fields: Any) -> Answer:
        return self.call("leaveMic", {"id": room, "user_id": self.name, "index": index} | fields)

    def info(self, room: str, **fields: Any) -> Answer:
        return self.call("getMeetingInfo", {"id": room} | fields)

    def dismiss(self, room: str, **fields: Any) -> Answer:
        return self.call("dismiss", {"id": room, "user_id": self.name} | fields)

    def update(self, room: str, **fields: Any) -> Answer:
        return self.call("update", {"id": room} | fields)

    def rtc(self, room: str, **fields: Any) -> Answer:
        return self.call("getRtcAuthToken", {"room_id": room, "user_id": self.name} | fields)

    def im(self, **fields: Any) -> Answer:
        return self.call("token", {"user_id": self.name} | fields)

    def seats(self, room: str) -> dict[int, str]:
        """Taken seats: index → holder."""
        return {m["index"]: m["user_id"] for m in self.info(room).ok()["members"] if m["joined"]}


def seat_of(members: list[dict], user: str) -> int:
    """The seat of this user in a member list, 0 = none."""
    return next((m["index"] for m in members if m["user_id"] == user), 0)
