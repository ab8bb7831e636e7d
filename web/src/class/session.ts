import {
  ASSISTANT,
  type ClassApi,
  ENDED,
  type JoinRefusal,
  STUDENT,
  TEACHER,
  type WireClass,
} from "../api/classroom";
import { ApiError } from "../api/error";
import { GroupSession, newRid } from "../hub/group";
import { CLASS_COMMENT, type GroupEvent, MEMBER_NEWS, type Message } from "../hub/payload";
import type { GroupView } from "../hub/state";
import { micProblem } from "../room/mic-problem";
import { onThisClock, sameOr } from "./check-in";
import { Desk } from "./desk";
import { fromWire } from "./documents";
import { HandQueue } from "./hand-queue";
import type { ClassMedia, ClassMediaHandlers, Device, GoneReason } from "./media-port";
import { readStage } from "./stage";
import {
  type ClassState,
  type EndReason,
  identityIn,
  initialState,
  isTeacher,
  withMember,
} from "./state";

/** Until the class is looked at again when it could not be. When something changes the hub tells. */
const LOOK_AGAIN_MS = 3_000;
/** A whole class hears of a change in the same moment: not all of it asks in the same moment. */
const SPREAD_MS = 400;
/** News of members that are remembered: more than come while one list is on its way. */
const HEARD = 200;
/** After a check-in's end, so that the server thinks so too. */
const OVER_MS = 500;
/** Delays before the next attempt to connect; the last one repeats. */
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
/** A member who is refused was put out, which the live channel tells within a second, or was away for too long. */
const REFUSED_MS = 1_500;

const REFUSED: Record<JoinRefusal, EndReason> = {
  ClassNotFound: "deleted",
  InBlackList: "banned",
  ClassNotAssistantPermit: "no-permit",
  ClassHasAssistant: "has-assistant",
};

/** One stay of one user in one class, as one state to render. It ends once and is never reused. */
export class ClassSession {
  readonly desk: Desk;
  /** What people write, and who they are. */
  readonly group: GroupSession;
  private readonly hands: HandQueue;
  private state: ClassState;
  private readonly watchers = new Set<() => void>();
  private media: ClassMedia | null = null;
  private lookTimer: number | undefined;
  private checkInTimer: number | undefined;
  private retryTimer: number | undefined;
  private attempts = 0;
  /** Counts connections: whatever an earlier one still reports is ignored. */
  private turn = 0;
  private failures = 0;
  private closed = false;
  private inside = false;
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
    readonly api: ClassApi,
    readonly id: string,
    /** What to be there: assistant, or whatever the server finds. */
    private readonly as: number,
  ) {
    this.state = initialState(api.me, id);
    const device = newRid();
    const { me } = api;
    this.group = new GroupSession(
      { me, group: id, comment: CLASS_COMMENT, token: () => api.hubToken(device) },
      {
        changed: (chat) => this.chatChanged(chat),
        event: (event) => this.told(event),
        reload: () => this.scheduleLook(0),
        out: () => void this.putOut(),
        ended: (reason) => this.end(reason === "replaced" ? "replaced" : "removed"),
        deaf: () => {
          if (document.visibilityState === "visible") this.scheduleLook(0);
        },
      },
    );
    this.hands = new HandQueue({
      group: this.group,
      snapshot: this.snapshot,
      update: (patch) => this.update(patch),
    });
    this.desk = new Desk(api, id, {
      changed: () => this.look(),
      failed: (error) => this.fail(error),
    });
  }

  readonly snapshot = (): ClassState => this.state;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** Joins and connects. Rejects only when the class could not be asked at all. */
  async open(): Promise<void> {
    window.addEventListener("pagehide", this.sayGoodbye);
    window.addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    const info = await this.join();
    if (info === null) return;
    if (info.status === ENDED) this.rest();
    else void this.connect(info);
    await this.group.open();
  }

  async setDevice(device: Device, on: boolean): Promise<void> {
    if (this.media === null || this.state.switching !== null) return;
    if (on && !window.isSecureContext) {
      return this.update({ problem: { device, kind: "insecure" } });
    }
    this.update({ problem: null, switching: device });
    try {
      await this.media.setDevice(device, on);
      // The word that one may speak now has been understood.
      if (on && this.state.news === "on-stage") this.update({ news: null });
    } catch (error) {
      const kind = micProblem(error);
      // Whoever closes the browser's list of screens has changed their mind; nothing is wrong.
      if (device !== "screen" || kind !== "denied") this.update({ problem: { device, kind } });
    } finally {
      this.update({ switching: null });
    }
  }

  /** The teacher's page keeps the queue; everybody sees who wants to speak. */
  setHand(up: boolean): Promise<void> {
    return this.hands.set(up);
  }

  async acceptHand(user: string, name: string): Promise<boolean> {
    const done = await this.desk.putOnStage(user, name);
    if (done) await this.hands.accepted(user);
    return done;
  }

  declineHand(user: string): Promise<void> {
    return this.hands.decline(user);
  }

  async checkIn(): Promise<void> {
    const { running } = this.state;
    if (running === null) return;
    try {
      const refusal = await this.api.checkIn(running.id);
      if (refusal === null || refusal === "AlreadyCheckIn") this.update({ checkedIn: running.id });
      else this.update({ news: "late" });
      this.scheduleLook(0);
    } catch (error) {
      this.fail(error);
    }
  }

  async startAudio(): Promise<void> {
    await this.media?.startAudio();
  }

  retryNow(): void {
    if (this.state.link.kind === "lost") void this.connect();
  }

  readNews(): void {
    this.update({ news: null });
  }

  forgetFailure(): void {
    this.update({ failure: null });
  }

  fail(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    this.failures += 1;
    this.update({ failure: { id: this.failures, error } });
  }

  /** Leaves for good. */
  leave(): void {
    this.sayGoodbye();
    this.close(true);
  }

  private readonly sayGoodbye = (): void => {
    if (this.inside && !this.closed) this.api.leave(this.id);
  };

  private readonly hurry = (): void => {
    if (document.visibilityState !== "visible" || this.closed) return;
    this.retryNow();
  };

  /** `leaving`: the others need not wait whether this page comes back. */
  private close(leaving = false): void {
    this.closed = true;
    this.hands.close();
    this.group.close(leaving);
    window.removeEventListener("pagehide", this.sayGoodbye);
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    clearTimeout(this.lookTimer);
    clearTimeout(this.checkInTimer);
    clearTimeout(this.retryTimer);
    this.hangUp();
  }

  private hangUp(): void {
    this.turn += 1;
    void this.media?.close();
    this.media = null;
    clearTimeout(this.retryTimer);
  }

  private update(patch: Partial<ClassState>): void {
    if (this.closed) return;
    this.state = { ...this.state, ...patch };
    for (const watcher of this.watchers) watcher();
  }

  private end(reason: EndReason): void {
    if (this.closed) return;
    this.update({ link: { kind: "ended", reason } });
    this.close();
  }

  /** The class is over, but not for its teacher, who may open it again. */
  private rest(): void {
    if (!isTeacher(this.state)) {
      this.end("over");
    } else if (this.state.link.kind !== "resting") {
      this.hangUp();
      this.update({ link: { kind: "resting" }, people: [], hands: [] });
    }
  }

  private learn(info: WireClass): void {
    const identity = identityIn(info, this.state.me);
    this.update({ info, identity, stage: readStage(info.meetingInfo) });
    this.hands.tidy();
  }

  /** Null: not let in, which has ended the stay. */
  private async join(): Promise<WireClass | null> {
    const refusal = await this.api.join(this.id, this.as);
    if (this.closed) return null;
    if (refusal !== null) {
      this.end(this.inside && refusal === "InBlackList" ? "kicked" : REFUSED[refusal]);
      return null;
    }
    this.inside = true;
    const info = await this.api.get(this.id);
    this.learn(info);
    return info;
  }

  private scheduleLook(delay: number): void {
    clearTimeout(this.lookTimer);
    if (this.closed) return;
    this.lookTimer = window.setTimeout(() => void this.look(), delay);
  }

  private async look(): Promise<void> {
    if (this.closed) return;
    this.looking += 1;
    try {
      await this.lookOnce();
      this.refusals = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.kind === "not-found") return this.end("deleted");
      if (error.kind === "refused") return void this.refused();
      this.update({ stale: true });
      this.scheduleLook(Math.max(LOOK_AGAIN_MS, (error.retryAfterSeconds ?? 0) * 1_000));
    } finally {
      this.looking -= 1;
    }
  }

  /** Something new that the hub tells. */
  private told(event: GroupEvent): void {
    const { info } = this.state;
    switch (event.kind) {
      case "message":
        if (MEMBER_NEWS.includes(event.type)) this.memberNews(event);
        else this.hands.take(event);
        break;
      case "members":
        this.hands.tidy();
        if (event.left.some(({ user, why }) => user === this.state.me && why === "kicked")) {
          void this.outside("removed");
        }
        break;
      case "exit":
        if (event.reason === "dissolved") this.end("deleted");
        else void this.outside("removed");
        break;
      case "meeting":
        if (info !== null && event.members !== null) {
          const meetingInfo = JSON.stringify({ members: event.members });
          this.learn({ ...info, meetingInfo });
          this.lookAfter();
        }
        break;
      case "info":
        if (info !== null) this.learn({ ...info, notice: event.notice });
        this.lookAfter();
        break;
      case "class":
      case "permit":
      case "docs":
      case "checkIn":
        this.scheduleLook(Math.random() * SPREAD_MS);
    }
  }

  /** A look under way may answer what was true before: one more tells. */
  private lookAfter(): void {
    if (this.looking > 0) this.scheduleLook(SPREAD_MS);
  }

  private memberNews({ data }: Message): void {
    this.heard = [...this.heard, { at: performance.now(), data }].slice(-HEARD);
    const members = withMember(this.state.members, data);
    const more = members.length - this.state.members.length;
    this.update({ members, total: this.state.total + more });
    // Who assists is in the class itself, with what they may.
    if (data["identity"] === ASSISTANT) this.scheduleLook(Math.random() * SPREAD_MS);
  }

  /** Not in the group any more, or not let in: joins the class again, which says why not. */
  private async putOut(): Promise<void> {
    try {
      if ((await this.join()) !== null && !this.closed) this.group.rejoin();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.kind === "not-found") return this.end("deleted");
      this.scheduleLook(LOOK_AGAIN_MS);
    }
  }

  /** Whoever was cut off for longer than the server waits is no member any more, and may come back. */
  private async refused(): Promise<void> {
    this.refusals += 1;
    if (this.refusals > 1) {
      try {
        await this.join();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
    this.scheduleLook(REFUSED_MS);
  }

  private async lookOnce(): Promise<void> {
    const { api, id } = this;
    this.looks += 1;
    const turn = this.looks;
    const askedAt = performance.now();
    const staff = this.state.identity !== STUDENT;
    const [info, list, documents, running, permit] = await Promise.all([
      api.get(id),
      api.members(id),
      api.documents(id),
      api.runningCheckIn(id),
      staff ? api.permit(id) : null,
    ]);
    if (this.closed || turn < this.lastLook) return;
    this.lastLook = turn;
    if (this.as === ASSISTANT && identityIn(info, this.state.me) === STUDENT) {
      return this.end("permit-gone");
    }
    this.learn(info);
    const since = this.heard.filter(({ at }) => at >= askedAt).map(({ data }) => data);
    const members = since.reduce(withMember, list.members);
    this.update({
      members,
      total: list.total + members.length - list.members.length,
      documents: documents.map(fromWire),
      running: sameOr(this.state.running, running && onThisClock(running, Date.now())),
      permit,
      stale: false,
    });
    this.watchCheckIn();
    await this.askCheckedIn();
    if (info.status === ENDED) this.rest();
    else if (this.state.link.kind === "resting") void this.connect();
  }

  /** Nobody tells when a check-in ends: its time is known. */
  private watchCheckIn(): void {
    clearTimeout(this.checkInTimer);
    const { running } = this.state;
    if (running === null || this.closed) return;
    const left = Math.max(0, running.endsAt - Date.now()) + OVER_MS;
    this.checkInTimer = window.setTimeout(() => {
      if (this.state.running?.id === running.id) this.update({ running: null });
    }, left);
  }

  /** After a reload the page does not know whether its user has answered already. */
  private async askCheckedIn(): Promise<void> {
    const { running, checkedIn, identity } = this.state;
    if (running === null || running.id === checkedIn || identity === TEACHER) return;
    if (await this.api.hasCheckedIn(running.id)) this.update({ checkedIn: running.id });
  }

  /** With what is known of the class already, or joining it again: a lost connection may have cost the membership. */
  private async connect(known?: WireClass): Promise<void> {
    if (this.closed) return;
    this.hangUp();
    const { turn } = this;
    this.update({ link: { kind: "connecting" } });
    try {
      // The media client is the big part of the page: loaded here, beside the request for the ticket.
      const [{ openClassMedia }, info] = await Promise.all([
        import("./media"),
        known ?? this.join(),
      ]);
      if (turn !== this.turn || info === null) return;
      if (info.status === ENDED) return this.rest();
      const { rtc_url: url, rtc_token: token } = info.link_info ?? {};
      if (url === undefined || token === undefined) return void this.outside("removed");
      const media = await openClassMedia(url, token, this.handlers(turn));
      if (turn !== this.turn) return void media.close();
      this.media = media;
      this.attempts = 0;
      this.update({ link: { kind: "live" } });
    } catch (error) {
      if (turn !== this.turn) return;
      if (error instanceof ApiError && error.kind === "not-found") return this.end("deleted");
      this.lost();
    }
  }

  private lost(): void {
    this.hangUp();
    const delay = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)] ?? 0;
    this.attempts += 1;
    this.update({ link: { kind: "lost", retryAt: Date.now() + delay }, people: [] });
    if (this.closed) return;
    this.retryTimer = window.setTimeout(() => void this.connect(), delay);
  }

  private handlers(turn: number): ClassMediaHandlers {
    const current = <T extends unknown[]>(act: (...args: T) => void) => {
      return (...args: T) => {
        if (turn === this.turn && !this.closed) act(...args);
      };
    };
    return {
      people: current((people) => this.people(people)),
      devices: current((devices) => this.update({ devices })),
      permission: current((mayPublish) => this.permission(mayPublish)),
      audioBlocked: current((audioBlocked) => this.update({ audioBlocked })),
      arrived: current((user) => this.hands.arrived(user)),
      reconnecting: current(() => this.update({ link: { kind: "reconnecting" } })),
      live: current(() => this.update({ link: { kind: "live" } })),
      gone: current((reason) => void this.gone(reason)),
    };
  }

  private people(people: ClassState["people"]): void {
    this.update({ people });
    this.hands.tidy();
  }

  private permission(mayPublish: boolean): void {
    const before = this.state.mayPublish;
    this.update({ mayPublish });
    if (before === mayPublish || this.state.link.kind === "connecting") return;
    if (!mayPublish) void this.media?.stopAll();
    if (isTeacher(this.state)) return;
    this.update({ news: mayPublish ? "on-stage" : "off-stage" });
    if (mayPublish) this.hands.drop(this.state.me);
  }

  private chatChanged(chat: GroupView): void {
    const came = chat.link === "live" && this.state.chat.link !== "live";
    this.update({ chat });
    if (came) this.hands.heard();
  }

  /** A connection that never came up reports through `connect`. */
  private async gone(reason: GoneReason): Promise<void> {
    if (this.media === null) return;
    this.hangUp();
    if (reason === "lost") return this.lost();
    if (reason === "replaced") return this.end("replaced");
    await this.outside(reason === "dismissed" ? "over" : "removed");
  }

  /** Put out by the server: asks it why. */
  private async outside(guess: EndReason): Promise<void> {
    this.hangUp();
    clearTimeout(this.lookTimer);
    let info: WireClass;
    try {
      info = await this.api.get(this.id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.kind === "not-found") return this.end("deleted");
      this.lost();
      return this.scheduleLook(LOOK_AGAIN_MS);
    }
    if (this.closed) return;
    const wasAssistant = this.state.identity === ASSISTANT;
    if (info.link_info === undefined) return this.end("kicked");
    if (info.status === ENDED) {
      this.learn(info);
      this.rest();
      return this.scheduleLook(LOOK_AGAIN_MS);
    }
    if (wasAssistant && identityIn(info, this.state.me) === STUDENT) return this.end("permit-gone");
    if (guess === "over") {
      // The channel closed under a class that goes on: back into a new one.
      this.lost();
      return this.scheduleLook(LOOK_AGAIN_MS);
    }
    this.end(guess);
  }
}
