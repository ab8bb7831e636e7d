"""11001 to 11003 and `exit` (classroom.md 7.5), and presence with the hub as the live connection (9.4 S13, S14; 9.5; 9.8; 9.9; 9.10).

Times that pass are those of `stoa.classroom`: 3 s for a lost member, 2 s for a late leave; 3 s of linger after a kick.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from stoa.class_hub import COMMENT, JOINED, KICKED_OUT, LEFT_CLASS, Hall, about, hears_of, is_put_out
from stoa.class_media import becomes, bot, keeps, online, run, status
from stoa.classroom import ASSISTANT, GRACE, KICKED, LEAVE_GRACE, LEFT, NORMAL, SLACK, STUDENT, Throng, person
from stoa.crew import PARTICIPANT_REMOVED
from stoa.wait import kept_up, on_time, until

FORBIDDEN, BANNED = (1403, "not allowed"), (1403, "banned")
KEYS = {"class_id", "user_id", "user_name", "user_avatar", "identity", "status", "join_time", "sid"}


async def quiet_about(one, kind: int, who, seconds: float) -> None:
    """Fails when 1100x about somebody comes within that time."""
    before = len(about(one, kind, who))
    with pytest.raises(AssertionError, match="not within"):
        await one.until(lambda: len(about(one, kind, who)) > before, "nothing", seconds)


def names(one, of: str, who) -> list[dict]:
    """Where `members` names somebody."""
    return [u for e in one.of("members") for u in e[of] if u["userId"] == who.name]


# -- joining and leaving ---------------------------------------------------------------------------

async def test_J01_J02_joins_are_told(hall):
    teacher = await hall.enter(hall.teacher)
    who = await hall.member()
    row = await hears_of(teacher, JOINED, who)
    shown = await asyncio.to_thread(hall.teacher.row, hall.id, who)
    assert set(row) == KEYS and row["class_id"] == hall.id and row["sid"]
    assert {k: row[k] for k in shown} == shown and row["user_avatar"] == ""
    message = teacher.messages(JOINED)[-1]
    assert message["sys"] is True and message["sender"] == {"userId": "system", "userExtension": "{}"} and message["groupId"] == hall.id
    await run(who.join, hall.id)
    await teacher.quiet()
    assert len(about(teacher, JOINED, who)) == 1, "nothing changed, and it was told"
    await run(who.join, hall.id, user_name="another", user_avatar="https://x/y.png")
    await teacher.until(lambda: len(about(teacher, JOINED, who)) == 2, "a new name")
    again = about(teacher, JOINED, who)[-1]
    assert (again["user_name"], again["user_avatar"], again["join_time"]) == ("another", "https://x/y.png", row["join_time"])
    assert await hall.recent(teacher) == [], "1100x are not stored"


async def test_V01_an_http_leave_is_told(hall):
    teacher = await hall.enter(hall.teacher)
    who = await hall.member()
    await run(who.leave, hall.id)
    row = await hears_of(teacher, LEFT_CLASS, who)
    assert set(row) == KEYS and (row["status"], row["identity"]) == (LEFT, STUDENT)
    assert await status(hall.teacher, hall.id, who) == LEFT


async def test_V04_leave_of_a_connected_user(hall):
    teacher = await hall.enter(hall.teacher)

    async def scene() -> None:
        (who, me), = await hall.people(1)
        await quiet_about(teacher, LEFT_CLASS, who, LEAVE_GRACE + 0.2)  # so that only the connection is in the way
        asked = time.monotonic()
        await run(who.leave, hall.id)
        await quiet_about(teacher, LEFT_CLASS, who, 0.5)
        assert await status(hall.teacher, hall.id, who) == NORMAL
        await me.close()
        on_time(asked, LEAVE_GRACE)
        ended = time.monotonic()
        await hears_of(teacher, LEFT_CLASS, who)
        on_time(ended, GRACE - 0.5)  # a lost member is out after its grace in any case
        assert await status(hall.teacher, hall.id, who) == LEFT
        await quiet_about(teacher, LEFT_CLASS, who, GRACE + 1)
        assert not about(me, LEFT_CLASS, who)

    await kept_up(scene)


@pytest.mark.parametrize("assistant", [False, True], ids=["student", "assistant"])
async def test_V05_V07_reload_with_a_late_leave(hall, assistant):
    """Connected; the new page joins; the old connection ends and its leave arrives; the new connection comes."""
    teacher = await hall.enter(hall.teacher)
    who = await (hall.assistant() if assistant else hall.member())
    rival = person(hall.server)
    old = await hall.enter(who, "browser")
    await hears_of(teacher, JOINED, who)
    async with Throng(4) as throng:
        takes = asyncio.create_task(wants_slot(throng, rival, hall.id)) if assistant else None
        await run(who.join, hall.id, **({"identity": 2} if assistant else {}))
        await old.close()
        await run(who.leave, hall.id)
        await quiet_about(teacher, LEFT_CLASS, who, 0.3)
        page = await hall.enter(who, "browser")
        await keeps(hall.teacher, hall.id, who, NORMAL, GRACE + LEAVE_GRACE)
        await finished(takes)
    assert not about(teacher, LEFT_CLASS, who) and not about(page, LEFT_CLASS, who)
    assert len(about(teacher, JOINED, who)) == 1, "a second 11001"
    assert (await asyncio.to_thread(hall.teacher.row, hall.id, who))["identity"] == (ASSISTANT if assistant else STUDENT)


@pytest.mark.parametrize("assistant", [False, True], ids=["student", "assistant"])
async def test_V06_V07_reload_with_a_leave_after_the_new_connection(hall, assistant):
    teacher = await hall.enter(hall.teacher)
    who = await (hall.assistant() if assistant else hall.member())
    rival = person(hall.server)
    old = await hall.enter(who, "browser")
    async with Throng(4) as throng:
        takes = asyncio.create_task(wants_slot(throng, rival, hall.id)) if assistant else None
        await run(who.join, hall.id, **({"identity": 2} if assistant else {}))
        page = await hall.enter(who, "browser")
        await old.ended(4504)
        await run(who.leave, hall.id)
        await keeps(hall.teacher, hall.id, who, NORMAL, GRACE + LEAVE_GRACE)
        await finished(takes)
    await teacher.quiet()
    assert not about(teacher, LEFT_CLASS, who) and not about(page, LEFT_CLASS, who)
    assert all(e["left"] == [] for e in teacher.of("members"))


async def wants_slot(throng: Throng, rival, c: str) -> None:
    while True:
        (await throng.join(rival, c, identity=2)).refused("ClassHasAssistant")
        await asyncio.sleep(0.02)


async def finished(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        assert not task.done() or task.result() is None
        task.cancel()


async def test_V08_V10_lost_and_back(hall):
    """Crash: lost after the grace, not before; back through the hub alone, with the slot kept."""
    teacher = await hall.enter(hall.teacher)
    who = await hall.assistant("MuteGroup")
    me = await hall.enter(who)
    await hears_of(teacher, JOINED, who)
    began = time.monotonic()
    await me.vanish()
    row = await hears_of(teacher, LEFT_CLASS, who, GRACE + SLACK)
    assert time.monotonic() - began >= GRACE - 0.3 and row["status"] == LEFT
    assert await status(hall.teacher, hall.id, who) == LEFT
    me = await hall.enter(who)
    await teacher.until(lambda: len(about(teacher, JOINED, who)) == 2, "11001 on return")
    back = about(teacher, JOINED, who)[-1]
    assert (back["identity"], back["status"], back["join_time"]) == (ASSISTANT, NORMAL, row["join_time"])
    await becomes(hall.teacher, hall.id, who, NORMAL, 3)
    await me.call("muteAll", groupId=hall.id, mute=True)


async def test_V09_back_within_the_grace(hall):
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    await me.vanish()
    await online(hall.teacher, hall.id, 1)
    await me.again()
    await keeps(hall.teacher, hall.id, who, NORMAL, GRACE + 1)
    assert not about(teacher, LEFT_CLASS, who) and len(about(teacher, JOINED, who)) == 1
    assert all(e["left"] == [] for e in teacher.of("members"))


async def test_V12_two_devices_one_closed(hall):
    teacher = await hall.enter(hall.teacher)
    who = await hall.member()
    first, second = await hall.enter(who, "phone"), await hall.enter(who, "browser")
    await first.close()
    await keeps(hall.teacher, hall.id, who, NORMAL, GRACE + 1)
    assert (await run(hall.teacher.get, hall.id))["metrics"]["online_count"] == 2
    assert not about(teacher, LEFT_CLASS, who)
    await hall.say(second, "still here")


async def test_V15_the_old_page_leaves_the_group_first(hall):
    teacher = await hall.enter(hall.teacher)
    (who, old), = await hall.people(1)
    await old.call("leave", groupId=hall.id)
    await run(who.join, hall.id)
    page = await hall.enter(who, "d2")
    await run(who.leave, hall.id)
    await old.close()
    await keeps(hall.teacher, hall.id, who, NORMAL, GRACE + LEAVE_GRACE)
    assert len(about(teacher, LEFT_CLASS, who)) <= 1 and not about(page, LEFT_CLASS, who) and not about(old, LEFT_CLASS, who)


async def test_leaving_the_group_is_a_lost_connection_of_the_class(hall):
    """5.2 rule 3: it ends this connection's part only; the member is gone after the grace, and not told so itself."""
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    began = time.monotonic()
    await me.call("leave", groupId=hall.id)
    assert await me.not_sent(hall.id, COMMENT, {"content": "x"}) == (1403, "not a member")
    await hears_of(teacher, LEFT_CLASS, who, GRACE + SLACK)
    assert time.monotonic() - began >= GRACE - 0.3
    assert not about(me, LEFT_CLASS, who)
    await me.join(hall.id)
    await teacher.until(lambda: len(about(teacher, JOINED, who)) == 2, "back")


async def test_media_alone_keeps_a_member(hall, crew):
    """5.2 rule 2: the last of both kinds of connections counts."""
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    body = await bot(crew, who, hall.id)
    await me.close()
    await keeps(hall.teacher, hall.id, who, NORMAL, GRACE + 1)
    await body.leave()
    await hears_of(teacher, LEFT_CLASS, who, GRACE + SLACK)


async def test_J20_a_message_makes_nobody_an_assistant(hall):
    (who, me), = await hall.people(1)
    asked = await run(who.hub_token, role="admin")
    assert asked["aliyun_new_im"]["auth"]["role"] == "user"
    assert await hall.no_signal(me, 40001, assistantId=who.name) == FORBIDDEN
    assert await me.refused("muteAll", groupId=hall.id, mute=True) == FORBIDDEN
    assert (await asyncio.to_thread(hall.teacher.row, hall.id, who))["identity"] == STUDENT


# -- kicks and permits -----------------------------------------------------------------------------

@pytest.mark.parametrize("door", ["http", "hub"])
async def test_K01_K02_kick(hall, door):
    teacher = await hall.enter(hall.teacher)
    (who, me), (_, other) = await hall.people(2)
    await other.until(lambda: names(other, "joined", who), "the victim is announced")
    began = time.monotonic()
    if door == "http":
        await run(hall.teacher.kick, hall.id, who)
    else:
        await teacher.call("kick", groupId=hall.id, userId=who.name)
    assert await me.not_sent(hall.id, COMMENT, {"content": "x"}) == BANNED
    for call in ("query", "stats", "recent", "members", "join"):
        assert await me.refused(call, groupId=hall.id) == BANNED, call
    for one in (teacher, me, other):
        row = await hears_of(one, KICKED_OUT, who)
        assert set(row) == KEYS and row["status"] == KICKED
    await other.until(lambda: names(other, "left", who), "the departure")
    assert [u["why"] for u in names(other, "left", who)] == ["kicked"]
    await is_put_out(me, hall.id)
    assert 2.5 < time.monotonic() - began < 6
    assert me.closed is None, "the connection itself goes on"
    assert (await asyncio.to_thread(who.join, hall.id)).reason == "InBlackList"
    await other.quiet()
    assert len(about(other, KICKED_OUT, who)) == 1 and not about(other, LEFT_CLASS, who)
    await run(hall.teacher.unkick, hall.id, who)
    await run(who.join, hall.id)
    await me.join(hall.id)
    await hall.say(me, "back")


async def test_K01_a_kick_over_the_hub_needs_the_right(hall):
    bare = await hall.assistant()
    helper = await hall.enter(bare)
    teacher = await hall.enter(hall.teacher)
    (who, me), (victim, _) = await hall.people(2)
    for by in (me, helper):
        assert await by.refused("kick", groupId=hall.id, userId=victim.name) == FORBIDDEN
    await run(hall.teacher.permit, hall.id, '["MemberManagement"]')
    for by, target in ((helper, hall.teacher), (helper, bare), (teacher, hall.teacher), (teacher, bare)):
        assert await by.refused("kick", groupId=hall.id, userId=target.name) == FORBIDDEN
    await helper.call("kick", groupId=hall.id, userId=victim.name, sec=60)
    assert await status(hall.teacher, hall.id, victim) == KICKED


async def test_K06_nobody_hears_of_a_kick_in_advance(hall):
    teacher = await hall.enter(hall.teacher)
    who = person(hall.server)
    await run(hall.teacher.kick, hall.id, who)
    await teacher.quiet()
    assert not about(teacher, KICKED_OUT, who)
    one = await hall.connect(who)
    assert await one.refused("join", groupId=hall.id) == BANNED


async def test_K10_out_without_a_ban(hall):
    (who, me), = await hall.people(1)
    await run(hall.teacher.kick, hall.id, who, ban_seconds=0)
    assert await me.not_sent(hall.id, COMMENT, {"content": "x"}) == (1403, "not a member")
    assert await me.refused("join", groupId=hall.id) == (1403, "join refused")
    await hears_of(me, KICKED_OUT, who)
    await is_put_out(me, hall.id)
    await run(who.join, hall.id)
    await me.join(hall.id)


async def test_K11_mute_of_the_kicked(hall):
    """The official client mutes right after each kick."""
    helper = await hall.enter(await hall.assistant("MemberManagement"))
    teacher = await hall.enter(hall.teacher)
    (who, _), (other, _) = await hall.people(2)
    await run(hall.teacher.kick, hall.id, who)
    for by in (teacher, helper):
        for mute in (True, False):
            await by.call("muteUser", groupId=hall.id, users=[who.name], mute=mute)
    assert await helper.refused("muteUser", groupId=hall.id, users=[other.name], mute=True) == FORBIDDEN
    await teacher.quiet()
    assert teacher.of("mute") == []
    assert (await teacher.call("query", groupId=hall.id))["muteStatus"]["muteUserList"] == []


async def test_A06_a_right_ends_with_the_next_message(hall):
    helper = await hall.enter(await hall.assistant("Courceware", "MuteGroup"))
    await hall.signal(helper, 40003)
    await helper.call("muteAll", groupId=hall.id, mute=False)
    await run(hall.teacher.permit, hall.id, "[]")
    assert await hall.no_signal(helper, 40003) == FORBIDDEN
    assert await helper.refused("muteAll", groupId=hall.id, mute=True) == FORBIDDEN
    await hall.signal(helper, 21002, cameraIsSubScreen=True)


@pytest.mark.parametrize("how", ["deleted", "for another"])
async def test_A07_the_permit_goes(hall, crew, how):
    who = await hall.assistant()
    helper, teacher = await hall.enter(who), await hall.enter(hall.teacher)
    body = await bot(crew, who, hall.id)
    if how == "deleted":
        await run(hall.teacher.drop_permit, hall.id)
    else:
        await run(hall.teacher.permit, hall.id, "[]", assistant_id="somebody-else")
    for one in (teacher, helper):
        row = await hears_of(one, LEFT_CLASS, who)
        assert (row["status"], row["identity"]) == (LEFT, STUDENT)
    assert await hall.no_signal(helper, 21002) == (1403, "not a member")
    assert (await body.gone())[0] == PARTICIPANT_REMOVED
    await is_put_out(helper, hall.id)
    assert await status(hall.teacher, hall.id, who) == LEFT
    await teacher.quiet()
    assert len(about(teacher, LEFT_CLASS, who)) == 1
    await run(who.join, hall.id)
    await helper.join(hall.id)
    assert await hall.no_signal(helper, 21002) == FORBIDDEN


async def test_A08_permit_deleted_after_the_assistant_left(hall):
    teacher = await hall.enter(hall.teacher)
    who = await hall.assistant()
    await run(who.leave, hall.id)
    await hears_of(teacher, LEFT_CLASS, who)
    await run(hall.teacher.drop_permit, hall.id)
    await teacher.event("permit", permissions=[])
    await teacher.quiet()
    assert len(about(teacher, LEFT_CLASS, who)) == 1


# -- status, check-in, counters --------------------------------------------------------------------

async def test_S13_S14_start_and_stop(hall):
    (_, me), (_, other) = await hall.people(2)
    await run(hall.teacher.start, hall.id)
    started = await me.message(10003)
    await me.event("class", status="start")
    await run(hall.teacher.start, hall.id)
    await run(hall.teacher.pause, hall.id)
    await me.event("class", status="pause")
    await run(hall.teacher.stop, hall.id)
    stopped = await me.message(10004)
    for m in (started, stopped):
        assert m["sys"] is True and m["sender"]["userId"] == "system" and m["data"] == "{}"
    # The group is still there.
    sent = await hall.say(other, "after the end")
    await me.message(COMMENT, messageId=sent["messageId"])
    assert {row["status"] for row in (await asyncio.to_thread(hall.teacher.rows, hall.id)).values()} == {NORMAL}
    await hall.enter(await hall.member())
    # With the teacher on the hub, the teacher says so.
    await hall.enter(hall.teacher)
    await run(hall.teacher.start, hall.id)
    await run(hall.teacher.stop, hall.id)
    await me.until(lambda: len(me.of("class")) == 5, "both events")
    await me.quiet()
    assert [e["status"] for e in me.of("class")] == ["start", "pause", "stop", "start", "stop"]
    assert len(me.messages(10003)) == len(me.messages(10004)) == 1


async def test_11004_when_the_caller_is_not_on_the_hub(hall):
    (_, me), = await hall.people(1)
    made = await run(hall.teacher.set_check_in, hall.id, 1)
    message, event = await me.message(11004), await me.event("checkIn")
    assert message["sys"] is True and (event["id"], event["duration"]) == (made["id"], 1)
    await hall.enter(hall.teacher)
    await until(lambda: asyncio.to_thread(lambda: hall.teacher.set_check_in(hall.id, 60).outcome == "yes"), 5, "the first one is over")
    await me.until(lambda: len(me.of("checkIn")) == 2, "the second one")
    await me.quiet()
    assert len(me.messages(11004)) == 1


async def test_state_events_of_http_calls(hall):
    (_, me), = await hall.people(1)
    await run(hall.teacher.meet, hall.id, all_mute=True)
    assert (await me.event("meeting"))["all_mute"] is True and "members" not in me.of("meeting")[0]
    await run(hall.teacher.stage, hall.id, hall.teacher)
    await me.until(lambda: len(me.of("meeting")) == 2, "members")
    assert [m["user_id"] for m in me.of("meeting")[1]["members"]] == [hall.teacher.name] and "all_mute" not in me.of("meeting")[1]
    await run(hall.teacher.permit, hall.id, '["MuteUser","MuteGroup","unknown"]')
    assert set((await me.event("permit"))["permissions"]) == {"MuteUser", "MuteGroup"}
    await run(hall.teacher.add_doc, hall.id, "doc-1")
    assert (await me.event("docs"))["ids"] == ["doc-1"]
    versions = [e["version"] for e in me.events if "version" in e and e["kind"] != "stats"]
    assert versions == sorted(set(versions)), "versions do not rise"


async def test_U08_U09_who_was_there(hall):
    one, two = await hall.member(), await hall.member()
    assert (await run(hall.teacher.get, hall.id))["metrics"] == {"pv": 0, "uv": 0, "online_count": 0, "like_count": 0}
    first = await hall.enter(one)
    again = await hall.enter(one, "d2")
    second = await hall.enter(two)
    wanted = {"pv": 3, "uv": 2, "online_count": 2, "like_count": 0}
    assert (await run(hall.teacher.get, hall.id))["metrics"] == wanted
    assert await first.call("stats", groupId=hall.id) == {"pv": 3, "uv": 2, "onlineCount": 2, "likeCount": 0, "msgAmount": {}}
    await again.close()
    await second.close()
    await online(hall.teacher, hall.id, 1)
    after = (await run(hall.teacher.get, hall.id))["metrics"]
    assert (after["pv"], after["uv"]) == (3, 2)


async def test_U06_likes_of_both_doors(hall):
    (who, me), = await hall.people(1)
    await me.call("like", groupId=hall.id, n=3)
    await run(who.room_call, "sendLikeMessage", hall.id, user_id=who.name)
    await me.until(lambda: me.of("stats") and me.of("stats")[-1]["likeCount"] == 4, "stats")
    assert (await run(hall.teacher.get, hall.id))["metrics"]["like_count"] == 4
    for n in (0, 51, "3", None):
        assert (await me.refused("like", groupId=hall.id, n=n))[0] == 1400


async def test_pv_is_kept(own_server):
    server = own_server()
    async with Hall(server) as hall:
        (who, me), = await hall.people(1)
        await me.close()
        await asyncio.to_thread(server.restart)
        who.http = hall.teacher.http = server.http
        await hall.enter(who, "d2")
        got = (await run(hall.teacher.get, hall.id))["metrics"]
        assert (got["pv"], got["uv"]) == (2, 1)
