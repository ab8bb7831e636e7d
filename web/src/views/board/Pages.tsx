import { type BoardDocument, type BoardView, MAX_PAGES } from "../../board/document";
import { words } from "../../text/class";
import { BeforeIcon, NextIcon, PlusIcon } from "../../ui/icons";

const say = words.board;

interface PagesProps {
  board: BoardDocument;
  view: BoardView;
  canTurn: boolean;
}

/** Whoever may turn pages turns them for everybody; the others see which one it is. */
export function Pages({ board, view: { page, pages }, canTurn }: PagesProps) {
  const number = (
    <span className="board-page">
      <span className="visually-hidden">{say.pages} </span>
      {say.page(page + 1, pages.length)}
    </span>
  );
  if (!canTurn) return <span className="board-pages">{number}</span>;
  return (
    <span className="board-pages">
      <button
        type="button"
        className="board-tool"
        aria-label={say.before}
        title={say.before}
        disabled={page === 0}
        onClick={() => board.turnTo(page - 1)}
      >
        <BeforeIcon />
      </button>
      {number}
      <button
        type="button"
        className="board-tool"
        aria-label={say.next}
        title={say.next}
        disabled={page === pages.length - 1}
        onClick={() => board.turnTo(page + 1)}
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
    </span>
  );
}
