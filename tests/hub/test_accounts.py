"""hub.md 9, F6 and F7: what happens to connections when an account is shut out or its login sessions end."""

from __future__ import annotations

import asyncio
import subprocess
import time

import pytest

from stoa.http import User
from stoa.member import Member, Members
from stoa.server import Server, binary


def command(server: Server, *args: str, stdin: str | None = None) -> None:
    run = [str(binary()), "user", *args, "--data", str(server.data)]
    done = subprocess.run(run, input=stdin, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def server():
    made = Server(settings={"voice.single_login": False})
    try:
        yield made.start()
        assert "panicked at" not in made.log()
    finally:
        made.discard()


def token(server: Server, device: str) -> str:
    """A connection token of a login made now."""
    login = server.http.login("lee", "a good password").ok()["token"]
    return User(server.http, "lee", login).im(device_id=device).ok()["hub"]["token"]


async def connections(server: Server, members: Members, count: int = 2) -> tuple[str, list[Member]]:
    """An account with so many devices."""
    command(server, "add", "lee", stdin="a good password\n")
    made = [await members.connect(server.port, token(server, f"d{n}")) for n in range(count)]
    return made[0].token, made


async def test_F6_a_disabled_account_is_out_everywhere_and_stays_out(server):
    async with Members() as members:
        before, devices = await connections(server, members)
        await asyncio.to_thread(command, server, "disable", "lee")
        for one in devices:
            await one.ended(4501)
            assert [e["kind"] for e in one.direct] == ["banned"]
        again = Member(server.port, before)
        members.all.append(again)
        with pytest.raises(ConnectionError):
            await again.connect()
        await again.ended(4501)
        await asyncio.to_thread(command, server, "enable", "lee")
        await members.connect(server.port, before)


async def test_F7_a_logout_ends_connections_and_the_tokens_made_before(server):
    async with Members() as members:
        before, devices = await connections(server, members)
        await asyncio.to_thread(command, server, "logout", "lee")
        for one in devices:
            await one.ended(4503)
        again = Member(server.port, before)
        members.all.append(again)
        with pytest.raises(ConnectionError):
            await again.connect()
        await again.ended(4503)
        # A login of a later second counts again.
        second = int(time.time())
        while int(time.time()) == second:
            await asyncio.sleep(0.05)
        await members.connect(server.port, token(server, "d0"))
