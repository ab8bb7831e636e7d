// The classroom pages in the binary: a teacher and students, each in a page of their own, with fake devices.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { writeVoice } from "../../web/e2e/voice.mjs";
import { startClassroom } from "./classroom.mjs";
import { holds, until } from "./harness.mjs";

const options = { timeout: 150_000 };
/** Of a member who is not in class any more. */
const LEFT = 2;
let room;

before(async () => {
  // The browser's own fake microphone beeps too shortly to count as speech.
  room = await startClassroom([`--use-file-for-fake-audio-capture=${await writeVoice()}`]);
});

after(() => room?.stop());

/** What the server says of somebody to who asks. */
function memberStatus(asking, url, { name }) {
  return asking.page.evaluate(
    async ([class_id, name]) => {
      const { token } = JSON.parse(sessionStorage.getItem("stoa.session"));
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const body = JSON.stringify({ class_id, page_num: 1, page_size: 20, status: 0, identity: 0 });
      const reply = await fetch("/api/v1/class/listMembers", { method: "POST", headers, body });
      const { data } = await reply.json();
      return data.members.find(({ user_id }) => user_id === name)?.status;
    },
    [url.split("/").at(-1), name],
  );
}

test("a class sees and hears its teacher, and a student while on stage", options, async () => {
  const { people: [teacher, ann, bob], close } = await room.gather("ann", "bob");
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
  const { people: [teacher, ann, bob], close } = await room.gather("ann", "bob");
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
  const { people: [teacher, ann], close } = await room.gather("ann");
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
  const { url, people: [teacher, ann, bob], close } = await room.gather("ann", "bob");
  await teacher.button(`Remove ${bob.name}`);
  await teacher.button("Remove and ban", teacher.page.getByRole("dialog"));
  await bob.heading("You were removed from the class");
  await bob.sees("does not let you back in");
  for (const person of [teacher, ann]) await person.row(bob).waitFor({ state: "detached" });
  const focused = (what) => until(() => teacher.page.evaluate((what) => document.activeElement.matches(what), what), 5_000, `the focus is at ${what}`);
  await focused(`[data-member="${ann.name}"] .class-remove`);
  await bob.page.goto(`${room.server.url}/#/class`);
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
  await focused(`[data-member="${bob.name}"] .class-remove`);
  await ann.button("Join again");
  await ann.live();
  await teacher.row(ann).waitFor();

  // With the keyboard alone, until nobody is left.
  for (const person of [bob, ann]) {
    await teacher.row(person).getByRole("button", { name: /^Remove / }).focus();
    await teacher.page.keyboard.press("Enter");
    await teacher.dialog().getByRole("button", { name: "Only remove" }).focus();
    await teacher.page.keyboard.press("Enter");
    await person.heading("You were removed from the class");
    await teacher.row(person).waitFor({ state: "detached" });
  }
  await focused(".class-side h3");
  await close();
});

test("a class is paused, ended for all, and opened again by its teacher", options, async () => {
  const { title, url, people: [teacher, ann], close } = await room.gather("ann");
  const status = (person, text) => person.sees(text, person.page.locator(".class-status"));
  await teacher.button("Pause");
  await Promise.all([status(teacher, "Paused"), status(ann, "Paused")]);
  await teacher.button("Resume class");
  await status(ann, "In class");
  await teacher.button("End class");
  await teacher.button("End class", teacher.page.getByRole("dialog"));
  await ann.heading("The class is over");
  await teacher.sees("You may start it again");

  // The list tells who was there, also once the server has noticed that they are gone, and offers nothing to do to them.
  const people = teacher.page.locator(".class-side");
  await teacher.heading("Took part 2");
  await teacher.sees("nobody is in it now", people);
  assert.equal(await teacher.page.getByText("In class", { exact: true }).count(), 0);
  await teacher.sees("2 people took part");
  assert.equal(await teacher.row(ann).getByRole("button").count(), 0);
  await teacher.tab("Check-in");
  const saved = teacher.page.waitForEvent("download");
  await teacher.button("Download list (CSV)");
  const list = await readFile(await (await saved).path(), "utf8");
  assert.match(list, new RegExp(`${ann.name},${ann.name},Student,left,`));
  assert.match(list, new RegExp(`${teacher.name},${teacher.name},Teacher,left,`));
  await teacher.tab("People");
  await until(async () => (await memberStatus(teacher, url, ann)) === LEFT, 20_000, "the server has noticed");
  await teacher.page.reload();
  await teacher.heading("Took part 2");
  await teacher.row(ann).waitFor();

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
  const { url, people: [teacher, ann], close } = await room.gather("ann");
  await teacher.row(ann).waitFor();
  for (let round = 0; round < 2; round += 1) {
    await ann.page.reload();
    await ann.live();
  }
  // Longer than the server waits before it believes a goodbye.
  await holds(async () => (await teacher.row(ann).count()) === 1, 12_000, "ann stays in class");
  await teacher.button(`Invite onto the stage: ${ann.name}`);
  await ann.button("Come on stage");
  await ann.sees("You are on stage");
  await teacher.tile(ann).waitFor();
  await ann.button("Leave");
  await ann.heading("Classes");
  await until(async () => (await teacher.row(ann).count()) === 0, 25_000, "ann has left");
  assert.equal(await teacher.tile(ann).count(), 0);
  // Named in the list still, but on stage only once the teacher says so again.
  await ann.join(url);
  assert.equal(await ann.device("mic").count(), 0);
  await teacher.button(`Invite onto the stage: ${ann.name}`);
  await ann.button("Come on stage");
  await ann.sees("You are on stage");
  await close();
});

test("an assistant comes with the permit and goes with it", options, async () => {
  const { url, people: [teacher, ann], close } = await room.gather("ann");
  const tom = await room.open("tom");
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

  const eve = await room.open("eve");
  await eve.page.goto(url);
  await eve.button("Join as assistant");
  await eve.heading("There is an assistant already");
  await eve.button("Join as student");
  await eve.live();

  await teacher.page.getByLabel("Allow an assistant").uncheck();
  await tom.heading("You are no assistant any more");
  await tom.button("Join as student");
  await tom.live();
  await room.close(tom, eve);
  await close();
});

test("a check-in is answered and counted; an announcement reaches everybody", options, async () => {
  const { people: [teacher, ann, bob], close } = await room.gather("ann", "bob");
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
  const teacher = await room.open("li", { viewport: { width: 380, height: 780 } });
  const narrow = () => teacher.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  assert.ok(await narrow(), "the list");
  await teacher.createClass("A rather long title of a class, with averylongwordthatdoesnotfitonanyphone");
  for (const part of ["Board", "Chat", "Video", "People"]) {
    await teacher.page.getByRole("navigation", { name: "Parts of the class" }).getByRole("button", { name: part }).click();
    if (part === "Board") await teacher.boardLive();
    assert.ok(await narrow(), part);
  }
  await teacher.page.getByRole("tab", { name: "People" }).focus();
  for (const name of ["Chat", "Courseware", "Check-in", "Class", "People"]) {
    await teacher.page.keyboard.press("ArrowRight");
    await teacher.page.getByRole("tab", { name, selected: true }).waitFor();
    assert.ok(await narrow(), name);
  }
  await room.close(teacher);
});
