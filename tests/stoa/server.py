"""A stoa process of our own: own data folder, free ports, ended by process id."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from . import tokens
from .http import Http, User
from .ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
START_DEADLINE = 30.0
STOP_DEADLINE = 12.0
# The one administrator of every test server: named in `auth.admins`, has no account.
ADMIN = "the-operator"


def binary() -> Path:
    """`STOA_BIN`, or what `cargo build` leaves."""
    path = Path(os.environ.get("STOA_BIN", ROOT / "target" / "debug" / "stoa"))
    assert path.exists(), f"{path} is missing: run `make test`, or build it with `cargo build`"
    return path


class Server:
    """One `stoa dev`. Settings are keys of the config file with Python values."""

    def __init__(self, *, store_url: str | None = None, settings: dict[str, Any] | None = None, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="stoa-e2e-"))
        self.data = self.folder / "data"
        self.log_path = self.folder / "log"
        self.store_url = store_url
        self.settings: dict[str, Any] = {"auth.jwt_keys": [tokens.KEY_TEXT], "auth.admins": [ADMIN]} | (settings or {})
        self.process: subprocess.Popen | None = None
        self.port = 0
        self.udp_port = 0
        self.started_in = 0.0

    # -- life ---------------------------------------------------------------------------------

    def start(self, *, env: dict[str, str] | None = None) -> Server:
        """Starts it (again, on the same ports) and waits until it serves."""
        assert self.process is None
        self.port, self.udp_port = self.port or free_port(), self.udp_port or free_port()
        self.data.mkdir(exist_ok=True)
        ready = self.data / "ready.json"
        ready.unlink(missing_ok=True)
        command = [str(binary()), "dev", "--listen", f"127.0.0.1:{self.port}", "--data", str(self.data), "--media-port", str(self.udp_port)]
        settings = dict(self.settings)
        if self.store_url:
            settings["store.url"] = self.store_url
        for key, value in settings.items():
            command += ["--set", f"{key}={toml(value)}"]
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.folder, env={**os.environ, **(env or {})})
        deadline = began + START_DEADLINE
        while True:
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                raise AssertionError(f"stoa ended with {code} at start:\n{self.log()[-4000:]}")
            try:
                facts = json.loads(ready.read_text())
                if facts.get("pid") == self.process.pid:
                    self.port = int(facts["http"].rsplit(":", 1)[1].rstrip("/"))
                    self.udp_port = int(facts["udp_port"])
                    if self.http.raw("GET", "/readyz", timeout=5).status == 200:
                        break
            except (FileNotFoundError, ValueError, KeyError, OSError):
                pass
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"stoa not ready after {START_DEADLINE} s:\n{self.log()[-4000:]}")
            time.sleep(0.01)
        self.started_in = time.monotonic() - began
        return self

    def stop(self) -> int:
        """SIGTERM, then waits; a process that does not end in time is killed and reported."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"stoa did not end within {STOP_DEADLINE} s of SIGTERM:\n{self.log()[-4000:]}") from None

    def kill(self) -> None:
        """SIGKILL: what a crash looks like."""
        if self.process is not None:
            process, self.process = self.process, None
            process.kill()
            process.wait()

    def restart(self, **settings: Any) -> Server:
        """Ends it in order and starts it again, with changed settings if given (dots as double underscores)."""
        self.stop()
        for key, value in settings.items():
            self.settings[key.replace("__", ".")] = value
        return self.start()

    def discard(self) -> None:
        """Ends it in any case and removes its folder."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # -- use ----------------------------------------------------------------------------------

    @property
    def http(self) -> Http:
        return Http("127.0.0.1", self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def user(self, name: str | None = None) -> User:
        """A caller with a token signed by us; without a name, one nobody had before."""
        name = name or f"user-{uuid.uuid4().hex[:12]}"
        return User(self.http, name, tokens.login_token(name))

    def users(self, count: int) -> list[User]:
        return [self.user() for _ in range(count)]

    def admin(self) -> User:
        return self.user(ADMIN)


def toml(value: Any) -> str:
    """A TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    raise TypeError(type(value))
