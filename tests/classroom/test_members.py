"""classroom.md 9.5, J and M: joining and lists. 11001 in J01 and 40001 in J20: test_realtime_members.py; J16 in test_races.py."""

from __future__ import annotations

import asyncio

import pytest

from stoa import tokens
from stoa.classroom import ASSISTANT, LEFT, NORMAL, STUDENT, TEACHER, UNKNOWN, Person, Throng, instant, people, person, until_later

SIZES = (20, 100)


def test_J01_join(teacher, student, c):
    assert student.join(c, user_name="小明", user_avatar="https://img.example.com/2.png").body == {"success": True}
    row = teacher.row(c, student)
    assert (row["identity"], row["status"], row["user_name"], row["user_avatar"]) == (STUDENT, NORMAL, "小明", "https://img.example.com/2.png")
    assert len(teacher.rows(c)) == 1


def test_J02_join_again(teacher, student, c):
    student.join(c, user_name="one").ok()
    first = teacher.row(c, student)
    until_later(first["join_time"])
    student.join(c, user_name="two", user_avatar="https://img.example.com/x.png").ok()
    assert teacher.rows(c) == {student.name: first | {"user_name": "two", "user_avatar": "https://img.example.com/x.png"}}


async def test_J03_two_hundred_joins_of_one_user(server, teacher, student, c):
    async with Throng(100) as throng:
        replies = await asyncio.gather(*(throng.join(student, c, user_name=f"name {n}") for n in range(200)))
        assert all(r.ok() is None for r in replies)
        rows = await throng.rows(teacher, c)
    assert list(rows) == [student.name] and rows[student.name]["user_name"] in {f"name {n}" for n in range(200)}


async def test_J04_two_hundred_users(server, teacher, c):
    users = people(server, 200)
    async with Throng(100) as throng:
        replies = await asyncio.gather(*(throng.join(u, c) for u in users))
        assert all(r.ok() is None for r in replies)
        rows = await throng.rows(teacher, c)
    assert set(rows) == {u.name for u in users}


def test_J05_unknown_class(student):
    student.join(UNKNOWN).refused("ClassNotFound")
    student.join("nonsense").refused("ClassNotFound")


@pytest.mark.parametrize("identity", [..., 0, 1, 2, 3, "2"])
def test_J06_the_teacher(teacher, c, identity):
    teacher.join(c, identity=identity).ok()
    assert teacher.row(c, teacher)["identity"] == TEACHER
    assert "assistantPermit" not in teacher.get(c).ok()


@pytest.mark.parametrize("identity", [3, 0, 1, None, ""])
def test_J07_student_with_other_numbers(teacher, student, c, identity):
    student.join(c, identity=identity).ok()
    assert teacher.row(c, student)["identity"] == STUDENT


@pytest.mark.parametrize("identity", [4, -1])
def test_J08_identity_out_of_range(student, c, identity):
    student.join(c, identity=identity).bad("identity")


def test_J09_user_name(teacher, student, c):
    for good in ("x", "字" * 256, " x "):
        student.join(c, user_name=good).ok()
        assert teacher.row(c, student)["user_name"] == good
    for bad in ("字" * 257, ""):
        student.join(c, user_name=bad).bad("user_name")


def test_J10_no_avatar(teacher, student, c):
    student.join(c).ok()
    assert "user_avatar" not in teacher.row(c, student)


def test_J11_assistant_without_permit(teacher, student, c):
    student.assist(c).refused("ClassNotAssistantPermit")
    assert teacher.rows(c) == {}
    student.join(c).ok()
    student.assist(c).refused("ClassNotAssistantPermit")
    assert teacher.row(c, student)["identity"] == STUDENT


def test_J12_assistant_with_permit(teacher, student, c):
    teacher.permit(c, "no JSON: the slot is open all the same").ok()
    student.assist(c).ok()
    assert teacher.row(c, student)["identity"] == ASSISTANT
    assert teacher.get(c).ok()["assistantPermit"]["user_id"] == student.name


def test_J13_J14_J15_the_slot(teacher, server, c):
    one, two = people(server, 2)
    teacher.permit(c).ok()
    one.assist(c).ok()
    two.assist(c).refused("ClassHasAssistant")
    assert two.name not in teacher.rows(c)
    one.assist(c).ok()
    # Re-judged only when 1 or 2 is sent.
    one.join(c).ok()
    one.join(c, identity=3).ok()
    assert teacher.row(c, one)["identity"] == ASSISTANT
    one.leave(c).ok()
    assert (teacher.row(c, one)["identity"], teacher.row(c, one)["status"]) == (ASSISTANT, LEFT)
    two.assist(c).ok()
    rows = teacher.rows(c)
    assert (rows[one.name]["identity"], rows[one.name]["status"]) == (STUDENT, LEFT)
    assert [u for u, row in rows.items() if row["identity"] == ASSISTANT] == [two.name]
    one.assist(c).refused("ClassHasAssistant")
    # Given back by its holder.
    two.join(c, identity=1).ok()
    assert teacher.row(c, two)["identity"] == STUDENT
    one.assist(c).ok()


def test_J17_student_inside_asks_for_the_slot(teacher, student, c):
    student.join(c).ok()
    before = teacher.row(c, student)
    teacher.permit(c).ok()
    student.assist(c).ok()
    after = teacher.row(c, student)
    assert after["identity"] == ASSISTANT and after["join_time"] == before["join_time"]


def test_J18_permit_for_one_user(teacher, server, c):
    one, two = people(server, 2)
    data = teacher.permit(c, assistant_id=one.name).ok()
    assert data["assistant_id"] == one.name == teacher.get_permit(c).ok()["assistant_id"]
    two.assist(c).refused("ClassNotAssistantPermit")
    one.assist(c).ok()
    two.assist(c).refused("ClassNotAssistantPermit")


def test_J19_join_after_the_end(teacher, student, c):
    teacher.stop(c).ok()
    student.join(c).ok()
    assert teacher.row(c, student)["status"] == NORMAL
    student.leave(c).ok()


def test_J20_nothing_else_makes_an_assistant(teacher, student, server, c):
    claims = {"role": "admin", "identity": 2, "admin": True}
    bold = Person(server.http, student.name, tokens.login_token(student.name, **claims))
    bold.join(c, role="assistant", is_assistant=True, assistantPermit=1, permit='["MemberManagement"]').ok()
    bold.hub_token(role="admin").ok()
    assert teacher.row(c, student)["identity"] == STUDENT
    bold.kick(c, "somebody").denied()
    bold.add_doc(c, "d").denied()
    bold.set_check_in(c).denied()
    bold.room_call("muteChatroom", c).denied()


def test_join_time_is_new_after_a_leave(teacher, student, c):
    student.join(c).ok()
    first = teacher.row(c, student)
    student.leave(c).ok()
    assert teacher.row(c, student) == first | {"status": LEFT}
    until_later(first["join_time"])
    student.join(c, user_name="new", user_avatar="https://img.example.com/n.png").ok()
    again = teacher.row(c, student)
    assert again["join_time"] > first["join_time"] and (again["status"], again["user_name"]) == (NORMAL, "new")


# -- lists -----------------------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def crowd(server) -> tuple[Person, str, dict[str, tuple[int, int]]]:
    """A class with 253 rows of mixed state: teacher, class, and who is what."""
    teacher, assistant, *rest = people(server, 253)
    c = teacher.klass()["id"]
    teacher.permit(c).ok()

    async def fill() -> None:
        async with Throng(50) as throng:
            (await throng.join(teacher, c)).ok()
            (await throng.join(assistant, c, identity=2)).ok()
            for r in await asyncio.gather(*(throng.join(u, c) for u in rest)):
                r.ok()
            await asyncio.gather(*(throng.leave(u, c) for u in rest[::5]))
            await asyncio.gather(*(throng.call(teacher, "kickClass", {"class_id": c, "user_id": u.name}) for u in rest[1::7] if u not in rest[::5]))

    asyncio.run(fill())
    what = {u.name: (STUDENT, 2 if n % 5 == 0 else 3 if n % 7 == 1 else 1) for n, u in enumerate(rest)}
    return teacher, c, what | {teacher.name: (TEACHER, 1), assistant.name: (ASSISTANT, 1)}


def order(row: dict) -> tuple:
    return (-row["identity"], row["status"], -instant(row["join_time"]))


@pytest.mark.parametrize("size", SIZES)
def test_M01_pages(crowd, size):
    teacher, c, what = crowd
    gathered, page, total = [], 0, 253
    while len(gathered) < total:
        page += 1
        data = teacher.members(c, page_num=page, page_size=size).ok()
        total = data["total"]
        assert total == 253 and len(data["members"]) == min(size, 253 - len(gathered)), page
        gathered += data["members"]
    assert {row["user_id"]: (row["identity"], row["status"]) for row in gathered} == what and len(gathered) == 253
    assert [order(r) for r in gathered] == sorted(order(r) for r in gathered)
    # Both sizes show one order.
    assert [r["user_id"] for r in gathered] == [r["user_id"] for r in teacher.members(c, page_size=500).ok()["members"]]


@pytest.mark.parametrize("identity,wanted", [(..., {1, 2, 3}), (0, {1, 2, 3}), (1, {1}), (2, {2}), (3, {3}), ("", {1, 2, 3})])
def test_M02_identity(crowd, identity, wanted):
    teacher, c, what = crowd
    data = teacher.members(c, identity=identity).ok()
    expected = {u for u, (i, _) in what.items() if i in wanted}
    assert {r["user_id"] for r in data["members"]} == expected and data["total"] == len(expected)


@pytest.mark.parametrize("identity", [4, -1])
def test_M02_identity_out_of_range(crowd, identity):
    teacher, c, _ = crowd
    teacher.members(c, identity=identity).bad("identity")


@pytest.mark.parametrize("status,wanted", [(0, {1, 2, 3}), (1, {1}), (2, {2}), (3, {3}), ("2", {2})])
def test_M03_status(crowd, status, wanted):
    teacher, c, what = crowd
    data = teacher.members(c, status=status, identity=1).ok()
    expected = {u for u, (i, s) in what.items() if i == 1 and s in wanted}
    assert {r["user_id"] for r in data["members"]} == expected and data["total"] == len(expected)


@pytest.mark.parametrize("status", [..., None, "", 4, -1])
def test_M03_bad_status(crowd, status):
    teacher, c, _ = crowd
    teacher.members(c, status=status).bad("status")


def test_M04_beyond_the_end(crowd):
    teacher, c, _ = crowd
    for page in (14, 10**9, 2**62):
        assert teacher.members(c, page_num=page, page_size=20).ok() == {"total": 253, "members": []}


@pytest.mark.parametrize("fields,count", [({"page_size": ...}, 10), ({"page_size": 0}, 10), ({"page_size": 9999}, 253), ({"page_num": 0, "page_size": "7"}, 7)])
def test_M05_page_size(crowd, fields, count):
    teacher, c, _ = crowd
    assert len(teacher.members(c, **fields).ok()["members"]) == count


async def test_M06_equal_but_for_the_user_id(server, teacher, c):
    """Joins of one second are equal in what is shown, not in what is stored: the id decides only where the stored instants are equal."""
    names = ["z", "Z", "é", "e", "Ä", "ä", "字", "😀", "a-b", "a_b", "a b", "aB", "ab"]
    users = [person(server, f"{n}·{c[:6]}") for n in names]
    async with Throng() as throng:
        await asyncio.gather(*(throng.join(u, c) for u in users))
        first = await throng.rows(teacher, c)
        assert list(first) == list(await throng.rows(teacher, c))
    assert set(first) == {u.name for u in users}


def test_M07_unknown_and_other(teacher, other, c):
    teacher.members(UNKNOWN).missing()
    other.members(c).denied()
    assert teacher.members(c).ok() == {"total": 0, "members": []}
