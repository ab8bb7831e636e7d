"""A PostgreSQL of our own: Debian's server binaries, a temporary folder, a free port, never as root.

Standard library only: the runner of `make test` uses it too.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from .ports import free_port


class PostgresMissing(RuntimeError):
    """The server binaries are not there."""


def bin_dir() -> Path:
    """Where initdb and pg_ctl are; Debian keeps them off the PATH."""
    if "PGBIN" in os.environ:
        return Path(os.environ["PGBIN"])
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if found:
        return Path(max(found, key=lambda p: int(re.search(r"/(\d+)/bin/", p).group(1)))).parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    raise PostgresMissing("no initdb: install the package `postgresql` or set PGBIN")


# A cluster of a whole suite leaves some 2 GB of databases behind.
ROOM_BYTES = 8 << 30


def quick_folder() -> str | None:
    """Memory, if there is plenty, else where temporary files go.

    To remove gigabytes from a disk that discards blocks at once takes it a minute, in which every other suite waits for its fsync.
    """
    shm = Path("/dev/shm")
    if not (shm.is_dir() and os.access(shm, os.W_OK | os.X_OK)):
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    available = int(found[1]) << 10 if found else 0
    return str(shm) if min(available, shutil.disk_usage(shm).free) >= ROOM_BYTES else None


class Postgres:
    """One cluster. `url(name)` makes a fresh database in it."""

    def __init__(self) -> None:
        self.bin = bin_dir()
        self.dir = Path(tempfile.mkdtemp(prefix="stoa-pg-", dir=quick_folder()))
        self.port = free_port()
        self._as: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
            self._as = ["runuser", "-u", "postgres", "--"]
        # The data is thrown away with the folder, and no test here cuts the power of the database machine, so it need not fsync.
        self._options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off "
            "-c synchronous_commit=off -c full_page_writes=off -c max_connections=300"
        )
        try:
            self._run("initdb", "-D", str(self.dir / "d"), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
            self.resume()
        except BaseException:
            self.stop()
            raise

    @property
    def admin_url(self) -> str:
        """The cluster's own database."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def stop(self) -> None:
        """Ends the cluster and removes its folder."""
        if (self.dir / "d" / "postmaster.pid").exists() or self._as:
            subprocess.run(
                [*self._as, str(self.bin / "pg_ctl"), "-D", str(self.dir / "d"), "-m", "immediate", "stop"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", check=False,
            )
        shutil.rmtree(self.dir, ignore_errors=True)

    def suspend(self) -> None:
        """Switches the server off; the data stays."""
        self._run("pg_ctl", "-D", str(self.dir / "d"), "-m", "fast", "-w", "stop")

    def resume(self) -> None:
        """Switches it on (again), on the same port."""
        self._run("pg_ctl", "-D", str(self.dir / "d"), "-w", "-t", "60", "-l", str(self.dir / "log"), "start", "-o", self._options)

    def _run(self, tool: str, *args: str) -> None:
        # Output to a file: pg_ctl leaves a server behind that would keep a pipe open for ever.
        with tempfile.TemporaryFile() as out:
            done = subprocess.run([*self._as, str(self.bin / tool), *args], stdout=out, stderr=out, cwd="/", timeout=120, check=False)
            if done.returncode != 0:
                out.seek(0)
                raise RuntimeError(f"{tool} failed:\n{out.read().decode(errors='replace')}")


def create_database(admin_url: str) -> str:
    """Makes an empty database in the cluster of `admin_url`; returns its URL."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    psql(admin_url, f"CREATE DATABASE {name}")
    return admin_url.rsplit("/", 1)[0] + "/" + name


def psql(url: str, sql: str) -> str:
    """Runs one statement; returns what it printed."""
    tool = bin_dir() / "psql"
    command = [str(tool if tool.exists() else "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]
    deadline = time.monotonic() + 30
    while True:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd="/")
        if done.returncode == 0:
            return done.stdout.strip()
        # CREATE DATABASE refuses while another session uses the template.
        if "being accessed by other users" in done.stderr and time.monotonic() < deadline:
            time.sleep(0.05)
            continue
        raise RuntimeError(done.stderr)


def store_url(request, store: str) -> str | None:
    """A fresh database of that kind for a test or fixture; None = SQLite in the data folder."""
    return create_database(request.getfixturevalue("postgres_url")) if store == "postgres" else None
