import { describe, expect, it } from "vitest";
import { decodeHand, encodeHand, keepHands, lower, raise } from "./hands";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("signals about hands", () => {
  it("survive the way", () => {
    for (const type of ["raise", "lower", "decline"] as const) {
      expect(decodeHand(encodeHand({ type }))).toEqual({ type });
    }
  });

  it("are nothing else", () => {
    for (const text of ["", "raise", "{}", '{"type":"wave"}', '{"type":1}', "null", "[]"]) {
      expect(decodeHand(bytes(text))).toBeNull();
    }
    expect(decodeHand(bytes(`{"type":"raise","x":"${"x".repeat(500)}"}`))).toBeNull();
  });
});

describe("the queue", () => {
  it("is in order of arrival, and raising again keeps the place", () => {
    const queue = ["ann", "bob", "ann"].reduce<readonly string[]>(raise, []);
    expect(queue).toEqual(["ann", "bob"]);
  });

  it("closes the gap when somebody takes the hand down", () => {
    expect(lower(["ann", "bob", "cem"], "bob")).toEqual(["ann", "cem"]);
  });

  it("drops whoever is gone", () => {
    expect(keepHands(["ann", "bob"], (user) => user !== "ann")).toEqual(["bob"]);
  });

  it("stays the same object while nothing changes, so that nothing is drawn anew", () => {
    const queue = ["ann"];
    expect(raise(queue, "ann")).toBe(queue);
    expect(lower(queue, "bob")).toBe(queue);
    expect(keepHands(queue, () => true)).toBe(queue);
  });
});
