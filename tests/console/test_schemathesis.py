"""Schemathesis on the OpenAPI document of the console: no server error, answers as described, no way in without a token."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stoa.notes import note
from stoa.server import Server

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth,unsupported_method"


@pytest.fixture
def roomy():
    """A server without rate limits."""
    made = Server(settings={"limits.user": {"per_sec": 0, "burst": 0}, "auth.login_failures": 10**6, "auth.login_failures_address": 10**6})
    try:
        yield made.start()
    finally:
        made.discard()


def test_the_document_is_on_the_docs_page(roomy):
    listed = json.loads(roomy.http.raw("GET", "/docs/documents.json").raw)
    assert {"title": "Console", "url": "/openapi/console.json"} in listed
    assert len(json.loads(roomy.http.raw("GET", "/openapi/console.json").raw)["paths"]) == 18


def test_schemathesis(roomy, tmp_path):
    """One worker: two threads cannot parse Python at once (3.11), as Hypothesis does."""
    server = roomy
    alice = server.user("alice")
    for i in range(3):  # something to find
        alice.join(alice.room(title=f"room {i}")).ok()
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "st"), "run", f"{server.url}/openapi/console.json", "--url", server.url,
            "--checks", CHECKS, "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "40", "--workers", "1", "--seed", "1", "--max-time", "110",
            "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--no-color", "-H", f"Authorization: Bearer {server.admin().token}",
        ],
        capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path, env={**os.environ},
    )
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-12_000:]
    cases = re.search(r"(\d+) generated", text) or re.search(r"Test cases:\s*\n\s*(\d+)", text)
    assert cases and int(cases.group(1)) > 500, f"too few cases:\n{text[-3000:]}"
    note(f"Schemathesis: {cases.group(1)} cases, 0 failures")
    assert "panicked at" not in server.log()
    server.user().list().ok()
