import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import type { ClassApi } from "../../api/classroom";
import { ApiError } from "../../api/error";
import { pagesOf } from "../../board/courseware";
import { BoardDocument } from "../../board/document";
import { BoardLink, type BoardLinkState } from "../../board/link";
import { Presence } from "../../board/presence";
import type { Courseware } from "../../class/documents";
import { useFatal } from "../../lib/hooks";
import { words as say } from "../../text/board";
import { FitIcon } from "../../ui/icons";
import { Canvas } from "./Canvas";
import { Pages } from "./Pages";

/** How often is looked for what was erased long ago. */
const SWEEP_MS = 10 * 60_000;

/** A piece of courseware that shall be put on the board: a new object each time that is asked for. */
export interface Placing {
  readonly document: Courseware;
}

interface BoardProps {
  api: ClassApi;
  id: string;
  /** For the names of saved files. */
  title: string;
  /** As others see who draws. */
  name: string;
  documents: readonly Courseware[];
  placing: Placing | null;
  canDraw: boolean;
  canTurn: boolean;
  onFailure: (error: ApiError) => void;
}

export function Board(props: BoardProps) {
  const { api, id, canDraw, canTurn, name } = props;
  const [fresh, setFresh] = useState(0);
  const right = `${canDraw} ${canTurn} ${fresh}`;
  // Who only looks on says nothing about where.
  const shownAs = canDraw ? name : null;
  const opened = useBoard(api, id, right, shownAs, () => setFresh((n) => n + 1));
  if (opened === null) return null;
  return <Opened key={right} {...props} {...opened} />;
}

interface Open {
  board: BoardDocument;
  presence: Presence;
}

/**
 * A document and its connection. A changed right takes a new one: what was drawn without the right is on no other page,
 * and would stay on this one.
 */
function useBoard(
  api: ClassApi,
  id: string,
  right: string,
  shownAs: string | null,
  onDenied: () => void,
) {
  const [open, setOpen] = useState<Open | null>(null);
  const [link, setLink] = useState<BoardLinkState>({ kind: "connecting" });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new right opens the board anew, a new callback must not
  useEffect(() => {
    const board = new BoardDocument();
    const door = {
      address: async () => api.boardAddress(id, await api.boardAuth()),
      refused: async () => {
        const why = await api.boardRefusal(id);
        return why === "refused" || why === "not-found";
      },
    };
    const live = new BoardLink(board.doc, door, { state: setLink, denied: onDenied });
    const presence = new Presence(live.presence, shownAs);
    const retry = () => live.retryNow();
    const suspect = () => live.suspect();
    window.addEventListener("online", retry);
    window.addEventListener("offline", suspect);
    setOpen({ board, presence });
    return () => {
      window.removeEventListener("online", retry);
      window.removeEventListener("offline", suspect);
      presence.close();
      live.close();
      board.destroy();
    };
  }, [api, id, right]);
  return open === null ? null : { ...open, link };
}

interface OpenedProps extends BoardProps, Open {
  link: BoardLinkState;
}

function Opened(props: OpenedProps) {
  const { api, id, title, documents, placing, canDraw, canTurn, onFailure } = props;
  const { board, presence, link } = props;
  const view = useSyncExternalStore(board.subscribe, board.snapshot);
  const [fits, setFits] = useState(0);
  const [tooLarge, setTooLarge] = useState(false);
  const fatal = useFatal();
  const placed = usePlacing(board, canTurn ? placing : null);
  const onTooLarge = useCallback(() => setTooLarge(true), []);
  useSweep(board, canDraw && link.kind === "live");
  const page = view.pages[view.shown];

  async function save(format: "svg" | "png") {
    if (page === undefined) return;
    try {
      download(await api.boardPicture(id, page.at, format), `${title} ${view.shown + 1}.${format}`);
    } catch (error) {
      if (error instanceof ApiError) onFailure(error);
      else fatal(error);
    }
  }

  return (
    <section className="board" aria-label={say.title} data-link={link.kind}>
      {page !== undefined && (
        <Canvas
          board={board}
          presence={presence}
          page={page}
          number={view.shown + 1}
          pages={view.pages.length}
          live={link.kind === "live"}
          {...{ documents, canDraw, fits, onTooLarge }}
        />
      )}
      <footer className="board-foot">
        <Pages board={board} view={view} canTurn={canTurn} canDraw={canDraw} />
        <p className="board-link" role="status">
          {linkText(link, canDraw) || placed || (tooLarge && say.tooLarge)}
        </p>
        <span className="board-save">
          <button
            type="button"
            className="board-tool"
            aria-label={say.fit}
            title={say.fit}
            onClick={() => setFits((n) => n + 1)}
          >
            <FitIcon />
          </button>
          {(["svg", "png"] as const).map((format) => (
            <button
              key={format}
              type="button"
              className="button button-small"
              aria-label={say.save(format.toUpperCase())}
              title={say.save(format.toUpperCase())}
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

/** Puts courseware on the board when asked to; answers what to say about it. */
function usePlacing(board: BoardDocument, placing: Placing | null): string {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (placing === null || done.has(placing)) return;
    done.add(placing);
    const { document } = placing;
    const { id, name } = document;
    setSaid(say.putting(name));
    pagesOf(document).then(
      (pages) => {
        if (pages === 0) return setSaid(say.putFailed(name));
        const added = board.addDocument(id, name, pages);
        setSaid(added < pages ? say.putPart(added) : "");
      },
      // Whatever it is: the file, or the way to it.
      () => setSaid(say.putFailed(name)),
    );
  }, [board, placing]);
  return said;
}

/** A board that is opened anew is not asked again. */
const done = new WeakSet<Placing>();

/** Whoever may draw makes room now and then. */
function useSweep(board: BoardDocument, may: boolean): void {
  useEffect(() => {
    if (!may) return;
    const timer = setInterval(() => board.sweep(Date.now()), SWEEP_MS);
    return () => clearInterval(timer);
  }, [board, may]);
}

function linkText(link: BoardLinkState, canDraw: boolean): string {
  switch (link.kind) {
    case "live":
      return "";
    case "connecting":
      return say.connecting;
    case "lost":
      return canDraw ? say.lost : say.lostViewer;
    case "refused":
      return say.refused;
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
