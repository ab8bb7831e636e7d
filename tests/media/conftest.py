"""The media engine does not know which database there is, so its suites run on one."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def store() -> str:
    return "sqlite"
