import { describe, expect, it } from "vitest";
import type { WireRoom, WireSeat } from "../api/client";
import { ApiError } from "../api/error";
import {
  headcount,
  initialState,
  isOwner,
  listeners,
  maySpeak,
  micGoal,
  mySeat,
  type Person,
  type RoomEvent,
  type RoomState,
  reduce,
} from "./state";

function seats(holders: Record<number, string>): WireSeat[] {
  return Array.from({ length: 8 }, (_, i) => {
    const user = holders[i + 1] ?? "";
    return { index: i + 1, joined: user !== "", user_id: user };
  });
}

function room(holders: Record<number, string> = {}): WireRoom {
  return {
    id: "0".repeat(32),
    chat_id: "0".repeat(32),
    title: "Friday jazz",
    notice: "",
    extends: "",
    cover_url: "",
    anchor_id: "alice",
    anchor_nick: "Alice",
    status: 1,
    show_code: 12_345_678,
    meetingInfo: JSON.stringify({ members: seats(holders) }),
    metrics: { online_count: 0 },
    created_at: "",
    updated_at: "",
    started_at: "",
  };
}

function person(user: string, seat: number | null = 0): Person {
  return { user, seat, mic: false, silenced: false, speaking: false, level: 0 };
}

function play(me: string, ...events: RoomEvent[]): RoomState {
  return events.reduce(reduce, initialState(me));
}

const live: RoomEvent = { type: "link", link: { kind: "live" } };
const may: RoomEvent = { type: "permission", mayPublish: true };
const wants: RoomEvent = { type: "mic", mic: { wanted: true } };
const inside = (holders: Record<number, string> = {}): RoomEvent => ({
  type: "room",
  room: room(holders),
  at: 1,
});

describe("entering", () => {
  it("resumes on the held seat without a line about it", () => {
    const state = play("bob", inside({ 3: "bob" }));
    expect(mySeat(state)).toBe(3);
    expect(state.log).toEqual([]);
  });

  it("lets the owner speak without a seat and a listener not", () => {
    const owner = play("alice", inside());
    expect(isOwner(owner) && maySpeak(owner)).toBe(true);
    expect(maySpeak(play("bob", inside()))).toBe(false);
  });
});

describe("seats", () => {
  it("writes one line per change, also when attribute and list tell the same", () => {
    const state = play(
      "alice",
      inside(),
      { type: "people", people: [person("bob", 2)], at: 10 },
      { type: "people", people: [person("bob", 2)], at: 11 },
      { type: "seats", members: seats({ 2: "bob" }), requestedAt: 20 },
    );
    expect(state.log.map((line) => line.change)).toEqual([
      { kind: "took", user: "bob", name: "bob", seat: 2 },
    ]);
  });

  it("tells whoever is taken off a seat, but not whoever leaves it", () => {
    const seated = play("bob", inside({ 2: "bob" }), live);
    const free: RoomEvent = { type: "seats", members: seats({}), requestedAt: 20 };
    const freed = reduce(seated, free);
    expect(freed.failure?.error).toBe("freed");
    const again: RoomEvent = { type: "seats", members: seats({ 5: "bob" }), requestedAt: 30 };
    expect(reduce(freed, again).failure).toBeNull();
    const leaving = reduce(seated, { type: "busy", busy: true });
    expect(reduce(leaving, free).failure).toBeNull();
    const resuming = reduce(seated, { type: "link", link: { kind: "reconnecting" }, at: 1 });
    const back = reduce(resuming, { type: "link", link: { kind: "live" }, at: 2 });
    expect(reduce(back, free).failure).toBeNull();
    expect(play("eve", inside({ 2: "bob" }), live, free).failure).toBeNull();
  });

  it("does not take an unchanged attribute for news against a newer list", () => {
    const state = play(
      "alice",
      inside({ 2: "bob" }),
      { type: "people", people: [person("bob", 2)], at: 10 },
      { type: "seats", members: seats({}), requestedAt: 20 },
      { type: "people", people: [{ ...person("bob", 2), speaking: true }], at: 30 },
    );
    expect(state.seats.every((seat) => seat.user === "")).toBe(true);
  });

  it("says that seats may be stale until they are told or listed again", () => {
    const stale = play("bob", inside(), { type: "stale" });
    expect(stale.stale).toBe(true);
    const list: RoomEvent = { type: "seats", members: seats({}), requestedAt: 9 };
    expect(reduce(stale, list).stale).toBe(false);
  });

  it("leaves the seats to the hub while that is heard", () => {
    const start = play("bob", inside({ 2: "bob" }));
    const live = reduce(start, { type: "chat", chat: { ...start.chat, link: "live" } });
    const late: RoomEvent = { type: "people", people: [person("bob", 5)], at: 10 };
    expect(mySeat(reduce(live, late))).toBe(2);
    expect(mySeat(reduce(start, late))).toBe(5);
  });

  it("counts who is in the live channel, in the group, or both", () => {
    const start = play("bob", inside(), { type: "people", people: [person("bob")], at: 10 });
    const members = new Map([
      ["bob", "Bob"],
      ["kim", "Kim"],
    ]);
    const state = reduce(start, { type: "chat", chat: { ...start.chat, members, total: 2 } });
    expect(listeners(state).map(({ user }) => user)).toEqual(["bob", "kim"]);
    expect(headcount(state)).toBe(2);
    const big = reduce(state, { type: "chat", chat: { ...state.chat, total: 900 } });
    expect(headcount(big)).toBe(900);
  });

  it("takes a new title and notice, and keeps what was not told", () => {
    const state = play("bob", inside(), { type: "renamed", title: "Late jazz", notice: null });
    expect(state.room).toMatchObject({ title: "Late jazz", notice: "" });
  });

  it("counts as listeners who neither owns nor sits", () => {
    const state = play("bob", inside({ 1: "eve" }), {
      type: "people",
      people: [person("alice"), person("eve", 1), person("bob"), person("kim")],
      at: 5,
    });
    expect(listeners(state).map((listener) => listener.user)).toEqual(["bob", "kim"]);
  });
});

describe("microphone", () => {
  it("opens only when connected, seated, permitted and wanted", () => {
    const all = [inside({ 1: "bob" }), live, may, wants];
    expect(micGoal(play("bob", ...all))).toBe("on");
    for (const missing of all) {
      const rest = all.filter((event) => event !== missing);
      expect(micGoal(play("bob", ...rest))).toBe("off");
    }
  });

  it("is taken back when the seat is lost", () => {
    const state = play("bob", inside({ 1: "bob" }), live, may, wants, {
      type: "mic",
      mic: { actual: "on" },
    });
    expect(micGoal(reduce(state, { type: "seats", members: seats({}), requestedAt: 9 }))).toBe(
      "off",
    );
    expect(micGoal(reduce(state, { type: "permission", mayPublish: false }))).toBe("off");
  });

  it("stays published while muted, and unpublished if it never was", () => {
    const seated = [inside({ 1: "bob" }), live, may];
    const on: RoomEvent = { type: "mic", mic: { wanted: false, actual: "on" } };
    expect(micGoal(play("bob", ...seated, on))).toBe("muted");
    expect(micGoal(play("bob", ...seated))).toBe("off");
  });

  it("leaves the track alone while the connection resumes, except to mute", () => {
    const state = play("bob", inside({ 1: "bob" }), live, may, wants, {
      type: "mic",
      mic: { actual: "on" },
    });
    const resuming = reduce(state, { type: "link", link: { kind: "reconnecting" } });
    expect(micGoal(resuming)).toBe("on");
    expect(micGoal(reduce(resuming, { type: "mic", mic: { wanted: false } }))).toBe("muted");
  });

  it("does not try again by itself after a problem", () => {
    const state = play("bob", inside({ 1: "bob" }), live, may, wants, {
      type: "mic",
      mic: { problem: "denied" },
    });
    expect(micGoal(state)).toBe("off");
  });
});

describe("connection", () => {
  it("forgets people, permission and microphone when the connection is lost, but not the seats", () => {
    const state = play(
      "bob",
      inside({ 1: "bob" }),
      live,
      may,
      { type: "people", people: [person("bob", 1)], at: 5 },
      { type: "link", link: { kind: "lost", retryAt: 0 } },
    );
    expect(state.people).toEqual([]);
    expect(state.mayPublish).toBe(false);
    expect(mySeat(state)).toBe(1);
  });

  it("keeps the end: nothing that arrives later revives the room", () => {
    const ended = play("bob", inside(), {
      type: "link",
      link: { kind: "ended", reason: "dismissed" },
    });
    expect(reduce(ended, live)).toBe(ended);
    expect(reduce(ended, { type: "seats", members: seats({ 1: "bob" }), requestedAt: 99 })).toBe(
      ended,
    );
  });

  it("gives every failure a number of its own, so that the same one twice is shown twice", () => {
    const error = new ApiError("internal", 500, "internal error", "abc");
    const first = play("bob", { type: "failure", error });
    const second = reduce(first, { type: "failure", error });
    expect(second.failure?.id).not.toBe(first.failure?.id);
  });
});
