// A client whose UDP is blocked gets through over TCP, on the one TCP port.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { enter, login, startBrowser, startServer } from "./harness.mjs";

let server;
let free;
let blocked;

before(async () => {
  server = await startServer();
  free = await startBrowser();
  blocked = await startBrowser(["--webrtc-ip-handling-policy=disable_non_proxied_udp", "--force-webrtc-ip-handling-policy=disable_non_proxied_udp"]);
});

after(async () => {
  await blocked?.stop();
  await free?.stop();
  await server?.stop();
});

test("without UDP people hear each other over TCP", { timeout: 90_000 }, async () => {
  const owner = await login(server, "owner");
  const room = await owner.createRoom();
  const guest = await login(server, "guest");
  await guest.join(room);
  const one = await enter(server, free, owner, room);
  const two = await enter(server, blocked, guest, room);
  await one.run("microphone", true);
  await two.run("microphone", true);
  await one.waitHears(two, 30_000);
  await two.waitHears(one, 30_000);
  assert.deepEqual(await two.run("protocols"), ["tcp"]);
  assert.deepEqual(await one.run("protocols"), ["udp"]);
});
