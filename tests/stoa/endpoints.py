"""The endpoints of the voice-room API, for the generated tests."""

from __future__ import annotations

PROTECTED = ("token", "create", "list", "get", "getRtcAuthToken", "dismiss", "joinMic", "leaveMic", "getMeetingInfo", "update")

# Required fields and their kind, per endpoint.
REQUIRED: dict[str, dict[str, str]] = {
    "token": {"user_id": "string"},
    "create": {"title": "string", "anchor": "string"},
    "list": {},
    "get": {"id": "string"},
    "getRtcAuthToken": {"room_id": "string", "user_id": "string"},
    "dismiss": {"id": "string", "user_id": "string"},
    "joinMic": {"id": "string", "user_id": "string"},
    "leaveMic": {"id": "string", "user_id": "string", "index": "integer"},
    "getMeetingInfo": {"id": "string"},
    "update": {"id": "string"},
}

# Optional fields and their kind.
OPTIONAL: dict[str, dict[str, str]] = {
    "token": {"role": "string", "device_id": "string", "device_type": "string"},
    "create": {"anchor_nick": "string", "notice": "string", "extends": "extends"},
    "list": {"page_num": "integer", "page_size": "integer", "cursor": "string"},
    "get": {},
    "getRtcAuthToken": {},
    "dismiss": {},
    "joinMic": {"index": "integer", "extends": "extends"},
    "leaveMic": {},
    "getMeetingInfo": {},
    "update": {"title": "string", "notice": "string", "extends": "extends", "anchor_nick": "string", "cover_url": "string"},
}

# Answers that carry `members` even when they refuse: Android fails without.
ALWAYS_MEMBERS = ("leaveMic", "getMeetingInfo")


def body_for(endpoint: str, user: str, room: str) -> dict:
    """A body that the endpoint accepts from `user`."""
    values = {"user_id": user, "anchor": user, "title": "t", "id": room, "room_id": room, "index": 1}
    return {name: values[name] for name in REQUIRED[endpoint]}


def field_error(endpoint: str) -> tuple[int, int]:
    """HTTP status and code of a bad field (rows 6 and 10)."""
    return (400, 400) if endpoint == "getRtcAuthToken" else (200, 400)
