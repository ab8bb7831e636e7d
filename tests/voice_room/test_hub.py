"""Acceptance cases H1–H17 of voice-room.md 9.9, with real connections to the hub; H9 and H10 with real media.

A second id in a name is one of hub.md 9 that the same test shows.
"""

from __future__ import annotations

import asyncio
import json
import random

from stoa.hall import (
    BAD,
    BANNED,
    EXTENSION,
    MUTED,
    NO_GROUP,
    NO_RECEIVER,
    NOT_ALLOWED,
    NOT_MEMBER,
    Hall,
    do,
    error_of,
    im_token,
    now_ms,
    total,
    wrapped,
)
from stoa.media import Stage, stays_unheard
from stoa.member import Refused
from stoa.sdk import Sdk
from stoa.wait import until

TONE = 600.0


def seat(guest, index: int) -> dict:
    return {"userId": guest.name, "seatIndex": index}


def order(guest, number: int = 21301) -> list[str]:
    return [m["messageId"] for m in guest.messages(number)]


async def test_h1_e7_comments_reach_everybody_in_one_order(server):
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        everybody = (owner, bob, carol)
        sent = await asyncio.gather(*(g.comment(room, f"{g.name} {n}") for n in range(6) for g in everybody))
        await hall.silent(*everybody)
        assert sorted(order(owner)) == sorted(s["messageId"] for s in sent)
        assert order(owner) == order(bob) == order(carol)
        numbers = [m["seqnum"] for m in owner.messages(21301)]
        assert numbers == sorted(set(numbers))
        for message in carol.messages(21301):
            sender = message["sender"]
            assert json.loads(message["data"])["content"].split()[0] == sender["userId"]
            assert json.loads(sender["userExtension"]) == EXTENSION
            assert message["channel"] == f"chat:{room}" and message["groupId"] == room and message["level"] == 0
            assert abs(message["timestamp"] - now_ms()) < 60_000


async def test_h1_h12_with_the_official_sdk(server):
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        bob = server.user()
        sdk = Sdk(server, bob, await do(im_token, bob))
        try:
            await sdk.join(room)
            await owner.until(lambda: total(owner) == 2, "the SDK's user is in")
            said = {"type": 21301, "data": json.dumps({"content": "from the SDK"}), "groupId": room}
            mine = (await sdk.rpc("group.send", said))["messageId"]
            await owner.comment(room, "from the owner")
            await until(lambda: len(sdk.ids(21301)) == 2, 8, "both comments")
            assert sdk.ids(21301)[0] == mine
            sdk.cut()
            for n in range(5):
                await owner.comment(room, f"missed {n}")
                await owner.send(room, 30001, {"n": n})
            await until(lambda: len(sdk.subscribed) == 4, 8, "both subscriptions are back")
            assert all(was_recovering and recovered for _, was_recovering, recovered in sdk.subscribed[2:])
            # In again without a join, and nobody saw it go.
            await sdk.rpc("group.send", said)
            await owner.until(lambda: len(order(owner)) == 8, "the last comment")
            await until(lambda: len(sdk.ids(21301)) == 8, 8, "the last comment")
            assert sdk.ids(21301) == order(owner) and sdk.ids(30001) == order(owner, 30001)
            assert total(owner) == 2 and not any(e["left"] for e in owner.of("members"))
        finally:
            await sdk.close()


async def test_h2_not_a_member_and_bad_data(server):
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        stranger = await hall.connect()
        assert await stranger.not_sent(room, 21301, {"content": "x"}) == NOT_MEMBER
        assert await stranger.not_sent("0" * 32, 21301, {"content": "x"}) == NO_GROUP
        filled = '{"x":"' + "a" * (16 * 1024 - 8) + '"}'
        for bad in ("", "[]", filled + " "):
            assert await owner.not_sent(room, 30001, bad) == BAD
        assert await owner.refused("send", groupId=room, type=30001) == BAD
        await owner.send(room, 30001, filled)
        await owner.quiet()
        assert [m["data"] for m in owner.messages()] == [filled]


async def test_h3_e5_the_sender_cannot_be_forged(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        forged = {"userId": owner.name, "userExtension": "{}"}
        data = {"content": "hi", "sender": forged, "userId": owner.name}
        answer = await bob.send(room, 21301, data, sender=forged, messageId="mine", seqnum=77, timestamp=5, sys=True, receiverId=owner.name)
        got = await owner.message(21301)
        assert got["sender"] == {"userId": bob.name, "userExtension": json.dumps(EXTENSION)}
        assert json.loads(got["data"]) == data and "sys" not in got
        assert (got["messageId"], got["seqnum"], got["timestamp"]) == (answer["messageId"], answer["seqnum"], answer["timestamp"])
        assert got["messageId"] != "mine" and got["seqnum"] != 77 and abs(got["timestamp"] - now_ms()) < 60_000


async def test_h4_management_numbers_are_the_owners(server):
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        await hall.seated(room, bob)
        for who in (bob, carol):
            for number in (21001, 21003, 21103, 21002, 21004):
                assert await who.not_sent(room, number, {"type": number, "mute": True, "userId": carol.name}) == NOT_ALLOWED
            for number in (21001, 21002, 21003, 21004, 21103):
                for target in (owner, bob, carol):
                    data = {"type": number, "mute": True, "userId": target.name}
                    assert await who.refused("sendTo", receiverId=target.name, type=number, data=wrapped(room, data)) == NOT_ALLOWED
        # Neither the owner to itself.
        for number in (21002, 21004):
            data = {"type": number, "mute": True, "userId": owner.name}
            assert await owner.refused("sendTo", receiverId=owner.name, type=number, data=wrapped(room, data)) == NOT_ALLOWED
        await hall.silent(owner, bob, carol)
        for guest in (owner, bob, carol):
            assert guest.messages() == [] and guest.direct == []
            assert guest.of("muteMic") == []
        assert (await do(owner.user.get, room))["status"] == 1


async def test_h5_e6_a_seat_taken_is_told_by_its_holder(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        assert await bob.not_sent(room, 21101, seat(bob, 1)) == NOT_ALLOWED
        index = await hall.seated(room, bob, index=3)
        assert index == 3
        assert await bob.not_sent(room, 21101, seat(bob, 4)) == NOT_ALLOWED
        await bob.send(room, 21101, seat(bob, 3))
        assert await bob.not_sent(room, 21101, seat(owner, 3)) == NOT_ALLOWED
        assert await owner.not_sent(room, 21101, seat(bob, 3)) == NOT_ALLOWED
        await owner.send(room, 21101, seat(owner, 0))
        assert await bob.not_sent(room, 21101, seat(bob, 0)) == NOT_ALLOWED
        await hall.silent(owner, bob)
        told = [(m["sender"]["userId"], json.loads(m["data"])["seatIndex"]) for m in bob.messages(21101)]
        assert told == [(bob.name, 3), (owner.name, 0)]
        assert order(owner, 21101) == order(bob, 21101)


async def test_h6_a_seat_left_is_told_while_it_is_true(server):
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        await hall.seated(room, bob, index=2)
        await bob.send(room, 21102, seat(bob, 2))
        (await do(bob.user.leave, room, 2)).ok()
        await bob.send(room, 21102, seat(bob, 2))
        await hall.seated(room, carol, index=2)
        await bob.send(room, 21102, seat(bob, 2))
        assert await bob.not_sent(room, 21102, seat(bob, 0)) == NOT_ALLOWED
        assert await bob.not_sent(room, 21102, seat(bob, 9)) == BAD
        assert await bob.not_sent(room, 21102, seat(carol, 2)) == NOT_ALLOWED
        await owner.send(room, 21102, seat(owner, 0))
        await owner.quiet()
        told = [(m["sender"]["userId"], json.loads(m["data"])["seatIndex"]) for m in owner.messages(21102)]
        assert told == [(bob.name, 2), (bob.name, 2), (owner.name, 0)]
        # It frees nothing.
        assert await do(owner.user.seats, room) == {2: carol.name}


async def test_h7_e20_reserved_numbers(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        admin = await hall.enter(room, server.admin())
        for who in (owner, bob, admin):
            for number in (1002, 10001, 10002, 10003, 10004, 12345, 21099, 21399, 61001):
                assert await who.not_sent(room, number, {"type": number}) == NOT_ALLOWED
                assert await who.refused("sendTo", receiverId=bob.name, type=number, data=wrapped(room, {})) == NOT_ALLOWED
            await who.send(room, 30001, {"of": who.name})
        await hall.silent(owner, bob, admin)
        for guest in (owner, bob, admin):
            assert [m["type"] for m in guest.messages()] == [30001] * 3 and guest.direct == []


async def test_h8_direct_messages(server):
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        other = await do(owner.user.room)
        stranger = await hall.connect()
        text = json.dumps({"type": 30001, "content": "只给你 \u2028 \n"}, indent=2)
        answer = await bob.call("sendTo", receiverId=owner.name, type=30001, data=wrapped(room, text))
        got = await owner.told(30001)
        assert answer["messageId"] == got["messageId"] and got["sender"]["userId"] == bob.name
        assert got["group"] == room and json.loads(got["data"])["data"] == text
        assert await bob.refused("sendTo", receiverId=stranger.name, type=30001, data=wrapped(room, {})) == NO_RECEIVER
        code, _ = await bob.refused("sendTo", receiverId=owner.name, type=30001, data=wrapped(other, {}))
        assert code == 1403
        for bad in ("{}", json.dumps({"data": "{}"}), json.dumps({"groupId": room}), wrapped(room, "[]"), "x", json.dumps({"data": {}, "groupId": room})):
            assert await bob.refused("sendTo", receiverId=owner.name, type=30001, data=bad) == BAD
        await hall.silent(owner, bob, carol, stranger)
        assert len(owner.personal()) == 1 and bob.direct == carol.direct == stranger.direct == []
        assert not any(g.messages() for g in (owner, bob, carol))


async def test_h9_a_mic_that_the_owner_switched_off(own_server):
    server = own_server()
    async with Hall(server) as hall, Stage() as stage:
        room, owner, (bob,) = await hall.room()
        await hall.seated(room, bob)
        listener, singer = await stage.enter(owner.user, room), await stage.enter(bob.user, room)
        await singer.sing(TONE)
        await listener.wait_hears(singer, TONE)

        await owner.direct_to(room, bob.name, 21002, {"type": 21002, "userId": bob.name, "mute": True})
        assert (await bob.told(21002))["inner"]["mute"] is True
        event = await owner.event("muteMic")
        assert (event["userId"], event["on"], event["except"]) == (bob.name, True, [])
        await until(lambda: not listener.hears(singer, TONE), 2, "silence")
        # Its own unmute changes nothing.
        singer.publication.track.mute()
        singer.publication.track.unmute()
        await stays_unheard([listener], singer, TONE, 0.7)
        # Neither a new session, nor another seat.
        await singer.close()
        (await do(bob.user.leave, room)).ok()
        await hall.seated(room, bob, index=5)
        again = await stage.enter(bob.user, room)
        await sings_unheard(again, listener, TONE)
        await again.close()
        # Nor a restart.
        await listener.close()
        await do(server.restart)
        listener, again = await stage.enter(owner.user, room), await stage.enter(bob.user, room)
        await sings_unheard(again, listener, TONE)

        await owner.again()
        await bob.again()
        await owner.direct_to(room, bob.name, 21002, {"type": 21002, "userId": bob.name, "mute": False})
        again.publication.track.unmute()
        await listener.wait_hears(again, TONE)


async def sings_unheard(singer, listener, freq: float) -> None:
    """Publishes, if it may, and is not heard."""
    await singer.sing(freq)
    await stays_unheard([listener], singer, freq, 1.0)


async def test_h10_a_kick_that_is_ignored(own_server):
    server = own_server({"hub.kick_linger": "1s"})
    async with Hall(server) as hall, Stage() as stage:
        room, owner, (bob,) = await hall.room()
        await hall.seated(room, bob)
        listener, singer = await stage.enter(owner.user, room), await stage.enter(bob.user, room)
        await singer.sing(TONE)
        await listener.wait_hears(singer, TONE)
        began = asyncio.get_running_loop().time()
        await owner.direct_to(room, bob.name, 21004, {"type": 21004, "userId": bob.name})
        # Packets that arrive after the answer were on their way.
        before = await listener.packets(singer)
        message = await bob.told(21004)
        assert message["inner"] == {"type": 21004, "userId": bob.name} and message["sender"]["userId"] == owner.name
        await asyncio.wait_for(singer.disconnected, 1)
        assert await listener.packets(singer) - before <= 3
        assert await bob.not_sent(room, 21301, {"content": "x"}) == NOT_MEMBER
        left = await owner.event("message", type=21102)
        assert left["sender"]["userId"] == bob.name and json.loads(left["data"]) == {"userId": bob.name, "seatIndex": 1}
        await owner.until(lambda: any(e["left"] and e["left"][0]["why"] == "kicked" for e in owner.of("members")), "kicked")
        assert await do(owner.user.seats, room) == {}
        assert bob.unsubscribed == []
        gone = await bob.exit()
        assert gone["reason"] == 2 and gone["groupId"] == room
        assert asyncio.get_running_loop().time() - began >= 0.95
        await bob.put_out(room)
        # A ban of 0: back at once, in the same connection.
        await bob.join(room)
        await owner.until(lambda: total(owner) == 2, "back")


async def test_h10_a_kick_with_a_ban(own_server):
    server = own_server({"hub.kick_linger": "1s", "voice.kick_ban": 60})
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await hall.seated(room, bob)
        await owner.direct_to(room, bob.name, 21004, {"type": 21004, "userId": bob.name})
        assert await bob.refused("join", groupId=room) == BANNED
        (await do(bob.user.rtc, room)).expect(403, 403)
        gone = await bob.exit()
        assert gone["reason"] == 2 and 50_000 < gone["until"] - now_ms() <= 60_000
        await bob.put_out(room)
        await do(server.restart)
        await bob.again()
        assert await bob.refused("join", groupId=room) == BANNED
        (await do(bob.user.rtc, room)).expect(403, 403)
        assert (await do(bob.user.join, room)).code == 403


async def test_h11_mute_all(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await hall.seated(room, bob)
        assert await bob.refused("muteAll", groupId=room, mute=True) == NOT_ALLOWED
        await owner.call("muteAll", groupId=room, mute=True)
        assert (await bob.event("mute"))["muteAll"] is True
        assert await bob.not_sent(room, 21301, {"content": "x"}) == MUTED
        await owner.comment(room, "only me")
        await bob.send(room, 21101, seat(bob, 1))
        await hall.silent(owner, bob)
        assert [m["type"] for m in bob.messages()] in ([21301, 21101], [21101, 21301])
        late = await hall.connect()
        answer = await late.join(room)
        assert answer["muteAll"] is True and (await bob.call("query", groupId=room))["muteAll"] is True
        assert await late.not_sent(room, 21301, {"content": "x"}) == MUTED
        await owner.call("muteAll", groupId=room, mute=False)
        await bob.comment(room, "again")
        assert (await owner.message(21301, sender={"userId": bob.name, "userExtension": json.dumps(EXTENSION)}))["data"]


async def test_h12_reconnect_within_history(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await owner.comment(room, "before")
        await bob.message(21301)
        await bob.vanish()
        for n in range(10):
            await owner.comment(room, f"{n}")
            await owner.send(room, 30001, {"n": n})
        assert await bob.again() == {f"room:{room}": True, f"chat:{room}": True}
        await bob.comment(room, "a member without a join")
        await hall.silent(owner, bob)
        for number in (21301, 30001):
            assert order(bob, number) == order(owner, number)
        last = owner.messages(21301)[-1]
        assert json.loads(last["sender"]["userExtension"]) == EXTENSION
        assert total(owner) == 2 and not any(e["left"] for e in owner.of("members"))


async def test_h13_twice_is_success(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        first, second = [await bob.call("join", groupId=room) for _ in range(2)]
        assert first["channels"] == second["channels"] and first["role"] == second["role"] == "member"
        assert second["pv"] == first["pv"] + 1 and first["onlineCount"] == second["onlineCount"] == 2
        for _ in range(2):
            assert await bob.call("leave", groupId=room) == {}
        await bob.put_out(room)
        assert await bob.not_sent(room, 30001) == NOT_MEMBER
        (await do(owner.user.dismiss, room)).ok()
        assert await bob.call("leave", groupId=room) == {} == await owner.call("leave", groupId=room)
        assert await bob.call("leave", groupId="0" * 32) == {}
        await owner.put_out(room)


async def test_h14_standing_mutes_are_told_at_join(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await owner.direct_to(room, bob.name, 21002, {"type": 21002, "userId": bob.name, "mute": True})
        await bob.told(21002)
        await bob.call("leave", groupId=room)
        bob.direct.clear()
        await bob.join(room)
        told = await bob.told(21002)
        assert told["inner"] == {"type": 21002, "userId": bob.name, "mute": True}
        assert told["sender"]["userId"] == owner.name and told["group"] == room
        await owner.send(room, 21003, {"type": 21003, "mute": True})
        await bob.message(21003)
        carol = await hall.enter(room)
        told = await carol.told(21003)
        assert told["inner"] == {"type": 21003, "mute": True} and told["sender"]["userId"] == owner.name
        await carol.quiet()
        assert [d["type"] for d in carol.direct] == [21003]
        await owner.send(room, 21003, {"type": 21003, "mute": False})
        dave = await hall.enter(room)
        # The owner's own microphone is none of them.
        assert (await owner.call("join", groupId=room))["role"] == "owner"
        await hall.silent(dave, owner)
        assert dave.direct == [] and owner.direct == []


NAMES = ["a,b", "a#b", "$x", "用户一", "é" * 127 + "x", "~YSxi", "!1.x", "user:#x", " lead", "a"]


async def test_h15_e21_names_with_a_meaning_elsewhere(server):
    assert len(NAMES[4].encode()) == 255
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        guests = [await hall.enter(room, server.user(name)) for name in NAMES]
        for guest in guests:
            await owner.direct_to(room, guest.name, 30001, {"to": guest.name})
        await hall.silent(*guests)
        for guest in guests:
            assert [d["inner"]["to"] for d in guest.personal()] == [guest.name]
            assert len(guest.positions) == 3
        for one in guests:
            own = {c for c in one.positions if c.startswith("user:")}
            for other in guests:
                for channel in {c for c in other.positions if c.startswith("user:")} - own:
                    assert await error_of(one, "subscribe", channel=channel) == 103
        members = (await owner.call("members", groupId=room, limit=100))["members"]
        assert {m["userId"] for m in members} == {*NAMES, owner.name}


H16_CHANGES = 1000


async def test_h16_seats_events_give_the_list(own_server):
    server = own_server({"limits.hub_connects_user": {"per_sec": 50, "burst": 500}})
    dice = random.Random(16)
    async with Hall(server) as hall:
        room, owner, (watcher,) = await hall.room()
        users = server.users(8)

        over = asyncio.Event()

        async def changes() -> None:
            for _ in range(H16_CHANGES):
                user = dice.choice(users)
                answer = await do(user.join, room)
                if "members" not in answer:
                    (await do(user.leave, room)).ok()
            over.set()
            # Something that arrives, for whoever still waits for changes.
            await owner.send(room, 30001)

        done = asyncio.create_task(changes())
        times = 0
        while not over.is_set():
            goal = len(watcher.of("seats")) + 1 + dice.randrange(12)
            await watcher.until(lambda goal=goal: over.is_set() or len(watcher.of("seats")) >= goal, "more changes", 20)
            await watcher.vanish()
            assert all((await watcher.again()).values())
            times += 1
        await done
        assert times > 5
        await hall.silent(watcher, owner)
        events = watcher.of("seats")
        versions = [e["version"] for e in events]
        assert versions == sorted(set(versions)) and len(events) == H16_CHANGES
        assert events == [e | {"channel": f"room:{room}"} for e in owner.of("seats")]
        assert events[-1]["members"] == (await do(owner.user.info, room))["members"]


async def test_h17_a_burst_of_comments(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()

        async def one(n: int) -> int:
            try:
                await bob.comment(room, f"{n}")
            except Refused as refused:
                return refused.code
            return 0

        got = await asyncio.gather(*(one(n) for n in range(30)))
        passed = got.count(0)
        assert passed >= 20 and set(got) == {0, 1429}
        await bob.quiet()
        assert bob.closed is None
        await owner.until(lambda: len(owner.messages(21301)) == passed, "what passed")
        await owner.comment(room, "of somebody else")


async def test_h17_d8_501_members(own_server):
    server = own_server({"limits.hub_connects": {"per_sec": 0, "burst": 0}})
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        crowd = asyncio.Semaphore(25)

        async def come():
            async with crowd:
                return await hall.enter(room)

        guests = await asyncio.gather(*(come() for _ in range(500)))
        await owner.until(lambda: total(owner) == 501, "501 members", 20)
        seen = len(owner.of("members"))
        assert owner.of("members")[-1]["joined"] == []
        late = await hall.enter(room)
        event = await owner.event("members", total=502)
        assert event["joined"] == event["left"] == []
        await late.call("leave", groupId=room)
        await owner.until(lambda: total(owner) == 501, "back to 501")
        assert all(e["joined"] == e["left"] == [] for e in owner.of("members")[seen:])
        # At 500 names are back.
        await guests[0].call("leave", groupId=room)
        event = await owner.event("members", total=500)
        assert [x["userId"] for x in event["left"]] == [guests[0].name]
