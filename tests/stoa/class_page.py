"""The official web client's requests, in its spelling."""

from __future__ import annotations

import json

from .class_routes import BARE, V1, V2
from .classroom import Reply, check_answer, fresh

ORIGIN = "https://class.example.org"


class Page:
    """The official client in a browser: another origin, a preflight for each kind of request, one token."""

    def __init__(self, server, name: str) -> None:
        self.server, self.name, self.token = server, name, ""
        self.preflights: set[str] = set()

    def send(self, path: str, body: dict | None = None) -> Reply:
        wanted = "content-type" if path.endswith("/login") else "authorization" if body is None else "authorization,content-type"
        if (path + wanted) not in self.preflights:
            answer = self.server.http.raw("OPTIONS", path, headers=[
                ("Origin", ORIGIN), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", wanted),
            ])
            assert answer.status == 204 and answer.header("access-control-allow-origin") == "*"
            assert set(wanted.split(",")) <= {w.strip() for w in answer.header("access-control-allow-headers").split(",")}
            self.preflights.add(path + wanted)
        headers = [("Origin", ORIGIN), ("Referer", ORIGIN + "/"), ("User-Agent", "Mozilla/5.0")]
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        if self.token:
            headers.append(("Authorization", f"Bearer {self.token}"))
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        got = self.server.http.raw("POST", path, headers=headers, body=data)
        return check_answer(got.status, got.headers, got.raw)

    def v1(self, route: str, body: dict | None = None) -> Reply:
        return self.send(V1 + route, body)

    def bare(self, route: str, body: dict) -> Reply:
        return self.send(BARE + route, body)

    # -- steps that several roles share -----------------------------------------------------------

    def login(self) -> None:
        data = self.v1("login", {"username": self.name, "password": self.name}).ok()
        assert "/" in data["expire"]  # what its `new Date(text)` reads
        self.token = data["token"]

    def get(self, c: str) -> dict:
        return self.v1("get", {"id": c, "user_id": self.name}).ok()

    def join(self, c: str, **more: object) -> Reply:
        return self.v1("joinClass", {"class_id": c, "user_id": self.name, "user_name": f"昵称 {self.name}", "user_avatar": "https://img.example.com/a.png"} | more)

    def im_token(self, **more: object) -> dict:
        """The bundle an adapter connects with."""
        body = {"user_id": self.name, "device_type": "web", "device_id": fresh("browser"), "im_server": ["aliyun_new"]} | more
        data = self.send(V2 + "token", body).ok()
        bundle: dict = data["aliyun_new_im"]
        assert all(bundle[k] for k in ("app_id", "app_sign", "app_token")) and bundle["auth"]["nonce"]
        return bundle

    def meeting(self, c: str, **fields: object) -> dict:
        return self.v1("updateMeetingInfo", {"id": c} | fields).ok()

    def leave(self, c: str) -> Reply:
        return self.v1("leaveClass", {"class_id": c, "user_id": self.name})

    def entry(self, links: dict) -> dict:
        """This user in `members`, with all keys that the client sends."""
        return {
            "user_id": self.name, "user_name": self.name, "user_nick": self.name, "user_avatar": "", "session_id": "", "student_id": "", "teacher_id": "",
            "camera_opened": True, "mic_opened": True, "is_audio_publishing": True, "is_video_publishing": True, "is_screen_publishing": False,
            "screen_share": False, "mutil_media": False, "rtc_pull_url": links["rtc_pull_url"], "sid": fresh("sid"),
        }


RESET = {"members": [], "all_mute": False, "interaction_allowed": True}
