import type { BoardElement, Shape } from "./element";
import { box, leavesMark, place, type Spot, simplify, textSize } from "./geometry";

export type Tool = Shape | "eraser";

export const COLOURS = ["#1e1e1e", "#c92a2a", "#1864ab", "#2b8a3e", "#d9480f", "#862e9c"] as const;
/** Of lines, in units of the sheet. */
export const WIDTHS = [2, 5, 12] as const;
export type LineWidth = (typeof WIDTHS)[number];

/** Letters grow with the line width that is chosen. */
export const FONT_SIZES: Record<LineWidth, number> = { 2: 24, 5: 36, 12: 60 };
/** How near the eraser must come, in units of the sheet. */
export const ERASER_RADIUS = 10;

export interface Style {
  colour: string;
  width: LineWidth;
}

type Name = Pick<BoardElement, "id" | "index" | "page">;

/** What a gesture over these spots draws; null while it would leave nothing. */
export function drawn(
  shape: Exclude<Shape, "text">,
  spots: readonly Spot[],
  style: Style,
  name: Name,
): BoardElement | null {
  const [first, last] = [spots[0], spots.at(-1)];
  if (first === undefined || last === undefined) return null;
  const extent =
    shape === "freedraw"
      ? place(simplify(spots))
      : shape === "line"
        ? place([first, last])
        : { ...box(first, last), points: [] };
  if (!leavesMark(shape, extent)) return null;
  return { ...blank(style, name), type: shape, ...extent };
}

/** A text whose first line begins here; null for nothing but blanks. */
export function written(text: string, at: Spot, style: Style, name: Name): BoardElement | null {
  const trimmed = text.replace(/\s+$/u, "");
  if (trimmed === "") return null;
  const fontSize = FONT_SIZES[style.width];
  return {
    ...blank(style, name),
    type: "text",
    ...at,
    ...textSize(trimmed, fontSize),
    text: trimmed,
    fontSize,
  };
}

function blank(style: Style, name: Name): BoardElement {
  return {
    ...name,
    type: "freedraw",
    x: 0,
    y: 0,
    width: 0,
    height: 0,
    points: [],
    strokeColor: style.colour,
    strokeWidth: style.width,
    text: "",
    fontSize: 0,
    version: 0,
    isDeleted: false,
  };
}
