"""The process as its operator meets it: start, configuration, commands, end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import time

import pytest
from livekit.protocol import rtc as proto

from stoa.media import Stage
from stoa.ports import free_port
from stoa.server import Server, binary
from stoa.signal import Signal
from stoa.tokens import claims_of
from stoa.wait import until


def stoa(*args: str, cwd, stdin: str | None = None, env: dict | None = None, timeout: float = 30) -> subprocess.CompletedProcess:
    return subprocess.run([str(binary()), *args], input=stdin, capture_output=True, text=True, timeout=timeout, check=False, cwd=cwd, env={**os.environ, **(env or {})})


@pytest.fixture
def server():
    made = Server()
    try:
        yield made.start()
    finally:
        made.discard()


def test_ready_within_a_second_of_an_empty_store():
    best = []
    for _ in range(3):
        made = Server()
        try:
            made.start()
            best.append(made.started_in)
        finally:
            made.discard()
    assert min(best) < 1.0, best


def test_health_metrics_and_request_ids(server):
    assert server.http.raw("GET", "/healthz").status == 200
    assert server.http.raw("GET", "/readyz").status == 200
    answer = server.user().call("list", {}, headers=[("X-Request-Id", "find-me-in-the-log")])
    assert answer.header("x-request-id") == "find-me-in-the-log"
    metrics = server.http.raw("GET", "/metrics")
    assert metrics.status == 200
    assert re.search(rb"^stoa_\w+(\{[^}]*\})? \d", metrics.raw, re.M)
    assert b"# TYPE stoa_" in metrics.raw


def test_banner_says_where_to_go(server):
    log = server.log()
    assert f"http://127.0.0.1:{server.port}" in log
    assert "curl" in log


def test_curl_lines_of_the_banner_work(server):
    """Ready to paste means: pasted into a shell they answer code 200."""
    log = server.log().replace("\\\n", " ")
    lines = [line.strip() for line in log.splitlines() if re.match(r"\s*(curl |[A-Z]+=)", line)]
    assert len([line for line in lines if "curl" in line]) >= 3
    script = "\n".join(lines)
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    answers = re.findall(r'"code":\s*(\d+)', done.stdout)
    assert answers and set(answers) == {"200"}, done.stdout


def test_unknown_key_names_the_nearest(tmp_path):
    done = stoa("dev", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "d"), "--media-port", "0", "--set", "voice.seat_grase=5", cwd=tmp_path)
    assert done.returncode != 0 and "voice.seat_grace" in done.stderr


def test_dev_stays_on_loopback(tmp_path):
    done = stoa("dev", "--listen", f"0.0.0.0:{free_port()}", "--data", str(tmp_path / "d"), "--media-port", "0", cwd=tmp_path)
    assert done.returncode != 0 and "loopback" in done.stderr


def test_a_real_server_makes_no_participants_up(tmp_path):
    done = stoa("serve", "--data", str(tmp_path / "d"), "--simulate", "1x1", cwd=tmp_path)
    assert done.returncode == 2 and "--simulate" in done.stderr
    assert not (tmp_path / "d").exists()


async def test_sigterm_tells_clients_to_reconnect_and_ends(server):
    owner = server.user()
    room = await asyncio.to_thread(owner.room)
    token = (await asyncio.to_thread(owner.rtc, room)).ok()["auth_token"]
    async with Stage() as stage:
        await stage.enter(server.user(), room)
        async with Signal(server.url, token) as signal:
            await signal.wait("join")
            began = time.monotonic()
            stopping = asyncio.create_task(asyncio.to_thread(server.stop))
            leave = await signal.wait("leave", 10)
            assert leave.action == proto.LeaveRequest.RECONNECT
            assert await stopping == 0
            assert time.monotonic() - began < 10


def test_database_survives_and_port_is_free_after_the_end(server):
    room = server.user("alice").room(title="kept")
    port = server.port
    assert server.stop() == 0
    server.start()
    assert server.port == port
    assert server.user().get(room).ok()["title"] == "kept"


# -- serve ----------------------------------------------------------------------------------------

@pytest.fixture
def serving(tmp_path):
    """`stoa serve` on loopback with the configuration it wrote itself; answers (folder, port, process)."""
    port, udp = free_port(), free_port()
    command = [str(binary()), "serve", "--config", "stoa.toml", "--set", f"http.listen=127.0.0.1:{port}", "--set", f"media.udp_port={udp}", "--set", f"server.data_dir={tmp_path / 'data'}"]
    log = open(tmp_path / "log", "ab")
    process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
    try:
        from stoa.http import Http

        http, end = Http("127.0.0.1", port), time.monotonic() + 30
        while True:
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                if http.raw("GET", "/readyz", timeout=2).status == 200:
                    break
            except OSError:
                assert time.monotonic() < end, (tmp_path / "log").read_text()
                time.sleep(0.02)
        yield tmp_path, http, command
    finally:
        process.terminate()
        process.wait(15)
        log.close()


def test_serve_writes_its_configuration(serving):
    folder, http, _ = serving
    config = folder / "stoa.toml"
    assert config.stat().st_mode & 0o777 == 0o600
    text = config.read_text()
    assert "#" in text and "[voice]" in text
    secrets = re.findall(r'appsecret\s*=\s*"([^"]+)"', text)
    assert secrets and all(len(s) >= 32 and "devsecret" not in s for s in secrets)
    # No account, no login: the demo rule is for `stoa dev`.
    http.login("bob", "bob").expect(200, 401)
    assert secrets[0] not in (folder / "log").read_text()


def test_accounts_by_the_command_line(serving):
    folder, http, command = serving
    common = ["--config", "stoa.toml", "--data", str(folder / "data")]
    done = stoa("user", "add", "kim", *common, cwd=folder, stdin="a-long-password\n")
    assert done.returncode == 0, done.stderr
    token = http.login("kim", "a-long-password").ok()["token"]
    assert claims_of(token)["sub"] == "kim"
    assert "kim" in stoa("user", "list", *common, cwd=folder).stdout
    stored = b"".join(p.read_bytes() for p in (folder / "data").iterdir() if p.is_file())
    assert b"a-long-password" not in stored and b"$argon2id$" in stored
    assert stoa("user", "passwd", "kim", *common, cwd=folder, stdin="another-password\n").returncode == 0
    http.post("/api/chatroom/list", {}, token=token).expect(401, 401)
    http.login("kim", "a-long-password").expect(200, 401)
    http.login("kim", "another-password").ok()
    assert stoa("user", "remove", "kim", *common, cwd=folder).returncode == 0
    http.login("kim", "another-password").expect(200, 401)
    assert stoa("user", "remove", "kim", *common, cwd=folder).returncode == 4


def test_backup_of_a_running_server(server, tmp_path):
    rooms = [server.user("alice").room(title=f"room {i}") for i in range(20)]
    target = tmp_path / "copy.db"
    done = stoa("backup", str(target), "--data", str(server.data), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(target) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM voice_rooms").fetchone() == (len(rooms),)


def test_environment_overrides_the_file_and_the_command_line_both(tmp_path):
    app = '[[apps]]\napp_id = 1000\nname = "x"\nappkey = "key"\nappsecret = "0123456789abcdef0123456789abcdef"\n'
    (tmp_path / "stoa.toml").write_text(f'{app}[http]\nlisten = "127.0.0.1:7880"\n[voice]\nseat_grace = 11\n')
    bad = stoa("config", "check", "--config", "stoa.toml", cwd=tmp_path, env={"STOA_VOICE_SEAT_GRACE": "nonsense"})
    assert bad.returncode != 0 and "STOA_VOICE_SEAT_GRACE" in bad.stdout + bad.stderr
    won = stoa("config", "check", "--config", "stoa.toml", "--set", "voice.seat_grace=12", cwd=tmp_path, env={"STOA_VOICE_SEAT_GRACE": "13"})
    assert won.returncode == 0, won.stdout + won.stderr


def test_template_is_a_valid_configuration(tmp_path):
    template = stoa("config", "template", cwd=tmp_path)
    assert template.returncode == 0
    (tmp_path / "t.toml").write_text(template.stdout)
    assert "seat_grace" in template.stdout and "STOA_" in template.stdout


def test_dev_secrets_are_refused_off_loopback(tmp_path):
    port = free_port()
    (tmp_path / "stoa.toml").write_text(
        f'[http]\nlisten = "0.0.0.0:{port}"\ntls = "off"\n[media]\nudp_port = {free_port()}\n[server]\ndata_dir = "{tmp_path / "d"}"\n'
        '[[apps]]\napp_id = 1000\nname = "x"\nappkey = "devkey"\nappsecret = "devsecret-devsecret-devsecret-00"\n'
    )
    done = stoa("serve", "--config", "stoa.toml", cwd=tmp_path)
    assert done.returncode != 0 and "loopback" in (done.stdout + done.stderr)


async def test_token_command_lets_somebody_join(server, tmp_path):
    room = await asyncio.to_thread(server.user("alice").room)
    done = await asyncio.to_thread(stoa, "token", "--help", cwd=tmp_path)
    assert done.returncode == 0
    done = await asyncio.to_thread(stoa, "token", "--user", "bob", "--room", room, "--data", str(server.data), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    token = re.search(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", done.stdout).group(0)
    assert claims_of(token)["video"]["room"] == room and claims_of(token)["sub"] == "bob"
    async with Signal(server.url, token) as signal:
        assert (await signal.wait("join")).participant.identity == "bob"


def test_doctor_on_a_healthy_and_on_broken_set_ups(server, tmp_path):
    free = tmp_path / "fine"
    well = stoa("doctor", "--data", str(free), "--set", f"http.listen=127.0.0.1:{free_port()}", "--set", f"media.udp_port={free_port()}", cwd=tmp_path)
    assert well.returncode == 0, well.stdout + well.stderr
    taken = stoa("doctor", "--data", str(tmp_path / "other"), "--set", f"http.listen=127.0.0.1:{server.port}", "--set", f"media.udp_port={free_port()}", cwd=tmp_path)
    assert taken.returncode == 3 and str(server.port) in taken.stdout + taken.stderr
    gone = stoa("doctor", "--data", str(free), "--set", f"store.url=postgres://nobody@127.0.0.1:{free_port()}/x", "--set", f"http.listen=127.0.0.1:{free_port()}", "--set", f"media.udp_port={free_port()}", cwd=tmp_path)
    assert gone.returncode == 3 and "database" in (gone.stdout + gone.stderr).lower()
    (tmp_path / "file").write_text("")
    unwritable = stoa("doctor", "--data", str(tmp_path / "file" / "x"), "--set", f"http.listen=127.0.0.1:{free_port()}", "--set", f"media.udp_port={free_port()}", cwd=tmp_path)
    assert unwritable.returncode == 3


async def test_taken_port_is_a_clear_error(server, tmp_path):
    done = await asyncio.to_thread(stoa, "dev", "--listen", f"127.0.0.1:{server.port}", "--data", str(tmp_path / "d"), "--media-port", "0", cwd=tmp_path)
    assert done.returncode != 0 and str(server.port) in done.stderr


def test_two_servers_do_not_share_a_data_folder(server, tmp_path):
    done = stoa("dev", "--listen", "127.0.0.1:0", "--data", str(server.data), "--media-port", "0", cwd=tmp_path, timeout=15)
    assert done.returncode != 0
    server.user().list().ok()
    assert json.loads((server.data / "ready.json").read_text())["pid"] == server.process.pid
