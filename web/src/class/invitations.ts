import type { Message } from "../hub/payload";
import { HubError } from "../hub/port";
import type { Desk } from "./desk";
import { isTeacher, nameOf, onStage } from "./state";
import type { Stay } from "./stay";

/** Numbers of the published client: the teacher invites or takes that back, the student answers. */
export const INVITE = 30001;
export const INVITE_OVER = 30002;
export const INVITE_YES = 30003;
export const INVITE_NO = 30004;
/** A student wants to leave the stage, and is let go. */
export const STEP_DOWN = 30020;
export const LET_GO = 30022;
/** One microphone, all microphones. */
export const MIC = 20009;
export const ALL_MICS = 30041;

/** An invitation is told again, as whoever reloads has not kept it, and taken back in the end. */
const AGAIN_MS = 5_000;
const TIMES = 11;
/** The place that was kept for an invitation goes with it; the live channel may tell so later than the hub. */
const QUIET_MS = 3_000;

interface Sent {
  sessionId: string;
  name: string;
  times: number;
  timer: number | undefined;
}

interface Listener {
  stopAll(): void;
  stopMic(): void;
}

/** Who comes onto the stage without having asked, who leaves it by themselves, and whose microphone is off. */
export class Invitations {
  /** Of the teacher, by user. */
  private readonly sent = new Map<string, Sent>();
  /** Invitations this user has answered: told again they are not asked again. */
  private readonly answered = new Set<string>();
  private quietUntil = 0;

  constructor(
    private readonly stay: Stay,
    private readonly desk: Desk,
    private readonly listener: Listener,
  ) {}

  close(): void {
    for (const { timer } of this.sent.values()) clearTimeout(timer);
    this.sent.clear();
  }

  /** Whether a place that comes and goes now is that of an invitation that is over: no news. */
  get quiet(): boolean {
    return performance.now() < this.quietUntil;
  }

  /** That place has gone, or is the user's own now: what comes and goes after it is news again. */
  settle(): void {
    this.quietUntil = 0;
  }

  async invite(user: string, name: string): Promise<void> {
    if (this.sent.has(user)) return;
    const sessionId = `${Date.now()}_${INVITE}`;
    this.sent.set(user, { sessionId, name, times: 0, timer: undefined });
    this.show();
    await this.tell(user);
  }

  /** Taken back: the server takes the student off the stage again. */
  async cancel(user: string): Promise<void> {
    const sent = this.forget(user);
    if (sent) await this.signal(INVITE_OVER, { sessionId: sent.sessionId, studentId: user });
  }

  async answer(yes: boolean): Promise<void> {
    const { invited, me, info } = this.stay.snapshot();
    if (invited === null) return;
    this.answered.add(invited);
    if (yes) this.settle();
    else this.hush();
    // The place is given back with a refusal: no news.
    this.stay.update({ invited: null, stepping: !yes, news: yes ? "on-stage" : null });
    const fields = { sessionId: invited, studentId: me, teacherId: info?.teacher_id ?? "" };
    const more = { rtcPullUrl: "", micOpened: false, cameraOpened: false };
    const heard = await this.signal(
      yes ? INVITE_YES : INVITE_NO,
      yes ? { ...fields, ...more } : fields,
    );
    if (!heard && yes && !this.stay.snapshot().mayPublish) this.stay.update({ news: "late" });
  }

  /** The own wish to leave the stage: the devices are off at once, whoever is there to let go. */
  async stepDown(): Promise<void> {
    const { me, info } = this.stay.snapshot();
    this.listener.stopAll();
    this.stay.update({ stepping: true, news: null });
    const teacherId = info?.teacher_id ?? "";
    await this.signal(STEP_DOWN, {
      sessionId: `${Date.now()}_${STEP_DOWN}`,
      studentId: me,
      teacherId,
    });
  }

  /** One student on stage. Kept in the list of the stage too, so that pages that come later know. */
  async setMic(user: string, on: boolean): Promise<boolean> {
    const told = await this.signal(MIC, {
      sessionId: `${Date.now()}_${MIC}`,
      studentId: user,
      turnOn: on,
    });
    return told && (await this.desk.markMic(user, on));
  }

  async muteAll(muted: boolean): Promise<boolean> {
    const told = await this.signal(ALL_MICS, {
      sessionId: `${Date.now()}_${ALL_MICS}`,
      studentId: "",
      muted,
    });
    if (told) this.stay.update({ allMuted: muted });
    return told && (await this.desk.markAllMics(muted));
  }

  take({ type, user, data }: Message): void {
    const { me, info } = this.stay.snapshot();
    const student = typeof data["studentId"] === "string" ? data["studentId"] : "";
    const sessionId = typeof data["sessionId"] === "string" ? data["sessionId"] : "";
    const byTeacher = user === info?.teacher_id;
    switch (type) {
      case INVITE:
        if (byTeacher && student === me) this.invitedBy(sessionId);
        break;
      case INVITE_OVER:
        if (byTeacher && student === me && this.stay.snapshot().invited !== null) {
          this.hush();
          this.stay.update({ invited: null, news: "invite-over" });
        }
        break;
      case INVITE_YES:
        void this.accepted(user);
        break;
      case INVITE_NO:
        if (this.forget(user)) {
          const about = nameOf(this.stay.snapshot(), user);
          this.stay.update({ news: "invite-declined", newsAbout: about });
        }
        break;
      case STEP_DOWN:
        void this.letGo(user, sessionId);
        break;
      case MIC:
        if (byTeacher && student === me) this.micSwitched(data["turnOn"] === true);
        break;
      case ALL_MICS:
        if (byTeacher) this.allSwitched(data["muted"] === true);
    }
  }

  private invitedBy(sessionId: string): void {
    if (sessionId === "" || this.answered.has(sessionId)) return;
    this.stay.update({ invited: sessionId, news: null });
  }

  private async accepted(user: string): Promise<void> {
    // The server lets answers pass only where there was an invitation: a page that was reloaded has forgotten it.
    const name = this.forget(user)?.name ?? nameOf(this.stay.snapshot(), user);
    if (isTeacher(this.stay.snapshot())) await this.desk.putOnStage(user, name);
  }

  private async letGo(user: string, sessionId: string): Promise<void> {
    const state = this.stay.snapshot();
    if (!isTeacher(state)) return;
    await this.signal(LET_GO, { sessionId, studentId: user, teacherId: state.me });
    await this.desk.takeOffStage(user);
  }

  private micSwitched(on: boolean): void {
    if (!on) this.listener.stopMic();
    const staged = this.stay.snapshot().mayPublish;
    this.stay.update({ micOff: !on, ...(staged ? { news: on ? "unmuted" : "muted" } : {}) });
  }

  private allSwitched(muted: boolean): void {
    const { allMuted, mayPublish } = this.stay.snapshot();
    const told = mayPublish && allMuted !== muted && !isTeacher(this.stay.snapshot());
    if (muted && told) this.listener.stopMic();
    const news = muted ? ("muted-all" as const) : ("unmuted" as const);
    this.stay.update({ allMuted: muted, ...(told ? { news } : {}) });
  }

  private async tell(user: string): Promise<void> {
    const sent = this.sent.get(user);
    if (sent === undefined || this.stay.closed) return;
    const state = this.stay.snapshot();
    const gone = !state.members.some((one) => one.user_id === user && one.status === 1);
    if (sent.times >= TIMES || gone) return this.cancel(user);
    sent.times += 1;
    const told = await this.signal(INVITE, { sessionId: sent.sessionId, studentId: user });
    if (!this.sent.has(user)) return;
    // Refused at once: there is no place left.
    if (!told && sent.times === 1 && !onStage(this.stay.snapshot(), user)) {
      this.forget(user);
      return this.stay.update({ news: "stage-full" });
    }
    sent.timer = window.setTimeout(() => void this.tell(user), AGAIN_MS);
  }

  private forget(user: string): Sent | undefined {
    const sent = this.sent.get(user);
    clearTimeout(sent?.timer);
    this.sent.delete(user);
    this.show();
    return sent;
  }

  private hush(): void {
    this.quietUntil = performance.now() + QUIET_MS;
  }

  private show(): void {
    this.stay.update({ inviting: [...this.sent.keys()] });
  }

  /** Whether it was taken. */
  private async signal(type: number, fields: object): Promise<boolean> {
    try {
      await this.stay.group.signal(type, fields);
      return true;
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      return false;
    }
  }
}
