import { devices } from "../lib/devices";
import { listen, look, Meter, open, stop } from "./devices";
import { openDoor } from "./door";
import { CHECKS, type CheckId, type Findings, type PathFinding, type Protocol } from "./findings";
import { checkSocket } from "./socket";
import { tone } from "./tone";

/** Sound is counted this long: long enough for a loss of one in a hundred to show, short enough to wait for. */
const MEASURE_MS = 5_000;

export interface TestState {
  phase: "idle" | "running" | "done";
  /** Being made right now. */
  current: CheckId | null;
  findings: Findings;
  microphone: MediaStream | null;
  camera: MediaStream | null;
  meter: Meter | null;
  /** Epoch ms; null before the first run. */
  startedAt: number | null;
}

const NOTHING: TestState = {
  phase: "idle",
  current: null,
  findings: {},
  microphone: null,
  camera: null,
  meter: null,
  startedAt: null,
};

/** One page's connection test: run as often as wanted, one state to render. */
export class TestRun {
  private state = NOTHING;
  private readonly watchers = new Set<() => void>();
  private closed = false;

  readonly snapshot = (): TestState => this.state;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** All checks, one after the other: together they would disturb each other's figures. */
  async start(): Promise<void> {
    if (this.state.phase === "running") return;
    this.release();
    this.set({ ...NOTHING, phase: "running", startedAt: Date.now() });
    const [microphone, camera, websocket] = CHECKS;
    await this.step(microphone, () => this.checkMicrophone());
    await this.step(camera, () => this.checkCamera());
    await this.step(websocket, async () => this.found({ websocket: await checkSocket() }));
    await this.checkMedia();
    this.set({ phase: "done", current: null });
  }

  /** Switches microphone and camera off; what was found out stays. */
  release(): void {
    const { microphone, camera, meter } = this.state;
    stop(microphone);
    stop(camera);
    meter?.close();
    this.set({ microphone: null, camera: null, meter: null });
  }

  /** Another microphone, remembered for rooms and classes too, and listened to at once. */
  async chooseMicrophone(id: string): Promise<void> {
    if (this.state.phase !== "done" || this.state.current !== null) return;
    devices.choose("audioinput", id);
    stop(this.state.microphone);
    this.state.meter?.close();
    this.set({ microphone: null, meter: null, current: "microphone" });
    await this.checkMicrophone();
    this.set({ current: null });
  }

  reopen(): void {
    this.closed = false;
  }

  close(): void {
    this.release();
    this.closed = true;
  }

  private async step(check: CheckId, run: () => Promise<void>): Promise<void> {
    if (this.closed) return;
    this.set({ current: check });
    await run();
  }

  private async checkMicrophone(): Promise<void> {
    await devices.look();
    const { used } = devices.snapshot().audioinput;
    const opened = await open({ audio: used === "" ? true : { deviceId: { ideal: used } } });
    if ("problem" in opened) {
      return this.found({ microphone: { kind: "failed", problem: opened.problem } });
    }
    if (this.closed) return stop(opened.stream);
    const meter = new Meter(opened.stream);
    this.set({ microphone: opened.stream, meter });
    // Names of devices are told only now.
    void devices.look();
    this.found({ microphone: await listen(opened.stream, meter) });
  }

  private async checkCamera(): Promise<void> {
    const opened = await open({ video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
    if ("problem" in opened) {
      return this.found({ camera: { kind: "failed", problem: opened.problem } });
    }
    if (this.closed) return stop(opened.stream);
    this.set({ camera: opened.stream });
    this.found({ camera: await look(opened.stream) });
  }

  /** The way by UDP, with figures; then the way by TCP, with figures if there were none before. */
  private async checkMedia(): Promise<void> {
    if (this.closed) return;
    this.set({ current: "udp" });
    // The media client is the big part of the test: loaded while the server is asked for tokens.
    const [{ walk }, door] = await Promise.all([import("./path"), openDoor()]);
    if (door.kind === "closed") {
      const path: PathFinding = { kind: "failed", failure: door.why };
      return this.found({ udp: path, tcp: path, quality: { kind: "failed" } });
    }
    const sound = this.sound();
    try {
      for (const protocol of ["udp", "tcp"] satisfies Protocol[]) {
        if (this.closed) return;
        this.set({ current: protocol });
        const measureMs = this.state.findings.quality === undefined ? MEASURE_MS : 0;
        const walked = await walk(protocol, door.tickets, sound.track, measureMs, (path) => {
          this.found({ [protocol]: path });
          if (measureMs > 0) this.set({ current: "quality" });
        });
        this.found({ [protocol]: walked.path });
        if (walked.quality !== null) {
          this.found({ quality: { kind: "measured", quality: walked.quality } });
        }
      }
      if (this.state.findings.quality === undefined) this.found({ quality: { kind: "failed" } });
    } finally {
      sound.end();
    }
  }

  /** The microphone if there is one, else a tone: the network can be tested without. */
  private sound(): { track: MediaStreamTrack; end: () => void } {
    const track = this.state.microphone?.getAudioTracks()[0]?.clone();
    return track === undefined ? tone() : { track, end: () => track.stop() };
  }

  private found(findings: Findings): void {
    this.set({ findings: { ...this.state.findings, ...findings } });
  }

  private set(change: Partial<TestState>): void {
    if (this.closed) return;
    this.state = { ...this.state, ...change };
    for (const watcher of this.watchers) watcher();
  }
}
