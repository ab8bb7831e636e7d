"""classroom.md 9.14 with the traffic of the message hub: T, S and A, each step in the order of the official client. What an adapter does for `joinGroup` and the like is `hub.md` 4.8; requests alone and media: test_replay.py."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from stoa.class_page import RESET, Page
from stoa.class_routes import V2
from stoa.classroom import ENDED, IN_CLASS, fresh
from stoa.member import Member, Members

DEFAULT_PERMIT = '["Courceware","RemoveGroupMessage","MuteGroup"]'


async def web(call: Any, *args: Any, **kw: Any) -> Any:
    """A request of the page, off the event loop."""
    return await asyncio.to_thread(call, *args, **kw)


class Person:
    """A page with its adapter."""

    def __init__(self, server: Any, members: Members, kind: str) -> None:
        self.page, self.members, self.c = Page(server, fresh(kind)), members, ""
        self.name = self.page.name
        self.hub: Member = None  # type: ignore[assignment]

    async def enters_group(self, **token: Any) -> None:
        """v2/token, connect, joinGroup, queryGroup, listRecentMessage twice, queryGroup."""
        bundle = await web(self.page.im_token, **token)
        url = base64.urlsafe_b64decode(bundle["app_sign"] + "==").decode()
        assert url == f"ws://127.0.0.1:{self.page.server.port}/connection/websocket", "an adapter finds the hub by the documented fields"
        self.hub = await self.members.connect(self.page.server.port, bundle["app_token"])
        nick = {"userNick": f"昵称 {self.name}", "userAvatar": "https://img.example.com/a.png"}
        joined = await self.hub.join(self.c, nick)
        assert joined["groupId"] == self.c and "muteAll" in joined
        for method in ("query", "recent", "recent", "query"):
            await self.hub.call(method, groupId=self.c)

    async def says(self, kind: int, **data: Any) -> dict[str, Any]:
        return await self.hub.send(self.c, kind, {"sid": fresh("sid")} | data)

    async def hears(self, kind: int, of: Person) -> dict[str, Any]:
        """The newest message of this number by that person; waits for it."""
        await self.hub.until(lambda: [m for m in self.hub.messages(kind) if m["sender"]["userId"] == of.name], f"{kind} of {of.name}")
        return json.loads([m for m in self.hub.messages(kind) if m["sender"]["userId"] == of.name][-1]["data"])

    async def is_told(self, kind: int, about: Person) -> dict[str, Any]:
        """1100x about somebody."""
        def rows() -> list[dict[str, Any]]:
            all_of_kind = [json.loads(m["data"]) for m in self.hub.messages(kind)]
            return [row for row in all_of_kind if row["user_id"] == about.name]
        await self.hub.until(rows, f"{kind} about {about.name}")
        return rows()[-1]

    async def gone(self) -> None:
        """leaveGroup, disconnect."""
        await self.hub.call("leave", groupId=self.c)
        await self.hub.close()


@pytest_asyncio.fixture
async def members() -> AsyncIterator[Members]:
    async with Members() as made:
        yield made


async def teacher_with_class(server: Any, members: Members, permit: str | None = None) -> Person:
    """T up to queryDoc."""
    t = Person(server, members, "teacher")
    await web(t.page.login)
    body = {"teacher_id": t.name, "teacher_nick": t.name, "extends": "{}", "mode": 0, "title": "课堂", "im_server": ["aliyun_new"]}
    t.c = (await web(t.page.send, V2 + "create", body)).ok()["id"]
    if permit:
        (await web(t.page.v1, "setAssistantPermit", {"class_id": t.c, "permit": permit})).ok()
    (await web(t.page.join, t.c)).ok()
    await web(t.page.get, t.c)
    await t.enters_group(role="admin")
    assert await web(t.page.meeting, t.c, **RESET) == RESET
    await t.says(10007)
    (await web(t.page.bare, "getRunningCheckIn", {"class_id": t.c})).missing("NotFound")
    (await web(t.page.v1, "getAssistantPermit", {"class_id": t.c})).ok()
    assert (await web(t.page.v1, "getWhiteboardAuthInfo")).ok()["checksum"]
    (await web(t.page.v1, "queryDoc", {"classId": t.c})).ok()
    return t


async def starts(t: Person) -> dict[str, Any]:
    """`start`, 10003, the teacher in the list."""
    assert (await web(t.page.v1, "start", {"id": t.c, "user_id": t.name})).ok()["status"] == IN_CLASS
    await t.says(10003)
    mine: dict[str, Any] = t.page.entry((await web(t.page.get, t.c))["link_info"])
    await web(t.page.meeting, t.c, members=[mine])
    await t.says(30032, sessionId="1_30032", studentId="", data=[mine])
    return mine


async def student(server: Any, members: Members, t: Person) -> Person:
    """S."""
    s = Person(server, members, "student")
    s.c = t.c
    await web(s.page.login)
    await web(s.page.get, s.c)
    (await web(s.page.join, s.c)).ok()
    await t.is_told(11001, s)
    await web(s.page.get, s.c)
    await s.enters_group()
    (await web(s.page.v1, "getMeetingInfo", {"id": s.c})).ok()
    (await web(s.page.bare, "getRunningCheckIn", {"class_id": s.c})).missing("NotFound")
    return s


async def test_T_teacher_with_a_new_class(server, members):
    t = await teacher_with_class(server, members, DEFAULT_PERMIT)
    await t.says(40002, sessionId="1_40002", permissions=json.loads(DEFAULT_PERMIT))
    docs = {"classId": t.c, "docInfo": [{"docId": "d", "serverType": 0, "data": "{}"}]}
    (await web(t.page.v1, "addDocs", docs)).ok()
    await t.says(40003, sessionId="1_40003")
    (await web(t.page.v1, "deleteDocs", {"classId": t.c, "docIds": "d"})).ok()
    await t.says(40003, sessionId="2_40003")
    await starts(t)
    await t.hears(30032, t)
    await t.says(10004)
    assert (await web(t.page.v1, "stop", {"id": t.c, "user_id": t.name})).ok()["status"] == ENDED
    assert (await web(t.page.meeting, t.c, members=[]))["members"] == []
    (await web(t.page.leave, t.c)).ok()
    # Only what the page sent itself: the server adds no 10003 and 10004 beside it.
    assert [len(t.hub.messages(kind)) for kind in (10003, 10004)] == [1, 1]
    await t.gone()


async def test_S_a_b_c_comment_application_invitation(server, members):
    t = await teacher_with_class(server, members)
    mine = await starts(t)
    s = await student(server, members, t)
    # S-a
    await s.says(10001, content="老师好")
    assert (await s.hears(10001, s))["content"] == (await t.hears(10001, s))["content"] == "老师好"
    recent = (await t.hub.call("recent", groupId=t.c))["messageList"]
    assert [m["userInfo"]["userNick"] for m in recent] == [f"昵称 {s.name}"]
    theirs = s.page.entry((await web(s.page.get, s.c))["link_info"])
    session = {"sessionId": "7_30010", "studentId": s.name, "teacherId": t.name}

    async def on_stage() -> bool:
        claims = (await web(s.page.get, s.c))["link_info"]["rtc_token"].split(".")[1]
        return json.loads(base64.urlsafe_b64decode(claims + "=="))["video"]["canPublish"]

    # S-b
    await s.says(30010, **session)
    await t.says(30012, **await t.hears(30010, s))
    await s.hears(30012, t)
    assert await on_stage(), "it pushes before the list names it"
    await s.says(30014, **session, rtcPullUrl="u", micOpened=True, cameraOpened=True)
    await t.hears(30014, s)
    await web(t.page.meeting, t.c, members=[mine, theirs])
    await t.says(30032, sessionId="8_30032", studentId="", data=[mine, theirs])
    await s.says(30020, **session)
    await t.hears(30020, s)
    await t.says(30022, **session)
    await web(t.page.meeting, t.c, members=[mine])
    await t.says(30032, sessionId="9_30032", studentId="", data=[mine])
    assert not await on_stage()
    # S-c, accepted and refused
    for answer in (30003, 30004):
        invitation = {"sessionId": f"{answer}_30001", "studentId": s.name}
        await t.says(30001, **invitation)
        await t.says(30001, **invitation)
        await s.hears(30001, t)
        assert await on_stage()
        await s.says(answer, **invitation, teacherId=t.name)
        await t.hears(answer, s)
        if answer == 30003:
            await web(t.page.meeting, t.c, members=[mine, theirs])
            await web(t.page.meeting, t.c, members=[mine])
        assert not await on_stage()


async def test_S_d_check_in(server, members):
    t = await teacher_with_class(server, members)
    await starts(t)
    s = await student(server, members, t)
    which = (await web(t.page.bare, "setCheckIn", {"class_id": t.c, "user_id": t.name, "duration": 60})).ok()["id"]
    await t.says(11004)
    await s.hears(11004, t)
    assert len(s.hub.messages(11004)) == 1, "who is connected says so itself"
    assert (await web(s.page.bare, "getRunningCheckIn", {"class_id": s.c})).ok()["id"] == which
    mine = {"check_in_id": which, "user_id": s.name}
    (await web(s.page.bare, "getCheckInRecordByUserId", mine)).missing("NotFound")
    (await web(s.page.bare, "checkIn", mine)).ok()
    records = (await web(t.page.bare, "getCheckInRecords", {"check_in_id": which})).ok()
    assert [r["user_id"] for r in records] == [s.name]


async def test_S_e_S_f_kicked_and_back(server, members):
    t = await teacher_with_class(server, members)
    await starts(t)
    s = await student(server, members, t)
    (await web(t.page.v1, "kickClass", {"class_id": t.c, "user_id": s.name, "im_server": ["aliyun_new"]})).ok()
    await t.hub.call("muteUser", groupId=t.c, users=[s.name], mute=True)
    assert (await s.is_told(11003, s))["status"] == 3 and (await t.is_told(11003, s))["status"] == 3
    (await web(s.page.leave, s.c)).refused("NotInClass")
    await s.gone()
    again = Page(server, s.name)
    await web(again.login)
    await web(again.get, t.c)
    (await web(again.join, t.c)).refused("InBlackList")
    (await web(again.leave, t.c)).refused("NotInClass")


@pytest.mark.parametrize("order", ["before joinClass", "after joinClass", "after the hub join"])
async def test_S_g_reload(server, members, order):
    t = await teacher_with_class(server, members)
    await starts(t)
    old = await student(server, members, t)
    await t.hub.quiet()
    left = len(t.hub.messages(11002))
    new = Person(server, members, "student")
    new.page, new.name, new.c = Page(server, old.name), old.name, t.c
    await web(new.page.login)

    async def goodbye() -> None:
        (await web(old.page.leave, old.c)).ok()

    await old.hub.close()
    if order == "before joinClass":
        await goodbye()
    (await web(new.page.join, new.c)).ok()
    if order == "after joinClass":
        await goodbye()
    await web(new.page.get, new.c)
    await new.enters_group()
    if order == "after the hub join":
        await goodbye()
    # Longer than any grace that could put it out.
    await asyncio.sleep(6)
    assert len(t.hub.messages(11002)) == left, "nobody is told that it left"
    rows = (await web(t.page.v1, "listMembers", {"class_id": t.c, "identity": 1, "status": 0})).ok()["members"]
    assert [m["status"] for m in rows] == [1]
    await new.says(10001, content="still here")


async def test_A_assistant(server, members):
    t = await teacher_with_class(server, members, '["MemberManagement","RemoveGroupMessage","CheckInManagement"]')
    await starts(t)
    s = await student(server, members, t)
    a = Person(server, members, "assistant")
    a.c = t.c
    await web(a.page.login)
    await web(a.page.get, a.c)
    (await web(a.page.join, a.c, identity=2)).ok()
    assert (await web(a.page.get, a.c))["assistantPermit"]["user_id"] == a.name
    await a.enters_group(role="admin")
    (await web(a.page.v1, "getMeetingInfo", {"id": a.c})).ok()
    (await web(a.page.v1, "getAssistantPermit", {"class_id": a.c})).ok()
    (await web(a.page.bare, "getRunningCheckIn", {"class_id": a.c})).missing("NotFound")
    await a.says(40001, assistantId=a.name)
    assert (await t.hears(40001, a))["assistantId"] == a.name
    await t.hub.call("modify", groupId=t.c, admins=[a.name])
    assert (await s.hub.event("info", adminList=[a.name]))["groupId"] == t.c
    await web(t.page.get, t.c)
    (await web(a.page.v1, "getWhiteboardAuthInfo")).ok()
    (await web(a.page.v1, "queryDoc", {"classId": a.c})).ok()
    # A-a
    second = Page(server, fresh("asst"))
    await web(second.login)
    (await web(second.join, t.c, identity=2)).refused("ClassHasAssistant")
    # A-c
    (await web(a.page.v1, "kickClass", {"class_id": t.c, "user_id": s.name, "im_server": ["aliyun_new"]})).ok()
    await a.hub.call("muteUser", groupId=t.c, users=[s.name], mute=True)
    await s.is_told(11003, s)
    (await web(s.page.leave, s.c)).refused("NotInClass")
    # A-b
    (await web(t.page.v1, "deleteAssistantPermit", {"class_id": t.c, "im_server": ["aliyun_new"]})).ok()
    await a.is_told(11002, a)
    (await web(a.page.leave, a.c)).refused("NotInClass")
