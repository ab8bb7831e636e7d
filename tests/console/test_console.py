"""The console against a server with people in it."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import time
import uuid

import pytest

from stoa.console import APP, Console, Refused
from stoa.media import Stage
from stoa.server import Server, binary
from stoa.wait import until, until_sync

TONE = 600.0


def refused(call, status: int, code: str) -> None:
    with pytest.raises(Refused) as why:
        call()
    assert (why.value.status, why.value.code) == (status, code)


async def show(stage: Stage, server: Server):
    """A room in which one sits and sings, and one listens."""
    singer, listener = server.users(2)
    room = await asyncio.to_thread(singer.room, title="Console test")
    assert (await asyncio.to_thread(singer.join, room)).ok()["members"]
    on_air = await stage.enter(singer, room)
    ear = await stage.enter(listener, room)
    await on_air.sing(TONE)
    await ear.wait_hears(on_air, TONE)
    return room, on_air, ear


async def test_a_channel_shows_the_bits_that_come_in(server, console):
    async with Stage() as stage:
        room, on_air, ear = await show(stage, server)

        async def track() -> dict | None:
            p = await asyncio.to_thread(console.person, room, on_air.name)
            return next((t for t in p["tracks"] if t["bits_per_s"] > 8_000), None) if p else None

        await until(track, 10, "a microphone sends more than 8 kbit/s")
        seen = await asyncio.to_thread(console.channel, room)
        assert (seen["kind"], seen["status"], seen["online"], seen["publications"]) == ("room", "live", 2, 1)
        assert seen["title"] == "Console test" and seen["owner"] == on_air.name
        assert seen["bits_in_per_s"] > 8_000
        assert seen["seats"][0] == {"seat": 1, "user": on_air.name, "muted": False}
        singer = next(p for p in seen["participants"] if p["user"] == on_air.name)
        listener = next(p for p in seen["participants"] if p["user"] == ear.name)
        assert singer["may_publish"] and not listener["may_publish"]
        assert (singer["subscriptions"], listener["subscriptions"]) == (0, 1)
        assert singer["session"] == on_air.me.sid and singer["connected"]
        assert abs(singer["joined_at"] / 1000 - time.time()) < 60
        assert [(t["source"], t["kind"], t["muted"]) for t in singer["tracks"]] == [("microphone", "audio", False)]
        listed = await asyncio.to_thread(lambda: console.get("/channels", q=room))
        assert listed["total"] == 1 and listed["items"][0]["online"] == 2
        assert (await asyncio.to_thread(lambda: console.get("/channels", kind="class", q=room)))["total"] == 0


async def test_a_mute_silences_and_is_lifted(server, console):
    async with Stage() as stage:
        room, on_air, ear = await show(stage, server)
        await asyncio.to_thread(console.order, room, "mute", {"user": on_air.name, "audio": True})
        await until(lambda: not ear.hears(on_air, TONE), 3, "the listener stops hearing")
        seen = await asyncio.to_thread(console.channel, room)
        assert seen["seats"][0]["muted"] and console.person(room, on_air.name)["muted"] == {"audio": True, "video": False}
        await asyncio.to_thread(console.order, room, "mute", {"user": on_air.name, "audio": False})
        assert console.person(room, on_air.name)["muted"] == {"audio": False, "video": False}
        # The client was told to mute itself, and unmutes by itself.
        on_air.publication.track.unmute()
        await ear.wait_hears(on_air, TONE)


async def test_a_kick_cuts_and_the_ban_shows_and_lifts(server, console):
    async with Stage() as stage:
        room, on_air, ear = await show(stage, server)
        await asyncio.to_thread(console.order, room, "kick", {"user": on_air.name, "ban_seconds": 600})
        await until(lambda: not ear.hears(on_air, TONE), 1, "the listener stops hearing")
        await asyncio.wait_for(on_air.disconnected, 5)
        seen = await asyncio.to_thread(console.channel, room)
        assert seen["online"] == 1 and "user" not in seen["seats"][0]
        ban = seen["bans"][0]
        assert (ban["user"], ban["source"], ban["by"]) == (on_air.name, "console", "the-operator")
        assert 595_000 < ban["until"] - time.time() * 1000 < 601_000
        assert console.get("/bans", user=on_air.name)["items"] == [ban]
        on_air.user.rtc(room).expect(403, 403)
        console.post("/bans/lift", {"app": APP, "channel": room, "user": on_air.name})
        assert console.get("/bans", user=on_air.name)["total"] == 0
        on_air.user.rtc(room).ok()
        refused(lambda: console.post("/bans/lift", {"app": APP, "channel": room, "user": on_air.name}), 404, "not_found")
        call = console.get("/calls", user=on_air.name)["items"][0]
        assert (call["channel"], call["reason"]) == (room, "removed") and call["left_at"] >= call["joined_at"]
        assert console.get("/calls/days", days=1)["days"][0]["calls"] >= 2
        log = console.get("/audit", q=on_air.name)["items"]
        assert [(e["command"], e["result"]) for e in log] == [("console.lift", 404), ("console.lift", 0), ("console.kick", 0)]
        assert log[-1]["identifier"] == "the-operator" and log[-1]["target"] == [room, on_air.name]


async def test_an_end_sends_everybody_away(server, console):
    async with Stage() as stage:
        room, on_air, ear = await show(stage, server)
        await asyncio.to_thread(console.order, room, "end")
        await asyncio.wait_for(asyncio.gather(on_air.disconnected, ear.disconnected), 10)
        refused(lambda: console.channel(room), 404, "not_found")
        assert on_air.user.get(room).ok()["status"] == 2
        refused(lambda: console.order(room, "end"), 404, "not_found")


async def test_overview_and_series_measure_what_happens(own_server):
    server = own_server({})
    console = Console(server, server.admin().token)
    before = console.get("/overview")
    assert (before["rooms_live"], before["participants"], before["publications"]) == (0, 0, 0)
    assert before["store"]["kind"] == "sqlite" and before["store"]["ping_ms"] >= 0
    assert before["media"]["udp_ports"] == [server.udp_port]
    assert "demo_logins" in {w["code"] for w in before["warnings"]}
    async with Stage() as stage:
        await show(stage, server)

        async def flows() -> bool:
            o = await asyncio.to_thread(console.get, "/overview")
            return o["media"].get("bits_in_per_s", 0) > 8_000 and o["media"]["packets_out_per_s"] > 10

        await until(flows, 20, "two samples see the tone")
        o = console.get("/overview")
        assert (o["rooms_live"], o["channels_live"], o["participants"], o["publications"]) == (1, 1, 2, 1)
        assert o["memory_bytes"] > 10_000_000 and 0 <= o["cpu_percent"] < 10_000 and o["open_files"] > 10
        assert o["media"]["packets_in_per_s"] > 10 and o["media"]["bits_out_per_s"] > 8_000
        assert o["http"]["requests_per_s"] > 0 and o["http"]["errors_per_s"] == 0

        def points() -> int:
            return sum(v is not None for v in console.get("/series", minutes=1)["rows"]["bits_in"])

        had = points()
        assert had >= 1
        await until(lambda: points() > had, 8, "the series grows")
    series = console.get("/series", minutes=60)
    assert series["step_ms"] == 5000 and {len(row) for row in series["rows"].values()} == {720}
    assert series["names"] == list(series["rows"])
    assert abs(series["from"] + 719 * 5000 - time.time() * 1000) < 11_000
    assert max(v or 0 for v in series["rows"]["participants"]) == 2
    assert all(v is None for v in series["rows"]["memory_bytes"][:600])
    assert console.get("/series", minutes=120)["step_ms"] == 60_000


def test_accounts_live_and_die(server, console):
    name = f"acc-{uuid.uuid4().hex[:8]}"
    console.post("/accounts", {"user": name, "password": "first one", "admin": False})
    refused(lambda: console.post("/accounts", {"user": name, "password": "x", "admin": False}), 409, "conflict")
    token = server.http.login(name, "first one").ok()["token"]
    refused(lambda: console.ask("GET", "/me", token=token), 403, "forbidden")
    console.ask("PATCH", f"/accounts/{name}", {"admin": True})
    assert console.ask("GET", "/me", token=token)["user"] == name
    refused(lambda: console.ask("PATCH", f"/accounts/{name}", {"admin": False}, token=token), 409, "conflict")
    refused(lambda: console.ask("DELETE", f"/accounts/{name}", token=token), 409, "conflict")
    console.ask("PATCH", f"/accounts/{name}", {"password": "second one"})
    refused(lambda: console.ask("GET", "/me", token=token), 401, "unauthorized")
    server.http.login(name, "first one").expect(200, 401)
    token = server.http.login(name, "second one").ok()["token"]
    console.post(f"/accounts/{name}/logout")
    refused(lambda: console.ask("GET", "/me", token=token), 401, "unauthorized")
    token = server.http.login(name, "second one").ok()["token"]
    console.ask("PATCH", f"/accounts/{name}", {"disabled": True})
    refused(lambda: console.ask("GET", "/me", token=token), 401, "unauthorized")
    assert console.get("/accounts", q=name)["items"] == [{"user": name, "admin": True, "disabled": True, "from_config": False}]
    console.ask("DELETE", f"/accounts/{name}")
    refused(lambda: console.ask("DELETE", f"/accounts/{name}"), 404, "not_found")
    assert console.get("/accounts", q=name)["total"] == 0
    assert "second one" not in server.log() and "second one" not in str(console.get("/audit", limit=200))


def test_requests_are_shown_without_what_opens_doors(server, console):
    room = server.user().room()
    server.http.raw("GET", "/rtc/validate?access_token=secret-in-a-query")
    server.http.raw("DELETE", f"/whip/{uuid.uuid4()}/session-that-opens-a-door")
    server.http.raw("POST", "/api/chatroom/list", headers=[("Authorization", "Bearer x"), ("X-Request-Id", f"find-{room}")], body=b"{}")
    found = console.get("/requests", q=f"find-{room}")
    assert found["total"] == 1
    line = found["items"][0]
    assert (line["method"], line["path"], line["status"], line["dialect"]) == ("POST", "/api/chatroom/list", 401, "voice")
    assert console.get("/requests", q=f"find-{room}", status="5xx")["total"] == 0
    everything = str(console.get("/requests", limit=200))
    assert "secret-in-a-query" not in everything and "session-that-opens-a-door" not in everything and "127.0.0.1" not in everything
    assert "/overview" not in everything


def test_apps_are_shown_without_their_secrets(server, console):
    apps = console.get("/apps")
    assert apps["items"][0]["app_id"] == APP and apps["items"][0]["appkey"] == "devkey"
    assert "devsecret" not in str(apps)


def test_only_administrators(server, console):
    refused(lambda: console.ask("GET", "/overview", token="x"), 401, "unauthorized")
    refused(lambda: console.ask("GET", "/overview", token=server.user().token), 403, "forbidden")
    refused(lambda: console.get("/overview", surprise=1), 400, "invalid")


def test_admin_signs_in_on_this_machine_alone(own_server):
    """`stoa dev` without administrators: the name `admin`, with itself as the password. Named ones have no such luck."""
    server = own_server({"auth.admins": []})
    token = server.http.login("admin").ok()["token"]
    assert Console(server, token).get("/me")["user"] == "admin"
    assert "/#/console" in server.log() and "sign in as" in server.log()
    named = own_server({"auth.admins": ["boss"]})
    named.http.login("boss").expect(200, 401)
    assert "sign in as" not in named.log()
    until_sync(lambda: named.http.login("admin").ok(), 5, "an ordinary name")
    refused(lambda: Console(named, named.http.login("admin").ok()["token"]).get("/me"), 403, "forbidden")


def test_a_fresh_server_says_how_to_make_the_first_administrator(tmp_path):
    config, data = tmp_path / "own.toml", tmp_path / "data"
    command = [str(binary()), "serve", "--config", str(config), "--data", str(data), "--set", "http.listen=127.0.0.1:0", "--set", "media.udp_port=0", "--set", "http.tls=off"]

    def said() -> str:
        with open(tmp_path / "out", "w+") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=tmp_path)
            try:
                until_sync(lambda: (data / "ready.json").exists() or process.poll() is not None, 30, "it serves")
                assert process.poll() is None, (tmp_path / "out").read_text()
            finally:
                process.terminate()
                process.wait(15)
        return (tmp_path / "out").read_text()

    line = next(l for l in said().splitlines() if "Nobody can sign in to the console yet" in l)
    told = shlex.split(line.split(": ", 1)[1].replace("NAME", "root"))
    assert told[:4] == ["stoa", "user", "add", "root"]
    subprocess.run([str(binary()), *told[1:]], input="a password\n", text=True, check=True, cwd=tmp_path)
    assert "Nobody can sign in" not in said()


def test_nobody_is_administrator_by_name_off_loopback(own_server):
    server = own_server({"auth.admins": [], "http.tls": "proxy"})
    token = server.http.login("admin").body["token"]
    refused(lambda: Console(server, token).get("/me"), 403, "forbidden")
