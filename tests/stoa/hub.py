"""The message hub alone (crates/hub/examples/hub_dev.rs), and connection tokens for it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEY = b"hub-demo-secret-32-bytes-long!!!"


def token(user: str, ttl: int = 600, **more: Any) -> str:
    """A connection token, signed here and not by the code under test."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    meta = {"role": "user", "uid": user, "app": 1, "face": "class", "dev": "py"}
    claims = {"sub": user, "aud": "hub", "exp": int(time.time()) + ttl, "info": {"n": user}, "meta": meta, **more}
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    mac = hmac.new(KEY, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


class Hub:
    """A process on a free port."""

    def __init__(self, *settings: str) -> None:
        binary = os.environ.get("STOA_HUB_DEV", str(ROOT / "target/debug/examples/hub_dev"))
        assert Path(binary).exists(), f"{binary} is missing: cargo build -p stoa-hub --examples"
        self.process = subprocess.Popen([binary, *settings], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())["http"]
        self.url = f"ws://127.0.0.1:{self.port}/connection/websocket"

    def ask(self, command: str, body: str | None = None, **args: Any) -> str:
        url = f"http://127.0.0.1:{self.port}/dev/{command}?{urllib.parse.urlencode(args)}"
        data = None if body is None else body.encode()
        with urllib.request.urlopen(url, data=data, timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    async def publish(self, channel: str, data: Any, **args: Any) -> dict[str, Any]:
        text = await asyncio.to_thread(self.ask, "publish", json.dumps(data), channel=channel, **args)
        answer: dict[str, Any] = json.loads(text)
        return answer

    async def do(self, command: str, **args: Any) -> str:
        return await asyncio.to_thread(self.ask, command, None, **args)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
