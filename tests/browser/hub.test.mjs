// The pages in the binary and the message hub: who is told what without asking, with two people on pages of their own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { holds, login, startBrowser, startServer, until } from "./harness.mjs";

const options = { timeout: 120_000 };
/** Longer than any round that a page could ask in. */
const QUIET_MS = 5_000;
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

/** Runs in the page before its own scripts: remembers the connections to the hub, so that they can be cut. */
function keepSockets() {
  window.hubSockets = [];
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(url, ...rest) {
      super(url, ...rest);
      if (String(url).includes("/connection/")) window.hubSockets.push(this);
    }
  };
}

/** Somebody on a page of their own. */
class Person {
  static async open(user, hash) {
    const page = await browser.open();
    page.setDefaultTimeout(20_000);
    const person = new Person(user, page);
    page.on("request", (request) => person.asked.push(new URL(request.url()).pathname));
    await page.addInitScript(keepSockets);
    await page.goto(`${server.url}/${hash}`);
    await page.getByLabel("User name").fill(user.name);
    await page.getByLabel("Password", { exact: true }).fill(user.name);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    return person;
  }

  /** Paths of all requests. */
  asked = [];

  constructor(user, page) {
    this.user = user;
    this.name = user.name;
    this.page = page;
    this.writing = page.getByRole("textbox", { name: "Your message" });
  }

  sees(text) {
    return this.page.getByText(text).first().waitFor();
  }

  async says(text) {
    await this.writing.fill(text);
    await this.writing.press("Enter");
  }

  lines(text) {
    return this.page.locator(".chat-line").filter({ hasText: text });
  }

  /** Everything that is loaded at the beginning is there, and what follows is counted from here on. */
  async settled(path) {
    await this.page.locator(".link-dot[data-link=live]").waitFor();
    await until(() => this.asked.includes(path), 10_000, `${this.name} asked for ${path}`);
    await this.page.waitForLoadState("networkidle");
    this.asked.length = 0;
  }

  async close() {
    assert.deepEqual(this.page.faults, []);
    await this.page.context().close();
  }
}

/** Calls a function of a group by a connection of its own, from some page. */
async function call(page, token, group, method, fields) {
  const answer = await page.evaluate(
    ([token, group, method, fields]) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${location.origin.replace("http", "ws")}/connection/websocket`);
        const next = [
          () => ({ id: 1, connect: { token } }),
          () => ({ id: 2, rpc: { method: "group.join", data: { groupId: group } } }),
          (joined) => ({ id: 3, subscribe: { channel: joined.rpc.data.channels[0] } }),
          () => ({ id: 4, rpc: { method, data: { groupId: group, ...fields } } }),
        ];
        const send = (reply) => socket.send(JSON.stringify(next.shift()(reply)));
        socket.onopen = () => send();
        socket.onerror = () => reject(new Error("no connection"));
        socket.onmessage = ({ data }) => {
          for (const reply of data.split("\n").map((line) => JSON.parse(line))) {
            if (reply.error) reject(new Error(JSON.stringify(reply.error)));
            else if (reply.id === 4) resolve(reply);
            else if (reply.id) send(reply);
          }
        };
      }),
    [token, group, method, fields],
  );
  assert.ok(answer.rpc);
}

const SEATS = "/api/chatroom/getMeetingInfo";

async function room() {
  const [owner, guest] = [await login(server, "owner"), await login(server, "guest")];
  const id = await owner.createRoom();
  const people = await Promise.all([owner, guest].map((user) => Person.open(user, `#/room/${id}`)));
  return { id, people };
}

test("a comment appears at both, once; a seat that is taken elsewhere is shown without asking", options, async () => {
  const { id, people } = await room();
  const [owner, guest] = people;
  for (const person of people) await person.settled(SEATS);
  await guest.says("Is this seat free?");
  for (const person of people) {
    await person.lines("Is this seat free?").waitFor();
    assert.equal(await person.lines("Is this seat free?").count(), 1);
  }
  assert.equal(await guest.writing.inputValue(), "");
  await guest.user.call("joinMic", { id, user_id: guest.name, index: 3 });
  await owner.sees(`${guest.name} took seat 3`);
  await holds(() => people.every(({ asked }) => asked.length === 0), QUIET_MS, "nobody asks for anything");
  for (const person of people) await person.close();
});

test("the owner removes a comment and pauses the chat", options, async () => {
  const { people } = await room();
  const [owner, guest] = people;
  for (const person of people) await person.settled(SEATS);
  await guest.says("spam");
  await owner.lines("spam").hover();
  await owner.page.getByRole("button", { name: `Remove the message of ${guest.name}` }).click();
  for (const person of people) await person.lines("spam").waitFor({ state: "detached" });
  await owner.page.getByRole("button", { name: "Pause the chat for everybody" }).click();
  await guest.sees("The chat is paused");
  assert.ok(await guest.writing.isDisabled());
  await owner.says("Quiet, please");
  await guest.lines("Quiet, please").waitFor();
  await owner.page.getByRole("button", { name: "Let everybody write again" }).click();
  await until(() => guest.writing.isEnabled(), 5_000, "the guest may write again");
  for (const person of people) await person.close();
});

test("what happened during a cut is there afterwards, once", options, async () => {
  const { id, people } = await room();
  const [owner, guest] = people;
  for (const person of people) await person.settled(SEATS);
  await owner.says("before");
  await guest.lines("before").waitFor();
  await guest.page.evaluate(() => {
    for (const socket of window.hubSockets) socket.close();
  });
  await owner.says("meanwhile");
  await guest.user.call("joinMic", { id, user_id: guest.name, index: 5 });
  await guest.lines("meanwhile").waitFor();
  await guest.sees("You took seat 5");
  await owner.says("after");
  await guest.lines("after").waitFor();
  for (const text of ["before", "meanwhile", "after"]) assert.equal(await guest.lines(text).count(), 1, text);
  for (const person of people) await person.close();
});

test("whoever is kicked is told", options, async () => {
  const owner = await login(server, "owner");
  const guest = await login(server, "guest");
  const id = await owner.createRoom();
  const kicked = await Person.open(guest, `#/room/${id}`);
  await kicked.settled(SEATS);
  const { hub } = await owner.call("token", { user_id: owner.name });
  await call(kicked.page, hub.token, id, "group.kick", { userId: guest.name, sec: 600 });
  await kicked.sees("You are out of this room");
  await kicked.close();
});

test("a dismissal ends the page of everybody", options, async () => {
  const { id, people } = await room();
  for (const person of people) await person.settled(SEATS);
  await people[0].user.dismiss(id);
  for (const person of people) {
    await person.sees("This room has ended");
    await person.close();
  }
});

const MEMBERS = "/api/v1/class/listMembers";

test("a class is told of people, courseware and comments without asking again and again", options, async () => {
  const teacher = await Person.open(await login(server, "teacher"), "#/class");
  await teacher.page.getByRole("button", { name: "New class", exact: true }).first().click();
  await teacher.page.getByLabel("Title").fill("Told by the hub");
  await teacher.page.getByRole("button", { name: "Create class", exact: true }).click();
  await teacher.settled(MEMBERS);
  const student = await Person.open(await login(server, "student"), new URL(teacher.page.url()).hash);
  await student.page.getByRole("button", { name: "Join as student", exact: true }).click();
  await student.settled(MEMBERS);
  await teacher.page.locator(`[data-member="${student.name}"]`).waitFor();

  await student.page.getByRole("tab", { name: "Chat" }).click();
  await student.says("What is a prime?");
  await student.lines("What is a prime?").waitFor();
  await teacher.page.getByRole("tab", { name: "1 new message" }).click();
  await teacher.lines("What is a prime?").hover();
  for (const person of [teacher, student]) assert.equal(await person.lines("What is a prime?").count(), 1);
  await holds(() => [teacher, student].every(({ asked }) => asked.length === 0), QUIET_MS, "nobody asks for anything");
  await teacher.page.getByRole("button", { name: `Remove the message of ${student.name}` }).click();
  await student.lines("What is a prime?").waitFor({ state: "detached" });

  await teacher.page.getByRole("tab", { name: "Courseware" }).click();
  await teacher.page.getByLabel("Name").fill("Sieve");
  await teacher.page.getByLabel("Address").fill("https://example.org/sieve.pdf");
  await teacher.page.getByRole("button", { name: "Add", exact: true }).click();
  await student.page.getByRole("tab", { name: "Courseware" }).click();
  await student.sees("Sieve");
  await student.page.getByRole("button", { name: "Raise hand", exact: true }).click();
  await teacher.page.getByRole("tab", { name: "1 raised hand" }).click();
  await teacher.page.getByRole("button", { name: `Accept ${student.name}`, exact: true }).click();
  await student.sees("You are on stage");
  await teacher.page.getByRole("button", { name: `Accept ${student.name}`, exact: true }).waitFor({ state: "detached" });
  // The word that follows for other clients changes nothing for this one.
  await holds(() => student.page.getByText("You are on stage").isVisible(), 2_000, "the student stays on stage");
  await student.page.getByRole("button", { name: "Leave", exact: true }).first().click();
  await teacher.page.locator(`[data-member="${student.name}"]`).waitFor({ state: "detached" });
  for (const person of [teacher, student]) await person.close();
});
