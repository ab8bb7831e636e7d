// The checker checks: a planted fault of every kind that matters is found on a page of the product, under its policy.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { expectAccessible } from "./axe.mjs";
import { startBrowser, startServer } from "./harness.mjs";

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

async function signIn() {
  const page = await browser.open();
  await page.goto(`${server.url}/`);
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  return page;
}

test("the sign-in form is accessible, and loses that by a field without a name", async () => {
  const page = await signIn();
  await expectAccessible(page, "sign-in");
  await page.evaluate(() => document.querySelector("form").append(document.createElement("input")));
  await assert.rejects(expectAccessible(page, "sign-in"), /sign-in, light:\n {2}critical label/);
  await expectAccessible(page, "the rest", { except: ["form"] });
});

test("pale text is found where it is pale: in the dark only", async () => {
  const page = await signIn();
  await page.evaluate(() => {
    document.querySelector("h1").style.color = "#555";
  });
  await assert.rejects(expectAccessible(page, "sign-in"), (error) => {
    assert.match(error.message, /sign-in, dark:\n {2}serious color-contrast/);
    assert.doesNotMatch(error.message, /sign-in, light/);
    return true;
  });
});
