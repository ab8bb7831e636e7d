"""One hub for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stoa.hub import Hub


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    made = Hub("open")
    yield made
    assert made.process.poll() is None, "the hub ended under the tests"
    made.kill()
