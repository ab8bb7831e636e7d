import { useState } from "react";
import { type BoardDocument, type BoardView, MAX_PAGES } from "../../board/document";
import { words as say } from "../../text/board";
import { Confirm } from "../../ui/Dialog";
import { BeforeIcon, NextIcon, PlusIcon, TrashIcon } from "../../ui/icons";

interface PagesProps {
  board: BoardDocument;
  view: BoardView;
  canTurn: boolean;
  canDraw: boolean;
}

/** Whoever may turn pages turns them for everybody; the others see which one it is. */
export function Pages({ board, view: { shown, pages }, canTurn, canDraw }: PagesProps) {
  const [removing, setRemoving] = useState<string | null>(null);
  const number = (
    <span className="board-page">
      <span className="visually-hidden">{say.pages} </span>
      {say.page(shown + 1, pages.length)}
    </span>
  );
  if (!canTurn) return <span className="board-pages">{number}</span>;
  // Pages come and go while the question is open: it is about the one it was asked for.
  const asked = pages.findIndex(({ id }) => id === removing);
  return (
    <span className="board-pages">
      <button
        type="button"
        className="board-tool"
        aria-label={say.before}
        title={say.before}
        disabled={shown === 0}
        onClick={() => board.turnTo(shown - 1)}
      >
        <BeforeIcon />
      </button>
      {number}
      <button
        type="button"
        className="board-tool"
        aria-label={say.next}
        title={say.next}
        disabled={shown === pages.length - 1}
        onClick={() => board.turnTo(shown + 1)}
      >
        <NextIcon />
      </button>
      <button
        type="button"
        className="board-tool"
        aria-label={say.add}
        title={say.add}
        disabled={pages.length >= MAX_PAGES}
        onClick={() => board.addPage()}
      >
        <PlusIcon />
      </button>
      <button
        type="button"
        className="board-tool"
        aria-label={say.remove}
        title={say.remove}
        disabled={pages.length < 2}
        onClick={() => setRemoving(pages[shown]?.id ?? null)}
      >
        <TrashIcon />
      </button>
      {asked !== -1 && (
        <Confirm
          title={say.removeTitle(asked + 1)}
          body={say.removeText}
          action={say.remove}
          danger
          onConfirm={() => board.removePage(asked, canDraw)}
          onClose={() => setRemoving(null)}
        />
      )}
    </span>
  );
}
