import { describe, expect, it } from "vitest";
import type { Message } from "../hub/payload";
import { keepHands, lower, raise, readHand } from "./hands";

const told = { kind: "message", group: "c1", version: 0, id: "m", seqnum: 1, name: "", at: 0 };
const message = (type: number, user: string, data: object = {}) =>
  ({ ...told, type, user, data }) as Message;

describe("signals about hands", () => {
  it("are of whoever sends them, or of the student that the teacher names", () => {
    const ann = { studentId: "ann" };
    // A student speaks for nobody else, whatever the message says.
    expect(readHand(message(30010, "bob", ann))).toEqual({ user: "bob", type: "raise" });
    expect(readHand(message(30011, "bob"))).toEqual({ user: "bob", type: "lower" });
    expect(readHand(message(30012, "li", ann))).toEqual({ user: "ann", type: "lower" });
    expect(readHand(message(30013, "li", ann))).toEqual({ user: "ann", type: "decline" });
  });

  it("are nothing else", () => {
    expect(readHand(message(10001, "ann", { content: "hi" }))).toBeNull();
    expect(readHand(message(30012, "li"))).toBeNull();
    expect(readHand(message(30013, "li", { studentId: 7 }))).toBeNull();
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
