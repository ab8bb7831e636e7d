"""Tokens made by hand, good and bad ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

# The keys every test server is started with (`auth.jwt_keys`); the first signs. Nothing here protects anything.
KEY = b"end-to-end-test-signing-key-0001"
KEY_TEXT = base64.b64encode(KEY).decode()
OTHER_KEY = b"end-to-end-test-signing-key-0002"

APP_KEY = "devkey"
APP_SECRET = "devsecret-devsecret-devsecret-00"

HEADER = {"typ": "JWT", "alg": "HS256"}
_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The reverse."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def sign(header: dict | bytes, claims: dict | bytes, key: bytes, alg: str = "HS256") -> str:
    """A JWT of exactly these parts; `alg` is how it is signed, whatever the header says."""
    head = header if isinstance(header, bytes) else compact(header)
    body = claims if isinstance(claims, bytes) else compact(claims)
    text = f"{b64(head)}.{b64(body)}"
    mac = b"" if alg == "none" else hmac.new(key, text.encode(), _HASHES[alg]).digest()
    return f"{text}.{b64(mac)}"


def login_token(sub: str, /, *, key: bytes = KEY, ttl: int = 3600, **claims: object) -> str:
    """A login token (voice-room.md 3.2). `claims` add or replace; a claim given as `...` is left out."""
    now = int(time.time())
    merged = {"sub": sub, "iat": now, "exp": now + ttl} | claims
    return sign(HEADER, {k: v for k, v in merged.items() if v is not ...}, key)


def media_token(identity: str, room: str, *, key: str = APP_KEY, secret: str = APP_SECRET, attributes: dict | None = None, ttl: int = 3600, nbf: object = None, **grants: object) -> str:
    """A LiveKit access token as an app's own backend would mint it. `grants` go into `video`; `nbf=...` leaves that claim out."""
    now = int(time.time())
    video = {"roomJoin": True, "room": room} | grants
    claims = {"iss": key, "sub": identity, "iat": now, "nbf": now, "exp": now + ttl, "video": video}
    if nbf is ...:
        del claims["nbf"]
    if attributes:
        claims["attributes"] = attributes
    return sign(HEADER, claims, secret.encode())


def claims_of(token: str) -> dict:
    """The payload, unverified."""
    return json.loads(unb64(token.split(".")[1]))


def header_of(token: str) -> dict:
    return json.loads(unb64(token.split(".")[0]))


def verifies(token: str, key: bytes) -> bool:
    """Whether the token is HS256 with this key."""
    text, _, mac = token.rpartition(".")
    return hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).digest(), unb64(mac))
