"""classroom.md 9.12, R: messages of the group, on real sockets. Types and rights in test_realtime_types.py, groups in test_realtime_groups.py."""

from __future__ import annotations

import asyncio
import json

from stoa.class_hub import COMMENT, Hall, said
from stoa.class_media import run
from stoa.classroom import fresh, person

FORBIDDEN = (1403, "not allowed")


async def test_R01_the_sender_hears_itself_once(hall):
    (_, me), (_, other) = await hall.people(2)
    second = await hall.say(me, "hello")
    for one in (me, other):
        await one.message(COMMENT, messageId=second["messageId"])
        await one.quiet()
        copies = one.messages(COMMENT)
        assert len(copies) == 1 and said(copies[0]) == "hello"
        assert (copies[0]["seqnum"], copies[0]["timestamp"]) == (second["seqnum"], second["timestamp"])


async def test_R02_one_order_everywhere(hall):
    people = [one for _, one in await hall.people(5)]
    each = 1_000

    async def chatter(n: int) -> None:
        for i in range(each):
            await people[n].send(hall.id, COMMENT, {"content": f"{n}.{i}"})

    await asyncio.gather(*(chatter(n) for n in range(3)))
    orders = []
    for one in people:
        await one.until(lambda o=one: len(o.messages(COMMENT)) >= 3 * each, "all messages", 30)
        orders.append([(m["seqnum"], m["messageId"], said(m)) for m in one.messages(COMMENT)])
    assert len(orders[0]) == 3 * each and all(order == orders[0] for order in orders)
    numbers = [n for n, *_ in orders[0]]
    assert all(a < b for a, b in zip(numbers, numbers[1:])), "seqnum does not rise"
    for n in range(3):
        assert [t for *_, t in orders[0] if t.startswith(f"{n}.")] == [f"{n}.{i}" for i in range(each)]


async def test_R05_E10_who_may_comment_while_muted(hall):
    assistant = await hall.assistant()
    teacher, helper = await hall.enter(hall.teacher), await hall.enter(assistant)
    (who, me), (_, other) = await hall.people(2)
    text = {"content": "x", "skipMuteCheck": True}
    await teacher.call("muteUser", groupId=hall.id, users=[who.name], mute=True)
    assert await me.not_sent(hall.id, COMMENT, text, skipMuteCheck=True) == (1403, "muted")
    await hall.say(other, "not muted")
    await teacher.call("muteUser", groupId=hall.id, users=[who.name], mute=False)
    await hall.say(me, "again")
    await teacher.call("muteAll", groupId=hall.id, mute=True)
    for one in (me, other):
        assert await one.not_sent(hall.id, COMMENT, text, skipMuteCheck=True) == (1403, "muted")
    await hall.say(teacher, "by the teacher")
    await hall.say(helper, "by the assistant")
    await other.quiet()
    assert [said(m) for m in other.messages(COMMENT)] == ["not muted", "again", "by the teacher", "by the assistant"]
    assert await teacher.refused("muteUser", groupId=hall.id, users=[hall.teacher.name], mute=True) == FORBIDDEN


async def test_R05_a_muted_assistant(hall):
    assistant = await hall.assistant()
    teacher, helper = await hall.enter(hall.teacher), await hall.enter(assistant)
    await teacher.call("muteUser", groupId=hall.id, users=[assistant.name], mute=True)
    assert await helper.not_sent(hall.id, COMMENT, {"content": "x"}) == (1403, "muted")


async def test_R06_a_muted_member_signals(hall):
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    await teacher.call("muteUser", groupId=hall.id, users=[who.name], mute=True)
    await teacher.call("muteAll", groupId=hall.id, mute=True)
    sent = await me.send(hall.id, 50001, {"x": 1}, skipMuteCheck=True)
    await teacher.message(50001, messageId=sent["messageId"])


async def test_R07_a_mute_outlives_connections_and_restarts(own_server):
    server = own_server()
    async with Hall(server) as hall:
        teacher = await hall.enter(hall.teacher)
        (alone, me), (free, _) = await hall.people(2)
        await teacher.call("muteUser", groupId=hall.id, users=[alone.name], mute=True)
        await teacher.call("muteAll", groupId=hall.id, mute=True)
        for again in (False, True):
            if again:
                await asyncio.to_thread(server.restart)
                hall.teacher.http = alone.http = free.http = server.http
            else:
                await me.vanish()
            me, other, teacher = await hall.connect(alone), await hall.connect(free), await hall.connect(hall.teacher)
            mine, others, all_of_it = [(await one.join(hall.id))["muteStatus"] for one in (me, other, teacher)]
            assert mine == {"groupId": hall.id, "muteAll": True, "muteUserList": [alone.name], "whiteUserList": []}
            assert others == {"groupId": hall.id, "muteAll": True, "muteUserList": [], "whiteUserList": []}
            assert all_of_it["muteAll"] is True and all_of_it["muteUserList"] == [alone.name]
            assert await me.not_sent(hall.id, COMMENT, {"content": "x"}) == (1403, "muted")
            assert await other.not_sent(hall.id, COMMENT, {"content": "x"}) == (1403, "muted")
        await teacher.call("muteAll", groupId=hall.id, mute=False)
        assert await me.not_sent(hall.id, COMMENT, {"content": "x"}) == (1403, "muted"), "not muted alone any more"
        await hall.say(other, "free")


async def test_R08_one_event_for_a_mute(hall):
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    status = lambda: me.call("query", groupId=hall.id)
    steps = [
        (lambda: teacher.call("muteAll", groupId=hall.id, mute=True), (True, [], [])),
        (lambda: teacher.call("muteUser", groupId=hall.id, users=[who.name], mute=True), (True, [who.name], [])),
        (lambda: teacher.call("muteAll", groupId=hall.id, mute=False), (False, [], [])),
        (lambda: teacher.call("muteUser", groupId=hall.id, users=[who.name], mute=False), (False, [], [who.name])),
        (lambda: run(hall.teacher.mute, hall.id, who, 3), (False, [who.name], [])),
        (lambda: run(hall.teacher.room_call, "muteChatroom", hall.id), (True, [], [])),
        (lambda: run(hall.teacher.room_call, "cancelMuteChatroom", hall.id), (False, [], [])),
    ]
    muted = set()
    for n, (step, (everybody, named, freed)) in enumerate(steps, 1):
        await step()
        await me.until(lambda: len(me.of("mute")) >= n, "the event")
        await me.quiet()
        assert len(me.of("mute")) == n, "more than one event"
        event = me.of("mute")[-1]
        assert (event["muteAll"], [m["userId"] for m in event["muted"]], event["unmuted"]) == (everybody, named, freed)
        muted = (muted | set(named)) - set(freed)
        shown = (await status())["muteStatus"]
        assert (shown["muteAll"], set(shown["muteUserList"])) == (everybody, muted)


async def test_R09_a_repeat_is_told_the_first_answer(hall):
    (_, me), (_, other) = await hall.people(2)
    text = {"content": "once", "sid": fresh("sid")}
    first = await me.send(hall.id, COMMENT, text)
    assert await me.send(hall.id, COMMENT, text) == first
    assert await me.send(hall.id, COMMENT, text | {"content": "changed"}) == first
    both = await asyncio.gather(*(me.send(hall.id, COMMENT, {"content": "at once", "sid": "s"}) for _ in range(10)))
    assert all(one == both[0] for one in both)
    same = await other.send(hall.id, COMMENT, text)
    assert same["messageId"] != first["messageId"], "another sender's sid is another message"
    await other.message(COMMENT, messageId=same["messageId"])
    assert [said(m) for m in other.messages(COMMENT)] == ["once", "at once", "once"]
    assert len(await hall.recent(me)) == 3


async def test_R10_who_may_delete_a_message(hall):
    bare = await hall.assistant()
    teacher, helper = await hall.enter(hall.teacher), await hall.enter(bare)
    (_, author), (_, other) = await hall.people(2)
    ids = [(await hall.say(author, f"{n}"))["messageId"] for n in range(4)]

    async def delete(by, which: str) -> None:
        await by.call("delete", groupId=hall.id, messageId=which)
        for one in (teacher, helper, author, other):
            event = await one.event("deleted", messageIds=[which])
            assert event["channel"] == one.messages(COMMENT)[0]["channel"]

    for by in (other, helper):
        assert await by.refused("delete", groupId=hall.id, messageId=ids[0]) == FORBIDDEN
    await run(hall.teacher.permit, hall.id, '["RemoveGroupMessage"]')
    for by, which in ((helper, ids[0]), (teacher, ids[1]), (author, ids[2])):
        await delete(by, which)
        assert await by.refused("delete", groupId=hall.id, messageId=which) == (1404, "no such message")
    assert await author.refused("delete", groupId=hall.id, messageId="no-such") == (1404, "no such message")
    assert [m["messageId"] for m in await hall.recent(other)] == ids[3:]
    # Whoever comes later is not shown it either.
    late = await hall.enter(await hall.member())
    await late.quiet()
    assert not {m["messageId"] for m in late.messages()} & set(ids[:3])


async def test_R11_the_older_way_to_delete(hall):
    teacher = await hall.enter(hall.teacher)
    (_, me), (_, away) = await hall.people(2)
    sids = [fresh("sid") for _ in range(3)]
    ids = [(await me.send(hall.id, COMMENT, {"content": "x", "sid": sids[0]}))["messageId"]]
    await away.message(COMMENT, messageId=ids[0])
    await away.vanish()
    ids += [(await me.send(hall.id, COMMENT, {"content": "x", "sid": s}))["messageId"] for s in sids[1:]]
    sent = await hall.signal(teacher, 11111, removeSids=f"{sids[0]};{sids[1]}", notify=True)
    told = await me.message(11111, messageId=sent["messageId"])
    assert told["channel"] == me.messages(COMMENT)[0]["channel"]
    gone = [i for e in me.of("deleted") for i in e["messageIds"]]
    assert sorted(gone) == sorted(ids[:2])
    assert [(m["type"], m["messageId"]) for m in await hall.recent(me)] == [(COMMENT, ids[2]), (11111, sent["messageId"])]
    assert await hall.no_signal(me, 11111, removeSids=sids[2]) == FORBIDDEN
    # Whoever recovers is not shown what went meanwhile.
    assert set((await away.again()).values()) == {True}
    await away.message(11111, messageId=sent["messageId"])
    assert [e["messageId"] for e in away.of("gone")] == [ids[1]]
    assert [m["messageId"] for m in away.messages(COMMENT)] == [ids[0], ids[2]]


async def test_R12_recent(hall):
    (who, me), (_, other) = await hall.people(2)
    for n in range(250):
        await hall.say(me, str(n))
        if n % 5 == 0:
            await hall.signal(me, 50000, n=n)
    newest = await hall.recent(other)
    assert [said(m) for m in newest] == [str(n) for n in range(150, 250)]
    numbers = [m["seqnum"] for m in newest]
    assert numbers == sorted(set(numbers))
    for m in newest:
        assert m["type"] == COMMENT and m["groupId"] == hall.id and m["sender"]["userId"] == who.name
        assert m["userInfo"] == {"userId": who.name, "userNick": f"nick of {who.name}", "userAvatar": ""}
    # The newest 200 are kept; pages go back through them.
    page = await other.call("list", groupId=hall.id, before=numbers[0], limit=100)
    assert [said(m) for m in page["messageList"]] == [str(n) for n in range(50, 150)] and page["more"] is False
    assert await hall.recent(other, types=[50000]) == []


async def test_R13_history_is_kept(own_server):
    """Everybody leaves; five minutes are no more than that to the server, whose group is forgotten at a restart."""
    server = own_server()
    async with Hall(server) as hall:
        (who, me), = await hall.people(1)
        sent = [await hall.say(me, text) for text in ("one", "two")]
        await me.call("leave", groupId=hall.id)
        await me.close()
        me = await hall.enter(who)
        before = await hall.recent(me)
        assert [m["messageId"] for m in before] == [s["messageId"] for s in sent]
        for end in (server.stop, server.kill):
            await me.close()
            await asyncio.to_thread(end)
            await asyncio.to_thread(server.start)
            who.http = server.http
            me = await hall.enter(who)
            assert await hall.recent(me) == before
        later = await hall.say(me, "three")
        assert later["seqnum"] > sent[1]["seqnum"]


async def test_R20_sizes(hall):
    teacher = await hall.enter(hall.teacher)
    filled = lambda size: json.dumps({"x": "a" * (size - 9)})
    assert len(filled(16 << 10)) == 16 << 10
    await teacher.send(hall.id, 21000, filled(16 << 10))
    bad = (1400, "bad request")
    assert await teacher.not_sent(hall.id, 21000, filled((16 << 10) + 1)) == bad
    for text in ("", "[]", '"x"', "7", "{", "null"):
        assert await teacher.not_sent(hall.id, 21000, text) == bad, text
    await hall.say(teacher, "a" * 4096)
    for content in ("a" * 4097, "好" * 1366, "", "   ", 7, None):
        assert await teacher.not_sent(hall.id, COMMENT, {"content": content}) == bad, content
    assert await teacher.not_sent(hall.id, COMMENT, {}) == bad
    await teacher.send(hall.id, 50000, filled(4 << 10))
    assert await teacher.not_sent(hall.id, 50000, filled((4 << 10) + 1)) == bad


async def test_R21_a_flood_hits_its_sender_only(own_server):
    server = own_server({"limits.hub_comments": {"per_sec": 10, "burst": 20}})
    async with Hall(server) as hall:
        (_, me), (_, other) = await hall.people(2)
        got = []
        for _ in range(10):  # a connection may have 32 calls under way
            got += await asyncio.gather(*(hall.say(me, str(n)) for n in range(10)), return_exceptions=True)
        refused = [e for e in got if isinstance(e, Exception)]
        assert 20 <= 100 - len(refused) <= 40
        assert {(e.code, e.message) for e in refused} == {(1429, "too fast")}
        await hall.say(other, "calm")
        await hall.signal(me, 50000)
        await other.quiet()
        assert len(other.messages(COMMENT)) == 101 - len(refused)


async def test_R22_a_user_id_full_of_marks(hall):
    odd = await hall.member(person(hall.server, "a,b#c:$d"))
    plain = [await hall.member(person(hall.server, name)) for name in ("a", "b", "a,b", "c", "d")]
    teacher, me = await hall.enter(hall.teacher), await hall.enter(odd)
    others = [await hall.enter(p) for p in plain]
    await teacher.direct_to(hall.id, odd.name, 50001, {"for": odd.name})
    assert (await me.told(50001))["inner"] == {"for": odd.name}
    for who, one in zip(plain, others):
        await teacher.direct_to(hall.id, who.name, 50001, {"for": who.name})
        assert (await one.told(50001))["inner"] == {"for": who.name}
    await me.quiet()
    assert len(me.direct) == 1 and all(len(one.direct) == 1 for one in others)
    sent = await hall.say(me, "hello")
    assert (await teacher.message(COMMENT, messageId=sent["messageId"]))["sender"]["userId"] == odd.name


async def test_R23_a_cut_connection_goes_on_without_gap_or_repeat(hall):
    """Cut for longer than the grace, so that the member was lost meanwhile."""
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    await hall.say(teacher, "0")
    await me.message(COMMENT)
    await me.vanish()
    for n in range(1, 40):
        await hall.say(teacher, str(n))
        await hall.signal(teacher, 50000, n=n)
    await teacher.until(lambda: any(u["userId"] == who.name for e in teacher.of("members") for u in e["left"]), "the loss is told", 15)
    recovered = await me.again()
    assert len(recovered) == 2 and all(recovered.values())
    for n in range(40, 60):
        await hall.say(teacher, str(n))
    await me.until(lambda: len(me.messages(COMMENT)) >= 60, "the rest")
    assert [said(m) for m in me.messages(COMMENT)] == [str(n) for n in range(60)]
    assert [json.loads(m["data"])["n"] for m in me.messages(50000)] == list(range(1, 40))
    await hall.say(me, "and speaks again")


async def test_R23_what_is_too_much_is_said_so(hall):
    teacher = await hall.enter(hall.teacher)
    (_, me), = await hall.people(1)
    sent = await hall.say(teacher, "first")
    await me.message(COMMENT, messageId=sent["messageId"])
    chat = me.messages(COMMENT)[0]["channel"]
    await me.vanish()
    for n in range(150):
        await hall.say(teacher, str(n))
    assert (await me.again())[chat] is False
    assert [said(m) for m in await hall.recent(me)] == [str(n) for n in range(50, 150)]


async def test_R25_text_arrives_as_it_was_sent(hall):
    (_, me), (_, other) = await hall.people(2)
    text = '{ "content": "👩‍👩‍👧‍👦 שלום \u202eabc\u202c 𝒳 \u2028 \\u0041 \\n\\" 你好",\n  "sid": "s" }'
    sent = await me.send(hall.id, COMMENT, text)
    assert (await other.message(COMMENT, messageId=sent["messageId"]))["data"] == text
    assert [m["data"] for m in await hall.recent(other)] == [text]
