import {
  ASSISTANT,
  KICKED,
  type Permit,
  PREPARING,
  PRESENT,
  type Right,
  STUDENT,
  type StageEntry,
  TEACHER,
  type WireClass,
  type WireMember,
} from "../api/classroom";
import type { ApiError } from "../api/error";
import { emptyGroup, type GroupView } from "../hub/state";
import type { MicProblem } from "../room/state";
import type { RunningCheckIn } from "./check-in";
import type { Courseware } from "./documents";
import type { Device, Devices, Person } from "./media-port";

export type EndReason =
  /** A teacher's decision about this user. */
  | "kicked"
  | "banned"
  | "permit-gone"
  /** The connection was ended by somebody in charge, and the class still takes this user. */
  | "removed"
  | "replaced"
  /** Of the class. */
  | "over"
  | "deleted"
  /** Asked to be assistant. */
  | "no-permit"
  | "has-assistant";

export type Link =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "reconnecting" }
  | { kind: "lost"; retryAt: number }
  /** The class is over, and the teacher may open it again. */
  | { kind: "resting" }
  | { kind: "ended"; reason: EndReason };

/** What just happened to this user, until it is read. */
export type News =
  | "on-stage"
  | "off-stage"
  | "declined"
  | "late"
  /** An invitation: taken back, refused by `newsAbout`, or without a place to offer. */
  | "invite-over"
  | "invite-declined"
  | "stage-full"
  /** The own microphone, by the teacher. */
  | "muted"
  | "muted-all"
  | "unmuted";

export interface ClassState {
  readonly me: string;
  link: Link;
  info: WireClass | null;
  /** As the server has it: 1, 2 or 3. */
  identity: number;
  /** Everybody who ever was inside, as listed. */
  members: readonly WireMember[];
  /** More members than the list holds. */
  total: number;
  stage: readonly StageEntry[];
  people: readonly Person[];
  /** The message hub tells what changed, and what people write. */
  chat: GroupView;
  documents: readonly Courseware[];
  /** Known to the teacher and the assistant. */
  permit: Permit | null;
  running: RunningCheckIn | null;
  /** The check-in this user has answered. */
  checkedIn: string | null;
  hands: readonly string[];
  mayPublish: boolean;
  /** Nobody on stage but the teacher may be heard; this user may not. */
  allMuted: boolean;
  micOff: boolean;
  /** The invitation this user has not answered. */
  invited: string | null;
  /** Whom the teacher has invited, until they answer. */
  inviting: readonly string[];
  /** This user is leaving the stage. */
  stepping: boolean;
  devices: Devices;
  /** A device on its way on or off. */
  switching: Device | null;
  problem: { device: Device; kind: MicProblem } | null;
  audioBlocked: boolean;
  news: News | null;
  /** A name, where the news is about somebody. */
  newsAbout: string;
  failure: { id: number; error: ApiError } | null;
  /** The last look at the class failed. */
  stale: boolean;
}

export function initialState(me: string, id = ""): ClassState {
  return {
    me,
    link: { kind: "connecting" },
    info: null,
    identity: STUDENT,
    members: [],
    total: 0,
    stage: [],
    people: [],
    chat: emptyGroup(me, id),
    documents: [],
    permit: null,
    running: null,
    checkedIn: null,
    hands: [],
    mayPublish: false,
    allMuted: false,
    micOff: false,
    invited: null,
    inviting: [],
    stepping: false,
    devices: { mic: false, camera: false, screen: false },
    switching: null,
    problem: null,
    audioBlocked: false,
    news: null,
    newsAbout: "",
    failure: null,
    stale: false,
  };
}

/** A member came, went or was removed: the row as told. What cannot be read changes nothing. */
export function withMember(
  members: readonly WireMember[],
  told: Readonly<Record<string, unknown>>,
): readonly WireMember[] {
  const { user_id: user, user_name: name, identity, status } = told;
  if (typeof user !== "string" || typeof identity !== "number" || typeof status !== "number") {
    return members;
  }
  const user_name = typeof name === "string" ? name : "";
  const row: WireMember = { identity, status, user_id: user, user_name };
  const known = members.some((member) => member.user_id === user);
  if (!known) return [...members, row];
  return members.map((member) => (member.user_id === user ? { ...member, ...row } : member));
}

export function identityIn(info: WireClass, me: string): number {
  if (info.teacher_id === me) return TEACHER;
  const { assistantPermit } = info;
  return assistantPermit?.user_id === me && assistantPermit.status === PRESENT
    ? ASSISTANT
    : STUDENT;
}

/** The dialect has no number for it: prepared again after it was started. */
export function isPaused(info: WireClass): boolean {
  return info.status === PREPARING && info.started_at !== undefined;
}

export function isTeacher(state: ClassState): boolean {
  return state.identity === TEACHER;
}

/** The rights named in a permit: a list of them, or an object with switches. */
export function readRights(permit: Permit | null): readonly string[] {
  if (permit === null) return [];
  let value: unknown;
  try {
    value = JSON.parse(permit.permit);
  } catch {
    return [];
  }
  if (Array.isArray(value)) return value.filter((right) => typeof right === "string");
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value)
    .filter(([, on]) => on === true || on === "true" || on === 1)
    .map(([right]) => right);
}

/** Whether the viewer may do what an assistant needs this right for. */
export function may(state: ClassState, right: Right): boolean {
  if (isTeacher(state)) return true;
  return state.identity === ASSISTANT && readRights(state.permit).includes(right);
}

export function present(members: readonly WireMember[]): WireMember[] {
  return members.filter((member) => member.status === PRESENT);
}

/** The class is over: its page tells who was there, for nobody is. */
export function isOver(state: ClassState): boolean {
  return state.link.kind === "resting";
}

/** Who is in class; of one that is over, who was, whether they left before its end or with it. */
export function attending(state: ClassState): WireMember[] {
  if (!isOver(state)) return present(state.members);
  return state.members.filter((member) => member.status !== KICKED);
}

export function nameOf(state: ClassState, user: string): string {
  const member = state.members.find((one) => one.user_id === user);
  if (member !== undefined && member.user_name !== "") return member.user_name;
  const { info } = state;
  return info?.teacher_id === user && info.teacher_nick !== "" ? info.teacher_nick : user;
}

export function handUp(state: ClassState): boolean {
  return state.hands.includes(state.me);
}

/** Whether somebody may speak now. Being named in the list is not enough: whoever left and came back is named still. */
export function onStage(state: ClassState, user: string): boolean {
  if (user === state.me) return state.mayPublish;
  return state.people.find((person) => person.user === user)?.maySpeak ?? false;
}

/** A place in the row of pictures: the teacher first, then the stage in its order. */
export interface Tile {
  user: string;
  name: string;
  teacher: boolean;
  person: Person | null;
}

/** Whoever is seen, heard, or on stage; the teacher's place is kept while they are away. */
export function tiles(state: ClassState): Tile[] {
  const { info, stage, people } = state;
  if (info === null) return [];
  const staged = stage.map((entry) => entry.user_id).filter((user) => onStage(state, user));
  // With `class.stage_policy` open everybody may speak without being on any list.
  const others = people.filter(({ mic, camera, screen }) => mic || camera || screen);
  const users = [info.teacher_id, ...staged, ...others.map(({ user }) => user)];
  return [...new Set(users)].map((user) => ({
    user,
    name: nameOf(state, user),
    teacher: user === info.teacher_id,
    person: people.find((person) => person.user === user) ?? null,
  }));
}

/** Whose screen is shown: the teacher's before a student's. */
export function sharing(state: ClassState): Tile | null {
  return tiles(state).find((tile) => tile.person?.screen) ?? null;
}

/** Why the own devices stay off; null when they may be switched on. */
export type DeviceBlock = "offline" | "not-on-stage" | "waiting";

export function deviceBlock(state: ClassState): DeviceBlock | null {
  if (state.link.kind !== "live") return "offline";
  // The place is kept while the invitation is open; it is taken with the answer.
  if (state.mayPublish && state.invited === null && !state.stepping) return null;
  return isTeacher(state) ? "waiting" : "not-on-stage";
}

/** Whether the teacher has switched somebody's microphone off, as the list of the stage says. */
export function micOffFor(stage: readonly StageEntry[], user: string): boolean {
  return stage.some((entry) => entry.user_id === user && entry["mic_allowed"] === false);
}

/** Why the own microphone stays off although the other devices do not. */
export function micBlock(state: ClassState): "all" | "me" | null {
  if (isTeacher(state)) return null;
  if (state.allMuted) return "all";
  return state.micOff ? "me" : null;
}
