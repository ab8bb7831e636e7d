// The console of administrators, against the real server: people with fake microphones in a room, an administrator who
// watches them and acts, and the ready lines of the API explorer, run by the tools they are written for.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enter, holds, login, startBrowser, startServer, talk, until } from "./harness.mjs";

const options = { timeout: 180_000 };
const DESK = { width: 1280, height: 860 };
const PHONE = { width: 380, height: 780 };
/** The one who may use the console of `stoa dev`. */
const ADMIN = "admin";
const axe = existsSync(new URL("./axe.mjs", import.meta.url)) ? await import("./axe.mjs") : null;

let server;
let browser;
let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stoa-console-"));
  server = await startServer();
  browser = await startBrowser();
});

after(async () => {
  await browser?.stop();
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** A page of the product that somebody is signed in to. Faults: console errors, requests to others than the server. */
async function open(user, { viewport = DESK, language = "en" } = {}) {
  const page = await browser.open();
  await page.setViewportSize(viewport);
  page.setDefaultTimeout(15_000);
  page.asked = [];
  page.on("console", (message) => {
    // A refusal that a test brings about is told by the browser as well.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.faults.push(message.text());
  });
  page.on("request", (request) => {
    const { origin, protocol, pathname } = new URL(request.url());
    page.asked.push(pathname);
    if (!["data:", "blob:"].includes(protocol) && origin !== server.url) page.faults.push(`request to ${origin}`);
  });
  const reply = await fetch(`${server.url}/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: user, password: user }),
  });
  const { token } = await reply.json();
  assert.ok(token, `${user} signs in`);
  await page.addInitScript(
    ([session, language]) => {
      sessionStorage.setItem("stoa.session", session);
      localStorage.setItem("stoa.language", language);
    },
    [JSON.stringify({ user, token }), language],
  );
  const go = async (hash) => {
    await page.goto(`${server.url}/#/console${hash}`);
    await page.locator("#content h1").waitFor();
  };
  const button = (name, within = page) => within.getByRole("button", { name, exact: true }).click();
  const dialog = page.getByRole("dialog");
  const close = async () => {
    assert.deepEqual(page.faults, []);
    await page.context().close();
  };
  return { user, page, token, go, button, dialog, close };
}

const row = (page, text) => page.locator(".console-table tbody tr").filter({ hasText: text });
const person = (page, name) => page.locator(`.console-person[data-user="${name}"]`);
const toast = (page, text) => page.locator(".toast").filter({ hasText: text }).waitFor();

test("a room is watched: who is there with which rates, muted, kicked, banned, ended", options, async () => {
  const owner = await login(server, "owner");
  const title = `Watched ${Date.now().toString(36)}`;
  const { id } = await owner.call("create", { title, anchor: owner.name });
  const guest = await login(server, "guest");
  await guest.join(id);
  const people = [await enter(server, browser, owner, id), await enter(server, browser, guest, id)];
  for (const one of people) assert.equal(await one.run("microphone", true), "done");
  const troll = await open((await login(server, "troll")).name);
  await troll.page.goto(`${server.url}/#/room/${id}`);
  await troll.page.getByRole("heading", { name: title }).first().waitFor();

  const admin = await open(ADMIN);
  const { page } = admin;
  await admin.go("/live");
  await page.getByLabel("Name, title or owner").fill(title);
  await until(async () => (await row(page, title).count()) === 1 && (await page.locator(".console-table tbody tr").count()) === 1, 10_000, "the search finds the room alone");
  await until(async () => (await row(page, title).textContent()).includes("live"), 10_000, "the room is live");
  await page.getByRole("link", { name: title }).click();
  await page.getByRole("heading", { name: title }).waitFor();
  for (const one of people) {
    const rate = person(page, one.name).locator(".track-rate");
    await until(async () => Number(await rate.first().getAttribute("data-bits").catch(() => 0)) > 1_000, 15_000, `${one.name} has a rate`);
  }
  await person(page, troll.user).waitFor();
  await page.getByRole("region", { name: "Seats" }).getByText(guest.name).waitFor();

  // Muted: the server drops what is sent, and says so here.
  await people[0].waitHears(people[1]);
  await admin.button(`Mute ${guest.name}`, person(page, guest.name));
  await admin.button("Mute", admin.dialog);
  await person(page, guest.name).getByText("microphone muted").waitFor();
  await until(async () => !(await people[0].hears(people[1])), 10_000, "nobody hears the muted guest");
  await admin.button(`Unmute microphone ${guest.name}`, person(page, guest.name));
  await person(page, guest.name).getByText("microphone muted").waitFor({ state: "detached" });

  // Kicked, with a ban, by keyboard alone.
  await person(page, troll.user).getByRole("button", { name: `Kick ${troll.user}` }).focus();
  await page.keyboard.press("Enter");
  await admin.dialog.getByLabel("Ban").selectOption({ label: "1 hour" });
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await toast(page, `${troll.user} is out and banned.`);
  await troll.page.locator(".notice-page h1").waitFor();
  await person(page, troll.user).waitFor({ state: "detached" });
  // The keyboard goes on where it was, at somebody who is still there.
  const kicks = page.locator(".console-person:has(:focus)").getByRole("button", { name: /^Kick / });
  await until(async () => (await page.locator(":focus").innerText().catch(() => "")) !== "" && (await kicks.count()) === 1, 5_000, "the focus is at a neighbour");
  assert.equal(await page.locator(":focus").innerText(), await kicks.innerText());
  const ticket = () =>
    fetch(`${server.url}/api/chatroom/getRtcAuthToken`, {
      method: "POST",
      headers: { authorization: `Bearer ${troll.token}`, "content-type": "application/json" },
      body: JSON.stringify({ room_id: id, user_id: troll.user }),
    }).then((reply) => reply.json());
  assert.equal((await ticket()).code, 403, "a banned user gets no ticket");

  // The ban is lifted on the page of bans.
  await admin.go("/bans");
  await page.getByLabel("User", { exact: true }).fill(troll.user);
  await row(page, troll.user).getByText("console").waitFor();
  await admin.button(`Lift ${troll.user}`);
  await page.getByText("No ban matches.").waitFor();
  await until(() => page.evaluate(() => document.activeElement?.textContent === "No ban matches."), 3_000, "the focus is where the ban was");
  assert.equal((await ticket()).code, 200, "the way in is open again");

  // And one is made there, for somebody who is elsewhere.
  await admin.button("New ban");
  await admin.dialog.getByLabel("Channel").fill(id);
  await admin.dialog.getByLabel("User").fill(troll.user);
  await admin.button("Ban", admin.dialog);
  await row(page, troll.user).waitFor();
  assert.equal((await ticket()).code, 403, "banned without being there");

  // The end.
  await admin.go(`/live/1000/${id}`);
  await admin.button("End room");
  await admin.button("End room", admin.dialog);
  await page.getByText("This channel does not exist, or not any more.").waitFor();
  const ROOM_DELETED = 5;
  for (const one of people) {
    await until(async () => (await one.run("events")).some((e) => e.name === "Disconnected" && e.what === ROOM_DELETED), 8_000, "sent home");
  }

  // What was done is written down, and so are the stays.
  await admin.go("/system/audit");
  for (const command of ["console.kick", "console.mute", "console.end"]) await row(page, command).first().waitFor();
  await admin.go("/calls");
  await page.getByLabel("Channel").fill(id);
  await until(async () => (await row(page, id).count()) >= 3, 15_000, "three stays at least");
  await admin.close();
  await troll.close();
  for (const one of people) await one.page.context().close();
});

test("a class and a Talk channel say what they are, and end", options, async () => {
  const teacher = await open((await login(server, "teacher")).name);
  const call = async (endpoint, body) => {
    const reply = await fetch(`${server.url}/api/v1/class/${endpoint}`, {
      method: "POST",
      headers: { authorization: `Bearer ${teacher.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await reply.json();
    assert.equal(answer.success, true, `${endpoint}: ${answer.message}`);
    return answer.data;
  };
  const title = `Algebra ${Date.now().toString(36)}`;
  const { id } = await call("create", { title, teacher_id: teacher.user });
  await call("start", { id, user_id: teacher.user });
  const channel = `raid/7 ${Date.now().toString(36)}`;
  const user = `player-${Date.now().toString(36)}`;
  const { Token } = await talk(server, "create_talk_token", { ChannelID: channel, UserID: user, IdentityType: 1 });
  const player = await enter(server, browser, { name: user }, channel, { token: Token });
  assert.equal(await player.run("camera", true), "done");

  const admin = await open(ADMIN);
  const { page } = admin;
  await admin.go("/live");
  await page.getByRole("radio", { name: "Classes" }).check();
  await row(page, title).waitFor();
  assert.equal(await row(page, channel).count(), 0);
  await page.getByRole("link", { name: title }).click();
  const facts = page.getByRole("region", { name: "Facts" });
  await facts.getByText("running", { exact: true }).waitFor();
  await facts.getByText(teacher.user, { exact: true }).waitFor();
  await admin.button("End class");
  await admin.button("End class", admin.dialog);
  await toast(page, "has ended.");

  // A name with a slash and a blank stays one segment of the address.
  await admin.go("/live");
  await page.getByRole("radio", { name: "Talk" }).check();
  await page.getByRole("link", { name: channel }).click();
  const camera = person(page, user).locator(".track").filter({ hasText: "Camera" });
  await until(async () => Number(await camera.locator(".track-rate").getAttribute("data-bits").catch(() => 0)) > 10_000, 15_000, "the camera has a rate");
  await camera.getByText(/\d+×\d+ · [\d.]+ fps/).waitFor();
  await admin.button("Close channel");
  await admin.button("Close channel", admin.dialog);
  await until(async () => (await player.run("events")).some((e) => e.name === "Disconnected"), 8_000, "sent home");
  await player.page.context().close();
  await teacher.close();
  await admin.close();
});

test("a long list is turned, searched from its first page on, and never shows an empty one", options, async () => {
  const channel = `long-${Date.now().toString(36)}`;
  const names = Array.from({ length: 51 }, (_, i) => `banned-${String(i).padStart(2, "0")}`);
  for (const kick_user_id of names) await talk(server, "admin_kick_user", { channel_id: channel, kick_user_id, kick_time: 600 });
  const admin = await open(ADMIN);
  const { page } = admin;
  const asked = [];
  page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname.endsWith("/bans")) asked.push(Object.fromEntries(searchParams));
  });
  const rows = page.locator(".console-table tbody tr");
  const shows = (count) => until(async () => (await rows.count()) === count, 10_000, `${count} bans are shown`);
  await admin.go("/bans");
  await page.getByLabel("Channel", { exact: true }).fill(channel);
  await shows(50);
  await page.getByText("1 to 50 of 51").waitFor();
  await admin.button("Next part");
  await shows(1);

  // The last one of the last page: the page before is there instead.
  await rows.getByRole("button", { name: /^Lift/ }).click();
  await shows(50);
  await page.getByText("1 to 50 of 50").waitFor();

  // Searched from the second page: asked once, and for the new question alone.
  await talk(server, "admin_kick_user", { channel_id: channel, kick_user_id: "banned-99", kick_time: 600 });
  await admin.button("Next part");
  await shows(1);
  const from = asked.length;
  await page.getByLabel("User", { exact: true }).fill("banned-07");
  await shows(1);
  await row(page, "banned-07").waitFor();
  assert.deepEqual(asked.slice(from).filter(({ offset, user }) => offset === "0" && user === undefined), []);
  assert.ok(asked.slice(from).some(({ offset, user }) => offset === "0" && user === "banned-07"));
  await admin.close();
});

test("accounts are made, used, changed and taken away; the request log shows it", options, async () => {
  const admin = await open(ADMIN);
  const { page } = admin;
  const name = `new ${Date.now().toString(36)}`;
  const signIn = async (password) => {
    const reply = await fetch(`${server.url}/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: name, password }),
    });
    return (await reply.json()).code;
  };
  await admin.go("/accounts");
  const add = async () => {
    await admin.button("New account");
    await admin.dialog.getByLabel("User name").fill(name);
    await admin.dialog.getByLabel("Password").fill("first secret");
    await admin.button("Create account", admin.dialog);
  };
  await add();
  await toast(page, `The account ${name} is there.`);
  await row(page, name).waitFor();
  assert.equal(await signIn("first secret"), 200);

  // A second one of that name is refused in plain words, with the request to look for; the dialog stays.
  await add();
  const refused = admin.dialog.getByRole("alert");
  await refused.getByText("That cannot be done as things are.").waitFor();
  assert.match(await refused.locator("code").textContent(), /[0-9a-f]{12}-[0-9a-f]+/);
  await page.keyboard.press("Escape");

  await admin.button(`Manage ${name}`);
  await admin.dialog.getByLabel("New password").fill("second secret");
  await admin.button("Set", admin.dialog);
  await admin.dialog.getByText("has a new password").waitFor();
  assert.equal(await signIn("first secret"), 401);
  assert.equal(await signIn("second secret"), 200);
  await admin.dialog.getByRole("checkbox", { name: "Disabled" }).click();
  await admin.dialog.getByText("is disabled.").waitFor();
  assert.notEqual(await signIn("second secret"), 200);
  await admin.button("Delete", admin.dialog);
  await admin.button("Delete now", admin.dialog);
  await toast(page, `The account ${name} is deleted.`);
  await row(page, name).waitFor({ state: "detached" });
  await until(() => page.evaluate(() => document.activeElement?.closest(".console-table, .console-empty") != null), 3_000, "the focus is on a neighbour");

  await admin.go("/system/requests");
  await page.getByLabel("Part of a path or request id").fill("console/v1/accounts");
  await row(page, "201").first().waitFor();
  await page.getByRole("radio", { name: "4xx" }).check();
  await row(page, "201").first().waitFor({ state: "detached" });
  await row(page, "409").first().waitFor();
  await admin.close();
});

test("whoever is no administrator is told so, and the rooms load nothing of the console", options, async () => {
  const somebody = await open((await login(server, "somebody")).name);
  await somebody.page.goto(`${server.url}/#/`);
  await somebody.page.getByRole("heading", { name: "Rooms", exact: true }).waitFor();
  assert.deepEqual(somebody.page.asked.filter((path) => /console/i.test(path)), []);
  await somebody.go("");
  await somebody.page.getByRole("heading", { name: "Administrators only" }).waitFor();
  await somebody.page.getByText(somebody.user).first().waitFor();
  await somebody.close();
});

test("a hidden tab asks nothing and catches up when it is shown", options, async () => {
  const admin = await open(ADMIN);
  const { page } = admin;
  await admin.go("");
  const asked = () => page.asked.filter((path) => path.endsWith("/overview")).length;
  await until(() => asked() > 2, 15_000, "it is asked again and again");
  const see = (state) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await see("hidden");
  const before = asked();
  await holds(() => asked() === before, 5_000, "silence");
  await see("visible");
  await until(() => asked() > before, 1_500, "asked at once");
  // The value of a chart is told by keyboard, and there is a table instead.
  const slider = page.getByRole("slider").first();
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  assert.match(await slider.getAttribute("aria-valuetext"), /^\d\d:\d\d:\d\d: In channels /);
  await page.getByText("As a table").first().click();
  await page.locator(".chart-table tbody tr").nth(5).waitFor();
  await admin.close();
});

/** Runs a command line; answers what it printed. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.on("data", (part) => (out += part));
    child.stderr.on("data", (part) => (err += part));
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve(out) : reject(new Error(`${command} ended with ${code}: ${err}`))));
  });
}

function runLines(language, lines) {
  const file = join(folder, { curl: "call.sh", JavaScript: "call.mjs", Python: "call.py", Java: "Call.java" }[language]);
  writeFileSync(file, lines);
  if (language === "curl") return run("sh", [file]);
  if (language === "JavaScript") return run(process.execPath, [file]);
  if (language === "Python") return run("python3", [file]);
  return run("java", [file]);
}

const hasJava = await run("java", ["-version"]).then(
  () => true,
  () => false,
);

/** Makes the lines of one language say all they have, and answers them. */
async function linesOf(page, language) {
  await page.getByRole("radio", { name: language, exact: true }).check();
  await page.getByRole("checkbox", { name: "Show secrets" }).check();
  return page.getByRole("region", { name: language, exact: true }).textContent();
}

for (const language of ["curl", "JavaScript", "Python", "Java"]) {
  test(`the lines for ${language} run as they stand`, { ...options, skip: language === "Java" && !hasJava && "there is no java here" }, async () => {
    const admin = await open(ADMIN);
    const { page } = admin;
    await admin.go("/api/voice-room/post%20%2Fapi%2Fchatroom%2Fcreate");
    const title = `it's "${language}" \\ $HOME \`id\` 中文 😀`;
    const notice = "two\nlines\tand a tab, a \\n that is none";
    await page.getByLabel("Body (application/json)").fill(JSON.stringify({ title, notice, anchor: ADMIN }, null, 2));
    assert.doesNotMatch(await page.getByRole("region", { name: "Lines to run" }).textContent(), new RegExp(admin.token), "hidden at first");
    const said = await runLines(language, await linesOf(page, language));
    assert.match(said, /"code":\s*200/, said);
    const reply = await fetch(`${server.url}/api/chatroom/list`, {
      method: "POST",
      headers: { authorization: `Bearer ${admin.token}`, "content-type": "application/json" },
      body: JSON.stringify({ page_size: 100 }),
    });
    const made = (await reply.json()).rooms.find((room) => room.title === title);
    assert.equal(made?.notice, notice, "every character arrived");

    // Signed calls make their signature when they are run.
    await admin.go("/api/talk/post%20%2Fv1%2Fim%2Fget_talk_channel_list");
    await until(async () => (await page.getByLabel("App key").inputValue()) === "devkey", 5_000, "the pair of a server for development is filled in");
    await page.getByLabel("Body (application/json)").fill('{"StartSeq": 0, "Limit": 5}');
    const signed = await runLines(language, await linesOf(page, language));
    assert.match(signed, /"ActionStatus":\s*"OK"/, signed);
    await admin.close();
  });
}

test("the explorer finds routes, sends calls and shows the answers", options, async () => {
  const admin = await open(ADMIN);
  const { page } = admin;
  await admin.go("/api");
  await page.getByLabel("Find a route").fill("getmeeting");
  await until(async () => (await page.locator(".routes a").count()) === 1, 5_000, "one route");
  await page.getByLabel("Find a route").fill("room list");
  await page.getByLabel("Find a route").fill("chatroom/list");
  await page.locator(".routes a").click();
  await page.getByLabel("Body (application/json)").press("Control+Enter");
  const answer = page.locator(".answer");
  await answer.waitFor();
  assert.equal(await answer.getAttribute("data-status"), "200");
  assert.match(await answer.textContent(), /"rooms": \[/);
  const requestId = await answer.locator("code").first().textContent();

  await admin.go("/api/console/get%20%2Fapi%2Fconsole%2Fv1%2Frequests");
  await page.getByLabel("q (query, optional)").fill(requestId);
  await admin.button("Send");
  await page.locator(".answer").getByText(requestId).first().waitFor();

  await admin.go("/api/talk/post%20%2Fv1%2Fim%2Fget_talk_channel_list");
  await until(async () => (await page.getByLabel("App key").inputValue()) === "devkey", 5_000, "filled in");
  await admin.button("Send");
  await page.locator(".answer").getByText('"ActionStatus": "OK"').waitFor();
  await page.getByLabel("App secret").fill("wrong");
  await admin.button("Send");
  await page.locator(".answer").getByText("70009").waitFor();
  for (const [document, key] of [["classroom", "post /api/v1/class/list"], ["hub", "post /hub/v1/token"]]) {
    await admin.go(`/api/${document}/${encodeURIComponent(key)}`);
    await page.getByRole("article").waitFor();
  }
  await admin.close();
});

const PAGES = ["", "/live", "/bans", "/calls", "/accounts", "/apps", "/system", "/system/requests", "/system/audit", "/api", "/api/voice-room/post%20%2Fapi%2Fchatroom%2Fcreate"];

test("every page fits a phone and a wide screen", options, async () => {
  const owner = await login(server, "owner");
  const id = await owner.createRoom();
  const admin = await open(ADMIN, { viewport: PHONE });
  for (const viewport of [PHONE, { width: 1600, height: 900 }]) {
    await admin.page.setViewportSize(viewport);
    for (const hash of [...PAGES, `/live/1000/${id}`]) {
      await admin.go(hash);
      await admin.page.locator("#content .spinner").first().waitFor({ state: "detached" });
      const over = await admin.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${hash} at ${viewport.width}: ${over} px too wide`);
    }
  }
  await admin.close();
});

test("the console speaks Chinese", options, async () => {
  const admin = await open(ADMIN, { language: "zh" });
  for (const [hash, title] of [["", "概览"], ["/live", "实时"], ["/system", "系统"]]) {
    await admin.go(hash);
    await admin.page.getByRole("heading", { name: title, level: 1 }).waitFor();
  }
  await admin.close();
});

test("axe finds nothing grave", { ...options, skip: axe === null && "axe.mjs is not here" }, async () => {
  const owner = await login(server, "owner");
  const id = await owner.createRoom();
  const admin = await open(ADMIN);
  for (const hash of [...PAGES, `/live/1000/${id}`]) {
    await admin.go(hash);
    await admin.page.locator("#content .spinner").first().waitFor({ state: "detached" });
    await axe.expectAccessible(admin.page, `console${hash}`);
  }
  await admin.go("/accounts");
  await admin.button("New account");
  await axe.expectAccessible(admin.page, "a dialog", { within: "dialog" });
  await admin.close();
});
