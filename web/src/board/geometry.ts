import type { BoardElement, Point, Shape } from "./element";

/** The sheet everybody sees, in its own units, whatever the size of the screen. */
export const SHEET = { width: 1_280, height: 720 };

/** Letters are about this wide, as a share of the font size: what the server assumes where no width is given. */
const LETTER_WIDTH = 0.6;
export const LINE_HEIGHT = 1.25;
/** Half units: finer than a screen shows, and short on the wire. */
const STEPS = 2;
/** How far a straight piece may stray from what was drawn, in units of the sheet. */
const TOLERANCE = 0.6;

export interface Spot {
  x: number;
  y: number;
}

export function snap(value: number): number {
  return Math.round(value * STEPS) / STEPS;
}

export function onSheet({ x, y }: Spot): Spot {
  return {
    x: snap(Math.min(SHEET.width, Math.max(0, x))),
    y: snap(Math.min(SHEET.height, Math.max(0, y))),
  };
}

export interface Extent {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A rectangle from any two opposite corners. */
export function box(a: Spot, b: Spot): Extent {
  return {
    x: Math.min(a.x, b.x),
    y: Math.min(a.y, b.y),
    width: Math.abs(a.x - b.x),
    height: Math.abs(a.y - b.y),
  };
}

/** Where an element made of these spots lies: its place, and the spots relative to it. */
export function place(spots: readonly Spot[]): Extent & { points: Point[] } {
  const first = spots[0] ?? { x: 0, y: 0 };
  const points = spots.map(({ x, y }): Point => [snap(x - first.x), snap(y - first.y)]);
  const [width, height] = size(points);
  return { x: first.x, y: first.y, width, height, points };
}

function size(points: readonly Point[]): [number, number] {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)];
}

/** Leaves out the spots that a straight line between others shows as well (Ramer–Douglas–Peucker, without recursion). */
export function simplify(spots: readonly Spot[]): Spot[] {
  if (spots.length < 3) return [...spots];
  const keep = new Uint8Array(spots.length);
  keep[0] = 1;
  keep[spots.length - 1] = 1;
  const open: [number, number][] = [[0, spots.length - 1]];
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    const [from, to] = range;
    let worst = 0;
    let at = -1;
    for (let i = from + 1; i < to; i += 1) {
      const stray = distance(spots[i] as Spot, spots[from] as Spot, spots[to] as Spot);
      if (stray > worst) [worst, at] = [stray, i];
    }
    if (worst <= TOLERANCE) continue;
    keep[at] = 1;
    open.push([from, at], [at, to]);
  }
  return spots.filter((_, i) => keep[i] === 1);
}

/** From a spot to a straight piece. */
export function distance(p: Spot, a: Spot, b: Spot): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((p.x - a.x) * dx + (p.y - a.y) * dy) / length;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

/** How much room a text takes; an estimate, since fonts differ from device to device. */
export function textSize(text: string, fontSize: number): { width: number; height: number } {
  const lines = text.split("\n");
  const longest = Math.max(...lines.map((line) => [...line].length));
  return {
    width: snap(longest * fontSize * LETTER_WIDTH),
    height: snap(lines.length * fontSize * LINE_HEIGHT),
  };
}

/** Whether an eraser of this radius touches the element: its line, or anywhere in a text. */
export function touches(element: BoardElement, at: Spot, radius: number): boolean {
  const reach = radius + element.strokeWidth / 2;
  const { x, y, width, height } = element;
  switch (element.type) {
    case "freedraw":
    case "line":
      return touchesLine(element, at, reach);
    case "text": {
      const inX = at.x >= x - radius && at.x <= x + width + radius;
      return inX && at.y >= y - radius && at.y <= y + height + radius;
    }
    case "rectangle": {
      const corners = [
        { x, y },
        { x: x + width, y },
        { x: x + width, y: y + height },
        { x, y: y + height },
      ];
      return corners.some((corner, i) => {
        return distance(at, corner, corners[(i + 1) % 4] as Spot) <= reach;
      });
    }
    case "ellipse":
      return touchesEllipse(element, at, reach);
  }
}

function touchesLine(element: BoardElement, at: Spot, reach: number): boolean {
  const spots = element.points.map(([dx, dy]) => ({ x: element.x + dx, y: element.y + dy }));
  return spots.some((spot, i) => distance(at, spots[i - 1] ?? spot, spot) <= reach);
}

function touchesEllipse(element: BoardElement, at: Spot, reach: number): boolean {
  const [rx, ry] = [element.width / 2, element.height / 2];
  const [dx, dy] = [at.x - element.x - rx, at.y - element.y - ry];
  const [longer, shorter] = [Math.max(rx, ry), Math.min(rx, ry)];
  // A flat one is a line.
  if (shorter <= reach) return Math.abs(dx) <= rx + reach && Math.abs(dy) <= ry + reach;
  // Along the ray from the middle; exact for circles, and close enough for an eraser otherwise.
  const share = Math.hypot(dx / rx, dy / ry);
  if (share === 0) return longer <= reach;
  return Math.abs(Math.hypot(dx, dy) * (1 - 1 / share)) <= reach;
}

/** The `d` of a path through all points: straight pieces, as the server draws it. */
export function pathOf(element: BoardElement): string {
  const { x, y, points } = element;
  return points.map(([dx, dy], i) => `${i === 0 ? "M" : "L"}${x + dx} ${y + dy}`).join("");
}

/** Whether a gesture was long enough to leave something; a pen leaves a dot. */
export function leavesMark(shape: Shape, extent: Extent): boolean {
  return shape === "freedraw" || extent.width > 1 || extent.height > 1;
}
