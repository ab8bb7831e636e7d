// Takes a picture of every view, narrow and wide, light and dark, from the mock server (see mock.mjs).
// SIZES, SCHEMES: some of them only; ONLY=talk: the Talk page only.
//   npm run build:mock && npm run mock &      then      npm run shots [folder]
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { talkShots } from "./shots-talk.mjs";

const URL = process.env.MOCK_URL ?? "http://127.0.0.1:7890/";
const OUT = process.argv[2] ?? "test-results/shots";
const SIZES = {
  phone: { width: 380, height: 780 },
  large: { width: 1400, height: 900 },
  desk: { width: 1280, height: 800 },
  wide: { width: 1600, height: 900 },
};
const wanted = (process.env.SIZES ?? "phone,desk").split(",");
const schemes = (process.env.SCHEMES ?? "light,dark").split(",");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--headless=new", "--disable-gpu"],
});
await mkdir(OUT, { recursive: true });

async function post(path, body, user = "shots") {
  const authorization = `Bearer ${Buffer.from(user).toString("base64url")}`;
  const answer = await fetch(new globalThis.URL(path, URL), {
    method: "POST",
    headers: { authorization },
    body: JSON.stringify(body),
  });
  return answer.json();
}
let rooms = [];
const idOf = (title) => rooms.find((room) => room.title.startsWith(title)).id;

async function signIn(page, user) {
  await page.goto(URL);
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password", { exact: true }).fill(user);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Rooms" }).waitFor();
}

async function enter(page, title) {
  await page.goto(`${URL}#/room/${idOf(title)}`);
  await page.getByRole("heading", { name: title }).waitFor();
}

async function link(state, page, wait) {
  await post("/mock/link", { link: state });
  if (wait) await page.getByText(wait).first().waitFor();
}

for (const size of wanted) {
  for (const colorScheme of schemes) {
    const context = await browser.newContext({ viewport: SIZES[size], colorScheme });
    const page = await context.newPage();
    page.setDefaultTimeout(8_000);
    await post("/mock/reset", {});
    ({ rooms } = await post("/api/chatroom/list", { page_size: 100 }));
    page.on(
      "console",
      (message) => message.type() === "error" && console.log("console:", message.text()),
    );
    page.on("pageerror", (error) => console.log("pageerror:", error.message));
    /** The window, or a part of the page in full length. */
    const shot = async (name, part) => {
      await page.waitForTimeout(350);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) console.log(`${name} ${size}: ${overflow} px wider than the window`);
      await (part ?? page).screenshot({ path: join(OUT, `${name}-${size}-${colorScheme}.png`) });
    };
    await talkShots(page, URL, shot);
    if (process.env.ONLY === "talk") {
      await context.close();
      continue;
    }
    await page.goto(URL);
    await shot("sign-in");
    await page.getByLabel("User name").fill("erin");
    await page.getByLabel("Password", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("wrong").waitFor();
    await shot("sign-in-refused");
    await signIn(page, "erin");
    await page.locator(".room-card h2").first().waitFor();
    await shot("rooms");
    await page.getByRole("button", { name: "New room" }).first().click();
    await page.getByLabel("Title").fill("Saturday soul");
    await shot("create");
    await page.keyboard.press("Escape");

    await enter(page, "Friday jazz");
    await page.getByText("people inside").waitFor();
    await shot("room-listener");
    await page.getByRole("button", { name: "Take seat 3" }).click();
    await page.getByText("You are live").waitFor();
    await shot("room-seated");
    await link("reconnecting", page, "Getting you back in");
    await shot("room-reconnecting");
    await link("live");
    await page.getByText("You are live").waitFor();
    await link("blocked", page, "holding the sound back");
    await shot("room-audio-blocked");
    await link("live");
    await page.getByRole("button", { name: "Leave seat" }).click();
    await page.getByText("You are listening").waitFor();
    await link("lost");
    await page.reload();
    await page.getByText("Next try in").waitFor();
    await shot("room-lost");
    await link("live");
    await page.getByRole("button", { name: "Try now" }).click();
    await page.getByText("You are listening").waitFor();
    await link("removed");
    await page.getByText("You are out of this room").waitFor();
    await shot("removed");
    await link("live");

    await page.evaluate(() => sessionStorage.clear());
    await page.reload();
    await signIn(page, "alice");
    await enter(page, "Friday jazz");
    await page.getByRole("button", { name: "Turn microphone on" }).click();
    await page.getByText("You are live").waitFor();
    await shot("room-owner");
    await page.getByRole("button", { name: /Ben Adler/ }).click();
    await shot("free-seat");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "End room" }).click();
    await shot("end-room");
    await page.keyboard.press("Escape");
    await enter(page, "Night owls");
    await page.getByText("people inside").waitFor();
    await shot("room-crowded");
    await page.goto(`${URL}#/room/${"0".repeat(32)}`);
    await page.getByText("No such room").waitFor();
    await shot("not-found");
    await context.close();
  }
}
await browser.close();
