import { describe, expect, it } from "vitest";
import { bits, bytes, dayShort, duration, short } from "./format";
import { areaPath, greatest, linePath, niceStep, pick, timeTicks, valueTicks } from "./scale";

describe("ticks", () => {
  it("are round and reach the greatest value", () => {
    expect(valueTicks(83, 3)).toEqual([0, 50, 100]);
    expect(valueTicks(3, 3)).toEqual([0, 1, 2, 3]);
    expect(valueTicks(0, 3)).toEqual([0, 0.5, 1]);
    expect(valueTicks(0.021, 3).at(-1)).toBeGreaterThanOrEqual(0.021);
    expect(niceStep(200 * 1024 * 1024, 3, 1024)).toBe(100 * 1024 * 1024);
  });

  it("of time are round times of the viewer's day", () => {
    const at = Date.parse("2026-11-22T10:03:00Z");
    const ticks = timeTicks({ from: at, to: at + 15 * 60_000 }, 4, 0);
    expect(ticks.map((tick) => new Date(tick).toISOString().slice(11, 16))).toEqual([
      "10:05",
      "10:10",
      "10:15",
    ]);
    const half = 5.5 * 3_600_000;
    for (const tick of timeTicks({ from: at, to: at + 6 * 3_600_000 }, 4, half)) {
      expect((tick + half) % (2 * 3_600_000)).toBe(0);
    }
  });
});

describe("paths", () => {
  const x = (index: number) => index * 10;
  const y = (value: number) => 100 - value;

  it("break where nothing was measured", () => {
    expect(linePath([1, 2, null, 3, 4], x, y)).toBe("M0 99L10 98M30 97L40 96");
    expect(areaPath([1, 2, null, 3], x, y, 100)).toBe(
      "M0 100L0 99L10 98L10 100ZM30 100L30 97L30 100Z",
    );
  });

  it("show a point alone, and nothing where there is nothing", () => {
    expect(linePath([null, 5, null], x, y)).toBe("M10 95h0");
    expect(linePath([null, null], x, y)).toBe("");
    expect(areaPath([], x, y, 100)).toBe("");
    expect(greatest([[null], [], [2, null, 7]])).toBe(7);
  });

  it("tables keep the first and the last row", () => {
    expect(pick(3, 24)).toEqual([0, 1, 2]);
    const rows = pick(181, 24);
    expect([rows.length, rows[0], rows.at(-1)]).toEqual([24, 0, 180]);
  });
});

describe("figures", () => {
  it("keep the digits that matter", () => {
    expect([0, 0.424, 4.24, 42.4, 424].map(short)).toEqual(["0", "0.42", "4.24", "42.4", "424"]);
    expect([0, 999, 33_600, 1_230_000].map(bits)).toEqual([
      "0 bit/s",
      "999 bit/s",
      "33.6 kbit/s",
      "1.23 Mbit/s",
    ]);
    expect(bytes(180 * 1024 * 1024)).toBe("180 MiB");
  });

  it("name the two largest units of a time", () => {
    expect([0, 59, 3_600, 3_725, 788_645].map(duration)).toEqual([
      "0 s",
      "59 s",
      "1 h",
      "1 h 2 min",
      "9 d 3 h",
    ]);
  });

  it("do not shift days", () => {
    expect(dayShort("2026-11-22")).toBe("Nov 22");
  });
});
