import {
  CLASS_COMMENT,
  type GroupEvent,
  isFields,
  type Member,
  type Message,
  ROOM_COMMENT,
} from "./payload";

export interface Comment {
  id: string;
  seqnum: number;
  user: string;
  name: string;
  text: string;
  /** Epoch ms of the server. */
  at: number;
}

export interface GroupView {
  readonly me: string;
  readonly group: string;
  link: "connecting" | "live" | "lost";
  /** What the server calls this user here: `owner`, `teacher`, `member`… */
  role: string;
  comments: readonly Comment[];
  /** Members by user id with what they are called; all of them as long as `total` is not larger. */
  members: ReadonlyMap<string, string>;
  total: number;
  likes: number;
  muteAll: boolean;
  /** This user alone may not comment. */
  muted: boolean;
  /** Whoever alone may not comment; all of them only for those who may mute, else at most this user. */
  mutedUsers: ReadonlySet<string>;
  /** State events up to this version were in what was loaded. */
  readonly base: number;
  /** The newest version taken in of each kind. */
  readonly versions: Readonly<Record<string, number>>;
  /** Number of the last comment there was when this user came; newer ones are news. Null until that is known. */
  readonly came: number | null;
  /** Messages taken in, the last ones. */
  readonly seen: readonly string[];
  /** Comments that were removed, the last ones: none of them comes back with an older list. */
  readonly removed: readonly string[];
}

/** Comments kept; the server keeps as many. */
const COMMENTS = 200;
/** Message ids remembered, above what a recovery replays on both channels. */
const SEEN = 500;

export function emptyGroup(me: string, group: string): GroupView {
  return {
    me,
    group,
    link: "connecting",
    role: "",
    comments: [],
    members: new Map(),
    total: 0,
    likes: 0,
    muteAll: false,
    muted: false,
    mutedUsers: new Set(),
    base: 0,
    versions: {},
    came: null,
    seen: [],
    removed: [],
  };
}

/** Takes in the answer of `join`: the state as of its `version`, and where its channels stand. */
export function enter(view: GroupView, answer: unknown): GroupView {
  if (!isFields(answer)) return view;
  const number = (value: unknown) => (typeof value === "number" ? value : 0);
  const { muteStatus, statistics, role } = answer;
  const listed = isFields(muteStatus) ? muteStatus["muteUserList"] : [];
  const muted = new Set<string>();
  for (const one of Array.isArray(listed) ? listed : []) {
    const user = userOf(one);
    if (typeof user === "string") muted.add(user);
  }
  return {
    ...view,
    role: typeof role === "string" ? role : "",
    base: number(answer["version"]),
    versions: {},
    total: number(answer["onlineCount"]),
    likes: isFields(statistics) ? number(statistics["likeCount"]) : view.likes,
    muteAll: answer["muteAll"] === true,
    muted: muted.has(view.me),
    mutedUsers: muted,
  };
}

function userOf(value: unknown): unknown {
  return isFields(value) ? value["userId"] : value;
}

/** The members as just listed. Who is listed is in; the total is told by events. */
export function enlist(view: GroupView, members: readonly Member[]): GroupView {
  return { ...view, members: new Map(members.map(({ user, name }) => [user, name])) };
}

/** The comments as just listed, with those that came since. */
export function recall(view: GroupView, messages: readonly Message[]): GroupView {
  const listed = messages.flatMap(toComment);
  const last = listed.at(-1)?.seqnum ?? 0;
  const newer = view.comments.filter(({ seqnum }) => seqnum > last);
  const comments = [...listed, ...newer].filter(({ id }) => !view.removed.includes(id));
  const seen = [...view.seen, ...listed.map(({ id }) => id)];
  return {
    ...view,
    came: view.came ?? last,
    comments: comments.slice(-COMMENTS),
    seen: [...new Set(seen)].slice(-SEEN),
  };
}

/** How many others' comments are newer than the last one that was read. */
export function unread(view: GroupView, read: number): number {
  const { came, comments, me } = view;
  if (came === null) return 0;
  const from = Math.max(read, came);
  return comments.filter(({ seqnum, user }) => seqnum > from && user !== me).length;
}

/** Takes in one event. The same view when there is nothing new in it: then nobody else may act on it either. */
export function take(view: GroupView, event: GroupEvent): GroupView {
  if (event.group !== view.group) return view;
  switch (event.kind) {
    case "message":
      return takeMessage(view, event);
    // Told outside the order of the room's state: both only ever say how it is.
    case "stats":
      return { ...view, total: event.online, likes: event.likes };
    case "deleted":
      return {
        ...view,
        comments: view.comments.filter(({ id }) => !event.ids.includes(id)),
        removed: [...view.removed, ...event.ids].slice(-SEEN),
      };
    case "exit":
      return { ...view };
    default: {
      const newest = view.versions[event.kind] ?? view.base;
      if (event.version <= newest) return view;
      const versions = { ...view.versions, [event.kind]: event.version };
      return takeState({ ...view, versions }, event);
    }
  }
}

function takeMessage(view: GroupView, message: Message): GroupView {
  if (view.seen.includes(message.id)) return view;
  const seen = [...view.seen, message.id].slice(-SEEN);
  if (view.removed.includes(message.id)) return { ...view, seen };
  const comments = [...view.comments, ...toComment(message)].slice(-COMMENTS);
  return { ...view, seen, comments };
}

function takeState(view: GroupView, event: GroupEvent): GroupView {
  switch (event.kind) {
    case "members": {
      const members = new Map(view.members);
      for (const { user } of event.left) members.delete(user);
      for (const { user, name } of event.joined) members.set(user, name);
      return { ...view, members, total: event.total };
    }
    case "mute": {
      const muted = new Set([...view.mutedUsers, ...event.muted]);
      for (const user of event.unmuted) muted.delete(user);
      return { ...view, muteAll: event.all, muted: muted.has(view.me), mutedUsers: muted };
    }
    default:
      return view;
  }
}

function toComment(message: Message): Comment[] {
  const { id, seqnum, user, name, at, type } = message;
  const { content } = message.data;
  if (type !== ROOM_COMMENT && type !== CLASS_COMMENT) return [];
  if (typeof content !== "string" || content.trim() === "") return [];
  return [{ id, seqnum, user, name, at, text: content }];
}

/** Whoever rules a group is spared when everybody is muted. */
export function rules(view: GroupView): boolean {
  return ["owner", "admin", "teacher"].includes(view.role);
}

/** Whether nobody but those in charge may comment, and this user is not one of them. */
export function silencedWithAll(view: GroupView): boolean {
  return view.muteAll && !rules(view) && view.role !== "assistant";
}
