import { type CSSProperties, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { LINE_HEIGHT, SHEET, type Spot } from "../../board/geometry";
import { FONT_SIZES, type Style } from "../../board/gesture";
import { words } from "../../text/class";

/** Far below the limit of a drawing, and more than fits on a sheet. */
const TEXT_MAX = 2_000;

interface TextEntryProps {
  at: Spot;
  style: Style;
  /** With nothing when it was dropped. */
  onDone: (text: string) => void;
}

/** Where a text is typed: on the sheet, at its place and in its size. */
export function TextEntry({ at, style, onDone }: TextEntryProps) {
  const [text, setText] = useState("");
  const ref = useRef<HTMLTextAreaElement>(null);
  /** Going away takes the focus, which would end it a second time. */
  const over = useRef(false);
  useEffect(() => ref.current?.focus(), []);

  function done(what: string) {
    if (over.current) return;
    over.current = true;
    onDone(what);
  }

  function keys(event: KeyboardEvent) {
    if (event.key === "Escape") done("");
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) done(text);
    else return;
    event.preventDefault();
  }

  const share = (part: number, whole: number) => `${(part / whole) * 100}%`;
  const place: CSSProperties = {
    left: share(at.x, SHEET.width),
    top: share(at.y, SHEET.height),
    // In hundredths of the sheet's width, so that it scales with it.
    fontSize: `${(FONT_SIZES[style.width] / SHEET.width) * 100}cqw`,
    lineHeight: LINE_HEIGHT,
    color: style.colour,
  };
  return (
    <textarea
      ref={ref}
      className="board-entry"
      style={place}
      aria-label={words.board.textHere}
      title={words.board.textHere}
      maxLength={TEXT_MAX}
      rows={Math.max(1, text.split("\n").length)}
      cols={Math.max(8, ...text.split("\n").map((line) => line.length + 1))}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={() => done(text)}
      onKeyDown={keys}
    />
  );
}
