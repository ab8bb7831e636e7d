import { describe, expect, it } from "vitest";
import type { WireRoom } from "../api/client";
import { guestName } from "../lib/guest";
import { searchRooms } from "../views/rooms/search";
import { roster, searchRoster } from "./roster";
import { initialState, type Person, type RoomState } from "./state";
import { readVolumes, withVolume } from "./volume";

const room = (fields: Partial<WireRoom>) =>
  ({ anchor_id: "zoe", anchor_nick: "Zoë", ...fields }) as WireRoom;
const person = (user: string): Person => ({
  user,
  seat: 0,
  mic: false,
  silenced: false,
  speaking: false,
  level: 0,
});

function state(): RoomState {
  const empty = initialState("me");
  return {
    ...empty,
    room: room({}),
    seats: empty.seats.map((seat) =>
      seat.index === 5
        ? { ...seat, user: "away", name: "Away" }
        : seat.index === 2
          ? { ...seat, user: "bob", name: "Bob" }
          : seat,
    ),
    people: [person("me"), person("bob"), person("zoe")],
    chat: {
      ...empty.chat,
      members: new Map([
        ["ann", "Ann Lee"],
        ["bob", "Bobby"],
      ]),
    },
  };
}

describe("the list of people", () => {
  it("has the owner first, then seats in order, also of somebody away, then who listens by name", () => {
    const list = roster(state());
    expect(list.map(({ user, name, seat }) => [user, name, seat])).toEqual([
      ["zoe", "Zoë", 0],
      ["bob", "Bobby", 2],
      ["away", "Away", 5],
      ["ann", "Ann Lee", 0],
      ["me", "me", 0],
    ]);
    expect(list.map(({ owner, person }) => [owner, person === null])).toEqual([
      [true, false],
      [false, false],
      [false, true],
      [false, false],
      [false, false],
    ]);
  });

  it("finds names and ids by all words, whatever their case, width and accents", () => {
    const found = (query: string) => searchRoster(roster(state()), query).map(({ user }) => user);
    expect(found("ZOE")).toEqual(["zoe"]);
    expect(found("lee an")).toEqual(["ann"]);
    expect(found("ｂｏｂ")).toEqual(["bob"]);
    expect(found("  ")).toHaveLength(5);
    expect(found("nobody")).toEqual([]);
  });
});

describe("the search for rooms", () => {
  const rooms = [
    room({ title: "Café del mar", show_code: 12_345_678 }),
    room({ title: "爵士之夜", anchor_nick: "", anchor_id: "li", show_code: 87_654_321 }),
  ];
  const found = (query: string) => searchRooms(rooms, query).map(({ title }) => title);

  it("looks at titles, owners and the beginning of numbers", () => {
    expect(found("cafe MAR")).toEqual(["Café del mar"]);
    expect(found("爵士")).toEqual(["爵士之夜"]);
    expect(found("zoe")).toEqual(["Café del mar"]);
    expect(found("8765")).toEqual(["爵士之夜"]);
    expect(found("#12345678")).toEqual(["Café del mar"]);
    expect(found("5678")).toEqual([]);
    expect(found("")).toHaveLength(2);
  });
});

describe("volumes", () => {
  it("keeps what is not full, the last ones, and only what it can read", () => {
    let volumes = withVolume(new Map(), "ann", 0.4);
    volumes = withVolume(volumes, "bob", -1);
    expect([...volumes]).toEqual([
      ["ann", 0.4],
      ["bob", 0],
    ]);
    expect([...withVolume(volumes, "ann", 1)]).toEqual([["bob", 0]]);
    expect(readVolumes(JSON.stringify([...volumes]))).toEqual(volumes);
    for (const stored of [null, "{", "7", '[["a"],["b","x"],["c",2]]'])
      expect(readVolumes(stored).size).toBe(0);
    for (let i = 0; i < 300; i++) volumes = withVolume(volumes, `user ${i}`, 0.5);
    expect(volumes.size).toBe(200);
    expect(volumes.has("ann")).toBe(false);
  });
});

describe("a guest's name", () => {
  it("is made of two words and a number", () => {
    for (const draw of [0, 0.5, 0.999_999])
      expect(guestName(() => draw)).toMatch(/^[a-z]+-[a-z]+\d{3}$/);
  });
});
