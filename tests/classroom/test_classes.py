"""classroom.md 9.3: create, list, get, update, delete. Their hub halves (UP3, DL3): test_realtime_groups.py; C10 and DL4 at once in numbers: test_races.py; LS7: Rust, store crates."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from stoa.class_routes import RIGHTS
from stoa.classroom import (
    CDN_KEYS, DASHED, ENDED, ID, LEFT, NORMAL, UNKNOWN, Throng, instant, people, person, query_of, until_later, url_sig,
)
from stoa.wait import until_next_millisecond

NO_LINKS = lambda one: {k: v for k, v in one.items() if k not in ("link_info", "shadow_link_info", "metrics")}


def test_C01_v1_with_the_published_request(teacher):
    before = int(time.time())
    made = teacher.call("create", {
        "title": "Algebra 1", "teacher_id": teacher.name, "teacher_nick": "Ms Li", "notice": "Bring paper", "mode": 0, "extends": '{"xx":"xxx"}',
    }).ok()
    assert ID.fullmatch(made["id"]) and DASHED.fullmatch(made["meeting_id"])
    assert made["chat_id"] == made["aliyun_id"] == made["id"]
    assert (made["status"], made["mode"]) == (0, 0)
    assert (made["title"], made["notice"], made["extends"], made["teacher_id"], made["teacher_nick"]) == (
        "Algebra 1", "Bring paper", '{"xx":"xxx"}', teacher.name, "Ms Li",
    )
    assert made["created_at"] == made["updated_at"] and before <= instant(made["created_at"]) <= time.time()
    assert "rtc_push_url" in made["link_info"] and "rtc_push_url" in made["shadow_link_info"]
    # The same a moment later, but for when its URLs end.
    assert NO_LINKS(teacher.get(made["id"]).ok()) == NO_LINKS(made)


def test_C02_v2_with_the_body_of_the_official_client(teacher):
    one = teacher.call("create", {"title": "课堂", "teacher_id": teacher.name}).ok()
    two = teacher.create(title="课堂1").ok()
    assert set(one) == set(two)
    assert (two["title"], two["extends"], two["notice"]) == ("课堂1", "{}", "")
    assert one["teacher_nick"] == one["extends"] == ""


@pytest.mark.parametrize("route", ["create", "v2/create"])
def test_C03_im_server(teacher, route):
    body = {"title": "t", "teacher_id": teacher.name}
    for good in (..., None, [], ["aliyun"], ["aliyun_old"], ["aliyun_new"], ["rongCloud"], ["rong_cloud"], ["stoa"], ["ALIYUN_NEW", "rongcloud"], "aliyun_new"):
        teacher.do(route, body, {"im_server": good}).ok()
    for bad in (["fridge"], ["aliyun_new", "x"], 7, {"a": 1}, [1]):
        teacher.do(route, body, {"im_server": bad}).bad("im_server")


@pytest.mark.parametrize("sent,stored", [(2, 2), (..., 0), (None, 0), ("1", 1), ("", 0), (3, "B"), (-1, "B")])
def test_C04_mode(teacher, sent, stored):
    reply = teacher.create(mode=sent)
    if stored == "B":
        reply.bad("mode")
    else:
        assert reply.ok()["mode"] == stored and teacher.get(reply.ok()["id"]).ok()["mode"] == stored


@pytest.mark.parametrize("title", ['😀 "quoted" \\ back', "line\nbreak\ttab", "  padded  ", "עברית \u202eabc", "é" * 256, "x"])
def test_C05_titles_survive(teacher, title):
    made = teacher.create(title=title).ok()
    assert made["title"] == title and teacher.get(made["id"]).ok()["title"] == title
    assert json.loads(made["boards"])["boardTitle"] == title
    assert next(one for one in teacher.list(page_size=500).ok() if one["id"] == made["id"])["title"] == title


def test_C05_257_characters(teacher):
    teacher.create(title="é" * 257).bad("title")


def test_C06_extends_as_object(teacher):
    made = teacher.create(extends={"a": {"b": [1, 2.5, None, "é"]}}).ok()
    assert made["extends"] == '{"a":{"b":[1,2.5,null,"é"]}}' and teacher.get(made["id"]).ok()["extends"] == made["extends"]
    spaced = '{ "a" : 1 }'
    assert teacher.create(extends=spaced).ok()["extends"] == spaced
    assert teacher.create(extends="no JSON at all").ok()["extends"] == "no JSON at all"


def test_C07_for_somebody_else(teacher, student, root):
    teacher.create(teacher_id=student.name).denied()
    made = root.create(teacher_id=student.name).ok()
    assert made["teacher_id"] == student.name
    assert student.start(made["id"]).ok()["status"] == 1


def test_C08_what_is_not_there_yet(room):
    assert not {"started_at", "stopped_at", "vod_info", "vod_id", "cover_url", "assistantPermit"} & set(room)


def test_C09_boards(teacher):
    made = teacher.create(title="the title").ok()
    board = json.loads(made["boards"])
    assert board["boardId"] == made["id"] and board["boardTitle"] == "the title"
    assert board["cid"] == str(int(made["id"][:12], 16)).zfill(15)
    assert board["uid"] == instant(made["created_at"])
    # The title at creation, also after a change.
    assert json.loads(teacher.update(made["id"], title="new").ok()["boards"])["boardTitle"] == "the title"


async def test_C10_a_hundred_at_once(server, teacher):
    async with Throng() as throng:
        made = await asyncio.gather(*(throng.create(teacher) for _ in range(100)))
    assert len({one["id"] for one in made}) == len({one["meeting_id"] for one in made}) == 100
    listed = await asyncio.to_thread(lambda: {one["id"] for one in teacher.list(page_size=500).ok()})
    assert {one["id"] for one in made} <= listed


def test_C11_teacher_nick(teacher):
    assert teacher.create(teacher_nick="x").ok()["teacher_nick"] == "x"
    assert teacher.create(teacher_nick="字" * 256).ok()["teacher_nick"] == "字" * 256
    teacher.create(teacher_nick="字" * 257).bad("teacher_nick")


@pytest.mark.parametrize("creators,allowed", [(["admin"], set()), (["alice", "bob"], {"alice", "bob"}), (["any"], {"alice", "bob", "carol"})])
def test_creators(own_server, creators, allowed):
    server = own_server({"class.creators": creators})
    for name in ("alice", "bob", "carol"):
        reply = person(server, name).create()
        reply.ok() if name in allowed else reply.denied()
    person(server, "the-operator").create().ok()


# -- list ----------------------------------------------------------------------------------------------

def test_LS1_LS2_LS3_pages_of_a_fresh_server(own_server):
    server = own_server()
    t, s = people(server, 2)
    assert t.list().body == {"success": True, "data": []}
    # Made within few seconds, so that many share what is shown of the instant; classes of one millisecond (LS3) are below.
    made = []
    for n in range(25):
        made.append(t.klass(title=str(n))["id"])
        until_next_millisecond()
    pages = [[one["id"] for one in s.list(page_num=n, page_size=10).ok()] for n in (1, 2, 3, 4)]
    assert [len(p) for p in pages] == [10, 10, 5, 0]
    assert sum(pages, []) == made[::-1]
    assert [one["id"] for one in s.list(page_size=25).ok()] == made[::-1]
    # Ended classes stay; deleted ones go.
    t.stop(made[3]).ok()
    t.delete(made[4]).ok()
    assert [one["id"] for one in s.list(page_size=500).ok()] == [i for i in made[::-1] if i != made[4]]


async def test_LS3_classes_of_one_moment(own_server):
    """Many of them share a millisecond: whatever the order, all pages and all readings agree on it."""
    server = own_server()
    t, s = people(server, 2)
    async with Throng(50) as throng:
        made = {one["id"] for one in await asyncio.gather(*(throng.create(t) for _ in range(50)))}
    pages = lambda size: [one["id"] for n in range(1, 50 // size + 2) for one in s.list(page_num=n, page_size=size).ok()]
    first = await asyncio.to_thread(pages, 8)
    assert len(first) == 50 and set(first) == made
    for size in (8, 7, 50):
        assert await asyncio.to_thread(pages, size) == first


def test_LS4_page_fields(server, student):
    t = person(server)
    for _ in range(12):
        t.klass()
    ids = lambda **fields: [one["id"] for one in student.list(**fields).ok()]
    first = ids()
    assert len(first) == 10
    for same in ({"page_num": 0}, {"page_num": -3}, {"page_size": 0}, {"page_size": -1}, {"page_num": ""}, {"page_size": None}, {"page_num": "1"}):
        assert ids(**same) == first, same
    assert ids(page_num="2", page_size="5") == first[5:]
    assert ids(page_num=2, page_size=5) == first[5:]
    assert len(ids(page_size=5000)) <= 500
    assert ids(page_num=10**9, page_size=500) == [] == ids(page_num=2**62)


def test_LS4_page_size_is_clamped_to_500(own_server):
    server = own_server()
    t = person(server)

    async def fill() -> None:
        async with Throng() as throng:
            await asyncio.gather(*(throng.create(t) for _ in range(502)))

    asyncio.run(fill())
    assert len(t.list(page_size=5000).ok()) == 500
    assert len(t.list(page_size=5000, page_num=2).ok()) == 2


def test_LS5_push_urls_are_the_owner_s(teacher, student, c):
    mine = next(one for one in teacher.list(page_size=500).ok() if one["id"] == c)
    theirs = next(one for one in student.list(page_size=500).ok() if one["id"] == c)
    for name, owner in (("link_info", teacher.name), ("shadow_link_info", f"{teacher.name}_shadow")):
        assert {"rtc_push_url", "rtc_token", "rtc_url"} <= set(mine[name])
        assert not {"rtc_push_url", "rtc_token", "rtc_url"} & set(theirs[name])
        for one in (mine, theirs):
            assert query_of(one[name]["rtc_pull_url"])["userId"] == owner
    assert query_of(theirs["link_info"]["cdn_pull_info"]["flv_url"])["viewer"] == student.name


def test_LS6_each_entry_is_whole(server, student, c):
    for one in student.list(page_size=500).ok():
        # check_class looked at user_status, metrics and the sixteen keys.
        assert {"link_info", "shadow_link_info"} <= set(one) and set(one["link_info"]["cdn_pull_info"]) == CDN_KEYS
    assert one


def test_LS6_list_shows_what_get_shows(teacher, student, server, c):
    assistant = person(server)
    teacher.permit(c).ok()
    assistant.assist(c).ok()
    student.join(c).ok()
    teacher.mute(c, student).ok()
    teacher.room_call("muteChatroom", c).ok()
    student.room_call("sendLikeMessage", c, user_id=student.name).ok()
    teacher.meet(c, members=[{"user_id": "x"}]).ok()
    for who in (teacher, student, assistant):
        listed = next(one for one in who.list(page_size=500).ok() if one["id"] == c)
        got = who.get(c).ok()
        drop = lambda one: {k: v for k, v in one.items() if k not in ("link_info", "shadow_link_info")}
        assert drop(listed) == drop(got)


# -- get -----------------------------------------------------------------------------------------------

def test_GT1_unknown(student):
    student.get(UNKNOWN).missing()


def test_GT2_before_joining(teacher, student, room):
    got = student.get(room["id"]).ok()
    query = query_of(got["link_info"]["rtc_push_url"])
    assert query["userId"] == student.name
    assert query["token"] == url_sig("push", room["meeting_id"], student.name, int(query["timestamp"]))
    assert abs(int(query["timestamp"]) - time.time() - 86_400) <= 3
    assert student.name not in teacher.rows(room["id"])


def test_GT4_user_id_that_needs_encoding(server, room):
    me = person(server, "李 老师&x=1")
    url = me.get(room["id"]).ok()["link_info"]["rtc_push_url"]
    assert "userId=%E6%9D%8E%20%E8%80%81%E5%B8%88%26x%3D1&timestamp=" in url
    query = query_of(url)
    assert set(query) == {"userId", "timestamp", "token"} and query["userId"] == "李 老师&x=1"
    assert query["token"] == url_sig("push", room["meeting_id"], "李 老师&x=1", int(query["timestamp"]))


def test_GT5_meeting_info_of_a_fresh_class(room):
    assert room["meetingInfo"] == room["meeting_info"] == '{"members":[]}'


def test_GT6_banned(teacher, student, c):
    teacher.kick(c, student).ok()
    got = student.get(c).ok()
    assert not {"link_info", "shadow_link_info"} & set(got)
    listed = next(one for one in student.list(page_size=500).ok() if one["id"] == c)
    assert "rtc_push_url" not in listed.get("link_info", {})
    teacher.unkick(c, student).ok()
    assert {"link_info", "shadow_link_info"} <= set(student.get(c).ok())


def test_GT7_shadow(teacher, student, room):
    c, meeting = room["id"], room["meeting_id"]
    links = student.get(c).ok()["shadow_link_info"]
    for kind in ("push", "pull"):
        query = query_of(links[f"rtc_{kind}_url"])
        assert query["userId"] == f"{student.name}_shadow"
        assert query["token"] == url_sig(kind, meeting, query["userId"], int(query["timestamp"]))
    for name, url in links["cdn_pull_info"].items():
        if url:
            assert f"/live/stoa_{meeting}_{teacher.name}_shadow_" in url and query_of(url)["viewer"] == student.name, name


def test_GT8_assistant_permit(teacher, server, c):
    one, two = people(server, 2)
    shown = lambda: teacher.get(c).ok().get("assistantPermit")
    teacher.permit(c).ok()
    assert shown() is None
    one.assist(c, user_avatar="https://img.example.com/3.png").ok()
    assert shown() == {
        "class_id": c, "user_id": one.name, "user_name": f"nick of {one.name}", "user_avatar": "https://img.example.com/3.png", "identity": 2,
        "status": NORMAL, "join_time": teacher.row(c, one)["join_time"],
    }
    one.leave(c).ok()
    assert (shown()["user_id"], shown()["status"]) == (one.name, LEFT)
    two.assist(c).ok()
    assert (shown()["user_id"], shown()["status"]) == (two.name, NORMAL) and "user_avatar" not in shown()
    teacher.drop_permit(c).ok()
    assert shown() is None


def test_GT9_ended_class(teacher, student, c):
    teacher.stop(c).ok()
    for who in (teacher, student):
        assert who.get(c).ok()["status"] == ENDED


# -- update ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name,value", [("title", "new title 😀"), ("notice", "news\nof the day"), ("extends", '{"a":1}')])
def test_UP1_one_field(teacher, c, name, value):
    before = NO_LINKS(teacher.get(c).ok())
    until_later(before["updated_at"])
    after = NO_LINKS(teacher.update(c, **{name: value}).ok())
    assert after.pop("updated_at") > before.pop("updated_at")
    assert after == before | {name: value} == {k: v for k, v in NO_LINKS(teacher.get(c).ok()).items() if k != "updated_at"}


@pytest.mark.parametrize("blank", ["", "  ", "\t", None])
def test_UP2_blank_title(teacher, c, blank):
    assert teacher.update(c, title=blank).ok()["title"] == "a class"


def test_UP3_cleared_notice(teacher, c):
    assert teacher.update(c, notice="x", extends="y").ok()["notice"] == "x"
    after = teacher.update(c, notice="", extends="").ok()
    assert (after["notice"], after["extends"]) == ("", "")
    teacher.update(c, notice="again").ok()
    assert teacher.update(c, notice=None).ok()["notice"] == "again"


def test_UP4_without_user_id(teacher, c):
    teacher.update(c, user_id=..., title="x").bad("user_id")


def test_UP5_assistant_with_edit_announcement(teacher, server, c):
    assistant = person(server)
    teacher.permit(c, '["EditAnnouncement"]').ok()
    assistant.assist(c).ok()
    assert assistant.update(c, notice="by the assistant").ok()["notice"] == "by the assistant"
    assistant.update(c, title="mine").denied()
    assistant.update(c, notice="second", title="mine").denied()
    assistant.update(c, notice="second", extends="mine").denied()
    got = teacher.get(c).ok()
    assert (got["notice"], got["title"], got["extends"]) == ("by the assistant", "a class", "{}")
    # What would not change anything is no offence.
    assert assistant.update(c, notice="third", title=got["title"], extends=got["extends"]).ok()["notice"] == "third"
    teacher.permit(c, '["Courceware"]').ok()
    assistant.update(c, notice="fourth").denied()


def test_UP6_length_of_a_notice(teacher, c):
    # 4,096 bytes are 1,365 characters of three bytes and one of one.
    assert teacher.update(c, notice="好" * 1365 + "x").ok()["notice"] == "好" * 1365 + "x"
    teacher.update(c, notice="好" * 1365 + "xy").bad("notice")
    teacher.update(c, notice="好" * 1366).bad("notice")


def test_UP7_unknown_and_student(teacher, student, c):
    teacher.update(UNKNOWN, title="x").missing()
    student.join(c).ok()
    student.update(c, title="x").denied()
    student.update(c, notice="x").denied()
    assert teacher.get(c).ok()["title"] == "a class"


# -- delete ----------------------------------------------------------------------------------------------

def test_DL1_delete(teacher, student, c):
    student.join(c).ok()
    before = NO_LINKS(teacher.get(c).ok())
    assert NO_LINKS(teacher.delete(c).ok()) == before
    for who in (teacher, student):
        who.get(c).missing()
        assert c not in {one["id"] for one in who.list(page_size=500).ok()}
    student.join(c).refused("ClassNotFound")
    student.leave(c).refused("ClassNotFound")


def test_DL2_only_the_teacher(teacher, student, other, server, c):
    assistant = person(server)
    teacher.permit(c, json.dumps(RIGHTS)).ok()
    assistant.assist(c).ok()
    student.join(c).ok()
    for who in (student, assistant, other):
        who.delete(c).denied()
    teacher.get(c).ok()


def test_DL3_nothing_is_left(teacher, student, server, room):
    c = room["id"]
    assistant = person(server)
    teacher.permit(c).ok()
    assistant.assist(c).ok()
    student.join(c).ok()
    teacher.add_doc(c, "d").ok()
    which = teacher.set_check_in(c).ok()["id"]
    student.check_in(which).ok()
    teacher.mute(c, student).ok()
    teacher.delete(c).ok()
    teacher.members(c).missing()
    assert teacher.get_permit(c).body == {"success": True}
    teacher.call("queryDoc", {"classId": c}).missing()
    teacher.call("getAllCheckIns", {"class_id": c}).missing("NotFound")
    teacher.call("getCheckInRecords", {"check_in_id": which}).missing("NotFound")
    student.check_in(which).refused("NotFound")
    teacher.info(c).missing()
    teacher.room_call("getStatistics", c).missing()
    student.rtc(room["meeting_id"]).missing()
    assert assistant.hub_token(role="admin").ok()["aliyun_new_im"]["auth"]["role"] == "user"


async def test_DL3_media_ends(teacher, student, crew, server, room):
    c = room["id"]
    await asyncio.to_thread(student.join, c)
    got = await asyncio.to_thread(student.get, c)
    bot = await crew.join(f"ws://127.0.0.1:{server.port}", got.ok()["link_info"]["rtc_token"])
    (await asyncio.to_thread(teacher.delete, c)).ok()
    await bot.gone()


def test_DL4_twice(teacher, c):
    teacher.delete(c).ok()
    teacher.delete(c).missing()


async def test_DL4_two_at_once(server, teacher):
    async with Throng() as throng:
        for _ in range(20):
            c = (await throng.create(teacher))["id"]
            body = {"id": c, "user_id": teacher.name}
            replies = await asyncio.gather(*(throng.call(teacher, "delete", body) for _ in range(2)))
            assert sorted(r.outcome for r in replies) == ["404", "yes"]


def test_ids_are_given_once(teacher):
    seen = {teacher.klass()["id"] for _ in range(30)} | {teacher.klass()["meeting_id"] for _ in range(30)}
    assert len(seen) == 60
