/** What is drawn: the part of Excalidraw's elements that this page makes and shows. */
export const SHAPES = ["freedraw", "line", "rectangle", "ellipse", "text"] as const;
export type Shape = (typeof SHAPES)[number];

/** Relative to the element's own place. */
export type Point = readonly [number, number];

export interface BoardElement {
  id: string;
  type: Shape;
  /** Counted from 0. */
  page: number;
  x: number;
  y: number;
  width: number;
  height: number;
  points: readonly Point[];
  strokeColor: string;
  strokeWidth: number;
  text: string;
  fontSize: number;
  /** Decides what lies above what. */
  index: string;
  version: number;
  isDeleted: boolean;
}

/** Other clients write what they like: null = nothing that can be shown here. */
export function readElement(id: string, value: unknown): BoardElement | null {
  if (typeof value !== "object" || value === null) return null;
  const map = value as Record<string, unknown>;
  const type = SHAPES.find((shape) => shape === map["type"]);
  if (type === undefined || map["isDeleted"] === true) return null;
  const points = readPoints(map["points"]);
  if (points.length === 0 && (type === "freedraw" || type === "line")) return null;
  return {
    id,
    type,
    page: number(map["page"], 0),
    x: number(map["x"], 0),
    y: number(map["y"], 0),
    width: number(map["width"], 0),
    height: number(map["height"], 0),
    points,
    strokeColor: readColour(map["strokeColor"]),
    strokeWidth: Math.min(200, Math.max(0.1, number(map["strokeWidth"], 2))),
    text: text(map["text"]),
    fontSize: Math.min(1_000, Math.max(1, number(map["fontSize"], 20))),
    index: text(map["index"]),
    version: number(map["version"], 1),
    isDeleted: false,
  };
}

/** A colour of a harmless form: it goes into an attribute of the page. */
function readColour(value: unknown): string {
  const colour = text(value);
  return /^(#[0-9a-f]{3,8}|[a-z]{3,24})$/i.test(colour) ? colour : "#1e1e1e";
}

function readPoints(value: unknown): Point[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((point: unknown) => {
    if (!Array.isArray(point)) return [];
    const [x, y]: unknown[] = point;
    return isNumber(x) && isNumber(y) ? [[x, y] as const] : [];
  });
}

function number(value: unknown, otherwise: number): number {
  return isNumber(value) ? value : otherwise;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The order in which they are drawn: the same on every page, whatever order the document has them in. */
export function byOrder(a: BoardElement, b: BoardElement): number {
  if (a.index !== b.index) return a.index < b.index ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
