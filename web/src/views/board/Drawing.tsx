import { memo } from "react";
import type { BoardElement } from "../../board/element";
import { LINE_HEIGHT, pathOf } from "../../board/geometry";

/** Letters rise this far above their baseline, as a share of the font size: as the server draws them. */
const RISE = 0.8;

/** One element, as the server draws it into pictures. */
export const Drawing = memo(function Drawing({ element }: { element: BoardElement }) {
  const { type, x, y, width, height, strokeColor, strokeWidth, points } = element;
  const line = {
    stroke: strokeColor,
    strokeWidth,
    strokeLinecap: "round",
    strokeLinejoin: "round",
    fill: "none",
  } as const;
  switch (type) {
    case "freedraw":
      // A tap: the path would have no length and not be drawn.
      if (points.length === 1) return <circle cx={x} cy={y} r={strokeWidth} fill={strokeColor} />;
      return <path d={pathOf(element)} {...line} />;
    case "line":
      return <path d={pathOf(element)} {...line} />;
    case "rectangle":
      return <rect {...{ x, y, width, height }} {...line} />;
    case "ellipse":
      return (
        <ellipse
          cx={x + width / 2}
          cy={y + height / 2}
          rx={Math.abs(width / 2)}
          ry={Math.abs(height / 2)}
          {...line}
        />
      );
    case "text":
      return <Words element={element} />;
  }
});

function Words({ element: { x, y, text, fontSize, strokeColor } }: { element: BoardElement }) {
  const step = fontSize * LINE_HEIGHT;
  const first = y + (step - fontSize) / 2 + fontSize * RISE;
  return (
    <text className="board-text" fontSize={fontSize} fill={strokeColor}>
      {text.split("\n").map((line, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place
        <tspan key={i} x={x} y={first + i * step}>
          {line}
        </tspan>
      ))}
    </text>
  );
}
