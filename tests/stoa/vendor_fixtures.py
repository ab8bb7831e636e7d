"""Fixtures about vendor clouds: import those that are used."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .classroom import SETTINGS, leaks
from .postgres import store_url
from .server import Server, binary, toml
from .vendors import Cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """The vendors of this test. Every call must be signed and formed as their documents say."""
    with Cloud() as made:
        yield made
    assert not made.faults, made.faults[:5]


@pytest.fixture
def start(request: pytest.FixtureRequest, cloud: Cloud) -> Iterator[Callable[..., Server]]:
    """`start(PART, {key: value})` starts a server of this test alone that calls `cloud`. No secret may be in its log."""
    made: list[Server] = []

    def make(*parts: dict[str, Any], store: str = "sqlite") -> Server:
        settings = SETTINGS | cloud.hosts
        for part in parts:
            settings |= part
        made.append(Server(store_url=store_url(request, store), settings=settings))
        return made[-1].start()

    yield make
    cloud.over.set()
    for one in made:
        log = one.log()
        one.discard()
        assert "panicked at" not in log, f"the server panicked:\n{log[-4000:]}"
        assert not cloud.leaks(log), cloud.leaks(log)[:5]
        assert not leaks(log), leaks(log)[:5]


# A configuration that is complete without vendors.
COMPLETE = '[http]\nlisten = "127.0.0.1:7880"\n[[apps]]\napp_id = 1000\nname = "x"\nappkey = "key"\nappsecret = "0123456789abcdef0123456789abcdef"\n'


def checked(settings: dict[str, Any], folder: Path) -> subprocess.CompletedProcess:
    """`stoa config check` of these keys beside what every server needs."""
    (folder / "stoa.toml").write_text(COMPLETE)
    sets = [x for key, value in settings.items() for x in ("--set", f"{key}={toml(value)}")]
    return subprocess.run([str(binary()), "config", "check", "--config", "stoa.toml", *sets], capture_output=True, text=True, timeout=30, check=False, cwd=folder)


def refused_at_start(settings: dict[str, Any]) -> str:
    """What a server says that does not start with these keys."""
    server = Server(settings=settings)
    try:
        with pytest.raises(AssertionError, match="ended with [1-9]") as refused:
            server.start()
        return str(refused.value)
    finally:
        server.discard()
