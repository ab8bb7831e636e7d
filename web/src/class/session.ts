import { type ClassApi, ENDED, type JoinRefusal, type WireClass } from "../api/classroom";
import { ApiError } from "../api/error";
import { GroupSession, newRid } from "../hub/group";
import { CLASS_COMMENT, type GroupEvent, MEMBER_NEWS } from "../hub/payload";
import type { GroupView } from "../hub/state";
import { Connection } from "./connection";
import { Desk } from "./desk";
import { HandQueue } from "./hand-queue";
import { Invitations } from "./invitations";
import type { Device } from "./media-port";
import { readAllMuted, readStage } from "./stage";
import {
  type ClassState,
  type EndReason,
  identityIn,
  initialState,
  isTeacher,
  micOffFor,
} from "./state";
import type { Stay } from "./stay";
import { Uploads } from "./uploads";
import { Watch } from "./watch";

/** The live channel may tell of a place on stage before the hub tells why it was given or taken. */
const STAGE_NEWS_MS = 300;

const REFUSED: Record<JoinRefusal, EndReason> = {
  ClassNotFound: "deleted",
  InBlackList: "banned",
  ClassNotAssistantPermit: "no-permit",
  ClassHasAssistant: "has-assistant",
};

/** One stay of one user in one class, as one state to render. It ends once and is never reused. */
export class ClassSession implements Stay {
  readonly desk: Desk;
  /** What people write, and who they are. */
  readonly group: GroupSession;
  /** Who is asked onto the stage, and whose microphone is off. */
  readonly invitations: Invitations;
  /** Files on their way to the courseware. */
  readonly uploads: Uploads;
  private readonly hands: HandQueue;
  private readonly connection: Connection;
  private readonly watch: Watch;
  private state: ClassState;
  private readonly watchers = new Set<() => void>();
  private failures = 0;
  private stageTimer: number | undefined;
  private ended = false;
  private inside = false;

  constructor(
    readonly api: ClassApi,
    readonly id: string,
    readonly as: number,
  ) {
    this.state = initialState(api.me, id);
    const device = newRid();
    const { me } = api;
    this.group = new GroupSession(
      { me, group: id, comment: CLASS_COMMENT, token: () => api.hubToken(device) },
      {
        changed: (chat) => this.chatChanged(chat),
        event: (event) => this.told(event),
        reload: () => this.watch.schedule(0),
        out: () => void this.putOut(),
        ended: (reason) => this.end(reason === "replaced" ? "replaced" : "removed"),
        deaf: () => {
          if (document.visibilityState === "visible") this.watch.schedule(0);
        },
      },
    );
    this.hands = new HandQueue(this);
    this.desk = new Desk(api, id, {
      changed: () => this.watch.look(),
      failed: (error) => this.fail(error),
    });
    this.connection = new Connection(this, {
      people: (people) => {
        this.update({ people });
        this.hands.tidy();
      },
      permission: (mayPublish) => this.permission(mayPublish),
      arrived: (user) => this.hands.arrived(user),
      lookLater: () => this.watch.later(),
      stopLooking: () => this.watch.stop(),
    });
    this.uploads = new Uploads(api, id, () => void this.watch.look());
    this.watch = new Watch(this, () => void this.connection.connect());
    this.invitations = new Invitations(this, this.desk, {
      stopAll: () => this.connection.stopAll(),
      stopMic: () => {
        if (this.state.devices.mic) void this.connection.setDevice("mic", false);
      },
    });
  }

  get closed(): boolean {
    return this.ended;
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
    else void this.connection.connect(info);
    await this.group.open();
  }

  setDevice(device: Device, on: boolean): Promise<void> {
    return this.connection.setDevice(device, on);
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
      this.watch.schedule(0);
    } catch (error) {
      this.fail(error);
    }
  }

  startAudio(): Promise<void> {
    return this.connection.startAudio();
  }

  retryNow(): void {
    this.connection.retryNow();
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

  update(patch: Partial<ClassState>): void {
    if (this.ended) return;
    this.state = { ...this.state, ...patch };
    for (const watcher of this.watchers) watcher();
  }

  end(reason: EndReason): void {
    if (this.ended) return;
    this.update({ link: { kind: "ended", reason } });
    this.close();
  }

  /** The class is over, but not for its teacher, who may open it again. */
  rest(): void {
    if (!isTeacher(this.state)) {
      this.end("over");
    } else if (this.state.link.kind !== "resting") {
      this.connection.hangUp();
      this.update({ link: { kind: "resting" }, people: [], hands: [] });
    }
  }

  learn(info: WireClass): void {
    const identity = identityIn(info, this.state.me);
    const stage = readStage(info.meetingInfo);
    const micOff = micOffFor(stage, this.state.me);
    this.update({ info, identity, stage, micOff, allMuted: readAllMuted(info.meetingInfo) });
    this.hands.tidy();
  }

  async join(): Promise<WireClass | null> {
    const refusal = await this.api.join(this.id, this.as);
    if (this.ended) return null;
    if (refusal !== null) {
      this.end(this.inside && refusal === "InBlackList" ? "kicked" : REFUSED[refusal]);
      return null;
    }
    this.inside = true;
    const info = await this.api.get(this.id);
    this.learn(info);
    return info;
  }

  private readonly sayGoodbye = (): void => {
    if (this.inside && !this.ended) this.api.leave(this.id);
  };

  private readonly hurry = (): void => {
    if (document.visibilityState !== "visible" || this.ended) return;
    this.retryNow();
  };

  /** `leaving`: the others need not wait whether this page comes back. */
  private close(leaving = false): void {
    this.ended = true;
    this.hands.close();
    this.invitations.close();
    this.uploads.close();
    this.group.close(leaving);
    window.removeEventListener("pagehide", this.sayGoodbye);
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.watch.close();
    clearTimeout(this.stageTimer);
    this.connection.hangUp();
  }

  /** Something new that the hub tells. */
  private told(event: GroupEvent): void {
    const { info, me } = this.state;
    switch (event.kind) {
      case "message":
        if (MEMBER_NEWS.includes(event.type)) this.watch.memberNews(event);
        else {
          this.hands.take(event);
          this.invitations.take(event);
        }
        break;
      case "members":
        this.hands.tidy();
        if (event.left.some(({ user, why }) => user === me && why === "kicked")) {
          void this.connection.outside("removed");
        }
        break;
      case "exit":
        if (event.reason === "dissolved") this.end("deleted");
        else void this.connection.outside("removed");
        break;
      case "meeting":
        if (info !== null) {
          const members = event.members ?? this.state.stage;
          const all_mute = event.allMuted ?? this.state.allMuted;
          this.learn({ ...info, meetingInfo: JSON.stringify({ members, all_mute }) });
          this.watch.after();
        }
        break;
      case "info":
        if (info !== null) this.learn({ ...info, notice: event.notice });
        this.watch.after();
        break;
      case "class":
      case "permit":
      case "docs":
      case "checkIn":
        this.watch.soon();
    }
  }

  /** Not in the group any more, or not let in: joins the class again, which says why not. */
  private async putOut(): Promise<void> {
    try {
      if ((await this.join()) !== null && !this.ended) this.group.rejoin();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.kind === "not-found") return this.end("deleted");
      this.watch.later();
    }
  }

  private permission(mayPublish: boolean): void {
    const { mayPublish: before, stepping, link } = this.state;
    this.update({ mayPublish, stepping: false });
    if (before === mayPublish || link.kind === "connecting") return;
    if (!mayPublish) this.connection.stopAll();
    if (isTeacher(this.state)) return;
    if (mayPublish) this.hands.drop(this.state.me);
    clearTimeout(this.stageTimer);
    if (stepping) {
      // What the user asked for is no news.
      if (!mayPublish) this.invitations.settle();
      return;
    }
    this.stageTimer = window.setTimeout(() => this.tellStage(mayPublish), STAGE_NEWS_MS);
  }

  /** An invitation keeps a place while it is open; that place is no news. */
  private tellStage(staged: boolean): void {
    const { mayPublish, invited } = this.state;
    if (mayPublish !== staged) return;
    if (this.invitations.quiet) {
      if (!staged) this.invitations.settle();
    } else if (staged) {
      if (invited === null) this.update({ news: "on-stage" });
    } else {
      this.update({ invited: null, news: invited === null ? "off-stage" : "invite-over" });
    }
  }

  private chatChanged(chat: GroupView): void {
    const came = chat.link === "live" && this.state.chat.link !== "live";
    this.update({ chat });
    if (came) this.hands.heard();
  }
}
