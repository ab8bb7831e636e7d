import { describe, expect, it } from "vitest";
import { type BoardElement, readElement } from "./element";
import {
  box,
  distance,
  onSheet,
  pathOf,
  place,
  SHEET,
  simplify,
  textSize,
  touches,
} from "./geometry";
import { drawn, type Style, written } from "./gesture";

const style: Style = { colour: "#c92a2a", width: 2 };
const name = { id: "e1", index: "a1", page: 0 };
const made = (element: BoardElement | null): BoardElement => {
  if (element === null) throw new Error("nothing was drawn");
  return element;
};

describe("spots", () => {
  it("stay on the sheet", () => {
    expect(onSheet({ x: -5, y: 9_999 })).toEqual({ x: 0, y: SHEET.height });
    expect(onSheet({ x: 10.26, y: 10.24 })).toEqual({ x: 10.5, y: 10 });
  });

  it("make the same box from any two corners", () => {
    const want = { x: 1, y: 2, width: 3, height: 4 };
    expect(box({ x: 1, y: 2 }, { x: 4, y: 6 })).toEqual(want);
    expect(box({ x: 4, y: 2 }, { x: 1, y: 6 })).toEqual(want);
  });

  it("become points relative to the first, with the extent of all", () => {
    expect(
      place([
        { x: 10, y: 10 },
        { x: 5, y: 30 },
      ]),
    ).toEqual({
      x: 10,
      y: 10,
      width: 5,
      height: 20,
      points: [
        [0, 0],
        [-5, 20],
      ],
    });
  });
});

describe("simplifying", () => {
  it("leaves the ends of a straight line", () => {
    const line = Array.from({ length: 50 }, (_, i) => ({ x: i, y: 2 * i }));
    expect(simplify(line)).toEqual([line[0], line[49]]);
  });

  it("strays nowhere further than one can see, and is much shorter", () => {
    const wave = Array.from({ length: 400 }, (_, i) => ({ x: i, y: 100 * Math.sin(i / 30) }));
    const less = simplify(wave);
    expect(less.length).toBeLessThan(80);
    const near = (at: (typeof wave)[number]) =>
      less.some((b, i) => i > 0 && distance(at, less[i - 1] ?? b, b) <= 0.6);
    expect(wave.every(near)).toBe(true);
  });

  it("takes a very long stroke", () => {
    const stroke = Array.from({ length: 50_000 }, (_, i) => ({ x: i % 977, y: (i * 7) % 613 }));
    expect(simplify(stroke).length).toBeGreaterThan(2);
  });
});

describe("gestures", () => {
  it("draw what the tool says", () => {
    const spots = [
      { x: 10, y: 20 },
      { x: 50, y: 60 },
      { x: 30, y: 25 },
    ];
    expect(drawn("line", spots, style, name)).toMatchObject({
      type: "line",
      points: [
        [0, 0],
        [20, 5],
      ],
      strokeColor: "#c92a2a",
    });
    expect(drawn("rectangle", spots, style, name)).toMatchObject({
      ...{ type: "rectangle", x: 10, y: 20, width: 20, height: 5 },
    });
    expect(drawn("freedraw", spots, style, name)?.points).toHaveLength(3);
  });

  it("leave a dot of a pen, and nothing of a shape without extent", () => {
    const tap = [{ x: 10, y: 20 }];
    expect(drawn("freedraw", tap, style, name)?.points).toEqual([[0, 0]]);
    for (const shape of ["line", "rectangle", "ellipse"] as const) {
      expect(drawn(shape, tap, style, name)).toBeNull();
    }
  });

  it("write text with room for it, and nothing of blanks", () => {
    expect(written("a\nbcd \n", { x: 1, y: 2 }, style, name)).toMatchObject({
      text: "a\nbcd",
      ...textSize("a\nbcd", 24),
    });
    expect(written(" \n ", { x: 1, y: 2 }, style, name)).toBeNull();
  });
});

describe("the eraser", () => {
  const corners = [
    { x: 100, y: 100 },
    { x: 300, y: 200 },
  ];
  const touched = (element: BoardElement, x: number, y: number) => touches(element, { x, y }, 10);

  it("takes a line by any of its pieces", () => {
    const line = made(drawn("line", corners, style, name));
    expect(touched(line, 200, 150)).toBe(true);
    expect(touched(line, 200, 180)).toBe(false);
  });

  it("takes a rectangle and an ellipse by their outline, not by their inside", () => {
    const rectangle = made(drawn("rectangle", corners, style, name));
    expect(touched(rectangle, 100, 150)).toBe(true);
    expect(touched(rectangle, 200, 150)).toBe(false);
    const ellipse = made(drawn("ellipse", corners, style, name));
    expect(touched(ellipse, 100, 150)).toBe(true);
    expect(touched(ellipse, 200, 100)).toBe(true);
    expect(touched(ellipse, 200, 150)).toBe(false);
    expect(touched(ellipse, 102, 102)).toBe(false);
  });

  it("takes a text anywhere, and a dot", () => {
    const text = made(written("hello", { x: 100, y: 100 }, style, name));
    expect(touched(text, 120, 110)).toBe(true);
    expect(touched(text, 400, 110)).toBe(false);
    const dot = made(drawn("freedraw", [{ x: 5, y: 5 }], style, name));
    expect(touched(dot, 8, 8)).toBe(true);
  });
});

describe("elements of other clients", () => {
  it("are read as far as they make sense", () => {
    expect(readElement("e", { type: "rectangle", x: "1", y: 4, width: Number.NaN })).toMatchObject({
      ...{ id: "e", x: 0, y: 4, width: 0, strokeColor: "#1e1e1e", strokeWidth: 2, page: 0 },
    });
  });

  it("are nothing when deleted, unknown or without a line", () => {
    for (const value of [
      null,
      3,
      [],
      {},
      { type: "image" },
      { type: "rectangle", isDeleted: true },
      { type: "freedraw", points: [] },
      { type: "line", points: [[1], "x", [Number.NaN, 2]] },
    ]) {
      expect(readElement("e", value)).toBeNull();
    }
  });

  it("cannot smuggle anything into an attribute", () => {
    for (const strokeColor of ["url(https://x.test)", "red;x", "#12345g", "var(--x)"]) {
      expect(readElement("e", { type: "ellipse", strokeColor })?.strokeColor).toBe("#1e1e1e");
    }
  });

  it("are drawn as paths from their own place", () => {
    const element = readElement("e", {
      type: "line",
      x: 5,
      y: 5,
      points: [
        [0, 0],
        [10, -5],
      ],
    });
    expect(pathOf(made(element))).toBe("M5 5L15 0");
  });
});
