import { useEffect, useState, useSyncExternalStore } from "react";
import type { ClassApi } from "../../api/classroom";
import { ApiError } from "../../api/error";
import { BoardDocument } from "../../board/document";
import type { Style, Tool } from "../../board/gesture";
import { COLOURS, WIDTHS } from "../../board/gesture";
import { BoardLink, type BoardLinkState } from "../../board/link";
import { useFatal } from "../../lib/hooks";
import { words } from "../../text/class";
import { Pages } from "./Pages";
import { Sheet } from "./Sheet";
import { Tools } from "./Tools";

interface BoardProps {
  api: ClassApi;
  id: string;
  /** For the names of saved files. */
  title: string;
  canDraw: boolean;
  canTurn: boolean;
  onFailure: (error: ApiError) => void;
}

export function Board(props: BoardProps) {
  const { api, id, canDraw, canTurn } = props;
  const [fresh, setFresh] = useState(0);
  const opened = useBoard(api, id, `${canDraw} ${canTurn} ${fresh}`, () => setFresh((n) => n + 1));
  if (opened === null) return null;
  return <Opened {...props} board={opened.board} link={opened.link} />;
}

/**
 * A document and its connection. A changed right takes a new one: what was drawn without the right is on no other page,
 * and would stay on this one.
 */
function useBoard(api: ClassApi, id: string, right: string, onDenied: () => void) {
  const [board, setBoard] = useState<BoardDocument | null>(null);
  const [link, setLink] = useState<BoardLinkState>({ kind: "connecting" });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new right opens the board anew, a new callback must not
  useEffect(() => {
    const next = new BoardDocument();
    const door = {
      address: async () => api.boardAddress(id, await api.boardAuth()),
      refused: async () => {
        const why = await api.boardRefusal(id);
        return why === "refused" || why === "not-found";
      },
    };
    const live = new BoardLink(next.doc, door, { state: setLink, denied: onDenied });
    const retry = () => live.retryNow();
    const suspect = () => live.suspect();
    window.addEventListener("online", retry);
    window.addEventListener("offline", suspect);
    setBoard(next);
    return () => {
      window.removeEventListener("online", retry);
      window.removeEventListener("offline", suspect);
      live.close();
      next.destroy();
    };
  }, [api, id, right]);
  return board === null ? null : { board, link };
}

interface OpenedProps extends BoardProps {
  board: BoardDocument;
  link: BoardLinkState;
}

function Opened({ api, id, title, canDraw, canTurn, onFailure, board, link }: OpenedProps) {
  const view = useSyncExternalStore(board.subscribe, board.snapshot);
  const [tool, setTool] = useState<Tool>("freedraw");
  const [style, setStyle] = useState<Style>({ colour: COLOURS[0], width: WIDTHS[0] });
  const fatal = useFatal();

  async function save(format: "svg" | "png") {
    try {
      download(
        await api.boardPicture(id, view.page, format),
        `${title} ${view.page + 1}.${format}`,
      );
    } catch (error) {
      if (error instanceof ApiError) onFailure(error);
      else fatal(error);
    }
  }

  return (
    <section className="board" aria-label={words.board.title} data-link={link.kind}>
      {canDraw && (
        <Tools board={board} view={view} {...{ tool, style }} onTool={setTool} onStyle={setStyle} />
      )}
      <Sheet board={board} view={view} tool={canDraw ? tool : null} style={style} />
      <footer className="board-foot">
        <Pages board={board} view={view} canTurn={canTurn} />
        <p className="board-link" role="status">
          {linkText(link, canDraw)}
        </p>
        <span className="board-save">
          {(["svg", "png"] as const).map((format) => (
            <button
              key={format}
              type="button"
              className="button button-small"
              aria-label={words.board.save(format.toUpperCase())}
              title={words.board.save(format.toUpperCase())}
              onClick={() => void save(format)}
            >
              {format.toUpperCase()}
            </button>
          ))}
        </span>
      </footer>
    </section>
  );
}

function linkText(link: BoardLinkState, canDraw: boolean): string {
  switch (link.kind) {
    case "live":
      return "";
    case "connecting":
      return words.board.connecting;
    case "lost":
      return canDraw ? words.board.lost : words.board.lostViewer;
    case "refused":
      return words.board.refused;
  }
}

function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the file by the time this runs.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
