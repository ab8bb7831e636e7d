import type { Message } from "../hub/payload";
import { HubError } from "../hub/port";
import {
  ACCEPT,
  APPLY,
  DECLINE,
  keepHands,
  lower,
  raise,
  readHand,
  WHOSE,
  WITHDRAW,
} from "./hands";
import { handUp, isTeacher, onStage } from "./state";
import type { Stay } from "./stay";

/** Between two words that a hand is still up. */
const AGAIN_MS = 30_000;
/** From the first word of the hub to the question whose hand is up. */
const ASK_MS = 500;
/** The hub's number for what may not be done. */
const NOT_ALLOWED = 1403;

/** Raised hands: messages of the group, from which every page makes the same queue. */
export class HandQueue {
  private timer: number | undefined;
  private closed = false;

  constructor(private readonly stay: Pick<Stay, "group" | "snapshot" | "update">) {}

  async set(up: boolean): Promise<void> {
    const { hands, me } = this.stay.snapshot();
    this.stay.update({ hands: up ? raise(hands, me) : lower(hands, me), news: null });
    await this.tell(up);
  }

  /** Besides the list of the stage, which decides: the student's client may be waiting for the word. */
  accepted(user: string): Promise<void> {
    return this.signal(ACCEPT, user);
  }

  async decline(user: string): Promise<void> {
    this.drop(user);
    await this.signal(DECLINE, user);
  }

  drop(user: string): void {
    this.stay.update({ hands: lower(this.stay.snapshot().hands, user) });
  }

  /** The group is heard, for the first time or again. */
  heard(): void {
    // The server may take a moment to count a fresh subscription as a member.
    this.later(ASK_MS, () => {
      if (isTeacher(this.stay.snapshot())) void this.signal(WHOSE, "");
      else this.remind();
    });
  }

  /** Somebody came into the live channel. A teacher who reloads has an empty queue: hands that are still up say so. */
  arrived(user: string): void {
    if (user === this.stay.snapshot().info?.teacher_id) this.remind();
  }

  take(message: Message): void {
    const signal = readHand(message);
    const { hands, info, me } = this.stay.snapshot();
    if (message.type === WHOSE && message.user === info?.teacher_id) this.remind();
    // What this page sent itself it has done already.
    if (signal === null || message.user === me) return;
    const { user, type } = signal;
    if (type === "raise") {
      const staged = onStage(this.stay.snapshot(), user);
      if (!staged) this.stay.update({ hands: raise(hands, user) });
      return;
    }
    const declined = type === "decline" && user === me && hands.includes(me);
    if (declined) this.stay.update({ news: "declined" });
    this.drop(user);
  }

  /** Drops whoever is gone or speaks by now. */
  tidy(): void {
    const state = this.stay.snapshot();
    const { hands, people, chat, link, me } = state;
    // Before the live channel has told who is there, nobody is missing.
    if (link.kind === "connecting") return;
    const here = new Set([...people.map(({ user }) => user), ...chat.members.keys(), me]);
    const kept = keepHands(hands, (user) => here.has(user) && !onStage(state, user));
    if (kept !== hands) this.stay.update({ hands: kept });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private remind(): void {
    if (handUp(this.stay.snapshot())) void this.tell(true);
  }

  /** An application is forgotten after two minutes, and a teacher who came late has not heard it: it is told again. */
  private async tell(up: boolean): Promise<void> {
    clearTimeout(this.timer);
    const { me } = this.stay.snapshot();
    try {
      await this.signal(up ? APPLY : WITHDRAW, me, true);
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      // Refused, as by a teacher who wants no hands now. Without a connection it is told once there is one.
      if (up && error.code === NOT_ALLOWED) {
        this.drop(me);
        return this.stay.update({ news: "declined" });
      }
    }
    if (up) this.later(AGAIN_MS, () => this.remind());
  }

  /** About one student. Lost or refused it is no more than late: the stage itself is the server's list. */
  private async signal(type: number, studentId: string, strict = false): Promise<void> {
    const teacherId = this.stay.snapshot().info?.teacher_id ?? "";
    const sessionId = `${Date.now()}_${type}`;
    try {
      await this.stay.group.signal(type, { sessionId, studentId, teacherId });
    } catch (error) {
      if (strict || !(error instanceof HubError)) throw error;
    }
  }

  private later(ms: number, act: () => void): void {
    clearTimeout(this.timer);
    if (!this.closed) this.timer = window.setTimeout(act, ms);
  }
}
