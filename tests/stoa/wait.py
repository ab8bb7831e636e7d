"""Waiting for something to become true, with a deadline and without guessing how long it takes."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

STEP = 0.02
# Of a scene that must be played within times of the product.
TRIES = 5


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


class FellBehind(Exception):
    """The machine did not keep up with a scene: what came of it says nothing about the server."""


def on_time(began: float, seconds: float) -> None:
    """Called in a scene whose next check means something only if no more than that has passed since `began`, a monotonic time."""
    late = time.monotonic() - began - seconds
    if late >= 0:
        raise FellBehind(f"{late:.2f} s too late")


async def kept_up(scene: Callable[[], Awaitable[None]]) -> None:
    """Plays a scene, again if the machine fell behind. What it found wrong in time fails at once."""
    for left in reversed(range(TRIES)):
        try:
            return await scene()
        except FellBehind as late:
            print(f"a scene is played again: {late}")
            if left == 0:
                raise


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
