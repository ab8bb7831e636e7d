"""The console's own API as an administrator uses it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from .http import Answer
from .server import Server

BASE = "/api/console/v1"
APP = "1000"


class Refused(AssertionError):
    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer))
        self.status = answer.status
        self.code = answer.body["error"]["code"]


class Console:
    """An administrator; every answer is checked for what all must have."""

    def __init__(self, server: Server, token: str) -> None:
        self.server, self.token = server, token

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **query: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        where = BASE + path + (f"?{urlencode(query)}" if query else "")
        sent = [("Authorization", f"Bearer {token or self.token}"), ("Content-Type", "application/json"), ("Origin", "https://elsewhere.example")]
        answer = self.server.http.raw(method, where, headers=sent, body=data)
        assert not [k for k, _ in answer.headers if k.lower().startswith("access-control-")], answer
        assert answer.header("cache-control") == "no-store"
        answer.body = json.loads(answer.raw) if answer.raw else None
        if answer.status >= 400:
            assert set(answer.body) == {"error"} and answer.body["error"]["request_id"] == answer.header("x-request-id")
            raise Refused(answer)
        assert answer.body is not None or answer.status in (201, 204), answer
        return answer.body

    def get(self, path: str, **query: Any) -> Any:
        return self.ask("GET", path, **query)

    def post(self, path: str, body: Any = None) -> Any:
        return self.ask("POST", path, body)

    def channel(self, name: str) -> dict:
        return self.get(f"/channels/{APP}/{quote(name, safe='')}")

    def order(self, name: str, what: str, body: Any = None) -> None:
        self.post(f"/channels/{APP}/{quote(name, safe='')}/{what}", body)

    def person(self, name: str, user: str) -> dict | None:
        """The participant of this user, if it is there."""
        return next((p for p in self.channel(name)["participants"] if p["user"] == user), None)
