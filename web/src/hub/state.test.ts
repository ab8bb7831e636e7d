import { describe, expect, it } from "vitest";
import type { GroupEvent, Message } from "./payload";
import {
  emptyGroup,
  enlist,
  enter,
  type GroupView,
  recall,
  rules,
  silencedWithAll,
  take,
  unread,
} from "./state";

const told = { group: "g", version: 0 };

function comment(id: string, seqnum = 1, content = id): Message {
  return {
    ...told,
    kind: "message",
    id,
    seqnum,
    type: 21301,
    user: "ann",
    name: "Ann",
    at: seqnum,
    data: { content },
  };
}

function members(version: number, total: number, joined: string[], left: string[] = []) {
  return {
    group: "g",
    version,
    kind: "members",
    total,
    joined: joined.map((user) => ({ user, name: user })),
    left: left.map((user) => ({ user, why: "left" })),
  } satisfies GroupEvent;
}

function inside(answer: object = {}): GroupView {
  return enter(emptyGroup("me", "g"), { version: 10, onlineCount: 1, role: "member", ...answer });
}

const all = (view: GroupView, ...events: GroupEvent[]) => events.reduce(take, view);
const texts = (view: GroupView) => view.comments.map(({ text }) => text);

describe("comments", () => {
  it("appear once, in the order they come", () => {
    const view = all(inside(), comment("a"), comment("b", 2), comment("a"));
    expect(texts(view)).toEqual(["a", "b"]);
    expect(take(view, comment("b", 2))).toBe(view);
  });

  it("are only those of this group, with something in them", () => {
    const start = inside();
    expect(take(start, { ...comment("a"), group: "other" })).toBe(start);
    expect(texts(all(start, comment("a", 1, "  "), { ...comment("b"), type: 21101 }))).toEqual([]);
  });

  it("go when they are removed, and never come back", () => {
    const gone: GroupEvent = { ...told, kind: "deleted", ids: ["a"] };
    const view = all(inside(), comment("a"), comment("b", 2), gone);
    expect(texts(view)).toEqual(["b"]);
    expect(texts(recall(view, [comment("a"), comment("b", 2)]))).toEqual(["b"]);
    // Removed before it was heard, as after a recovery.
    expect(texts(all(inside(), gone, comment("a")))).toEqual([]);
  });

  it("that were missed are filled in before those that came since, and a removed one is dropped", () => {
    const view = all(inside(), comment("a"), comment("d", 4));
    const filled = recall(view, [comment("b", 2), comment("c", 3)]);
    expect(texts(filled)).toEqual(["b", "c", "d"]);
    expect(take(filled, comment("c", 3))).toBe(filled);
  });

  it("are news when they came after this user, by others, and were not read", () => {
    const coming = take(inside(), comment("b", 2));
    expect(unread(coming, 0)).toBe(0);
    const view = take(recall(coming, [comment("a")]), comment("c", 3));
    expect(unread(view, 0)).toBe(2);
    expect(unread(view, 2)).toBe(1);
    expect(unread({ ...view, me: "ann" }, 0)).toBe(0);
  });

  it("are kept up to a number", () => {
    let view = inside();
    for (let i = 0; i < 250; i++) view = take(view, comment(`c${i}`, i));
    expect(view.comments).toHaveLength(200);
    expect(texts(view).at(-1)).toBe("c249");
  });
});

describe("state events", () => {
  it("count only when they are newer than what was loaded and what was told", () => {
    const start = inside();
    expect(take(start, members(10, 9, ["bob"]))).toBe(start);
    const view = take(start, members(12, 2, ["bob"]));
    expect(view.total).toBe(2);
    expect(take(view, members(12, 5, []))).toBe(view);
    expect(take(view, members(11, 5, []))).toBe(view);
    // Another kind has a version of its own.
    const seats: GroupEvent = { group: "g", version: 11, kind: "seats", members: [] };
    expect(take(view, seats)).not.toBe(view);
  });

  it("start from the version of the next join", () => {
    const later = enter(take(inside(), members(30, 2, ["bob"])), { version: 20, onlineCount: 4 });
    expect(later.total).toBe(4);
    expect(take(later, members(20, 9, []))).toBe(later);
    expect(take(later, members(21, 5, [])).total).toBe(5);
  });

  it("keep the list of members", () => {
    const view = all(
      enlist(inside(), [{ user: "me", name: "Me" }]),
      members(11, 3, ["ann", "bob"]),
      members(12, 2, [], ["ann"]),
    );
    expect([...view.members.keys()]).toEqual(["me", "bob"]);
  });

  it("say how many there are and how much they like it, whenever they come", () => {
    const stats: GroupEvent = { ...told, kind: "stats", online: 7, likes: 3 };
    expect(take(inside(), stats)).toMatchObject({ total: 7, likes: 3 });
  });
});

describe("muting", () => {
  const mute = (version: number, mute: object): GroupEvent =>
    ({
      group: "g",
      version,
      kind: "mute",
      all: false,
      muted: [],
      unmuted: [],
      ...mute,
    }) as GroupEvent;

  it("of this user is known from the join and from events", () => {
    expect(inside({ muteStatus: { muteUserList: ["me"] } }).muted).toBe(true);
    const view = take(inside(), mute(11, { muted: ["me"] }));
    expect(view.muted).toBe(true);
    expect(take(view, mute(12, { muted: ["bob"] })).muted).toBe(true);
    expect(take(view, mute(12, { unmuted: ["me"] })).muted).toBe(false);
  });

  it("of everybody spares those in charge", () => {
    const event = mute(11, { all: true });
    expect(silencedWithAll(take(inside(), event))).toBe(true);
    for (const role of ["owner", "admin", "teacher", "assistant"]) {
      const view = take(inside({ role }), event);
      expect(silencedWithAll(view)).toBe(false);
      expect(rules(view)).toBe(role !== "assistant");
    }
  });
});
