// A stand-in for the server, for working on the page: the calls it needs, in memory, with a few made-up people.
// No media and no rules beyond what the views show. Serves the mock build with the product's content security policy.
//   npm run build:mock && npm run mock      or      npm run mock  beside  STOA_URL=http://127.0.0.1:7890 npm run dev:mock
import { randomBytes, randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { answerConsole, seedConsole } from "./mock-console.mjs";
import { answerTalk, leaveTalk, lookAtTalk, newSession, seedTalk } from "./mock-talk.mjs";

const PORT = Number(process.env.MOCK_PORT ?? 7890);
const SITE = fileURLToPath(new URL("../node_modules/.mock-dist/", import.meta.url));
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const rooms = new Map();
/** What the mock media reports: room id → { user → { seat, mic, silenced } }, and the state of the link. */
const live = new Map();
let link = "live";

function makeRoom(owner, title, notice, people = []) {
  const id = randomBytes(16).toString("hex");
  const now = new Date().toISOString().replace(/\.\d+Z/, "+00:00");
  const seats = Array.from({ length: 8 }, (_, i) => ({ index: i + 1, joined: false, user_id: "" }));
  rooms.set(id, {
    id,
    title,
    notice,
    seats,
    chat_id: id,
    extends: "",
    cover_url: "",
    anchor_id: owner,
    anchor_nick: owner,
    status: 1,
    show_code: randomInt(10_000_000, 100_000_000),
    created_at: now,
    updated_at: now,
    started_at: now,
  });
  live.set(id, new Map());
  for (const person of people) {
    if (person.seat) sit(rooms.get(id), person.user, person.seat);
    live.get(id).set(person.user, { mic: true, silenced: false, speaks: false, ...person });
  }
  return rooms.get(id);
}

function sit(room, user, index) {
  const profile = JSON.stringify({ user_nick: user, user_avatar: "" });
  room.seats[index - 1] = {
    index,
    joined: true,
    user_id: user,
    extends: profile,
    join_time: Date.now(),
  };
}

function show(room) {
  const { seats, ...rest } = room;
  return {
    ...rest,
    meetingInfo: JSON.stringify({ members: seats }),
    metrics: { online_count: room.status === 1 ? live.get(room.id).size : 0 },
  };
}

const person = (user, seat = 0, extra = {}) => ({ user, seat, ...extra });
function seed() {
  rooms.clear();
  live.clear();
  link = "live";
  makeRoom("Carlos", "Learning guitar, week 3", "");
  makeRoom("wei", "Tea and small talk", "Everybody is welcome. Listen first, then take a seat.", [
    person("wei"),
    person("Li Na", 2),
    person("omar", 5),
  ]);
  makeRoom(
    "Priya Nair",
    "Night owls: books we did not finish",
    "Two minutes each, no spoilers for the others please.",
    [
      person("Priya Nair"),
      ...["Jonas", "mei", "Ada L", "tomas", "Zoë", "kofi"].map((user, i) => person(user, i + 1)),
      ...Array.from({ length: 38 }, (_, i) => person(`guest ${i + 1}`)),
    ],
  );
  makeRoom(
    "alice",
    "Friday jazz",
    "Bring a record you love. Be kind, keep it short, let the music breathe.",
    [
      person("alice", 0, { speaks: true }),
      person("Ben Adler", 1, { speaks: true }),
      person("Mina", 2, { mic: false }),
      person("Jimi", 4),
      person("Sofia Rossi", 5, { silenced: true }),
      person("dave"),
      person("Nadia"),
      person("Yusuf K"),
    ],
  );
}
seed();

const calls = {
  "/login": (_, { username, password }) =>
    username === password
      ? { token: Buffer.from(username).toString("base64url"), expire: "" }
      : { code: 401, message: "incorrect username or password" },
  "/api/chatroom/list": (_, { page_size }) => {
    const all = [...rooms.values()].filter((room) => room.status === 1).reverse();
    return {
      rooms: all.slice(0, page_size).map(show),
      ...(all.length > page_size ? { next_cursor: "x" } : {}),
    };
  },
  "/api/chatroom/create": (me, { title, notice }) => show(makeRoom(me, title, notice ?? "")),
  "/api/chatroom/get": (_, { id }) =>
    rooms.has(id) ? show(rooms.get(id)) : { code: 404, message: "room not found" },
  "/api/chatroom/getRtcAuthToken": (me, { room_id }, host) => {
    if (rooms.get(room_id)?.status !== 1)
      return { http: 404, code: 404, message: "room not found" };
    return {
      auth_token: `${room_id}/${me}`,
      authToken: `${room_id}/${me}`,
      timestamp: 0,
      rtc_url: `ws://${host}`,
    };
  },
  "/api/chatroom/dismiss": (me, { id }) => {
    const room = rooms.get(id);
    if (room?.anchor_id !== me)
      return { success: false, reason: "NoPermit", message: "not the owner" };
    room.status = 2;
    return { success: true };
  },
  "/api/chatroom/joinMic": (me, { id, index }) => {
    const room = rooms.get(id);
    const free =
      room.seats[index - 1]?.joined === false
        ? room.seats[index - 1]
        : room.seats.find((s) => !s.joined);
    if (!free) return { reason: 1, desc: "all seats are taken", message: "all seats are taken" };
    sit(room, me, free.index);
    live.get(id).set(me, { mic: false, silenced: false, seat: free.index });
    return { members: room.seats };
  },
  "/api/chatroom/leaveMic": (_, { id, user_id }) => {
    const room = rooms.get(id);
    room.seats = room.seats.map((seat) =>
      seat.user_id === user_id
        ? { index: seat.index, joined: false, user_id: "", extends: "" }
        : seat,
    );
    const held = live.get(id).get(user_id);
    if (held) Object.assign(held, { seat: 0, mic: false });
    return { success: true, members: room.seats };
  },
  "/api/chatroom/getMeetingInfo": (_, { id }) => {
    const room = rooms.get(id);
    if (room?.status !== 1)
      return { code: 404, success: false, members: [], message: "room not found" };
    return { success: true, members: room.seats };
  },
  // What the mock media asks for, and a lever for screenshots of bad moments.
  "/mock/reset": () => {
    seed();
    seedTalk();
    seedConsole();
    return {};
  },
  "/mock/talk/session": newSession,
  "/mock/talk/live": (_, body) => lookAtTalk(body),
  "/mock/talk/leave": (_, body) => leaveTalk(body),
  "/mock/link": (_, body) => {
    link = body.link;
    return {};
  },
  "/mock/live": (_, { room, user, mic, gone }) => {
    const people = live.get(room);
    if (!people || rooms.get(room).status !== 1) return { link: "dismissed", people: [] };
    if (gone) people.delete(user);
    else people.set(user, { seat: 0, silenced: false, speaks: true, ...people.get(user), mic });
    return {
      link,
      mayPublish:
        rooms.get(room).anchor_id === user ||
        rooms.get(room).seats.some((seat) => seat.user_id === user),
      people: [...people].map(([name, p]) => ({
        user: name,
        seat: p.seat,
        mic: p.mic,
        silenced: p.silenced,
        speaking: Boolean(p.speaks && p.mic),
        level: Math.random(),
      })),
    };
  },
};

function caller(request) {
  const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  return Buffer.from(token, "base64url").toString();
}

async function api(request, path) {
  const me = caller(request);
  if (me === "" && path.startsWith("/api"))
    return { http: 401, code: 401, message: "sign in first" };
  const body = JSON.parse((await textOf(request)) || "{}");
  if (body.title === "fail") return { code: 500, message: "internal error" };
  return calls[path](me, body, request.headers.host);
}

async function textOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

createServer(async (request, response) => {
  const url = new URL(request.url, "http://mock");
  const path = url.pathname;
  if (path.startsWith("/api/console/") || path.startsWith("/openapi/")) {
    const text = await textOf(request);
    const { http, body } = await answerConsole(request.method, url, caller(request), text);
    response.writeHead(http, {
      "content-type": "application/json",
      "x-request-id": randomBytes(8).toString("hex"),
    });
    response.end(body === null ? undefined : JSON.stringify(body));
    return;
  }
  if (request.method === "POST" && path.startsWith("/v1/im/")) {
    const answer = answerTalk(url, await textOf(request), request.headers.host);
    response.writeHead(200, {
      "content-type": "application/json",
      "x-request-id": randomBytes(8).toString("hex"),
    });
    response.end(JSON.stringify(answer));
    return;
  }
  if (request.method === "POST" && path in calls) {
    const { http = 200, ...answer } = await api(request, path);
    response.writeHead(http, {
      "content-type": "application/json",
      "x-request-id": randomBytes(8).toString("hex"),
    });
    response.end(JSON.stringify({ code: 200, ...answer }));
    return;
  }
  const file = join(SITE, normalize(path === "/" ? "/index.html" : path));
  try {
    const bytes = await readFile(file);
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-security-policy": CSP,
    });
    response.end(bytes);
  } catch {
    response.writeHead(404).end("not found; run: npm run build:mock");
  }
}).listen(PORT, "127.0.0.1", () => console.log(`mock server at http://127.0.0.1:${PORT}/`));
