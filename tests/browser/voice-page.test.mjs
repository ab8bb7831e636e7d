// The voice rooms of the product's own pages: several people, each in a page of their own, with fake devices.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { writeVoice } from "../../web/e2e/voice.mjs";
import { keepConnections, Listener } from "./ears.mjs";
import { login, startBrowser, startServer, until } from "./harness.mjs";

const options = { timeout: 150_000 };
const DESK = { width: 1280, height: 860 };
const PHONE = { width: 380, height: 780 };
/** All scripts together that a voice room loads, compressed. */
const SCRIPT_BYTES = 350_000;
/** From an empty cache to a page that can be used, on loopback. */
const INTERACTIVE_MS = 1_500;
let server;
let browser;
let rooms = 0;

before(async () => {
  server = await startServer();
  // The browser's own fake microphone beeps too shortly to count as speech.
  browser = await startBrowser([`--use-file-for-fake-audio-capture=${await writeVoice()}`]);
});

after(async () => {
  await browser?.stop();
  await server?.stop();
});

/** Runs in the page before its own scripts: devices can be pulled out. */
function plugDevices() {
  const media = navigator.mediaDevices;
  if (!media) return;
  const all = media.enumerateDevices.bind(media);
  window.pulled = null;
  media.enumerateDevices = async () => (await all()).filter(({ label }) => label !== window.pulled);
  window.plug = (label) => {
    window.pulled = label;
    media.dispatchEvent(new Event("devicechange"));
  };
}

/** Runs in the page: remembers whether a heart was ever seen. */
function watchHearts() {
  new MutationObserver(() => {
    if (document.querySelector(".heart")) window.moved = true;
  }).observe(document.body, { childList: true, subtree: true });
}

class Person extends Listener {
  /** Signed out, before the first page. */
  static async blank(name, viewport = DESK) {
    const page = await browser.open();
    await page.setViewportSize(viewport);
    page.setDefaultTimeout(15_000);
    await page.addInitScript(keepConnections);
    await page.addInitScript(plugDevices);
    const person = new Person(name, page);
    page.on("console", (message) => {
      // A browser without a network says so by itself, for every request.
      if (message.type() === "error" && !person.offline) page.faults.push(message.text());
    });
    const check = (address) => {
      const { host, protocol } = new URL(address);
      const own = new URL(server.url).host;
      if (!["data:", "blob:"].includes(protocol) && host !== own) page.faults.push(`request to ${host}`);
    };
    page.on("request", (request) => check(request.url()));
    page.on("websocket", (socket) => {
      check(socket.url());
      socket.on("framesent", ({ payload }) => typeof payload === "string" && person.sent.push(payload));
    });
    return person;
  }

  static async open(name, viewport) {
    const person = await Person.blank(name, viewport);
    await person.page.goto(`${server.url}/`);
    await person.page.getByLabel("User name").fill(name);
    await person.page.getByLabel("Password", { exact: true }).fill(name);
    await person.button("Sign in");
    await person.heading("Rooms");
    return person;
  }

  offline = false;
  /** What went to the hub, as it was sent. */
  sent = [];

  constructor(name, page) {
    super(name, page);
    this.people = page.getByRole("region", { name: "People" });
  }

  button(name, within = this.page) {
    return within.getByRole("button", { name, exact: true }).first().click();
  }

  heading(name) {
    return this.page.getByRole("heading", { name, exact: true }).waitFor();
  }

  sees(text, within = this.page) {
    return within.getByText(text).first().waitFor();
  }

  live() {
    return this.page.locator(".link-dot[data-link=live]").waitFor();
  }

  async createRoom(title) {
    await this.button("New room");
    await this.page.getByLabel("Title").fill(title);
    await this.button("Open room");
    await this.live();
    return this.page.url();
  }

  async enter(url) {
    await this.page.goto(url);
    await this.live();
  }

  /** Opens somebody's card from the list of people. */
  card(person) {
    return this.people.locator(`[data-person="${person.name}"] button`).click();
  }

  escape() {
    return this.page.keyboard.press("Escape");
  }

  says(words) {
    return this.page.getByLabel("Your message").fill(words).then(() => this.page.keyboard.press("Enter"));
  }

  likes() {
    return this.page.locator("[data-likes]").getAttribute("data-likes").then(Number);
  }

  /** Labels of the microphones that are being sent. */
  sends() {
    return this.page.evaluate(() =>
      window.kept.flatMap((connection) =>
        connection.getSenders().flatMap(({ track }) => (track?.readyState === "live" ? [track.label] : [])),
      ),
    );
  }

  /** Nothing sticks out to the side. */
  async fits() {
    const [wide, shown] = await this.page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(wide <= shown, `${this.name}: ${wide} px in ${shown}`);
  }

  async close() {
    assert.deepEqual(this.page.faults, [], this.name);
    await this.page.context().close();
  }
}

/** A room with its owner at a desk and others in it, the first of them on a phone. */
async function gather(...names) {
  rooms += 1;
  const title = `Room ${rooms} of ${Date.now().toString(36)}`;
  const owner = await Person.open(`owner-${rooms}`);
  const url = await owner.createRoom(title);
  const people = [owner];
  for (const name of names) {
    const person = await Person.open(`${name}-${rooms}`, people.length === 1 ? PHONE : DESK);
    await person.enter(url);
    people.push(person);
  }
  return { title, url, people, close: () => Promise.all(people.map((person) => person.close())) };
}

test("rooms are found by title, owner and number, and the page says when it has not seen all", options, async () => {
  const host = await login(server, "sought");
  const made = [];
  // More than one page of the list.
  for (let i = 0; i < 30; i++) {
    const title = i === 0 ? "First light" : `Evening no${i}, café`;
    made.push(await host.call("create", { title, anchor: host.name }));
  }
  const person = await Person.open("seeker", PHONE);
  const field = person.page.getByLabel("Search rooms");
  const cards = person.page.locator(".room-card");
  await until(async () => (await cards.count()) === 24, 10_000, "one page of rooms");
  await field.fill("evening NO29 cafe");
  await person.sees("1 room found");
  await person.sees("the newest 24 rooms. There are more");
  assert.equal(await cards.count(), 1);
  await field.fill("first  LIGHT ");
  await person.sees("No room matches");
  await person.button("Search more rooms");
  await person.page.getByRole("link", { name: "Enter First light" }).waitFor();
  assert.equal(await person.page.getByText("There are more").count(), 0);
  await field.fill(host.name);
  await person.sees("30 rooms found");
  const { show_code: code, id } = await host.call("get", { id: made[7].id });
  await field.fill(String(code));
  await person.sees("1 room found");
  await person.fits();
  await person.page.getByRole("link", { name: "Enter Evening no7, café" }).click();
  await person.heading("Evening no7, café");
  assert.ok(person.page.url().endsWith(id));
  await person.live();
  await person.close();
  await Promise.all(made.map((room) => host.dismiss(room.id)));
});

test("an evening: people, likes, volumes, and what the host may do", options, async () => {
  const { title, people: [owner, guest, other], close } = await gather("guest", "other");
  await guest.button("Take seat 2");
  await guest.sees("You are live");
  await owner.hears();

  // Who is here, the owner first.
  await until(async () => (await other.people.locator("[data-person]").count()) === 3, 10_000, "three are listed");
  const listed = await other.people.locator("[data-person]").evaluateAll((rows) => rows.map((row) => row.dataset.person));
  assert.deepEqual(listed, [owner.name, guest.name, other.name]);
  await other.people.getByLabel("Find somebody").fill("GUEST");
  assert.equal(await other.people.locator("[data-person]").count(), 1);
  await other.people.getByLabel("Find somebody").fill("nobody at all");
  await other.sees("Nobody here matches");
  await other.button("Clear the search");
  await guest.fits();

  // Likes: counted at once, few calls, seen by the others.
  for (const person of [owner, guest]) await person.page.evaluate(watchHearts);
  await owner.page.emulateMedia({ reducedMotion: "reduce" });
  const like = guest.page.getByRole("button", { name: /^Give a like/ });
  await like.click();
  // Quick fingers: no time passes between these, however slow the machine is.
  await like.evaluate((button) => {
    for (let i = 0; i < 5; i++) button.click();
  });
  await guest.page.locator("[data-likes='6']").waitFor();
  await until(() => guest.page.evaluate(() => window.moved), 5_000, "hearts rise");
  await owner.page.locator("[data-likes='6']").waitFor();
  await until(async () => (await other.likes()) === 6, 5_000, "the likes are seen");
  assert.equal(await owner.page.evaluate(() => window.moved), undefined, "where motion is not wanted nothing moves");
  const calls = guest.sent.join("\n").match(/group\.like/g)?.length ?? 0;
  assert.ok(calls === 1 || calls === 2, `six likes in ${calls} calls`);

  // How loud: kept for the next visit, for this listener only.
  await owner.card(guest);
  await owner.page.getByLabel("Volume for you").fill("0");
  await until(() => owner.page.evaluate(() => [...document.querySelectorAll("audio")].some((a) => a.volume === 0)), 5_000, "quiet");
  await owner.page.reload();
  await owner.live();
  await until(() => owner.page.evaluate(() => [...document.querySelectorAll("audio")].some((a) => a.volume === 0)), 15_000, "quiet again");
  await owner.card(guest);
  await owner.sees("0%");
  await owner.page.getByLabel("Volume for you").fill("100");
  await owner.escape();

  // Silenced: nobody hears the microphone, however open it is.
  await other.hears();
  await owner.button(`${guest.name}, seat 2. Manage`);
  await owner.button("Silence the microphone");
  await guest.sees("Your microphone has been silenced");
  await other.hearsNothing();
  assert.ok(await guest.page.getByRole("button", { name: "Turn microphone on" }).isDisabled());
  await owner.button("Allow the microphone");
  // Nobody opens somebody else's microphone.
  await guest.button("Turn microphone on");
  await other.hears();
  await owner.escape();

  // Muted in the chat, alone and with all others.
  await owner.card(other);
  await owner.button("Mute in the chat");
  await other.sees("You have been muted");
  await owner.button("Let write in the chat");
  await owner.escape();
  await until(async () => (await other.page.getByText("You have been muted").count()) === 0, 10_000, "unmuted");
  await other.says("Hello everybody");
  await guest.sees("Hello everybody");
  await owner.button("Pause the chat for everybody");
  await other.sees("The chat is paused");
  await owner.button("Let everybody write again");

  // A new title is told.
  await owner.button("Edit room");
  await owner.page.getByLabel("Title").fill(`${title}, renamed`);
  await owner.button("Save");
  await guest.heading(`${title}, renamed`);

  // A seat is freed; then one is removed from the room, who is told so.
  await owner.button(`${guest.name}, seat 2. Manage`);
  await owner.button("Free the seat");
  await guest.sees("You are listening");
  await owner.card(guest);
  await owner.button("Remove from the room");
  await owner.sees(`${guest.name} leaves seat, voices and chat`);
  await owner.button("Yes, remove");
  await guest.heading("You are out of this room");
  await until(async () => (await owner.people.locator("[data-person]").count()) === 2, 10_000, "two are left");
  const focused = () => owner.page.evaluate(() => document.activeElement.closest("[data-person]")?.dataset.person);
  await until(async () => (await focused()) === other.name, 5_000, "the focus is at whoever came next");

  // The end, after a question.
  await owner.button("End room");
  await owner.sees("This cannot be undone");
  await owner.button("End room", owner.page.getByRole("dialog"));
  await owner.heading("You ended the room");
  await other.heading("This room has ended");
  await close();
});

test("whoever is no host hears others as loud as wished, and is offered no tools", options, async () => {
  const { people: [owner, guest, other], close } = await gather("guest", "other");
  await guest.button("Take seat 1");
  await guest.sees("You are live");
  await other.button(`${guest.name}, seat 1`);
  await other.page.getByLabel("Volume for you").waitFor();
  assert.equal(await other.page.getByRole("button", { name: "Remove from the room" }).count(), 0);
  assert.equal(await other.page.getByRole("button", { name: "Edit room" }).count(), 0);
  await other.escape();
  await owner.hears();
  await close();
});

test("a microphone is checked and chosen, remembered, and followed when it is pulled out", options, async () => {
  const { url, people: [owner, guest], close } = await gather("guest");
  await guest.button("Sound");
  const pick = guest.page.getByLabel("Microphone", { exact: true });
  await guest.button("Test the microphone");
  await guest.sees("You can be heard.");
  await until(async () => (await pick.locator("option").count()) >= 2, 10_000, "devices have names");
  const labels = await pick.locator("option").allTextContents();
  assert.ok(labels.every((label) => /Fake/i.test(label)), labels.join(", "));
  assert.ok((await guest.page.getByLabel("Speaker", { exact: true }).locator("option").count()) >= 1);
  const level = () => guest.page.locator(".meter").evaluate((bar) => Number(bar.style.getPropertyValue("--level")));
  await until(async () => (await level()) > 0.3, 10_000, "the bar moves");
  await guest.button("Record and play back");
  await guest.sees("Recording, speak now");
  await guest.sees("This is how others hear you");
  await guest.sees("You can be heard.");
  const second = labels.find((label) => /2/.test(label)) ?? labels.at(-1);
  await pick.selectOption({ label: second });
  await guest.fits();
  await guest.escape();
  await guest.button("Take seat 4");
  await guest.sees("You are live");
  await owner.hears();
  assert.deepEqual(await guest.sends(), [second]);

  // Remembered, also by a page that starts anew.
  await guest.page.reload();
  await guest.sees("You are live");
  await until(async () => (await guest.sends()).join() === second, 15_000, "the chosen one is used");

  // Pulled out and put back.
  await guest.page.evaluate((label) => window.plug(label), second);
  await until(async () => (await guest.sends()).every((label) => label !== second), 10_000, "another one is used");
  await guest.button("Sound");
  await guest.sees(`${second} is not plugged in`);
  await guest.page.evaluate(() => window.plug(null));
  await until(async () => (await guest.sends()).join() === second, 10_000, "it is used again");
  assert.equal(await guest.page.getByText("is not plugged in").count(), 0);
  assert.equal(guest.page.url(), url);
  await close();
});

test("language and appearance are chosen, kept, and changed back", options, async () => {
  for (const viewport of [DESK, PHONE]) {
    const person = await Person.open(`chooser-${viewport.width}`, viewport);
    const { page } = person;
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const menu = (name) => page.getByRole("button", { name }).click();
    const light = await ground();
    await menu("Account and settings");
    await person.button("Dark");
    await until(async () => (await ground()) !== light, 5_000, "it gets dark");
    await person.button("中文");
    await person.heading("房间");
    assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-CN");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    assert.notEqual(await ground(), light);
    await person.fits();
    await menu("账号与设置");
    await person.button("浅色");
    await until(async () => (await ground()) === light, 5_000, "it gets light");
    await person.button("English");
    await person.heading("Rooms");
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    await person.button("New room");
    await person.escape();
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "New room", "the focus is back");
    // By the keyboard alone: open, and out again where one was.
    await page.getByRole("button", { name: "Account and settings" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0);
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), `Account and settings, ${person.name}`);
    await menu("Account and settings");
    await person.button("Sign out");
    await person.heading("Sign in");
    await person.close();
  }
});

test("a cut network is told as it is, and its end too", options, async () => {
  const { people: [owner, guest], close } = await gather("guest");
  await guest.button("Take seat 6");
  await guest.sees("You are live");
  await owner.hears();
  await guest.says("Before the cut");
  await owner.sees("Before the cut");
  guest.offline = true;
  await guest.page.context().setOffline(true);
  // The messages notice it first, the media engine by its missing pings.
  await guest.page.locator("[data-outage=chat]").waitFor();
  await guest.sees("chat, seats and people are not up to date");
  await owner.says("During the cut");
  await guest.page.locator("[data-outage=reconnecting]").waitFor({ timeout: 45_000 });
  await guest.fits();
  const lasted = Number(/lost (\d+) s ago/.exec(await guest.page.locator("[data-outage]").textContent())?.[1]);
  assert.ok(lasted >= 5, `since the cut, not since it was noticed: ${lasted} s`);
  assert.equal(await guest.page.getByText("During the cut").count(), 0);
  await guest.page.context().setOffline(false);
  await guest.page.locator("[data-outage=over]").waitFor({ timeout: 60_000 });
  await guest.sees("You are back after");
  await guest.sees("You still hold your seat.");
  await guest.sees("During the cut");
  await guest.button("Close this notice");
  assert.equal(await guest.page.locator("[data-outage]").count(), 0);
  guest.offline = false;
  await owner.hears();
  await close();
});

test("a server that stands still is noticed, and nobody seems to speak meanwhile", options, async () => {
  const { people: [owner, guest], close } = await gather("guest");
  await guest.button("Take seat 2");
  await guest.sees("You are live");
  await owner.hears();
  await owner.page.locator("[data-speaking=true]").first().waitFor();
  owner.offline = guest.offline = true;
  server.freeze();
  try {
    await owner.page.locator("[data-outage=reconnecting]").waitFor({ timeout: 30_000 });
    assert.equal(await owner.page.locator("[data-speaking=true]").count(), 0, "nobody is known to speak");
  } finally {
    server.thaw();
  }
  await owner.page.locator("[data-outage=over]").waitFor({ timeout: 60_000 });
  const back = await owner.page.locator("[data-outage=over]").textContent();
  assert.ok(Number(/back after (\d+) s/.exec(back)?.[1]) >= 5, `since it stood still: ${back}`);
  await guest.page.locator("[data-outage=reconnecting]").waitFor({ state: "detached", timeout: 60_000 });
  owner.offline = guest.offline = false;
  await owner.hears();
  await close();
});

test("from the link to being heard in two clicks, with little to load", options, async (t) => {
  const { url, people: [owner], close } = await gather();
  // The first look at a page, in a fresh profile. A figure, no condition: others use the machine too.
  const first = await Person.blank("first", PHONE);
  await first.page.goto(url, { waitUntil: "commit" });
  await first.page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  const usable = await first.page.evaluate(() => performance.now());
  await first.close();
  const guest = await Person.blank("guest", PHONE);
  const scripts = new Map();
  guest.page.on("response", async (reply) => {
    if (/\.js$/.test(new URL(reply.url()).pathname)) scripts.set(reply.url(), gzipSync(await reply.body()).length);
  });
  await guest.page.goto(url);
  await guest.page.getByRole("button", { name: "Enter as a guest" }).waitFor();
  await guest.button("Enter as a guest");
  await guest.live();
  await guest.fits();
  await guest.button("Take seat 1");
  await owner.hears();
  const bytes = [...scripts.values()].reduce((sum, n) => sum + n, 0);
  t.diagnostic(`sign-in after ${Math.round(usable)} ms (bar ${INTERACTIVE_MS} ms), ${Math.round(bytes / 1000)} kB of scripts compressed`);
  assert.ok(scripts.size >= 3 && bytes < SCRIPT_BYTES, `${bytes} bytes in ${scripts.size} scripts`);
  await guest.close();
  await close();
});
