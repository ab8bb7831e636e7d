import { describe, expect, it } from "vitest";
import type { WireMember } from "../api/classroom";
import { roster } from "./roster";
import { attending, type ClassState, initialState } from "./state";

const member = (user_id: string, identity = 1, user_name = "", status = 1): WireMember => ({
  ...{ user_id, identity, user_name, status },
});
const person = (user: string, maySpeak: boolean) => ({
  ...{ user, maySpeak, mic: false, speaking: false, level: 0, camera: null, screen: null },
});
const state = {
  ...initialState("li", "c"),
  members: [
    member("zoe", 1, "Zoé"),
    member("bob"),
    member("ann"),
    member("gone", 1, "", 2),
    member("tom", 2),
    member("li", 3, "李老师"),
  ],
  hands: ["bob"],
  people: [person("ann", true), person("bob", false)],
};
const users = (search: string, filter: Parameters<typeof roster>[2] = "all") =>
  roster(state, search, filter).map(({ user_id }) => user_id);

describe("the list of people", () => {
  it("shows who matters first: teaching, on stage, hands in order, the rest as listed", () => {
    expect(users("")).toEqual(["li", "tom", "ann", "bob", "zoe"]);
  });

  it("is searched by name and user, whatever the accents", () => {
    expect(users("ZOE")).toEqual(["zoe"]);
    expect(users("李")).toEqual(["li"]);
    expect(users(" o ")).toEqual(["tom", "bob", "zoe"]);
    expect(users("gone")).toEqual([]);
  });

  it("of a class that is over has who was there, left or not, and not who was removed", () => {
    const over: ClassState = {
      ...state,
      members: [...state.members, member("eve", 1, "", 3)],
      link: { kind: "resting" },
      hands: [],
      people: [],
    };
    const users = roster(over, "", "all").map(({ user_id }) => user_id);
    expect(users).toEqual(["li", "tom", "zoe", "bob", "ann", "gone"]);
    expect(attending(over)).toHaveLength(6);
    expect(attending(state)).toHaveLength(5);
  });

  it("is filtered by what people do", () => {
    expect(users("", "stage")).toEqual(["ann"]);
    expect(users("", "students")).toEqual(["ann", "bob", "zoe"]);
    expect(users("", "staff")).toEqual(["li", "tom"]);
  });
});
