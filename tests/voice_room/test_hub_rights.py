"""Cases E of hub.md 9 in voice rooms: who may do what, and what becomes of a message."""

from __future__ import annotations

import asyncio
import json

import pytest

from stoa import tokens
from stoa.hall import (
    BAD,
    EXTENSION,
    FREE,
    HUB_KEY,
    KEYS,
    MUTED,
    NO_GROUP,
    NO_MESSAGE,
    NO_RECEIVER,
    NOT_ALLOWED,
    NOT_MEMBER,
    Guest,
    Hall,
    do,
    error_of,
    im_token,
    left,
    now_ms,
    wrapped,
)
from stoa.sdk import Sdk
from stoa.wait import until

ROLES = ("owner", "admin", "seated", "member", "stranger")
RULERS = {"owner", "admin"}
MEMBERS = {"owner", "admin", "seated", "member"}
RESERVED = (1000, 1002, 1999, 10000, 10001, 10004, 19999, 21000, 21004, 21099, 21104, 21200, 21399, 61001, 61099)


def data_of(number: int, guest: Guest) -> dict:
    """What a client of good will puts in."""
    own = {"userId": guest.name}
    return {21003: {"mute": False}, 21101: own | {"seatIndex": 1}, 21102: own | {"seatIndex": 1}, 21201: own, 21202: own, 21301: {"content": "x"}}.get(number, {})


# The table of voice-room.md 7.3: from whom a message to the group is relayed. The seated one sits on 1; nobody tells another's seat.
RELAYED: dict[int, set[str]] = {
    21003: RULERS, 21101: {"seated"}, 21102: {"seated"}, 21103: RULERS, 21201: {"owner", "seated"}, 21202: {"owner", "seated"}, 21301: MEMBERS,
    30001: MEMBERS, 5: MEMBERS, 999: MEMBERS, 2000: MEMBERS, 20999: MEMBERS, 21400: MEMBERS, 61100: MEMBERS, 21002: set(), **dict.fromkeys(RESERVED, set()),
}
# On 21102 of a seat that somebody else holds: success, and nobody is told.
SWALLOWED = {(21102, "owner"), (21102, "admin"), (21102, "member")}


async def test_e1_no_direct_publishing(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        personal = next(c for c in bob.positions if c.startswith("user:"))
        for who, channel in ((bob, f"room:{room}"), (owner, f"chat:{room}"), (bob, personal), (owner, personal)):
            assert await error_of(who, "publish", channel=channel, data={"kind": "exit"}) == 103
        await hall.silent(owner, bob)
        assert bob.direct == [] and owner.of("exit") == bob.of("exit") == []


async def test_e2_the_matrix_of_the_group(own_server):
    server = own_server(FREE)
    async with Hall(server) as hall:
        room, owner, (seated, member) = await hall.room(2)
        guests = {"owner": owner, "admin": await hall.enter(room, server.admin()), "seated": seated, "member": member, "stranger": await hall.connect()}
        assert await hall.seated(room, seated) == 1
        cells = 0
        for number, may in RELAYED.items():
            for role in ROLES:
                guest = guests[role]
                data = data_of(number, guest)
                if role in may or (number, role) in SWALLOWED:
                    sent = (await guest.send(room, number, data))["messageId"]
                else:
                    sent = None
                    assert await guest.not_sent(room, number, data) == (NOT_MEMBER if role == "stranger" else NOT_ALLOWED), (number, role)
                marker = (await owner.send(room, 30002))["messageId"]
                for watcher in (member, seated):
                    await watcher.event("message", messageId=marker)
                    await watcher.quiet()
                    got = [m["messageId"] for m in watcher.messages(number)]
                    assert got == ([sent] if role in may else []), (number, role)
                    watcher.events.clear()
                cells += 1
        assert cells == len(RELAYED) * len(ROLES)
        # The one number that ends the room, last: refused to all others first.
        for role in ("admin", "seated", "member"):
            assert await guests[role].not_sent(room, 21001) == NOT_ALLOWED
        assert await guests["stranger"].not_sent(room, 21001) == NOT_MEMBER
        await owner.send(room, 21001)
        await member.message(21001)


async def test_e2_the_matrix_of_direct_messages(own_server):
    server = own_server(FREE | {"hub.kick_linger": "100ms"})
    async with Hall(server) as hall:
        room, owner, (seated, member, target) = await hall.room(3)
        guests = {"owner": owner, "admin": await hall.enter(room, server.admin()), "seated": seated, "member": member, "stranger": await hall.connect()}
        await hall.seated(room, seated)
        group_only = (21001, 21003, 21101, 21102, 21103, 21201, 21202, 21301)
        allowed: dict[int, set[str]] = {21002: RULERS, 30001: MEMBERS, 61100: MEMBERS, 5: MEMBERS, **dict.fromkeys((*group_only, *RESERVED), set()), 21004: RULERS}
        for number, may in allowed.items():
            for role in ROLES:
                guest = guests[role]
                data = {"userId": target.name, "mute": False, "type": number}
                call = {"receiverId": target.name, "type": number, "data": wrapped(room, data)}
                if role in may:
                    await guest.call("sendTo", **call)
                    got = await target.told(number)
                    assert got["inner"]["userId"] == target.name
                    assert got["sender"]["userId"] == (owner.name if number == 21004 else guest.name)
                    if number == 21004:
                        await target.put_out(room)
                        target.unsubscribed.clear()
                        await target.join(room)
                else:
                    assert await guest.refused("sendTo", **call) == (NOT_MEMBER if role == "stranger" else NOT_ALLOWED), (number, role)
                    await target.quiet()
                    assert target.direct == [], (number, role)
                target.direct.clear()
        # The receiver and the one who is spoken of are the same, and not the owner.
        for number in (21002, 21004):
            data = {"userId": member.name, "mute": True, "type": number}
            assert await owner.refused("sendTo", receiverId=target.name, type=number, data=wrapped(room, data)) == NOT_ALLOWED
            data = {"userId": owner.name, "mute": True, "type": number}
            assert await guests["admin"].refused("sendTo", receiverId=owner.name, type=number, data=wrapped(room, data)) == NOT_ALLOWED


async def test_e2_the_functions_of_a_manager(server):
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        admin, stranger = await hall.enter(room, server.admin()), await hall.connect()
        message = (await carol.comment(room, "hers"))["messageId"]
        calls = {
            "modify": {"groupMeta": "{}"}, "muteAll": {"mute": False}, "muteUser": {"users": [carol.name], "mute": False},
            "muted": {}, "kick": {"userId": carol.name}, "delete": {"messageId": message},
        }
        for name, args in calls.items():
            assert await bob.refused(name, groupId=room, **args) == NOT_ALLOWED, name
            assert await stranger.refused(name, groupId=room, **args) == NOT_MEMBER, name
            assert await owner.refused(name, groupId="f" * 32, **args) == NO_GROUP, name
        for ruler in (owner, admin):
            for name in ("modify", "muteAll", "muteUser", "muted"):
                await ruler.call(name, groupId=room, **calls[name])
        # Nobody above the own rank.
        assert await admin.refused("muteUser", groupId=room, users=[owner.name], mute=True) == NOT_ALLOWED
        assert await owner.refused("kick", groupId=room, userId=owner.name) == NOT_ALLOWED


async def test_e9_e11_e12_a_muted_user(own_server):
    server = own_server()
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await owner.call("muteUser", groupId=room, users=[bob.name], mute=True, sec=600)
        event = await bob.event("mute")
        assert event["muted"][0]["userId"] == bob.name and abs(event["muted"][0]["until"] - now_ms() - 600_000) < 60_000
        for more in ({}, {"skipMuteCheck": True}, {"skipMuteCheck": True, "skipAudit": True, "noStorage": True}):
            assert await bob.not_sent(room, 21301, {"content": "x"}, **more) == MUTED
        await bob.send(room, 30001, {"signal": 1}, skipMuteCheck=True)
        await bob.send(room, 30001, {"signal": 2})
        await owner.until(lambda: len(owner.messages(30001)) == 2, "signals pass")
        await bob.vanish()
        await bob.again()
        assert await bob.not_sent(room, 21301, {"content": "x"}) == MUTED
        await do(server.restart)
        await bob.again()
        await owner.again()
        assert await bob.not_sent(room, 21301, {"content": "x"}) == MUTED
        assert (await owner.call("muted", groupId=room))["muteUserList"] == [bob.name]
        await owner.call("muteUser", groupId=room, users=[bob.name], mute=False)
        await bob.comment(room, "again")
        await owner.message(21301)


async def test_e13_not_a_member(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        stranger = await hall.connect()
        await bob.call("leave", groupId=room)
        await bob.put_out(room)
        for who in (stranger, bob):
            assert await who.not_sent(room, 30001) == NOT_MEMBER
            for name in ("query", "stats", "members", "recent", "list"):
                assert await who.refused(name, groupId=room) == NOT_MEMBER, name
            assert await who.refused("like", groupId=room, n=1) == NOT_MEMBER
            assert await who.refused("sendTo", receiverId=owner.name, type=30001, data=wrapped(room, {})) == NOT_MEMBER


@pytest.mark.parametrize("protobuf", [False, True])
async def test_e14_data_is_passed_on_as_it_is(server, protobuf):
    texts = [
        '{"type":21301, "content":"a\\nb\\u2028 \\"q\\" \\/"}',
        json.dumps({"content": "😀 \u2028 \u2029 用户", "n": 1.50}, indent=4, ensure_ascii=False),
        '{\n\t"content" : "x"\r\n}',
        '{"content":"1","big":12345678901234567890,"f":1.0,"e":1e5}',
    ]
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        user = server.user()
        sdk = Sdk(server, user, await do(im_token, user), protobuf=protobuf)
        try:
            await sdk.join(room)
            for text in texts:
                await bob.send(room, 21301, text)
                await sdk.rpc("group.send", {"groupId": room, "type": 21301, "data": text})
            await owner.until(lambda: len(owner.messages(21301)) == 8, "all of them")
            await until(lambda: len(sdk.messages(21301)) == 8, 8, "all of them")
            expected = [t for t in texts for _ in range(2)]
            assert [m["data"] for m in owner.messages(21301)] == expected == [m["data"] for m in sdk.messages(21301)]
        finally:
            await sdk.close()


async def test_e15_retries_with_one_request_id(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        answers = [await bob.send(room, 21301, {"content": "once"}, rid="r1") for _ in range(5)]
        answers += await asyncio.gather(*(bob.send(room, 21301, {"content": "once"}, rid="r1") for _ in range(5)))
        assert all(a == answers[0] for a in answers)
        at_once = await asyncio.gather(*(bob.send(room, 30001, {}, rid="r2") for _ in range(10)))
        assert len({a["messageId"] for a in at_once}) == 1
        # Of this user only.
        await owner.send(room, 30001, {}, rid="r2")
        await bob.quiet()
        assert [m["messageId"] for m in bob.messages(21301)] == [answers[0]["messageId"]]
        assert len(bob.messages(30001)) == 2


async def test_e15_direct_messages_too(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        answers = [await bob.call("sendTo", receiverId=owner.name, type=30001, data=wrapped(room, {}), rid="d1") for _ in range(3)]
        answers += await asyncio.gather(*(bob.call("sendTo", receiverId=owner.name, type=30001, data=wrapped(room, {}), rid="d1") for _ in range(3)))
        await owner.quiet()
        assert len({a["messageId"] for a in answers}) == 1 and len(owner.direct) == 1
        # Also where the first one made the receiver a stranger.
        kicks = [await owner.call("sendTo", receiverId=bob.name, type=21004, data=wrapped(room, {"userId": bob.name}), rid="d2") for _ in range(2)]
        assert kicks[0]["messageId"] == kicks[1]["messageId"]
        for rid in ("l1", "l1", "l2"):
            await owner.call("like", groupId=room, n=10, rid=rid)
        assert (await owner.call("stats", groupId=room))["likeCount"] == 20


async def test_e16_a_receiver_that_comes_back_late(own_server):
    server = own_server({"hub.member_grace": 1})
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await bob.vanish()
        await owner.direct_to(room, bob.name, 30001, {"n": 1})
        # Long after the grace.
        await owner.until(lambda: left(owner) == [(bob.name, "lost")], "lost")
        assert await owner.refused("sendTo", receiverId=bob.name, type=30001, data=wrapped(room, {})) == NO_RECEIVER
        await bob.again()
        await bob.told(30001)
        await bob.quiet()
        assert [d["inner"]["n"] for d in bob.personal()] == [1]


async def test_e17_a_deleted_message(server):
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        kept = (await bob.comment(room, "kept"))["messageId"]
        await carol.message(21301)
        await carol.vanish()
        gone = (await bob.comment(room, "gone"))["messageId"]
        dave = await hall.enter(room)
        assert await dave.refused("delete", groupId=room, messageId=gone) == NOT_ALLOWED
        await owner.call("delete", groupId=room, messageId=gone)
        event = await bob.event("deleted")
        assert event["messageIds"] == [gone] and event["by"] == owner.name and event["channel"] == f"chat:{room}"
        assert bob.events.index(event) > bob.events.index(await bob.event("message", messageId=gone))
        assert await owner.refused("delete", groupId=room, messageId=gone) == NO_MESSAGE
        for name in ("recent", "list"):
            assert [m["messageId"] for m in (await bob.call(name, groupId=room))["messageList"]] == [kept]
        await carol.again()
        await carol.event("deleted")
        assert [m["messageId"] for m in carol.messages()] == [kept]
        assert [e["messageId"] for e in carol.of("gone")] == [gone]
        # Authors take back their own, within two minutes.
        await bob.call("delete", groupId=room, messageId=kept)
        await carol.event("deleted", messageIds=[kept])
        assert await carol.refused("delete", groupId=room, messageId="01JDPA3M7Q8Z5W2K4R6T9V0XYB") == NO_MESSAGE


async def test_e18_signals_do_not_push_comments_out(own_server):
    server = own_server(FREE)
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        sent = [(await bob.comment(room, f"{n}"))["messageId"] for n in range(5)]
        await bob.until(lambda: len(bob.messages(21301)) == 5, "the comments")
        await bob.vanish()
        for n in range(500):
            await owner.send(room, 30001, {"n": n})
        recent = (await owner.call("recent", groupId=room))["messageList"]
        assert [m["messageId"] for m in recent] == sent
        assert recent[0]["userInfo"] == {"userId": bob.name} | EXTENSION and recent[0]["type"] == 21301
        # The comments' own channel recovers, the other one lost too much.
        assert await bob.again() == {f"room:{room}": False, f"chat:{room}": True}
        page = await owner.call("list", groupId=room, before=recent[3]["seqnum"], limit=2)
        assert [m["messageId"] for m in page["messageList"]] == sent[1:3] and page["more"] is True
        assert [m["messageId"] for m in (await owner.call("recent", groupId=room, limit=2))["messageList"]] == sent[3:]
        assert (await owner.call("recent", groupId=room, types=[30001]))["messageList"] == []


async def test_e21_the_same_id_in_two_apps(own_server):
    server = own_server(KEYS)
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        claims = tokens.claims_of(bob.token)
        meta = claims["meta"] | {"app": 214}
        twin_of = claims | {"sub": f"!214.{bob.name}", "meta": meta}
        twin = Guest(server, bob.user, tokens.sign(tokens.HEADER, twin_of, HUB_KEY))
        hall.guests.append(twin)
        await twin.connect()
        assert set(twin.positions) == {f"user:#!214.{bob.name}"}
        # A subject that is another's is no subject.
        for forged in (claims | {"meta": meta}, claims | {"sub": f"!214.{bob.name}"}, claims | {"sub": owner.name}):
            liar = Guest(server, bob.user, tokens.sign(tokens.HEADER, forged, HUB_KEY))
            with pytest.raises(ConnectionError):
                await liar.connect()
            await liar.ended(3500)
            await liar.close()
        assert await twin.refused("join", groupId=room) == NO_GROUP
        assert await error_of(twin, "subscribe", channel=f"room:{room}") == 103
        assert await error_of(twin, "subscribe", channel=f"user:#{bob.name}") == 103
        await owner.direct_to(room, bob.name, 30001, {})
        await bob.told(30001)
        await twin.quiet()
        assert twin.direct == [] and bob.closed is None


async def test_e22_extensions(server):
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        bob = await hall.connect()
        for bad in ("[]", "x", '"x"', "7", "null", '{"a":1}', '{"a":null}', '{"a":{}}', json.dumps({"a": "x" * 2048}), "{"):
            assert await bob.refused("join", groupId=room, userExtension=bad) == BAD, bad
        assert await bob.refused("join", groupId=room, userExtension={"userNick": "x"}) == BAD
        text = '{"userNick" : "a\\n\\u2028", "userAvatar":""}'
        answer = await bob.call("join", groupId=room, userExtension=text)
        await bob.subscribe(answer["channels"][0])
        event = await owner.event("members", total=2)
        assert {"userId": bob.name, "userExtension": text} in event["joined"]
        plain = await hall.connect()
        await plain.join(room)
        await plain.send(room, 30001)
        assert (await owner.message(30001))["sender"] == {"userId": plain.name, "userExtension": ""}
