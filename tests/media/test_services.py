"""LiveKit's server SDK drives RoomService and reads the webhooks, unchanged."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import models

from stoa import tokens
from stoa.media import Stage
from stoa.wait import until

TONE = 600.0


@pytest.fixture
async def service(server):
    made = api.LiveKitAPI(server.url, tokens.APP_KEY, tokens.APP_SECRET)
    yield made.room
    await made.aclose()


async def twirp_code(coroutine) -> str:
    with pytest.raises(api.TwirpError) as error:
        await coroutine
    return error.value.code


async def test_lists(server, service):
    owner, bob = server.users(2)
    room = await asyncio.to_thread(owner.room)
    (await asyncio.to_thread(bob.join, room)).ok()
    async with Stage() as stage:
        await stage.enter(owner, room)
        singer = await stage.enter(bob, room)
        await singer.sing(TONE)

        async def shown():
            return [r for r in (await service.list_rooms(api.ListRoomsRequest(names=[room]))).rooms if r.num_participants == 2]

        await until(shown, 5, "the room in ListRooms")
        found = (await service.list_rooms(api.ListRoomsRequest(names=[room]))).rooms
        assert [r.name for r in found] == [room] and found[0].sid.startswith("RM_")
        assert (await service.list_rooms(api.ListRoomsRequest(names=["no-such-room"]))).rooms == []
        everybody = (await service.list_participants(api.ListParticipantsRequest(room=room))).participants
        assert {p.identity for p in everybody} == {owner.name, bob.name}

        async def bob_now():
            return await service.get_participant(api.RoomParticipantIdentity(room=room, identity=bob.name))

        async def shows_track():
            return (await bob_now()).tracks

        # A track is listed once its media line is matched, which the publisher does not wait for.
        await until(shows_track, 5, "the track in GetParticipant")
        one = await bob_now()
        assert one.sid == singer.me.sid and one.state == models.ParticipantInfo.ACTIVE
        assert [t.source for t in one.tracks] == [models.TrackSource.MICROPHONE]
        assert one.attributes["stoa.seat"] == "1"
        assert await twirp_code(service.get_participant(api.RoomParticipantIdentity(room=room, identity="nobody"))) == "not_found"
        assert await twirp_code(service.list_participants(api.ListParticipantsRequest(room="no-such-room"))) == "not_found"


async def test_mute_is_sticky(server, service):
    owner, bob = server.users(2)
    room = await asyncio.to_thread(owner.room)
    (await asyncio.to_thread(bob.join, room)).ok()
    async with Stage() as stage:
        listener, singer = await stage.enter(owner, room), await stage.enter(bob, room)
        publication = await singer.sing(TONE)
        await listener.wait_hears(singer, TONE)
        muted = await service.mute_published_track(api.MuteRoomTrackRequest(room=room, identity=bob.name, track_sid=publication.sid, muted=True))
        assert muted.track.muted
        await until(lambda: not listener.hears(singer, TONE), 1, "silence")
        # The client's own unmute is refused while the mute holds.
        publication.track.unmute()
        end = asyncio.get_running_loop().time() + 1
        while asyncio.get_running_loop().time() < end:
            assert not listener.hears(singer, TONE)
            await asyncio.sleep(0.05)
        await service.mute_published_track(api.MuteRoomTrackRequest(room=room, identity=bob.name, track_sid=publication.sid, muted=False))
        publication.track.unmute()
        await listener.wait_hears(singer, TONE)
        code = await twirp_code(service.mute_published_track(api.MuteRoomTrackRequest(room=room, identity=bob.name, track_sid="TR_nothing", muted=True)))
        assert code == "not_found"


async def test_remove_is_a_kick(server, service):
    owner, bob = server.users(2)
    room = await asyncio.to_thread(owner.room)
    (await asyncio.to_thread(bob.join, room)).ok()
    async with Stage() as stage:
        listener, singer = await stage.enter(owner, room), await stage.enter(bob, room)
        old = (await asyncio.to_thread(bob.rtc, room)).ok()
        await singer.sing(TONE)
        await listener.wait_hears(singer, TONE)
        await service.remove_participant(api.RoomParticipantIdentity(room=room, identity=bob.name))
        await until(lambda: not listener.hears(singer, TONE), 1, "silence within 1 s")
        assert await asyncio.wait_for(singer.disconnected, 2) == rtc.DisconnectReason.PARTICIPANT_REMOVED
        assert await asyncio.to_thread(owner.seats, room) == {}
        async with aiohttp.ClientSession() as session:
            for _ in range(20):
                reply = await session.get(f"{server.url}/rtc/validate", params={"access_token": old["auth_token"]})
                assert reply.status == 401 and await reply.text() == "token revoked"
        assert (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]


async def test_update_participant_and_room(server, service):
    owner, bob = server.users(2)
    room = await asyncio.to_thread(owner.room)
    async with Stage() as stage:
        watcher, person = await stage.enter(owner, room), await stage.enter(bob, room)
        await until(lambda: bob.name in watcher.room.remote_participants, 5, "bob is seen")
        info = await service.update_participant(api.UpdateParticipantRequest(
            room=room, identity=bob.name, name="Bob", metadata='{"a":1}', attributes={"colour": "red"}))
        assert (info.name, info.metadata, info.attributes["colour"]) == ("Bob", '{"a":1}', "red")
        seen = lambda: watcher.room.remote_participants[bob.name]
        await until(lambda: (seen().name, seen().metadata, seen().attributes.get("colour")) == ("Bob", '{"a":1}', "red"), 5, "the change is seen")
        assert seen().attributes["stoa.user"] == bob.name
        await service.update_participant(api.UpdateParticipantRequest(room=room, identity=bob.name, attributes={"colour": ""}))
        await until(lambda: "colour" not in seen().attributes, 5, "the attribute is gone")
        assert seen().name == "Bob"
        changed = await service.update_room_metadata(api.UpdateRoomMetadataRequest(room=room, metadata="topic of the day"))
        assert changed.metadata == "topic of the day"
        await until(lambda: person.room.metadata == "topic of the day", 5, "room metadata is seen")


async def test_send_data(server, service):
    owner, bob = server.users(2)
    room = await asyncio.to_thread(owner.room)
    async with Stage() as stage:
        one, two = await stage.enter(owner, room), await stage.enter(bob, room)
        await service.send_data(api.SendDataRequest(room=room, data=b"to all", kind=models.DataPacket.RELIABLE, topic="news"))
        await service.send_data(api.SendDataRequest(room=room, data=b"to bob", kind=models.DataPacket.RELIABLE, destination_identities=[bob.name]))
        await until(lambda: any(p.data == b"to bob" for p in two.data), 5, "data to one")
        for c in (one, two):
            await until(lambda c=c: any(p.data == b"to all" for p in c.data), 5, "data to all")
            packet = next(p for p in c.data if p.data == b"to all")
            assert packet.participant is None and packet.topic == "news"
        assert not any(p.data == b"to bob" for p in one.data)


async def test_delete_room_dismisses(server, service):
    owner, bob = server.users(2)
    room = await asyncio.to_thread(owner.room)
    async with Stage() as stage:
        clients = [await stage.enter(owner, room), await stage.enter(bob, room)]
        await service.delete_room(api.DeleteRoomRequest(room=room))
        assert (await asyncio.to_thread(owner.get, room)).ok()["status"] == 2
        reasons = await asyncio.wait_for(asyncio.gather(*(c.disconnected for c in clients)), 5)
        assert set(reasons) == {rtc.DisconnectReason.ROOM_DELETED}
        assert await twirp_code(service.create_room(api.CreateRoomRequest(name=room))) in ("not_found", "failed_precondition", "permission_denied")


async def test_grants_are_checked(server):
    owner, bob = server.users(2)
    room = await asyncio.to_thread(owner.room)
    async with Stage() as stage, aiohttp.ClientSession() as session:
        await stage.enter(owner, room)

        async def call(method: str, body: dict, token: str | None) -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with session.post(f"{server.url}/twirp/livekit.RoomService/{method}", json=body, headers=headers) as reply:
                return reply.status, (await reply.json()).get("code", "")

        admin = tokens.media_token("x", room, roomJoin=False, roomAdmin=True)
        other = tokens.media_token("x", "another-room", roomJoin=False, roomAdmin=True)
        joiner = (await asyncio.to_thread(bob.rtc, room)).ok()["auth_token"]
        login = bob.token
        assert (await call("ListParticipants", {"room": room}, admin))[0] == 200
        assert (await call("ListParticipants", {"room": room}, None)) == (401, "unauthenticated")
        assert (await call("ListParticipants", {"room": room}, login)) == (401, "unauthenticated")
        for method, body in (
            ("ListParticipants", {"room": room}), ("RemoveParticipant", {"room": room, "identity": owner.name}), ("SendData", {"room": room, "data": ""}),
            ("UpdateParticipant", {"room": room, "identity": owner.name}), ("MutePublishedTrack", {"room": room, "identity": owner.name, "track_sid": "TR_x", "muted": True}),
            ("DeleteRoom", {"room": room}), ("CreateRoom", {"name": "new"}), ("ListRooms", {}), ("UpdateRoomMetadata", {"room": room, "metadata": "x"}),
        ):
            for token in (other, joiner):
                if token is other and method == "ListParticipants":
                    pass
                assert (await call(method, body, token)) == (403, "permission_denied"), (method, "other" if token is other else "joiner")
        assert (await call("NoSuchMethod", {}, admin))[0] in (400, 404)
    assert (await asyncio.to_thread(owner.get, room)).ok()["status"] == 1


class Receiver:
    """An HTTP server that keeps webhooks; may be told to refuse for a while."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str]] = []  # body, authorization, content type
        self.refuse = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.got.append((body, self.headers["Authorization"], self.headers["Content-Type"]))
                status = 200
                if outer.refuse > 0:
                    outer.refuse -= 1
                    status = 503
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def events(self, room: str) -> list:
        """Verified events of a room, first delivery of each id, in order of arrival."""
        reader = api.WebhookReceiver(api.TokenVerifier(tokens.APP_KEY, tokens.APP_SECRET))
        out, seen = [], set()
        for body, authorization, content_type in list(self.got):
            assert content_type == "application/webhook+json"
            event = reader.receive(body, authorization)
            if event.room.name == room and event.id not in seen:
                seen.add(event.id)
                out.append(event)
        return out

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


async def life_of_a_room(server) -> tuple[str, str]:
    """Somebody enters, speaks, stops, leaves; then the room is dismissed."""
    owner = server.user()
    room = await asyncio.to_thread(owner.room)
    async with Stage() as stage:
        client = await stage.enter(owner, room)
        publication = await client.sing(TONE)
        async with api.LiveKitAPI(server.url, tokens.APP_KEY, tokens.APP_SECRET) as livekit:
            who = api.RoomParticipantIdentity(room=room, identity=owner.name)

            async def has_track() -> bool:
                return bool((await livekit.room.get_participant(who)).tracks)

            # The answer comes before the media: a track that is taken back before any arrived was never there.
            await until(has_track, 10, "the track, once its media arrived")
        await client.hush()
        await client.me.unpublish_track(publication.sid)
    (await asyncio.to_thread(owner.dismiss, room)).ok()
    return room, owner.name


LIFE = ["room_started", "participant_joined", "track_published", "track_unpublished", "participant_left", "room_finished"]


async def test_webhooks_verify_and_are_ordered(own_server, receiver):
    server = own_server({"media.webhooks": [receiver.url]})
    room, name = await life_of_a_room(server)
    await until(lambda: [e.event for e in receiver.events(room)] == LIFE, 15, f"events, have {[e.event for e in receiver.events(room)]}")
    events = receiver.events(room)
    assert len({e.id for e in events}) == len(LIFE) and all(e.id.startswith("EV_") and e.created_at > 0 for e in events)
    assert {e.participant.identity for e in events if e.event.startswith("participant")} == {name}
    assert {e.track.source for e in events if e.event.startswith("track")} == {models.TrackSource.MICROPHONE}
    # A changed body or another secret does not verify.
    body, authorization, _ = receiver.got[0]
    reader = api.WebhookReceiver(api.TokenVerifier(tokens.APP_KEY, tokens.APP_SECRET))
    with pytest.raises(Exception):
        reader.receive(body.replace("room_started", "room_finished") + " ", authorization)
    assert "sha256" in tokens.claims_of(authorization)
    json.loads(body)


async def test_webhooks_are_retried_with_the_same_id(own_server, receiver):
    receiver.refuse = 2
    server = own_server({"media.webhooks": [receiver.url]})
    room, _ = await life_of_a_room(server)
    await until(lambda: [e.event for e in receiver.events(room)] == LIFE, 30, "events after refusals")
    ids = [json.loads(body)["id"] for body, _, _ in receiver.got]
    assert ids[0] == ids[1] == ids[2], "the refused event comes again, before any other"


async def test_webhooks_survive_a_kill(own_server, receiver):
    receiver.refuse = 10_000
    server = own_server({"media.webhooks": [receiver.url]})
    room, _ = await life_of_a_room(server)
    await until(lambda: receiver.got, 10, "a first try")
    await asyncio.to_thread(server.kill)
    receiver.refuse = 0
    receiver.got.clear()
    await asyncio.to_thread(server.start)
    # What was a fact when the process died is told afterwards, in order and without gaps at the front.
    await until(lambda: len(receiver.events(room)) >= 1, 30, "events after the restart")
    names = [e.event for e in receiver.events(room)]
    assert names[0] == "room_started"
    assert [n for n in LIFE if n in names] == names
