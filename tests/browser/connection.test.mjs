// The connection test page: what it finds with all ways open, with UDP blocked and without a microphone, and that it
// can be used by everybody.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { writeVoice } from "../../web/e2e/voice.mjs";
import { expectAccessible } from "./axe.mjs";
import { startBrowser, startServer } from "./harness.mjs";

const options = { timeout: 120_000 };
const NO_UDP = ["--webrtc-ip-handling-policy=disable_non_proxied_udp", "--force-webrtc-ip-handling-policy=disable_non_proxied_udp"];
/** From the click to the report; a way that is blocked takes its whole patience. */
const DONE_MS = 60_000;

let server;
let voice;
const browsers = [];

before(async () => {
  server = await startServer();
  voice = `--use-file-for-fake-audio-capture=${await writeVoice()}`;
});

after(async () => {
  for (const browser of browsers) await browser.stop();
  await server?.stop();
});

async function start(args = []) {
  const browser = await startBrowser([voice, ...args]);
  browsers.push(browser);
  return browser;
}

async function visit(page, { user } = {}) {
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  await page.goto(`${server.url}/`);
  if (user !== undefined) {
    await page.getByLabel("User name").fill(user);
    await page.getByLabel("Password", { exact: true }).fill(user);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
  }
  await page.goto(`${server.url}/#/test`);
  await page.getByRole("heading", { name: "Connection test" }).waitFor();
}

/** Runs the test by keyboard and answers the report and the status of every check. */
async function run(page) {
  await page.getByRole("button", { name: "Start the test" }).focus();
  await page.keyboard.press("Enter");
  const report = page.getByRole("textbox", { name: "Report" });
  await report.waitFor({ timeout: DONE_MS });
  const checks = await page.locator(".test-check").evaluateAll((all) => Object.fromEntries(all.map((e) => [e.dataset.check, e.dataset.status])));
  return { report: await report.inputValue(), checks };
}

test("signed in, all is found open over the server's own door, with figures, and told to screen readers", options, async () => {
  const browser = await start();
  const page = await browser.open();
  const doors = [];
  page.on("request", (request) => request.method() === "POST" && doors.push(new URL(request.url()).pathname));
  await visit(page, { user: "erin" });
  const { report, checks } = await run(page);
  assert.deepEqual(checks, { microphone: "good", camera: "good", websocket: "good", udp: "good", quality: "good", tcp: "good" });
  assert.ok(doors.includes("/stoa/probe-token"), doors.join());
  assert.ok(!doors.some((path) => path.endsWith("/create_talk_token")), doors.join());
  assert.match(report, /round trip \d+ ms · .*jitter \d+ ms · loss 0 % · [1-9]\d+ packets · measured over UDP/);
  const tcp = new URL(server.url).port;
  assert.match(report, new RegExp(`server at 127\\.0\\.0\\.1:${tcp}\\b`), "the TCP way ends at the one TCP port");
  assert.doesNotMatch(report, /erin/);
  const told = await page.getByRole("log").locator("p").allInnerTexts();
  assert.equal(told.length, 7);
  assert.match(told.join("\n"), /^Microphone: good\.[^]*You are ready$/);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "You are ready");
  const choice = page.getByLabel("Use this microphone");
  if ((await choice.count()) > 0) {
    await choice.selectOption({ index: 1 });
    await page.locator(".test-check[data-check=microphone][data-status=good]").waitFor();
  }
  await page.getByRole("button", { name: "Hear yourself" }).click();
  await page.getByRole("button", { name: "Playing" }).waitFor();
  await page.getByRole("button", { name: "Hear yourself" }).waitFor();
  await page.getByRole("button", { name: "Switch microphone and camera off" }).click();
  await page.locator(".test-preview").waitFor({ state: "detached" });
  assert.deepEqual(page.faults, []);
});

test("nobody signed in and UDP blocked: sound takes the second way, and the page says what to do", options, async () => {
  const browser = await start(NO_UDP);
  const page = await browser.open();
  await page.setViewportSize({ width: 380, height: 780 });
  await visit(page);
  const { report, checks } = await run(page);
  assert.deepEqual(checks, { microphone: "good", camera: "good", websocket: "good", udp: "fair", quality: "good", tcp: "good" });
  assert.match(report, /measured over TCP/);
  await page.getByText("does not let UDP through").first().waitFor();
  await page.getByText("allow UDP to the address").first().waitFor();
  await page.getByRole("heading", { name: "You can take part" }).waitFor();
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= window, `${content} px of content in ${window} px`);
  assert.deepEqual(page.faults, []);
});

test("a refused microphone and camera do not keep the network from being tested", options, async () => {
  const browser = await start(["--deny-permission-prompts"]);
  const page = await browser.open();
  await page.context().clearPermissions();
  await page.addInitScript(() => {
    const refuse = () => Promise.reject(new DOMException("not allowed", "NotAllowedError"));
    navigator.mediaDevices.getUserMedia = refuse;
  });
  await visit(page);
  const { checks } = await run(page);
  assert.deepEqual(checks, { microphone: "bad", camera: "fair", websocket: "good", udp: "good", quality: "good", tcp: "good" });
  await page.getByText("Allow it in the address bar (the icon").first().waitFor();
  assert.deepEqual(page.faults, []);
});

test("axe-core has nothing against it, before and after the test", options, async () => {
  const browser = browsers[0];
  const page = await browser.open();
  await visit(page);
  await expectAccessible(page, "connection test, before");
  await run(page);
  await expectAccessible(page, "connection test, after");
});

test("the door for tests: signed in only, private channels, not too often", options, async () => {
  const ask = (token) =>
    fetch(`${server.url}/stoa/probe-token`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: "{}",
    });
  assert.equal((await ask()).status, 401);
  assert.equal((await ask("nonsense")).status, 401);
  const login = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username: "kim", password: "kim" }) };
  const { token } = await (await fetch(`${server.url}/login`, login)).json();
  const claims = (jwt) => JSON.parse(Buffer.from(jwt.split(".")[1], "base64url"));
  const [one, two] = [await (await ask(token)).json(), await (await ask(token)).json()];
  assert.notEqual(one.channel, two.channel);
  assert.match(one.channel, /^stoa-probe-[0-9a-f]{16}$/);
  const [speaker, listener] = [claims(one.speaker), claims(one.listener)];
  for (const said of [speaker, listener]) {
    assert.equal(said.video.room, one.channel);
    assert.equal(said.attributes["stoa.user"], "kim");
    assert.ok(said.exp - said.nbf <= 180, "the token is short-lived");
  }
  assert.equal(speaker.video.canPublish, true);
  assert.equal(listener.video.canPublish, false);
  const statuses = [];
  for (let i = 0; i < 10; i += 1) statuses.push((await ask(token)).status);
  assert.ok(statuses.includes(429), statuses.join());
});
