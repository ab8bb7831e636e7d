import { useEffect, useState, useSyncExternalStore } from "react";
import { type ClassApi, STUDENT } from "../../api/classroom";
import { forgetPlace, loadPlace, savePlace } from "../../class/place";
import { ClassSession } from "../../class/session";
import type { EndReason } from "../../class/state";
import { useFatal, useTitle } from "../../lib/hooks";
import { classesHash } from "../../lib/route";
import { text } from "../../text";
import { words } from "../../text/class";
import { Ended } from "./Ended";
import { Lobby } from "./Lobby";
import { Present } from "./Present";

/** One class: first the question as what to join, then the stay. A reload comes back to where it was. */
export function ClassView({ api, id }: { api: ClassApi; id: string }) {
  const [as, setAs] = useState(() => loadPlace(id));
  const [visit, setVisit] = useState(0);

  function join(identity: number) {
    setAs(identity);
    setVisit((n) => n + 1);
  }

  if (as === null) return <Lobby api={api} id={id} onJoin={join} />;
  return <Stay key={visit} api={api} id={id} as={as} onJoin={join} />;
}

interface StayProps {
  api: ClassApi;
  id: string;
  as: number;
  onJoin: (identity: number) => void;
}

function Stay({ api, id, as, onJoin }: StayProps) {
  const [session, setSession] = useState<ClassSession | null>(null);
  const fatal = useFatal();
  useEffect(() => {
    const next = new ClassSession(api, id, as);
    savePlace(id, as);
    setSession(next);
    next.open().catch(fatal);
    return () => {
      // Another view of the page. A reload does not come by here: the place is kept for it.
      forgetPlace(id);
      next.leave();
    };
  }, [api, id, as, fatal]);
  return session === null ? <Joining /> : <Inside session={session} onJoin={onJoin} />;
}

/** After these, coming back as before would only be refused again. */
const STUDENT_ONLY: readonly EndReason[] = ["permit-gone", "no-permit", "has-assistant"];

function Inside({
  session,
  onJoin,
}: {
  session: ClassSession;
  onJoin: (identity: number) => void;
}) {
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  useTitle(`${state.info?.title ?? words.list.title} · ${text.product}`);
  const reason = state.link.kind === "ended" ? state.link.reason : null;
  useEffect(() => {
    // A reload of the page that says why it ended asks again instead of going back in by itself.
    if (reason !== null) forgetPlace(session.id);
  }, [reason, session]);
  if (reason !== null) {
    return (
      <Ended
        reason={reason}
        title={state.info?.title ?? ""}
        asStudent={STUDENT_ONLY.includes(reason)}
        onAgain={() => onJoin(STUDENT)}
      />
    );
  }
  if (state.info === null) return <Joining />;
  const leave = () => {
    location.hash = classesHash;
  };
  return <Present session={session} state={state} info={state.info} onLeave={leave} />;
}

function Joining() {
  return (
    <main className="notice-page" id="content" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>{words.lobby.joining}</p>
    </main>
  );
}
