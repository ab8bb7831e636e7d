"""Schemathesis on the OpenAPI document of the dialect: no server error, answers as described."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stoa.endpoints import PROTECTED
from stoa.notes import note
from stoa.server import Server

HERE = Path(__file__).resolve().parent
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth,answers_hold"


def document(server) -> dict:
    answer = server.http.raw("GET", "/openapi/voice-room.json")
    assert answer.status == 200
    return json.loads(answer.raw)


def test_document_names_every_endpoint(server):
    paths = set(document(server)["paths"])
    assert {f"/api/chatroom/{e}" for e in PROTECTED} | {"/login"} <= paths


def test_docs_page_needs_nobody_else(server):
    page = server.http.raw("GET", "/docs")
    if page.status in (301, 302, 307, 308):
        page = server.http.raw("GET", page.header("location"))
    assert page.status == 200
    assert not re.findall(rb"""(?:src|href)=["'](?:https?:)?//""", page.raw)


@pytest.fixture
def roomy():
    """A server without rate limits; the database does not matter here."""
    made = Server(settings={"limits.user": {"per_sec": 0, "burst": 0}, "auth.login_failures": 10**6, "auth.login_failures_address": 10**6})
    try:
        yield made.start()
    finally:
        made.discard()


def test_schemathesis(roomy, tmp_path):
    """One worker: two threads cannot parse Python at once (3.11), as Hypothesis does."""
    server = roomy
    alice = server.user("alice")
    for i in range(3):  # something to find
        alice.join(alice.room(title=f"room {i}")).ok()
    report = tmp_path / "report.xml"
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "st"), "run", f"{server.url}/openapi/voice-room.json", "--url", server.url,
            "--checks", CHECKS, "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "60", "--workers", "1", "--seed", "1", "--max-time", "110",
            "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--no-color", "-H", f"Authorization: Bearer {alice.token}",
            "--report", "junit", "--report-junit-path", str(report),
        ],
        capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": f"{HERE}:{HERE.parent}"},
    )
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-12_000:]
    cases = re.search(r"(\d+) generated", text) or re.search(r"Test cases:\s*\n\s*(\d+)", text)
    assert cases and int(cases.group(1)) > 500, f"too few cases:\n{text[-3000:]}"
    note(f"Schemathesis: {cases.group(1)} cases, 0 failures")
    assert "panicked at" not in server.log()
    server.user().list().ok()
