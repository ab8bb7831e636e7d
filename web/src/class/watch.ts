import { ASSISTANT, ENDED, STUDENT, TEACHER } from "../api/classroom";
import { ApiError } from "../api/error";
import type { Message } from "../hub/payload";
import { onThisClock, sameOr } from "./check-in";
import { fromWire } from "./documents";
import { identityIn, withMember } from "./state";
import type { Stay } from "./stay";

/** Until the class is looked at again when it could not be. When something changes the hub tells. */
const LOOK_AGAIN_MS = 3_000;
/** A whole class hears of a change in the same moment: not all of it asks in the same moment. */
const SPREAD_MS = 400;
/** News of members that are remembered: more than come while one list is on its way. */
const HEARD = 200;
/** After a check-in's end, so that the server thinks so too. */
const OVER_MS = 500;
/** A member who is refused was put out, which the live channel tells within a second, or was away for too long. */
const REFUSED_MS = 1_500;

/** Looks at the class: what it is, who is in it, what is shown. The hub says when. */
export class Watch {
  private timer: number | undefined;
  private checkInTimer: number | undefined;
  /** Counts looks: an older one that is answered late says nothing new. */
  private looks = 0;
  private lastLook = 0;
  /** Looks refused in a row. */
  private refusals = 0;
  /** Looks under way. */
  private looking = 0;
  /** What was told of members, and when: a list that was asked for earlier may not have it. */
  private heard: { at: number; data: Message["data"] }[] = [];

  constructor(
    private readonly stay: Stay,
    /** The class goes on again: back into its live channel. */
    private readonly back: () => void,
  ) {}

  close(): void {
    this.stop();
    clearTimeout(this.checkInTimer);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  schedule(delay: number): void {
    clearTimeout(this.timer);
    if (this.stay.closed) return;
    this.timer = window.setTimeout(() => void this.look(), delay);
  }

  /** Something changed for everybody. */
  soon(): void {
    this.schedule(Math.random() * SPREAD_MS);
  }

  later(): void {
    this.schedule(LOOK_AGAIN_MS);
  }

  /** A look under way may answer what was true before: one more tells. */
  after(): void {
    if (this.looking > 0) this.schedule(SPREAD_MS);
  }

  async look(): Promise<void> {
    if (this.stay.closed) return;
    this.looking += 1;
    try {
      await this.lookOnce();
      this.refusals = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.kind === "not-found") return this.stay.end("deleted");
      if (error.kind === "refused") return void this.refused();
      this.stay.update({ stale: true });
      this.schedule(Math.max(LOOK_AGAIN_MS, (error.retryAfterSeconds ?? 0) * 1_000));
    } finally {
      this.looking -= 1;
    }
  }

  memberNews({ data }: Message): void {
    const { stay } = this;
    this.heard = [...this.heard, { at: performance.now(), data }].slice(-HEARD);
    const before = stay.snapshot();
    const members = withMember(before.members, data);
    const more = members.length - before.members.length;
    stay.update({ members, total: before.total + more });
    // Who assists is in the class itself, with what they may.
    if (data["identity"] === ASSISTANT) this.soon();
  }

  /** Whoever was cut off for longer than the server waits is no member any more, and may come back. */
  private async refused(): Promise<void> {
    this.refusals += 1;
    if (this.refusals > 1) {
      try {
        await this.stay.join();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
    this.schedule(REFUSED_MS);
  }

  private async lookOnce(): Promise<void> {
    const { stay } = this;
    const { api, id } = stay;
    this.looks += 1;
    const turn = this.looks;
    const askedAt = performance.now();
    const staff = stay.snapshot().identity !== STUDENT;
    const [info, list, documents, running, permit] = await Promise.all([
      api.get(id),
      api.members(id),
      api.documents(id),
      api.runningCheckIn(id),
      staff ? api.permit(id) : null,
    ]);
    if (stay.closed || turn < this.lastLook) return;
    this.lastLook = turn;
    if (stay.as === ASSISTANT && identityIn(info, stay.snapshot().me) === STUDENT) {
      return stay.end("permit-gone");
    }
    stay.learn(info);
    const since = this.heard.filter(({ at }) => at >= askedAt).map(({ data }) => data);
    const members = since.reduce(withMember, list.members);
    stay.update({
      members,
      total: list.total + members.length - list.members.length,
      documents: documents.map(fromWire),
      running: sameOr(stay.snapshot().running, running && onThisClock(running, Date.now())),
      permit,
      stale: false,
    });
    this.watchCheckIn();
    await this.askCheckedIn();
    if (info.status === ENDED) stay.rest();
    else if (stay.snapshot().link.kind === "resting") this.back();
  }

  /** Nobody tells when a check-in ends: its time is known. */
  private watchCheckIn(): void {
    clearTimeout(this.checkInTimer);
    const { running } = this.stay.snapshot();
    if (running === null || this.stay.closed) return;
    const left = Math.max(0, running.endsAt - Date.now()) + OVER_MS;
    this.checkInTimer = window.setTimeout(() => {
      if (this.stay.snapshot().running?.id === running.id) this.stay.update({ running: null });
    }, left);
  }

  /** After a reload the page does not know whether its user has answered already. */
  private async askCheckedIn(): Promise<void> {
    const { running, checkedIn, identity } = this.stay.snapshot();
    if (running === null || running.id === checkedIn || identity === TEACHER) return;
    const has = await this.stay.api.hasCheckedIn(running.id);
    if (has) this.stay.update({ checkedIn: running.id });
  }
}
