"""Fixtures of the console's suite. What its queries answer on both databases is tested with the stores."""

from __future__ import annotations

import pytest

from stoa.console import Console
from stoa.server import Server


@pytest.fixture(scope="session")
def store() -> str:
    return "sqlite"


@pytest.fixture
def console(server: Server) -> Console:
    """The operator at the console of the shared server."""
    return Console(server, server.admin().token)
