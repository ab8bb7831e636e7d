// The classroom pages in the binary: a teacher and students, each in a page of their own, with fake devices.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { writeVoice } from "../../web/e2e/voice.mjs";
import { holds, startBrowser, startServer, until } from "./harness.mjs";

const options = { timeout: 150_000 };
/** More than any sound that is there, less than a syllable. */
const SILENCE = 1e-6;
let server;
let browser;
let classes = 0;

before(async () => {
  server = await startServer();
  // The browser's own fake microphone beeps too shortly to count as speech.
  browser = await startBrowser([`--use-file-for-fake-audio-capture=${await writeVoice()}`]);
});

after(async () => {
  await browser?.stop();
  await server?.stop();
});

/** Runs in the page before its own scripts: remembers every connection, so that it can be measured or cut. */
function keepConnections() {
  window.kept = [];
  window.boardSockets = [];
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...args) {
      super(...args);
      window.kept.push(this);
    }
  };
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(url, ...rest) {
      super(url, ...rest);
      if (String(url).includes("/whiteboard/")) window.boardSockets.push(this);
    }
  };
}

/** One page of the product, as a person uses it. */
class Person {
  static async open(name, viewport) {
    const page = await browser.open();
    if (viewport) await page.setViewportSize(viewport);
    page.setDefaultTimeout(20_000);
    await page.addInitScript(keepConnections);
    const person = new Person(name, page);
    page.on("console", (message) => {
      // A browser without a network says so by itself, for every request.
      if (message.type() === "error" && !person.offline) page.faults.push(message.text());
    });
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== server.url) page.faults.push(`request to ${origin}`);
    });
    await page.goto(`${server.url}/#/class`);
    await page.getByLabel("User name").fill(name);
    await page.getByLabel("Password", { exact: true }).fill(name);
    await person.button("Sign in");
    await person.heading("Classes");
    return person;
  }

  offline = false;

  constructor(name, page) {
    this.name = name;
    this.page = page;
    this.board = page.getByRole("region", { name: "Whiteboard" });
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

  tab(name) {
    return this.page.getByRole("tab", { name }).click();
  }

  live() {
    return this.page.locator(".link-dot[data-link=live]").waitFor();
  }

  async createClass(title) {
    await this.button("New class");
    await this.page.getByLabel("Title").fill(title);
    await this.button("Create class");
    await this.live();
    return this.page.url();
  }

  async join(url, as = "student") {
    await this.page.goto(url);
    await this.button(`Join as ${as}`);
    await this.live();
  }

  /** The row of somebody in the list of members. */
  row(person) {
    return this.page.locator(`[data-member="${person.name}"]`);
  }

  tile(person) {
    return this.page.locator(`.class-tile[data-user="${person.name}"]`);
  }

  device(device) {
    return this.page.locator(`[data-device=${device}]`);
  }

  /** How many pictures of somebody were shown. */
  async frames(person) {
    const video = this.tile(person).locator("video");
    if ((await video.count()) === 0) return 0;
    return video.evaluate((element) =>
      element.videoWidth > 0 ? element.getVideoPlaybackQuality().totalVideoFrames : 0,
    );
  }

  /** New pictures of somebody arrive. */
  async watches(person) {
    let first = 0;
    await until(async () => (first = await this.frames(person)) > 0, 30_000, `${this.name} sees ${person.name}`);
    await until(async () => (await this.frames(person)) > first + 3, 15_000, `${person.name} moves for ${this.name}`);
  }

  energy() {
    return this.page.evaluate(async () => {
      let sum = 0;
      for (const connection of window.kept) {
        for (const entry of (await connection.getStats()).values()) {
          if (entry.type === "inbound-rtp" && entry.kind === "audio") sum += entry.totalAudioEnergy ?? 0;
        }
      }
      return sum;
    });
  }

  /** Sound arrives that was not there when asked. */
  async hears() {
    let last = await this.energy();
    await until(async () => {
      const before = last;
      last = await this.energy();
      return last > before + 1e-5;
    }, 20_000, `${this.name} hears something`);
  }

  /** Nothing is heard any more, for longer than the pauses between syllables. */
  async hearsNothing() {
    let last = -1;
    await until(async () => {
      const before = last;
      last = await this.energy();
      return Math.abs(last - before) < SILENCE;
    }, 10_000, `${this.name} stops hearing`);
    const now = await this.energy();
    await holds(async () => (await this.energy()) < now + SILENCE, 1_500, `${this.name} hears nothing`);
  }

  /** From one place on the sheet to others, in shares of its size. */
  async drag(...spots) {
    const sheet = this.board.getByRole("img");
    await sheet.evaluate((element) => element.scrollIntoView({ block: "center" }));
    const { x, y, width, height } = await sheet.boundingBox();
    const [first, ...rest] = spots.map(([dx, dy]) => [x + dx * width, y + dy * height]);
    await this.page.mouse.move(...first);
    await this.page.mouse.down();
    for (const spot of rest) await this.page.mouse.move(...spot, { steps: 5 });
    await this.page.mouse.up();
  }

  /** What is drawn on the sheet that is shown. */
  drawings() {
    return this.board.getByRole("img").evaluate((sheet) => [...sheet.children].map((child) => child.outerHTML));
  }

  shows(count, page = 1, pages = 1) {
    const drawings = count === 1 ? "1 drawing" : `${count} drawings`;
    const name = `Whiteboard, page ${page} of ${pages}, ${drawings}`;
    return this.board.getByRole("img", { name, exact: true }).waitFor();
  }

  /** The board is in step with the server. */
  boardLive() {
    return this.page.locator(".board[data-link=live]").waitFor();
  }
}

/** A started class with its teacher, and students in it. */
async function gather(...students) {
  classes += 1;
  const title = `Algebra ${classes}`;
  const teacher = await Person.open(`li-${classes}`);
  const url = await teacher.createClass(title);
  await teacher.button("Start class");
  await teacher.sees("In class", teacher.page.locator(".class-status"));
  const people = [teacher];
  for (const name of students) {
    const person = await Person.open(`${name}-${classes}`);
    await person.join(url);
    people.push(person);
  }
  const close = async () => {
    for (const { name, page } of people) {
      assert.deepEqual(page.faults, [], name);
      await page.context().close();
    }
  };
  return { title, url, people, close };
}

test("a class sees and hears its teacher, and a student while on stage", options, async () => {
  const { people: [teacher, ann, bob], close } = await gather("ann", "bob");
  await teacher.button("Turn camera on");
  await teacher.button("Turn microphone on");
  await Promise.all([ann, bob].map((student) => student.watches(teacher)));
  await Promise.all([ann, bob].map((student) => student.hears()));
  // From here on whatever is heard is the student.
  await teacher.button("Turn microphone off");
  await Promise.all([ann, bob].map((student) => student.hearsNothing()));
  assert.equal(await ann.device("mic").count(), 0);

  await ann.button("Raise hand");
  await teacher.button(`Accept ${ann.name}`);
  await ann.sees("You are on stage");
  await ann.button("Turn microphone on");
  await ann.button("Turn camera on");
  await Promise.all([teacher, bob].map((person) => person.hears()));
  await Promise.all([teacher, bob].map((person) => person.watches(ann)));
  assert.equal(await teacher.page.locator("[data-hand]").count(), 0);

  await teacher.button(`Take off stage: ${ann.name}`);
  await ann.sees("You are off the stage again");
  await ann.device("mic").waitFor({ state: "detached" });
  await Promise.all([teacher, bob].map((person) => person.hearsNothing()));
  await bob.tile(ann).waitFor({ state: "detached" });
  // The devices are given back, not only ignored.
  const open = () => ann.page.evaluate(() =>
    window.kept.some((peer) => peer.getSenders().some(({ track }) => track?.readyState === "live")),
  );
  await until(async () => !(await open()), 10_000, "microphone and camera are closed");
  await close();
});

test("hands queue in order; a declined one comes down", options, async () => {
  const { people: [teacher, ann, bob], close } = await gather("ann", "bob");
  const queue = teacher.page.locator("[data-hand]");
  await bob.button("Raise hand");
  await queue.first().waitFor();
  await ann.button("Raise hand");
  await queue.nth(1).waitFor();
  assert.deepEqual(await queue.evaluateAll((rows) => rows.map((row) => row.dataset.hand)), [bob.name, ann.name]);
  // Everybody sees who wants to speak.
  await ann.sees("hand up", ann.row(bob));
  await teacher.button(`Decline ${bob.name}`);
  await bob.sees("Not now");
  await bob.page.getByRole("button", { name: "Raise hand" }).waitFor();
  await ann.row(bob).getByText("hand up").waitFor({ state: "detached" });
  // A teacher who reloads finds the hands that are still up.
  await teacher.page.reload();
  await teacher.live();
  await queue.first().waitFor();
  assert.equal(await queue.count(), 1);
  await ann.button("Lower hand");
  await queue.first().waitFor({ state: "detached" });
  await close();
});

test("the teacher's screen is shown to the class", options, async () => {
  const { people: [teacher, ann], close } = await gather("ann");
  await teacher.button("Share screen");
  await teacher.sees("You are sharing your screen");
  const screen = ann.page.getByRole("region", { name: `Screen of ${teacher.name}` }).locator("video");
  await screen.waitFor();
  await until(() => screen.evaluate((video) => video.videoWidth > 0), 20_000, "the screen has a picture");
  await teacher.button("Stop sharing");
  await screen.waitFor({ state: "detached" });
  await close();
});

test("a kick shows on the victim's page and lasts until the ban is lifted", options, async () => {
  const { url, people: [teacher, ann, bob], close } = await gather("ann", "bob");
  await teacher.button(`Remove ${bob.name}`);
  await teacher.button("Remove and ban", teacher.page.getByRole("dialog"));
  await bob.heading("You were removed from the class");
  await bob.sees("does not let you back in");
  for (const person of [teacher, ann]) await person.row(bob).waitFor({ state: "detached" });
  await bob.page.goto(`${server.url}/#/class`);
  // Two addresses in a row would be one change for the page, and none if the first is left before it looked.
  await bob.heading("Classes");
  await bob.page.goto(url);
  await bob.heading("You may not enter this class");
  await teacher.button(`Lift ban of ${bob.name}`);
  await teacher.sees("may come back");
  await bob.page.reload();
  await bob.button("Join as student");
  await bob.live();
  await ann.row(bob).waitFor();

  await teacher.button(`Remove ${ann.name}`);
  await teacher.button("Only remove", teacher.page.getByRole("dialog"));
  await ann.heading("You were removed from the class");
  await ann.button("Join again");
  await ann.live();
  await teacher.row(ann).waitFor();
  await close();
});

test("whiteboards converge after a cut with drawing on both sides", options, async () => {
  const { url, people: [teacher, ann], close } = await gather("ann");
  await teacher.tab("Class");
  await teacher.page.getByLabel("Allow an assistant").check();
  await teacher.page.getByLabel("draw on the whiteboard").check();
  const tom = await Person.open(`tom-${classes}`);
  await tom.join(url, "assistant");
  await Promise.all([teacher, tom, ann].map((person) => person.boardLive()));
  await teacher.drag([0.1, 0.1], [0.2, 0.3], [0.3, 0.1]);
  await tom.shows(1);
  await tom.button("Rectangle");
  await tom.drag([0.5, 0.5], [0.7, 0.8]);
  for (const person of [teacher, tom, ann]) await person.shows(2);

  tom.offline = true;
  await tom.page.context().setOffline(true);
  await tom.page.evaluate(() => window.boardSockets.at(-1).close());
  await tom.page.locator(".board[data-link=lost]").waitFor();
  await tom.button("Ellipse");
  await tom.drag([0.1, 0.6], [0.3, 0.9]);
  await teacher.button("Line");
  await teacher.drag([0.6, 0.1], [0.9, 0.3]);
  await teacher.button("Eraser");
  await teacher.drag([0.5, 0.65], [0.5, 0.66]);
  await Promise.all([tom.shows(3), ann.shows(2)]);
  await tom.page.context().setOffline(false);
  for (const person of [teacher, tom, ann]) await person.shows(3);
  const [first, ...others] = await Promise.all([teacher, tom, ann].map((person) => person.drawings()));
  for (const other of others) assert.deepEqual(other, first);
  // What was drawn alone is undone alone.
  await tom.button("Undo");
  for (const person of [teacher, tom, ann]) await person.shows(2);
  assert.deepEqual(tom.page.faults, []);
  await tom.page.context().close();
  await close();
});

test("students look at the whiteboard: no tools, pages turned for them, pictures to keep", options, async () => {
  const { people: [teacher, ann], close } = await gather("ann");
  await Promise.all([teacher.boardLive(), ann.boardLive()]);
  assert.equal(await ann.page.getByRole("group", { name: "Drawing tools" }).count(), 0);
  await teacher.page.getByRole("group", { name: "Drawing tools" }).waitFor();
  await ann.drag([0.2, 0.2], [0.5, 0.5]);
  await teacher.button("Text");
  const sheet = teacher.board.getByRole("img");
  await sheet.focus();
  await teacher.page.keyboard.press("Enter");
  await teacher.page.keyboard.type("2x < y & z");
  await teacher.page.keyboard.press("Control+Enter");
  await ann.shows(1);
  await ann.sees("2x < y & z", ann.board);
  await teacher.button("Add page");
  await ann.shows(0, 2, 2);
  await teacher.button("Page before");
  await ann.shows(1, 1, 2);
  for (const format of ["SVG", "PNG"]) {
    const [download] = await Promise.all([
      ann.page.waitForEvent("download"),
      ann.button(`Save page as ${format}`),
    ]);
    const file = await readFile(await download.path());
    if (format === "SVG") assert.match(file.toString("utf8"), /2x &lt; y &amp; z/);
    else assert.deepEqual([...file.subarray(1, 4)], [..."PNG"].map((letter) => letter.charCodeAt(0)));
  }
  // Who comes later finds everything.
  await ann.page.reload();
  await ann.shows(1, 1, 2);
  await close();
});

test("a class is paused, ended for all, and opened again by its teacher", options, async () => {
  const { title, url, people: [teacher, ann], close } = await gather("ann");
  const status = (person, text) => person.sees(text, person.page.locator(".class-status"));
  await teacher.button("Pause");
  await Promise.all([status(teacher, "Paused"), status(ann, "Paused")]);
  await teacher.button("Resume class");
  await status(ann, "In class");
  await teacher.button("End class");
  await teacher.button("End class", teacher.page.getByRole("dialog"));
  await ann.heading("The class is over");
  await teacher.sees("You may start it again");
  await ann.page.getByRole("link", { name: "All classes" }).click();
  const card = ann.page.locator(".room-card", { hasText: title });
  await card.getByText("Ended").waitFor();
  await teacher.button("Start class again");
  await teacher.live();
  await card.getByText("In class").waitFor();
  await ann.join(url);
  await teacher.row(ann).waitFor();
  await close();
});

test("a reload keeps a member in class; leaving does not, and costs the stage", options, async () => {
  const { url, people: [teacher, ann], close } = await gather("ann");
  await teacher.row(ann).waitFor();
  for (let round = 0; round < 2; round += 1) {
    await ann.page.reload();
    await ann.live();
  }
  // Longer than the server waits before it believes a goodbye.
  await holds(async () => (await teacher.row(ann).count()) === 1, 12_000, "ann stays in class");
  await teacher.button(`Put on stage: ${ann.name}`);
  await ann.sees("You are on stage");
  await teacher.tile(ann).waitFor();
  await ann.button("Leave");
  await ann.heading("Classes");
  await until(async () => (await teacher.row(ann).count()) === 0, 25_000, "ann has left");
  assert.equal(await teacher.tile(ann).count(), 0);
  // Named in the list still, but on stage only once the teacher says so again.
  await ann.join(url);
  assert.equal(await ann.device("mic").count(), 0);
  await teacher.button(`Put on stage: ${ann.name}`);
  await ann.sees("You are on stage");
  await close();
});

test("an assistant comes with the permit and goes with it", options, async () => {
  const { url, people: [teacher, ann], close } = await gather("ann");
  const tom = await Person.open(`tom-${classes}`);
  await tom.page.goto(url);
  await tom.sees("has not opened a place for an assistant");
  await teacher.tab("Class");
  await teacher.page.getByLabel("Allow an assistant").check();
  await tom.page.reload();
  await tom.button("Join as assistant");
  await tom.live();
  await teacher.sees(`${tom.name} is your assistant`);
  // As far as the permit goes, and at once when it changes.
  await tom.tab("Courseware");
  await tom.page.getByLabel("Name").fill("Chapter 3");
  await tom.page.getByLabel("Address").fill("javascript:alert(1)");
  await tom.button("Add");
  await tom.sees("starts with https");
  await tom.page.getByLabel("Address").fill("https://class.test/3.pdf");
  await tom.button("Add");
  await ann.tab("Courseware");
  await ann.page.getByRole("link", { name: "Chapter 3" }).waitFor();
  assert.equal(await tom.page.getByRole("tab", { name: "Check-in" }).count(), 0);
  await teacher.page.getByLabel("hold check-ins").check();
  await tom.page.getByRole("tab", { name: "Check-in" }).waitFor();
  await tom.button("Remove Chapter 3");
  await ann.page.getByRole("link", { name: "Chapter 3" }).waitFor({ state: "detached" });

  const eve = await Person.open(`eve-${classes}`);
  await eve.page.goto(url);
  await eve.button("Join as assistant");
  await eve.heading("There is an assistant already");
  await eve.button("Join as student");
  await eve.live();

  await teacher.page.getByLabel("Allow an assistant").uncheck();
  await tom.heading("You are no assistant any more");
  await tom.button("Join as student");
  await tom.live();
  for (const { page } of [tom, eve]) {
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
  await close();
});

test("a check-in is answered and counted; an announcement reaches everybody", options, async () => {
  const { people: [teacher, ann, bob], close } = await gather("ann", "bob");
  await teacher.tab("Check-in");
  await teacher.button("Start check-in");
  await Promise.all([ann.sees("asks who is here"), bob.sees("asks who is here")]);
  await ann.button("Check in");
  await ann.sees("You are checked in.");
  await teacher.sees("1 of 2 checked in");
  await teacher.page.locator(`[data-checked-in="${ann.name}"]`).waitFor();
  await ann.page.reload();
  await ann.sees("You are checked in.");
  await teacher.tab("Class");
  await teacher.page.getByLabel("Announcement").fill("Bring paper");
  await teacher.button("Publish");
  for (const person of [ann, bob]) {
    await person.sees("Bring paper", person.page.getByRole("region", { name: "Announcement" }));
  }
  await close();
});

test("nothing is wider than a phone, and the keyboard reaches the tabs", options, async () => {
  classes += 1;
  const teacher = await Person.open(`li-${classes}`, { width: 380, height: 780 });
  const narrow = () => teacher.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  assert.ok(await narrow(), "the list");
  await teacher.createClass("A rather long title of a class, with averylongwordthatdoesnotfitonanyphone");
  await teacher.boardLive();
  await teacher.page.getByRole("tab", { name: "People" }).focus();
  for (const name of ["Chat", "Courseware", "Check-in", "Class", "People"]) {
    await teacher.page.keyboard.press("ArrowRight");
    await teacher.page.getByRole("tab", { name, selected: true }).waitFor();
    assert.ok(await narrow(), name);
  }
  assert.deepEqual(teacher.page.faults, []);
  await teacher.page.context().close();
});
