// A server, Chromium and a page with livekit-client, for the browser tests. Everything is ended by process id.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, "../..");

export const TICK_MS = 50;

/** Asks `condition` until it is truthy; answers what it answered. */
export async function until(condition, ms, what) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await condition();
    if (got) return got;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((r) => setTimeout(r, TICK_MS));
  }
}

/** Fails as soon as `condition` is falsy within the time. */
export async function holds(condition, ms, what) {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    if (!(await condition())) throw new Error(`did not hold for ${ms} ms: ${what}`);
    await new Promise((r) => setTimeout(r, TICK_MS));
  }
}

/**
 * Starts `stoa dev` on free ports; `settings` are keys of the configuration. STOA_BIN names another binary, STOA_PAGES
 * a folder with built pages that are served instead of those inside it.
 */
export async function startServer(settings = {}) {
  const binary = process.env.STOA_BIN ?? join(ROOT, "target/debug/stoa");
  if (!existsSync(binary)) throw new Error(`${binary} is missing: run \`make test\`, or build it with \`cargo build\``);
  const folder = mkdtempSync(join(tmpdir(), "stoa-browser-"));
  const data = join(folder, "data");
  const log = openSync(join(folder, "log"), "a");
  const args = ["dev", "--listen", "127.0.0.1:0", "--data", data, "--media-port", "0"];
  const pages = process.env.STOA_PAGES;
  if (pages && !existsSync(join(pages, "index.html"))) throw new Error(`${pages} holds no pages: run \`npm run build\` in web/`);
  if (pages) args.push("--pages", resolve(pages));
  for (const [key, value] of Object.entries(settings)) args.push("--set", `${key}=${JSON.stringify(value)}`);
  const child = spawn(binary, args, { stdio: ["ignore", log, log], cwd: folder });
  const ended = new Promise((r) => child.once("exit", r));
  const readLog = () => readFileSync(join(folder, "log"), "utf8");
  const ready = await until(async () => {
    if (child.exitCode !== null) throw new Error(`stoa ended with ${child.exitCode}:\n${readLog()}`);
    try {
      const facts = JSON.parse(readFileSync(join(data, "ready.json"), "utf8"));
      return facts.pid === child.pid && (await fetch(`${facts.http}/readyz`)).ok && facts;
    } catch {
      return null;
    }
  }, 30_000, "the server is ready");
  return {
    url: ready.http,
    log: readLog,
    /** Gives an account with administrator rights, as an operator on the machine does. */
    async addAdmin(name, password) {
      const asked = spawn(binary, ["user", "add", name, "--admin", "--data", data], { stdio: ["pipe", log, log], cwd: folder });
      asked.stdin.end(`${password}\n`);
      const code = await new Promise((r) => asked.once("exit", r));
      if (code !== 0) throw new Error(`no administrator: ${readLog().slice(-1000)}`);
    },
    /** The process does nothing at all, and nobody is told: as a machine that is overloaded or a lid that is closed. */
    freeze: () => child.kill("SIGSTOP"),
    thaw: () => child.kill("SIGCONT"),
    async stop() {
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 12_000);
      await ended;
      clearTimeout(timer);
      const text = readLog();
      rmSync(folder, { recursive: true, force: true });
      if (text.includes("panicked at")) throw new Error(`the server panicked:\n${text.slice(-4000)}`);
    },
  };
}

let people = 0;

/** Logs in a new user (demo rule: password equals name) and answers a caller of the API. */
export async function login(server, prefix = "user") {
  const name = `${prefix}-${Date.now().toString(36)}-${people++}`;
  const post = async (path, body, token) => {
    const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const reply = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return reply.json();
  };
  const { token } = await post("/login", { username: name, password: name });
  const call = async (endpoint, body) => {
    const answer = await post(`/api/chatroom/${endpoint}`, body, token);
    if (answer.code !== 200) throw new Error(`${endpoint}: ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    name,
    call,
    createRoom: async () => (await call("create", { title: "browser test", anchor: name })).id,
    join: (id) => call("joinMic", { id, user_id: name }),
    leave: (id, index = 1, user = name) => call("leaveMic", { id, user_id: user, index }),
    dismiss: (id) => call("dismiss", { id, user_id: name }),
    rtc: (id) => call("getRtcAuthToken", { room_id: id, user_id: name }),
    seats: async (id) => (await call("getMeetingInfo", { id })).members.filter((m) => m.joined).map((m) => m.user_id),
  };
}

/** The app of `stoa dev`. */
const DEV_APP = { appkey: "devkey", secret: "devsecret-devsecret-devsecret-00" };

/** A Talk command as the app's own backend gives it; fails on a refusal. */
export async function talk(server, command, fields = {}) {
  const curtime = String(Math.floor(Date.now() / 1000));
  const checksum = createHash("sha1").update(DEV_APP.secret + curtime).digest("hex");
  const query = new URLSearchParams({ appkey: DEV_APP.appkey, identifier: "admin", curtime, checksum });
  const reply = await fetch(`${server.url}/v1/im/${command}?${query}`, { method: "POST", body: JSON.stringify(fields) });
  const answer = await reply.json();
  if (answer.ErrorCode !== 0) throw new Error(`${command}: ${JSON.stringify(answer)}`);
  return answer;
}

/** Chromium and a tiny web server of another origin than stoa's, as an app's page would have. */
export async function startBrowser(extraArgs = []) {
  const files = {
    "/": ["text/html", "<!doctype html><meta charset=utf-8><title>test</title><script src=/livekit.js></script><script src=/client.js></script>"],
    "/livekit.js": ["text/javascript", readFileSync(join(HERE, "node_modules/livekit-client/dist/livekit-client.umd.js"))],
    "/client.js": ["text/javascript", readFileSync(join(HERE, "client.js"))],
  };
  const web = createServer((req, res) => {
    const [type, body] = files[req.url] ?? [];
    res.writeHead(type ? 200 : 404, { "content-type": type ?? "text/plain" });
    res.end(body ?? "");
  });
  await new Promise((r) => web.listen(0, "127.0.0.1", r));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: false, // the new headless mode is a flag of the browser itself
    args: [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required", "--disable-background-networking", "--mute-audio", ...extraArgs,
    ],
  });
  const pages = [];
  return {
    /** A fresh page: its own profile, its own devices. */
    async open() {
      const context = await browser.newContext({ permissions: ["microphone", "camera"] });
      const page = await context.newPage();
      page.faults = [];
      page.on("pageerror", (e) => page.faults.push(String(e)));
      await page.goto(`http://127.0.0.1:${web.address().port}/`);
      await page.waitForFunction(() => window.LivekitClient && window.client);
      pages.push(page);
      return page;
    },
    async stop() {
      await browser.close();
      web.closeAllConnections();
      await new Promise((r) => web.close(r));
    },
  };
}

/** A person in a room: an API caller with a page that has joined. */
export async function enter(server, browser, user, room, { token, listen = true } = {}) {
  const page = await browser.open();
  const rtc = token ? { rtc_url: server.url.replace("http", "ws"), auth_token: token } : await user.rtc(room);
  await page.evaluate(([url, token]) => client.connect(url, token), [rtc.rtc_url, rtc.auth_token]);
  const run = (name, ...args) => page.evaluate(([name, args]) => client[name](...args), [name, args]);
  return {
    name: user.name, user, page, run,
    /** Audio energy of that speaker over a second and a half (the fake microphone beeps once a second), by the browser's own statistics. */
    hears: async (speaker) => (await run("energy", speaker.name, 1500)) > 1e-5,
    waitHears: (speaker, ms = 15_000) => until(async () => (await run("energy", speaker.name, 400)) > 1e-5, ms, `${user.name} hears ${speaker.name}`),
    waitSees: (speaker, ms = 20_000) => until(async () => (await run("framesDecoded", speaker.name)) > 10, ms, `${user.name} sees ${speaker.name}`),
    hasTrackOf: (speaker, kind = "audio") => run("hasTrack", speaker.name, kind),
    packets: (speaker) => run("packetsReceived", speaker.name),
  };
}
