"""Members who send and listen through cut connections and restarts, and members who vanish: `stoa-load chaos` and `ghosts`.

Short by default; `STOA_SOAK=1` runs a million messages in a hundred groups over five restarts, and ten thousand vanishing members."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from stoa.server import binary

SOAK = os.environ.get("STOA_SOAK") == "1"
CHAOS = [] if SOAK else ["--messages", "20000", "--groups", "20", "--restarts", "2"]


def load(folder: Path, what: str, *args: str, seconds: float) -> dict[str, Any]:
    bots = binary().with_name("stoa-load")
    assert bots.exists(), f"{bots} is missing: cargo build -p stoa-load"
    command = [str(bots), what, "--binary", str(binary()), "--dir", str(folder), *args]
    run = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert run.stdout, run.stderr[-4000:]
    out: dict[str, Any] = json.loads(run.stdout)
    assert run.returncode == 0, out
    return out


def test_no_message_is_lost_without_a_word(tmp_path: Path) -> None:
    out = load(tmp_path, "chaos", *CHAOS, seconds=1_900 if SOAK else 220)
    assert out["acknowledged"] >= (1_000_000 if SOAK else 20_000) and out["heard"] > out["acknowledged"]
    assert out["stops"] >= 1 and out["kills"] >= 1 and out["cut"] > 40, "it was chaos"
    assert out["recovered"] > 0 and out["told"] > 0, "a stop is recovered from, a kill is told of"
    for fault in ("silent_gaps", "reordered", "doubled", "offsets", "wrong", "not_stored"):
        assert out[fault] == 0, (fault, out)


if SOAK:

    def test_ghosts_are_not_counted_and_silent_sockets_go(tmp_path: Path) -> None:
        out = load(tmp_path, "ghosts", seconds=500)
        assert out["listed"] == out["told"] == out["there"] and out["otherwise"] == 0, out
