// What the pages cost and what they may: bytes of a first load, requests to nobody else, a strict content security policy
// on everything, and how few clicks lie between an opened page and two people who hear each other.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { writeVoice } from "../../web/e2e/voice.mjs";
import { expectAccessible } from "./axe.mjs";
import { keepConnections, received } from "./ears.mjs";
import { login, startBrowser, startServer, until } from "./harness.mjs";

const options = { timeout: 120_000 };
/** Compressed script and styles until a voice room can be used. */
const ROOM_BYTES = 350_000;
/** Asked of a room on a good line; printed, because the machine of a test run is nobody's. */
const INTERACTIVE_MS = 1_500;
const MOST_CLICKS = 3;

/** With a sign-in where one is asked for; the console as an administrator. */
const ADMIN = "olga";
const PAGES = ["#/", "#/talk", "#/test", "#/class"].map((hash, i) => ({ hash, user: `visitor${i}` }));
const CONSOLE = ["", "/live", "/bans", "/calls", "/accounts", "/apps", "/system", "/system/requests", "/system/audit", "/api"];
for (const path of CONSOLE) PAGES.push({ hash: `#/console${path}`, user: ADMIN });
/** Big parts that other pages need and a voice room does not, by what they are made of. */
const FOREIGN = /excalidraw|ConsolePage|Overview|Explorer|Chart|Board|pdf|yjs|TalkView|ClassPage|TestPage/i;

let server;
let browser;

before(async () => {
  server = await startServer();
  await server.addAdmin(ADMIN, ADMIN);
  // The browser's own fake microphone beeps too shortly to count as speech.
  browser = await startBrowser([`--use-file-for-fake-audio-capture=${await writeVoice()}`]);
});

after(async () => {
  await browser?.stop();
  await server?.stop();
});

/** A fresh page, profile and cache; notes every answer, every request to anybody else, every violation. */
async function visitor() {
  const page = await browser.open();
  page.setDefaultTimeout(20_000);
  const seen = { page, answers: [], strangers: [], violations: [], errors: [] };
  const check = (address) => {
    const { protocol, host } = new URL(address);
    if (["http:", "https:", "ws:", "wss:"].includes(protocol) && host !== new URL(server.url).host) seen.strangers.push(address);
  };
  page.on("request", (request) => check(request.url()));
  page.on("websocket", (socket) => check(socket.url()));
  page.on("response", (response) => seen.answers.push(response));
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  await page.exposeFunction("violated", (what) => seen.violations.push(what));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => window.violated(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`));
  });
  return seen;
}

async function signIn(page, name) {
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.locator("form input[type=password]").waitFor({ state: "detached" });
}

/** What travels: as compressed, whether or not this server compressed it (a folder of pages is served as it is). */
async function weigh(answers) {
  const parts = [];
  for (const response of answers) {
    const path = new URL(response.url()).pathname;
    if (!/\.(js|css)$/.test(path) || response.status() !== 200) continue;
    const plain = await response.body();
    parts.push({ path, bytes: gzipSync(plain).length });
  }
  return parts;
}

test("a voice room loads what it needs and no more, below its budget", options, async (t) => {
  const owner = await login(server, "owner");
  const room = await owner.createRoom();
  const { page, answers } = await visitor();
  await page.goto(`${server.url}/#/room/${room}`);
  await page.getByLabel("User name").fill("listener");
  await page.getByLabel("Password", { exact: true }).fill("listener");
  const began = Date.now();
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.locator(".link-dot[data-link=live]").waitFor();
  const afterSignIn = Date.now() - began;
  const parts = await weigh(answers);
  const sum = parts.reduce((all, { bytes }) => all + bytes, 0);
  assert.ok(parts.length > 0);
  assert.deepEqual(parts.filter(({ path }) => FOREIGN.test(path)), []);
  assert.ok(sum < ROOM_BYTES, `${sum} bytes:\n${parts.map(({ path, bytes }) => `${bytes} ${path}`).join("\n")}`);

  // The same once more with everything to be fetched: signed in, nothing in the cache.
  const { page: again } = await visitor();
  const session = await page.evaluate(() => sessionStorage.getItem("stoa.session"));
  await again.addInitScript((session) => sessionStorage.setItem("stoa.session", session), session);
  const opened = Date.now();
  await again.goto(`${server.url}/#/room/${room}`);
  await again.locator(".seat-takeable").first().waitFor();
  const seats = Date.now() - opened;
  await again.locator(".link-dot[data-link=live]").waitFor();
  const live = Date.now() - opened;
  t.diagnostic(`voice room, cold cache: ${(sum / 1000).toFixed(1)} kB compressed of ${ROOM_BYTES / 1000} in ${parts.length} files`);
  t.diagnostic(`seats to take after ${seats} ms, connected after ${live} ms (bar ${INTERACTIVE_MS} ms); from the sign-in ${afterSignIn} ms`);
});

async function goneWell(seen, name) {
  await seen.page.waitForLoadState("networkidle");
  assert.deepEqual(seen.strangers, [], name);
  assert.deepEqual(seen.violations, [], name);
  assert.deepEqual(seen.errors, [], name);
  assert.deepEqual(seen.page.faults, [], name);
  await checkPolicies(seen.answers, name);
  await expectAccessible(seen.page, name);
  await seen.page.context().close();
}

for (const { hash, user } of PAGES) {
  test(`${hash} asks nobody else, violates no policy, does not complain, is accessible`, options, async () => {
    const seen = await visitor();
    const { page } = seen;
    await page.goto(`${server.url}/${hash}`);
    await page.locator("h1").first().waitFor();
    if ((await page.locator("input[type=password][autocomplete=current-password]").count()) > 0) await signIn(page, user);
    await page.locator("main").first().waitFor();
    await goneWell(seen, hash);
  });
}

test("so does a voice room that somebody is in", options, async () => {
  const owner = await login(server, "owner");
  const room = await owner.createRoom();
  const seen = await visitor();
  await seen.page.goto(`${server.url}/#/room/${room}`);
  await signIn(seen.page, "roommate");
  await seen.page.locator(".seat-takeable").first().click();
  await seen.page.locator(".dock-mic").waitFor();
  await goneWell(seen, "voice room");
});

test("so does a class with its whiteboard", options, async () => {
  const seen = await visitor();
  const { page } = seen;
  await page.goto(`${server.url}/#/class`);
  await signIn(page, "teacher");
  await page.getByRole("button", { name: "New class" }).first().click();
  await page.getByLabel("Title").fill("Policies");
  await page.getByRole("button", { name: "Create class" }).click();
  await page.locator(".link-dot[data-link=live]").waitFor();
  await page.getByRole("region", { name: "Whiteboard" }).locator("canvas, [role=img]").first().waitFor();
  await goneWell(seen, "class");
});

/** Every page, script, style and picture comes with a policy that lets nothing inline and nothing foreign in. */
async function checkPolicies(answers, hash) {
  const own = answers.filter((response) => {
    const { origin, pathname } = new URL(response.url());
    return origin === server.url && (pathname === "/" || pathname.startsWith("/assets/"));
  });
  assert.ok(own.some((response) => response.url().endsWith(".js")), hash);
  for (const response of own) {
    const policy = response.headers()["content-security-policy"] ?? "";
    const rules = new Map(policy.split(";").map((rule) => rule.trim().split(/\s+/)).map(([name, ...sources]) => [name, sources]));
    assert.deepEqual(rules.get("default-src"), ["'self'"], response.url());
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*|https?:/, response.url());
    assert.equal(rules.has("script-src"), false, "scripts are only the server's own");
    for (const name of ["object-src", "base-uri", "frame-ancestors"]) assert.deepEqual(rules.get(name), ["'none'"], response.url());
    assert.equal(response.headers()["x-content-type-options"], "nosniff", response.url());
  }
}

test("the documentation pages ask nobody else either", options, async () => {
  const seen = await visitor();
  await seen.page.goto(`${server.url}/docs`);
  await seen.page.waitForLoadState("networkidle");
  assert.deepEqual([seen.strangers, seen.violations, seen.errors], [[], [], []]);
});

/** Presses something as a person does, and counts it. */
class Hand {
  clicks = 0;

  constructor(page) {
    this.page = page;
  }

  press(locator) {
    this.clicks += 1;
    return locator.first().click();
  }
}

async function hears(page, who) {
  const before = await received(page, "packetsReceived");
  await until(async () => (await received(page, "packetsReceived")) > before + 25, 20_000, `${who} gets packets of sound`);
}

test("from the opened page to two people who hear each other in three clicks", options, async (t) => {
  const hands = [];
  for (const name of ["amy", "bob"]) {
    const { page } = await visitor();
    await page.addInitScript(keepConnections);
    await page.goto(`${server.url}/#/talk`);
    const hand = new Hand(page);
    // The server in development mode fills in what it can; a name is typed, which takes no click.
    await page.getByText("development mode").waitFor();
    await page.getByLabel("User name").fill(name);
    await hand.press(page.getByRole("button", { name: "Join", exact: true }));
    await hand.press(page.getByRole("button", { name: "Open microphone", exact: true }));
    hands.push(hand);
  }
  for (const hand of hands) {
    await hears(hand.page, "somebody");
    assert.ok(hand.clicks <= MOST_CLICKS, `${hand.clicks} clicks`);
  }
  t.diagnostic(`Talk: ${hands[0].clicks} clicks from the opened page`);
});

test("a voice room takes three clicks too, once somebody is signed in", options, async (t) => {
  const owner = await visitor();
  const guest = await visitor();
  for (const [{ page }, name] of [[owner, "olivia"], [guest, "gil"]]) {
    await page.addInitScript(keepConnections);
    await page.goto(`${server.url}/`);
    await signIn(page, name);
  }
  const host = new Hand(owner.page);
  await host.press(owner.page.getByRole("button", { name: "New room" }));
  await owner.page.getByLabel("Title").fill("Three clicks");
  await host.press(owner.page.getByRole("button", { name: "Open room" }));
  await owner.page.locator(".link-dot[data-link=live]").waitFor();
  await host.press(owner.page.locator(".dock-mic"));
  // The link of the room is what a guest gets; the list of rooms is one click more.
  await guest.page.goto(owner.page.url());
  const visitorHand = new Hand(guest.page);
  await visitorHand.press(guest.page.locator(".seat-takeable"));
  await guest.page.locator(".dock-mic").waitFor();
  if (await guest.page.locator(".dock-mic[data-open]").count() === 0) await visitorHand.press(guest.page.locator(".dock-mic"));
  await Promise.all([hears(owner.page, "the owner"), hears(guest.page, "the guest")]);
  for (const { clicks } of [host, visitorHand]) assert.ok(clicks <= MOST_CLICKS, `${clicks} clicks`);
  t.diagnostic(`voice room: owner ${host.clicks}, guest ${visitorHand.clicks} clicks after the sign-in`);
});
