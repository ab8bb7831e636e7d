import type { WireRoom, WireSeat } from "../api/client";
import type { ApiError } from "../api/error";
import { emptyGroup, type GroupView } from "../hub/state";
import {
  applyHint,
  applyList,
  currentSeats,
  emptyBoard,
  fromMeetingInfo,
  type Seat,
  type SeatBoard,
  type SeatChange,
  seatChanges,
  seatOf,
} from "./seats";
import type { Volumes } from "./volume";

/** One connected person, as the media engine reports it. */
export interface Person {
  user: string;
  /** Value of `stoa.seat`; null while the engine has not said. */
  seat: number | null;
  /** Publishes an unmuted microphone. */
  mic: boolean;
  /** Silenced by the owner or an administrator (`stoa.muted`). */
  silenced: boolean;
  speaking: boolean;
  /** 0 to 1. */
  level: number;
}

/** Why the page is in the room no longer. */
export type EndReason = "dismissed-by-me" | "dismissed" | "removed" | "replaced" | "not-found";

export type Link =
  | { kind: "connecting" }
  | { kind: "live" }
  /** The media client tries to resume by itself; people stay where they are. */
  | { kind: "reconnecting" }
  /** Given up for now; the next attempt starts at `retryAt` (epoch ms). */
  | { kind: "lost"; retryAt: number }
  | { kind: "ended"; reason: EndReason };

/** Since when voices do not come through, and what was held then. */
export interface Outage {
  /** Epoch ms. */
  since: number;
  /** 0: none. */
  seat: number;
}

export type MicProblem = "denied" | "missing" | "insecure" | "busy" | "failed";

export interface Mic {
  /** What the user asked for. */
  wanted: boolean;
  /** What the media engine has: not published, on its way, published and open, published and muted. */
  actual: "off" | "starting" | "on" | "muted";
  problem: MicProblem | null;
}

export interface LogEntry {
  id: number;
  change: SeatChange;
}

export interface RoomState {
  me: string;
  room: WireRoom | null;
  board: SeatBoard;
  seats: readonly Seat[];
  people: readonly Person[];
  link: Link;
  /** Cut off after having been connected; null otherwise. */
  outage: Outage | null;
  /** Since when the hub is not heard, epoch ms: it notices a cut sooner than the media engine does. */
  deafSince: number | null;
  /** Just back from one. */
  back: (Outage & { until: number }) | null;
  /** The engine lets this participant publish. */
  mayPublish: boolean;
  mic: Mic;
  audioBlocked: boolean;
  /** The message hub tells who is here, what they write, and who sits where. */
  chat: GroupView;
  /** The last look at the seats failed. */
  stale: boolean;
  /** A seat call of this page is under way. */
  busy: boolean;
  /** How loud others are for this listener. */
  volumes: Volumes;
  log: readonly LogEntry[];
  failure: { id: number; error: ApiError | SeatRefusal } | null;
}

/** Refusals of `joinMic` that are no errors, and a seat that somebody else took away. */
export type SeatRefusal = "full" | "already" | "freed";

export type RoomEvent =
  | { type: "room"; room: WireRoom; at: number }
  | { type: "renamed"; title: string | null; notice: string | null }
  | { type: "chat"; chat: GroupView; at?: number }
  | { type: "seats"; members: readonly WireSeat[]; requestedAt: number; validFrom?: number }
  | { type: "stale" }
  | { type: "people"; people: readonly Person[]; at: number }
  /** `at`: epoch ms. */
  | { type: "link"; link: Link; at?: number }
  | { type: "back-seen" }
  | { type: "volumes"; volumes: Volumes }
  | { type: "permission"; mayPublish: boolean }
  | { type: "mic"; mic: Partial<Mic> }
  | { type: "audio-blocked"; blocked: boolean }
  | { type: "busy"; busy: boolean }
  | { type: "failure"; error: ApiError | SeatRefusal }
  | { type: "failure-seen" };

/** Lines kept of what happened; more would only be scrolled away. */
const LOG_LENGTH = 50;

export function initialState(me: string, roomId = ""): RoomState {
  return {
    me,
    room: null,
    board: emptyBoard,
    seats: currentSeats(emptyBoard),
    people: [],
    link: { kind: "connecting" },
    outage: null,
    deafSince: null,
    back: null,
    mayPublish: false,
    mic: { wanted: false, actual: "off", problem: null },
    audioBlocked: false,
    chat: emptyGroup(me, roomId),
    stale: false,
    busy: false,
    volumes: new Map(),
    log: [],
    failure: null,
  };
}

export function reduce(state: RoomState, event: RoomEvent): RoomState {
  // Whatever still arrives after the end is about a room that this page has left.
  if (state.link.kind === "ended") return state;
  switch (event.type) {
    case "room":
      return enterRoom(state, event.room, event.at);
    case "seats":
      return withBoard(
        { ...state, stale: false },
        applyList(state.board, event.members, event.requestedAt, event.validFrom),
      );
    case "renamed":
      return renamed(state, event.title, event.notice);
    case "chat":
      return { ...state, chat: event.chat, deafSince: deafSince(state, event.chat, event.at ?? 0) };
    case "stale":
      return { ...state, stale: true };
    case "people":
      return withPeople(state, event.people, event.at);
    case "link":
      return withLink(withOutage(state, event.link, event.at ?? 0), event.link);
    case "back-seen":
      return state.back === null ? state : { ...state, back: null };
    case "volumes":
      return { ...state, volumes: event.volumes };
    case "permission":
      return { ...state, mayPublish: event.mayPublish };
    case "mic":
      return { ...state, mic: { ...state.mic, ...event.mic } };
    case "audio-blocked":
      return { ...state, audioBlocked: event.blocked };
    case "busy":
      return { ...state, busy: event.busy };
    case "failure":
      return { ...state, failure: { id: (state.failure?.id ?? 0) + 1, error: event.error } };
    case "failure-seen":
      return { ...state, failure: null };
  }
}

/** The first look at the room: no log lines for people who were already seated. */
function enterRoom(state: RoomState, room: WireRoom, at: number): RoomState {
  if (state.room !== null) return { ...state, room };
  const board: SeatBoard = { listed: fromMeetingInfo(room.meetingInfo), notBefore: at, hints: [] };
  return { ...state, room, board, seats: currentSeats(board) };
}

function renamed(state: RoomState, title: string | null, notice: string | null): RoomState {
  const { room } = state;
  if (room === null) return state;
  return { ...state, room: { ...room, title: title ?? room.title, notice: notice ?? room.notice } };
}

function withBoard(state: RoomState, board: SeatBoard): RoomState {
  if (board === state.board) return state;
  const seats = currentSeats(board);
  const changes = seatChanges(state.seats, seats);
  let id = state.log.at(-1)?.id ?? 0;
  const lines = changes.map((change) => {
    id += 1;
    return { id, change };
  });
  const next = { ...state, board, seats, log: [...state.log, ...lines].slice(-LOG_LENGTH) };
  if (wasFreed(state, next)) {
    return { ...next, failure: { id: (state.failure?.id ?? 0) + 1, error: "freed" } };
  }
  return mySeat(next) > 0 && next.failure?.error === "freed" ? { ...next, failure: null } : next;
}

/** Not by a call of this page, nor by an outage, which is told in its own words. */
function wasFreed(before: RoomState, now: RoomState): boolean {
  const { link, busy, back } = before;
  return link.kind === "live" && !busy && back === null && mySeat(before) > 0 && mySeat(now) === 0;
}

function withPeople(state: RoomState, people: readonly Person[], at: number): RoomState {
  let board = state.board;
  for (const person of people) {
    const before = state.people.find((candidate) => candidate.user === person.user);
    // Only a change is news: an unchanged attribute may be older than the last list.
    if (person.seat === null || person.seat === before?.seat) continue;
    // The hub tells all of it, and in order.
    if (state.chat.link === "live") continue;
    board = applyHint(board, person.user, person.seat, at);
  }
  return { ...withBoard(state, board), people };
}

function deafSince(state: RoomState, { link }: GroupView, at: number): number | null {
  return link === "lost" ? (state.deafSince ?? at) : null;
}

/** An outage begins where there was a connection, and lasts until there is one again. */
function withOutage(state: RoomState, link: Link, at: number): RoomState {
  const { outage } = state;
  if (link.kind === "live") {
    return outage === null ? state : { ...state, outage: null, back: { ...outage, until: at } };
  }
  if (outage !== null || state.link.kind !== "live") return state;
  const since = Math.min(state.deafSince ?? at, at);
  return { ...state, outage: { since, seat: mySeat(state) }, back: null };
}

function withLink(state: RoomState, link: Link): RoomState {
  if (link.kind === "live" || link.kind === "reconnecting") return { ...state, link };
  // Without a session nobody is heard and nothing is published, whatever was shown before.
  return {
    ...state,
    link,
    people: [],
    mayPublish: false,
    audioBlocked: false,
    mic: { ...state.mic, actual: "off" },
  };
}

export function isOwner(state: RoomState): boolean {
  return state.room?.anchor_id === state.me;
}

export function mySeat(state: RoomState): number {
  return seatOf(state.seats, state.me);
}

/** Owner or seated: the rule of the server, which enforces it; the page only follows. */
export function maySpeak(state: RoomState): boolean {
  return isOwner(state) || mySeat(state) > 0;
}

/** Nobody is let hear this user, by the owner or somebody above. */
export function isSilenced(state: RoomState): boolean {
  return personOf(state, state.me)?.silenced ?? false;
}

/** What the microphone should be now, given everything known. */
export function micGoal(state: RoomState): Mic["actual"] {
  const { link, mic } = state;
  if (!maySpeak(state) || (link.kind !== "live" && link.kind !== "reconnecting")) return "off";
  // While the media client resumes it puts its tracks back by itself; only muting cannot wait.
  if (link.kind === "reconnecting")
    return mic.actual === "on" && !mic.wanted ? "muted" : mic.actual;
  if (!state.mayPublish) return "off";
  if (mic.wanted) return mic.problem === null ? "on" : "off";
  return mic.actual === "off" ? "off" : "muted";
}

export function personOf(state: RoomState, user: string): Person | null {
  return state.people.find((person) => person.user === user) ?? null;
}

/** Everybody here, in the live channel or in the group: some apps are in one of them only. */
export function everybody(state: RoomState): Person[] {
  const known = new Set(state.people.map(({ user }) => user));
  const others = [...state.chat.members.keys()].filter((user) => !known.has(user));
  return [...state.people, ...others.map(silent)];
}

/** How many are here: of big rooms the hub tells only the number. */
export function headcount(state: RoomState): number {
  return Math.max(everybody(state).length, state.chat.total);
}

function silent(user: string): Person {
  return { user, seat: null, mic: false, silenced: false, speaking: false, level: 0 };
}

/** Everybody here who neither owns the room nor sits. */
export function listeners(state: RoomState): Person[] {
  return everybody(state).filter(
    (person) => person.user !== state.room?.anchor_id && seatOf(state.seats, person.user) === 0,
  );
}
