"""Waiting for something to become true, with a deadline and without guessing how long it takes."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

STEP = 0.02


async def until(condition: Callable[[], Any], seconds: float, what: str) -> float:
    """Asks `condition` (a function, maybe async) until it is true; answers how long that took."""
    began = time.monotonic()
    while True:
        got = condition()
        if inspect.isawaitable(got):
            got = await got
        if got:
            return time.monotonic() - began
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(STEP)


def until_sync(condition: Callable[[], Any], seconds: float, what: str) -> float:
    """The same without an event loop."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(STEP)
    return time.monotonic() - began


def until_next_second(stamp: str) -> None:
    """Waits until the clock shows another second than `stamp`, an instant in whole seconds."""
    while int(time.time()) <= datetime.fromisoformat(stamp).timestamp():
        time.sleep(STEP)


def until_next_millisecond() -> None:
    """Waits until the clock, which is the server's too, has left this millisecond: lists put what was made within one in the order of ids."""
    now = lambda: time.time_ns() // 1_000_000
    this = now()
    while now() == this:
        pass
