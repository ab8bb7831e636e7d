"""classroom.md 9.7, W: the whiteboard's authorization, and clients of the y-websocket protocol on our board."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from stoa.board import Board, auth, knock, same
from stoa.class_media import run
from stoa.class_routes import ROUTES
from stoa.classroom import BOARD_KEY, BOARD_SECRET, UNKNOWN, Throng, board_checksum, person, request
from stoa.wait import until

LET_IN = 204


@pytest_asyncio.fixture
async def boards() -> AsyncIterator[Callable]:
    """`boards(person, class)` opens one; all are closed at the end."""
    made: list[Board] = []

    async def open(who, c: str) -> Board:
        made.append(Board(who, c))
        return await made[-1].connect()

    yield open
    for one in made:
        await one.drop()


def test_W01_auth_info_without_a_body(server, teacher):
    reply = request(server.http, "POST", ROUTES["getWhiteboardAuthInfo"].path, token=teacher.token)
    data = reply.ok()
    assert set(data) == {"curTime", "nonce", "checksum"} and type(data["curTime"]) is int
    assert abs(data["curTime"] - time.time()) <= 1.5
    assert re.fullmatch(r"[0-9a-f]{32}", data["nonce"])
    assert data["checksum"] == board_checksum(data["nonce"], data["curTime"])


async def test_W02_a_thousand_nonces(teacher):
    async with Throng(32) as throng:
        replies = await asyncio.gather(*(throng.call(teacher, "getWhiteboardAuthInfo", {}) for _ in range(1000)))
    assert len({r.ok()["nonce"] for r in replies}) == 1000


def test_W03_vector_and_app_key(teacher, room):
    assert board_checksum("08318a2ea1124ff49d3c5b7a9e0f1122", 1691650304) == "3d9e182d550e8e95fd3bf14d09057532b5ac9655"
    assert f'"appKey":"{BOARD_KEY}"' in room["boards"] and BOARD_SECRET not in str(room)


@pytest.mark.parametrize("upgrade", [False, True], ids=["plain", "upgrade"])
async def test_W04_who_gets_in(teacher, student, other, server, c, upgrade):
    status = lambda who, **changed: knock(who, changed.pop("room", c), auth(who, **changed), upgrade=upgrade)
    good = 101 if upgrade else LET_IN
    await run(student.join, c)
    assert await status(teacher) == await status(student) == good
    assert await status(student, checksum="0" * 40) == 401
    assert await status(student, secret="another") == 401
    assert await status(student, age=301) == 401
    assert await status(student, age=-302) == 401
    assert await status(student, age=295) == good
    for name in ("checksum", "nonce", "curTime"):
        assert await status(student, **{name: ...}) == 401
    # Whoever is let in uses the nonce up, for everybody and for both ways of asking; a refusal does not.
    once = auth(student)
    assert await knock(other, c, once, upgrade=upgrade) == 403
    assert await knock(student, c, once, upgrade=upgrade) == good
    for again in (True, False):
        assert await knock(student, c, once, upgrade=again) == await knock(teacher, c, once, upgrade=again) == 401, "a nonce twice"
    assert await status(other) == 403
    assert await status(teacher, room=UNKNOWN) == 404
    await run(student.leave, c)
    assert await status(student) == 403
    await run(student.join, c)
    await run(teacher.kick, c, student)
    assert await status(student) == 403


async def test_W04_tokens(server, teacher, room):
    c = room["id"]
    nobody, wrong = person(server, teacher.name), person(server, teacher.name)
    nobody.token, wrong.token = "", "rubbish"
    assert await knock(nobody, c, auth(nobody)) == 401
    assert await knock(wrong, c, auth(wrong)) == 401
    assert await knock(nobody, c, auth(nobody, token=teacher.token)) == LET_IN
    assert await knock(nobody, c, auth(nobody, token=teacher.token), upgrade=True) == 101
    media = room["link_info"]["rtc_token"]
    assert await knock(nobody, c, auth(nobody, token=media)) == 401


async def test_two_boards_converge_after_a_dropped_connection(teacher, server, boards, c):
    assistant = person(server)
    await run(teacher.permit, c, ["DrawWhiteboard"])
    await run(assistant.assist, c)
    one, two = await boards(teacher, c), await boards(assistant, c)
    one.draw("a")
    two.draw("b")
    await one.shows("a", "b")
    await two.shows("a", "b")
    await two.drop()
    one.draw("c")
    one.draw("a", x=7)
    two.draw("d")
    two.draw("b", x=9)
    del one.elements["b"]
    assert one.shown() != two.shown()
    await two.connect()
    await same(one, two)
    assert {"a", "c", "d"} <= set(one.elements.keys()) and one.elements["a"]["x"] == 7
    # And who comes now sees the same.
    third = await boards(teacher, c)
    await same(third, one)


async def test_read_only_without_the_right(teacher, student, server, boards, c):
    assistant = person(server)
    await run(teacher.permit, c, ["MuteUser"])
    await run(assistant.assist, c)
    await run(student.join, c)
    one = await boards(teacher, c)
    for who in (student, assistant):
        board = await boards(who, c)
        board.draw("mine")
        await until(lambda b=board: b.denied, 5, "a denial")
        one.draw(f"by the teacher for {who.name}")
        await until(lambda b=board, n=who.name: f"by the teacher for {n}" in b.elements, 5, "the teacher's change")
    fresh = await boards(teacher, c)
    await same(fresh, one)
    assert "mine" not in fresh.elements


async def test_rights_to_draw_and_to_turn_pages(teacher, server, boards, c):
    assistant = person(server)
    await run(teacher.permit, c, ["Courceware"])
    await run(assistant.assist, c)
    one, two = await boards(teacher, c), await boards(assistant, c)
    two.view["page"] = 2
    await until(lambda: dict(one.view.to_py() or {}) == {"page": 2}, 5, "the page is turned")
    two.draw("not mine")
    await until(lambda: two.denied, 5, "a denial")
    assert "not mine" not in one.elements
    # Changed while the socket is open.
    await run(teacher.permit, c, ["DrawWhiteboard"])
    await two.drop()
    two = await boards(assistant, c)
    two.draw("mine")
    await one.shows("mine")
    await run(teacher.permit, c, [])
    two.draw("too late")
    await until(lambda: two.denied, 5, "a denial")
    assert "too late" not in one.elements


async def test_a_ban_closes_the_board(teacher, student, other, boards, c):
    for who in (student, other):
        await run(who.join, c)
    one, two, stays = await boards(teacher, c), await boards(student, c), await boards(other, c)
    one.draw("a")
    await two.shows("a")
    await run(teacher.kick, c, student)
    await two.gone()
    one.draw("b")
    await stays.shows("a", "b")
    assert "b" not in two.elements


async def test_a_leave_and_a_lost_slot_close_the_board(teacher, student, server, boards, c):
    assistant = person(server)
    await run(teacher.permit, c)
    await run(assistant.assist, c)
    await run(student.join, c)
    one, two = await boards(student, c), await boards(assistant, c)
    await run(student.leave, c)
    await one.gone()
    await run(teacher.drop_permit, c)
    await two.gone()


async def test_deletion_closes_the_board(teacher, boards, c):
    one = await boards(teacher, c)
    one.draw("a")
    await run(teacher.delete, c)
    await one.gone()
    assert await knock(teacher, c, auth(teacher)) == 404


async def test_boards_are_apart_and_kept(own_server):
    """Over a kill and a start."""
    server = own_server()
    t = person(server, "t")
    one, two = (await run(t.create))["id"], (await run(t.create))["id"]
    board, reader = await Board(t, one).connect(), await Board(t, one).connect()
    try:
        for n in range(20):
            board.draw(f"e{n}")
        # What another client sees is stored.
        await reader.shows(*(f"e{n}" for n in range(20)))
    finally:
        await board.drop()
        await reader.drop()
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    t = person(server, "t")
    again, empty = await Board(t, one).connect(), await Board(t, two).connect()
    try:
        await again.shows(*(f"e{n}" for n in range(20)))
        empty.draw("x")
        await empty.shows("x")
        assert "x" not in again.elements
    finally:
        await again.drop()
        await empty.drop()
