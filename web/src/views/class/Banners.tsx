import { useState } from "react";
import type { ClassSession } from "../../class/session";
import { type ClassState, isTeacher, nameOf } from "../../class/state";
import { useCountdown } from "../../lib/hooks";
import { text } from "../../text";
import { words } from "../../text/class";
import { AlertIcon, CheckIcon, HandIcon, SoundIcon } from "../../ui/icons";

/** What happened to the viewer, what is asked of them, and what is wrong right now; empty when all is well. */
export function Banners({ session, state }: { session: ClassSession; state: ClassState }) {
  const { link, news, problem } = state;
  return (
    <div className="banners" role="status">
      {(link.kind === "connecting" || link.kind === "reconnecting") && (
        <div className={link.kind === "connecting" ? "banner" : "banner banner-warn"}>
          <span className="spinner" aria-hidden="true" />
          <span>{link.kind === "connecting" ? words.link.connecting : text.link.reconnecting}</span>
        </div>
      )}
      {link.kind === "lost" && <Lost retryAt={link.retryAt} onRetry={() => session.retryNow()} />}
      {link.kind === "resting" && (
        <div className="banner">
          <AlertIcon />
          <span>{words.link.resting}</span>
        </div>
      )}
      {state.audioBlocked && (
        <div className="banner banner-strong">
          <SoundIcon />
          <span>{text.link.audioBlocked}</span>
          <button
            type="button"
            className="button button-primary"
            onClick={() => void session.startAudio()}
          >
            {text.link.startAudio}
          </button>
        </div>
      )}
      {news !== null && (
        <div className={news === "on-stage" ? "banner banner-strong" : "banner"}>
          <AlertIcon />
          <span>
            {news === "invite-declined" ? words.inviteDeclined(state.newsAbout) : words.news[news]}
          </span>
          <button type="button" className="button" onClick={() => session.readNews()}>
            {words.gotIt}
          </button>
        </div>
      )}
      {state.invited !== null && <Invitation session={session} state={state} />}
      {!isTeacher(state) && <CheckInPrompt session={session} state={state} />}
      {problem !== null && (
        <div className="banner banner-warn">
          <AlertIcon />
          <span>
            {problem.device === "mic"
              ? text.mic[problem.kind]
              : words.problem[problem.device][problem.kind]}
          </span>
        </div>
      )}
      {state.stale && link.kind === "live" && (
        <div className="banner banner-warn">
          <AlertIcon />
          <span>{words.link.stale}</span>
        </div>
      )}
    </div>
  );
}

function Lost({ retryAt, onRetry }: { retryAt: number; onRetry: () => void }) {
  const seconds = useCountdown(retryAt);
  return (
    <div className="banner banner-danger">
      <AlertIcon />
      {/* The countdown changes every second: not for the live region. */}
      <span aria-live="off">{text.link.lost(seconds)}</span>
      <button type="button" className="button" onClick={onRetry}>
        {text.link.retry}
      </button>
    </div>
  );
}

/** The teacher asks; the place on stage is taken with the answer. */
function Invitation({ session, state }: { session: ClassSession; state: ClassState }) {
  const { invitations } = session;
  return (
    <div className="banner banner-strong class-invitation">
      <HandIcon />
      <span>{words.invitation.text(nameOf(state, state.info?.teacher_id ?? ""))}</span>
      <button
        type="button"
        className="button button-primary"
        onClick={() => void invitations.answer(true)}
      >
        {words.invitation.accept}
      </button>
      <button type="button" className="button" onClick={() => void invitations.answer(false)}>
        {words.invitation.decline}
      </button>
    </div>
  );
}

function CheckInPrompt({ session, state }: { session: ClassSession; state: ClassState }) {
  const { running, checkedIn } = state;
  const [busy, setBusy] = useState(false);
  if (running === null) return null;
  if (running.id === checkedIn) {
    return (
      <div className="banner">
        <CheckIcon />
        <span>{words.checkIn.done}</span>
      </div>
    );
  }
  async function submit() {
    setBusy(true);
    await session.checkIn();
    setBusy(false);
  }
  return (
    <div className="banner banner-strong">
      <CheckIcon />
      <span>
        {words.checkIn.prompt} <TimeLeft endsAt={running.endsAt} />
      </span>
      <button
        type="button"
        className="button button-primary"
        disabled={busy}
        onClick={() => void submit()}
      >
        {words.checkIn.submit}
      </button>
    </div>
  );
}

/** Out of the live region: it changes every second. */
export function TimeLeft({ endsAt }: { endsAt: number }) {
  const seconds = useCountdown(endsAt);
  return (
    <span className="class-time" aria-live="off">
      {words.checkIn.left(seconds)}
    </span>
  );
}
