#!/usr/bin/env python3
"""Runs every check and every suite, prints what took how long, and sums up. From four cores on two suites run at a time.

The last line is `N passed, N failed`. Failed are: failed tests; a step that broke without saying which test; a suite that
skipped tests or ran fewer than tests/expected_counts.json says, because a suite that cannot find its client must not look green.
Standard library only: it runs before the project's own environment exists.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from stoa.postgres import Postgres  # noqa: E402

RESULTS = ROOT / "test-results"
EXPECTED = json.loads((ROOT / "tests" / "expected_counts.json").read_text())
PYTHON = str(ROOT / ".venv" / "bin" / "python")


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0


@dataclass
class Step:
    name: str
    command: list[str]
    group: str
    count: str = "none"  # how to read the number of tests: none, cargo, node, vitest, junit
    cwd: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)
    # Whether another such step may run beside it: suites that start their own servers and mostly wait for events.
    beside: bool = False


def steps() -> list[Step]:
    cargo = os.environ.get("CARGO", "cargo")
    web, browser, hub = ROOT / "web", ROOT / "tests" / "browser", ROOT / "tests" / "hub"
    out = [
        Step("rustfmt", [cargo, "fmt", "--all", "--check"], "lint"),
        Step("crate graph", [cargo, "run", "-q", "-p", "xtask", "--", "graph"], "lint"),
        Step("clippy", [cargo, "clippy", "-q", "--workspace", "--all-targets", "--", "-D", "warnings"], "lint"),
        Step("web types", ["npm", "run", "--silent", "check"], "lint", cwd=web),
        Step("web lint", ["npm", "run", "--silent", "lint"], "lint", cwd=web),
        Step("web unit tests", ["npx", "vitest", "run", "--reporter=default", "--reporter=junit", f"--outputFile.junit={RESULTS}/web.xml"],
             "web", "junit:web", cwd=web),
        Step("pages", ["scripts/build-web.sh"], "build"),
        Step("server", [cargo, "build", "-q", "--workspace", "--bins", "--examples"], "build"),
        Step("rust tests", [cargo, "test", "-q", "--workspace", "--no-fail-fast"], "rust", "cargo:rust"),
    ]
    # The longest first, so that two lanes end together.
    return [
        *out, pytest_step("classroom"), pytest_step("voice_room"),
        node_step("tests/browser", "browser", "browser", browser, sorted(p.name for p in browser.glob("*.test.mjs"))),
        *(pytest_step(suite) for suite in ("talk", "robustness", "console", "media", "hub", "operations")),
        node_step("tests/hub (node)", "hub", "hub_node", hub, ["sdk.test.mjs"]),
    ]


def pytest_step(suite: str) -> Step:
    return Step(
        f"tests/{suite}", [PYTHON, "-m", "pytest", "-q", "--expect-counts", f"--junitxml={RESULTS}/{suite}.xml", suite],
        suite, f"junit:{suite}", cwd=ROOT / "tests", beside=True,
    )


def node_step(name: str, group: str, suite: str, folder: Path, files: list[str]) -> Step:
    return Step(
        name,
        ["node", "--test", "--test-concurrency=1", "--test-reporter=spec", "--test-reporter-destination=stdout",
         "--test-reporter=junit", f"--test-reporter-destination={RESULTS}/{suite}.xml", *files],
        group, f"junit:{suite}", cwd=folder, beside=True,
    )


NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def junit_counts(path: Path) -> Counts:
    if not path.exists():
        return Counts()
    c = Counts()
    # Messages of failed browser tests hold terminal colours, which are no XML.
    for case in ET.fromstring(NOT_XML.sub("", path.read_text(errors="replace"))).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            c.failed += 1
        elif "skipped" in kinds:
            c.skipped += 1
        else:
            c.passed += 1
    return c


CARGO_LINE = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.M)


def cargo_counts(output: str) -> Counts:
    c = Counts()
    for passed, failed, ignored in CARGO_LINE.findall(output):
        c.passed += int(passed)
        c.failed += int(failed)
        c.skipped += int(ignored)
    return c


def lanes() -> int:
    """How many suites run at a time. Their tests have deadlines of a second, so each keeps two cores."""
    return 2 if len(os.sched_getaffinity(0)) >= 4 else 1


def run(step: Step, env: dict[str, str], live: bool) -> tuple[Counts, list[str]]:
    """Runs a step; answers its counts and what is wrong with it. `live`: its output is passed through, else shown at its end."""
    kind, _, suite = step.count.partition(":")
    report = RESULTS / f"{suite}.xml"
    if kind == "junit":
        report.unlink(missing_ok=True)
    process = subprocess.Popen(step.command, cwd=step.cwd, env={**env, **step.env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    lines = []
    for line in process.stdout:
        lines.append(line)
        if live:
            sys.stdout.write(line)
            sys.stdout.flush()
    code = process.wait()
    if not live:
        print(f"\n=== {step.name}: what it said", "".join(lines), sep="\n", end="", flush=True)

    counts = Counts()
    if kind == "cargo":
        counts = cargo_counts("".join(lines))
    elif kind == "junit":
        counts = junit_counts(report)

    wrong = []
    if code != 0 and counts.failed == 0:
        wrong.append(f"exit code {code}")
    if suite:
        least = EXPECTED[suite]
        ran = counts.passed + counts.failed
        if ran < least:
            wrong.append(f"ran {ran} tests, expected {least}")
        if counts.skipped and suite != "rust":
            wrong.append(f"skipped {counts.skipped} tests")
    return counts, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="group to run: lint, web, build, rust, operations, voice_room, robustness, media, talk, classroom, hub, console, browser")
    wanted = parser.parse_args().only
    chosen = [s for s in steps() if not wanted or s.group in wanted]
    RESULTS.mkdir(exist_ok=True)

    env = {**os.environ, "PATH": f"{Path.home() / '.cargo' / 'bin'}:{os.environ['PATH']}", "CARGO_TERM_COLOR": "never", "PYTHONUNBUFFERED": "1"}
    postgres = None
    if any(s.group in ("rust", "voice_room", "robustness", "talk", "classroom") for s in chosen):
        postgres = Postgres()
        env |= {"STOA_TEST_POSTGRES": postgres.admin_url, "DATABASE_URL": postgres.admin_url, "PG_DATABASE_URL": postgres.admin_url}

    def timed(step: Step, live: bool) -> tuple[str, float, Counts, list[str]]:
        print(f"\n=== {step.name}: {' '.join(map(str, step.command))}", flush=True)
        start = time.monotonic()
        counts, wrong = run(step, env, live)
        for text in wrong:
            print(f"=== {step.name}: FAILED: {text}", flush=True)
        return step.name, time.monotonic() - start, counts, wrong

    began = time.monotonic()
    suites = [s for s in chosen if s.beside]
    side_by_side = min(lanes(), len(suites))
    try:
        table = [timed(step, True) for step in chosen if not step.beside]
        with ThreadPoolExecutor(max(1, side_by_side)) as pool:
            table += pool.map(lambda step: timed(step, side_by_side < 2), suites)
    finally:
        if postgres:
            postgres.stop()

    print(f"\n{'step':<20}{'seconds':>9}{'passed':>8}{'failed':>8}{'skipped':>9}")
    for name, took, c, wrong in table:
        print(f"{name:<20}{took:>9.1f}{c.passed:>8}{c.failed:>8}{c.skipped:>9}  {'; '.join(wrong)}".rstrip())
    print(f"{'all':<20}{time.monotonic() - began:>9.1f}")
    total = Counts(sum(c.passed for _, _, c, _ in table), sum(c.failed + len(wrong) for _, _, c, wrong in table))
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
