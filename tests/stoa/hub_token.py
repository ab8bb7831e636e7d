"""`POST /hub/v1/token`: a connection token of the message hub for another credential (hub.md 3.6)."""

from __future__ import annotations

import json
from typing import Any

from . import tokens
from .http import Answer, Http, check_head, no_null


def exchange(at: Http, bearer: str | None = None, /, **body: Any) -> Answer:
    """One checked answer; refusals repeat their status as `code`."""
    headers = [("Content-Type", "application/json")]
    if bearer is not None:
        headers.append(("Authorization", f"Bearer {bearer}"))
    answer = at.raw("POST", "/hub/v1/token", headers=headers, body=json.dumps(body).encode())
    check_head(answer, "*")
    answer.body = json.loads(answer.raw)
    no_null(answer.body)
    if answer.status == 200:
        assert set(answer.body) == {"url", "token", "expires_at", "user_id"} | ({"refresh_token"} if body.get("kind") == "refresh" else set()), answer
        assert answer["url"] == f"ws://{at.host}:{at.port}/connection/websocket"
    else:
        assert set(answer.body) == {"code", "message"} and answer["code"] == answer.status and answer["message"], answer
    return answer


def claims(answer: Answer) -> dict:
    """What the token in a good answer says."""
    assert answer.status == 200, answer
    said = tokens.claims_of(answer["token"])
    assert said["aud"] == "hub" and said["exp"] == answer["expires_at"] and said["meta"]["uid"] == answer["user_id"]
    return said


def refresh(at: Http, token: str, device: str = "d1") -> Answer:
    return exchange(at, kind="refresh", refresh_token=token, device_id=device)
