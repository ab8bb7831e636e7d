import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";
import type { BoardDocument, BoardView } from "../../board/document";
import type { BoardElement } from "../../board/element";
import { onSheet, SHEET, type Spot, touches } from "../../board/geometry";
import { drawn, ERASER_RADIUS, type Style, type Tool, written } from "../../board/gesture";
import { words } from "../../text/class";
import { Drawing } from "./Drawing";
import { TextEntry } from "./TextEntry";

/** How often a drawing that grows is shown to the others. Each time it is sent anew as a whole. */
const SHOW_MS = 200;
/** Where a text goes that was begun with the keyboard. */
const MIDDLE: Spot = { x: SHEET.width / 3, y: SHEET.height / 3 };

interface SheetProps {
  board: BoardDocument;
  view: BoardView;
  /** Null: only to be looked at. */
  tool: Tool | null;
  style: Style;
}

interface Gesture {
  name: Pick<BoardElement, "id" | "index" | "page">;
  spots: Spot[];
  shownAt: number;
}

export function Sheet({ board, view, tool, style }: SheetProps) {
  const [draft, setDraft] = useState<BoardElement | null>(null);
  const [typing, setTyping] = useState<Spot | null>(null);
  const gesture = useRef<Gesture | null>(null);
  const sheet = useRef<SVGSVGElement>(null);
  const newName = () => ({ ...board.newName(), page: view.page });

  function erase(spots: readonly Spot[]) {
    const hit = view.elements.filter((element) =>
      spots.some((spot) => touches(element, spot, ERASER_RADIUS)),
    );
    board.remove(hit.map(({ id }) => id));
  }

  function down(event: PointerEvent<SVGSVGElement>) {
    if (tool === null || !event.isPrimary || event.button !== 0) return;
    const spot = spotOf(event.currentTarget, event);
    if (tool === "text") {
      // The click would take the focus away from the field that it opens.
      event.preventDefault();
      return setTyping(spot);
    }
    event.currentTarget.setPointerCapture(event.pointerId);
    board.beginStep();
    gesture.current = { name: newName(), spots: [spot], shownAt: event.timeStamp };
    if (tool === "eraser") erase([spot]);
    else setDraft(drawn(tool, [spot], style, gesture.current.name));
  }

  function move(event: PointerEvent<SVGSVGElement>) {
    const current = gesture.current;
    if (current === null || tool === null || tool === "text") return;
    const target = event.currentTarget;
    const events = event.nativeEvent.getCoalescedEvents?.() ?? [];
    const spots = (events.length === 0 ? [event] : events).map((one) => spotOf(target, one));
    current.spots.push(...spots);
    if (tool === "eraser") return erase(spots);
    const element = drawn(tool, current.spots, style, current.name);
    setDraft(element);
    if (element !== null && event.timeStamp - current.shownAt >= SHOW_MS) {
      current.shownAt = event.timeStamp;
      board.put(element);
    }
  }

  function up() {
    const current = gesture.current;
    gesture.current = null;
    setDraft(null);
    if (current === null || tool === null || tool === "text" || tool === "eraser") return;
    const element = drawn(tool, current.spots, style, current.name);
    if (element === null) board.remove([current.name.id]);
    else board.put(element);
  }

  function write(text: string, at: Spot) {
    setTyping(null);
    sheet.current?.focus({ preventScroll: true });
    const element = written(text, at, style, newName());
    if (element === null) return;
    board.beginStep();
    board.put(element);
  }

  function keys(event: KeyboardEvent) {
    if (tool === null || typing !== null) return;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
      event.preventDefault();
      if (key === "y" || event.shiftKey) board.redo();
      else board.undo();
    } else if (key === "enter" && tool === "text") {
      event.preventDefault();
      setTyping(MIDDLE);
    }
  }

  const { page, pages, elements } = view;
  const shown = elements.filter(({ id }) => id !== draft?.id);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys for what the buttons above do as well
    <div className="board-sheet" onKeyDown={keys}>
      <svg
        ref={sheet}
        viewBox={`0 0 ${SHEET.width} ${SHEET.height}`}
        role="img"
        aria-label={words.board.label(page + 1, pages.length, elements.length)}
        data-tool={tool ?? undefined}
        // Whoever draws can begin a text here without a pointer.
        tabIndex={tool === null ? undefined : 0}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={up}
      >
        {shown.map((element) => (
          <Drawing key={element.id} element={element} />
        ))}
        {draft && <Drawing element={draft} />}
      </svg>
      {typing && <TextEntry at={typing} style={style} onDone={(text) => write(text, typing)} />}
    </div>
  );
}

/** From the screen to the sheet, which keeps its shape and so may leave space beside it. */
function spotOf(svg: SVGSVGElement, at: { clientX: number; clientY: number }): Spot {
  const { left, top, width, height } = svg.getBoundingClientRect();
  const scale = Math.min(width / SHEET.width, height / SHEET.height);
  return onSheet({
    x: (at.clientX - left - (width - SHEET.width * scale) / 2) / scale,
    y: (at.clientY - top - (height - SHEET.height * scale) / 2) / scale,
  });
}
