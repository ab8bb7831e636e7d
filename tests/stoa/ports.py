"""Ports that servers of the tests listen on.

They are ended and started again on the same port, so it must not be one that the system gives away in between: to any
connection that goes out, even one to that very port. Hence from below the usual range of such ports (32768 on Linux).
"""

from __future__ import annotations

import random
import socket

FIRST, LAST = 10_000, 32_000

# Not the seeded one: two suites that run at once must not draw the same.
_dice = random.SystemRandom()


def free_port() -> int:
    """A port on which nobody listened a moment ago, neither with TCP nor with UDP."""
    for _ in range(200):
        port = _dice.randint(FIRST, LAST)
        if all(_is_free(kind, port) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port
    raise RuntimeError(f"no free port between {FIRST} and {LAST}")


def _is_free(kind: int, port: int) -> bool:
    with socket.socket(type=kind) as s:
        try:
            s.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True
