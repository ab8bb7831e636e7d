"""A client of the classroom dialect. Every answer is checked for what holds for all of them (acceptance case G24)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp

from . import http, tokens
from .class_routes import FLAT, OPEN, RIGHTS, ROUTES
from .http import Answer, Http, User, check_head, no_null
from .server import Server

# `server.time_zone` of a server that was not told otherwise.
ZONE = timezone(timedelta(hours=8))
STAMP = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d")
ID = re.compile(r"[0-9a-f]{32}")
DASHED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UNKNOWN = "0123456789abcdef0123456789abcdef"
STATUSES = {200, 401, 404, 405, 413, 429, 503}
CODES = {"401", "403", "404", "405", "409", "413", "429", "500", "503"}
REASONS = {
    "ClassNotFound", "InBlackList", "ClassNotAssistantPermit", "ClassHasAssistant", "NotInClass", "NotFound", "AlreadyCheckIn", "CheckInEnded",
    "FileType", "ClassFilesFull",
}
FAULT = "服务器异常，请稍后重试"

PREPARING, IN_CLASS, ENDED = 0, 1, 2
STUDENT, ASSISTANT, TEACHER = 1, 2, 3
NORMAL, LEFT, KICKED = 1, 2, 3

# Keys of the test servers: those of the vectors in classroom.md 3.2 and 6.6.
URL_KEY = bytes(range(32))
BOARD_KEY, BOARD_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "wbsecret01"

UNLIMITED = {"per_sec": 0, "burst": 0}
# Seconds, instead of 10, 10, 60 and 15: a member is gone so long after its last connection; a leave waits so long for a page that comes back;
# members have so long to come back after a restart; a lost media connection may resume.
GRACE, LEAVE_GRACE, RESTART_GRACE, RESUME = 3, 2, 4, 1
# How far a waiting test lets the server be late, on a busy machine.
SLACK = 6
SETTINGS: dict[str, Any] = {
    "hub.member_grace": GRACE,
    "class.leave_grace": LEAVE_GRACE,
    "class.restart_grace": RESTART_GRACE,
    "media.resume_window": RESUME,
    "embedded.url_key": base64.b64encode(URL_KEY).decode(),
    "embedded.board.app_key": BOARD_KEY,
    "embedded.board.app_secret": BOARD_SECRET,
    "limits.user": UNLIMITED,
    "limits.media_joins": UNLIMITED,
    "limits.media_signals": UNLIMITED,
    **{f"limits.hub_{what}": UNLIMITED for what in ("signals", "comments", "reads", "commands", "connects", "connects_user")},
    "server.log": "debug",
}

# Everything signed or secret of this run that no log may hold, see `leaks`.
_seen: set[str] = set()

CDN_KEYS = {f"{form}{kind}_url" for form in ("rtmp", "rts", "flv", "hls") for kind in ("", "_oriaac", "_screen", "_screen_oriaac")}
CLASS_KEYS = {
    "id", "title", "notice", "teacher_id", "teacher_nick", "extends", "status", "mode", "created_at", "updated_at", "chat_id", "aliyun_id", "meeting_id",
    "meetingInfo", "meeting_info", "boards", "user_status", "metrics",
}
MORE_CLASS_KEYS = {"started_at", "stopped_at", "link_info", "shadow_link_info", "assistantPermit", "cover_url", "vod_id", "vod_info"}
BOARD_KEYS = {"appKey", "boardId", "boardTitle", "cid", "code", "message", "uid"}


class Reply(Answer):
    """A checked answer."""

    def ok(self) -> Any:  # type: ignore[override]
        """Envelope A: answers `data`, None when there is none."""
        assert (self.status, self.body["success"]) == (200, True), f"expected success, got {self}"
        return self.body.get("data")

    def _error(self, code: str, text: str) -> Reply:
        got = (self.status, self.body.get("errorCode"), self.body.get("errorMsg"))
        assert got == (200, code, text), f"expected {code} {text}, got {self}"
        return self

    def bad(self, *fields: str) -> Reply:
        """Envelope B that names these fields."""
        self._error("401", "参数错误")
        data = self.body["data"]
        assert set(data) == {"code", "msg"} and data["code"] == 401 and data["msg"], self
        for name in fields:
            assert re.search(rf"\b{re.escape(name)}\b", data["msg"]), f"{name} is not named: {self}"
        return self

    def credentials(self) -> Reply:
        """Envelope C."""
        return self._error("401", "incorrect Username or Password")

    def denied(self) -> Reply:
        """Envelope D."""
        return self._error("403", "NotPermit")

    def missing(self, text: str = "未查询到") -> Reply:
        """Envelope E."""
        return self._error("404", text)

    def conflict(self, text: str) -> Reply:
        """Envelope F."""
        return self._error("409", text)

    def refused(self, reason: str) -> Reply:
        """Envelope G."""
        assert self.status == 200 and self.body == {"success": False, "data": {"reason": reason}}, f"expected {reason}, got {self}"
        return self

    def fault(self) -> Reply:
        """Envelope H."""
        return self._error("500", FAULT)

    def unauthorized(self) -> Reply:
        """Envelope I."""
        assert (self.status, self.body.get("errorCode"), self.body.get("errorMsg")) == (401, "401", "Unauthorized"), self
        return self

    def status_is(self, status: int) -> Reply:
        """Envelopes J and K."""
        assert self.status == status, self
        return self

    @property
    def reason(self) -> str | None:
        """Of a refusal (envelope G)."""
        data = self.body.get("data")
        return data.get("reason") if not self.body["success"] and isinstance(data, dict) else None

    @property
    def outcome(self) -> str:
        """In a word: `yes`, `no`, a reason, or the error's code."""
        if self.status != 200:
            return str(self.status)
        if self.body["success"]:
            return "yes"
        code = self.body.get("errorCode")
        return self.reason or ("no" if code == "403" else code)


def check_link(link: dict, outside: bool = False) -> None:
    """`link_info` and `shadow_link_info`; `outside`: of media that may be a vendor's."""
    assert set(link) <= {"rtc_push_url", "rtc_pull_url", "cdn_pull_info", "rtc_url", "rtc_token"}, set(link)
    assert {"rtc_pull_url", "cdn_pull_info"} <= set(link), set(link)
    assert set(link["cdn_pull_info"]) == CDN_KEYS and all(type(v) is str for v in link["cdn_pull_info"].values())
    assert ("rtc_token" in link) == ("rtc_url" in link), set(link)
    assert ("rtc_push_url" in link) == ("rtc_token" in link) or (outside and "rtc_token" not in link), set(link)
    for name, value in [*link.items(), *link["cdn_pull_info"].items()]:
        if name != "cdn_pull_info" and value:
            assert type(value) is str
            _remember(value)


def check_class(one: dict, outside: bool = False) -> None:
    """A class object as in 4.2; `outside`: parts of it may be a vendor's."""
    keys = set(one)
    if outside:
        assert one.get("rong_cloud_id", one["id"]) == one["id"]
        keys -= {"rong_cloud_id"}
    assert CLASS_KEYS <= keys, f"lacks {CLASS_KEYS - keys}"
    assert keys <= CLASS_KEYS | MORE_CLASS_KEYS, f"too much: {keys - CLASS_KEYS - MORE_CLASS_KEYS}"
    assert ID.fullmatch(one["id"]) and one["chat_id"] == one["aliyun_id"] and (outside or one["chat_id"] == one["id"])
    assert DASHED.fullmatch(one["meeting_id"]) and one["meeting_id"].replace("-", "") != one["id"]
    for name in ("title", "notice", "teacher_id", "teacher_nick", "extends"):
        assert type(one[name]) is str, name
    assert one["status"] in (0, 1, 2) and one["mode"] in (0, 1, 2) and type(one["status"]) is int and type(one["mode"]) is int
    for name in keys:
        if name.endswith("_at"):
            assert STAMP.fullmatch(one[name]), f"{name}: {one[name]}"
    assert one["meetingInfo"] == one["meeting_info"]
    info = json.loads(one["meetingInfo"])
    assert type(info["members"]) is list
    no_null(info)
    board = json.loads(one["boards"])
    assert set(board) == BOARD_KEYS and board["boardId"] == one["id"] and board["appKey"], board
    assert (board["code"], board["message"]) == (200, "succeed") and type(board["uid"]) is int and type(board["cid"]) is str
    assert set(one["metrics"]) == {"pv", "uv", "like_count", "online_count"} and all(type(v) is int for v in one["metrics"].values())
    muted = one["user_status"]
    assert set(muted) == {"mute", "mute_source"} and type(muted["mute"]) is bool and muted["mute"] == bool(muted["mute_source"]), muted
    assert set(muted["mute_source"]) <= {"user", "group"}
    if "assistantPermit" in one:
        row = one["assistantPermit"]
        assert set(row) - {"user_avatar"} == {"class_id", "user_id", "user_name", "identity", "status", "join_time"}, row
        assert row["identity"] == ASSISTANT and row["class_id"] == one["id"] and STAMP.fullmatch(row["join_time"])
    assert ("link_info" in one) == ("shadow_link_info" in one)
    for name in ("link_info", "shadow_link_info"):
        if name in one:
            check_link(one[name], outside)


def _remember(value: Any) -> None:
    """Signatures of tokens and URLs; the rest of them is no secret."""
    for sig in re.findall(r"eyJ[\w-]+\.[\w-]+\.([\w-]{20,})|[?&]token=([0-9a-f]{64})|-0-0-([0-9a-f]{64})", str(value)):
        _seen.update(s for s in sig if s)


def check_answer(status: int, headers: Iterable[tuple[str, str]], raw: bytes, *, cors: str | None = "*", flat: bool = False, outside: bool = False) -> Reply:
    """What holds for every answer of the dialect; `flat`: of a route whose success has no `data`. `cors` as in `check_head`, `outside` as in
    `check_class`."""
    reply = Reply(status, list(headers), raw)
    assert status in STATUSES, f"unknown status: {reply}"
    check_head(reply, cors)
    body = json.loads(raw.decode("utf-8"))
    assert type(body) is dict, reply
    no_null(body)
    assert type(body.get("success")) is bool, reply
    reply.body = body
    data = body.get("data")
    if body["success"]:
        assert status == 200 and "errorCode" not in body and "errorMsg" not in body, reply
        assert flat or set(body) <= {"success", "data"}, reply
    elif "errorCode" in body:
        assert type(body["errorCode"]) is str and (body["errorCode"] in CODES or (outside and body["errorCode"].isdigit())), reply
        assert type(body["errorMsg"]) is str and body["errorMsg"], reply
        assert set(body) <= {"success", "errorCode", "errorMsg", "data"}, reply
        assert ("data" in body) == (body["errorMsg"] == "参数错误"), reply
        assert status == 200 or body["errorCode"] == str(status), reply
    else:
        assert status == 200 and set(body) == {"success", "data"} and set(data) == {"reason"} and data["reason"] in REASONS, reply
    for one in data if isinstance(data, list) else [data]:
        if isinstance(one, dict) and "meeting_id" in one:
            check_class(one, outside)
    _remember(raw.decode())
    http.checked += 1
    return reply


def request(at: Http, method: str, path: str, *, token: str | None = None, headers: Iterable[tuple[str, str]] = (), body: bytes | None = None, cors: str | None = "*", outside: bool = False) -> Reply:
    """One request with every check."""
    sent = list(headers)
    if token is not None:
        sent.append(("Authorization", f"Bearer {token}"))
    got = at.raw(method, path, headers=sent, body=body)
    return check_answer(got.status, got.headers, got.raw, cors=cors, flat=path.rsplit("/", 1)[-1] in FLAT, outside=outside)


def post(at: Http, path: str, body: Any = None, **kw: Any) -> Reply:
    """POST of a JSON value, or of bytes as they are."""
    data = body if isinstance(body, bytes) else (b"" if body is None else json.dumps(body, ensure_ascii=False).encode())
    headers = [("Content-Type", "application/json"), *kw.pop("headers", ())]
    return request(at, "POST", path, body=data, headers=headers, **kw)


def login(at: Http, name: Any, password: Any = ..., **kw: Any) -> Reply:
    """The dialect's own login; the password is the name unless given."""
    return post(at, OPEN["login"].path, {"username": name, "password": name if password is ... else password}, **kw)


def without(fields: dict) -> dict:
    """Fields given as `...` are left out."""
    return {k: v for k, v in fields.items() if v is not ...}


class Person(User):
    """A caller of the dialect. Named calls send what a well-behaved client sends; extra fields add or replace, `...` leaves one out."""

    def call(self, route: str, body: Any = None, **kw: Any) -> Reply:  # type: ignore[override]
        """One call; `body` is sent as it is."""
        return post(self.http, ROUTES[route].path, body, token=self.token, **kw)

    def do(self, route: str, body: dict, fields: dict) -> Reply:
        return self.call(route, without(body | fields))

    # -- classes --------------------------------------------------------------------------------

    def create(self, title: Any = "a class", **fields: Any) -> Reply:  # type: ignore[override]
        return self.do("v2/create", {"teacher_id": self.name, "teacher_nick": "Ms Li", "extends": "{}", "mode": 0, "title": title, "im_server": ["aliyun_new"]}, fields)

    def klass(self, **fields: Any) -> dict:
        """Makes a class; answers its object."""
        return self.create(**fields).ok()

    def list(self, **fields: Any) -> Reply:  # type: ignore[override]
        return self.do("list", {"user_id": self.name}, fields)

    def get(self, one: str, **fields: Any) -> Reply:  # type: ignore[override]
        return self.do("get", {"id": one, "user_id": self.name}, fields)

    def update(self, one: str, **fields: Any) -> Reply:  # type: ignore[override]
        return self.do("update", {"id": one, "user_id": self.name}, fields)

    def delete(self, one: str, **fields: Any) -> Reply:
        return self.do("delete", {"id": one, "user_id": self.name}, fields)

    def start(self, one: str, **fields: Any) -> Reply:
        return self.do("start", {"id": one, "user_id": self.name}, fields)

    def stop(self, one: str, **fields: Any) -> Reply:
        return self.do("stop", {"id": one, "user_id": self.name}, fields)

    def pause(self, one: str, **fields: Any) -> Reply:
        return self.do("pause", {"id": one, "user_id": self.name}, fields)

    # -- members --------------------------------------------------------------------------------

    def join(self, one: str, **fields: Any) -> Reply:  # type: ignore[override]
        return self.do("joinClass", {"class_id": one, "user_id": self.name, "user_name": f"nick of {self.name}"[:256]}, fields)

    def assist(self, one: str, **fields: Any) -> Reply:
        return self.join(one, identity=2, **fields)

    def leave(self, one: str, **fields: Any) -> Reply:  # type: ignore[override]
        return self.do("leaveClass", {"class_id": one, "user_id": self.name}, fields)

    def members(self, one: str, **fields: Any) -> Reply:
        return self.do("listMembers", {"class_id": one, "status": 0, "page_size": 500}, fields)

    def rows(self, one: str, **fields: Any) -> dict[str, dict]:
        """Member rows by user."""
        data = self.members(one, **fields).ok()
        rows = {row["user_id"]: row for row in data["members"]}
        assert len(rows) == len(data["members"]), f"a user twice: {data}"
        for row in rows.values():
            assert set(row) - {"user_avatar"} == {"identity", "status", "user_id", "user_name", "join_time"}, row
            assert row["identity"] in (1, 2, 3) and row["status"] in (1, 2, 3) and STAMP.fullmatch(row["join_time"]), row
        return rows

    def row(self, one: str, who: Person) -> dict:
        return self.rows(one)[who.name]

    def kick(self, one: str, who: Any, **fields: Any) -> Reply:
        return self.do("kickClass", {"class_id": one, "user_id": getattr(who, "name", who), "im_server": ["aliyun_new"]}, fields)

    def unkick(self, one: str, who: Person) -> Reply:
        return self.call("cancelKick", {"class_id": one, "user_id": who.name})

    def permit(self, one: str, permit: Any = json.dumps(RIGHTS), **fields: Any) -> Reply:
        return self.do("setAssistantPermit", {"class_id": one, "permit": permit}, fields)

    def drop_permit(self, one: str) -> Reply:
        return self.call("deleteAssistantPermit", {"class_id": one, "im_server": ["aliyun_new"]})

    def get_permit(self, one: str) -> Reply:
        return self.call("getAssistantPermit", {"class_id": one})

    # -- meeting, courseware, check-in ----------------------------------------------------------

    def info(self, one: str) -> Reply:  # type: ignore[override]
        return self.call("getMeetingInfo", {"id": one})

    def meet(self, one: str, **fields: Any) -> Reply:
        return self.call("updateMeetingInfo", {"id": one} | fields)

    def stage(self, one: str, *people: Person) -> Reply:
        """Puts exactly these on stage."""
        return self.meet(one, members=[{"user_id": p.name, "user_nick": p.name} for p in people])

    def add_doc(self, one: str, doc: Any, **fields: Any) -> Reply:
        return self.do("addDoc", {"classId": one, "docId": doc, "serverType": "NetEase", "data": '{"xx":"xxx"}'}, fields)

    def add_docs(self, one: str, docs: Any) -> Reply:
        return self.call("addDocs", {"classId": one, "docInfo": docs})

    def docs(self, one: str) -> list[dict]:
        rows = self.call("queryDoc", {"classId": one}).ok()["docInfos"]
        for row in rows:
            assert set(row) == {"classId", "docId", "serverType", "docInfos", "createdAt", "updatedAt", "updateAt"}, row
        return rows

    def delete_doc(self, one: str, doc: Any) -> Reply:
        return self.call("deleteDoc", {"classId": one, "docId": doc})

    def delete_docs(self, one: str, docs: Any) -> Reply:
        return self.call("deleteDocs", {"classId": one, "docIds": docs})

    def set_check_in(self, one: str, duration: Any = 60, **fields: Any) -> Reply:
        return self.do("setCheckIn", {"class_id": one, "user_id": self.name, "duration": duration}, fields)

    def check_in(self, which: str, **fields: Any) -> Reply:
        return self.do("checkIn", {"check_in_id": which, "user_id": self.name}, fields)

    def record(self, which: str, who: Person) -> Reply:
        return self.call("getCheckInRecordByUserId", {"check_in_id": which, "user_id": who.name})

    # -- mute and media -------------------------------------------------------------------------

    def mute(self, one: str, who: Person, minute: Any = 10, **fields: Any) -> Reply:
        return self.do("muteUser", {"chatroom_id": one, "user_id": who.name, "minute": minute, "server_type": "rongCloud"}, fields)

    def room_call(self, route: str, one: str, **fields: Any) -> Reply:
        """The routes that know a class as `chatroom_id`."""
        return self.do(route, {"chatroom_id": one, "server_type": "rongCloud"}, fields)

    def rtc(self, meeting: str, **fields: Any) -> Reply:  # type: ignore[override]
        return self.do("getRtcAuthToken", {"room_id": meeting, "user_id": self.name}, fields)

    def hub_token(self, version: str = "v2/", **fields: Any) -> Reply:
        return self.do(f"{version}token", {"user_id": self.name, "device_id": "d1", "device_type": "web", "im_server": ["aliyun_new"]}, fields)


def person(server: Server, name: str | None = None) -> Person:
    """A caller with a token signed by us; without a name, one nobody had before."""
    return Person(*vars(server.user(name)).values())


def people(server: Server, count: int) -> list[Person]:
    return [person(server) for _ in range(count)]


class Outsider(Person):
    """The same on a server whose classes have parts at vendors."""

    def call(self, route: str, body: Any = None, **kw: Any) -> Reply:  # type: ignore[override]
        return super().call(route, body, outside=True, **kw)


def outsider(server: Server, name: str | None = None) -> Outsider:
    """As `person`."""
    return Outsider(*vars(server.user(name)).values())


class Throng:
    """Calls of many at once, on kept-open connections."""

    def __init__(self, size: int = 64) -> None:
        self.size = size

    async def __aenter__(self) -> Throng:
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self.size), timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.session.close()

    async def call(self, who: Person, route: str, body: dict) -> Reply:
        url = f"http://{who.http.host}:{who.http.port}{ROUTES[route].path}"
        async with self.session.post(url, json=body, headers={"Authorization": f"Bearer {who.token}"}) as reply:
            return check_answer(reply.status, list(reply.headers.items()), await reply.read(), flat=route in FLAT)

    async def join(self, who: Person, one: str, **fields: Any) -> Reply:
        return await self.call(who, "joinClass", {"class_id": one, "user_id": who.name, "user_name": who.name} | fields)

    async def leave(self, who: Person, one: str) -> Reply:
        return await self.call(who, "leaveClass", {"class_id": one, "user_id": who.name})

    async def create(self, who: Person) -> dict:
        return (await self.call(who, "v2/create", {"teacher_id": who.name, "title": "race"})).ok()

    async def get(self, who: Person, one: str) -> dict:
        return (await self.call(who, "get", {"id": one, "user_id": who.name})).ok()

    async def rows(self, who: Person, one: str) -> dict[str, dict]:
        data = (await self.call(who, "listMembers", {"class_id": one, "status": 0, "page_size": 500})).ok()
        rows = {row["user_id"]: row for row in data["members"]}
        assert len(rows) == len(data["members"]) == data["total"], f"a row twice or missing: {data}"
        return rows


# -- formulas, written a second time ---------------------------------------------------------------

def url_sig(kind: str, resource: str, user: str, expiry: int, key: bytes = URL_KEY) -> str:
    """classroom.md 6.2."""
    return hmac.new(key, f"stoa1\n{kind}\n{resource}\n{user}\n{expiry}".encode(), hashlib.sha256).hexdigest()


def query_of(url: str) -> dict[str, str]:
    """Parameters of a URL, decoded; none twice."""
    pairs = parse_qsl(urlsplit(url).query, strict_parsing=True, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), url
    return dict(pairs)


def board_checksum(nonce: str, now: int | str, secret: str = BOARD_SECRET) -> str:
    """classroom.md 6.6."""
    return hashlib.sha1(f"{secret}{nonce}{now}".encode()).hexdigest()


def instant(stamp: str) -> float:
    """Unix seconds of a time in the dialect's usual form."""
    return datetime.strptime(stamp, "%Y/%m/%d %H:%M:%S").replace(tzinfo=ZONE).timestamp()


def fresh(kind: str) -> str:
    """A name nobody used."""
    return f"{kind}-{uuid.uuid4().hex[:10]}"


def until_later(stamp: str) -> None:
    """Waits until the clock shows another second than `stamp`."""
    while int(time.time()) <= instant(stamp):
        time.sleep(0.02)


_RUN = re.compile(r"[\w-]{20,}", re.ASCII)
_SIGNED = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|auth_key=[0-9][\w-]*", re.ASCII)


def leaks(log: str) -> list[str]:
    """What a server's log says that it must not (G27)."""
    found = sorted(_seen & set(_RUN.findall(log)))
    found += _SIGNED.findall(log)
    marks = (tokens.KEY_TEXT, tokens.KEY.decode(), URL_KEY.hex(), BOARD_SECRET)
    return found + [m for m in marks if m in log]
