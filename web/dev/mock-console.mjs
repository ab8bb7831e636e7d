// Made-up answers of the console's API, for working on its pages: a busy evening with two apps. Whoever is called
// "guest" is no administrator. The descriptions of the API are the real ones.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  APPS,
  calls,
  days,
  MINUTE,
  overview,
  ROOM,
  requests,
  series,
  wave,
} from "./mock-console-data.mjs";

const BASE = "/api/console/v1";

let accounts;
let bans;
let audit;
let ended;
let muted;
export function seedConsole() {
  accounts = [
    { user: "root", admin: true, disabled: false, from_config: true },
    { user: "alice", admin: true, disabled: false, from_config: false },
    { user: "Ben Adler", admin: false, disabled: false, from_config: false },
    { user: "Mina", admin: false, disabled: true, from_config: false },
    { user: "李娜", admin: false, disabled: false, from_config: false },
  ];
  const now = Date.now();
  bans = [
    {
      app: "1000",
      channel: "raid-7",
      user: "griefer42",
      source: "talk",
      by: "admin",
      created_at: now - 3 * MINUTE,
      until: now + 57 * MINUTE,
    },
    {
      app: "1000",
      channel: "4f2a9c0e5d1b47a3b8e6f0a1c2d3e4f5",
      user: "noisy neighbour",
      source: "room",
      by: "alice",
      created_at: now - 90 * MINUTE,
      until: now + 8 * 86_400_000,
    },
    {
      app: "2000",
      channel: "lobby",
      user: "spam-bot-0017",
      source: "console",
      by: "root",
      created_at: now - 9 * 86_400_000,
    },
  ];
  audit = Array.from({ length: 7 }, (_, i) => ({
    at: now - i * 17 * MINUTE,
    ...(i % 3 === 2 ? {} : { app: "1000" }),
    identifier: i % 2 ? "admin" : "root",
    ...(i % 2 ? { op_user: "shift-lead" } : {}),
    command: [
      "console.kick",
      "admin_kick_user",
      "console.account.add",
      "console.ban.lift",
      "mute_talk_user",
    ][i % 5],
    target: ["raid-7", "griefer42"].slice(0, 1 + (i % 2)),
    result: i === 4 ? 100_005 : 0,
    request_id: `9332ba07bd2e-${140 - i}`,
  }));
  ended = new Set();
  muted = new Set();
}
seedConsole();

const channels = () => {
  const now = Date.now();
  const row = (kind, channel, title, owner, online, status, app = "1000", age = 40) => ({
    app,
    channel,
    kind,
    ...(title ? { title, owner } : {}),
    online,
    publications: Math.round(online * 0.4),
    bits_in_per_s: online * 14_200 * wave(now, online),
    created_at: now - age * MINUTE,
    status,
  });
  return [
    row("room", ROOM, "Friday jazz", "alice", 8, "live"),
    row("talk", "raid-7", "", "", 23, "live"),
    row(
      "class",
      "0c51d2ab9f6e4d0b8b1f6b0f4d2e9a71",
      "Algebra II, Thursday group",
      "Ms Okafor",
      31,
      "live",
      "1000",
      25,
    ),
    row("room", "77aa9c0e5d1b47a3b8e6f0a1c2d3e4f5", "睡前故事", "李娜", 4, "live"),
    row("talk", "lobby", "", "", 2, "live", "2000"),
    row("class", "1c51d2ab9f6e4d0b8b1f6b0f4d2e9a72", "Physics lab", "Mr Lind", 0, "preparing"),
    row("class", "2c51d2ab9f6e4d0b8b1f6b0f4d2e9a73", "Latin, group B", "Ms Okafor", 0, "paused"),
    row(
      "room",
      "88aa9c0e5d1b47a3b8e6f0a1c2d3e4f5",
      "Learning guitar, week 3",
      "Carlos",
      0,
      "empty",
      "1000",
      9_000,
    ),
  ].filter((entry) => !ended.has(entry.channel));
};

function detail(channel) {
  const now = Date.now();
  const track = (user, source, rate, extra = {}) => ({
    sid: `TR_${user}_${source}`,
    source,
    kind: source === "camera" ? "video" : "audio",
    muted: false,
    bits_per_s: rate * (0.9 + 0.2 * Math.random()),
    layers: [],
    ...extra,
  });
  const one = (user, minutes, tracks, extra = {}) => ({
    user,
    name: user,
    identity: user,
    session: `PA_${user}`,
    joined_at: now - minutes * MINUTE,
    connected: true,
    hidden: false,
    muted: { audio: muted.has(user), video: false },
    may_publish: tracks.length > 0,
    tracks,
    subscriptions: 5,
    ...extra,
  });
  const video = {
    frames_per_s: 24.9,
    width: 1280,
    height: 720,
    layers: [
      { rid: "q", bits_per_s: 148_000, active: true },
      { rid: "h", bits_per_s: 482_000, active: true },
      { rid: "f", bits_per_s: 0, active: false },
    ],
  };
  const people = [
    one("alice", 38, [
      track("alice", "microphone", 34_000),
      track("alice", "camera", 630_000, video),
    ]),
    one("Ben Adler", 31, [track("Ben Adler", "microphone", 31_200)]),
    one("Mina", 12, [track("Mina", "microphone", 0, { muted: true })]),
    one("griefer42", 4, [track("griefer42", "microphone", 47_900)], {
      identity: "griefer42#phone",
    }),
    one("dave", 2, [], { connected: false, subscriptions: 0 }),
    one("Nadia", 22, []),
  ];
  const entry = channels().find((candidate) => candidate.channel === channel);
  if (!entry) return null;
  const seats = Array.from({ length: 8 }, (_, i) => ({ seat: i + 1, muted: false }));
  Object.assign(seats[0], { user: "Ben Adler" });
  Object.assign(seats[1], { user: "Mina", muted: muted.has("Mina") });
  Object.assign(seats[4], { user: "griefer42", muted: muted.has("griefer42") });
  return {
    ...entry,
    ...(entry.kind === "room"
      ? { notice: "Bring a record you love. Be kind, keep it short." }
      : {}),
    seats: entry.kind === "room" ? seats : [],
    ...(entry.kind === "class"
      ? {
          class: {
            id: channel,
            status: entry.status === "live" ? "running" : entry.status,
            ...(entry.status === "live" ? { started_at: now - 25 * MINUTE } : {}),
            members_total: 34,
          },
        }
      : {}),
    participants:
      entry.online === 0
        ? []
        : people.filter(
            ({ user }) => !bans.some((ban) => ban.user === user && ban.channel === channel),
          ),
    group_only: entry.online === 0 ? [] : ["Yusuf K", "lurker"],
    bans: bans.filter((ban) => ban.channel === channel),
  };
}

const has = (text, part) =>
  !part ||
  String(text ?? "")
    .toLowerCase()
    .includes(part.toLowerCase());
function page(rows, query) {
  const offset = Number(query.get("offset") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  return { total: rows.length, items: rows.slice(offset, offset + limit) };
}

function read(path, q) {
  const get = (name) => q.get(name) ?? "";
  const [, channel] = /^\/channels\/[^/]+\/([^/]+)$/.exec(path) ?? [];
  if (channel !== undefined) return detail(decodeURIComponent(channel));
  switch (path) {
    case "/overview":
      return overview(bans, accounts);
    case "/series":
      return series(Number(q.get("minutes") ?? 60));
    case "/channels": {
      const rows = channels().filter(
        (row) =>
          (!get("kind") || row.kind === get("kind")) &&
          (!get("app") || row.app === get("app")) &&
          (has(row.title, get("q")) || has(row.channel, get("q")) || has(row.owner, get("q"))),
      );
      return { ...page(rows, q), complete: true };
    }
    case "/bans":
      return page(
        bans.filter(
          (ban) =>
            has(ban.user, get("user")) &&
            has(ban.channel, get("channel")) &&
            (!get("app") || ban.app === get("app")),
        ),
        q,
      );
    case "/calls":
      return page(
        calls().filter(
          (call) =>
            has(call.user, get("user")) &&
            has(call.channel, get("channel")) &&
            call.joined_at >= Number(get("from")) &&
            (!get("to") || call.joined_at < Number(get("to"))),
        ),
        q,
      );
    case "/calls/days":
      return { days: days(Number(q.get("days") ?? 30)) };
    case "/accounts":
      return page(
        accounts.filter(({ user }) => has(user, get("q"))),
        q,
      );
    case "/apps":
      return page(APPS, q);
    case "/requests":
      return page(
        requests().filter(
          (row) =>
            has(row.path, get("q")) &&
            (!get("status") || `${Math.floor(row.status / 100)}xx` === get("status")),
        ),
        q,
      );
    case "/audit":
      return page(
        audit.filter((row) => has(row.command, get("q")) || has(row.identifier, get("q"))),
        q,
      );
    default:
      return null;
  }
}

const refuse = (http, code, message) => ({
  http,
  body: { error: { code, message, request_id: "9332ba07bd2e-77" } },
});
const DONE = { http: 204, body: null };

function write(method, path, body, me) {
  const [, app, channel, what] =
    /^\/channels\/([^/]+)\/([^/]+)\/(\w+)$/.exec(path)?.map(decodeURIComponent) ?? [];
  const [, user, sub] =
    /^\/accounts\/([^/]+)(?:\/(\w+))?$/
      .exec(path)
      ?.map((part) => part && decodeURIComponent(part)) ?? [];
  const account = accounts.find((entry) => entry.user === user);
  const now = Date.now();
  if (what === "kick") {
    bans = bans.filter((ban) => ban.user !== body.user || ban.channel !== channel);
    if (body.ban_seconds > 0)
      bans.unshift({
        app,
        channel,
        user: body.user,
        source: "console",
        by: me,
        created_at: now,
        until: now + body.ban_seconds * 1_000,
      });
    return DONE;
  }
  if (what === "mute") {
    if (body.audio) muted.add(body.user);
    else muted.delete(body.user);
    return DONE;
  }
  if (what === "end") {
    ended.add(channel);
    return DONE;
  }
  if (path === "/bans/lift") {
    bans = bans.filter((ban) => ban.user !== body.user || ban.channel !== body.channel);
    return DONE;
  }
  if (path === "/accounts") {
    if (accounts.some((entry) => entry.user === body.user))
      return refuse(409, "conflict", "there is an account of this name: choose another name");
    accounts.push({ user: body.user, admin: body.admin, disabled: false, from_config: false });
    return { http: 201, body: null };
  }
  if (!account) return refuse(404, "not_found", "there is no such account");
  if (sub === "logout") return DONE;
  if (user === me && (method === "DELETE" || body.disabled || body.admin === false))
    return refuse(409, "conflict", "this is your own account: let another administrator do it");
  if (method === "DELETE") accounts = accounts.filter((entry) => entry !== account);
  else
    Object.assign(account, {
      admin: body.admin ?? account.admin,
      disabled: body.disabled ?? account.disabled,
    });
  return DONE;
}

/** The answer to a request of the console, or null if it is none. */
export async function answerConsole(method, url, me, text) {
  const [, doc] = /^\/openapi\/([a-z-]+\.json)$/.exec(url.pathname) ?? [];
  if (doc !== undefined) {
    const file = fileURLToPath(new URL(`../../docs/openapi/${doc}`, import.meta.url));
    const known = await readFile(file, "utf8").then(JSON.parse, () => null);
    return known === null ? { http: 404, body: {} } : { http: 200, body: known };
  }
  if (!url.pathname.startsWith(BASE)) return null;
  if (me === "") return refuse(401, "unauthorized", "sign in first");
  if (me === "guest") return refuse(403, "forbidden", "only administrators may use the console");
  const path = url.pathname.slice(BASE.length);
  if (path === "/me")
    return {
      http: 200,
      body: { user: me, version: "0.4.0", now: Date.now(), time_zone: "+08:00" },
    };
  if (method !== "GET") return write(method, path, JSON.parse(text || "{}"), me);
  const body = read(path, url.searchParams);
  return body === null ? refuse(404, "not_found", "there is no such channel") : { http: 200, body };
}
