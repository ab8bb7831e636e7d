"""Fixtures about one class, for suites whose own fixtures are about something else: import those that are used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from .classroom import Person, person


@pytest.fixture
def teacher(server) -> Person:
    return person(server)


@pytest.fixture
def student(server) -> Person:
    return person(server)


@pytest.fixture
def room(teacher) -> dict:
    """A class; its channel is named by `meeting_id`."""
    return teacher.klass(mode=1)


@pytest.fixture
def m(room) -> str:
    return room["meeting_id"]


@pytest.fixture
def c(room) -> str:
    return room["id"]


@pytest_asyncio.fixture
async def streams() -> AsyncIterator[Callable]:
    """`streams(Publisher(…), url)` starts one; all end with the test."""
    made = []

    async def start(stream, url: str, bearer: str | None = None):
        await stream.start(url, bearer)
        made.append(stream)
        return stream

    yield start
    for one in made:
        await one.close(delete=False)
