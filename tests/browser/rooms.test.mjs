// Unmodified livekit-client in Chromium: people in one voice room made through the API, with fake microphone and camera.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { enter, holds, login, startBrowser, startServer, until } from "./harness.mjs";

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});

after(async () => {
  await browser?.stop();
  await server?.stop();
});

/** A room with its owner and so many seated people and listeners, all in the channel. */
async function gather({ seated = 1, listeners = 0 } = {}) {
  const owner = await login(server, "owner");
  const room = await owner.createRoom();
  const people = [await enter(server, browser, owner, room)];
  for (let i = 0; i < seated + listeners; i++) {
    const user = await login(server, i < seated ? "seated" : "listener");
    if (i < seated) await user.join(room);
    people.push(await enter(server, browser, user, room));
  }
  return { room, owner, people, close: () => Promise.all(people.map((p) => p.page.context().close())) };
}

const options = { timeout: 120_000 };

test("owner, two seated people and a listener hear each other", options, async () => {
  const { people, close } = await gather({ seated: 2, listeners: 1 });
  const speakers = people.slice(0, 3);
  for (const p of speakers) assert.equal(await p.run("microphone", true), "done");
  for (const p of people) {
    for (const s of speakers) {
      if (s === p) continue;
      await p.waitHears(s);
      // The fake microphone beeps once a second: its peak must come through WebAudio as well.
      await until(async () => (await p.run("peak", s.name, 1500)) > 0.005, 10_000, `${p.name} measures ${s.name}`);
    }
  }
  for (const p of people) assert.deepEqual(p.page.faults, []);
  await close();
});

test("cameras are seen", options, async () => {
  const { people: [owner, seated], close } = await gather();
  for (const p of [owner, seated]) assert.equal(await p.run("camera", true), "done");
  await owner.waitSees(seated);
  await seated.waitSees(owner);
  await close();
});

test("a listener is refused and stays a listener", options, async () => {
  const { people: [owner, listener], close } = await gather({ seated: 0, listeners: 1 });
  assert.equal(await listener.run("mayPublish"), false);
  assert.notEqual(await listener.run("microphone", true), "done");
  await owner.run("microphone", true);
  await listener.waitHears(owner);
  assert.equal(await owner.hasTrackOf(listener), false);
  await close();
});

test("a seat gives the voice and takes it, without a reconnect", options, async () => {
  const { room, owner: api, people: [owner, guest], close } = await gather({ seated: 0, listeners: 1 });
  await guest.user.join(room);
  await until(() => guest.run("mayPublish"), 5000, "the permission arrives");
  assert.equal(await guest.run("microphone", true), "done");
  await owner.waitHears(guest);
  const began = Date.now();
  await api.leave(room, 1, guest.name);
  const atAnswer = await owner.packets(guest);
  await until(async () => !(await owner.hasTrackOf(guest)), 1000, "the track is gone within 1 s");
  assert.ok(Date.now() - began < 1500);
  assert.ok(atAnswer >= 0);
  assert.equal(await guest.run("mayPublish"), false);
  assert.deepEqual((await guest.run("events")).filter((e) => e.name.includes("econnect")), []);
  await close();
});

test("mute and unmute", options, async () => {
  const { people: [owner, seated], close } = await gather();
  await seated.run("microphone", true);
  await owner.waitHears(seated);
  await seated.run("microphone", false);
  await until(() => owner.run("isMuted", seated.name), 3000, "shown as muted");
  await until(async () => !(await owner.hears(seated)), 3000, "silence");
  await seated.run("microphone", true);
  await owner.waitHears(seated);
  await close();
});

test("data, text and calls between clients", options, async () => {
  const { people: [owner, seated, listener], close } = await gather({ listeners: 1 });
  await seated.run("onText", "chat");
  await listener.run("send", "hello", { reliable: true, topic: "t" });
  for (const p of [owner, seated]) {
    await until(async () => (await p.run("data")).some((d) => d.text === "hello" && d.from === listener.name && d.topic === "t"), 5000, "data");
  }
  const text = "long text ".repeat(3000);
  await owner.run("sendText", text, "chat");
  await until(async () => (await seated.run("data")).some((d) => d.text === text && d.from === owner.name), 10_000, "a long text");
  await seated.run("rpcHandle", "echo");
  assert.equal(await owner.run("rpc", seated.name, "echo", "hi"), `echo hi for ${owner.name}`);
  await close();
});

for (const [what, act] of [
  ["a cut socket", (p) => p.run("cutSocket")],
  ["signal-reconnect", (p) => p.run("scenario", "signal-reconnect")],
  ["full-reconnect", (p) => p.run("scenario", "full-reconnect")],
]) {
  test(`voices come back after ${what}`, options, async () => {
    const { people: [owner, seated], close } = await gather();
    for (const p of [owner, seated]) await p.run("microphone", true);
    await owner.waitHears(seated);
    await seated.waitHears(owner);
    const sid = await seated.run("sid");
    await act(seated);
    await until(async () => (await seated.run("events")).some((e) => e.name === "Reconnected"), 30_000, "reconnected");
    assert.equal(await seated.run("state"), "connected");
    await owner.waitHears(seated, 20_000);
    await seated.waitHears(owner, 20_000);
    if (what !== "full-reconnect") assert.equal(await seated.run("sid"), sid, "a resume keeps the session");
    await close();
  });
}

test("dismissal ends it for every page", options, async () => {
  const { room, owner: api, people, close } = await gather({ listeners: 1 });
  await people[1].run("microphone", true);
  await people[2].waitHears(people[1]);
  await api.dismiss(room);
  const ROOM_DELETED = 5;
  for (const p of people) {
    await until(async () => (await p.run("events")).some((e) => e.name === "Disconnected" && e.what === ROOM_DELETED), 5000, "disconnected with ROOM_DELETED");
  }
  await close();
});

test("an unannounced line of a patched listener reaches nobody", options, async () => {
  const { people: [owner, seated, listener], close } = await gather({ listeners: 1 });
  await seated.run("microphone", true);
  await listener.waitHears(seated);
  assert.equal(await listener.run("smuggle"), true);
  await holds(async () => !(await owner.hasTrackOf(listener)) && !(await seated.hasTrackOf(listener)), 2000, "nobody gets a track");
  // The rest goes on.
  await owner.waitHears(seated);
  await close();
});

test("a patched client that keeps sending after it lost its seat is dropped and counted", options, async () => {
  const { room, people: [owner, seated, other], close } = await gather({ seated: 2 });
  await seated.run("microphone", true);
  await owner.waitHears(seated);
  await other.waitHears(seated);
  await seated.run("ignoreRevocation");
  const dropped = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return [...text.matchAll(/^stoa_\w*dropped\w*(?:\{[^}]*\})? (\S+)$/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
  };
  const before = await dropped();
  await seated.user.leave(room);
  const sentAtAnswer = await seated.run("packetsSent");
  await until(async () => !(await owner.hasTrackOf(seated)) && !(await other.hasTrackOf(seated)), 1000, "the track is gone at the others");
  await until(async () => (await seated.run("packetsSent")) > sentAtAnswer + 50, 10_000, "the patched client goes on sending");
  assert.ok((await dropped()) > before, "dropped packets are counted");
  assert.equal(await owner.hasTrackOf(seated), false);
  await close();
});
