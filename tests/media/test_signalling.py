"""Signalling by hand: the doors, and what a patched client cannot do."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from livekit.protocol import models, rtc as proto

from stoa import tokens
from stoa.media import Stage
from stoa.signal import Signal
from stoa.wait import until


async def get(server, path: str, **kw) -> tuple[int, str, dict]:
    async with aiohttp.ClientSession() as session, session.get(server.url + path, **kw) as reply:
        return reply.status, await reply.text(), {k.lower(): v for k, v in reply.headers.items()}


async def test_base_address_answers(server):
    for method in ("get", "head"):
        async with aiohttp.ClientSession() as session, getattr(session, method)(server.url + "/") as reply:
            assert reply.status == 200


@pytest.mark.parametrize("path", ["/rtc/v1", "/rtc/v1/validate", "/rtc"])
async def test_paths_without_upgrade_are_404_with_cors(server, path):
    status, _, headers = await get(server, path)
    assert status == 404
    assert headers["access-control-allow-origin"] == "*"


async def test_validate(server, alice, room):
    token = (await asyncio.to_thread(alice.rtc, room)).ok()["auth_token"]
    for headers, params in (({}, {"access_token": token}), ({"Authorization": f"Bearer {token}"}, {}), ({"Authorization": f"Bearer {token}"}, {"access_token": "rubbish"})):
        status, text, answered = await get(server, "/rtc/validate", headers=headers, params=params)
        assert (status, text) == (200, "success")
        assert answered["access-control-allow-origin"] == "*"
    status, _, _ = await get(server, "//rtc/validate", params={"access_token": token})
    assert status == 200


def bad_media_tokens(room: str) -> dict[str, tuple[str, int]]:
    now = int(time.time())
    secret = tokens.APP_SECRET.encode()
    good = {"iss": tokens.APP_KEY, "sub": "mallory", "nbf": now - 5, "exp": now + 600, "video": {"roomJoin": True, "room": room}}
    without = lambda *names: {k: v for k, v in good.items() if k not in names}
    s = lambda claims, header=tokens.HEADER, key=secret, alg="HS256": tokens.sign(header, claims, key, alg)
    return {
        "none": ("", 401),
        "garbage": ("a.b.c", 401),
        "wrong_secret": (s(good, key=b"another-secret"), 401),
        "empty_secret": (s(good, key=b""), 401),
        "unknown_key": (s(good | {"iss": "nobody"}), 401),
        "no_iss": (s(without("iss")), 401),
        "alg_none": (s(good, {"typ": "JWT", "alg": "none"}, b"", "none"), 401),
        "hs512": (s(good, {"typ": "JWT", "alg": "HS512"}, alg="HS512"), 401),
        "expired": (s(good | {"exp": now - 120}), 401),
        "no_exp": (s(without("exp")), 401),
        "not_yet": (s(good | {"nbf": now + 600}), 401),
        "no_sub": (s(without("sub")), 401),
        "empty_sub": (s(good | {"sub": ""}), 401),
        "login_token": (tokens.login_token("mallory"), 401),
        "no_join_grant": (s(good | {"video": {"room": room}}), 401),
        "no_room": (s(good | {"video": {"roomJoin": True}}), 401),
        "no_video": (s(without("video")), 401),
        "too_long": (s(good | {"metadata": "x" * 20_000}), 401),
        "unknown_room_with_api_mark": (s(good | {"video": {"roomJoin": True, "room": "0" * 32}, "attributes": {"stoa.identity": "5", "stoa.user": "mallory"}}), 404),
    }


BAD = [k for k in bad_media_tokens("x" * 32) if k != "unknown_room_with_api_mark"]


@pytest.mark.parametrize("kind", BAD)
async def test_forged_media_token_is_refused(server, room, kind):
    token, _ = bad_media_tokens(room)[kind]
    params = {"access_token": token} if token else {}
    status, text, headers = await get(server, "/rtc/validate", params=params)
    assert status in (400, 401, 403), text
    assert headers["access-control-allow-origin"] == "*"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with Signal(server.url, token):
            pass
    assert refused.value.status == status


async def test_join_answer_is_what_clients_depend_on(server, alice, bob, room):
    (await asyncio.to_thread(bob.join, room)).ok()
    token = (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]
    async with Signal(server.url, token) as signal:
        join = await signal.wait("join")
        assert signal.seen[0].WhichOneof("message") == "join"
        assert join.room.sid.startswith("RM_") and join.room.name == room
        assert join.participant.sid.startswith("PA_") and join.participant.identity == bob.name
        assert join.participant.permission.can_publish and join.participant.permission.can_subscribe and join.participant.permission.can_publish_data
        assert join.participant.attributes["stoa.seat"] == "1"
        assert join.subscriber_primary
        version = [int(x) for x in join.server_version.split(".")]
        assert [1, 9, 0] <= version <= [1, 13, 5] and join.server_info.version == join.server_version
        assert 0 < join.server_info.protocol <= 17
        assert join.ping_interval > 0 and join.ping_timeout > 0
        assert join.enabled_publish_codecs
        offer = await signal.wait("offer")
        assert offer.type == "offer" and "a=ice-lite" in offer.sdp
        await signal.send(ping_req=proto.Ping(timestamp=1234, rtt=1))
        assert (await signal.wait("pong_resp")).last_ping_timestamp == 1234
        refresh = await signal.wait("refresh_token", where=bool)
        assert tokens.claims_of(refresh)["video"]["room"] == room


@pytest.mark.parametrize("kind", ["listener", "own_backend"])
async def test_add_track_of_a_listener_is_refused(server, bob, room, kind):
    if kind == "listener":
        token = (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]
    else:
        token = tokens.media_token(bob.name, room, canPublish=True)
    async with Signal(server.url, token) as signal:
        join = await signal.wait("join")
        assert not join.participant.permission.can_publish
        await signal.send(add_track=proto.AddTrackRequest(cid="cid-1", name="mic", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE))
        refusal = await signal.wait("request_response")
        assert refusal.reason == proto.RequestResponse.NOT_ALLOWED
        assert "track_published" not in signal.kinds()


async def test_sources_of_a_seat(server, alice, bob, room):
    """5.5: a seat gives microphone, camera and screen; the sound of a screen is the owner's."""
    (await asyncio.to_thread(bob.join, room)).ok()
    for user, allowed in ((bob, False), (alice, True)):
        token = (await asyncio.to_thread(user.rtc, room)).ok()["auth_token"]
        async with Signal(server.url, token) as signal:
            await signal.wait("join")
            for i, source in enumerate((models.TrackSource.MICROPHONE, models.TrackSource.CAMERA, models.TrackSource.SCREEN_SHARE)):
                kind = models.TrackType.AUDIO if source == models.TrackSource.MICROPHONE else models.TrackType.VIDEO
                await signal.send(add_track=proto.AddTrackRequest(cid=f"cid-{i}", type=kind, source=source, width=640, height=360))
                published = await signal.wait("track_published", where=lambda p, i=i: p.cid == f"cid-{i}")
                assert published.track.sid.startswith("TR_") and published.track.source == source
            await signal.send(add_track=proto.AddTrackRequest(cid="cid-9", type=models.TrackType.AUDIO, source=models.TrackSource.SCREEN_SHARE_AUDIO))
            if allowed:
                await signal.wait("track_published", where=lambda p: p.cid == "cid-9")
            else:
                assert (await signal.wait("request_response")).reason == proto.RequestResponse.NOT_ALLOWED


async def test_attributes_of_the_server_cannot_be_set(server, bob, room):
    token = tokens.media_token(bob.name, room, canUpdateOwnMetadata=True)
    async with Signal(server.url, token) as signal:
        await signal.wait("join")
        await signal.send(update_metadata=proto.UpdateParticipantMetadata(attributes={"stoa.seat": "3", "stoa.mic": "1"}, request_id=7))
        refusal = await signal.wait("request_response", where=lambda r: r.request_id == 7)
        assert refusal.reason == proto.RequestResponse.NOT_ALLOWED
        updates = [m.update for m in signal.seen if m.WhichOneof("message") == "update"]
        assert not any(p.attributes.get("stoa.seat") == "3" for u in updates for p in u.participants)


async def test_resume_needs_the_right_token(server, alice, bob, room):
    token = lambda user: asyncio.to_thread(lambda: user.rtc(room).ok()["auth_token"])
    async with Stage() as stage:
        client = await stage.enter(alice, room)
        sid = client.me.sid
        # Somebody else's session: not resumed, and not disturbed either.
        async with Signal(server.url, await token(bob), reconnect="1", sid=sid) as thief:
            leave = await thief.wait("leave")
            assert leave.reason == models.DisconnectReason.STATE_MISMATCH and leave.action == proto.LeaveRequest.RECONNECT
            assert "reconnect" not in thief.kinds()
        assert client.room.isconnected() and not [e for e in client.events if "reconnect" in e[0]]
        async with Signal(server.url, await token(alice), reconnect="1", sid=sid) as again:
            await again.wait("reconnect")
            assert again.seen[0].WhichOneof("message") == "reconnect"
    async with Signal(server.url, await token(bob), reconnect="1", sid="PA_unknownunkno") as unknown:
        leave = await unknown.wait("leave")
        assert leave.reason == models.DisconnectReason.STATE_MISMATCH and leave.action == proto.LeaveRequest.RECONNECT


async def test_broken_frames_do_not_end_the_server(server, alice, bob, room):
    token = (await asyncio.to_thread(alice.rtc, room)).ok()["auth_token"]
    for junk in (b"\xff" * 100, b"", b"\x0a\xff\xff\xff\xff\x0f", bytes(range(256)) * 10):
        async with Signal(server.url, token) as signal:
            await signal.wait("join")
            await signal.ws.send_bytes(junk)
            try:
                await signal.send(ping_req=proto.Ping(timestamp=5))
                await signal.wait("pong_resp", 5)
            except (AssertionError, ConnectionError):
                assert signal.closed.is_set()  # closing is an answer too; hanging is not
    for sdp in ("", "v=0", "m=audio 9 X 0\r\n" * 1000, "a=candidate:\r\n", "\x00" * 100):
        async with Signal(server.url, token) as signal:
            await signal.wait("join")
            await signal.send(offer=proto.SessionDescription(type="offer", sdp=sdp, id=1))
            await signal.send(answer=proto.SessionDescription(type="answer", sdp=sdp, id=1))
            await signal.send(trickle=proto.TrickleRequest(candidateInit="{", target=0))
            try:
                await signal.send(ping_req=proto.Ping(timestamp=5))
                await signal.wait("pong_resp", 5)
            except (AssertionError, ConnectionError):
                assert signal.closed.is_set()
    async with Signal(server.url, (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]) as fine:
        await fine.wait("join")
    assert server.alive()


async def test_flood_of_requests_is_bounded(server, bob, room):
    token = (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]
    async with Signal(server.url, token) as signal:
        await signal.wait("join")
        try:
            for i in range(600):
                await signal.send(ping_req=proto.Ping(timestamp=i))
        except ConnectionError:
            pass
        await until(lambda: signal.closed.is_set() or len(signal.seen) > 50, 10, "answers or an end")
    assert server.alive()
    answer = await asyncio.to_thread(bob.list)
    assert answer.ok()


async def test_a_client_that_closes_first_is_answered(server, alice, room):
    """Its close frame gets one back; without it browsers report an abnormal end (1006)."""
    token = (await asyncio.to_thread(alice.rtc, room)).ok()["auth_token"]
    for _ in range(10):
        async with Signal(server.url, token) as signal:
            await signal.wait("join")
            await asyncio.wait_for(signal.ws.close(), 5)
            assert signal.ws.close_code == 1000


@pytest.mark.parametrize("end", ["dismissal", "dismissal_while_sending", "second_login", "own_leave"])
async def test_leave_is_followed_by_an_orderly_close(server, alice, room, end):
    """After `leave` the socket closes with 1000; browsers report anything else as a fault."""
    token = (await asyncio.to_thread(alice.rtc, room)).ok()["auth_token"]
    async with Signal(server.url, token) as signal:
        await signal.wait("join")
        if end.startswith("dismissal"):
            async def chatter() -> None:
                # Frames that the server has not read when it closes must not turn the close into a reset.
                while not signal.ws.closed:
                    await signal.send(ping_req=proto.Ping(timestamp=1))
                    # As fast as possible it would be this test that is too slow to read what comes back.
                    await asyncio.sleep(0.0005)

            talking = asyncio.create_task(chatter()) if end == "dismissal_while_sending" else None
            (await asyncio.to_thread(alice.dismiss, room)).ok()
            assert (await signal.wait("leave", 20)).reason == models.DisconnectReason.ROOM_DELETED
            if talking:
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)
        elif end == "second_login":
            async with Signal(server.url, token) as second:
                await second.wait("join")
                assert (await signal.wait("leave")).reason == models.DisconnectReason.DUPLICATE_IDENTITY
        else:
            await signal.send(leave=proto.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED))
        await asyncio.wait_for(signal.closed.wait(), 5)
        assert signal.ws.close_code == 1000
