"""classroom.md 9.12, R: description, members and doors of the group; T01, T11 and hub.md B15: the tokens that open the hub."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from stoa import tokens
from stoa.class_hub import COMMENT, Hall, hub_token, is_put_out
from stoa.class_media import run
from stoa.classroom import UNKNOWN, Person, Throng, people, person
from stoa.member import Member, Refused

FORBIDDEN = (1403, "not allowed")


def announcement(text: str) -> str:
    return json.dumps({"announcement": {"content": text, "modifyTime": 1, "modifyUserId": "x"}, "own": [1, {"b": None}]})


async def test_R14_who_may_describe_the_group(hall):
    assistant = await hall.assistant()
    teacher, helper = await hall.enter(hall.teacher), await hall.enter(assistant)
    (_, me), = await hall.people(1)
    for by in (me, helper):
        assert await by.refused("modify", groupId=hall.id, groupMeta=announcement("no")) == FORBIDDEN
    await run(hall.teacher.permit, hall.id, '["EditAnnouncement"]')
    for n, by in enumerate((teacher, helper), 1):
        text = announcement(f"news {n}")
        assert await by.call("modify", groupId=hall.id, groupMeta=text) == {}
        await me.until(lambda: len(me.of("info")) >= n, "info")
        assert me.of("info")[-1]["groupMeta"] == text
        assert (await me.call("query", groupId=hall.id))["groupMeta"] == text
        assert (await run(hall.teacher.get, hall.id))["notice"] == f"news {n}", "the notice does not follow"
    await me.quiet()
    assert len(me.of("info")) == 2, "one event for one change"
    for bad in ("[]", "x", json.dumps({"x": "a" * (16 << 10)})):
        assert (await teacher.refused("modify", groupId=hall.id, groupMeta=bad))[0] == 1400


async def test_R15_UP3_the_notice_is_the_announcement(hall):
    teacher = await hall.enter(hall.teacher)
    await teacher.call("modify", groupId=hall.id, groupMeta=announcement("old"))
    (_, me), = await hall.people(1)
    for n, text in enumerate(("new", ""), 1):
        began = time.time() * 1000
        await run(hall.teacher.update, hall.id, notice=text)
        await me.until(lambda: len(me.of("info")) >= n, "info")
        meta = json.loads(me.of("info")[-1]["groupMeta"])
        assert meta["announcement"]["content"] == text and meta["announcement"]["modifyUserId"] == hall.teacher.name
        assert began - 1000 <= meta["announcement"]["modifyTime"] <= time.time() * 1000 + 1000
        assert meta["own"] == [1, {"b": None}], "other keys are not kept"
        assert json.loads((await me.call("query", groupId=hall.id))["groupMeta"]) == meta
    await run(hall.teacher.update, hall.id, title="another")
    await me.quiet()
    assert len(me.of("info")) == 2


async def test_R16_admins_of_the_group(hall):
    assistant = await hall.assistant()
    teacher, helper = await hall.enter(hall.teacher), await hall.enter(assistant)
    (student, me), = await hall.people(1)
    for names in ([student.name], [assistant.name, student.name], [hall.teacher.name]):
        assert await teacher.refused("modify", groupId=hall.id, admins=names) == FORBIDDEN
    for by in (me, helper):
        assert await by.refused("modify", groupId=hall.id, admins=[assistant.name]) == FORBIDDEN
    await teacher.call("modify", groupId=hall.id, admins=[assistant.name])
    assert (await me.event("info"))["adminList"] == [assistant.name]
    assert (await me.call("query", groupId=hall.id))["admins"] == [assistant.name]
    assert await helper.refused("muteAll", groupId=hall.id, mute=True) == FORBIDDEN, "it is shown, and grants nothing"


async def test_the_group_object(hall):
    assistant = await hall.assistant()
    teacher = await hall.enter(hall.teacher)
    (who, me), (other, _) = await hall.people(2)
    await teacher.call("muteUser", groupId=hall.id, users=[who.name, other.name], mute=True)
    await hall.say(teacher, "one")
    sets = lambda group: (set(group["muteStatus"]["muteUserList"]), set(group["muteStatus"]["whiteUserList"]))
    shown = await me.call("query", groupId=hall.id)
    klass = await run(hall.teacher.get, hall.id)
    assert (shown["groupId"], shown["groupName"], shown["creator"]) == (hall.id, klass["title"], hall.teacher.name)
    assert abs(shown["createTime"] / 1000 - time.time()) < 60 and shown["groupMeta"] == "" and shown["admins"] == []
    assert shown["statistics"] == {"pv": 3, "uv": 3, "onlineCount": 3, "likeCount": 0, "msgAmount": {"10001": 1}}
    assert sets(shown) == ({who.name}, set()), "a student sees itself only"
    helper = await hall.enter(assistant)
    for one in (teacher, helper):
        assert sets(await one.call("query", groupId=hall.id)) == ({who.name, other.name}, {hall.teacher.name})


async def test_R17_who_came_and_went(hall):
    teacher = await hall.enter(hall.teacher)

    def changes(of: str) -> list[tuple[str, str]]:
        return [(u["userId"], u.get("why", "")) for e in teacher.of("members") for u in e[of]]

    async def told(of: str, who: Person, why: str, total: int, seconds: float) -> None:
        await teacher.until(lambda: (who.name, why) in changes(of), f"{who.name} in {of}", seconds)
        assert teacher.of("members")[-1]["total"] == total == (await teacher.call("stats", groupId=hall.id))["onlineCount"]

    one, two = await hall.member(), await hall.member()
    first = await hall.enter(one)
    await told("joined", one, "", 2, 2)
    second = await hall.enter(two)
    await told("joined", two, "", 3, 2)
    row = next(u for e in teacher.of("members") for u in e["joined"] if u["userId"] == two.name)
    assert json.loads(row["userExtension"]) == {"userNick": f"nick of {two.name}", "userAvatar": ""}
    await first.call("leave", groupId=hall.id)
    await told("left", one, "left", 2, 2)
    lost = time.monotonic()
    await second.vanish()
    await told("left", two, "lost", 1, 12)
    assert time.monotonic() - lost >= 2.5, "told before the grace was over"


async def test_R17_names_above_500(own_server):
    server = own_server()
    async with Hall(server) as hall, Throng(32) as throng:
        teacher = await hall.enter(hall.teacher)
        helper = await hall.assistant()
        crowd = people(server, 600)
        members: dict[Person, Member] = {}

        async def enter(who: Person) -> None:
            (await throng.join(who, hall.id)).ok()
            token = (await throng.call(who, "v2/token", {"user_id": who.name, "device_id": "d", "device_type": "web", "im_server": ["stoa"]})).ok()["hub"]["token"]
            one = await hall.opened(Member(server.http.port, token))
            await one.join(hall.id)
            members[who] = one

        for at in range(0, 600, 50):
            await asyncio.gather(*(enter(who) for who in crowd[at : at + 50]))
        assistant = await hall.enter(helper)
        await teacher.until(lambda: teacher.of("members")[-1]["total"] == 602, "all are counted", 5)
        star = crowd[0]
        await run(hall.teacher.stage, hall.id, star)
        await members[star].call("leave", groupId=hall.id)
        await teacher.until(lambda: teacher.of("members")[-1]["total"] == 601, "one left", 3)
        assert [u["userId"] for u in teacher.of("members")[-1]["left"]] == [star.name]
        await members[crowd[1]].call("leave", groupId=hall.id)
        await teacher.until(lambda: teacher.of("members")[-1]["total"] == 600, "another left", 3)
        assert teacher.of("members")[-1]["left"] == [], "one of the crowd is named"
        await assistant.call("leave", groupId=hall.id)
        await teacher.until(lambda: teacher.of("members")[-1]["total"] == 599, "the assistant left", 3)
        assert [u["userId"] for u in teacher.of("members")[-1]["left"]] == [helper.name]


async def refused_door(one: Member, group: str) -> tuple[int, str]:
    """How a join is refused; both channels are shut too."""
    for channel in (f"room:{group}", f"chat:{group}"):
        with pytest.raises(Refused) as no:
            await one.subscribe(channel)
        assert no.value.code == 103
    return await one.refused("join", groupId=group)


async def test_R18_who_may_not_join(hall):
    stranger = await hall.connect(person(hall.server))
    assert await refused_door(stranger, hall.id) == (1403, "join refused")
    banned = await hall.member()
    await run(hall.teacher.kick, hall.id, banned)
    assert await refused_door(await hall.connect(banned), hall.id) == (1403, "banned")
    for unknown in (UNKNOWN, "nonsense"):
        assert await stranger.refused("join", groupId=unknown) == (1404, "no such group")
    # Who is in another class is in that one only.
    async with Hall(hall.server) as elsewhere:
        guest = await hall.enter(await hall.member())
        assert await refused_door(guest, elsewhere.id) == (1403, "join refused")
        for call in ("query", "stats", "recent", "members"):
            assert await guest.refused(call, groupId=elsewhere.id) == (1403, "not a member")
        assert await guest.not_sent(elsewhere.id, COMMENT, {"content": "x"}) == (1403, "not a member")


async def test_R18_DL3_a_deleted_class(hall):
    teacher = await hall.enter(hall.teacher)
    (who, me), = await hall.people(1)
    await hall.say(me, "x")
    await run(hall.teacher.delete, hall.id)
    late = await hall.connect(who, "d2")
    assert await late.refused("join", groupId=hall.id) == (1409, "group closing")
    assert await me.not_sent(hall.id, COMMENT, {"content": "x"}) == (1409, "group closing")
    for one in (teacher, me):
        assert (await one.event("exit"))["reason"] == 1
        await one.until(lambda o=one: len(o.unsubscribed) == 2, "the end of both channels")
        assert [code for _, code in one.unsubscribed] == [2000, 2000]
    assert await refused_door(late, hall.id) == (1404, "no such group")
    assert await me.not_sent(hall.id, COMMENT, {"content": "x"}) == (1404, "no such group")


async def test_R19_V16_devices_of_one_user(hall):
    who = await hall.member()
    devices = [await hall.enter(who, f"d{n}") for n in range(8)]
    teacher = await hall.enter(hall.teacher)
    again = await hall.enter(who, "d3")
    await devices[3].ended(4504)
    ninth = await hall.enter(who, "d9")
    await devices[0].ended(4504)
    sent = await hall.say(teacher, "still here?")
    for n, one in enumerate([*devices, again, ninth]):
        if n not in (0, 3):
            await one.message(COMMENT, messageId=sent["messageId"])
    assert teacher.of("members") == [] or all(e["left"] == [] for e in teacher.of("members")), "a replaced connection is no departure"
    assert (await run(hall.teacher.get, hall.id))["metrics"]["online_count"] == 2
    assert not teacher.messages(11002)


async def test_R24_two_users_with_one_device(hall):
    one, two = await hall.member(), await hall.member()
    first, second = await hall.enter(one, "browser"), await hall.enter(two, "browser")
    sent = await hall.say(second, "x")
    await first.message(COMMENT, messageId=sent["messageId"])
    await first.quiet()
    assert first.closed is None and second.closed is None


# -- tokens ----------------------------------------------------------------------------------------

async def opens(port: int, token: str) -> Member:
    one = Member(port, token)
    try:
        await one.connect()
        return one
    finally:
        await one.close()


async def shut(port: int, token: str) -> int:
    """How a token is refused: the code of the error reply, or of the close."""
    one = Member(port, token)
    try:
        with pytest.raises((Refused, ConnectionError)) as no:
            await one.connect()
        return no.value.code if isinstance(no.value, Refused) else int(one.closed or 0)
    finally:
        await one.close()


async def test_T01_T11_B15_tokens_that_open_the_hub(server, student):
    port = server.http.port
    data = await run(student.hub_token, im_server=["aliyun_new", "aliyun_old", "stoa"])
    app = data["aliyun_new_im"]["app_token"]
    good = [app, data["aliyun_old_im"]["access_token"], data["hub"]["token"], (await run(student.hub_token, "", im_server=...))["access_token"]]
    for token in good:
        await opens(port, token)
        head, body, mac = token.split(".")
        changed = mac[:-2] + ("AA" if mac[-2:] != "AA" else "BB")
        assert await shut(port, f"{head}.{body}.{changed}") == 3500
        claims = tokens.claims_of(token) | {"sub": "somebody-else"}
        assert await shut(port, f"{head}.{tokens.b64(tokens.compact(claims))}.{mac}") == 3500
    assert tokens.claims_of(app)["exp"] == data["aliyun_new_im"]["auth"]["timestamp"]
    assert tokens.claims_of(app)["jti"] == data["aliyun_new_im"]["auth"]["nonce"]
    assert await shut(port, "0f" * 32) == 3500, "the vendor's hash"
    assert await shut(port, student.token) == 3500, "a login token"


async def test_T11_B15_an_expired_token(own_server):
    key = b"hub-key-of-this-test-32-bytes-00"
    server = own_server({"hub.jwt_keys": [tokens.b64(key)]})
    who = person(server)
    for token in ((await run(who.hub_token))["aliyun_new_im"]["app_token"], await hub_token(who)):
        claims = tokens.claims_of(token)
        header = tokens.header_of(token)
        assert tokens.sign(header, claims, key) != "" and tokens.verifies(token, key)
        await opens(server.http.port, tokens.sign(header, claims, key))
        assert await shut(server.http.port, tokens.sign(header, claims | {"exp": int(time.time()) - 120}, key)) == 109
