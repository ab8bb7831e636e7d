import { describe, expect, it } from "vitest";
import type { WireSeat } from "../api/client";
import {
  applyHint,
  applyList,
  currentSeats,
  emptyBoard,
  fromMeetingInfo,
  fromWire,
  seatAttribute,
  seatChanges,
  seatOf,
} from "./seats";

function list(holders: Record<number, string>): WireSeat[] {
  return Array.from({ length: 8 }, (_, i) => {
    const user = holders[i + 1] ?? "";
    return { index: i + 1, joined: user !== "", user_id: user };
  });
}

const holders = (board: Parameters<typeof currentSeats>[0]) =>
  currentSeats(board)
    .filter((seat) => seat.user !== "")
    .map((seat) => `${seat.index}:${seat.user}`);

describe("reading seats", () => {
  it("always shows eight seats in order, whatever the server lists", () => {
    const seats = fromWire([
      { index: 3, joined: true, user_id: "bob" },
      { index: 9, joined: true, user_id: "nobody" },
    ]);
    expect(seats.map((seat) => seat.index)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(seatOf(seats, "bob")).toBe(3);
    expect(seatOf(seats, "nobody")).toBe(0);
  });

  it("takes the nick out of extends and falls back to the user id on anything else", () => {
    const named = (text?: string) =>
      fromWire([
        { index: 1, joined: true, user_id: "u1", ...(text === undefined ? {} : { extends: text }) },
      ])[0]?.name;
    expect(named('{"user_nick":"Bob","user_avatar":""}')).toBe("Bob");
    for (const text of [
      undefined,
      "",
      "{}",
      "[1]",
      "nonsense",
      '{"user_nick":7}',
      '{"user_nick":" "}',
    ]) {
      expect(named(text)).toBe("u1");
    }
  });

  it("keeps a list of rooms alive when one room's meetingInfo is unreadable", () => {
    expect(fromMeetingInfo("{")).toHaveLength(8);
    expect(fromMeetingInfo("[]").every((seat) => seat.user === "")).toBe(true);
    expect(seatOf(fromMeetingInfo(JSON.stringify({ members: list({ 2: "eve" }) })), "eve")).toBe(2);
  });

  it("believes only seat numbers in the attribute", () => {
    expect(seatAttribute("0")).toBe(0);
    expect(seatAttribute("8")).toBe(8);
    for (const value of [undefined, "", "9", "-1", "1.5", "x"])
      expect(seatAttribute(value)).toBeNull();
  });
});

describe("lists and attributes together", () => {
  it("shows an attribute at once, before any list has it", () => {
    const board = applyHint(applyList(emptyBoard, list({}), 10), "bob", 4, 20);
    expect(holders(board)).toEqual(["4:bob"]);
  });

  it("does not let a list asked for before the attribute came undo it", () => {
    let board = applyList(emptyBoard, list({}), 10);
    board = applyHint(board, "bob", 4, 20);
    board = applyList(board, list({}), 15);
    expect(holders(board)).toEqual(["4:bob"]);
  });

  it("lets a list asked for after the attribute decide", () => {
    let board = applyHint(applyList(emptyBoard, list({}), 10), "bob", 4, 20);
    board = applyList(board, list({ 1: "eve" }), 30);
    expect(holders(board)).toEqual(["1:eve"]);
  });

  it("ignores a list older than the one shown", () => {
    let board = applyList(emptyBoard, list({ 1: "bob" }), 30);
    board = applyList(board, list({}), 20);
    expect(holders(board)).toEqual(["1:bob"]);
  });

  it("ignores a list that was asked for before the own change was answered", () => {
    // joinMic asked at 10, answered at 40; a poll asked at 20 may not have seen it.
    let board = applyList(emptyBoard, list({ 2: "me" }), 10, 40);
    board = applyList(board, list({}), 20);
    expect(holders(board)).toEqual(["2:me"]);
    board = applyList(board, list({ 2: "me", 3: "eve" }), 50);
    expect(holders(board)).toEqual(["2:me", "3:eve"]);
  });

  it("never shows one user on two seats", () => {
    let board = applyList(emptyBoard, list({ 1: "bob", 2: "eve" }), 10);
    board = applyHint(board, "bob", 5, 20);
    expect(holders(board)).toEqual(["2:eve", "5:bob"]);
    board = applyHint(board, "bob", 0, 21);
    expect(holders(board)).toEqual(["2:eve"]);
  });

  it("keeps the nick of the last list when an attribute confirms or moves the holder", () => {
    const members: WireSeat[] = [
      { index: 1, joined: true, user_id: "u1", extends: '{"user_nick":"Bob"}' },
    ];
    const board = applyList(emptyBoard, members, 10);
    expect(currentSeats(applyHint(board, "u1", 1, 20))[0]?.name).toBe("Bob");
    expect(currentSeats(applyHint(board, "u1", 3, 20))[2]?.name).toBe("Bob");
  });
});

describe("what changed", () => {
  it("reports who left and who took, a hand-over as both", () => {
    const before = fromWire(list({ 1: "bob", 2: "eve" }));
    const after = fromWire(list({ 2: "eve", 3: "bob", 1: "kim" }));
    expect(seatChanges(before, after)).toEqual([
      { kind: "left", user: "bob", name: "bob", seat: 1 },
      { kind: "took", user: "kim", name: "kim", seat: 1 },
      { kind: "took", user: "bob", name: "bob", seat: 3 },
    ]);
  });

  it("reports nothing when only a nick arrives", () => {
    const before = fromWire(list({ 1: "bob" }));
    const after = before.map((seat) => (seat.index === 1 ? { ...seat, name: "Bob" } : seat));
    expect(seatChanges(before, after)).toEqual([]);
  });
});
