"""Cases of voice-room.md 9 in which the hub takes part: E2 of 9.4, D6–D11 of 9.6, K1–K11 of 9.8; E8, H1, H2, H7 of hub.md 9 besides."""

from __future__ import annotations

import asyncio
import json
import time

from livekit import rtc

from stoa.hall import CLOSING, FREE, NO_GROUP, NOT_ALLOWED, Hall, do, error_of, total
from stoa.media import Stage
from stoa.member import Refused
from stoa.wait import kept_up, on_time, until

GRACE = 2.0
LATE = 4.0
SETTINGS = {"voice.seat_grace": int(GRACE), "voice.seat_restart_grace": 3, "hub.member_grace": 1, "media.resume_window": 1}


def dismissals(guest) -> list[dict]:
    return guest.messages(21001)


async def online(user, room: str) -> int:
    return (await do(user.get, room)).ok()["metrics"]["online_count"]


async def test_e2_online_count_unites_media_and_hub(server):
    async with Hall(server) as hall, Stage() as stage:
        room, owner, (bob,) = await hall.room()
        media = [await stage.enter(u, room) for u in (owner.user, *server.users(2))]

        async def shows(count: int) -> None:
            await until(lambda: counted(count), 8, f"{count} online")

        async def counted(count: int) -> bool:
            return await online(owner.user, room) == count

        await shows(4)
        rooms = (await do(owner.user.list, page_size=500)).ok()["rooms"]
        assert next(r for r in rooms if r["id"] == room)["metrics"]["online_count"] == 4
        await owner.call("leave", groupId=room)
        await shows(4)
        await media[0].close()
        await shows(3)
        await bob.vanish()
        await shows(2)
        await media[1].close()
        await shows(1)


async def test_d6_e8_the_owner_is_silent(own_server):
    """And D9 for those who stay: out after the linger."""
    server = own_server({"voice.dismiss_linger": 5})
    async with Hall(server) as hall, Stage() as stage:
        room, owner, (bob, carol) = await hall.room(2)
        client = await stage.enter(bob.user, room)
        began = time.monotonic()
        (await do(owner.user.dismiss, room)).ok()
        answered = time.monotonic()

        async def told(guest) -> float:
            message = await guest.message(21001)
            assert message["sender"]["userId"] == owner.name and message["sys"] is True
            assert type(json.loads(message["data"])) is dict
            return time.monotonic()

        at = await asyncio.gather(*(told(g) for g in (owner, bob, carol)))
        assert min(at) - began >= 1.0 and max(at) - answered <= 1.5 + LATE, (began, answered, at)
        reason = await asyncio.wait_for(client.disconnected, 3 + LATE)
        assert reason == rtc.DisconnectReason.ROOM_DELETED and time.monotonic() - min(at) >= 1.9
        assert all(g.of("exit") == [] for g in (owner, bob, carol))
        for guest in (owner, bob, carol):
            event = await guest.event("exit")
            assert event["reason"] == 1
            assert time.monotonic() - began >= 4.9
            await guest.put_out(room)
            assert len(dismissals(guest)) == 1
            assert guest.closed is None
        assert await bob.refused("join", groupId=room) == NO_GROUP


async def test_d7_the_owner_says_so_itself(own_server):
    server = own_server({"voice.dismiss_linger": 3})

    async def scene() -> None:
        async with Hall(server) as hall:
            room, owner, (bob,) = await hall.room()
            asked = time.monotonic()
            (await do(owner.user.dismiss, room)).ok()
            first = await owner.send(room, 21001, {"type": 21001})
            await asyncio.gather(owner.message(21001), bob.message(21001))
            on_time(asked, 1.0)  # after that the server says so itself
            second = await owner.send(room, 21001, {"type": 21001})
            assert first["messageId"] != second["messageId"]
            await bob.put_out(room)
            await owner.put_out(room)
            for guest in (owner, bob):
                assert len(dismissals(guest)) == 1 and dismissals(guest)[0]["sender"]["userId"] == owner.name

    await kept_up(scene)


async def test_d8_while_closing(own_server):
    server = own_server({"voice.dismiss_linger": 2})
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        stranger = await hall.connect()
        await hall.seated(room, bob)
        (await do(owner.user.dismiss, room)).ok()
        assert "messageId" in await bob.send(room, 21102, {"userId": bob.name, "seatIndex": 1})
        assert await bob.not_sent(room, 21301, {"content": "x"}) == CLOSING
        assert await bob.not_sent(room, 21001, {}) == CLOSING
        assert await bob.refused("query", groupId=room) == CLOSING
        assert await owner.refused("muteAll", groupId=room, mute=True) == CLOSING
        assert await stranger.refused("join", groupId=room) == CLOSING
        assert await bob.call("leave", groupId=room) == {}
        await bob.put_out(room)
        assert await stranger.refused("join", groupId=room) == CLOSING
        await carol.put_out(room)
        # The group is forgotten once everybody is out.
        while (said := await stranger.refused("join", groupId=room)) == CLOSING:
            pass
        assert said == NO_GROUP
        assert await carol.not_sent(room, 21301, {"content": "x"}) == NO_GROUP
        assert carol.messages(21102) == [] and bob.of("exit") == []


async def test_d9_who_left_is_not_told(own_server):
    server = own_server({"voice.dismiss_linger": 2})
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        other = await do(carol.user.room)
        began = time.monotonic()
        (await do(owner.user.dismiss, room)).ok()
        await bob.call("leave", groupId=room)
        await bob.put_out(room)
        await bob.join(other)
        event = await carol.event("exit")
        assert event["reason"] == 1 and event["groupId"] == room and time.monotonic() - began >= 1.95
        await carol.put_out(room)
        await bob.comment(other, "still here")
        await bob.message(21301)
        assert bob.of("exit") == [] and bob.direct == [] and dismissals(bob) == []
        assert len(bob.unsubscribed) == 2


async def test_d10_e8_21001_without_dismiss(own_server):
    server = own_server({"voice.dismiss_linger": 2})
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await hall.seated(room, bob)
        admin = await hall.enter(room, server.admin())
        assert await admin.not_sent(room, 21001, {}) == NOT_ALLOWED
        await owner.send(room, 21001, {})
        got = (await do(owner.user.get, room)).ok()
        assert got["status"] == 2 and got["stopped_at"] == got["updated_at"]
        assert not any(m["joined"] for m in json.loads(got["meetingInfo"])["members"])
        for guest in (owner, bob, admin):
            await guest.put_out(room)
            assert [e["sender"]["userId"] for e in dismissals(guest)] == [owner.name]
            assert [e["reason"] for e in guest.of("exit")] == [1]


async def test_d11_the_leave_sequence_after_dismissal(own_server):
    server = own_server({"voice.dismiss_linger": 2})
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await hall.seated(room, bob, index=4)
        (await do(owner.user.dismiss, room)).ok()
        await owner.send(room, 21001, {"type": 21001})
        await bob.message(21001)
        for _ in range(2):
            await bob.send(room, 21102, {"userId": bob.name, "seatIndex": 4})
            assert (await do(bob.user.leave, room, 4)).ok()["success"] is True
        assert await bob.call("leave", groupId=room) == {}
        assert await bob.call("leave", groupId=room) == {}
        await owner.put_out(room)
        assert await bob.call("leave", groupId=room) == {}
        assert owner.messages(21102) == []


async def test_x7_dismissed_by_many_at_once(own_server):
    server = own_server({"voice.dismiss_linger": 2})
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        admin = server.admin()
        calls = [do(u.dismiss, room) for u in (owner.user, admin) for _ in range(8)]
        answers = await asyncio.gather(*calls, *(owner.send(room, 21001, {}) for _ in range(4)), return_exceptions=True)
        assert all(a.ok()["success"] is True for a in answers[:16])
        assert all("messageId" in a for a in answers[16:]), answers[16:]
        got = (await do(owner.user.get, room)).ok()
        assert got["status"] == 2 and got["stopped_at"] == got["updated_at"]
        for guest in (owner, bob):
            await guest.put_out(room)
            assert len(dismissals(guest)) == 1 == len(guest.of("exit"))


async def test_d8_closing_from_the_first_moment_on(own_server):
    """There is no moment between the room's end and the group's closing: a member's messages pass, then they are refused as closing."""
    server = own_server(FREE)
    async with Hall(server) as hall:
        for _ in range(10):
            room, owner, (bob,) = await hall.room()
            dismissal = asyncio.create_task(do(owner.user.dismiss, room))
            answers: list[tuple[int, str]] = []
            # A hundred refusals would end the connection.
            while not dismissal.done() and answers.count(CLOSING) < 50:
                try:
                    await bob.send(room, 30001, {})
                    answers.append((0, ""))
                except Refused as refused:
                    answers.append((refused.code, refused.message))
            (await dismissal).ok()
            assert await bob.not_sent(room, 30001, {}) == CLOSING
            assert set(answers) <= {(0, ""), CLOSING} and sorted(answers) == answers, answers


# -- who counts as present ------------------------------------------------------------------------

async def holds_for(user, room: str, expected: dict[int, str], seconds: float) -> None:
    """Fails as soon as the seats are not `expected` within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert await do(user.seats, room) == expected
        await asyncio.sleep(0.1)


async def test_k1_the_hub_session_is_back_in_time(own_server):
    server = own_server(SETTINGS)
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await hall.seated(room, bob)
        await bob.vanish()
        await owner.until(lambda: any(e["left"] for e in owner.of("members")), "left the group")
        assert await do(owner.user.seats, room) == {1: bob.name}
        await bob.again()
        await holds_for(owner.user, room, {1: bob.name}, GRACE * 1.5)
        assert owner.messages(21102) == []


async def test_k2_the_hub_session_is_not_back(own_server):
    server = own_server(SETTINGS)
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await hall.seated(room, bob)
        before = await owner.event("seats")
        await bob.vanish()
        lost = time.monotonic()
        message = await owner.message(21102, GRACE + LATE + 2)
        assert GRACE - 0.1 <= time.monotonic() - lost <= GRACE + LATE
        assert message["sender"]["userId"] == bob.name and message["sys"] is True
        assert json.loads(message["data"]) == {"userId": bob.name, "seatIndex": 1}
        seats = owner.of("seats")[-1]
        assert seats["version"] > before["version"] and not any(s["joined"] for s in seats["members"])
        assert await do(owner.user.seats, room) == {}


async def test_k3_one_of_two_sessions_keeps_the_seat(own_server):
    server = own_server(SETTINGS)
    async with Hall(server) as hall, Stage() as stage:
        room, owner, (bob, carol) = await hall.room(2)
        for guest in (bob, carol):
            await hall.seated(room, guest)
        clients = {g: await stage.enter(g.user, room) for g in (bob, carol)}
        # Media drops, the hub stays; and the reverse.
        await clients[bob].close()
        await carol.vanish()
        await holds_for(owner.user, room, {1: bob.name, 2: carol.name}, GRACE * 2)
        assert owner.messages(21102) == []


async def test_k5_an_http_seat_and_one_hub_session(own_server):
    server = own_server(SETTINGS)
    async with Hall(server) as hall:
        room, owner, _ = await hall.room(0)
        bob = server.user()
        (await do(bob.join, room)).ok()
        await holds_for(owner.user, room, {1: bob.name}, GRACE * 1.5)
        guest = await hall.enter(room, bob)
        await guest.close()
        await owner.message(21102, GRACE + LATE + 2)
        assert await do(owner.user.seats, room) == {}


async def test_k6_a_second_login_keeps_the_seat(own_server):
    server = own_server(SETTINGS)
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        await hall.seated(room, bob)
        await hall.enter(room, bob.user)
        await bob.ended(4504)
        await holds_for(owner.user, room, {1: bob.name}, GRACE * 1.5)
        assert total(owner) == 2 and not any(e["left"] for e in owner.of("members"))


async def test_k7_h7_killed_with_people_seated(own_server):
    server = own_server(SETTINGS)
    async with Hall(server) as hall:
        room, owner, (bob, carol) = await hall.room(2)
        http_only = server.user()
        (await do(http_only.join, room, index=8)).ok()
        for guest in (bob, carol):
            await hall.seated(room, guest)
        await do(server.kill)
        await do(server.start)
        opened = time.monotonic()
        everybody = {1: bob.name, 2: carol.name, 8: http_only.name}
        assert await do(owner.user.seats, room) == everybody
        assert await owner.again() == {f"room:{room}": False, f"chat:{room}": False}
        await bob.again()
        message = await owner.message(21102, 3 + LATE + 2)
        assert time.monotonic() - opened >= 2.5
        assert message["sender"]["userId"] == carol.name
        await holds_for(owner.user, room, {1: bob.name, 8: http_only.name}, GRACE)


async def test_k11_killed_while_closing(own_server):
    server = own_server()
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        (await do(owner.user.dismiss, room)).ok()
        await do(server.kill)
        await do(server.start)
        assert (await do(owner.user.get, room)).ok()["status"] == 2
        fresh = await hall.connect(bob.user)
        assert await fresh.refused("join", groupId=room) == NO_GROUP
        assert await fresh.not_sent(room, 21301, {"content": "x"}) == NO_GROUP
        for channel in (f"room:{room}", f"chat:{room}"):
            assert await error_of(fresh, "subscribe", channel=channel) == 103


# -- hub.md 9, H ----------------------------------------------------------------------------------

async def test_hub_h1_a_planned_restart(own_server):
    server = own_server()
    async with Hall(server) as hall:
        room, owner, members = await hall.room(12)
        for n in range(5):
            await owner.comment(room, f"{n}")
            await owner.send(room, 30001, {"n": n})
        everybody = [owner, *members]
        await members[3].vanish()
        await owner.comment(room, "missed by one")
        await hall.silent(owner, *members[:3])
        await do(server.restart)
        for guest in everybody:
            if guest is not members[3]:
                await guest.ended(3001)
        for guest in everybody:
            assert await guest.again() == {f"room:{room}": True, f"chat:{room}": True}, guest.name
        await owner.comment(room, "goes on")
        for guest in everybody:
            await guest.until(lambda g=guest: len(g.messages(21301)) == 7, "all comments")
        await hall.silent(*everybody)
        for number in (21301, 30001):
            ids = [[m["messageId"] for m in g.messages(number)] for g in everybody]
            assert all(i == ids[0] for i in ids) and len(set(ids[0])) == len(ids[0])
        numbers = sorted(m["seqnum"] for m in owner.messages())
        assert numbers == sorted(set(numbers))
        assert (await owner.call("query", groupId=room))["onlineCount"] == 13


async def test_hub_h2_killed(own_server):
    server = own_server()
    async with Hall(server) as hall:
        room, owner, (bob,) = await hall.room()
        first = await owner.comment(room, "kept")
        await bob.message(21301)
        epoch = bob.positions[f"room:{room}"][1]
        await do(server.kill)
        await do(server.start)
        began = time.monotonic()
        for guest in (owner, bob):
            assert await guest.again() == {f"room:{room}": False, f"chat:{room}": False}
        assert bob.positions[f"room:{room}"][1] != epoch
        recent = (await bob.call("recent", groupId=room))["messageList"]
        assert [m["messageId"] for m in recent] == [first["messageId"]]
        second = await owner.comment(room, "goes on")
        assert second["seqnum"] > first["seqnum"]
        await bob.until(lambda: len(bob.messages(21301)) == 2, "the second")
        assert bob.messages(21301)[1]["sender"] == bob.messages(21301)[0]["sender"], "what it said of itself at join is known"
        assert time.monotonic() - began < 10
