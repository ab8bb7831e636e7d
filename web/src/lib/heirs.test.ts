import { describe, expect, it } from "vitest";
import { heirs } from "./heirs";

describe("who gets the focus of a row that is gone", () => {
  it("is the next one, and so on to the end, then the one before", () => {
    expect(heirs(["a", "b", "c", "d"], ["a", "c", "d"], "b")).toEqual(["c", "d", "a"]);
    expect(heirs(["a", "b", "c"], ["a", "b"], "c")).toEqual(["b", "a"]);
  });

  it("is the row itself if only its button went", () => {
    expect(heirs(["a", "b"], ["a", "b"], "b")).toEqual(["b", "a"]);
  });

  it("is none of those who went too, and nobody when all did", () => {
    expect(heirs(["a", "b", "c", "d"], ["d", "x"], "b")).toEqual(["d"]);
    expect(heirs(["a"], ["x"], "a")).toEqual([]);
    expect(heirs(["a"], ["a"], "unknown")).toEqual([]);
  });

  it("goes by the order that was seen, whatever the order is now", () => {
    expect(heirs(["a", "b", "c"], ["c", "a"], "b")).toEqual(["c", "a"]);
  });
});
