"""Cases of hub.md 9 that hold for groups in general, shown with voice rooms: B14, C, D, E24, G3 (and T3, T5 of
voice-room.md 9.3). The rest of E and F are in the files beside.
"""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from stoa import tokens
from stoa.hall import BOTH_LIVE, FREE, HUB_KEY, KEYS, Guest, Hall, do, error_of, joined, left, total
from stoa.member import Member, Refused
from stoa.sdk import Sdk

async def test_b14_t5_the_voice_bundle(own_server):
    server = own_server(KEYS)
    user = server.user()
    bundle = (await do(user.im)).ok()["aliyun_im"]
    good = bundle["app_token"]
    claims = tokens.claims_of(good)
    assert (claims["exp"], claims["jti"], claims["aud"]) == (bundle["auth"]["timestamp"], bundle["auth"]["nonce"], "hub")
    assert tokens.verifies(good, HUB_KEY)
    async with Member(server.http.port, good) as member:
        assert (await member.call("session.hello"))["user"] == user.name
    head, body, mac = good.split(".")
    altered = f"{head}.{tokens.b64(tokens.compact(claims | {'sub': 'somebody'}))}.{mac}"
    media = (await do(user.rtc, await do(user.room))).ok()["auth_token"]
    for bad in (altered, user.token, media, good[:-2], tokens.sign(tokens.HEADER, claims, b"x" * 32), tokens.sign({"alg": "none"}, claims, b"", "none")):
        member = Member(server.http.port, bad)
        with pytest.raises(ConnectionError):
            await member.connect()
        await member.ended(3500)
        await member.close()
    expired = Member(server.http.port, tokens.sign(tokens.HEADER, claims | {"exp": int(time.time()) - 60}, HUB_KEY))
    with pytest.raises(Refused, match="109"):
        await expired.connect()
    await expired.close()


@pytest.mark.parametrize("protobuf", [False, True])
async def test_t3_both_tokens_with_the_official_sdk(server, protobuf):
    user = server.user()
    answer = (await do(user.im)).ok()
    bundle = answer["aliyun_im"]
    assert tokens.unb64(bundle["app_sign"]).decode() == bundle["im_url"] == answer["im_url"] == answer["hub"]["url"]
    for token in (bundle["app_token"], answer["hub"]["token"]):
        sdk = Sdk(server, user, token, protobuf=protobuf, url=bundle["im_url"])
        try:
            await sdk.connect()
            assert (await sdk.rpc("session.hello", {}))["user"] == user.name
        finally:
            await sdk.close()


async def test_c12_a_direct_message_meanwhile(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await owner.direct_to(room, bob.name, 30001, {"n": 1})
        await bob.told(30001)
        await bob.vanish()
        await owner.direct_to(room, bob.name, 30001, {"n": 2})
        await bob.again()
        await owner.direct_to(room, bob.name, 30001, {"n": 3})
        await bob.until(lambda: len(bob.direct) >= 3, "all direct messages")
        await bob.quiet()
        assert [d["inner"]["n"] for d in bob.personal()] == [1, 2, 3]


class Moved(Exception):
    """Something was published between two looks."""


async def steady(look) -> bool:
    """Whether the look was taken without anything published meanwhile; the group's own counters may come late."""
    for _ in range(5):
        try:
            await look()
            return True
        except Moved:
            continue
    return False


async def history_pages(owner, channel: str) -> None:
    top, epoch = owner.positions[channel]

    async def page(**body) -> list[int]:
        got = await owner.command("history", {"channel": channel, **body})
        assert got["epoch"] == epoch
        if got["offset"] != top:
            await owner.until(lambda: owner.positions[channel][0] >= got["offset"], "what came meanwhile")
            raise Moved
        return [p["offset"] for p in got.get("publications", [])]

    kept = list(range(top - 255, top + 1))
    assert await page() == await page(limit=0) == []
    assert await page(limit=20) == kept[:20]
    assert await page(limit=-1) == kept
    assert await page(limit=300) == kept
    assert await page(limit=20, reverse=True) == kept[::-1][:20]
    assert await page(limit=20, since={"offset": kept[99], "epoch": epoch}) == kept[100:120]
    assert await page(limit=-1, since={"offset": kept[99], "epoch": epoch}, reverse=True) == kept[:99][::-1]
    assert await page(limit=5, since={"offset": kept[99]}) == kept[100:105]
    assert await error_of(owner, "history", channel=channel, limit=5, since={"offset": kept[99], "epoch": "foreign0"}) == 112


async def test_c16_history(own_server):
    """400 signals in `room:`, which keeps 256."""
    server = own_server(FREE)
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        channel = f"room:{room}"
        for n in range(400):
            await owner.send(room, 30001, {"n": n})
        await owner.until(lambda: len(owner.messages()) == 400, "all of them")
        assert await steady(lambda: history_pages(owner, channel)), "counters kept coming"
        stranger = await hall.connect()
        assert await error_of(stranger, "history", channel=channel, limit=5) == 103


async def test_c17_no_gap_between_join_and_stream(own_server):
    server = own_server(FREE)
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        enough = asyncio.Event()

        async def flow(kind: int) -> None:
            while not enough.is_set():
                await owner.send(room, kind, {"content": "x"})

        flows = [asyncio.create_task(flow(kind)) for kind in (30001, 21301)]
        guests = [await hall.enter(room) for _ in range(20)]
        counts = {g: len(g.messages()) for g in guests}
        for guest in guests:
            await guest.until(lambda g=guest: len(g.messages()) > counts[g] + 5, "the flow goes on")
        enough.set()
        await asyncio.gather(*flows)
        await hall.silent(owner, *guests)
        for kind in (30001, 21301):
            everything = [m["messageId"] for m in owner.messages(kind)]
            for guest in guests:
                seen = [m["messageId"] for m in guest.messages(kind)]
                assert seen == everything[-len(seen):], "a gap, or a repeat"


async def test_d1_presence(own_server):
    server = own_server(BOTH_LIVE)
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        bob = server.user()
        devices = [await hall.enter(room, bob, device_id=d) for d in ("phone", "tablet")]
        channel = f"room:{room}"
        assert await owner.command("presence_stats", {"channel": channel}) == {"num_clients": 3, "num_users": 2}
        there = (await devices[0].command("presence", {"channel": channel}))["presence"]
        assert set(there) == {owner.client, *(d.client for d in devices)}
        assert await error_of(await hall.connect(), "presence", channel=channel) == 103
        assert (await owner.call("stats", groupId=room))["onlineCount"] == 2


async def test_d4_d5_a_lost_connection(own_server):
    server = own_server({"hub.member_grace": 1})
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        await bob.vanish()
        await bob.again()
        await carol.vanish()
        lost = time.monotonic()
        await owner.until(lambda: left(owner), "lost")
        assert time.monotonic() - lost >= 0.95
        assert total(owner) == 2 and left(owner) == [(carol.name, "lost")]
        # Back after the grace: joined anew, by the rules of a subscription.
        await carol.again()
        await owner.until(lambda: total(owner) == 3, "back")
        await owner.comment(room, "later than everything")
        await owner.message(21301)
        await owner.quiet()
        assert left(owner) == [(carol.name, "lost")]
        assert joined(owner).count(bob.name) == 1 and joined(owner).count(carol.name) == 2


async def test_d6_an_explicit_leave(server):
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        began = time.monotonic()
        await bob.call("leave", groupId=room)
        await owner.until(lambda: left(owner), "left")
        # The grace is 10 s; events are merged over one at most.
        assert time.monotonic() - began < 3 and left(owner) == [(bob.name, "left")]
        await bob.put_out(room)
        assert left(bob) == []


async def test_d7_one_of_two_devices_leaves(own_server):
    server = own_server(BOTH_LIVE | {"hub.member_grace": 1})
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        bob = server.user()
        phone, tablet = [await hall.enter(room, bob, device_id=d) for d in ("phone", "tablet")]
        await owner.until(lambda: total(owner) == 2, "bob is in")
        await phone.call("leave", groupId=room)
        await phone.put_out(room)
        # Whatever this made known would be merged into what carol's coming makes known.
        carol = await hall.enter(room)
        await owner.until(lambda: carol.name in joined(owner), "carol is in")
        assert left(owner) == [] and total(owner) == 3
        await tablet.comment(room, "still in")
        await owner.message(21301)


async def test_d10_an_old_pages_late_leave(own_server):
    server = own_server(BOTH_LIVE)
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        bob = server.user()
        old = await hall.enter(room, bob, device_id="old")
        new = await hall.enter(room, bob, device_id="new")
        await old.call("leave", groupId=room)
        await old.call("leave", groupId=room)
        await new.comment(room, "a member")
        carol = await hall.enter(room)
        await owner.until(lambda: carol.name in joined(owner), "carol is in")
        assert left(owner) == [] and new.unsubscribed == []
        # Its own place in the group does not come back with the other's messages.
        await old.put_out(room)
        assert old.messages() == []


async def test_e24_one_order_at_200_subscribers(own_server):
    server = own_server(FREE)
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        gate = asyncio.Semaphore(25)

        async def come():
            async with gate:
                return await hall.enter(room)

        guests = await asyncio.gather(*(come() for _ in range(200)))
        await owner.until(lambda: total(owner) == 201, "everybody in", 20)

        async def some(guest, n: int) -> None:
            await guest.send(room, 30001, {"n": n})
            if n % 5 == 0:
                (await do(guest.user.join, room)).ok()
                (await do(guest.user.leave, room)).ok()

        # Between two marks: what is told late of their coming, and at other moments than theirs, is not compared.
        begin = await owner.send(room, 30001, {"mark": 1})
        await asyncio.gather(*(some(g, n) for n, g in enumerate(guests[:40])))
        end = await owner.send(room, 30001, {"mark": 2})
        await asyncio.gather(*(g.until(lambda g=g: any(e.get("messageId") == end["messageId"] for e in g.events), "the last mark") for g in guests))

        def seen(guest) -> list:
            stream = [e.get("messageId") or (e["kind"], e["version"]) for e in guest.events if not e["live"]]
            return stream[stream.index(begin["messageId"]):stream.index(end["messageId"]) + 1]

        first = seen(guests[0])
        assert len([s for s in first if isinstance(s, str)]) >= 42 and len(first) >= 50
        for guest in guests:
            assert seen(guest) == first


async def test_g3_a_flood_by_one_user(server):
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        codes: list[int] = []
        done = asyncio.Event()

        async def flood() -> None:
            while not done.is_set():
                try:
                    await bob.comment(room, "x")
                    codes.append(0)
                except Refused as refused:
                    codes.append(refused.code)

        flooding = asyncio.create_task(flood())
        slowest = 0.0
        for n in range(12):
            began = time.monotonic()
            sent = await carol.comment(room, f"{n}")
            await owner.event("message", messageId=sent["messageId"])
            slowest = max(slowest, time.monotonic() - began)
        while codes.count(1429) < 50 and not flooding.done():
            await asyncio.sleep(0)
        done.set()
        await flooding
        assert slowest < 1.0, slowest
        assert set(codes) <= {0, 1429, 111} and bob.closed is None
        await owner.quiet()
        assert len(owner.messages(21301)) == 12 + codes.count(0)


# -- hub.md 5.7: what a removed comment leaves for those who recover --------------------------------

async def sees_no_trace(guest: Guest, comment: dict, text: str) -> None:
    """Comes back, exactly, and is told that there was something: never what."""
    before = len(guest.events)
    assert set((await guest.again()).values()) == {True}
    await guest.event("deleted", messageIds=[comment["messageId"]])
    await guest.quiet()
    told = [e for e in guest.events[before:] if e["channel"].startswith("chat:")]
    assert [e["messageId"] for e in told if e["kind"] == "gone"] == [comment["messageId"]]
    assert text not in json.dumps(told)


async def test_e17_h1_a_comment_removed_after_a_planned_restart(own_server):
    server = own_server()
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        await bob.comment(room, "kept")
        await carol.message(21301)
        await carol.vanish()
        bad = await bob.comment(room, "the bad words")
        own = await bob.comment(room, "of his own")
        await do(server.restart)
        await owner.ended(3001)
        await owner.again()
        await bob.ended(3001)
        await bob.again()
        await owner.call("delete", groupId=room, messageId=bad["messageId"])
        await sees_no_trace(carol, bad, "the bad words")
        assert [json.loads(m["data"])["content"] for m in carol.messages(21301)] == ["kept", "of his own"]
        # Once more, by the author, for somebody who is in the group again since.
        await carol.vanish()
        last = await bob.comment(room, "the last words")
        await do(server.restart)
        await bob.ended(3001)
        await bob.again()
        for comment in (own, last):
            await bob.call("delete", groupId=room, messageId=comment["messageId"])
        await carol.again()
        await carol.event("deleted", messageIds=[last["messageId"]])
        assert [e["messageId"] for e in carol.of("gone")] == [bad["messageId"], last["messageId"]]
        assert all("last words" not in m["data"] for m in carol.messages())


async def test_e17_h1_a_comment_removed_in_a_group_that_nobody_used(own_server):
    """Everybody left, and the new process knows of no such group until the administrator comes to remove the comment."""
    server = own_server({"hub.member_grace": 1})
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        bad = await bob.comment(room, "the bad words")
        await carol.event("message", messageId=bad["messageId"])
        channel = f"chat:{room}"
        for guest in (bob, owner):
            await guest.call("leave", groupId=room)
            await guest.put_out(room)
        # From before the comment; whoever leaves has no position of its own any more.
        carol.positions[channel] = (carol.positions[channel][0] - 1, carol.positions[channel][1])
        carol.events.clear()
        await carol.vanish()
        await do(server.restart)
        admin = await hall.enter(room, server.admin())
        await admin.call("delete", groupId=room, messageId=bad["messageId"])
        await sees_no_trace(carol, bad, "the bad words")


@pytest.mark.parametrize("restart", [False, True])
async def test_e17_the_oldest_comment_that_is_kept(own_server, restart):
    """150 comments, of which 100 are kept; the event about the removal takes the place of one of them."""
    server = own_server(FREE)
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        for n in range(51):
            await bob.comment(room, f"before {n}")
        await carol.until(lambda: len(carol.messages(21301)) == 51, "what came before")
        await carol.vanish()
        bad = await bob.comment(room, "the bad words")
        for n in range(98):
            await bob.comment(room, f"after {n}")
        if restart:
            await do(server.restart)
            await owner.ended(3001)
            await owner.again()
        await owner.call("delete", groupId=room, messageId=bad["messageId"])
        await sees_no_trace(carol, bad, "the bad words")
        assert len(carol.messages(21301)) == 51 + 98
