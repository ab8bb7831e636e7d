"""The clouds of Aliyun, RongCloud and NetEase as one HTTP server of the test: checks every signature by its own formulas, remembers
calls, and answers as it is told, with success, the documented refusal, a fault, rubbish, or not at all."""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

# What the operator has from the vendors' consoles. Nothing here protects anything.
ACCESS_ID, ACCESS_SECRET = "LTAI-test-access-id-01", "test-access-secret-0123456789"
IM_ID, IM_KEY, IM_SIGN = "imapp-test-0001", "imkey-test-abcdef0123456789", "imsign-test-0001"
OLD_IM_ID = "oldim-test-0001"
RTC_ID, RTC_KEY = "rtcapp-test-0001", "rtckey-test-abcdef0123456789"
PUSH, PULL, PULL_KEY, APP_NAME = "push.vendor.example.com", "pull.vendor.example.com", "pullkey-test-0123456789", "lessons"
CALLBACK_KEY = "callbackkey-test-0123456789"
RONG_KEY, RONG_SECRET = "rongkey-test-0001", "rongsecret-test-0123456789"
NETEASE_KEY, NETEASE_SECRET = "neteasekey-test-0001", "neteasesecret-test-0123456789"

SECRETS = (ACCESS_SECRET, IM_KEY, RTC_KEY, PULL_KEY, CALLBACK_KEY, RONG_SECRET, NETEASE_SECRET, ACCESS_ID)

API = {"aliyun.access_key_id": ACCESS_ID, "aliyun.access_key_secret": ACCESS_SECRET}
NEW_IM = {"aliyun.im.app_id": IM_ID, "aliyun.im.app_key": IM_KEY, "aliyun.im.app_sign": IM_SIGN}
OLD_IM = {"aliyun.old_im.app_id": OLD_IM_ID}
RTC = {"aliyun.rtc.app_id": RTC_ID, "aliyun.rtc.app_key": RTC_KEY}
CDN = {"aliyun.live.pull_domain": PULL, "aliyun.live.pull_auth_key": PULL_KEY, "aliyun.live.app_name": APP_NAME}
CALLBACK = {"aliyun.live.push_domain": PUSH, "aliyun.callback.auth_key": CALLBACK_KEY}
RONG = {"rongcloud.app_key": RONG_KEY, "rongcloud.app_secret": RONG_SECRET}
NETEASE = {"netease.app_key": NETEASE_KEY, "netease.app_secret": NETEASE_SECRET}

# How a call can be answered. `HANG` holds it until the test ends or 30 s are over.
OK, REFUSE, FAULT, RUBBISH, HANG = "ok", "refuse", "fault", "rubbish", "hang"
FAILURES = (REFUSE, FAULT, RUBBISH, HANG)
HANGS_FOR = 30.0
# Longest wait of the server for a call that changes something, as documented, and what a busy machine may add.
WRITE_LIMIT, SLACK = 5.0, 4.0

LIVE_VERSION, VOD_VERSION = "2016-11-01", "2017-03-21"
VOD = ("SearchMedia", "GetPlayInfo")
BOARD_CREATE, BOARD_DELETE = "board.create", "board.delete"


@dataclass
class Call:
    """A call that the server made: `what` is the operation, path or board action."""

    what: str
    fields: dict[str, Any]
    at: float


@dataclass
class Cloud:
    """See the module. Use as `with Cloud() as cloud`."""

    calls: list[Call] = field(default_factory=list)
    # What was wrong with calls: bad signatures, unknown fields. Empty at the end of a good test.
    faults: list[str] = field(default_factory=list)
    # How calls are answered; those that are not here, with success.
    how: dict[str, str] = field(default_factory=dict)
    # Answers instead of the usual ones: (status, body).
    instead: dict[str, tuple[int, Any]] = field(default_factory=dict)
    # What the vendors know.
    statistics: dict[str, int] = field(default_factory=lambda: {"Pv": 0, "Uv": 0, "OnlineCount": 0, "LikeCount": 0})
    muted: dict[str, list[str]] = field(default_factory=dict)
    # In every channel of real-time media.
    participants: int = 0
    recordings: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[dict]] = field(default_factory=dict)
    boards: dict[str, str] = field(default_factory=dict)
    # Rooms of RongCloud in which nobody may speak.
    banned: set[str] = field(default_factory=set)
    # What it handed out that no log may hold.
    secrets: set[str] = field(default_factory=set)

    def __enter__(self) -> Cloud:
        self.lock, self.over, self.made = threading.RLock(), threading.Event(), 0
        self._nonces: set[str] = set()
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Nagle and delayed answers of a second write would cost 40 ms each.
            wbufsize = -1

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                got = cloud._take(self.command, self.path, dict(self.headers.items()), body)
                if got is None:
                    self.close_connection = True
                    return
                status, raw = got
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    pass  # the caller gave up

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:
                pass  # a caller that gave up

        self._server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    # -- for tests ------------------------------------------------------------------------------

    @property
    def hosts(self) -> dict[str, str]:
        """Settings that send calls here."""
        return {
            "aliyun.host": self.url, "aliyun.vod_host": self.url + "/vod", "rongcloud.host": self.url + "/rong",
            "netease.create_url": self.url + "/board/create", "netease.delete_url": self.url + "/board/rooms/",
        }

    def of(self, *what: str) -> list[Call]:
        """The calls of these kinds, in order."""
        with self.lock:
            return [c for c in self.calls if c.what in what]

    def count(self, *what: str) -> int:
        return len(self.of(*what))

    def answer(self, how: str, *what: str) -> None:
        """From now on these are answered so; without names, all."""
        with self.lock:
            if what:
                self.how |= dict.fromkeys(what, how)
            else:
                self.how = {"*": how}

    def messages(self, group: str) -> list[tuple[int, dict]]:
        """What was sent to a group: number and content."""
        out = []
        for c in self.of("SendMessageToGroup", "SendLiveMessageGroup"):
            if c.fields["GroupId"] == group:
                new = c.what == "SendLiveMessageGroup"
                out.append((int(c.fields["MsgType" if new else "Type"]), json.loads(c.fields["Body" if new else "Data"])))
        return out

    def leaks(self, log: str) -> list[str]:
        """What a log holds of the keys and of what was handed out."""
        return [s for s in (*SECRETS, *sorted(self.secrets)) if s in log]

    # -- the server -----------------------------------------------------------------------------

    def _take(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        parts = urlsplit(path)
        low = {k.lower(): v for k, v in headers.items()}
        if parts.query:
            self._fault(f"a query, which ends in logs: {parts.path}")
        try:
            if parts.path.startswith("/rong/"):
                what, fields, bad = self._rong(parts.path[5:], low, body)
            elif parts.path.startswith("/board/"):
                what, fields, bad = self._board(method, parts.path, low, body)
            else:
                what, fields, bad = self._aliyun(parts.path, low, body)
        except (KeyError, ValueError) as e:
            self._fault(f"{method} {path}: {e!r}")
            return 400, b'{"Code":"BadRequest","Message":"unreadable"}'
        with self.lock:
            self.calls.append(Call(what, fields, time.time()))
            how = self.how.get(what, self.how.get("*", OK))
            instead = self.instead.get(what)
        if bad:
            self._fault(f"{what}: {bad}")
            return 403, json.dumps({"Code": "SignatureDoesNotMatch", "Message": bad, "code": 403, "errmsg": bad, "errorMessage": bad}).encode()
        if instead:
            return instead[0], json.dumps(instead[1]).encode()
        match how:
            case "hang":
                self.over.wait(HANGS_FOR)
                return None
            case "fault":
                return 500, b'{"Code":"InternalError","Message":"The request processing has failed."}'
            case "rubbish":
                return 200, b"<html>hello</html>"
            case "refuse":
                return self._refusal(what)
        with self.lock:
            return 200, json.dumps(self._done(what, fields)).encode()

    def _fault(self, text: str) -> None:
        with self.lock:
            self.faults.append(text)

    def _fresh(self, nonce: str) -> bool:
        with self.lock:
            if nonce in self._nonces:
                return False
            self._nonces.add(nonce)
            return bool(nonce)

    def _refusal(self, what: str) -> tuple[int, bytes]:
        if what.startswith("/"):
            return 200, b'{"code":1002,"errorMessage":"Required parameters missing"}'
        if what.startswith("board."):
            return 200, b'{"code":417,"errmsg":"channel quota exceeded"}'
        # The vendor quotes what it signed, keys included: the server must not hand that on.
        quoted = f"app not found. server string to sign is:POST&%2F&AccessKeyId%3D{ACCESS_ID}"
        return 400, json.dumps({"RequestId": "R1", "HostId": "live.aliyuncs.com", "Code": "InvalidApp.NotFound", "Message": quoted}).encode()

    # -- signatures, from the vendors' documents ---------------------------------------------------

    def _aliyun(self, path: str, headers: dict, body: bytes) -> tuple[str, dict, str]:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        signed = {k: v for k, v in fields.items() if k != "Signature"}
        escape = lambda text: quote(text, safe="-_.~")
        text = "&".join(f"{escape(k)}={escape(v)}" for k, v in sorted(signed.items()))
        want = base64.b64encode(hmac.new(f"{ACCESS_SECRET}&".encode(), f"POST&%2F&{escape(text)}".encode(), hashlib.sha1).digest()).decode()
        what = fields["Action"]
        age = abs(time.time() - _utc(fields["Timestamp"]))
        vod = what in VOD
        checks = {
            "signature": hmac.compare_digest(want, fields["Signature"]),
            "key id": fields["AccessKeyId"] == ACCESS_ID,
            "form": (fields["Format"], fields["SignatureMethod"], fields["SignatureVersion"]) == ("JSON", "HMAC-SHA1", "1.0"),
            "version": fields["Version"] == (VOD_VERSION if vod else LIVE_VERSION),
            "host": path == ("/vod/" if vod else "/"),
            "age": age < 60,
            "nonce": self._fresh(fields["SignatureNonce"]),
            "content type": headers["content-type"] == "application/x-www-form-urlencoded",
        }
        common = {"Signature", "SignatureNonce", "SignatureMethod", "SignatureVersion", "AccessKeyId", "Format", "Timestamp", "Version", "Action"}
        return what, {k: v for k, v in fields.items() if k not in common}, _bad(checks)

    def _rong(self, path: str, headers: dict, body: bytes) -> tuple[str, dict, str]:
        want = hashlib.sha1(f"{RONG_SECRET}{headers['nonce']}{headers['timestamp']}".encode()).hexdigest()
        checks = {
            "signature": hmac.compare_digest(want, headers["signature"]),
            "key": headers["app-key"] == RONG_KEY,
            "age": abs(time.time() - int(headers["timestamp"])) < 60,
            "nonce": self._fresh(headers["nonce"]),
        }
        return path, dict(parse_qsl(body.decode(), keep_blank_values=True)), _bad(checks)

    def _board(self, method: str, path: str, headers: dict, body: bytes) -> tuple[str, dict, str]:
        want = hashlib.sha1(f"{NETEASE_SECRET}{headers['nonce']}{headers['curtime']}".encode()).hexdigest()
        now = int(headers["curtime"])
        checks = {
            "checksum": hmac.compare_digest(want, headers["checksum"]),
            "key": headers["appkey"] == NETEASE_KEY,
            "age": abs(time.time() - now) < 60,
            "nonce": self._fresh(headers["nonce"]),
        }
        if path == "/board/create" and method == "POST":
            fields = json.loads(body)
            uid = fields["uid"]
            fixed = {"mode": 2, "persistent": True, "platform": 2, "channelDestroyTime": uid + 86_400, "uid": uid, "channelName": fields["channelName"]}
            checks |= {"fields": fields == fixed, "uid": abs(uid - now) <= 5}
            return BOARD_CREATE, fields, _bad(checks)
        checks |= {"route": method == "DELETE" and path.startswith("/board/rooms/"), "no body": not body}
        return BOARD_DELETE, {"cid": unquote(path.removeprefix("/board/rooms/"))}, _bad(checks)

    # -- what the vendors do -----------------------------------------------------------------------

    def _handed(self, kind: str) -> str:
        """A secret nobody had before."""
        self.made += 1
        made = f"{kind}-handed-out-{self.made:04}-{hashlib.sha256(f'{id(self)}{self.made}'.encode()).hexdigest()[:16]}"
        self.secrets.add(made)
        return made

    def _done(self, what: str, f: dict[str, Any]) -> Any:
        app = f.get("AppId")
        wanted = {
            "GetMessageToken": OLD_IM_ID, "CreateMessageGroup": OLD_IM_ID, "GetGroupStatistics": OLD_IM_ID, "ListMessageGroupUserById": OLD_IM_ID,
            "SendMessageToGroup": OLD_IM_ID, "CreateLiveMessageGroup": IM_ID, "SendLiveMessageGroup": IM_ID, "DescribeChannelParticipants": RTC_ID,
        }.get(what)
        if app != wanted:
            self.faults.append(f"{what}: application {app}")
        match what:
            case "GetMessageToken":
                return {"RequestId": "R", "Result": {"AccessToken": self._handed("access"), "RefreshToken": self._handed("refresh")}}
            case "CreateMessageGroup":
                self.made += 1
                return {"RequestId": "R", "Result": {"GroupId": f"AE35-{self.made:04}-OLD"}}
            case "CreateLiveMessageGroup":
                return {"RequestId": "R", "GroupId": f["GroupId"], "AlreadyExist": False, "AlreadyDelete": False}
            case "GetGroupStatistics":
                return {"RequestId": "R", "Result": dict(self.statistics)}
            case "ListMessageGroupUserById":
                users = [{"UserId": u, "IsMute": bool(self.muted[u]), "MuteBy": self.muted[u]} for u in json.loads(f["UserIdList"]) if u in self.muted]
                return {"RequestId": "R", "Result": {"UserList": users}}
            case "SendMessageToGroup" | "SendLiveMessageGroup":
                return {"RequestId": "R", "Result": {"MessageId": "M"}}
            case "DescribeChannelParticipants":
                return {"RequestId": "R", "TotalNum": self.participants, "UserList": []}
            case "SearchMedia":
                title = re.fullmatch(r"Title='(.*)'", f["Match"])
                found = self.recordings.get(title[1]) if title else None
                hits = [{"MediaId": found, "Video": {"Title": title[1]}}] if found else []
                return {"RequestId": "R", "Total": len(hits), "MediaList": hits}
            case "GetPlayInfo":
                return {"RequestId": "R", "PlayInfoList": {"PlayInfo": self.files[f["VideoId"]]}}
            case "/user/getToken.json":
                return {"code": 200, "userId": f["userId"], "token": self._handed("rong")}
            case "board.create":
                self.made += 1
                cid = f"27{self.made:012}"
                self.boards[cid] = f["channelName"]
                return {"code": 200, "cid": int(cid), "msg": "ok"}
            case "board.delete":
                return {"code": 200} if self.boards.pop(f["cid"], None) else {"code": 404, "errmsg": "no such room"}
            case "/chatroom/ban/add.json":
                self.banned.add(f["chatroomId"])
            case "/chatroom/ban/rollback.json":
                self.banned.discard(f["chatroomId"])
            case "/chatroom/ban/check.json":
                return {"code": 200, "status": int(f["chatroomId"] in self.banned)}
        if what.startswith("/chatroom/"):
            return {"code": 200}
        self.faults.append(f"unknown call: {what}")
        return {}


def _bad(checks: dict[str, bool]) -> str:
    return ", ".join(name for name, good in checks.items() if not good)


def _utc(stamp: str) -> float:
    return calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ"))


def file_info(play_url: str, **more: Any) -> dict:
    """One file of a recording as `GetPlayInfo` tells it."""
    return {
        "Bitrate": "858.198", "CreationTime": "2017-06-26T06:38:48Z", "Definition": "OD", "Duration": "67.685", "Format": "m3u8", "Fps": "25",
        "Height": 720, "Width": 1280, "Size": 7_262_000, "PlayURL": play_url, "Status": "Normal", "StreamType": "video", "Encrypt": 0,
    } | more


# -- the vendors' formulas for clients, written a second time --------------------------------------------

def sha256(*parts: object) -> str:
    return hashlib.sha256("".join(map(str, parts)).encode()).hexdigest()


def im_token(user: str, auth: dict) -> str:
    """voice-room.md 6.2, classroom.md 6.3."""
    return sha256(IM_ID, IM_KEY, user, auth["nonce"], auth["timestamp"], auth["role"])


def rtc_token(channel: str, user: str, ends: int) -> str:
    """voice-room.md 6.2, classroom.md 6.4."""
    return sha256(RTC_ID, RTC_KEY, channel, user, ends)


def cdn_md5(path: str, ends: int) -> str:
    """classroom.md 6.5."""
    return hashlib.md5(f"{path}-{ends}-0-0-{PULL_KEY}".encode()).hexdigest()


def callback_headers(at: int | None = None, *, key: str = CALLBACK_KEY, domain: str = PUSH) -> list[tuple[str, str]]:
    """classroom.md 6.9."""
    at = int(time.time()) if at is None else at
    signed = hashlib.md5(f"{domain}|{at}|{key}".encode()).hexdigest()
    return [("ALI-LIVE-SIGNATURE", signed), ("ALI-LIVE-TIMESTAMP", str(at))]


def look_within(seconds: float, work: Callable[[], Any], what: str) -> Any:
    """What `work` gives, if it is done in time."""
    began = time.monotonic()
    got = work()
    took = time.monotonic() - began
    assert took < seconds, f"{what} took {took:.2f} s"
    return got
