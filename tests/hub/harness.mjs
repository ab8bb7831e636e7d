// The hub alone (crates/hub/examples/hub_dev.rs), tokens for it, and the official JavaScript SDK in both formats.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Centrifuge } from "centrifuge";
import { Centrifuge as ProtobufCentrifuge } from "centrifuge/build/protobuf";
import WebSocket from "ws";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const KEY = "hub-demo-secret-32-bytes-long!!!";
export const PATIENCE_MS = 15_000;
export const FORMATS = { json: Centrifuge, protobuf: ProtobufCentrifuge };

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A connection token; `ttl` in seconds. */
export function token(user, { ttl = 600, dev = "web-1", ...more } = {}) {
  const meta = { role: "user", uid: user, app: 1, face: "class", dev };
  const claims = { sub: user, aud: "hub", exp: Math.floor(Date.now() / 1000) + ttl, info: { n: user }, meta, ...more };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", KEY).update(signed).digest("base64url")}`;
}

/** Starts a hub; settings as its example takes them. */
export async function startHub(...settings) {
  const binary = process.env.STOA_HUB_DEV ?? join(ROOT, "target/debug/examples/hub_dev");
  if (!existsSync(binary)) throw new Error(`${binary} is missing: cargo build -p stoa-hub --examples`);
  const child = spawn(binary, settings, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((r) => child.once("exit", r));
  const line = await new Promise((r) => createInterface({ input: child.stdout }).once("line", r));
  const { http } = JSON.parse(line);
  const base = `http://127.0.0.1:${http}/dev`;
  const query = (args) => new URLSearchParams(args).toString();
  return {
    port: http,
    url: `ws://127.0.0.1:${http}/connection/websocket`,
    async publish(channel, data, more = {}) {
      const answer = await fetch(`${base}/publish?${query({ channel, ...more })}`, { method: "POST", body: JSON.stringify(data) });
      return answer.json();
    },
    do: async (command, args = {}) => (await fetch(`${base}/${command}?${query(args)}`)).text(),
    async kill(signal = "SIGKILL") {
      child.kill(signal);
      await ended;
    },
  };
}

/** Payloads: the JSON build hands over values, the Protobuf build bytes. */
export const plain = (data) => (data instanceof Uint8Array ? (data.length ? JSON.parse(Buffer.from(data).toString()) : undefined) : data);
export const wire = (Sdk, data) => (Sdk === ProtobufCentrifuge ? new TextEncoder().encode(JSON.stringify(data)) : data);
const read = (ctx) => (ctx && "data" in ctx ? { ...ctx, data: plain(ctx.data) } : ctx);

/** A client with its sockets in reach and its events in order. */
export function client(Sdk, hub, options) {
  const sockets = [];
  class Recorded extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const c = new Sdk(hub.url, { websocket: Recorded, minReconnectDelay: 50, maxReconnectDelay: 300, ...options });
  const log = [];
  for (const name of ["connecting", "connected", "disconnected", "error", "publication", "subscribed"]) c.on(name, (ctx) => log.push([name, read(ctx)]));
  return { c, log, sockets, cut: () => sockets.at(-1).terminate() };
}

/** A subscription with its events in order. */
export function subscription(c, channel, options = {}) {
  const sub = c.newSubscription(channel, options);
  const got = [];
  const log = [];
  sub.on("publication", (p) => got.push(read(p)));
  for (const name of ["subscribing", "subscribed", "unsubscribed", "error"]) sub.on(name, (ctx) => log.push([name, read(ctx)]));
  sub.subscribe();
  return { sub, got, log, of: (name) => log.filter((e) => e[0] === name).map((e) => e[1]) };
}

/** Asks `condition` until it is truthy; answers what it answered. */
export async function until(condition, what, ms = PATIENCE_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await condition();
    if (got) return got;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((r) => setTimeout(r, 20));
  }
}

export const events = (log, name) => log.filter((e) => e[0] === name).map((e) => e[1]);
