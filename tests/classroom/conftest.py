"""One server per database for most tests, with short times; and no log may hold a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from stoa.class_hub import Hall
from stoa.class_world import World
from stoa.classroom import SETTINGS, Person, leaks, person
from stoa.crew import Crew
from stoa.live import Stage
from stoa.postgres import create_database, store_url
from stoa.server import ADMIN, Server


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

    def make(settings: dict[str, Any] | None = None, *, url: str | None = None, start: bool = True) -> Server:
        made.append(Server(store_url=url or store_url(request, store), settings=SETTINGS | (settings or {})))
        return made[-1].start() if start else made[-1]

    yield make
    for one in made:
        ended_well(one)


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server]]:
    """Two processes on one PostgreSQL database."""
    url = create_database(request.getfixturevalue("postgres_url"))
    made = [Server(store_url=url, settings=SETTINGS) for _ in range(2)]
    try:
        yield tuple(s.start() for s in made)
    finally:
        for one in made:
            ended_well(one)


@pytest.fixture
def teacher(server: Server) -> Person:
    """Owner of `room`; nobody else has this name."""
    return person(server)


@pytest.fixture
def student(server: Server) -> Person:
    return person(server)


@pytest.fixture
def other(server: Server) -> Person:
    """Somebody who is in no class."""
    return person(server)


@pytest.fixture
def root(server: Server) -> Person:
    """The operator."""
    return person(server, ADMIN)


@pytest.fixture
def room(teacher: Person) -> dict:
    """A class of the teacher, mode 1, where nobody has been."""
    return teacher.klass(mode=1)


@pytest.fixture
def c(room: dict) -> str:
    """Its id."""
    return room["id"]


@pytest.fixture(scope="session")
def world(server: Server) -> World:
    """A class with everybody in it, for calls that change nothing."""
    return World(server)


@pytest_asyncio.fixture
async def crew() -> AsyncIterator[Crew]:
    async with Crew() as crew:
        yield crew


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


@pytest_asyncio.fixture
async def hall(server: Server) -> AsyncIterator[Hall]:
    """A class of its own teacher, for people on the hub."""
    async with Hall(server) as made:
        yield made
