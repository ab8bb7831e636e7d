import { describe, expect, it } from "vitest";
import { asking, choosing, PAGE_SIZE, resting, typing, within } from "./paging";

const first = asking({ q: "", app: "" });
const third = { ...first, offset: 2 * PAGE_SIZE };

describe("a list that is searched", () => {
  it("is asked for what was typed once the typing rests, from its first page on", () => {
    const letter = typing(typing(third, { q: "a" }), { q: "an" });
    expect(letter).toEqual({ typed: { q: "an", app: "" }, asked: first.asked, offset: 100 });
    expect(resting(letter)).toEqual({ typed: letter.typed, asked: letter.typed, offset: 0 });
  });

  it("is asked for a choice at once, and for what stands in the fields with it", () => {
    const chosen = choosing(typing(third, { q: "an" }), { app: "1000" });
    expect(chosen.asked).toEqual({ q: "an", app: "1000" });
    expect(chosen.offset).toBe(0);
  });

  it("stays on its page when the question is the same again", () => {
    expect(resting(third)).toBe(third);
    expect(resting(typing(typing(third, { q: "a" }), { q: "" })).offset).toBe(100);
    expect(resting(typing(third, { q: "" })).asked).toBe(third.asked);
    expect(choosing(third, { app: "" }).offset).toBe(100);
  });
});

describe("a list that grew shorter", () => {
  it("shows its last page instead of none", () => {
    expect(within(third, 101)).toBe(third);
    expect(within(third, 100).offset).toBe(50);
    expect(within(third, 51).offset).toBe(50);
    expect(within(third, 50).offset).toBe(0);
    expect(within(third, 0).offset).toBe(0);
    expect(within(first, 0)).toBe(first);
  });
});
