// Pictures of every page of the console, from the mock server.
//   npm run build:mock && npm run mock &      then      node dev/shots-console.mjs [folder]
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const URL = process.env.MOCK_URL ?? "http://127.0.0.1:7890/";
const OUT = process.argv[2] ?? "test-results/shots";
const LANGUAGE = process.env.LANGUAGE_TAG ?? "en";
const SIZES = {
  phone: { width: 380, height: 780 },
  desk: { width: 1280, height: 800 },
  wide: { width: 1600, height: 900 },
};
const PAGES = {
  overview: "#/console",
  live: "#/console/live",
  channel: "#/console/live/1000/4f2a9c0e5d1b47a3b8e6f0a1c2d3e4f5",
  class: "#/console/live/1000/0c51d2ab9f6e4d0b8b1f6b0f4d2e9a71",
  bans: "#/console/bans",
  calls: "#/console/calls",
  accounts: "#/console/accounts",
  apps: "#/console/apps",
  system: "#/console/system",
  requests: "#/console/system/requests",
  audit: "#/console/system/audit",
  api: "#/console/api",
  "api-talk": "#/console/api/talk/post%20%2Fv1%2Fim%2Fadmin_kick_user",
  "api-room": "#/console/api/voice-room/post%20%2Fapi%2Fchatroom%2Fcreate",
};
const only = process.env.ONLY?.split(",");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--headless=new", "--disable-gpu"],
});
await mkdir(OUT, { recursive: true });

for (const size of (process.env.SIZES ?? "phone,desk").split(",")) {
  for (const colorScheme of (process.env.SCHEMES ?? "light,dark").split(",")) {
    const context = await browser.newContext({ viewport: SIZES[size], colorScheme });
    await context.addInitScript((language) => {
      const token = btoa("alice").replace(/=+$/, "");
      sessionStorage.setItem("stoa.session", JSON.stringify({ user: "alice", token }));
      localStorage.setItem("stoa.language", language);
    }, LANGUAGE);
    const page = await context.newPage();
    page.setDefaultTimeout(8_000);
    page.on("console", (said) => said.type() === "error" && console.log("console:", said.text()));
    page.on("pageerror", (error) => console.log("pageerror:", error.message));
    const shot = async (name, fullPage = true) => {
      await page.waitForTimeout(500);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) console.log(`${name} ${size}: ${overflow} px wider than the window`);
      await page.screenshot({ path: join(OUT, `${name}-${size}-${colorScheme}.png`), fullPage });
    };
    for (const [name, hash] of Object.entries(PAGES)) {
      if (only && !only.includes(name)) continue;
      await page.goto(URL + hash);
      await page.reload();
      await page.locator("#content h1").waitFor();
      await page
        .locator("#content")
        .getByRole("status")
        .filter({ hasText: "…" })
        .waitFor({ state: "hidden" })
        .catch(() => {});
      await shot(name);
    }
    if (!only || only.includes("dialogs")) {
      await page.goto(URL + PAGES.channel);
      await page.locator('.person[data-user="griefer42"] .person-actions button').last().click();
      await shot("kick-dialog", false);
      await page.goto(URL + PAGES.accounts);
      await page.locator(".console-table .console-button").nth(2).click();
      await shot("account-dialog", false);
    }
    await context.close();
  }
}
await browser.close();
