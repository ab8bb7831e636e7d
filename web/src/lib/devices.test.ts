import { describe, expect, it } from "vitest";
import { devicesOf, pickDevice, readChoice } from "./devices";
import { loudness } from "./meter";

const plugged = (kind: string, deviceId: string, label = "") => ({ kind, deviceId, label });
const all = [
  { id: "default", label: "Default" },
  { id: "a", label: "Headset" },
  { id: "b", label: "Built-in" },
];

describe("devices", () => {
  it("lists each of a kind once, and none without an id", () => {
    const list = devicesOf(
      [
        plugged("audioinput", "default", "Default"),
        plugged("audioinput", "communications", "Default"),
        plugged("audioinput", "a", "Headset"),
        plugged("audioinput", "a", "Headset"),
        plugged("audiooutput", "o", "Speaker"),
        plugged("audioinput", ""),
      ],
      "audioinput",
    );
    expect(list.map(({ id }) => id)).toEqual(["default", "a"]);
  });

  it("uses what was chosen, by id or by name", () => {
    expect(pickDevice(all, { id: "b", label: "?" })).toMatchObject({ used: "b", missing: null });
    expect(pickDevice(all, { id: "old", label: "Headset" })).toMatchObject({
      used: "a",
      missing: null,
    });
  });

  it("falls back while the chosen one is away, and says so", () => {
    const gone = { id: "x", label: "Studio" };
    expect(pickDevice(all, gone)).toMatchObject({ used: "default", missing: gone });
    expect(pickDevice(all.slice(1), null)).toMatchObject({ used: "a", missing: null });
    // Nothing is known before the page may use a microphone.
    expect(pickDevice([], gone)).toMatchObject({ used: "", missing: null });
  });

  it("reads only choices that are some", () => {
    expect(readChoice('{"id":"a","label":"b"}')).toEqual({ id: "a", label: "b" });
    for (const stored of [null, "", "7", "null", '{"id":1,"label":"b"}', '{"id":"a"}'])
      expect(readChoice(stored)).toBeNull();
  });
});

describe("the level meter", () => {
  it("is empty in silence, full at full scale, and half full half way in decibels", () => {
    expect(loudness(new Float32Array(64))).toBe(0);
    expect(loudness(new Float32Array(0))).toBe(0);
    expect(loudness(new Float32Array(64).fill(1))).toBe(1);
    expect(loudness(new Float32Array(64).fill(10 ** (-30 / 20)))).toBeCloseTo(0.5);
    expect(loudness(new Float32Array(64).fill(1e-6))).toBe(0);
  });
});
