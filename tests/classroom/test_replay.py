"""classroom.md 9.14: what the official web client asks, request by request, in its order and with its bodies; the rules are those of the page (no step may answer an error unless noted).

HTTP and media here (media of T, S-b and S-c comes with `rtc_token` over the signalling); the same with the traffic of the message hub between the
requests: test_replay_hub.py.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from stoa.class_media import live
from stoa.class_page import RESET, Page
from stoa.class_routes import V2
from stoa.classroom import ENDED, IN_CLASS, KICKED, NORMAL, fresh, person
from stoa.media import refused
from stoa.wait import until

DEFAULT_PERMIT = '["Courceware","RemoveGroupMessage","MuteGroup"]'


def teacher_enters(page: Page, c: str) -> dict:
    """T from joinClass to queryDoc."""
    page.join(c).ok()
    got = page.get(c)
    assert got["teacher_id"] == page.name and got["link_info"]["rtc_push_url"] and got["shadow_link_info"]["rtc_push_url"]
    board = json.loads(got["boards"])
    assert board["appKey"] and board["boardId"]
    page.im_token(role="admin")
    assert page.meeting(c, **RESET) == RESET
    page.bare("getRunningCheckIn", {"class_id": c}).missing("NotFound")
    page.v1("getAssistantPermit", {"class_id": c}).ok()
    assert page.v1("getWhiteboardAuthInfo").ok()["checksum"]
    page.v1("queryDoc", {"classId": c}).ok()
    return got


def new_class(page: Page, *, mode: int = 1, permit: str | None = None) -> str:
    made = page.send(V2 + "create", {
        "teacher_id": page.name, "teacher_nick": page.name, "extends": "{}", "mode": mode, "title": "课堂", "im_server": ["aliyun_new"],
    }).ok()
    assert made["aliyun_id"] == made["id"] and made["mode"] == mode
    if permit:
        page.v1("setAssistantPermit", {"class_id": made["id"], "permit": permit}).ok()
    return made["id"]


@pytest.mark.parametrize("mode", [0, 1])
async def test_T_teacher_with_a_new_class(server, stage, mode):
    page = Page(server, fresh("teacher"))

    def before_media() -> tuple[str, dict]:
        page.login()
        c = new_class(page, mode=mode, permit=DEFAULT_PERMIT)
        got = teacher_enters(page, c)
        data = page.v1("addDocs", {"classId": c, "docInfo": [{"docId": "doc_1", "serverType": 0, "data": '{"name":"a.pdf"}'}]}).ok()
        assert [d["docId"] for d in data["docsInfoList"]] == ["doc_1"]
        assert page.v1("deleteDocs", {"classId": c, "docIds": "doc_1"}).ok()["docsInfo"] == [{"classId": c, "docId": "doc_1"}]
        return c, got

    c, got = await asyncio.to_thread(before_media)
    me = person(server, page.name)
    room = {"id": c, "meeting_id": got["meeting_id"]}
    camera = await live(stage, me, room)
    await camera.sing(600)
    if mode == 1:
        shadow = await live(stage, me, room, shadow=True)
        await shadow.sing(700)

    def after_media() -> None:
        started = page.v1("start", {"id": c, "user_id": page.name}).ok()
        assert started["status"] == IN_CLASS
        entry = page.entry(got["link_info"])
        assert page.meeting(c, members=[entry])["members"] == [entry]

    await asyncio.to_thread(after_media)
    await camera.close()

    def end() -> None:
        assert page.v1("stop", {"id": c, "user_id": page.name}).ok()["status"] == ENDED
        assert page.meeting(c, members=[])["members"] == []
        page.leave(c).ok()

    await asyncio.to_thread(end)


def test_T2_teacher_returns_by_id(server):
    page = Page(server, fresh("teacher"))
    page.login()
    c = new_class(page)
    page.token = ""
    page.login()
    page.v1("getAssistantPermit", {"class_id": c}).ok()
    page.login()
    got = page.get(c)
    assert got["status"] != ENDED and got["teacher_id"] == page.name
    page.v1("setAssistantPermit", {"class_id": c, "permit": DEFAULT_PERMIT, "im_server": ["aliyun_new"]}).ok()
    page.v1("deleteAssistantPermit", {"class_id": c, "im_server": ["aliyun_new"]}).ok()
    teacher_enters(page, c)
    data = page.v1("listMembers", {"class_id": c, "page_num": 1, "page_size": 20, "status": 0}).ok()
    assert [(m["user_id"], m["identity"]) for m in data["members"]] == [(page.name, 3)] and data["total"] == 1


def student_enters(page: Page, c: str) -> dict:
    """S up to getRunningCheckIn."""
    page.login()
    page.get(c)
    page.join(c).ok()
    got = page.get(c)
    page.im_token()
    page.v1("getMeetingInfo", {"id": c}).ok()
    page.bare("getRunningCheckIn", {"class_id": c}).missing("NotFound")
    return got


@pytest.fixture
def pages(server):
    """A teacher in a running class, and a student who came in."""
    teacher, student = Page(server, fresh("teacher")), Page(server, fresh("student"))
    teacher.login()
    c = new_class(teacher)
    teacher_enters(teacher, c)
    teacher.v1("start", {"id": c, "user_id": teacher.name}).ok()
    student_enters(student, c)
    return teacher, student, c


def test_S_student(pages):
    teacher, student, c = pages
    got = student.get(c)
    assert got["status"] == IN_CLASS and got["user_status"]["mute"] is False
    assert "assistantPermit" not in got


async def test_S_b_S_c_on_and_off_the_stage(server, pages, stage):
    """What 30012 or 30001 would open is opened here by the `members` that the teacher's client writes 1.5 s later."""
    teacher, student, c = pages
    got = await asyncio.to_thread(teacher.get, c)
    room = {"id": c, "meeting_id": got["meeting_id"]}
    both = [person(server, p.name) for p in (teacher, student)]
    watcher, me = [await live(stage, who, room) for who in both]
    mine = teacher.entry(got["link_info"])
    await asyncio.to_thread(teacher.meeting, c, members=[mine])
    theirs = student.entry((await asyncio.to_thread(student.get, c))["link_info"])
    await asyncio.to_thread(teacher.meeting, c, members=[mine, theirs])
    await me.sing(800)
    await watcher.wait_hears(me, 800)
    data = await asyncio.to_thread(teacher.meeting, c, members=[mine])
    assert [m["user_id"] for m in data["members"]] == [teacher.name]
    await until(lambda: not watcher.sees_track_of(me), 3, "the publication is gone")
    await me.hush()
    await refused(me, [watcher], 900)


def test_S_d_check_in(pages):
    teacher, student, c = pages
    which = teacher.bare("setCheckIn", {"class_id": c, "user_id": teacher.name, "duration": 60}).ok()["id"]
    running = student.bare("getRunningCheckIn", {"class_id": c}).ok()
    assert running["id"] == which
    mine = {"check_in_id": which, "user_id": student.name}
    student.bare("getCheckInRecordByUserId", mine).missing("NotFound")
    assert teacher.bare("getCheckInRecords", {"check_in_id": which}).ok() == []
    student.bare("checkIn", mine).ok()
    assert [r["user_id"] for r in teacher.bare("getCheckInRecords", {"check_in_id": which}).ok()] == [student.name]
    gathered, page = [], 1
    while True:
        data = teacher.v1("listMembers", {"class_id": c, "identity": 1, "status": 0, "page_num": page, "page_size": 100}).ok()
        gathered += data["members"]
        if len(gathered) >= data["total"]:
            break
        page += 1
    assert [m["user_id"] for m in gathered] == [student.name]
    assert [o["id"] for o in teacher.bare("getAllCheckIns", {"class_id": c}).ok()] == [which]


def test_S_e_S_f_kicked_and_back(server, pages):
    teacher, student, c = pages
    teacher.v1("kickClass", {"class_id": c, "user_id": student.name, "im_server": ["aliyun_new"]}).ok()
    teacher.v1("muteUser", {"chatroom_id": c, "user_id": student.name, "minute": 1440, "server_type": "rongCloud"}).ok()
    student.leave(c).refused("NotInClass")
    again = Page(server, student.name)
    again.login()
    again.get(c)
    again.join(c).refused("InBlackList")
    again.leave(c).refused("NotInClass")
    assert [m["status"] for m in teacher.v1("listMembers", {"class_id": c, "status": 3}).ok()["members"]] == [KICKED]


@pytest.mark.parametrize("order", ["leave first", "join first"])
def test_S_g_reload_over_http(server, pages, order):
    """With live connections: V05 and V06 in test_presence.py. Without one a late leave acts at once, and the next join mends it."""
    teacher, student, c = pages
    new = Page(server, student.name)
    if order == "leave first":
        student.leave(c).ok()
        student_enters(new, c)
        rows = teacher.v1("listMembers", {"class_id": c, "identity": 1, "status": 0}).ok()["members"]
        assert [m["status"] for m in rows] == [NORMAL]
    else:
        student_enters(new, c)
        student.leave(c).ok()
        new.join(c).ok()
        rows = teacher.v1("listMembers", {"class_id": c, "identity": 1, "status": 0}).ok()["members"]
        assert [m["status"] for m in rows] == [NORMAL]


def assistant_enters(page: Page, c: str) -> None:
    """A up to queryDoc."""
    page.login()
    page.get(c)
    page.join(c, identity=2).ok()
    got = page.get(c)
    assert (got["assistantPermit"]["user_id"], got["assistantPermit"]["status"]) == (page.name, NORMAL)
    page.im_token(role="admin")
    page.v1("getMeetingInfo", {"id": c}).ok()
    permit = page.v1("getAssistantPermit", {"class_id": c}).ok()
    assert json.loads(permit["permit"]) == json.loads(DEFAULT_PERMIT)
    page.v1("getWhiteboardAuthInfo").ok()
    page.v1("queryDoc", {"classId": c}).ok()


def test_A_assistant(server, pages):
    teacher, student, c = pages
    first, second = Page(server, fresh("asst")), Page(server, fresh("asst"))
    # A-a without a permit.
    second.login()
    second.get(c)
    second.join(c, identity=2).refused("ClassNotAssistantPermit")
    teacher.v1("setAssistantPermit", {"class_id": c, "permit": DEFAULT_PERMIT}).ok()
    assistant_enters(first, c)
    assert teacher.get(c)["assistantPermit"]["user_id"] == first.name
    # A-a with one inside.
    second.join(c, identity=2).refused("ClassHasAssistant")
    first.v1("addDocs", {"classId": c, "docInfo": [{"docId": "x", "serverType": 0, "data": "{}"}]}).ok()
    # A-b
    teacher.v1("deleteAssistantPermit", {"class_id": c, "im_server": ["aliyun_new"]}).ok()
    first.leave(c).refused("NotInClass")


def test_A_c_kick_by_the_assistant(server, pages):
    teacher, student, c = pages
    assistant = Page(server, fresh("asst"))
    teacher.v1("setAssistantPermit", {"class_id": c, "permit": '["MemberManagement","CheckInManagement"]'}).ok()
    assistant.login()
    assistant.join(c, identity=2).ok()
    assistant.bare("getRunningCheckIn", {"class_id": c}).missing("NotFound")
    assistant.v1("kickClass", {"class_id": c, "user_id": student.name, "im_server": ["aliyun_new"]}).ok()
    assistant.v1("muteUser", {"chatroom_id": c, "user_id": student.name, "minute": 1440, "server_type": "rongCloud"}).ok()
    student.leave(c).refused("NotInClass")
