import { describe, expect, it } from "vitest";
import { isOnStage, putOnStage, readStage, takeOffStage } from "./stage";

const ann = { user_id: "ann", rtc_pull_url: "https://stoa.test/whep/1", session_id: 7 };
const bob = { user_id: "bob", mic_opened: true };

describe("the stage", () => {
  it("gets a newcomer at its end and keeps what other clients said of the others", () => {
    const next = putOnStage([ann, bob], "cem", "Cem");
    expect(next.slice(0, 2)).toEqual([ann, bob]);
    expect(next[2]).toMatchObject({ user_id: "cem", user_nick: "Cem" });
  });

  it("has nobody twice", () => {
    expect(putOnStage([ann, bob], "ann", "Ann")).toEqual([ann, bob]);
  });

  it("loses exactly the one who is taken off", () => {
    expect(takeOffStage([ann, bob], "ann")).toEqual([bob]);
    expect(takeOffStage([ann, bob], "cem")).toEqual([ann, bob]);
  });

  it("never changes the list it was made from", () => {
    const before = Object.freeze([ann]);
    putOnStage(before, "bob", "Bob");
    takeOffStage(before, "ann");
    expect(before).toEqual([ann]);
  });

  it("is read from the text of a class, and empty where that cannot be read", () => {
    expect(readStage(JSON.stringify({ members: [ann, { user_nick: "?" }, null] }))).toEqual([ann]);
    for (const text of ["", "{}", "[]", "null", '{"members":1}', "{"]) {
      expect(readStage(text)).toEqual([]);
    }
  });

  it("knows who is on it", () => {
    expect(isOnStage([ann], "ann")).toBe(true);
    expect(isOnStage([ann], "bob")).toBe(false);
  });
});
