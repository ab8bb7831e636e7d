import { lazy, Suspense, useEffect, useState } from "react";
import type { WireClass } from "../../api/classroom";
import type { Courseware } from "../../class/documents";
import type { ClassSession } from "../../class/session";
import { type ClassState, isTeacher, may, nameOf, sharing, tiles } from "../../class/state";
import { type GroupView, unread } from "../../hub/state";
import { words as boardWords } from "../../text/board";
import { words } from "../../text/class";
import { Toast } from "../room/Toast";
import { Banners } from "./Banners";
import { ClassDock } from "./ClassDock";
import { ClassHead } from "./ClassHead";
import { type Large, Layout, type Pane, Panes } from "./Panes";
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
  const [placing, setPlacing] = useState<{ document: Courseware } | null>(null);
  const canTurn = may(state, "Courceware");
  const shown = tiles(state);
  const [pane, setPane] = useState<Pane>("video");
  const [large, setLarge] = useState<Large>("board");
  const [chosen, setChosen] = useState("people");
  const news = useUnread(state.chat, chosen === "chat");
  function show(next: Pane) {
    setPane(next);
    // What is not on the screen of a phone is not read either.
    if (next === "chat") setChosen("chat");
    else if (chosen === "chat") setChosen("people");
  }
  /** Where it is put is what one wants to see then. */
  function put(document: Courseware) {
    setPlacing({ document });
    setPane("board");
    setLarge("board");
  }
  return (
    <>
      <main className="class" id="content" tabIndex={-1}>
        <ClassHead session={session} state={state} info={info} onLeave={onLeave}>
          {board !== null && <Layout large={large} onChoose={setLarge} />}
        </ClassHead>
        <Banners session={session} state={state} />
        <Panes
          pane={pane}
          onShow={show}
          board={board !== null}
          news={news}
          hands={isTeacher(state) ? state.hands.length : 0}
        />
        <div className="class-body" data-pane={pane} data-large={board === null ? "faces" : large}>
          {info.notice !== "" && (
            <section className="class-notice" aria-label={words.head.notice}>
              <strong aria-hidden="true">{words.head.notice}</strong>
              <p>{info.notice}</p>
            </section>
          )}
          <Videos tiles={shown} me={state.me} known={state.link.kind === "live"} />
          <div className="class-main">
            {shared && <ScreenShare tile={shared} />}
            {board !== null && (
              <div className="class-board">
                <Suspense fallback={<BoardLoading />}>
                  <Board
                    api={session.api}
                    id={board}
                    title={info.title}
                    canDraw={may(state, "DrawWhiteboard")}
                    canTurn={canTurn}
                    name={nameOf(state, state.me)}
                    documents={state.documents}
                    placing={placing}
                    onFailure={(error) => session.fail(error)}
                  />
                </Suspense>
              </div>
            )}
            <ClassDock session={session} state={state} onLeave={onLeave} />
          </div>
          <Side
            session={session}
            state={state}
            info={info}
            onPut={board !== null && canTurn ? put : null}
            chosen={chosen}
            onChoose={setChosen}
            unread={news}
          />
        </div>
      </main>
      <Toast failure={state.failure} onGone={() => session.forgetFailure()} />
    </>
  );
}

/** Messages that came while the chat was not shown. */
function useUnread(chat: GroupView, shown: boolean): number {
  const [read, setRead] = useState(0);
  const last = chat.comments.at(-1)?.seqnum ?? 0;
  useEffect(() => {
    if (shown) setRead(last);
  }, [shown, last]);
  return shown ? 0 : unread(chat, read);
}

function BoardLoading() {
  return (
    <section className="board board-waiting" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>{boardWords.loading}</p>
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
