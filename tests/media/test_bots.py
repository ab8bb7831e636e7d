"""Clients that lie, linger or die: the cases of `stoa-load check`, each against one server."""

from __future__ import annotations

import subprocess

import pytest

from stoa.server import binary

CASES = ["voices", "patched-listener", "seat-lost", "seat-lost-then-resume", "dismissed", "resume", "udp-blocked", "vanished"]


@pytest.mark.parametrize("case", CASES)
def test_bots(server, case):
    bots = binary().with_name("stoa-load")
    done = subprocess.run([str(bots), "check", case, "--url", server.url], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
