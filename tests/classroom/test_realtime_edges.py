"""What chapter 7 of classroom.md says beside the list of 9.12: limits where two doors meet, odd names, times, roles and restarts."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from stoa import wait
from stoa.class_hub import COMMENT, JOINED, LEFT_CLASS, Hall, about, hears_of, said
from stoa.class_media import becomes, bot, keeps, online, run
from stoa.classroom import GRACE, LEFT, NORMAL, RESTART_GRACE, SLACK, UNKNOWN, fresh, person
from stoa.member import Member, Refused

FORBIDDEN, BAD = (1403, "not allowed"), (1400, "bad request")


@pytest.mark.parametrize("name", ["李老师 👩‍🏫", "x" * 255, "用" * 85, "$x", "u#123", "~~x", "!1.a"])
async def test_R22_odd_user_ids(hall, name):
    who = await hall.member(person(hall.server, name))
    teacher, me = await hall.enter(hall.teacher), await hall.enter(who)
    await teacher.direct_to(hall.id, name, 50001, {"x": 1})
    assert (await me.told(50001))["inner"] == {"x": 1}
    sent = await hall.say(me, "hello")
    assert (await teacher.message(COMMENT, messageId=sent["messageId"]))["sender"]["userId"] == name
    assert (await hall.recent(teacher))[0]["userInfo"]["userId"] == name
    await run(hall.teacher.kick, hall.id, who)
    assert await me.refused("query", groupId=hall.id) == (1403, "banned")


async def test_a_nul_in_a_message(hall):
    """PostgreSQL stores none in a text: what is stored apart from the message's own text must not break on it."""
    teacher = await hall.enter(hall.teacher)
    (_, me), = await hall.people(1)
    assert await me.not_sent(hall.id, COMMENT, {"content": "x", "sid": "s\0"}) == BAD
    text = '{"content":"a\\u0000b","sid":"s"}'
    sent = await me.send(hall.id, COMMENT, text)
    assert (await teacher.message(COMMENT, messageId=sent["messageId"]))["data"] == text
    assert [m["data"] for m in await hall.recent(me)] == [text]
    await teacher.send(hall.id, 11111, {"removeSids": "x\0;s", "sid": fresh("sid")})
    await me.event("deleted", messageIds=[sent["messageId"]])
    meta = json.dumps({"announcement": {"content": "a\0b"}})
    assert await teacher.refused("modify", groupId=hall.id, groupMeta=meta) == BAD
    assert (await me.call("query", groupId=hall.id))["groupMeta"] == ""
    for call, args in (
        ("delete", {"messageId": "\0"}), ("muteUser", {"users": ["a\0"], "mute": True}), ("kick", {"userId": "a\0"}), ("modify", {"admins": ["\0"]}),
        ("sendTo", {"receiverId": "\0", "type": 50001, "data": "{}"}), ("members", {"cursor": "\0"}),
    ):
        assert (await teacher.refused(call, groupId=hall.id, **args))[0] in (1400, 1403, 1404), call


async def test_an_announcement_is_as_long_as_a_notice(hall):
    teacher = await hall.enter(hall.teacher)
    meta = lambda size: json.dumps({"announcement": {"content": "a" * size}})
    await teacher.call("modify", groupId=hall.id, groupMeta=meta(4096))
    assert (await run(hall.teacher.get, hall.id))["notice"] == "a" * 4096
    assert await teacher.refused("modify", groupId=hall.id, groupMeta=meta(4097)) == BAD
    assert (await teacher.call("query", groupId=hall.id))["groupMeta"] == meta(4096)


async def test_the_notice_of_a_new_class_is_its_announcement(hall):
    made = await run(hall.teacher.create, notice="from the start")
    teacher = await hall.connect(hall.teacher)
    group = await teacher.join(made["id"])
    assert json.loads(group["groupMeta"])["announcement"]["content"] == "from the start"
    await teacher.quiet()
    assert teacher.of("info") == []
    await run(hall.teacher.update, made["id"], notice="")
    assert json.loads((await teacher.event("info"))["groupMeta"])["announcement"]["content"] == ""


async def test_a_notice_set_while_nobody_was_there(hall):
    (who, me), = await hall.people(1)
    await run(hall.teacher.update, hall.id, notice="one")
    await me.event("info")
    await me.close()
    await run(hall.teacher.update, hall.id, notice="two")
    me = await hall.connect(who)
    group = await me.join(hall.id)
    shown = json.loads(group["groupMeta"])["announcement"]
    assert (shown["content"], shown["modifyUserId"]) == ("two", hall.teacher.name)


async def test_a_receiver_is_ignored_and_a_level_is_passed_on(hall):
    (_, me), (one, first), (_, second) = await hall.people(3)
    sent = await me.send(hall.id, 50001, {}, receiverId=one.name, level=1)
    for other in (first, second):
        assert (await other.message(50001, messageId=sent["messageId"]))["level"] == 1
    assert await me.not_sent(hall.id, 50001, {}, level=2) == BAD


async def test_leave_is_always_answered(hall):
    (_, me), = await hall.people(1)
    for group in (UNKNOWN, "nonsense", hall.id, hall.id):
        assert await me.call("leave", groupId=group) == {}


async def test_U01_a_mute_ends(hall):
    """Over the hub it may be a second; `minute` of 4.25 is `sec` / 60."""
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    began = time.time()
    await teacher.call("muteUser", groupId=hall.id, users=[who.name], mute=True, sec=1)
    end = (await me.event("mute"))["muted"][0]["until"]
    assert began + 0.9 < end / 1000 < time.time() + 1.1
    assert await me.not_sent(hall.id, COMMENT, {"content": "x"}) == (1403, "muted")
    free = lambda: asyncio.to_thread(lambda: who.get(hall.id).ok()["user_status"] == {"mute": False, "mute_source": []})
    await wait.until(free, 5, "the mute is over")
    assert time.time() >= began + 0.9
    await hall.say(me, "free")
    await run(hall.teacher.mute, hall.id, who, 3)
    event = await me.until(lambda: me.of("mute")[1:], "the second mute")
    assert abs(event[0]["muted"][0]["until"] / 1000 - time.time() - 180) < 5
    assert (await run(who.get, hall.id))["user_status"] == {"mute": True, "mute_source": ["user"]}
    assert await me.not_sent(hall.id, COMMENT, {"content": "x"}) == (1403, "muted")


async def test_T07_a_token_grants_nothing(hall):
    who = await hall.member()
    connections = []
    for asking, role in ((who, {"role": "admin"}), (hall.teacher, {}), (hall.teacher, {"role": "admin"})):
        data = await run(asking.hub_token, device_id=fresh("d"), **role)
        connections.append(await hall.opened(Member(asking.http.port, data["aliyun_new_im"]["app_token"])))
        await connections[-1].join(hall.id)
    student, plain, asked = connections
    assert await student.refused("muteAll", groupId=hall.id, mute=True) == FORBIDDEN
    assert await hall.no_signal(student, 10007) == FORBIDDEN
    for one in (plain, asked):
        await one.call("muteAll", groupId=hall.id, mute=False)
        await hall.signal(one, 10007)


async def test_U09_a_user_on_both_paths_counts_once(hall, crew):
    (who, _), (_, _) = await hall.people(2)
    await bot(crew, who, hall.id)
    await bot(crew, hall.teacher, hall.id)
    await online(hall.teacher, hall.id, 3)


@pytest.mark.parametrize("how", ["restart", "kill"])
async def test_P02_restart_with_members_on_the_hub(own_server, how):
    """Who is back in time never left; who is not has left once the time is over, and the others are told."""
    server = own_server()
    async with Hall(server) as hall:
        (back, one), (lost, _) = await hall.people(2)
        http_only = await hall.member()
        await hall.say(one, "before")
        await online(hall.teacher, hall.id, 2)
        # Everybody counts as connected for good once the server has taken their arrival in.
        await run(hall.teacher.kick, hall.id, "somebody who never was here")
        await asyncio.to_thread(server.restart if how == "restart" else lambda: (server.kill(), server.start()))
        began = time.monotonic()
        one = await hall.enter(back)
        await keeps(hall.teacher, hall.id, lost, NORMAL, began + RESTART_GRACE - 1 - time.monotonic())
        await hears_of(one, LEFT_CLASS, lost, RESTART_GRACE + GRACE + SLACK)
        await becomes(hall.teacher, hall.id, lost, LEFT, 2)
        await keeps(hall.teacher, hall.id, back, NORMAL, 1)
        await keeps(hall.teacher, hall.id, http_only, NORMAL, 0.2)
        assert not about(one, LEFT_CLASS, back) and not about(one, JOINED, back)
        assert [said(m) for m in await hall.recent(one)] == ["before"]


async def test_one_order_over_both_lanes(hall):
    (_, me), (_, other) = await hall.people(2)
    for n in range(50):
        await hall.say(me, str(n))
        await hall.signal(me, 50001, n=n)
    await other.until(lambda: len(other.messages(50001)) == 50 and len(other.messages(COMMENT)) == 50, "all of them")
    for kind in (COMMENT, 50001):
        numbers = [m["seqnum"] for m in other.messages(kind)]
        assert numbers == sorted(numbers)
    both = sorted((m["seqnum"], m["type"]) for m in other.messages() if m["type"] in (COMMENT, 50001))
    assert [kind for _, kind in both] == [COMMENT, 50001] * 50


async def test_no_message_of_the_kicked_comes_after_11003(hall):
    teacher = await hall.enter(hall.teacher)
    for _ in range(5):
        (who, me), = await hall.people(1)

        async def talks() -> int:
            n = 0
            while True:
                try:
                    await hall.signal(me, 50001, n=n)
                except Refused as e:
                    assert e.code == 1403
                    return n
                n += 1

        task = asyncio.create_task(talks())
        await teacher.until(lambda: any(m["sender"]["userId"] == who.name for m in teacher.messages(50001)), "talking")
        await run(hall.teacher.kick, hall.id, who)
        assert await task > 0
        await hears_of(teacher, 11003, who)
        await teacher.quiet()
        kinds = [m["type"] for m in teacher.messages() if m["sender"]["userId"] == who.name or m["type"] == 11003 and who.name in m["data"]]
        assert kinds.index(11003) == len(kinds) - 1, "spoke after the kick was told"


async def test_A07_a_connection_of_before_is_no_return(server, crew):
    """The permit goes while the assistant is arriving: however late that is noticed, the assistant has left."""
    async def one() -> None:
        async with Hall(server) as hall:
            who = await hall.assistant()
            teacher = await hall.enter(hall.teacher)
            one = await hall.connect(who)
            await asyncio.gather(one.join(hall.id), bot(crew, who, hall.id))
            await run(hall.teacher.drop_permit, hall.id)
            await keeps(hall.teacher, hall.id, who, LEFT, 1)
            await teacher.quiet()
            assert [len(about(teacher, kind, who)) for kind in (JOINED, LEFT_CLASS)] in ([0, 1], [1, 1])

    await asyncio.gather(*(one() for _ in range(12)))


async def test_a_recovered_connection_is_not_told_of_its_own_leave(hall):
    """5.2: the official client's assistant page closes itself on 11002 about itself."""
    teacher = await hall.enter(hall.teacher)
    who = await hall.assistant()
    me = await hall.enter(who)
    await me.vanish()
    await hears_of(teacher, LEFT_CLASS, who, GRACE + SLACK)
    other = await hall.member()
    assert all((await me.again()).values())
    await hears_of(me, JOINED, other)
    await teacher.until(lambda: len(about(teacher, JOINED, who)) == 2, "back")
    await me.quiet()
    assert not about(me, LEFT_CLASS, who)
