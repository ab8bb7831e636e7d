// The classroom pages as people use them: for the tests of the class and of its whiteboard.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { keepConnections, Listener } from "./ears.mjs";
import { startBrowser, startServer, until } from "./harness.mjs";

/** Runs in the page before its own scripts: remembers the whiteboard's connections, so that they can be cut. */
function keepBoardSockets() {
  window.boardSockets = [];
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(url, ...rest) {
      super(url, ...rest);
      if (String(url).includes("/whiteboard/")) window.boardSockets.push(this);
    }
  };
}

/** One page of the product, as a person uses it. */
class Person extends Listener {
  static async open({ server, browser }, name, { viewport, settings = {} } = {}) {
    const page = await browser.open();
    if (viewport) await page.setViewportSize(viewport);
    page.setDefaultTimeout(20_000);
    await page.addInitScript(keepConnections);
    await page.addInitScript(keepBoardSockets);
    await page.addInitScript((kept) => Object.assign(localStorage, kept), settings);
    const person = new Person(name, page);
    page.on("console", (message) => {
      // A browser without a network says so by itself, for every request.
      if (message.type() === "error" && !person.offline) page.faults.push(`${message.text()} ${message.location().url}`);
    });
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== server.url) page.faults.push(`request to ${origin}`);
    });
    page.on("request", (request) => person.requests.push(request.url()));
    await page.goto(`${server.url}/#/class`);
    await page.getByLabel("User name").fill(name);
    await page.getByLabel("Password", { exact: true }).fill(name);
    await person.button("Sign in");
    await person.heading("Classes");
    return person;
  }

  offline = false;
  requests = [];

  constructor(name, page) {
    super(name, page);
    this.board = page.getByRole("region", { name: "Whiteboard", exact: true });
    this.sheet = page.locator(".board-canvas");
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

  /** A phone shows one part of the class at a time. */
  pane(name) {
    return this.page.getByRole("navigation", { name: "Parts of the class" }).getByRole("button", { name }).click();
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

  document(name) {
    return this.page.locator(`[data-document="${name}"]`);
  }

  dialog() {
    return this.page.getByRole("dialog");
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

  /** Chooses how to draw, by the drawing library's own name for it. */
  tool(name) {
    return this.board.getByTestId(`toolbar-${name}`).check({ force: true });
  }

  /** Where on the screen a place on the sheet is, in shares of its size. */
  async spot([dx, dy]) {
    const { x, y, width, height } = await this.sheet.boundingBox();
    return [x + dx * width, y + dy * height];
  }

  async drag(...spots) {
    await this.sheet.evaluate((element) => element.scrollIntoView({ block: "center" }));
    const [first, ...rest] = await Promise.all(spots.map((spot) => this.spot(spot)));
    await this.page.mouse.move(...first);
    await this.page.mouse.down();
    for (const spot of rest) await this.page.mouse.move(...spot, { steps: 5 });
    await this.page.mouse.up();
  }

  async write(text, spot) {
    await this.tool("text");
    await this.page.mouse.click(...(await this.spot(spot)));
    await this.page.locator("textarea.excalidraw-wysiwyg").waitFor();
    await this.page.keyboard.type(text);
    await this.page.keyboard.press("Escape");
  }

  /** What is drawn, as pixels: what is chosen to be changed, and by whom, lies on another canvas. */
  pixels() {
    return this.sheet.locator("canvas.static").evaluate((canvas) => canvas.toDataURL());
  }

  /** So many things are drawn on the page that is shown. */
  shows(count, page = 1, pages = 1) {
    const drawings = count === 1 ? "1 drawing" : `${count} drawings`;
    const name = `Whiteboard, page ${page} of ${pages}, ${drawings}`;
    return this.page.getByRole("region", { name, exact: true }).waitFor();
  }

  /** The page as the server draws it. */
  async picture(format) {
    const [download] = await Promise.all([
      this.page.waitForEvent("download"),
      this.button(`Save page as ${format}`),
    ]);
    return readFile(await download.path());
  }

  /** The board is in step with the server, and what draws it is there. */
  async boardLive() {
    await this.page.locator(".board[data-link=live]").waitFor();
    await this.sheet.locator("canvas.static").waitFor();
  }
}

/** A server and a browser, and people who come to classes. */
export async function startClassroom(browserArgs = []) {
  const server = await startServer();
  const browser = await startBrowser(browserArgs);
  let people = 0;
  let classes = 0;

  function open(name, options) {
    people += 1;
    return Person.open({ server, browser }, `${name}-${people}`, options);
  }

  /** A started class with its teacher, and students in it. */
  async function gather(...students) {
    classes += 1;
    const title = `Algebra ${classes}`;
    const teacher = await open("li");
    const url = await teacher.createClass(title);
    await teacher.button("Start class");
    await teacher.sees("In class", teacher.page.locator(".class-status"));
    const people = [teacher];
    for (const name of students) {
      const person = await open(name);
      await person.join(url);
      people.push(person);
    }
    return { title, url, people, close: () => close(...people) };
  }

  /** Ends their visits, which must have been without a fault. */
  async function close(...people) {
    for (const { name, page } of people) {
      assert.deepEqual(page.faults, [], name);
      await page.context().close();
    }
  }

  async function stop() {
    await browser.stop();
    await server.stop();
  }

  return { server, open, gather, close, stop };
}
