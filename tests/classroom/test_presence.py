"""classroom.md 9.5, V: who counts as present. The live connection here is media; with the hub, and what is told: test_realtime_members.py.

The graces are those of `stoa.classroom`: 3 s for a lost member, 2 s for a late leave, 1 s for media to resume.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable

import pytest

from stoa.class_media import becomes, bot, keeps, online, run
from stoa.classroom import ASSISTANT, GRACE, LEAVE_GRACE, LEFT, NORMAL, RESUME, SLACK, UNKNOWN, Person, Throng, person, request
from stoa.class_routes import ROUTES
from stoa.crew import Crew
from stoa.wait import kept_up, on_time

# Scenes that wait for times to pass: all of a database are played at the same time, each by people of its own, and each is one test.
SCENES: dict[str, Callable[..., Awaitable[None]]] = {}


def scene(play: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    SCENES[play.__name__] = play
    return play


def cast(server) -> tuple[Person, Person, str]:
    """A teacher, a student, and a class of that teacher."""
    teacher, student = person(server), person(server)
    return teacher, student, teacher.klass(mode=1)["id"]


@pytest.fixture(scope="session")
def played(server) -> dict[str, BaseException | None]:
    """What came of each scene."""
    async def play_all() -> list[BaseException | None]:
        async with Crew() as crew:
            return await asyncio.gather(*(play(server, crew) for play in SCENES.values()), return_exceptions=True)

    return dict(zip(SCENES, asyncio.run(play_all())))


def test_V01_V03_leave_over_http(teacher, student, c):
    student.join(c).ok()
    assert student.leave(c).body == {"success": True}
    assert teacher.row(c, student)["status"] == LEFT


def test_V02_refused_leaves(teacher, student, other, c):
    student.join(c).ok()
    student.leave(c).ok()
    student.leave(c).refused("NotInClass")
    other.leave(c).refused("NotInClass")
    other.leave(UNKNOWN).refused("ClassNotFound")
    other.leave("nonsense").refused("ClassNotFound")
    teacher.leave(c).refused("NotInClass")


@scene
async def V04_leave_of_a_connected_user(server, crew) -> None:
    """It is left at the moment when the connection ends, once the last join is old enough."""
    async def play() -> None:
        teacher, student, c = await asyncio.to_thread(cast, server)
        await run(student.join, c)
        joined = time.monotonic()
        me = await bot(crew, student, c)
        await online(teacher, c, 1)
        await asyncio.sleep(max(0.0, joined + LEAVE_GRACE + 0.2 - time.monotonic()))  # so that only the connection is in the way
        asked = time.monotonic()
        await run(student.leave, c)
        await keeps(teacher, c, student, NORMAL, 0.5)
        await me.leave()
        on_time(asked, LEAVE_GRACE)  # the leave is dropped then
        ended = time.monotonic()
        await becomes(teacher, c, student, LEFT, SLACK)
        on_time(ended, GRACE - 0.5)  # a lost member is out after its grace in any case

    await kept_up(play)


@scene
async def V04_a_leave_is_dropped_while_the_connection_goes_on(server, crew) -> None:
    teacher, student, c = await asyncio.to_thread(cast, server)
    await run(student.join, c)
    await bot(crew, student, c)
    await online(teacher, c, 1)
    await run(student.leave, c)
    await keeps(teacher, c, student, NORMAL, LEAVE_GRACE + 2)


async def V05_reload_with_a_late_leave(server, crew, *, assistant: bool) -> None:
    """V05, V07: connected; the new page joins; the old page's connection ends and its leave arrives; the new connection comes."""
    teacher, student, c = await asyncio.to_thread(cast, server)
    rival = person(server)
    join = student.assist if assistant else student.join
    await run(teacher.permit, c)
    await run(join, c)
    old = await bot(crew, student, c)
    await online(teacher, c, 1)
    async with Throng(4) as throng, keeps_slot(throng, rival, c, assistant):
        await run(join, c)
        await old.leave()
        await run(student.leave, c)
        await keeps(teacher, c, student, NORMAL, 0.5)
        await bot(crew, student, c)
        await keeps(teacher, c, student, NORMAL, GRACE + LEAVE_GRACE)
    row = await asyncio.to_thread(teacher.row, c, student)
    assert row["identity"] == (ASSISTANT if assistant else 1)


async def V06_reload_with_a_leave_after_the_new_connection(server, crew, *, assistant: bool) -> None:
    teacher, student, c = await asyncio.to_thread(cast, server)
    rival = person(server)
    join = student.assist if assistant else student.join
    await run(teacher.permit, c)
    await run(join, c)
    await bot(crew, student, c)
    await online(teacher, c, 1)
    async with Throng(4) as throng, keeps_slot(throng, rival, c, assistant):
        await run(join, c)
        await bot(crew, student, c)  # replaces the old page's connection
        await run(student.leave, c)
        await keeps(teacher, c, student, NORMAL, GRACE + LEAVE_GRACE)
    row = await asyncio.to_thread(teacher.row, c, student)
    assert row["identity"] == (ASSISTANT if assistant else 1)


for _who in ("student", "assistant"):
    SCENES[f"V05_V07_reload_with_a_late_leave_{_who}"] = functools.partial(V05_reload_with_a_late_leave, assistant=_who == "assistant")
    SCENES[f"V06_V07_reload_with_a_leave_after_the_new_connection_{_who}"] = functools.partial(
        V06_reload_with_a_leave_after_the_new_connection, assistant=_who == "assistant",
    )


class keeps_slot:
    """All the time somebody tries to take the assistant's slot and must not get it."""

    def __init__(self, throng: Throng, rival, c: str, held: bool) -> None:
        self.throng, self.rival, self.c, self.held = throng, rival, c, held

    async def __aenter__(self) -> None:
        self.task = asyncio.create_task(self.run()) if self.held else None

    async def run(self) -> int:
        tries = 0
        while True:
            (await self.throng.join(self.rival, self.c, identity=2)).refused("ClassHasAssistant")
            tries += 1
            await asyncio.sleep(0.02)

    async def __aexit__(self, *exc: object) -> None:
        if self.task:
            done = self.task.done()
            self.task.cancel()
            if done:
                self.task.result()


async def crashed(teacher, student, c) -> float:
    """Connects in a process of its own and kills it; answers when."""
    async with Crew() as crew:
        await bot(crew, student, c)
        await online(teacher, c, 1)
        crew.kill()
        return time.monotonic()


@scene
async def V08_crash(server, crew) -> None:
    teacher, student, c = await asyncio.to_thread(cast, server)
    await run(student.join, c)
    before = await asyncio.to_thread(teacher.row, c, student)
    began = await crashed(teacher, student, c)
    await keeps(teacher, c, student, NORMAL, began + GRACE - 0.3 - time.monotonic())
    assert await becomes(teacher, c, student, LEFT, RESUME + GRACE + SLACK) - began >= GRACE - 0.3
    assert (await asyncio.to_thread(teacher.row, c, student)) == before | {"status": LEFT}, "join_time moved"


@scene
async def V09_back_within_the_grace(server, crew) -> None:
    teacher, student, c = await asyncio.to_thread(cast, server)
    await run(student.join, c)
    await crashed(teacher, student, c)
    await online(teacher, c, 0, RESUME + SLACK)
    await bot(crew, student, c)
    await keeps(teacher, c, student, NORMAL, GRACE + 1)


@scene
async def V10_back_long_after_the_grace(server, crew) -> None:
    """Back through its live connection alone, without joinClass; here media is that connection."""
    teacher, student, c = await asyncio.to_thread(cast, server)
    assistant = student
    await run(teacher.permit, c)
    await run(assistant.assist, c)
    await crashed(teacher, assistant, c)
    await becomes(teacher, c, assistant, LEFT, RESUME + GRACE + SLACK)
    before = await asyncio.to_thread(teacher.row, c, assistant)
    await bot(crew, assistant, c)
    await becomes(teacher, c, assistant, NORMAL, 5)
    assert (await asyncio.to_thread(teacher.row, c, assistant)) == before | {"status": NORMAL}
    assert before["identity"] == ASSISTANT


@scene
async def V11_http_only_user_is_left_alone(server, crew) -> None:
    """Three times every grace instead of ten minutes."""
    teacher, student, c = await asyncio.to_thread(cast, server)
    await run(student.join, c)
    await keeps(teacher, c, student, NORMAL, 3 * max(GRACE, LEAVE_GRACE))


@scene
async def V12_two_connections_of_one_user(server, crew) -> None:
    """The second one is the shadow publisher: two identities, one user."""
    teacher, student, c = await asyncio.to_thread(cast, server)
    await run(student.join, c)
    await bot(crew, student, c)
    second = await bot(crew, student, c, shadow=True)
    await online(teacher, c, 1)
    await second.leave()
    await keeps(teacher, c, student, NORMAL, GRACE + 1)
    assert (await run(teacher.get, c))["metrics"]["online_count"] == 1


def test_V13_leave_from_another_origin(server, student, c):
    student.join(c).ok()
    body = b'{"class_id":"%s","user_id":"%s"}' % (c.encode(), student.name.encode())
    headers = [("Origin", "https://class.example.org"), ("Content-Type", "text/plain;charset=UTF-8")]
    request(server.http, "POST", ROUTES["leaveClass"].path, token=student.token, headers=headers, body=body).ok()


def test_V14_filters_after_a_leave(teacher, student, other, c):
    student.join(c).ok()
    other.join(c).ok()
    student.leave(c).ok()
    assert set(teacher.rows(c, status=1)) == {other.name}
    assert set(teacher.rows(c, status=2)) == {student.name}
    assert set(teacher.rows(c, status=0)) == {student.name, other.name}


@scene
async def V16_the_same_connection_again(server, crew) -> None:
    """A second connection of the same identity replaces the first; that is no departure."""
    teacher, student, c = await asyncio.to_thread(cast, server)
    await run(student.join, c)
    first = await bot(crew, student, c)
    await bot(crew, student, c)
    await first.gone()
    await keeps(teacher, c, student, NORMAL, GRACE + 1)


@scene
async def connected_before_it_joined(server, crew) -> None:
    """A guest of the media channel who then joins: its absence counts like everybody's."""
    teacher, student, c = await asyncio.to_thread(cast, server)
    await run(student.join, c)
    await run(student.leave, c)
    me = await bot(crew, student, c)
    await becomes(teacher, c, student, NORMAL, 5)
    await me.vanish()
    await becomes(teacher, c, student, LEFT, 20)


@pytest.mark.parametrize("name", SCENES)
def test_presence(played, name):
    if played[name] is not None:
        raise played[name]
