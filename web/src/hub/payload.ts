import type { StageEntry } from "../api/classroom";
import type { WireSeat } from "../api/client";

/** Comments of a voice room and of a class; every other number is a signal. */
export const ROOM_COMMENT = 21301;
export const CLASS_COMMENT = 10001;
/** A voice room is over; somebody is put out of one. */
export const ROOM_DISMISSED = 21001;
export const ROOM_KICKED = 21004;
/** One microphone is silenced, or may be heard again. */
export const ROOM_MIC_MUTE = 21002;
/** Members of a class: came or returned, went, were removed. */
export const MEMBER_NEWS: readonly number[] = [11001, 11002, 11003];

/** What every publication of a group carries. */
interface Told {
  group: string;
  /** Of the group's state; 0 for messages, which have none. */
  version: number;
}

export interface Message extends Told {
  kind: "message";
  id: string;
  /** Rises over all messages of the group; 0 for direct ones. */
  seqnum: number;
  type: number;
  user: string;
  /** What its sender is called; the user id without a nick. */
  name: string;
  /** Epoch ms. */
  at: number;
  data: Readonly<Record<string, unknown>>;
}

export interface Member {
  user: string;
  name: string;
}

/** Why somebody is not in a group any more. */
export type Why = "left" | "lost" | "kicked";

/** State events carry what is true from now on, never a difference, except who came and went. */
export type GroupEvent =
  | Message
  | (Told & {
      kind: "members";
      total: number;
      joined: Member[];
      left: { user: string; why: Why }[];
    })
  | (Told & { kind: "mute"; all: boolean; muted: string[]; unmuted: string[] })
  | (Told & { kind: "seats"; members: WireSeat[] })
  | (Told & { kind: "room"; title: string | null; notice: string | null })
  | (Told & { kind: "exit"; reason: "dissolved" | "removed" })
  | (Told & { kind: "class"; status: string })
  | (Told & { kind: "meeting"; members: StageEntry[] | null; allMuted: boolean | null })
  | (Told & { kind: "checkIn"; id: string })
  | (Told & { kind: "permit" })
  | (Told & { kind: "docs" })
  | (Told & { kind: "info"; notice: string })
  | (Told & { kind: "stats"; online: number; likes: number })
  | (Told & { kind: "deleted"; ids: string[] });

type Fields = Readonly<Record<string, unknown>>;

/** Reads a publication. What this page does not know, or cannot read, is no event. */
export function readPayload(payload: unknown): GroupEvent[] {
  if (!isFields(payload)) return [];
  if (payload["kind"] === "batch") return list(payload["items"]).flatMap(readOne);
  return readOne(payload);
}

/** Messages as `recent` answers them, which have no kind. */
export function readMessages(answer: unknown): Message[] {
  const found = isFields(answer) ? list(answer["messageList"]) : [];
  return found.flatMap((one) => (isFields(one) ? (readMessage(one) ?? []) : []));
}

/** A page of `members`. */
export function readMembers(answer: unknown): { members: Member[]; cursor: string | null } {
  if (!isFields(answer)) return { members: [], cursor: null };
  const { cursor } = answer;
  return {
    members: list(answer["members"]).flatMap(readMember),
    cursor: typeof cursor === "string" && cursor !== "" ? cursor : null,
  };
}

function readOne(value: unknown): GroupEvent[] {
  if (!isFields(value)) return [];
  const { kind } = value;
  if (kind === "message") {
    const message = readMessage(value);
    return message === null ? [] : [message];
  }
  const event = typeof kind === "string" ? readers.get(kind)?.(value, told(value)) : undefined;
  return event === undefined ? [] : [event];
}

const readerOf: Record<string, (value: Fields, told: Told) => GroupEvent> = {
  members: (value, told) => ({
    ...told,
    kind: "members",
    total: number(value["total"]),
    joined: list(value["joined"]).flatMap(readMember),
    left: list(value["left"]).flatMap((one) => {
      const user = isFields(one) ? text(one["userId"]) : "";
      return user === "" ? [] : [{ user, why: readWhy(isFields(one) ? one["why"] : null) }];
    }),
  }),
  mute: (value, told) => ({
    ...told,
    kind: "mute",
    all: value["muteAll"] === true,
    muted: list(value["muted"]).flatMap(userOf),
    unmuted: list(value["unmuted"]).flatMap(userOf),
  }),
  seats: (value, told) => ({
    ...told,
    kind: "seats",
    members: list(value["members"]).filter(isSeat),
  }),
  room: (value, told) => ({
    ...told,
    kind: "room",
    title: textOrNull(value["title"]),
    notice: textOrNull(value["notice"]),
  }),
  exit: (value, told) => ({
    ...told,
    kind: "exit",
    reason: value["reason"] === 1 ? "dissolved" : "removed",
  }),
  class: (value, told) => ({ ...told, kind: "class", status: text(value["status"]) }),
  meeting: (value, told) => ({
    ...told,
    kind: "meeting",
    members: Array.isArray(value["members"]) ? value["members"].filter(isStageEntry) : null,
    allMuted: typeof value["all_mute"] === "boolean" ? value["all_mute"] : null,
  }),
  checkIn: (value, told) => ({ ...told, kind: "checkIn", id: text(value["id"]) }),
  permit: (_value, told) => ({ ...told, kind: "permit" }),
  docs: (_value, told) => ({ ...told, kind: "docs" }),
  info: (value, told) => ({ ...told, kind: "info", notice: announcement(value["groupMeta"]) }),
  stats: (value, told) => ({
    ...told,
    kind: "stats",
    online: number(value["onlineCount"]),
    likes: number(value["likeCount"]),
  }),
  deleted: (value, told) => ({
    ...told,
    kind: "deleted",
    ids: list(value["messageIds"]).filter((id) => typeof id === "string"),
  }),
};
/** Kinds come from the wire: only the own names of the table above count. */
const readers = new Map(Object.entries(readerOf));

function told(value: Fields): Told {
  return { group: text(value["groupId"]), version: number(value["version"]) };
}

function readMessage(value: Fields): Message | null {
  const id = text(value["messageId"]);
  const sender = value["sender"];
  const data = parse(value["data"]);
  if (id === "" || !isFields(sender) || !isFields(data)) return null;
  const user = text(sender["userId"]);
  const message: Message = {
    kind: "message",
    group: text(value["groupId"]),
    version: 0,
    id,
    seqnum: number(value["seqnum"]),
    type: number(value["type"]),
    user,
    name: nickOf(sender["userExtension"]) ?? user,
    at: number(value["timestamp"]),
    data,
  };
  return unwrapped(message);
}

/** A direct message names its group in a second wrapper. */
function unwrapped(message: Message): Message {
  const { groupId, data } = message.data;
  const inner = typeof data === "string" && typeof groupId === "string" ? parse(data) : null;
  return isFields(inner) ? { ...message, group: text(groupId), data: inner } : message;
}

function readMember(value: unknown): Member[] {
  if (!isFields(value)) return [];
  const user = text(value["userId"]);
  return user === "" ? [] : [{ user, name: nickOf(value["userExtension"]) ?? user }];
}

function readWhy(value: unknown): Why {
  return value === "kicked" || value === "lost" ? value : "left";
}

/** The nick in an extension: JSON as text, made by whichever client joined. */
function nickOf(extension: unknown): string | null {
  const value = parse(extension);
  const nick = isFields(value) ? text(value["userNick"]).trim() : "";
  return nick === "" ? null : nick;
}

function announcement(meta: unknown): string {
  const value = parse(meta);
  const announcement = isFields(value) ? value["announcement"] : null;
  return isFields(announcement) ? text(announcement["content"]) : "";
}

function parse(value: unknown): unknown {
  if (typeof value !== "string") return null;
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

function userOf(value: unknown): string[] {
  const user = isFields(value) ? value["userId"] : value;
  return typeof user === "string" ? [user] : [];
}

function isSeat(value: unknown): value is WireSeat {
  return (
    isFields(value) &&
    typeof value["index"] === "number" &&
    typeof value["joined"] === "boolean" &&
    typeof value["user_id"] === "string"
  );
}

function isStageEntry(value: unknown): value is StageEntry {
  return isFields(value) && typeof value["user_id"] === "string";
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
