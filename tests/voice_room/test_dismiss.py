"""Acceptance cases D1–D5 and the parts of D11 of voice-room.md 9.6 that need no message hub."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime

import aiohttp
import pytest
from livekit import api, rtc

from stoa import tokens
from stoa.media import Stage
from stoa.wait import until, until_next_second

UNKNOWN = "0123456789abcdef0123456789abcdef"


def test_D1_owner_dismisses(server, alice, bob, room):
    bob.join(room).ok()
    before = time.time()
    assert alice.dismiss(room).ok().body == {"code": 200, "success": True}
    got = bob.get(room).ok()
    assert got["status"] == 2 and got["stopped_at"] == got["updated_at"]
    assert abs(datetime.fromisoformat(got["stopped_at"]).timestamp() - before) < 3
    assert not any(m["joined"] for m in json.loads(got["meetingInfo"])["members"])
    assert room not in [r["id"] for r in bob.list(page_size=500).ok()["rooms"]]


def test_D2_again(server, alice, admin, room):
    alice.dismiss(room).ok()
    first = alice.get(room).ok().body
    until_next_second(first["stopped_at"])
    for caller in (alice, admin, alice):
        assert caller.dismiss(room).ok()["success"] is True
    assert alice.get(room).ok().body == first


def test_D3_by_another_user(server, alice, bob, room):
    answer = bob.dismiss(room).ok()
    assert (answer["success"], answer["reason"]) == (False, "NoPermit") and answer["message"]
    answer = bob.dismiss(room, user_id=alice.name).expect(200, 403)
    assert (answer["success"], answer["reason"]) == (False, "NoPermit")
    assert alice.get(room).ok()["status"] == 1


@pytest.mark.parametrize("asked", [UNKNOWN, "nonsense"])
def test_D4_unknown_room(server, alice, asked):
    answer = alice.dismiss(asked).ok()
    assert (answer["success"], answer["reason"]) == (False, "Unknown") and answer["message"]


async def test_D5_media_ends(server, alice, bob, carol):
    room = await asyncio.to_thread(alice.room)
    (await asyncio.to_thread(bob.join, room)).ok()
    async with Stage() as stage:
        owner, singer, listener = [await stage.enter(u, room) for u in (alice, bob, carol)]
        stale = (await asyncio.to_thread(carol.rtc, room)).ok()
        await singer.sing(660)
        await asyncio.gather(owner.wait_hears(singer, 660), listener.wait_hears(singer, 660))

        (await asyncio.to_thread(alice.dismiss, room)).ok()
        answered = time.monotonic()
        # What was on its way at the answer may still arrive; from then on the counters stand still.
        counts = [await c.packets(singer) for c in (owner, listener)]
        settle = [await c.packets(singer) for c in (owner, listener)]
        assert all(b - a <= 2 for a, b in zip(counts, settle))
        for c in (owner, listener):
            await until(lambda c=c: not c.hears(singer, 660), 1, "silence after the dismissal")

        # All doors are shut at once.
        (await asyncio.to_thread(carol.rtc, room)).expect(404, 404)
        with pytest.raises(Exception):
            await asyncio.wait_for(rtc.Room().connect(stale["rtc_url"], stale["auth_token"]), 10)
        async with aiohttp.ClientSession() as session:
            validate = await session.get(f"{server.url}/rtc/validate", params={"access_token": stale["auth_token"]})
            assert validate.status == 404 and "requested room does not exist" in await validate.text()
            resume = await session.get(f"{server.url}/rtc/validate", params={"access_token": stale["auth_token"], "reconnect": "1", "sid": listener.me.sid})
            assert resume.status == 404
            service = api.LiveKitAPI(server.url, tokens.APP_KEY, tokens.APP_SECRET)
            try:
                with pytest.raises(api.TwirpError):
                    await service.room.create_room(api.CreateRoomRequest(name=room))
            finally:
                await service.aclose()

        reasons = await asyncio.wait_for(asyncio.gather(*(c.disconnected for c in (owner, singer, listener))), 4 - (time.monotonic() - answered))
        assert set(reasons) == {rtc.DisconnectReason.ROOM_DELETED}


def test_D11_leaving_after_dismissal(server, alice, bob, room):
    """The `leaveMic` of Android's leave sequence; its messages wait for the hub."""
    bob.join(room, index=2).ok()
    alice.dismiss(room).ok()
    for _ in range(2):
        answer = bob.leave(room, 2).ok()
        assert answer["success"] is True and len(answer["members"]) == 8
    assert alice.leave(room, -1).ok()["success"] is True
