// The page in the binary, by the front end's own walk: two people, an evening in a room, from sign-in to the end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "./harness.mjs";

let server;

before(async () => {
  server = await startServer();
});

after(async () => {
  await server?.stop();
});

test("two people spend an evening on the page", { timeout: 180_000 }, async () => {
  const walk = spawn(process.execPath, [fileURLToPath(new URL("../../web/e2e/room.mjs", import.meta.url))], {
    env: { ...process.env, STOA_URL: `${server.url}/` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [walk.stdout, walk.stderr]) stream.on("data", (chunk) => (said += chunk));
  const code = await new Promise((resolve) => walk.once("exit", resolve));
  assert.equal(code, 0, said);
  assert.ok(said.split("\n").filter((line) => line.startsWith("ok ")).length >= 8, `too few steps:\n${said}`);
});

test("the page asks nobody but its own server", async () => {
  const reply = await fetch(`${server.url}/`, { headers: { accept: "text/html" } });
  assert.equal(reply.status, 200);
  const html = await reply.text();
  assert.match(html, /<div id="root">|<script type="module"/);
  assert.doesNotMatch(html, /(?:src|href)=["'](?:https?:)?\/\//);
  assert.ok(reply.headers.get("content-security-policy"));
});
