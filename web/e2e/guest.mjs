// One person in a browser of their own, with a made-up microphone, and ears that measure instead of believing.
import { chromium } from "playwright-core";
import { writeVoice } from "./voice.mjs";

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--headless=new",
      "--disable-gpu",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-audio-capture=${await writeVoice()}`,
      "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
}

/** Between two looks at the statistics. The browser itself refreshes them about that often. */
const LOOK_MS = 200;
/** A silence counts when it lasts this long: many times the pauses of the made-up voice. */
const SILENCE_MS = 2_000;

export class Guest {
  /** What must not happen: console errors, broken scripts, requests to anybody else. */
  faults = [];
  /** What the test was doing, to go with a fault. */
  step = "";
  reloading = false;

  constructor(user, page, patience) {
    this.user = user;
    this.page = page;
    this.patience = patience;
  }

  static async enter(browser, url, user, viewport, patience) {
    const context = await browser.newContext({ viewport });
    await context.addInitScript(keepPeerConnections);
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const guest = new Guest(user, page, patience);
    guest.watch(url);
    await page.goto(url.href);
    return guest;
  }

  watch(url) {
    this.page.on("console", (message) => {
      // A page that goes away cuts its own signalling; the media client says so with its last breath.
      if (this.reloading && message.text().includes("signal stream")) return;
      if (message.type() === "error") this.fault(`console: ${message.text()}`);
    });
    this.page.on("pageerror", (error) => this.fault(`script: ${error.message}`));
    const check = (address) => {
      const target = new URL(address);
      if (target.protocol === "data:" || target.protocol === "blob:") return;
      if (target.host !== url.host) this.fault(`request to another origin: ${target.origin}`);
    };
    this.page.on("request", (request) => check(request.url()));
    this.page.on("websocket", (socket) => check(socket.url()));
  }

  fault(what) {
    this.faults.push(`[${this.step}] ${what}`);
  }

  async signIn(password) {
    await this.page.getByLabel("User name").fill(this.user);
    await this.page.getByLabel("Password", { exact: true }).fill(password);
    await this.button("Sign in");
  }

  async reload() {
    this.reloading = true;
    await this.page.reload();
    this.reloading = false;
  }

  async button(name) {
    await this.page.getByRole("button", { name, exact: true }).first().click();
  }

  async heading(name) {
    await this.page.getByRole("heading", { name, exact: true }).waitFor();
  }

  async sees(...texts) {
    for (const text of texts) await this.page.getByText(text).first().waitFor();
  }

  /** Waits until sound with energy arrives that was not there when asked. */
  async hears() {
    // From look to look: a track that ends takes its share out of the sum.
    let last = await this.energy();
    await this.until(async () => {
      const before = last;
      last = await this.energy();
      return last > before + 1e-5;
    }, "no sound arrives");
  }

  /** Waits until nothing is heard for a while. */
  async hearsNothing() {
    let last = await this.energy();
    let since = Date.now();
    await this.until(async () => {
      const now = await this.energy();
      if (now > last + 1e-6) since = Date.now();
      last = now;
      return Date.now() - since >= SILENCE_MS;
    }, "sound still arrives");
  }

  energy() {
    return this.page.evaluate(async () => {
      let sum = 0;
      for (const connection of window.keptPeerConnections) {
        for (const entry of (await connection.getStats()).values()) {
          if (entry.type === "inbound-rtp" && entry.kind === "audio")
            sum += entry.totalAudioEnergy ?? 0;
        }
      }
      return sum;
    });
  }

  /** Whether any connection still sends a live microphone track. */
  publishes() {
    return this.page.evaluate(() =>
      window.keptPeerConnections.some((connection) =>
        connection
          .getSenders()
          .some((sender) => sender.track?.readyState === "live" && sender.track.enabled),
      ),
    );
  }

  async until(holds, complaint) {
    const deadline = Date.now() + this.patience;
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`${this.user}: ${complaint}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

/** Runs in the page before its own scripts: remembers every connection, so that its statistics can be read. */
function keepPeerConnections() {
  window.keptPeerConnections = [];
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args);
      window.keptPeerConnections.push(this);
    }
  };
}
