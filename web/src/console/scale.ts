/** The geometry of the charts, as plain functions. */

export interface Span {
  from: number;
  to: number;
}

/** Steps that read well: 1, 2 and 5 times powers of ten, or of 1,024 where bytes are counted. */
export function niceStep(span: number, most: number, base: 10 | 1024 = 10): number {
  if (!(span > 0)) return 1;
  const raw = span / most;
  const unit = base === 10 ? 1 : 1024 ** Math.max(0, Math.floor(Math.log(raw) / Math.log(1024)));
  const scaled = raw / unit;
  const power = 10 ** Math.floor(Math.log10(scaled));
  for (const factor of [1, 2, 5, 10]) {
    if (factor * power >= scaled * (1 - 1e-9)) return factor * power * unit;
  }
  return 10 * power * unit;
}

/** Ticks from 0 to at least `max`, at most `most` steps. */
export function valueTicks(max: number, most: number, base: 10 | 1024 = 10): number[] {
  const step = niceStep(max > 0 ? max : 1, most, base);
  const count = Math.max(1, Math.ceil((max > 0 ? max : 1) / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, i) => i * step);
}

const MINUTE = 60_000;
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((n) => n * MINUTE);

/** Round times of day within the span, by the viewer's clock; `offsetMs` is how far that is ahead of UTC. */
export function timeTicks({ from, to }: Span, most: number, offsetMs: number): number[] {
  const raw = (to - from) / most;
  const step = TIME_STEPS.find((candidate) => candidate >= raw) ?? 1440 * MINUTE;
  const ticks = [];
  const first = Math.ceil((from + offsetMs) / step) * step - offsetMs;
  for (let at = first; at <= to; at += step) ticks.push(at);
  return ticks;
}

/** An SVG path through the points; null breaks the line, a point alone between two breaks is a dot of no length. */
export function linePath(
  values: readonly (number | null)[],
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  let path = "";
  let open = false;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      open = false;
      continue;
    }
    const at = `${round(x(index))} ${round(y(value))}`;
    if (open) path += `L${at}`;
    else path += (values[index + 1] ?? null) === null ? `M${at}h0` : `M${at}`;
    open = true;
  }
  return path;
}

/** The same, closed down to `floor`: one area for each unbroken stretch. */
export function areaPath(
  values: readonly (number | null)[],
  x: (index: number) => number,
  y: (value: number) => number,
  floor: number,
): string {
  let path = "";
  let start: number | null = null;
  for (let index = 0; index <= values.length; index++) {
    const value = values[index] ?? null;
    if (value !== null) {
      path += start === null ? `M${round(x(index))} ${round(floor)}L` : "L";
      path += `${round(x(index))} ${round(y(value))}`;
      start ??= index;
    } else if (start !== null) {
      path += `L${round(x(index - 1))} ${round(floor)}Z`;
      start = null;
    }
  }
  return path;
}

/** The greatest value of all lines; 0 if there is none. */
export function greatest(lines: readonly (readonly (number | null)[])[]): number {
  let max = 0;
  for (const line of lines)
    for (const value of line) if (value !== null && value > max) max = value;
  return max;
}

/** So many points, evenly picked, the last always among them: a table of thousands of rows helps nobody. */
export function pick(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, i) => i);
  const step = (length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => Math.round(i * step));
}

function round(n: number): number {
  return Math.round(n * 10) / 10;
}
