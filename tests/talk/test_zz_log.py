"""C30: runs last on each database. Servers of single tests are looked at when they end."""

from __future__ import annotations

from stoa import http
from stoa.talk import leaks


async def test_C30_B21_no_secret_in_the_log_of_the_run(talk):
    assert await talk.channels() is not None
    log = talk.server.log()
    assert log.count("\n") > 20, "a log that says nothing proves nothing"
    assert leaks(log) == []
    assert http.checked > 0


async def test_C30_the_search_finds_what_it_looks_for(talk, channel):
    token = (await talk.token(channel, "u")).ok()["Token"]
    checksum = talk.query().rsplit("=", 1)[1]
    for line in (f"a {checksum} b", f"t={token}", f"signature {token.rsplit('.', 1)[1]}"):
        assert leaks(f"fine\n{line}\nfine"), line
    assert leaks("fine\n" + "0" * 40 + "\n") == []
