import type { Api } from "../api/client";
import { ApiError } from "../api/error";
import { GroupSession, newRid } from "../hub/group";
import {
  type GroupEvent,
  ROOM_COMMENT,
  ROOM_DISMISSED,
  ROOM_KICKED,
  ROOM_MIC_MUTE,
} from "../hub/payload";
import { type DeviceKind, devices } from "../lib/devices";
import type { MediaHandlers, MediaSession } from "./media-port";
import { micProblem } from "./mic-problem";
import { loadMicWish, saveMicWish } from "./mic-wish";
import {
  initialState,
  isSilenced,
  maySpeak,
  micGoal,
  mySeat,
  type RoomEvent,
  type RoomState,
  reduce,
} from "./state";
import { loadVolumes, saveVolumes, withVolume } from "./volume";

/** Until the seats are asked for again when they could not be had. When they change the hub tells. */
const LIST_AGAIN_MS = 2_000;
/** Delays before the next attempt to connect; the last one repeats. Short first, since most cuts are short. */
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

/**
 * One stay in one room: the group in the message hub, the live channel and the own microphone, as one state to render.
 * A stay ends once (`close`, or the room's end) and is never reused.
 */
export class RoomSession {
  /** What people write, and who they are. */
  readonly group: GroupSession;
  private state: RoomState;
  private readonly watchers = new Set<() => void>();
  private media: MediaSession | null = null;
  private listTimer: number | undefined;
  private retryTimer: number | undefined;
  private attempts = 0;
  /** Counts connections: whatever an earlier one still reports is ignored. */
  private turn = 0;
  private closed = false;
  private unwatchDevices = (): void => {};
  /** Devices that the live channel was told to use. */
  private readonly using: Record<DeviceKind, string> = { audioinput: "", audiooutput: "" };
  private applyingMic = false;

  constructor(
    private readonly api: Api,
    private readonly roomId: string,
    me: string,
  ) {
    this.state = initialState(me, roomId);
    const device = newRid();
    this.group = new GroupSession(
      { me, group: roomId, comment: ROOM_COMMENT, token: () => api.hubToken(me, device) },
      {
        changed: (chat) => this.dispatch({ type: "chat", chat, at: Date.now() }),
        event: (event) => this.told(event),
        reload: () => this.scheduleList(0),
        out: () => void this.outside(),
        ended: (reason) => this.end(reason === "replaced" ? "replaced" : "removed"),
        deaf: () => {
          if (document.visibilityState === "visible") this.scheduleList(0);
        },
      },
    );
    const wanted = loadMicWish(roomId);
    if (wanted !== null) this.state = reduce(this.state, { type: "mic", mic: { wanted } });
    this.state = reduce(this.state, { type: "volumes", volumes: loadVolumes() });
  }

  readonly snapshot = (): RoomState => this.state;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** Loads the room and connects. Rejects only when the room could not be loaded at all. */
  async open(): Promise<void> {
    window.addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    this.unwatchDevices = devices.subscribe(() => void this.followDevices());
    const requestedAt = performance.now();
    try {
      const room = await this.api.get(this.roomId);
      if (room.status !== 1) return this.end("dismissed");
      this.dispatch({ type: "room", room, at: requestedAt });
    } catch (error) {
      if (error instanceof ApiError && error.kind === "not-found") return this.end("not-found");
      throw error;
    }
    await Promise.all([this.group.open(), this.connect()]);
  }

  async takeSeat(index: number): Promise<void> {
    await this.seatCall(async () => {
      const requestedAt = performance.now();
      const outcome = await this.api.joinMic(this.roomId, this.state.me, index);
      if (outcome.kind !== "seated") {
        this.dispatch({ type: "failure", error: outcome.kind });
        return this.scheduleList(0);
      }
      this.wishMic(true);
      this.applyChange(outcome.seats, requestedAt);
    });
  }

  async leaveSeat(): Promise<void> {
    // Silent first: the answer of the server may take a moment.
    this.wishMic(false);
    await this.freeSeat(this.state.me, mySeat(this.state));
  }

  /** Frees somebody's seat; the server lets only the owner do that to others. */
  async freeSeat(user: string, index: number): Promise<void> {
    await this.seatCall(async () => {
      const requestedAt = performance.now();
      const seats = await this.api.leaveMic(this.roomId, user, index);
      this.applyChange(seats, requestedAt);
    });
  }

  setMic(wanted: boolean): void {
    this.wishMic(wanted);
  }

  /** Nobody hears that user's microphone any more, or everybody may again. By the owner only. */
  async silence(user: string, mute: boolean): Promise<void> {
    await this.group.signalTo(user, ROOM_MIC_MUTE, { userId: user, mute });
  }

  async edit(title: string, notice: string): Promise<void> {
    const room = await this.api.update(this.roomId, title, notice);
    this.dispatch({ type: "renamed", title: room.title, notice: room.notice });
  }

  setVolume(user: string, volume: number): void {
    const volumes = withVolume(this.state.volumes, user, volume);
    saveVolumes(volumes);
    this.dispatch({ type: "volumes", volumes });
    this.media?.setVolume(user, volume);
  }

  forgetOutage(): void {
    this.dispatch({ type: "back-seen" });
  }

  async dismiss(): Promise<void> {
    try {
      await this.api.dismiss(this.roomId, this.state.me);
      this.end("dismissed-by-me");
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

  forgetFailure(): void {
    this.dispatch({ type: "failure-seen" });
  }

  /** Leaves for good; a held seat is given back rather than left to the server's grace period. */
  async leave(): Promise<void> {
    const seat = mySeat(this.state);
    saveMicWish(this.roomId, false);
    this.close(true);
    if (seat > 0 && this.state.link.kind !== "ended") {
      await this.api.leaveMic(this.roomId, this.state.me, seat).catch(() => undefined);
    }
  }

  /** `leaving`: the others need not wait whether this page comes back. */
  close(leaving = false): void {
    this.closed = true;
    this.group.close(leaving);
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.unwatchDevices();
    clearTimeout(this.listTimer);
    clearTimeout(this.retryTimer);
    void this.media?.close();
    this.media = null;
  }

  private readonly hurry = (): void => {
    if (document.visibilityState !== "visible" || this.closed) return;
    this.retryNow();
  };

  private dispatch(event: RoomEvent): void {
    if (this.closed) return;
    const before = this.state;
    this.state = reduce(before, event);
    if (this.state === before) return;
    // Losing the right to speak takes the wish back: a later seat does not open the microphone by itself.
    if (maySpeak(before) && !maySpeak(this.state)) this.wishMic(false);
    // Nor does a silence that is lifted: who speaks again decides the user, not the host.
    if (!isSilenced(before) && isSilenced(this.state)) this.wishMic(false);
    for (const watcher of this.watchers) watcher();
    void this.applyMic();
  }

  private end(reason: Extract<RoomState["link"], { kind: "ended" }>["reason"]): void {
    if (this.state.link.kind === "ended") return;
    saveMicWish(this.roomId, false);
    this.dispatch({ type: "link", link: { kind: "ended", reason } });
    this.close();
  }

  private fail(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    if (error.kind === "not-found") this.end("dismissed");
    else this.dispatch({ type: "failure", error });
  }

  private async seatCall(call: () => Promise<void>): Promise<void> {
    if (this.state.busy) return;
    this.dispatch({ type: "busy", busy: true });
    try {
      await call();
    } catch (error) {
      this.fail(error);
    } finally {
      this.dispatch({ type: "busy", busy: false });
    }
  }

  private applyChange(members: Awaited<ReturnType<Api["seats"]>>, requestedAt: number): void {
    this.dispatch({ type: "seats", members, requestedAt, validFrom: performance.now() });
  }

  private scheduleList(delay: number): void {
    clearTimeout(this.listTimer);
    if (this.closed) return;
    this.listTimer = window.setTimeout(() => void this.fetchList(), delay);
  }

  private async fetchList(): Promise<void> {
    const requestedAt = performance.now();
    try {
      const members = await this.api.seats(this.roomId);
      this.dispatch({ type: "seats", members, requestedAt });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.kind === "not-found") return this.end("dismissed");
      this.dispatch({ type: "stale" });
      this.scheduleList(Math.max(LIST_AGAIN_MS, (error.retryAfterSeconds ?? 0) * 1_000));
    }
  }

  /** Something new that the hub tells. */
  private told(event: GroupEvent): void {
    switch (event.kind) {
      case "seats": {
        // True as of now: an answer that was asked for earlier knows less.
        const now = performance.now();
        this.dispatch({ type: "seats", members: event.members, requestedAt: now });
        break;
      }
      case "room":
        this.dispatch({ type: "renamed", title: event.title, notice: event.notice });
        break;
      case "exit":
        this.end(event.reason === "dissolved" ? "dismissed" : "removed");
        break;
      case "members":
        if (event.left.some(({ user, why }) => user === this.state.me && why === "kicked")) {
          this.end("removed");
        }
        break;
      case "message":
        if (event.type === ROOM_DISMISSED && event.user === this.state.room?.anchor_id) {
          this.end("dismissed");
        } else if (event.type === ROOM_KICKED && event.data["userId"] === this.state.me) {
          this.end("removed");
        }
    }
  }

  /** Not in the group: asks whether there still is a room. */
  private async outside(): Promise<void> {
    try {
      const room = await this.api.get(this.roomId);
      this.end(room.status === 1 ? "removed" : "dismissed");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.end(error.kind === "not-found" ? "dismissed" : "removed");
    }
  }

  private async connect(): Promise<void> {
    clearTimeout(this.retryTimer);
    if (this.closed) return;
    this.turn += 1;
    this.link({ kind: "connecting" });
    try {
      const [{ openMedia }, ticket] = await Promise.all([
        import("#media"),
        this.api.mediaTicket(this.roomId, this.state.me),
      ]);
      this.using.audioinput = this.wanted("audioinput");
      this.using.audiooutput = this.wanted("audiooutput");
      const media = await openMedia(ticket.url, ticket.token, this.handlers(this.turn), {
        devices: { ...this.using },
        volumeOf: (user) => this.state.volumes.get(user) ?? 1,
      });
      if (this.closed) return void media.close();
      this.media = media;
      this.attempts = 0;
      this.link({ kind: "live" });
      void this.followDevices();
    } catch (error) {
      if (error instanceof ApiError && error.kind === "not-found") return this.end("dismissed");
      if (error instanceof ApiError && error.kind === "refused") return this.end("removed");
      this.lost();
    }
  }

  private lost(): void {
    this.media = null;
    const delay = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)] ?? 0;
    this.attempts += 1;
    this.link({ kind: "lost", retryAt: Date.now() + delay });
    clearTimeout(this.retryTimer);
    if (this.closed) return;
    this.retryTimer = window.setTimeout(() => void this.connect(), delay);
  }

  private link(link: RoomState["link"]): void {
    this.dispatch({ type: "link", link, at: Date.now() });
  }

  private wanted(kind: DeviceKind): string {
    return devices.snapshot()[kind].used;
  }

  /** What is chosen, plugged in or out holds at once. */
  private async followDevices(): Promise<void> {
    for (const kind of ["audioinput", "audiooutput"] as const) {
      const id = this.wanted(kind);
      if (this.media === null || id === "" || id === this.using[kind]) continue;
      this.using[kind] = id;
      // Gone again before it could be used: the next change of the list brings another one.
      await this.media.switchDevice(kind, id).catch(() => undefined);
    }
  }

  private handlers(turn: number): MediaHandlers {
    const dispatch = (event: RoomEvent) => {
      if (turn === this.turn) this.dispatch(event);
    };
    return {
      people: (people) => {
        const before = this.state.seats;
        dispatch({ type: "people", people, at: performance.now() });
        // Only without the hub: the attribute told of a change, the list adds the nick that goes with it.
        if (this.state.seats !== before) this.scheduleList(0);
      },
      permission: (mayPublish) => dispatch({ type: "permission", mayPublish }),
      audioBlocked: (blocked) => dispatch({ type: "audio-blocked", blocked }),
      unpublished: () => dispatch({ type: "mic", mic: { actual: "off" } }),
      reconnecting: (since) =>
        dispatch({ type: "link", link: { kind: "reconnecting" }, at: since }),
      live: () => dispatch({ type: "link", link: { kind: "live" }, at: Date.now() }),
      gone: (reason) => this.gone(turn, reason),
    };
  }

  /** A connection that never came up reports through `connect`, which asks the server why. */
  private gone(turn: number, reason: Parameters<MediaHandlers["gone"]>[0]): void {
    if (turn !== this.turn || this.media === null) return;
    if (reason === "lost") this.lost();
    else this.end(reason);
  }

  private wishMic(wanted: boolean): void {
    saveMicWish(this.roomId, wanted);
    this.dispatch({ type: "mic", mic: { wanted, problem: null } });
  }

  /** Brings the microphone to what `micGoal` says, one step at a time; a change meanwhile runs another round. */
  private async applyMic(): Promise<void> {
    if (this.applyingMic) return;
    this.applyingMic = true;
    try {
      for (;;) {
        const goal = micGoal(this.state);
        const { media } = this;
        if (media === null || goal === "starting" || goal === this.state.mic.actual) return;
        await this.stepMic(media, goal);
      }
    } finally {
      this.applyingMic = false;
    }
  }

  private async stepMic(
    media: MediaSession,
    goal: Exclude<RoomState["mic"]["actual"], "starting">,
  ): Promise<void> {
    if (goal === "on") {
      if (!window.isSecureContext) {
        return this.dispatch({ type: "mic", mic: { problem: "insecure", wanted: false } });
      }
      this.dispatch({ type: "mic", mic: { actual: "starting" } });
    }
    try {
      await media.setMicrophone(goal);
      // Devices have names, and those chosen are known again, only once one was opened.
      if (goal === "on") void devices.look();
      this.dispatch({ type: "mic", mic: { actual: goal } });
    } catch (error) {
      const problem = goal === "on" ? micProblem(error) : null;
      this.dispatch({ type: "mic", mic: { actual: "off", problem } });
    }
  }
}
