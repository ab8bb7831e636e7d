// The class pages as a product: a teacher, an assistant and two students, each in a page of their own with fake devices.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { startClassroom } from "./classroom.mjs";
import { until } from "./harness.mjs";

const options = { timeout: 150_000 };
/** The smallest PNG: one pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
let school;
let classes = 0;

before(async () => {
  school = await startClassroom();
});

after(async () => {
  await school?.stop();
});

/** A started class: its teacher, an assistant who may do a lot, and students. */
async function gather({ assistant = false, students = ["ann", "bob"] } = {}) {
  classes += 1;
  const teacher = await school.open("li");
  const url = await teacher.createClass(`Biology, part ${classes}`);
  await teacher.button("Start class");
  await teacher.sees("In class", teacher.page.locator(".class-status"));
  const people = [teacher];
  if (assistant) {
    await teacher.tab("Class");
    await teacher.page.getByLabel("Allow an assistant").check();
    await teacher.page.getByLabel("hold check-ins").check();
    const tom = await school.open("tom");
    await tom.join(url, "assistant");
    people.push(tom);
    await teacher.tab("People");
  }
  for (const name of students) {
    const student = await school.open(name);
    await student.join(url);
    people.push(student);
  }
  for (const person of people) await teacher.row(person).waitFor();
  return { url, people, close: () => school.close(...people) };
}

test("the teacher invites; a student declines, accepts, steps down, and is taken down", options, async () => {
  const { people: [teacher, ann, bob], close } = await gather();
  await teacher.button(`Invite onto the stage: ${ann.name}`);
  await teacher.sees("invited…", teacher.row(ann));
  await ann.sees(`${teacher.name} invites you onto the stage`);
  assert.equal(await ann.device("mic").count(), 0, "not on stage before the answer");
  await ann.button("Not now");
  await teacher.sees(`${ann.name} does not come onto the stage now`);
  assert.equal(await ann.page.getByText("You are off the stage").count(), 0);

  await teacher.button(`Invite onto the stage: ${ann.name}`);
  await ann.button("Come on stage");
  await ann.sees("You are on stage");
  await ann.button("Turn camera on");
  await Promise.all([teacher, bob].map((person) => person.tile(ann).locator("video").waitFor()));
  await teacher.sees("on stage", teacher.row(ann));
  await ann.button("Leave stage");
  await ann.page.getByRole("button", { name: "Raise hand" }).waitFor();
  await teacher.page.getByRole("button", { name: `Invite onto the stage: ${ann.name}` }).waitFor();
  await bob.tile(ann).waitFor({ state: "detached" });

  await teacher.button(`Invite onto the stage: ${bob.name}`);
  await teacher.button(`Take back the invitation of ${bob.name}`);
  await bob.sees("was taken back");
  await teacher.button(`Invite onto the stage: ${bob.name}`);
  await bob.button("Come on stage");
  await bob.button("Turn microphone on");
  await teacher.button(`Take off stage: ${bob.name}`);
  await bob.sees("You are off the stage again");
  await close();
});

test("hands queue in order, and microphones are switched off for one and for all", options, async () => {
  const { people: [teacher, ann, bob], close } = await gather();
  const queue = teacher.page.locator("[data-hand]");
  await bob.button("Raise hand");
  await queue.first().waitFor();
  await ann.button("Raise hand");
  await queue.nth(1).waitFor();
  assert.deepEqual(await queue.evaluateAll((rows) => rows.map((row) => row.dataset.hand)), [bob.name, ann.name]);
  await teacher.button(`Accept ${bob.name}`);
  await bob.sees("You are on stage");
  await teacher.button(`Accept ${ann.name}`);
  await ann.sees("You are on stage");
  for (const student of [ann, bob]) await student.button("Turn microphone on");
  const off = (student) => student.page.getByRole("button", { name: "Turn microphone on" });

  await teacher.button(`Mute ${ann.name}`);
  await ann.sees("The teacher switched your microphone off");
  await off(ann).waitFor();
  assert.ok(await off(ann).isDisabled());
  await bob.page.getByRole("button", { name: "Turn microphone off" }).waitFor();
  await teacher.sees("muted", teacher.row(ann));
  await ann.page.reload();
  await ann.live();
  await off(ann).waitFor();
  assert.ok(await off(ann).isDisabled(), "also after a reload");
  await teacher.button(`Unmute ${ann.name}`);
  await until(() => off(ann).isEnabled(), 10_000, "ann may speak again");

  await teacher.button("Mute all");
  await bob.sees("The teacher switched all microphones off");
  for (const student of [ann, bob]) await until(() => off(student).isDisabled(), 10_000, "all are muted");
  await teacher.button("Allow microphones");
  await bob.sees("You may turn your microphone on again");
  await bob.button("Turn microphone on");
  await bob.page.getByRole("button", { name: "Turn microphone off" }).waitFor();
  await close();
});

test("courseware is uploaded by button and drop, opened by students, and removed", options, async () => {
  const { people: [teacher, tom, ann], close } = await gather({ assistant: true, students: ["ann"] });
  await Promise.all([teacher, tom, ann].map((person) => person.tab("Courseware")));
  assert.equal(await ann.page.getByRole("button", { name: "Upload files" }).count(), 0);
  const chooser = teacher.page.waitForEvent("filechooser");
  await teacher.button("Upload files");
  await (await chooser).setFiles([
    { name: "叶子 1.png", mimeType: "image/png", buffer: PNG },
    { name: "not really.png", mimeType: "image/png", buffer: Buffer.from("<svg/>") },
  ]);
  await ann.document("叶子 1.png").waitFor();
  const failed = teacher.page.locator('[data-upload="not really.png"]');
  await teacher.sees("only PNG, JPEG, GIF, WebP and PDF", failed);
  await teacher.button("Do not upload not really.png");
  await failed.waitFor({ state: "detached" });

  // The assistant drops a paper.
  const data = await tom.page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["%PDF-1.7\n", new Uint8Array(600_000)], "paper.pdf", { type: "application/pdf" }));
    return transfer;
  });
  await tom.page.locator(".class-drop").dispatchEvent("dragover", { dataTransfer: data });
  await tom.sees("Drop files to upload them");
  await tom.page.locator(".class-drop").dispatchEvent("drop", { dataTransfer: data });
  await ann.document("paper.pdf").waitFor();

  await ann.button("Open 叶子 1.png");
  const picture = ann.dialog().locator("img");
  await until(() => picture.evaluate((img) => img.complete && img.naturalWidth === 1), 10_000, "the picture is shown");
  await ann.button("Close", ann.dialog());
  const saved = ann.page.waitForEvent("download");
  await ann.page.getByRole("link", { name: "Download paper.pdf" }).click();
  const file = await saved;
  assert.equal(file.suggestedFilename(), "paper.pdf");
  const bytes = await readFile(await file.path());
  assert.deepEqual([bytes.length, bytes.subarray(0, 9).toString()], [600_009, "%PDF-1.7\n"]);
  const address = await ann.page.getByRole("link", { name: "Download paper.pdf" }).getAttribute("href");
  const head = (await fetch(address)).headers;
  assert.equal(head.get("content-security-policy"), "sandbox; default-src 'none'");

  await teacher.button("Remove paper.pdf");
  await teacher.button("Remove", teacher.dialog());
  await ann.document("paper.pdf").waitFor({ state: "detached" });
  assert.equal((await fetch(address)).status, 404);
  await close();
});

test("an assistant is shown what the teacher allows, and edits the announcement when that is it", options, async () => {
  const { people: [teacher, tom, ann], close } = await gather({ assistant: true, students: ["ann"] });
  await tom.tab("Class");
  await tom.sees("You assist in this class");
  const rights = () => tom.page.locator("[data-right]").evaluateAll((rows) => rows.map((row) => row.dataset.right));
  await until(async () => String(await rights()) === "Courceware,CheckInManagement", 10_000, "two rights");
  assert.equal(await tom.page.getByLabel("Announcement").count(), 0);
  await teacher.tab("Class");
  await teacher.page.getByLabel("change the announcement").check();
  await tom.page.getByLabel("Announcement").fill("Bring leaves");
  await tom.button("Publish");
  await ann.sees("Bring leaves", ann.page.getByRole("region", { name: "Announcement" }));
  await close();
});

/** Rows and cells of a file of comma separated values. */
function parseCsv(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1).push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === "\r\n") rows.push([]);
    if (end === "") break;
  }
  return rows.filter((row) => row.join("") !== "");
}

test("a check-in is counted live, and the attendance list is a table", options, async () => {
  const { people: [teacher, tom, ann, bob], close } = await gather({ assistant: true });
  await tom.tab("Check-in");
  await tom.button("Start check-in");
  await teacher.tab("Check-in");
  await teacher.sees("0 of 2 checked in");
  await ann.button("Check in");
  await teacher.sees("1 of 2 checked in");
  await bob.button("Check in");
  await Promise.all([teacher, tom].map((person) => person.sees("2 of 2 checked in")));
  // An assistant may answer, and is none of those who were asked.
  await tom.button("Check in");
  await teacher.page.locator(`[data-checked-in="${tom.name}"]`).waitFor();
  await teacher.sees("2 of 2 checked in");
  const saved = teacher.page.waitForEvent("download");
  await teacher.button("Download list (CSV)");
  const file = await saved;
  assert.match(file.suggestedFilename(), /^Biology part \d+ \d{4}-\d\d-\d\d\.csv$/);
  const text = (await readFile(await file.path())).toString("utf8");
  assert.equal(text[0], "\ufeff");
  const [head, ...rows] = parseCsv(text.slice(1));
  assert.deepEqual(head.slice(0, 5), ["Name", "User", "Role", "State", "Joined (server time)"]);
  const byUser = new Map(rows.map((row) => [row[1], row]));
  assert.deepEqual([byUser.get(teacher.name)[2], byUser.get(tom.name)[2], byUser.get(ann.name)[2]], ["Teacher", "Assistant", "Student"]);
  assert.deepEqual([ann, bob, tom].map(({ name }) => byUser.get(name).at(-1)), ["1/1", "1/1", ""]);
  assert.equal(byUser.get(teacher.name).at(-1), "");
  for (const person of [ann, bob, tom]) assert.match(byUser.get(person.name)[5], /\d\d:\d\d:\d\d/);
  await close();
});

test("a kick is lifted; people are found; pause, resume and end reach everybody", options, async () => {
  const more = ["ann", "bob", "cem", "dia", "eva"];
  const { url, people: [teacher, ann, bob, ...others], close } = await gather({ students: more });
  await teacher.page.getByLabel("Search people").fill("CEM");
  await until(async () => (await teacher.page.locator("[data-member]").count()) === 1, 5_000, "one is found");
  await teacher.page.getByLabel("Search people").fill("");
  await teacher.page.getByLabel("Who is shown").selectOption("Teaching");
  await until(async () => (await teacher.page.locator("[data-member]").count()) === 1, 5_000, "the teacher alone");
  await teacher.page.getByLabel("Who is shown").selectOption("Everybody");

  await teacher.button(`Remove ${bob.name}`);
  await teacher.button("Remove and ban", teacher.dialog());
  await bob.page.getByRole("heading", { name: "You were removed from the class" }).waitFor();
  await teacher.button(`Lift ban of ${bob.name}`);
  await teacher.sees("may come back");
  await bob.page.goto(`${school.server.url}/#/class`);
  await bob.page.getByRole("heading", { name: "Classes", exact: true }).waitFor();
  await bob.join(url);
  await teacher.row(bob).waitFor();

  const status = (person, text) => person.sees(text, person.page.locator(".class-status"));
  await teacher.button("Pause");
  await Promise.all([ann, bob, ...others].map((person) => status(person, "Paused")));
  await teacher.button("Resume class");
  await status(ann, "In class");
  await teacher.button("End class");
  await teacher.button("End class", teacher.dialog());
  await Promise.all([ann, bob, ...others].map((person) => person.page.getByRole("heading", { name: "The class is over" }).waitFor()));
  await close();
});

test("on a phone one part is shown at a time, and a student does everything there", options, async () => {
  const { url, people: [teacher], close } = await gather({ students: [] });
  const ann = await school.open("ann", { viewport: { width: 380, height: 780 } });
  await ann.join(url);
  const pane = (name) => ann.page.getByRole("navigation", { name: "Parts of the class" }).getByRole("button", { name }).click();
  const narrow = () => ann.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  const visible = async () => {
    const parts = { video: ".class-videos", board: ".class-board", side: ".class-side" };
    const seen = [];
    for (const [name, part] of Object.entries(parts)) if (await ann.page.locator(part).isVisible()) seen.push(name);
    return seen.join();
  };
  for (const [name, shown] of [["Board", "board"], ["Chat", "side"], ["People", "side"], ["Video", "video"]]) {
    await pane(name);
    await until(async () => (await visible()) === shown, 5_000, `${name} shows ${shown}`);
    assert.ok(await narrow(), name);
  }
  await teacher.tab("Chat");
  await teacher.page.getByRole("textbox").last().fill("Hello class");
  await teacher.page.keyboard.press("Enter");
  await ann.sees("1 new message");
  await pane(/Chat/);
  await ann.sees("Hello class");
  await teacher.tab("People");
  await teacher.button(`Invite onto the stage: ${ann.name}`);
  await ann.button("Come on stage");
  await ann.button("Turn camera on");
  await teacher.tile(ann).locator("video").waitFor();
  await pane("Video");
  await ann.tile(ann).locator("video").waitFor();
  assert.ok(await narrow(), "on stage");
  await ann.button("Leave stage");
  await teacher.tile(ann).waitFor({ state: "detached" });
  assert.deepEqual(ann.page.faults, []);
  await ann.page.context().close();
  await close();
});

test("in a low window the controls leave the whiteboard free, and stay in reach", options, async () => {
  const { people: [teacher], close } = await gather({ students: [] });
  await teacher.boardLive();
  const look = (where) =>
    teacher.page.evaluate((where) => {
      const board = document.querySelector(".board");
      board.scrollIntoView({ block: where });
      const { height } = board.getBoundingClientRect();
      const free = (button) => {
        const { x, y, width, height } = button.getBoundingClientRect();
        const hit = document.elementFromPoint(x + width / 2, y + height / 2);
        return hit !== null && button.contains(hit);
      };
      const covered = (buttons) => [...document.querySelectorAll(buttons)].filter((button) => !free(button)).map((button) => button.ariaLabel ?? button.innerText);
      return {
        fits: height <= innerHeight,
        narrow: document.documentElement.scrollWidth <= innerWidth,
        foot: covered(".board-foot button"),
        dock: covered(".class-dock button"),
      };
    }, where);
  for (const [width, height] of [[740, 360], [667, 375], [932, 430], [568, 320], [1280, 400]]) {
    await teacher.page.setViewportSize({ width, height });
    if (width < 640) await teacher.pane("Board");
    for (const where of ["end", "center"]) {
      const free = { fits: true, narrow: true, foot: [], dock: [] };
      await until(async () => JSON.stringify(await look(where)) === JSON.stringify(free), 3_000, "laid out").catch(() => {});
      assert.deepEqual(await look(where), free, `${width}x${height}, ${where}`);
    }
  }
  // Low and narrow there is no side for them: they come after the board.
  await teacher.page.setViewportSize({ width: 380, height: 360 });
  await until(async () => (await look("end")).foot.length === 0, 3_000, "the foot is free");
  assert.ok((await look("end")).narrow);
  await teacher.button("Turn microphone on");
  await teacher.sees("You are live");
  await close();
});

test("the page speaks Chinese to whoever asks for it", options, async () => {
  const { url, close } = await gather({ students: [] });
  const ann = await school.open("ann");
  await ann.page.evaluate(() => localStorage.setItem("stoa.language", "zh"));
  await ann.page.goto(`${school.server.url}/`);
  await ann.page.goto(url);
  await ann.button("以学生身份进入");
  await ann.live();
  await ann.page.getByRole("tab", { name: "课件" }).click();
  await ann.sees("还没有课件");
  await ann.button("举手");
  await ann.sees("已举手");
  assert.deepEqual(ann.page.faults, []);
  await ann.page.context().close();
  await close();
});
