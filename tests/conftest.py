"""Fixtures of all suites, and the count that no suite may fall short of."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stoa import http
from stoa.http import User
from stoa.postgres import Postgres, store_url
from stoa.server import Server

HERE = Path(__file__).resolve().parent
STORES = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL cluster: the one of `make test`, or our own."""
    if "STOA_TEST_POSTGRES" in os.environ:
        yield os.environ["STOA_TEST_POSTGRES"]
        return
    cluster = Postgres()
    try:
        yield cluster.admin_url
    finally:
        cluster.stop()


@pytest.fixture(scope="session", params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on."""
    return request.param


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, store: str) -> Iterator[Server]:
    """The server most tests share, one per database. Tests keep apart by making their own users and rooms."""
    made = Server(store_url=store_url(request, store))
    try:
        made.start()
        yield made
        assert made.alive(), f"the server ended under the tests:\n{made.log()[-4000:]}"
        assert "panicked at" not in made.log(), f"the server panicked:\n{made.log()[-4000:]}"
    finally:
        made.discard()


@pytest.fixture
def own_server(request: pytest.FixtureRequest, store: str) -> Iterator[Callable[..., Server]]:
    """`own_server({key: value})` starts a server of this test alone, on a fresh database of the current kind."""
    made: list[Server] = []

    def make(settings: dict[str, Any] | None = None, *, url: str | None = None, start: bool = True) -> Server:
        made.append(Server(store_url=url or store_url(request, store), settings=settings))
        return made[-1].start() if start else made[-1]

    yield make
    for one in made:
        log = one.log()
        one.discard()
        assert "panicked at" not in log, f"the server panicked:\n{log[-4000:]}"


@pytest.fixture
def alice(server: Server) -> User:
    """A user nobody else has; owner of rooms by habit."""
    return server.user()


@pytest.fixture
def bob(server: Server) -> User:
    return server.user()


@pytest.fixture
def carol(server: Server) -> User:
    return server.user()


@pytest.fixture
def admin(server: Server) -> User:
    return server.admin()


@pytest.fixture
def room(alice: User) -> str:
    """A live room of alice."""
    return alice.room()


# -- the count ------------------------------------------------------------------------------------

def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--expect-counts", action="store_true", help="fail when a suite runs fewer tests than tests/expected_counts.json says, or skips one")


_ran: Counter[str] = Counter()
_skipped: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    suite = report.nodeid.split("/", 1)[0]
    if report.skipped:
        _skipped[suite] += 1
    elif report.when == "call":
        _ran[suite] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--expect-counts"):
        return
    expected = json.loads((HERE / "expected_counts.json").read_text())
    suites = {Path(a.split("::")[0]).parts[0] for a in session.config.args} & set(expected)
    short = [f"{s}: ran {_ran[s]}, expected {expected[s]}" for s in sorted(suites) if _ran[s] < expected[s]]
    short += [f"{s}: skipped {n}" for s, n in sorted(_skipped.items())]
    session.config.stash[_SHORT] = short
    if short:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


_SHORT = pytest.StashKey[list]()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    ran = ", ".join(f"{suite} {n}" for suite, n in sorted(_ran.items()))
    terminalreporter.write_line(f"tests run: {ran or 'none'}; answers checked: {http.checked}")
    for line in config.stash.get(_SHORT, []):
        terminalreporter.write_line(f"FEWER TESTS THAN EXPECTED: {line}", red=True)
