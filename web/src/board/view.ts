/** What everybody is shown of a sheet at first, in its own units: on a board without an end, something has to be the middle. */
export const SHEET = { width: 960, height: 540 };

export interface Size {
  width: number;
  height: number;
}

/** A part of the board, in its own units. */
export interface Box extends Size {
  x: number;
  y: number;
}

/** All of a sheet and of what is drawn on it or beside it. */
export function around(sheet: Size, drawn: Box | null): Box {
  if (drawn === null) return { x: 0, y: 0, ...sheet };
  const [x, y] = [Math.min(0, drawn.x), Math.min(0, drawn.y)];
  return {
    x,
    y,
    width: Math.max(sheet.width, drawn.x + drawn.width) - x,
    height: Math.max(sheet.height, drawn.y + drawn.height) - y,
  };
}

/** Space on the screen that tools lie over. */
export interface Margins {
  top: number;
  bottom: number;
  side: number;
}

/** How the drawing library looks at the board. */
export interface View {
  scrollX: number;
  scrollY: number;
  zoom: number;
}

/** Of the library, both. */
const MIN_ZOOM = 0.1;
const MAX_ZOOM = 30;

/** A page of courseware as large as a sheet: its longer side is a sheet's. */
export function backgroundSize({ width, height }: Size): Size {
  const scale = SHEET.width / Math.max(width, height, 1);
  return { width: width * scale, height: height * scale };
}

/** All of a part of the board, as large as fits. */
export function wholeOf(part: Box, screen: Size, { top, bottom, side }: Margins): View {
  const room = {
    width: Math.max(1, screen.width - 2 * side),
    height: Math.max(1, screen.height - top - bottom),
  };
  const wanted = Math.min(room.width / part.width, room.height / part.height);
  const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, wanted));
  return {
    scrollX: (side + (room.width - part.width * zoom) / 2) / zoom - part.x,
    scrollY: (top + (room.height - part.height * zoom) / 2) / zoom - part.y,
    zoom,
  };
}

/** Whether nobody has moved it since. */
export function alike(a: View, b: View): boolean {
  const near = (x: number, y: number) => Math.abs(x - y) < 0.01;
  return near(a.scrollX, b.scrollX) && near(a.scrollY, b.scrollY) && near(a.zoom, b.zoom);
}
