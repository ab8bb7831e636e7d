"""One server per database for most tests, with short times; and no log may hold a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from stoa.crew import Crew
from stoa.live import Stage
from stoa.postgres import store_url
from stoa.server import Server
from stoa.talk import BEAT, FIRST, GRACE, LINGER, RESUME, SECOND, WINDOW, Talk, fresh, leaks

UNLIMITED = {"per_sec": 0, "burst": 0}
SETTINGS: dict[str, Any] = {
    "apps": [FIRST.config(), SECOND.config()],
    "talk.linger_secs": LINGER,
    "talk.call_grace_secs": GRACE,
    "talk.call_heartbeat_secs": BEAT,
    "talk.stats_window_secs": WINDOW,
    "media.resume_window": RESUME,
    "limits.user": UNLIMITED,
    "limits.media_signals": UNLIMITED,
    "limits.media_joins": UNLIMITED,
    "server.log": "debug",
}


def ended_well(server: Server) -> None:
    log = server.log()
    server.discard()
    assert "panicked at" not in log, f"the server panicked:\n{log[-4000:]}"
    assert not leaks(log), leaks(log)[:5]


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, store: str) -> Iterator[Server]:
    made = Server(store_url=store_url(request, store), settings=SETTINGS)
    try:
        made.start()
        yield made
        assert made.alive(), f"the server ended under the tests:\n{made.log()[-4000:]}"
    finally:
        ended_well(made)


@pytest.fixture
def own_server(request: pytest.FixtureRequest, store: str) -> Iterator[Callable[..., Server]]:
    """`own_server({key: value})` starts a server of this test alone, with the short times unless told otherwise."""
    made: list[Server] = []

    def make(settings: dict[str, Any] | None = None) -> Server:
        made.append(Server(store_url=store_url(request, store), settings=SETTINGS | (settings or {})))
        return made[-1].start()

    yield make
    for one in made:
        ended_well(one)


@pytest.fixture
def talk(server: Server) -> Talk:
    """The administrator of the first app."""
    return Talk(server)


@pytest.fixture
def other(server: Server) -> Talk:
    """The administrator of the second app."""
    return Talk(server, SECOND)


@pytest.fixture
def channel() -> str:
    """The name of an adhoc channel that nobody used."""
    return fresh()


@pytest_asyncio.fixture
async def crew() -> AsyncIterator[Crew]:
    async with Crew() as crew:
        yield crew


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage
