import { type PointerEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { clock, clockSeconds } from "../../console/format";
import { areaPath, greatest, linePath, pick, timeTicks, valueTicks } from "../../console/scale";
import { t } from "../../text/console";

export interface Line {
  label: string;
  values: readonly (number | null)[];
}

interface ChartProps {
  title: string;
  /** One or two; the first is filled. */
  lines: readonly Line[];
  /** Labels of the points, for the readout; times unless `labels` says otherwise. */
  from: number;
  stepMs: number;
  labels?: readonly string[];
  format: (value: number) => string;
  base?: 10 | 1024;
  kind?: "line" | "bars";
}

const HEIGHT = 148;
const LEFT = 62;
const RIGHT = 10;
const TOP = 8;
const FLOOR = HEIGHT - 22;
/** Rows of the table that stands in for the picture. */
const TABLE_ROWS = 24;

/**
 * Values over time. The picture lies under a slider that nobody sees: pointer, finger and arrow keys move a mark along
 * it, and the value there is read out. The same as a table is one button away.
 */
export function Chart(props: ChartProps) {
  const { title, lines, from, stepMs, labels, format, base = 10, kind = "line" } = props;
  const id = useId();
  const { ref, width } = useWidth();
  const [mark, setMark] = useState<number | null>(null);
  const length = lines[0]?.values.length ?? 0;
  const at = mark === null ? null : Math.min(mark, length - 1);
  const picture = useMemo(
    () => draw(lines, width, from, stepMs, base, kind),
    [lines, width, from, stepMs, base, kind],
  );
  const name = (index: number) =>
    labels?.[index] ??
    (stepMs < 60_000 ? clockSeconds(from + index * stepMs) : clock(from + index * stepMs));
  const value = (line: Line, index: number) => {
    const found = line.values[index] ?? null;
    return found === null ? t.chart.none : format(found);
  };
  const readout = (index: number) =>
    `${name(index)}: ${lines.map((line) => `${line.label} ${value(line, index)}`).join(", ")}`;
  const last = length - 1;
  // The moment that is just being measured has no values yet.
  const newest = useMemo(() => latest(lines), [lines]);
  const shown = at ?? newest;
  function point(event: PointerEvent<HTMLElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    setMark(picture.index(event.clientX - box.left + LEFT));
  }

  return (
    <figure className="chart" aria-labelledby={`${id}-title`}>
      <figcaption>
        <span className="chart-title" id={`${id}-title`}>
          {title}
        </span>
        <span className="chart-read" aria-hidden="true">
          {lines.map((line, index) => (
            <span key={line.label} data-line={index + 1}>
              {line.label} <b>{length > 0 ? value(line, shown) : t.chart.none}</b>
            </span>
          ))}
          {/* Always there: a line that comes and goes would move what is below it. */}
          {length > 0 && <time>{name(shown)}</time>}
        </span>
      </figcaption>
      <div className="chart-plot" ref={ref}>
        {width > 0 && (
          <svg width={width} height={HEIGHT} aria-hidden="true" focusable="false">
            <g className="chart-grid">
              {picture.values.map(({ y, value: tick }) => (
                <g key={tick}>
                  <path d={`M${LEFT} ${y}H${width - RIGHT}`} />
                  <text x={LEFT - 8} y={y + 4} textAnchor="end">
                    {format(tick)}
                  </text>
                </g>
              ))}
              {labels === undefined
                ? picture.times.map(({ x, time }) => (
                    <text key={time} x={x} y={HEIGHT - 4} textAnchor="middle">
                      {clock(time)}
                    </text>
                  ))
                : pick(length, Math.max(2, Math.floor(width / 130))).map((index) => (
                    <text
                      key={index}
                      x={index === last ? width - RIGHT : picture.x(index)}
                      y={HEIGHT - 4}
                      textAnchor={index === last ? "end" : "middle"}
                    >
                      {labels[index]}
                    </text>
                  ))}
            </g>
            {picture.shapes.map((shape, index) => (
              <g key={shape.key} className="chart-line" data-line={index + 1}>
                <path className="chart-area" d={shape.area} />
                <path className="chart-stroke" d={shape.stroke} />
              </g>
            ))}
            {at !== null && <path className="chart-mark" d={`M${picture.x(at)} ${TOP}V${FLOOR}`} />}
          </svg>
        )}
        {length > 0 && (
          <input
            type="range"
            className="chart-slider"
            min={0}
            max={Math.max(last, 0)}
            value={shown}
            aria-label={t.chart.slider(title)}
            aria-valuetext={readout(shown)}
            onChange={(event) => setMark(Number(event.target.value))}
            onPointerMove={point}
            onPointerDown={point}
            onPointerLeave={() => setMark(null)}
            onBlur={() => setMark(null)}
          />
        )}
      </div>
      <Rows {...{ title, lines, name, value, length }} />
    </figure>
  );
}

interface RowsProps {
  title: string;
  lines: readonly Line[];
  name: (index: number) => string;
  value: (line: Line, index: number) => string;
  length: number;
}

function Rows({ title, lines, name, value, length }: RowsProps) {
  const [open, setOpen] = useState(false);
  return (
    <details className="chart-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {t.chart.table}
        <span className="visually-hidden">: {title}</span>
      </summary>
      {open && (
        <table>
          <caption className="visually-hidden">{title}</caption>
          <thead>
            <tr>
              <th scope="col">{t.chart.time}</th>
              {lines.map((line) => (
                <th key={line.label} scope="col">
                  {line.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {pick(length, TABLE_ROWS)
              .reverse()
              .map((index) => (
                <tr key={index}>
                  <th scope="row">{name(index)}</th>
                  {lines.map((line) => (
                    <td key={line.label}>{value(line, index)}</td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

/** The last point with a value; the very last one when there is none. */
function latest(lines: readonly Line[]): number {
  const known = lines.map(({ values }) => values.findLastIndex((value) => value !== null));
  const found = Math.max(-1, ...known);
  return found < 0 ? Math.max(0, (lines[0]?.values.length ?? 0) - 1) : found;
}

function draw(
  lines: readonly Line[],
  width: number,
  from: number,
  stepMs: number,
  base: 10 | 1024,
  kind: "line" | "bars",
) {
  const length = lines[0]?.values.length ?? 0;
  const inner = Math.max(1, width - LEFT - RIGHT);
  const ticks = valueTicks(greatest(lines.map((line) => line.values)), 3, base);
  const top = ticks.at(-1) ?? 1;
  const slot = inner / Math.max(1, length);
  const x =
    kind === "bars"
      ? (index: number) => LEFT + (index + 0.5) * slot
      : (index: number) => LEFT + (index * inner) / Math.max(1, length - 1);
  const y = (value: number) => FLOOR - (value / top) * (FLOOR - TOP);
  const clamp = (index: number) => Math.max(0, Math.min(length - 1, index));
  const span = { from, to: from + Math.max(0, length - 1) * stepMs };
  const offset = -new Date(from).getTimezoneOffset() * 60_000;
  return {
    x,
    index: (px: number) =>
      kind === "bars"
        ? clamp(Math.floor((px - LEFT) / slot))
        : clamp(Math.round(((px - LEFT) / inner) * (length - 1))),
    values: ticks.map((value) => ({ value, y: y(value) })),
    times: timeTicks(span, Math.max(2, Math.floor(inner / 72)), offset)
      .map((time) => ({ time, x: x((time - from) / stepMs) }))
      // A label at the very edge would be cut.
      .filter((tick) => tick.x > LEFT + 12 && tick.x < width - 18),
    shapes: lines.map(({ label, values }) => ({
      key: label,
      area: kind === "bars" ? bars(values, x, y, slot) : areaPath(values, x, y, FLOOR),
      stroke: kind === "bars" ? "" : linePath(values, x, y),
    })),
  };
}

function bars(
  values: readonly (number | null)[],
  x: (index: number) => number,
  y: (value: number) => number,
  slot: number,
): string {
  const half = Math.max(0.5, Math.min(14, slot * 0.36));
  return values
    .map((value, index) =>
      value === null || value === 0
        ? ""
        : `M${x(index) - half} ${FLOOR}V${Math.min(y(value), FLOOR - 1)}H${x(index) + half}V${FLOOR}Z`,
    )
    .join("");
}

function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}
