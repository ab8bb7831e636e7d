"""G27: runs last on each database. Servers of single tests are looked at when they end."""

from __future__ import annotations

from stoa import http
from stoa.classroom import BOARD_SECRET, leaks


def test_G27_no_secret_in_the_log_of_the_run(server, teacher, c):
    teacher.get(c).ok()
    log = server.log()
    assert log.count("\n") > 20, "a log that says nothing proves nothing"
    assert leaks(log) == []
    assert http.checked > 0


def test_G27_the_search_finds_what_it_looks_for(teacher, c):
    links = teacher.get(c).ok()["link_info"]
    hub = teacher.hub_token().ok()["hub"]["token"]
    for text in (links["rtc_push_url"], links["cdn_pull_info"]["flv_url"], links["rtc_token"], hub, teacher.token, hub.rsplit(".", 1)[1], BOARD_SECRET):
        assert leaks(f"fine\nurl={text}\nfine"), text
    assert leaks("fine\n" + "0" * 64 + "\n") == []
