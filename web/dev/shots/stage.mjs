// Where scenes are played: a real server, browsers with made-up devices, people with pages of their own.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { writeVoice } from "../../e2e/voice.mjs";
import { writeCameras } from "./camera.mjs";

export const SIZES = {
  phone: { width: 390, height: 780 },
  desk: { width: 1280, height: 800 },
  wide: { width: 1440, height: 900 },
};
/** Longest wait for any one thing on a page. */
const PATIENCE_MS = 15_000;
/** Animations that begin when something appears are over by then. */
const SETTLE_MS = 600;

export class Stage {
  static async open(server, out) {
    await promisify(execFile)("fc-list", [":lang=zh"]).then(
      ({ stdout }) =>
        stdout === "" && console.log("        no Chinese font: install fonts-noto-cjk"),
      () => undefined,
    );
    const [voice, silence, cameras] = await Promise.all([
      writeVoice(),
      writeVoice(0),
      writeCameras(),
    ]);
    // Devices belong to a browser, so there is one browser per face and voice; they start when somebody needs them.
    return new Stage(server, out, { voice, silence, cameras });
  }

  constructor(server, out, devices) {
    Object.assign(this, { server, out, ...devices });
    this.browsers = new Map();
    this.contexts = [];
    this.pictures = [];
    this.hasAdmin = false;
  }

  /** Somebody with a page at `hash`, signed in unless `guest`, who speaks when the microphone is open unless `quiet`. */
  async person(name, options = {}) {
    const { size = "phone", scheme = "light", locale = "en-GB", hash = "#/" } = options;
    const { look = 0, guest = false, quiet = false } = options;
    const browser = await this.browser(look, quiet);
    const context = await browser.newContext({
      viewport: SIZES[size],
      colorScheme: scheme,
      locale,
      permissions: ["microphone", "camera", "clipboard-write"],
    });
    this.contexts.push(context);
    await context.addInitScript(nameDevices);
    if (!guest) {
      const token = await this.login(name);
      await context.addInitScript(
        ([user, token]) => {
          if (sessionStorage.getItem("stoa.session") === null) {
            sessionStorage.setItem("stoa.session", JSON.stringify({ user, token }));
          }
        },
        [name, token],
      );
    }
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${this.server.url}/${hash}`);
    return new Person(name, page, this, `${size}-${scheme}${locale.startsWith("zh") ? "-zh" : ""}`);
  }

  async login(user) {
    const answer = await this.post("/login", { username: user, password: user });
    if (!answer.token) throw new Error(`${user} cannot log in: ${JSON.stringify(answer)}`);
    return answer.token;
  }

  async post(path, body, token) {
    const headers = { "content-type": "application/json" };
    if (token) headers.authorization = `Bearer ${token}`;
    const reply = await fetch(this.server.url + path, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    return reply.json();
  }

  /** A voice room, by the API: its address in the page. */
  async room(owner, title, notice = "") {
    const token = await this.login(owner);
    const room = await this.post("/api/chatroom/create", { title, notice, anchor: owner }, token);
    if (!room.id) throw new Error(`no room: ${JSON.stringify(room)}`);
    return `#/room/${room.id}`;
  }

  async browser(look, quiet) {
    const file = this.cameras[look % this.cameras.length];
    const key = `${file} ${quiet}`;
    if (!this.browsers.has(key)) {
      const args = [
        "--no-sandbox",
        "--headless=new",
        "--disable-gpu",
        "--hide-scrollbars",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        `--use-file-for-fake-audio-capture=${quiet ? this.silence : this.voice}`,
        `--use-file-for-fake-video-capture=${file}`,
        "--autoplay-policy=no-user-gesture-required",
        "--mute-audio",
      ];
      const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
      this.browsers.set(key, await chromium.launch({ executablePath, args }));
    }
    return this.browsers.get(key);
  }

  /** The end of a scene: everybody goes home. */
  async clear() {
    for (const context of this.contexts.splice(0)) await context.close();
  }

  async close() {
    await this.clear();
    for (const browser of this.browsers.values()) await browser.close();
  }
}

class Person {
  constructor(name, page, stage, suffix) {
    Object.assign(this, { name, page, stage, suffix });
  }

  button(name, within = this.page) {
    return within
      .getByRole("button", { name, exact: typeof name === "string" })
      .first()
      .click();
  }

  fill(label, words, within = this.page) {
    return within.getByLabel(label, { exact: true }).first().fill(words);
  }

  sees(words, within = this.page) {
    return within.getByText(words).first().waitFor();
  }

  on(selector) {
    return this.page.locator(selector).first().waitFor();
  }

  click(selector) {
    return this.page.locator(selector).first().click();
  }

  goto(hash) {
    return this.page.goto(`${this.stage.server.url}/${hash}`);
  }

  live() {
    return this.on(".link-dot[data-link=live]");
  }

  /** The window as it is, or one element of it in full. */
  async shot(name, part = null) {
    const { page, stage } = this;
    await page.evaluate(() => document.fonts.ready);
    await page.waitForTimeout(SETTLE_MS);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (overflow > 0) console.log(`        ${name}: ${overflow} px wider than the window`);
    const path = join(stage.out, `${name}-${this.suffix}.png`);
    await (part === null ? page : page.locator(part).first()).screenshot({ path });
    await shrink(path);
    stage.pictures.push(path);
  }
}

/** Runs in the page: the made-up devices are called as real ones are, not by the path of a file. */
function nameDevices() {
  Object.defineProperty(MediaStreamTrack.prototype, "label", {
    get() {
      return this.kind === "audio" ? "USB microphone" : "HD webcam";
    },
  });
  Object.defineProperty(MediaDeviceInfo.prototype, "label", {
    get() {
      return { audioinput: "USB microphone", videoinput: "HD webcam" }[this.kind] ?? "Headphones";
    },
  });
}

/** Pages have few colours: with a palette pictures are a third of the size. Without the tool they stay as they are. */
async function shrink(path) {
  const args = ["--force", "--skip-if-larger", "--ext", ".png", "--quality", "70-95", path];
  await promisify(execFile)("pngquant", args).catch(() => undefined);
}
