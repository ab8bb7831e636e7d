import { ASSISTANT, ENDED, STUDENT, type WireClass } from "../api/classroom";
import { ApiError } from "../api/error";
import { micProblem } from "../room/mic-problem";
import type { ClassMedia, ClassMediaHandlers, Device, GoneReason, Person } from "./media-port";
import { type EndReason, identityIn } from "./state";
import type { Stay } from "./stay";

/** Delays before the next attempt to connect; the last one repeats. */
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

interface Listener {
  people(people: readonly Person[]): void;
  permission(mayPublish: boolean): void;
  /** Somebody came who has not heard what was said before. */
  arrived(user: string): void;
  /** Put out for a reason that may be over soon: the class is to be looked at again. */
  lookLater(): void;
  /** Nothing is looked at until that is known. */
  stopLooking(): void;
}

/** The live channel of one stay, and the own devices in it. */
export class Connection {
  private media: ClassMedia | null = null;
  private retryTimer: number | undefined;
  private attempts = 0;
  /** Counts connections: whatever an earlier one still reports is ignored. */
  private turn = 0;

  constructor(
    private readonly stay: Stay,
    private readonly listener: Listener,
  ) {}

  /** With what is known of the class already, or joining it again: a lost connection may have cost the membership. */
  async connect(known?: WireClass): Promise<void> {
    if (this.stay.closed) return;
    this.hangUp();
    const { turn, stay } = this;
    stay.update({ link: { kind: "connecting" } });
    try {
      // The media client is the big part of the page: loaded here, beside the request for the ticket.
      const [{ openClassMedia }, info] = await Promise.all([
        import("./media"),
        known ?? stay.join(),
      ]);
      if (turn !== this.turn || info === null) return;
      if (info.status === ENDED) return stay.rest();
      const { rtc_url: url, rtc_token: token } = info.link_info ?? {};
      if (url === undefined || token === undefined) return void this.outside("removed");
      const media = await openClassMedia(url, token, this.handlers(turn));
      if (turn !== this.turn) return void media.close();
      this.media = media;
      this.attempts = 0;
      stay.update({ link: { kind: "live" } });
    } catch (error) {
      if (turn !== this.turn) return;
      if (error instanceof ApiError && error.kind === "not-found") return stay.end("deleted");
      this.lost();
    }
  }

  hangUp(): void {
    this.turn += 1;
    void this.media?.close();
    this.media = null;
    clearTimeout(this.retryTimer);
  }

  retryNow(): void {
    if (this.stay.snapshot().link.kind === "lost") void this.connect();
  }

  async startAudio(): Promise<void> {
    await this.media?.startAudio();
  }

  /** Gives all devices back. */
  stopAll(): void {
    void this.media?.stopAll();
  }

  async setDevice(device: Device, on: boolean): Promise<void> {
    const { stay } = this;
    if (this.media === null || stay.snapshot().switching !== null) return;
    if (on && !window.isSecureContext) {
      return stay.update({ problem: { device, kind: "insecure" } });
    }
    stay.update({ problem: null, switching: device });
    try {
      await this.media.setDevice(device, on);
      // The word that one may speak now has been understood.
      if (on && stay.snapshot().news === "on-stage") stay.update({ news: null });
    } catch (error) {
      const kind = micProblem(error);
      // Whoever closes the browser's list of screens has changed their mind; nothing is wrong.
      if (device !== "screen" || kind !== "denied") stay.update({ problem: { device, kind } });
    } finally {
      stay.update({ switching: null });
    }
  }

  /** Put out by the server: asks it why. */
  async outside(guess: EndReason): Promise<void> {
    const { stay } = this;
    this.hangUp();
    this.listener.stopLooking();
    let info: WireClass;
    try {
      info = await stay.api.get(stay.id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.kind === "not-found") return stay.end("deleted");
      this.lost();
      return this.listener.lookLater();
    }
    if (stay.closed) return;
    const { identity, me } = stay.snapshot();
    if (info.link_info === undefined) return stay.end("kicked");
    if (info.status === ENDED) {
      stay.learn(info);
      stay.rest();
      return this.listener.lookLater();
    }
    if (identity === ASSISTANT && identityIn(info, me) === STUDENT) return stay.end("permit-gone");
    if (guess === "over") {
      // The channel closed under a class that goes on: back into a new one.
      this.lost();
      return this.listener.lookLater();
    }
    stay.end(guess);
  }

  private lost(): void {
    this.hangUp();
    const delay = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)] ?? 0;
    this.attempts += 1;
    this.stay.update({ link: { kind: "lost", retryAt: Date.now() + delay }, people: [] });
    if (this.stay.closed) return;
    this.retryTimer = window.setTimeout(() => void this.connect(), delay);
  }

  private handlers(turn: number): ClassMediaHandlers {
    const { stay, listener } = this;
    const current = <T extends unknown[]>(act: (...args: T) => void) => {
      return (...args: T) => {
        if (turn === this.turn && !stay.closed) act(...args);
      };
    };
    return {
      people: current((people) => listener.people(people)),
      devices: current((devices) => stay.update({ devices })),
      permission: current((mayPublish) => listener.permission(mayPublish)),
      audioBlocked: current((audioBlocked) => stay.update({ audioBlocked })),
      arrived: current((user) => listener.arrived(user)),
      reconnecting: current(() => stay.update({ link: { kind: "reconnecting" } })),
      live: current(() => stay.update({ link: { kind: "live" } })),
      gone: current((reason) => void this.gone(reason)),
    };
  }

  /** A connection that never came up reports through `connect`. */
  private async gone(reason: GoneReason): Promise<void> {
    if (this.media === null) return;
    this.hangUp();
    if (reason === "lost") return this.lost();
    if (reason === "replaced") return this.stay.end("replaced");
    await this.outside(reason === "dismissed" ? "over" : "removed");
  }
}
