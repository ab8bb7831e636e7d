import { useEffect, useState } from "react";
import {
  ASSISTANT,
  type ClassApi,
  ENDED,
  type Permit,
  STUDENT,
  TEACHER,
  type WireClass,
} from "../../api/classroom";
import { ApiError } from "../../api/error";
import { useFatal, useFocusOnMount, useTitle } from "../../lib/hooks";
import { classesHash } from "../../lib/route";
import { text } from "../../text";
import { words } from "../../text/class";
import { Avatar } from "../../ui/Avatar";
import { Ended } from "./Ended";
import { StatusChip } from "./StatusChip";

interface LobbyProps {
  api: ClassApi;
  id: string;
  onJoin: (identity: number) => void;
}

interface Found {
  info: WireClass;
  permit: Permit | null;
}

/** Before a class: what it is, and as what to join. Its teacher goes straight in. */
export function Lobby({ api, id, onJoin }: LobbyProps) {
  const [found, setFound] = useState<Found | "missing" | null>(null);
  const fatal = useFatal();
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once per class, whatever the parent renders
  useEffect(() => {
    let here = true;
    async function ask() {
      const [info, permit] = await Promise.all([api.get(id), api.permit(id)]);
      if (!here) return;
      if (info.teacher_id === api.me) onJoin(TEACHER);
      else setFound({ info, permit });
    }
    ask().catch((error) => {
      if (!here) return;
      if (error instanceof ApiError && error.kind === "not-found") setFound("missing");
      else fatal(error);
    });
    return () => {
      here = false;
    };
  }, [api, id]);
  if (found === "missing") {
    return <Ended reason="deleted" title="" asStudent={false} onAgain={() => onJoin(STUDENT)} />;
  }
  if (found === null) {
    return (
      <main className="notice-page" id="content" role="status">
        <span className="spinner" aria-hidden="true" />
        <p>{words.lobby.loading}</p>
      </main>
    );
  }
  if (found.info.link_info === undefined) {
    const { title } = found.info;
    return (
      <Ended reason="banned" title={title} asStudent={false} onAgain={() => onJoin(STUDENT)} />
    );
  }
  return <Doors found={found} me={api.me} onJoin={onJoin} />;
}

function Doors({
  found: { info, permit },
  me,
  onJoin,
}: {
  found: Found;
  me: string;
  onJoin: (identity: number) => void;
}) {
  useTitle(`${info.title} · ${text.product}`);
  const heading = useFocusOnMount<HTMLHeadingElement>();
  const teacher = info.teacher_nick === "" ? info.teacher_id : info.teacher_nick;
  const mayAssist =
    permit !== null && (permit.assistant_id === undefined || permit.assistant_id === me);
  return (
    <main className="notice-page class-lobby" id="content" tabIndex={-1}>
      <Avatar user={info.teacher_id} name={teacher} size="xl" />
      <p className="overline">{words.lobby.teacher(teacher)}</p>
      <h1 ref={heading} tabIndex={-1}>
        {info.title}
      </h1>
      <p className="class-lobby-meta">
        <StatusChip info={info} /> {words.modes[info.mode]}
      </p>
      {info.notice !== "" && <p className="class-lobby-notice">{info.notice}</p>}
      {info.status === ENDED ? (
        <p>{words.lobby.ended}</p>
      ) : (
        <>
          <div className="notice-actions">
            <button type="button" className="button button-primary" onClick={() => onJoin(STUDENT)}>
              {words.lobby.student}
            </button>
            {mayAssist && (
              <button type="button" className="button" onClick={() => onJoin(ASSISTANT)}>
                {words.lobby.assistant}
              </button>
            )}
          </div>
          {!mayAssist && <p className="class-note">{words.lobby.noAssistant}</p>}
        </>
      )}
      <a className="button button-quiet" href={classesHash}>
        {words.lobby.back}
      </a>
    </main>
  );
}
