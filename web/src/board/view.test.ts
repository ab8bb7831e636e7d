import { describe, expect, it } from "vitest";
import { alike, around, backgroundSize, SHEET, wholeOf } from "./view";

describe("what is looked at", () => {
  const sheet = { x: 0, y: 0, ...SHEET };

  it("is all that is drawn, beside the sheet as well", () => {
    expect(around(SHEET, null)).toEqual(sheet);
    expect(around(SHEET, { x: 10, y: 10, width: 10, height: 10 })).toEqual(sheet);
    const beside = around(SHEET, { x: -50, y: 100, width: 20, height: 900 });
    expect(beside).toEqual({ x: -50, y: 0, width: 1_010, height: 1_000 });
    const view = wholeOf(beside, { width: 505, height: 1_000 }, { top: 0, bottom: 0, side: 0 });
    expect(view.zoom).toBeCloseTo(0.5);
    expect((beside.x + view.scrollX) * view.zoom).toBeCloseTo(0);
    expect((beside.y + view.scrollY) * view.zoom).toBeCloseTo(250);
  });

  it("is all of a sheet, between the tools", () => {
    const view = wholeOf(sheet, { width: 540, height: 400 }, { top: 60, bottom: 40, side: 30 });
    expect(view.zoom).toBeCloseTo(0.5);
    // On the screen: the left edge beside the margin, the middle in the middle of what is left.
    expect(view.scrollX * view.zoom).toBeCloseTo(30);
    expect((view.scrollY + SHEET.height / 2) * view.zoom).toBeCloseTo(60 + 150);
  });

  it("stays within what the library can show", () => {
    const none = { top: 0, bottom: 0, side: 0 };
    expect(wholeOf(sheet, { width: 10, height: 10 }, none).zoom).toBe(0.1);
    expect(
      wholeOf({ x: 0, y: 0, width: 1, height: 1 }, { width: 900, height: 900 }, none).zoom,
    ).toBe(30);
  });

  it("has pages of courseware as large as sheets, upright ones too", () => {
    expect(backgroundSize({ width: 2_560, height: 1_440 })).toEqual(SHEET);
    expect(backgroundSize({ width: 300, height: 600 })).toEqual({ width: 480, height: 960 });
  });

  it("knows whether somebody moved it", () => {
    const view = { scrollX: 1, scrollY: 2, zoom: 1 };
    expect(alike(view, { ...view })).toBe(true);
    expect(alike(view, { ...view, scrollY: 3 })).toBe(false);
  });
});
