import { type IdentityType, LISTENER, ON_DEMAND_TALKER } from "../api/talk";
import type { MicProblem } from "../room/state";
import type { Notice } from "./notice";

export interface Member {
  user: string;
  /** Null while the engine has not said. */
  identity: IdentityType | null;
  /** Identity, grant and the like allow to speak (`stoa.mic`). */
  maySpeak: boolean;
  /** Publishes an unmuted microphone. */
  micOpen: boolean;
  /** Silenced by the server (`stoa.muted`). */
  audioMuted: boolean;
  videoMuted: boolean;
  speaking: boolean;
  /** 0 to 1. */
  level: number;
  devices: number;
}

export type EndReason = "removed" | "dismissed" | "replaced" | "lost";

export type Link =
  | { kind: "connecting" }
  | { kind: "live" }
  /** The media client tries to resume by itself. */
  | { kind: "reconnecting" }
  | { kind: "ended"; reason: EndReason };

/** The own microphone in the engine: not published, published and open, published and muted. */
export type Microphone = "off" | "on" | "muted";

export interface Kick {
  by: string;
  seconds: number;
  /** When the ban ends by this device's clock, epoch ms; null without a ban. */
  backAt: number | null;
}

export interface LogLine {
  notice: Notice;
  /** About or for the viewer. */
  mine: boolean;
}

/** A notice about the own rights that is not the end. */
export type News = Extract<Notice, { event: "identity" | "mic_grant" | "muted" }>;

export interface TalkState {
  me: string;
  channel: string;
  link: Link;
  members: readonly Member[];
  mayPublish: boolean;
  microphone: Microphone;
  /** The microphone is being opened or muted. */
  switching: boolean;
  micProblem: MicProblem | null;
  audioBlocked: boolean;
  log: readonly LogLine[];
  /** Ids of the notices taken in, the latest last. */
  seen: readonly string[];
  /** The last thing an operator did to the viewer, until read. */
  news: News | null;
  kick: Kick | null;
}

export type TalkEvent =
  | { type: "link"; link: Link }
  | { type: "members"; members: readonly Member[] }
  | { type: "permission"; mayPublish: boolean }
  | { type: "microphone"; state: Microphone }
  | { type: "switching"; on: boolean }
  | { type: "mic-problem"; problem: MicProblem | null }
  | { type: "audio-blocked"; blocked: boolean }
  /** `now`: this device's clock, epoch ms. */
  | { type: "notice"; notice: Notice; now: number }
  | { type: "news-read" };

/** Lines kept; more would only be scrolled away. */
const LOG_LENGTH = 200;
/** Ids remembered: far more than can be on their way twice, small enough to search. */
const SEEN_LENGTH = 512;

export function initialState(me: string, channel: string): TalkState {
  return {
    me,
    channel,
    link: { kind: "connecting" },
    members: [],
    mayPublish: false,
    microphone: "off",
    switching: false,
    micProblem: null,
    audioBlocked: false,
    log: [],
    seen: [],
    news: null,
    kick: null,
  };
}

export function reduce(state: TalkState, event: TalkEvent): TalkState {
  // The end is the end, but the reason for it may arrive behind it, on another connection.
  if (state.link.kind === "ended" && event.type !== "notice") return state;
  switch (event.type) {
    case "link":
      return withLink(state, event.link);
    case "members":
      return { ...state, members: inOrder(event.members, state.me) };
    case "permission":
      return { ...state, mayPublish: event.mayPublish };
    case "microphone":
      return { ...state, microphone: event.state };
    case "switching":
      return { ...state, switching: event.on };
    case "mic-problem":
      return { ...state, micProblem: event.problem };
    case "audio-blocked":
      return { ...state, audioBlocked: event.blocked };
    case "notice":
      return withNotice(state, event.notice, event.now);
    case "news-read":
      return { ...state, news: null };
  }
}

function withLink(state: TalkState, link: Link): TalkState {
  if (link.kind !== "ended") return { ...state, link };
  // Without a session nobody is heard and nothing is published, whatever was shown before.
  return {
    ...state,
    link,
    members: [],
    mayPublish: false,
    microphone: "off",
    switching: false,
    audioBlocked: false,
    news: null,
  };
}

/** The viewer first, the others as the engine lists them. */
function inOrder(members: readonly Member[], me: string): Member[] {
  return [...members].sort((a, b) => Number(b.user === me) - Number(a.user === me));
}

function withNotice(state: TalkState, notice: Notice, now: number): TalkState {
  if (notice.channel !== state.channel || state.seen.includes(notice.id)) return state;
  const mine = isMine(notice, state.me);
  const next = {
    ...state,
    seen: [...state.seen, notice.id].slice(-SEEN_LENGTH),
    log: [...state.log, { notice, mine }].slice(-LOG_LENGTH),
  };
  if (!mine) return next;
  switch (notice.event) {
    case "kicked":
      return { ...next, kick: toKick(notice, now) };
    case "identity":
    case "mic_grant":
    case "muted":
      return state.link.kind === "ended" ? next : { ...next, news: notice };
    default:
      return next;
  }
}

function isMine(notice: Notice, me: string): boolean {
  switch (notice.event) {
    case "message":
      return notice.receiver === me;
    case "dismissed":
    case "user_kicked":
      return false;
    default:
      return notice.user === me;
  }
}

/** Times of the server carried over to this device: its clock may differ by minutes. */
export function localTime(unixSeconds: number, serverNow: number, localNow: number): number {
  return localNow + (unixSeconds * 1_000 - serverNow);
}

function toKick(notice: Extract<Notice, { event: "kicked" | "user_kicked" }>, now: number): Kick {
  const { by, seconds, until, at } = notice;
  return { by, seconds, backAt: until === 0 ? null : localTime(until, at, now) };
}

export function self(state: TalkState): Member | null {
  return state.members.find((member) => member.user === state.me) ?? null;
}

/** Why the own microphone cannot be opened now; null when it can. */
export type MicBlock = "offline" | "switching" | "muted" | "listener" | "no-grant" | "no-right";

export function micBlock(state: TalkState): MicBlock | null {
  if (state.link.kind !== "live") return "offline";
  const me = self(state);
  if (me?.identity === LISTENER) return "listener";
  if (me?.audioMuted) return "muted";
  if (!state.mayPublish) return me?.identity === ON_DEMAND_TALKER ? "no-grant" : "no-right";
  return state.switching ? "switching" : null;
}
