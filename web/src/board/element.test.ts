import { describe, expect, it } from "vitest";
import { newer, readElement, readHeader } from "./element";

/** As the drawing library writes an arrow between two shapes. */
const arrow = {
  id: "arrow",
  type: "arrow",
  page: 2,
  x: 10.5,
  y: -3,
  width: 100,
  height: 50,
  angle: 0.25,
  strokeColor: "#1e1e1e",
  backgroundColor: "transparent",
  fillStyle: "solid",
  strokeWidth: 2,
  strokeStyle: "dashed",
  roughness: 1,
  opacity: 80,
  groupIds: ["g"],
  frameId: null,
  index: "a1",
  roundness: { type: 2 },
  seed: 1968410350,
  version: 7,
  versionNonce: 401146281,
  isDeleted: false,
  boundElements: [{ id: "label", type: "text" }],
  updated: 1_700_000_000_000,
  link: null,
  locked: false,
  customData: { lesson: { n: 3 } },
  points: [
    [0, 0],
    [100, 50],
  ],
  lastCommittedPoint: null,
  startBinding: { elementId: "box", focus: 0.1, gap: 4 },
  endBinding: null,
  startArrowhead: null,
  endArrowhead: "triangle",
  elbowed: false,
};

describe("an element of the document", () => {
  it("comes out as the drawing library wrote it, without its sheet", () => {
    const { page, ...rest } = arrow;
    expect(readElement("arrow", arrow)).toEqual(rest);
    expect(readHeader(arrow)).toMatchObject({ page, version: 7, versionNonce: 401146281 });
  });

  it("keeps where a stroke ended, by which its end is drawn", () => {
    const stroke = { type: "freedraw", points: [[0, 0]], lastCommittedPoint: [3, 4] };
    expect(readElement("s", stroke)).toMatchObject({ lastCommittedPoint: [3, 4], pressures: [] });
    const pen = { ...stroke, pressures: [0.5], simulatePressure: false };
    expect(readElement("s", pen)).toMatchObject({ pressures: [0.5], simulatePressure: false });
  });

  it("is a new one each time, down to its points", () => {
    const [one, other] = [readElement("arrow", arrow), readElement("arrow", arrow)];
    expect(one).not.toBe(other);
    for (const key of ["points", "groupIds", "boundElements", "customData"]) {
      expect(one?.[key]).not.toBe(other?.[key]);
      expect(one?.[key]).not.toBe(arrow[key as keyof typeof arrow]);
    }
  });

  it("is whole also when a client wrote only what it had to", () => {
    const text = readElement("t", { type: "text", x: 1, text: "你好" });
    expect(text).toMatchObject({ id: "t", originalText: "你好", fontFamily: 5, lineHeight: 1.25 });
    expect(readElement("r", { type: "rectangle" })).toMatchObject({ version: 1, index: null });
  });

  it("holds nothing that could harm who looks at it", () => {
    const bad = {
      ...arrow,
      x: Number.NaN,
      width: 1e300,
      strokeColor: "url(javascript:alert(1))",
      link: "javascript:alert(1)",
      points: [[0, 0], [1], "x", [3, Number.POSITIVE_INFINITY], [5, 6]],
      boundElements: "none",
      groupIds: [1, "g"],
      opacity: -3,
      version: 1.5,
    };
    expect(readElement("arrow", bad)).toMatchObject({
      x: 0,
      width: 1_000_000,
      strokeColor: "#1e1e1e",
      link: null,
      points: [
        [0, 0],
        [5, 6],
      ],
      boundElements: null,
      groupIds: ["g"],
      opacity: 0,
      version: 1,
    });
  });

  it("is nothing when boards have no such thing, or it has no shape", () => {
    const nothing = [
      null,
      "rectangle",
      [],
      { type: "image", fileId: "f" },
      { type: "embeddable", link: "https://elsewhere.test" },
      { type: "line", points: [[0, 0]] },
      { type: "freedraw" },
    ];
    for (const value of nothing) expect(readElement("x", value)).toBeNull();
  });

  it("is later by its version, or else by the lower of two chance numbers", () => {
    const at = (version: number, versionNonce: number) => ({ version, versionNonce });
    expect(newer(at(3, 9), at(2, 1))).toBe(true);
    expect(newer(at(2, 1), at(2, 9))).toBe(true);
    expect(newer(at(2, 9), at(2, 1))).toBe(false);
    expect(newer(at(2, 9), at(2, 9))).toBe(false);
  });
});
