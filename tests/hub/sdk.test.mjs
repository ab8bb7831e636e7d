// The official JavaScript SDK, unmodified, against the hub; ids are those of hub.md 9.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { client, events, FORMATS, plain, startHub, subscription, token, until, wire } from "./harness.mjs";

const count = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

for (const [format, Sdk] of Object.entries(FORMATS)) {
  describe(`JavaScript, ${format}`, () => {
    let hub;
    const open = [];
    const join_ = (options) => {
      const made = client(Sdk, hub, options);
      open.push(made.c);
      made.c.connect();
      return made;
    };
    before(async () => {
      hub = await startHub("open");
    });
    after(async () => {
      for (const c of open) c.disconnect();
      await hub.kill();
    });

    test("A1 B1 connects, is told its id and its personal channel", async () => {
      const { c, log } = join_({ token: token("alice") });
      await c.ready(5000);
      const [ctx] = events(log, "connected");
      assert.match(ctx.client, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
      assert.deepEqual(events(log, "subscribed").map((s) => s.channel), ["user:#alice"]);
    });

    test("B2 an expired token is renewed", async () => {
      let asked = 0;
      const { c, log } = join_({ token: token("alice", { ttl: -5 }), getToken: async () => (asked++, token("alice")) });
      const sub = subscription(c, "room:b2");
      await sub.sub.ready(5000);
      assert.equal(asked, 1);
      assert.equal(events(log, "connected").length, 1);
    });

    test("B3 B4 a token that cannot be good ends it", async () => {
      for (const bad of [`${token("alice")}x`, token("alice", { aud: "api" }), token("alice", { channel: "room:1" })]) {
        const { c, log } = join_({ token: bad });
        await until(() => c.state === "disconnected", "it gives up");
        assert.equal(events(log, "disconnected")[0].code, 3500);
      }
    });

    test("B6 three tokens later it is the same connection", async () => {
      let asked = 0;
      const { c, log } = join_({ getToken: async () => (asked++, token("alice", { ttl: 3 })) });
      const sub = subscription(c, "room:b6");
      await sub.sub.ready(5000);
      await until(() => asked >= 4, "three refreshes");
      await hub.publish("room:b6", { n: 1 });
      await until(() => sub.got.length === 1, "the publication");
      assert.equal(events(log, "connected").length, 1);
    });

    test("B7 an expired token at refresh costs a reconnect, no more", async () => {
      let asked = 0;
      const getToken = async () => token("alice", { ttl: ++asked === 1 ? 2 : asked === 2 ? -5 : 600 });
      const { c, log } = join_({ getToken });
      await c.ready(5000);
      await until(() => events(log, "connected").length === 2, "it is back");
      assert.ok(events(log, "connecting").some((e) => e.code === 3005));
    });

    test("C1 C18 subscribes and gets what is published, in order", async () => {
      const { c } = join_({ token: token("alice") });
      const sub = subscription(c, "room:c1");
      await sub.sub.ready(5000);
      const ctx = sub.of("subscribed")[0];
      assert.deepEqual([ctx.recoverable, ctx.positioned, ctx.wasRecovering, ctx.data], [true, true, false, { role: "member" }]);
      for (const n of count(1, 50)) await hub.publish("room:c1", { n, text: "你好 \u2028 \n 😀" });
      await until(() => sub.got.length === 50, "all of them");
      assert.deepEqual(sub.got.map((p) => p.data.n), count(1, 50));
      assert.deepEqual(sub.got.map((p) => p.offset), count(1, 50));
      assert.equal(sub.got[0].data.text, "你好 \u2028 \n 😀");
      assert.equal(sub.got[0].channel ?? "room:c1", "room:c1");
    });

    test("C2 refusals end a subscription", async () => {
      const { c } = join_({ token: token("alice") });
      for (const [channel, code] of [["room:x:denied", 103], ["none:x", 102], ["user:#bob", 103]]) {
        const sub = subscription(c, channel);
        await until(() => sub.of("unsubscribed").length === 1, `${channel} ends`);
        assert.equal(sub.of("unsubscribed")[0].code, code, channel);
      }
    });

    test("C4 C5 a cut is recovered, and nothing comes twice", async () => {
      const { c, cut, log } = join_({ token: token("alice") });
      const sub = subscription(c, "room:c4");
      await sub.sub.ready(5000);
      await hub.publish("room:c4", 1);
      await until(() => sub.got.length === 1, "the first");
      cut();
      for (const n of count(2, 11)) await hub.publish("room:c4", n);
      await until(() => sub.of("subscribed").length === 2, "subscribed again");
      assert.deepEqual([sub.of("subscribed")[1].wasRecovering, sub.of("subscribed")[1].recovered], [true, true]);
      await until(() => sub.got.length === 11, "the rest");
      cut();
      await until(() => sub.of("subscribed").length === 3, "subscribed a third time");
      assert.equal(sub.of("subscribed")[2].recovered, true);
      await hub.publish("room:c4", 12);
      await until(() => sub.got.length >= 12, "the last");
      assert.deepEqual(sub.got.map((p) => p.data), count(1, 12));
      assert.equal(events(log, "connected").length, 3);
    });

    test("C6 too much missed is told", async () => {
      const { c, cut } = join_({ token: token("alice"), minReconnectDelay: 1500, maxReconnectDelay: 2000 });
      const sub = subscription(c, "chat:c6");
      await sub.sub.ready(5000);
      cut();
      for (const n of count(1, 101)) await hub.publish("chat:c6", n);
      await until(() => sub.of("subscribed").length === 2, "subscribed again");
      assert.deepEqual([sub.of("subscribed")[1].wasRecovering, sub.of("subscribed")[1].recovered], [true, false]);
      await hub.publish("chat:c6", 102);
      await until(() => sub.got.length === 1, "it goes on");
      assert.equal(sub.got[0].offset, 102);
    });

    test("C12 a direct message missed is delivered once", async () => {
      const { c, cut, log } = join_({ token: token("direct") });
      await c.ready(5000);
      await hub.publish("user:#direct", 1);
      await until(() => events(log, "publication").length === 1, "the first");
      cut();
      await hub.publish("user:#direct", 2);
      await until(() => events(log, "publication").length === 2, "the second");
      await hub.publish("user:#direct", 3);
      await until(() => events(log, "publication").length >= 3, "the third");
      assert.deepEqual(events(log, "publication").map((p) => p.data), [1, 2, 3]);
      assert.equal(events(log, "subscribed").at(-1).recovered, true);
    });

    test("C15 live publications move no position", async () => {
      const { c, cut } = join_({ token: token("alice") });
      const sub = subscription(c, "room:c15");
      await sub.sub.ready(5000);
      await hub.publish("room:c15", 1);
      await hub.publish("room:c15", "live", { live: 1 });
      await until(() => sub.got.length === 2, "both");
      cut();
      await hub.publish("room:c15", 2);
      await until(() => sub.got.length === 3, "the kept one");
      assert.deepEqual(sub.got.map((p) => p.data), [1, "live", 2]);
    });

    test("C16 D1 history and presence", async () => {
      const one = join_({ token: token("one") });
      const two = join_({ token: token("two") });
      const [a, b] = [subscription(one.c, "room:d1"), subscription(two.c, "room:d1")];
      await Promise.all([a.sub.ready(5000), b.sub.ready(5000)]);
      for (const n of count(1, 5)) await hub.publish("room:d1", n);
      const page = await a.sub.history({ limit: 2, reverse: true });
      assert.deepEqual(page.publications.map((p) => plain(p.data)), [5, 4]);
      assert.equal(page.offset, 5);
      assert.equal((await a.sub.history()).publications.length, 0);
      const { clients } = await a.sub.presence();
      assert.deepEqual(Object.values(clients).map((i) => i.user).sort(), ["one", "two"]);
      assert.deepEqual(plain(Object.values(clients).find((i) => i.user === "one").connInfo), { n: "one" });
      assert.deepEqual(await a.sub.presenceStats(), { numClients: 2, numUsers: 2 });
      await assert.rejects(one.c.presence("chat:d1"), { code: 108 });
      await assert.rejects(one.c.presence("room:elsewhere"), { code: 103 });
    });

    test("C20 a failing question is repeated by the SDK", async () => {
      const { c } = join_({ token: token("alice") });
      await c.ready(5000);
      await hub.do("hooks", { fail: 1 });
      const sub = subscription(c, "room:c20", { minResubscribeDelay: 50 });
      await sub.sub.ready(10_000);
      assert.equal(sub.of("error")[0].error.code, 100);
    });

    test("subscribe, unsubscribe, subscribe without waiting", async () => {
      const { c, log } = join_({ token: token("alice") });
      await c.ready(5000);
      await hub.do("hooks", { slow_ms: 100 });
      const sub = subscription(c, "room:flip");
      sub.sub.unsubscribe();
      sub.sub.subscribe();
      await sub.sub.ready(5000);
      await hub.do("hooks", {});
      await hub.publish("room:flip", 1);
      await until(() => sub.got.length === 1, "the publication");
      assert.equal(events(log, "connected").length, 1);
      assert.equal(await hub.do("stats", { channel: "room:flip" }), "[1,1]");
    });

    test("functions and their errors; E1 clients do not publish", async () => {
      const { c } = join_({ token: token("alice") });
      await c.ready(5000);
      const value = { text: "a\nb\u2028", n: 1.5, list: [null, true] };
      const call = async (method, data) => plain((await c.rpc(method, wire(Sdk, data))).data);
      assert.deepEqual(await call("echo", value), value);
      await assert.rejects(call("nothing", {}), { code: 104, message: "method not found" });
      for (const channel of ["room:e1", "chat:e1", "user:#alice"]) await assert.rejects(c.publish(channel, wire(Sdk, {})), { code: 103 });
      const sub = subscription(c, "room:own");
      await sub.sub.ready(5000);
      const sent = count(1, 20).map((n) => call("publish", { channel: "room:own", data: n }));
      assert.deepEqual((await Promise.all(sent)).map((r) => r.offset), count(1, 20));
      await until(() => sub.got.length === 20, "its own messages");
      assert.deepEqual(sub.got.map((p) => p.data), count(1, 20));
    });

    test("F1 unsubscribed by the server it stays out", async () => {
      const { c } = join_({ token: token("kicked") });
      const sub = subscription(c, "room:f1");
      await sub.sub.ready(5000);
      await hub.publish("room:f1", "last");
      await hub.do("unsubscribe", { user: "kicked", channel: "room:f1" });
      await until(() => sub.of("unsubscribed").length === 1, "it ends");
      assert.equal(sub.of("unsubscribed")[0].code, 2000);
      assert.deepEqual(sub.got.map((p) => p.data), ["last"]);
      assert.equal(c.state, "connected");
      assert.equal(await hub.do("stats", { channel: "room:f1" }), "[0,0]");
    });

    test("F6 F7 disconnected for good it stays away", async () => {
      const { c, log } = join_({ token: token("banned") });
      await c.ready(5000);
      await hub.do("disconnect", { user: "banned", code: 4501 });
      await until(() => c.state === "disconnected", "it gives up");
      assert.deepEqual([events(log, "disconnected")[0].code, events(log, "disconnected")[0].reason], [4501, "asked for"]);
    });

    test("disconnected with a code to come back it comes back", async () => {
      const { c, log } = join_({ token: token("moved") });
      await c.ready(5000);
      await hub.do("disconnect", { user: "moved", code: 4001 });
      await until(() => events(log, "connected").length === 2, "it is back");
    });

    test("the server subscribes a user", async () => {
      const { c, log } = join_({ token: token("placed") });
      await c.ready(5000);
      await hub.do("subscribe", { user: "placed", channel: "room:placed" });
      await until(() => events(log, "subscribed").some((s) => s.channel === "room:placed"), "it is told");
      await hub.publish("room:placed", 7);
      await until(() => events(log, "publication").some((p) => p.channel === "room:placed" && p.data === 7), "it gets it");
    });

    test("F8 F9 of two tabs of one device one is left", async () => {
      const own = await startHub("policy=device");
      const tabs = [1, 2].map(() => client(Sdk, own, { token: token("tabs") }));
      for (const tab of tabs) {
        tab.c.connect();
        await tab.c.ready(5000);
      }
      await until(() => tabs[0].c.state === "disconnected", "the older one gives up");
      assert.equal(events(tabs[0].log, "disconnected")[0].code, 4504);
      assert.equal(tabs[1].c.state, "connected");
      assert.equal(tabs[0].sockets.length + tabs[1].sockets.length, 2);
      for (const tab of tabs) tab.c.disconnect();
      await own.kill();
    });

    test("H1 H2 a planned restart is recovered from, a crash is told", async () => {
      const folder = mkdtempSync(join(tmpdir(), "stoa-hub-"));
      const settings = [`snapshot=${join(folder, "hub.snapshot")}`, "open"];
      let own = await startHub(...settings);
      const again = `port=${own.port}`;
      const { c, log } = client(Sdk, own, { token: token("alice") });
      c.connect();
      const sub = subscription(c, "room:h1");
      await sub.sub.ready(5000);
      for (const n of count(1, 5)) await own.publish("room:h1", n);
      await until(() => sub.got.length === 5, "five");
      assert.equal(await own.do("stop"), "Ok(())");
      await own.kill();
      assert.ok(events(log, "connecting").some((e) => e.code === 3001));
      own = await startHub(again, ...settings);
      await own.publish("room:h1", 6);
      await until(() => sub.of("subscribed").length === 2, "it is back");
      assert.equal(sub.of("subscribed")[1].recovered, true);
      await until(() => sub.got.length === 6, "six");
      await own.kill();
      own = await startHub(again, ...settings);
      await until(() => sub.of("subscribed").length === 3, "it is back again");
      assert.equal(sub.of("subscribed")[2].recovered, false);
      assert.deepEqual(sub.got.map((p) => p.data), count(1, 6));
      c.disconnect();
      await own.kill();
      rmSync(folder, { recursive: true });
    });

    test("pings are answered", async () => {
      const own = await startHub("ping_ms=1000", "pong_ms=500");
      const { c, log } = client(Sdk, own, { token: token("alice") });
      const began = Date.now();
      c.connect();
      await c.ready(5000);
      await until(() => Date.now() - began > 4000, "a few pings");
      assert.equal(events(log, "connected").length, 1);
      assert.equal(c.state, "connected");
      c.disconnect();
      await own.kill();
    });
  });
}
