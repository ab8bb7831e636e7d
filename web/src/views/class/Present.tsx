import { lazy, Suspense } from "react";
import type { WireClass } from "../../api/classroom";
import type { ClassSession } from "../../class/session";
import { type ClassState, may, sharing, tiles } from "../../class/state";
import { words } from "../../text/class";
import { Toast } from "../room/Toast";
import { Banners } from "./Banners";
import { ClassDock } from "./ClassDock";
import { ClassHead } from "./ClassHead";
import { ScreenShare } from "./ScreenShare";
import { Side } from "./Side";
import { Videos } from "./Videos";

/** Its own chunk: the board's document library is loaded beside the class. */
const Board = lazy(() => import("../board/Board").then((module) => ({ default: module.Board })));

interface PresentProps {
  session: ClassSession;
  state: ClassState;
  info: WireClass;
  onLeave: () => void;
}

export function Present({ session, state, info, onLeave }: PresentProps) {
  const board = boardOf(info);
  const shared = sharing(state);
  return (
    <>
      <main className="class" id="content" tabIndex={-1}>
        <ClassHead session={session} state={state} info={info} onLeave={onLeave} />
        <Banners session={session} state={state} />
        <div className="class-body">
          {info.notice !== "" && (
            <section className="class-notice" aria-label={words.head.notice}>
              <strong aria-hidden="true">{words.head.notice}</strong>
              <p>{info.notice}</p>
            </section>
          )}
          <Videos tiles={tiles(state)} me={state.me} known={state.link.kind === "live"} />
          <div className="class-main">
            {shared && <ScreenShare tile={shared} />}
            {board !== null && (
              <Suspense fallback={<BoardLoading />}>
                <Board
                  api={session.api}
                  id={board}
                  title={info.title}
                  canDraw={may(state, "DrawWhiteboard")}
                  canTurn={may(state, "Courceware")}
                  onFailure={(error) => session.fail(error)}
                />
              </Suspense>
            )}
            <ClassDock session={session} state={state} onLeave={onLeave} />
          </div>
          <Side session={session} state={state} info={info} />
        </div>
      </main>
      <Toast failure={state.failure} onGone={() => session.forgetFailure()} />
    </>
  );
}

function BoardLoading() {
  return (
    <section className="board board-waiting" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>{words.board.loading}</p>
    </section>
  );
}

/** A class whose board is kept by somebody else has none here. */
function boardOf(info: WireClass): string | null {
  try {
    const value: unknown = JSON.parse(info.boards);
    if (typeof value !== "object" || value === null || !("boardId" in value)) return null;
    return typeof value.boardId === "string" && value.boardId !== "" ? value.boardId : null;
  } catch {
    return null;
  }
}
