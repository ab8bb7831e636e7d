// Unmodified SDKs in channels of the Talk API, on tokens of create_talk_token, and what the API says of them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as rtc from "@livekit/rtc-node";
import { startBrowser, startServer, talk, until } from "./harness.mjs";

const WINDOW_SECS = 2;
const options = { timeout: 120_000 };
let server;
let browser;
let channels = 0;

before(async () => {
  server = await startServer({ "talk.stats_window_secs": WINDOW_SECS });
  browser = await startBrowser();
});

after(async () => {
  await browser?.stop();
  await rtc.dispose();
  await server?.stop();
});

const fresh = () => `channel-${Date.now().toString(36)}-${channels++}`;

/** A page with livekit-client in that channel. */
async function join(channel, user, fields = {}) {
  const { Token } = await talk(server, "create_talk_token", { ChannelID: channel, UserID: user, ...fields });
  const page = await browser.open();
  await page.evaluate(([url, token]) => client.connect(url, token), [server.url.replace("http", "ws"), Token]);
  const run = (name, ...args) => page.evaluate(([name, args]) => client[name](...args), [name, args]);
  return { user, page, run };
}

const users = async (channel) => (await talk(server, "get_talk_user_list_on_a_channel", { ChannelID: channel })).UserList.map((u) => u.UserID);
const status = async (user) => (await talk(server, "query_talk_user_status", { UserID: user })).Status[0];

/** Samples of what a page sends by layer. */
class Meter {
  constructor(person) {
    this.person = person;
    this.samples = [];
  }

  async sample() {
    this.samples.push(await this.person.run("layersSent"));
  }

  /** Forgets what was before. */
  reset() {
    this.samples.length = 0;
  }

  /** kbit/s and frames per second of each layer, over about the newest so many seconds; null while there is less. */
  rates(seconds) {
    const last = this.samples.at(-1);
    const at = (sample) => Math.max(...Object.values(sample).map((l) => l.at));
    const first = this.samples.findLast((s) => at(last) - at(s) >= seconds * 1000);
    if (!first) return null;
    const span = (at(last) - at(first)) / 1000;
    return Object.fromEntries(Object.entries(last).map(([rid, { bytes, frames }]) => {
      const before = first[rid] ?? { bytes: 0, frames: 0 };
      return [rid, { kbps: ((bytes - before.bytes) * 8) / 1000 / span, fps: (frames - before.frames) / span }];
    }));
  }
}

/** Waits until the API says of a whole window what the browser says of `rid`, and the layers above are silent. */
async function says(person, meter, rid, t) {
  const tried = [];
  const above = { q: ["h", "f"], h: ["f"], f: [] }[rid];
  meter.reset();
  const found = until(async () => {
    await meter.sample();
    // The server takes complete seconds, so its window ended up to a second ago.
    const sent = meter.rates(WINDOW_SECS + 0.5);
    if (!sent) return null;
    const said = await status(person.user);
    assert.equal(said.UseVideo, 1, "a paused layer mutes nothing");
    tried.push(`${said.VideoBitRate} kbps ${said.VideoFrameRate} fps of ${JSON.stringify(sent, (_, n) => (typeof n === "number" ? Math.round(n) : n))}`);
    const { kbps, fps } = sent[rid];
    const same = kbps > 15 && Math.abs(said.VideoBitRate - kbps) <= 0.15 * kbps + 2 && Math.abs(said.VideoFrameRate - fps) <= 2;
    // It is told from the layer below by more than the tolerance; q is left out, for the browser counts its probes there.
    const distinct = rid !== "f" || said.VideoBitRate > 1.2 * sent.h.kbps;
    return same && distinct && above.every((higher) => sent[higher].fps === 0) && { said, sent };
  }, 30_000, `the rate of layer ${rid}`);
  const { said, sent } = await found.catch((e) => assert.fail(`${e.message}: ${tried.slice(-8).join("; ")}`));
  t.diagnostic(`${rid}: ${said.VideoBitRate} kbps, ${said.VideoFrameRate} fps; sent ${JSON.stringify(sent)}`);
}

test("S05: the top live layer counts; when it is paused the next one does", options, async (t) => {
  const channel = fresh();
  const person = await join(channel, "layers");
  await person.run("cameraInLayers");
  const meter = new Meter(person);
  await until(async () => {
    await meter.sample();
    const sent = meter.rates(1);
    return sent && ["q", "h", "f"].every((rid) => sent[rid]?.fps > 5);
  }, 40_000, "three layers are sent");
  for (const [quality, rid] of [[2, "f"], [1, "h"], [0, "q"], [2, "f"]]) {
    await person.run("sendUpTo", quality);
    await says(person, meter, rid, t);
  }
  assert.deepEqual(person.page.faults, []);
  await person.page.context().close();
});

test("X01: livekit-client joins with a created token, with the rights and attributes of its identity", options, async () => {
  const channel = fresh();
  const speaker = await join(channel, "speaker", { IdentityType: 1 });
  const listener = await join(channel, "listener", { IdentityType: 3 });
  await until(async () => (await users(channel)).join() === "speaker,listener", 10_000, "both are present");
  assert.equal(await speaker.run("microphone", true), "done");
  await until(async () => (await listener.run("packetsReceived", "speaker")) > 20, 15_000, "sound arrives");
  assert.deepEqual([await speaker.run("mayPublish"), await listener.run("mayPublish")], [true, false]);
  const attributes = (person, of) => person.page.evaluate((of) => ({ ...room.remoteParticipants.get(of).attributes }), of);
  assert.equal((await attributes(listener, "speaker"))["stoa.identity"], "1");
  assert.equal((await attributes(speaker, "listener"))["stoa.identity"], "3");
  assert.notEqual(await listener.run("microphone", true), "done");
  assert.deepEqual((await talk(server, "get_talk_speaker_list_on_a_channel", { ChannelID: channel })).UserList.map((u) => u.UserID), ["speaker"]);
  await Promise.all([speaker, listener].map((p) => p.page.context().close()));
});

/** A tone for the Node SDK to send until told to stop. */
async function sing(source, stop) {
  const samples = Int16Array.from({ length: 480 }, (_, i) => 12_000 * Math.sin((2 * Math.PI * i) / 48));
  while (!stop.aborted) await source.captureFrame(new rtc.AudioFrame(samples, 48_000, 1, 480));
}

test("X01: the Node SDK joins with a created token, and is heard in a browser", options, async () => {
  const channel = fresh();
  const { Token } = await talk(server, "create_talk_token", { ChannelID: channel, UserID: "robot", IdentityType: 1 });
  const listener = await join(channel, "person", { IdentityType: 3 });
  const room = new rtc.Room();
  const stop = new AbortController();
  await room.connect(server.url.replace("http", "ws"), Token, { autoSubscribe: true, dynacast: false });
  await until(async () => (await users(channel)).join() === "person,robot", 10_000, "both are present");
  assert.equal(room.localParticipant.identity, "robot");
  assert.equal(room.localParticipant.attributes["stoa.identity"], "1");
  assert.deepEqual([...room.remoteParticipants.keys()], ["person"]);
  const source = new rtc.AudioSource(48_000, 1);
  const publish = new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE });
  await room.localParticipant.publishTrack(rtc.LocalAudioTrack.createAudioTrack("tone", source), publish);
  const singing = sing(source, stop.signal);
  await until(async () => (await listener.run("energy", "robot", 400)) > 1e-4, 15_000, "the tone is heard");
  assert.ok((await status("robot")).AudioBitRate > 0);
  // The rights of the token, and what the API does later, reach this SDK, too.
  const gone = new Promise((r) => room.once(rtc.RoomEvent.Disconnected, r));
  await talk(server, "admin_kick_user", { channel_id: channel, kick_user_id: "robot", kick_time: 60 });
  assert.deepEqual(await users(channel), ["person"]);
  assert.equal(await gone, rtc.DisconnectReason.PARTICIPANT_REMOVED);
  stop.abort();
  await singing;
  await listener.page.context().close();
});
