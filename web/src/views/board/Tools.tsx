import type { ReactNode } from "react";
import type { BoardDocument, BoardView } from "../../board/document";
import { COLOURS, type Style, type Tool, WIDTHS } from "../../board/gesture";
import { words } from "../../text/class";
import {
  EllipseIcon,
  EraserIcon,
  LineIcon,
  PenIcon,
  RedoIcon,
  SquareIcon,
  TextIcon,
  UndoIcon,
} from "../../ui/icons";

const say = words.board;

const TOOLS: readonly [Tool, ReactNode][] = [
  ["freedraw", <PenIcon key="pen" />],
  ["line", <LineIcon key="line" />],
  ["rectangle", <SquareIcon key="rectangle" />],
  ["ellipse", <EllipseIcon key="ellipse" />],
  ["text", <TextIcon key="text" />],
  ["eraser", <EraserIcon key="eraser" />],
];

interface ToolsProps {
  board: BoardDocument;
  view: BoardView;
  tool: Tool;
  style: Style;
  onTool: (tool: Tool) => void;
  onStyle: (style: Style) => void;
}

export function Tools({ board, view, tool, style, onTool, onStyle }: ToolsProps) {
  return (
    <fieldset className="board-tools">
      <legend className="visually-hidden">{say.tools}</legend>
      <div className="board-group">
        {TOOLS.map(([key, icon]) => (
          <Choice key={key} label={say.tool[key]} on={tool === key} onClick={() => onTool(key)}>
            {icon}
          </Choice>
        ))}
      </div>
      <div className="board-group">
        <button
          type="button"
          className="board-tool"
          aria-label={say.undo}
          title={say.undo}
          disabled={!view.canUndo}
          onClick={() => board.undo()}
        >
          <UndoIcon />
        </button>
        <button
          type="button"
          className="board-tool"
          aria-label={say.redo}
          title={say.redo}
          disabled={!view.canRedo}
          onClick={() => board.redo()}
        >
          <RedoIcon />
        </button>
      </div>
      <fieldset className="board-group">
        <legend className="visually-hidden">{say.colours}</legend>
        {COLOURS.map((colour) => (
          <Choice
            key={colour}
            label={say.colour[colour] ?? colour}
            on={style.colour === colour}
            onClick={() => onStyle({ ...style, colour })}
          >
            <svg viewBox="0 0 20 20" className="board-colour" aria-hidden="true">
              <circle cx="10" cy="10" r="7" fill={colour} />
            </svg>
          </Choice>
        ))}
      </fieldset>
      <fieldset className="board-group">
        <legend className="visually-hidden">{say.widths}</legend>
        {WIDTHS.map((width) => (
          <Choice
            key={width}
            label={say.width[width] ?? String(width)}
            on={style.width === width}
            onClick={() => onStyle({ ...style, width })}
          >
            <svg viewBox="0 0 20 20" className="board-width" aria-hidden="true">
              <path
                d="M3 10h14"
                stroke="currentColor"
                strokeWidth={width * 0.6 + 1}
                strokeLinecap="round"
              />
            </svg>
          </Choice>
        ))}
      </fieldset>
    </fieldset>
  );
}

interface ChoiceProps {
  label: string;
  on: boolean;
  onClick: () => void;
  children: ReactNode;
}

function Choice({ label, on, onClick, children }: ChoiceProps) {
  return (
    <button
      type="button"
      className="board-tool"
      aria-label={label}
      title={label}
      aria-pressed={on}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
