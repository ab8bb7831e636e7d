import { type ReactNode, useState } from "react";
import { ENDED, PREPARING, RUNNING, type WireClass } from "../../api/classroom";
import type { ClassSession } from "../../class/session";
import { attending, type ClassState, isOver, isPaused, isTeacher } from "../../class/state";
import { useFocusOnMount } from "../../lib/hooks";
import { words } from "../../text/class";
import { CopyLink } from "../../ui/CopyLink";
import { Confirm } from "../../ui/Dialog";
import { BackIcon, PauseIcon, PeopleIcon, PlayIcon, PowerIcon } from "../../ui/icons";
import { StatusChip } from "./StatusChip";

interface ClassHeadProps {
  session: ClassSession;
  state: ClassState;
  info: WireClass;
  onLeave: () => void;
  /** Beside the title: how the class is laid out. */
  children?: ReactNode;
}

export function ClassHead({ session, state, info, onLeave, children }: ClassHeadProps) {
  // A new view: keyboard and screen reader start at its title.
  const heading = useFocusOnMount<HTMLHeadingElement>();
  return (
    <header className="class-head">
      <div className="class-head-title">
        <button
          type="button"
          className="icon-button back"
          aria-label={words.head.back}
          title={words.head.back}
          onClick={onLeave}
        >
          <BackIcon />
        </button>
        <div className="class-head-text">
          <h1 ref={heading} tabIndex={-1}>
            {info.title}
          </h1>
          <p className="room-meta">
            <span className="link-dot" data-link={state.link.kind} aria-hidden="true" />
            <StatusChip info={info} />
            <span className="count">
              <PeopleIcon />
              {(isOver(state) ? words.head.were : words.head.people)(attending(state).length)}
            </span>
            <span>{words.roles[state.identity]}</span>
          </p>
        </div>
        <CopyLink />
      </div>
      {children}
      {isTeacher(state) && <Conduct session={session} info={info} />}
    </header>
  );
}

/** Start, pause and end: the teacher's alone. */
function Conduct({ session, info }: { session: ClassSession; info: WireClass }) {
  const { status } = info;
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  async function change(to: typeof PREPARING | typeof RUNNING | typeof ENDED) {
    setBusy(true);
    await session.desk.changeStatus(to);
    setBusy(false);
  }
  return (
    <div className="class-conduct">
      {status === RUNNING ? (
        <button
          type="button"
          className="button"
          disabled={busy}
          onClick={() => void change(PREPARING)}
        >
          <PauseIcon />
          {words.head.pause}
        </button>
      ) : (
        <button
          type="button"
          className="button button-primary"
          disabled={busy}
          onClick={() => void change(RUNNING)}
        >
          <PlayIcon />
          {startText(info)}
        </button>
      )}
      {status !== ENDED && (
        <button
          type="button"
          className="button class-end"
          disabled={busy}
          onClick={() => setAsking(true)}
        >
          <PowerIcon />
          {words.head.end}
        </button>
      )}
      {asking && (
        <Confirm
          title={words.endTitle}
          body={words.endText}
          action={words.end}
          danger
          onConfirm={() => void change(ENDED)}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

function startText(info: WireClass): string {
  if (info.status === ENDED) return words.head.again;
  return isPaused(info) ? words.head.resume : words.head.start;
}
