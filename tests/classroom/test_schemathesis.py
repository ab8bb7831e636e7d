"""Schemathesis on the OpenAPI document of the dialect: no server error, answers as described."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stoa.class_world import World
from stoa.classroom import SETTINGS
from stoa.notes import note
from stoa.server import Server

HERE = Path(__file__).resolve().parent
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth,answers_hold"


@pytest.fixture
def roomy():
    """A server that counts no failures; the database does not matter here."""
    made = Server(settings=SETTINGS | {"auth.login_failures": 10**6, "auth.login_failures_address": 10**6, "server.log": "info"})
    try:
        yield made.start()
    finally:
        made.discard()


@pytest.mark.parametrize("phases,seconds,least", [("examples,coverage", 45, 500), ("fuzzing,stateful", 25, 200)])
def test_schemathesis(roomy, tmp_path, phases, seconds, least):
    """Each for so long at most, by one worker: two threads cannot parse Python at once (3.11), as Hypothesis does. WHIP and WHEP take SDP, which Schemathesis cannot make: test_streams.py."""
    server = roomy
    world = World(server)  # something to find
    report = tmp_path / "report.xml"
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "st"), "run", f"{server.url}/openapi/classroom.json", "--url", server.url,
            "--checks", CHECKS, "--phases", phases, "--max-examples", "25", "--workers", "1", "--seed", "1", "--max-time", str(seconds),
            "--exclude-path-regex", "^/whip/|^/whep/",
            "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--no-color", "-H", f"Authorization: Bearer {world.admin.token}",
            "--report", "junit", "--report-junit-path", str(report),
        ],
        capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "class_hooks", "PYTHONPATH": f"{HERE}:{HERE.parent}"},
    )
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-12_000:]
    cases = re.search(r"(\d+) generated", text) or re.search(r"Test cases:\s*\n\s*(\d+)", text)
    assert cases and int(cases.group(1)) > least, f"too few cases:\n{text[-3000:]}"
    note(f"Schemathesis, classroom, {phases}: {cases.group(1)} cases, 0 failures")
    assert "panicked at" not in server.log()
    world.teacher.list().ok()
