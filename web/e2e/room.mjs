// Two browsers, one room, the whole evening: open, enter, take a seat, be heard, reload, leave the seat, end.
// Needs a running server in demo mode with the built page inside.
//   STOA_URL=http://127.0.0.1:7880 npm run e2e
// CHROMIUM names another browser, SHOTS a folder for pictures of what was seen. Exits non-zero on the first failure.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Guest, launch } from "./guest.mjs";

const url = new URL(process.env.STOA_URL ?? "http://127.0.0.1:7880/");
const stamp = Date.now().toString(36);
const title = `Evening ${stamp}`;
/** Longest wait for any one thing on the page. Far above what a healthy server needs, so that only faults fail. */
const PATIENCE_MS = 15_000;

const browsers = [await launch(), await launch()];
const [alice, bob] = await Promise.all([
  Guest.enter(browsers[0], url, `alice-${stamp}`, { width: 1280, height: 800 }, PATIENCE_MS),
  Guest.enter(browsers[1], url, `bob-${stamp}`, { width: 380, height: 780 }, PATIENCE_MS),
]);
const guests = [alice, bob];

async function step(name, run) {
  const started = Date.now();
  for (const guest of guests) guest.step = name;
  try {
    await run();
  } catch (error) {
    console.error(`FAILED  ${name}`);
    await shots("failed");
    throw error;
  }
  console.log(`ok      ${name} (${Date.now() - started} ms)`);
}

async function shots(name) {
  if (!process.env.SHOTS) return;
  await mkdir(process.env.SHOTS, { recursive: true });
  for (const guest of guests) {
    await guest.page.screenshot({ path: join(process.env.SHOTS, `${name}-${guest.user}.png`) });
  }
}

try {
  await step("a wrong password is refused in words", async () => {
    await bob.signIn("not the password");
    await bob.sees(/User name or password is wrong/);
  });
  await step("both sign in and see the rooms", async () => {
    await Promise.all([alice.signIn(alice.user), bob.signIn(bob.user)]);
    for (const guest of guests) await guest.heading("Rooms");
  });
  await step("the owner opens a room and is connected", async () => {
    await alice.button("New room");
    await alice.page.getByLabel("Title").fill(title);
    await alice.page.getByLabel("Notice").fill("Made by the end-to-end test");
    await alice.button("Open room");
    await alice.heading(title);
    await alice.sees("1 person inside");
  });
  await step("the second user finds the room in the list and enters", async () => {
    await bob.page.getByRole("link", { name: `Enter ${title}` }).click();
    await bob.heading(title);
    await bob.sees("2 people inside");
    await alice.sees("2 people inside");
    await alice.sees("Listening", bob.user);
  });
  await step("the second user takes seat 3, the owner sees it without asking", async () => {
    await bob.button("Take seat 3");
    await bob.sees("You are live");
    await alice.sees(`${bob.user} took seat 3`);
    await alice.page.getByRole("button", { name: `${bob.user}, seat 3. Manage` }).waitFor();
  });
  await step("the owner hears the second user", () => alice.hears());
  await step("the owner sees who speaks", async () => {
    await alice.page.locator(".seat .voice[data-speaking]").first().waitFor();
  });
  await shots("seated");
  await step("muting is heard and seen", async () => {
    await bob.button("Mute microphone");
    await bob.sees("Muted");
    await alice.page
      .getByRole("button", { name: `${bob.user}, seat 3` })
      .getByText("microphone off")
      .waitFor();
    await alice.hearsNothing();
    await bob.button("Turn microphone on");
    await alice.hears();
  });
  await step("the owner speaks without a seat and is heard", async () => {
    await alice.button("Turn microphone on");
    await alice.sees("You are live");
    await bob.hears();
  });
  await step("a reload resumes: same room, same seat, heard again", async () => {
    await bob.reload();
    await bob.heading(title);
    await bob.sees("You are live");
    await alice.hears();
  });
  await step("leaving the seat ends being heard", async () => {
    await bob.button("Leave seat");
    await bob.sees("You are listening");
    await alice.sees(`${bob.user} left seat 3`);
    await alice.hearsNothing();
    assert.equal(
      await bob.publishes(),
      false,
      "the microphone is still open after leaving the seat",
    );
  });
  await step("the owner frees a seat, its holder falls silent and stays a listener", async () => {
    await bob.button("Take seat 5");
    await bob.sees("You are live");
    await alice.hears();
    await alice.button(`${bob.user}, seat 5. Manage`);
    await alice.button("Free the seat");
    await bob.sees("You are listening");
    await alice.hearsNothing();
  });
  await step("the owner ends the room and both see the end", async () => {
    await alice.button("End room");
    await alice.page.getByRole("dialog").getByRole("button", { name: "End room" }).click();
    await alice.heading("You ended the room");
    await bob.heading("This room has ended");
  });
  await shots("ended");
  await step("the room is gone from the list", async () => {
    await bob.page.getByRole("link", { name: "See all rooms" }).click();
    await bob.heading("Rooms");
    await bob.page.locator(".room-card, .empty").first().waitFor();
    assert.equal(await bob.page.getByRole("link", { name: `Enter ${title}` }).count(), 0);
  });
  await step("no console error, no request to another origin", async () => {
    for (const guest of guests)
      assert.deepEqual(guest.faults, [], `${guest.user}: ${guest.faults.join("; ")}`);
  });
  console.log("passed");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  for (const guest of guests)
    for (const fault of guest.faults) console.error(`${guest.user}: ${fault}`);
  process.exitCode = 1;
} finally {
  await Promise.all(browsers.map((browser) => browser.close()));
}
