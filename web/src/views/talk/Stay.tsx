import { useSyncExternalStore } from "react";
import type { TalkError } from "../../api/talk";
import { useCountdown, useFocusOnMount } from "../../lib/hooks";
import type { TalkSession } from "../../talk/session";
import type { EndReason, TalkState } from "../../talk/state";
import { ban, talk } from "../../text/talk";
import { LeaveIcon, PeopleIcon, PowerIcon } from "../../ui/icons";
import { FailureWords } from "./FailureWords";
import { Log } from "./Log";
import { Members } from "./Members";
import { MyBanners } from "./MyBanners";
import { TalkDock } from "./TalkDock";

interface StayProps {
  session: TalkSession;
  /** A new join is on its way, or was refused. */
  joining: boolean;
  failure: TalkError | null;
  /** Somebody was chosen to be acted on. */
  onPick: (user: string) => void;
  onAgain: () => void;
  onLeave: () => void;
}

/** The player's side, from the first to the last moment in the channel. */
export function Stay({ session, joining, failure, onPick, onAgain, onLeave }: StayProps) {
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  const { link } = state;
  if (link.kind === "ended") {
    return (
      <>
        <Ended
          state={state}
          reason={link.reason}
          joining={joining}
          failure={failure}
          onAgain={onAgain}
          onChange={onLeave}
        />
        <Log log={state.log} me={state.me} />
      </>
    );
  }
  return (
    <>
      <Head state={state} />
      <MyBanners
        state={state}
        onRead={() => session.readNews()}
        onStartAudio={() => session.startAudio()}
      />
      <Members
        members={state.members}
        me={state.me}
        onPick={onPick}
        onVolume={(user, volume) => session.setVolume(user, volume)}
      />
      <Log log={state.log} me={state.me} />
      <TalkDock
        state={state}
        onMicrophone={(open) => session.setMicrophone(open)}
        onLeave={onLeave}
      />
    </>
  );
}

function Head({ state }: { state: TalkState }) {
  const heading = useFocusOnMount<HTMLHeadingElement>();
  return (
    <header className="talk-channel">
      <h2 ref={heading} tabIndex={-1}>
        {state.channel}
      </h2>
      <p className="room-meta">
        <span className="link-dot" data-link={state.link.kind} aria-hidden="true" />
        <span className="count">
          <PeopleIcon />
          {talk.channel.count(state.members.length)}
        </span>
      </p>
    </header>
  );
}

interface EndedProps {
  state: TalkState;
  reason: EndReason;
  joining: boolean;
  failure: TalkError | null;
  onAgain: () => void;
  onChange: () => void;
}

function Ended({ state, reason, joining, failure, onAgain, onChange }: EndedProps) {
  const heading = useFocusOnMount<HTMLHeadingElement>();
  const say = talk.ended[reason];
  const kick = reason === "removed" ? state.kick : null;
  return (
    <section className="panel talk-ended" data-ended={reason}>
      <span className="notice-mark" aria-hidden="true">
        {reason === "removed" || reason === "replaced" ? <LeaveIcon /> : <PowerIcon />}
      </span>
      <p className="overline">{state.channel}</p>
      <h2 ref={heading} tabIndex={-1}>
        {say.title}
      </h2>
      <p>{kick === null ? say.text : talk.ended.kickedBy(kick.by, ban(kick.seconds))}</p>
      {kick !== null && (
        <p className="talk-ban">
          {kick.backAt === null ? talk.ended.noBan : <BanLeft backAt={kick.backAt} />}
        </p>
      )}
      <div className="form-alert" role="alert">
        {failure && <FailureWords failure={failure} />}
      </div>
      <div className="notice-actions">
        <button type="button" className="button" onClick={onChange}>
          {talk.ended.change}
        </button>
        <button
          type="button"
          className="button button-primary"
          disabled={joining}
          onClick={onAgain}
        >
          {joining ? talk.join.working : talk.ended.again}
        </button>
      </div>
    </section>
  );
}

function BanLeft({ backAt }: { backAt: number }) {
  return talk.ended.banLeft(useCountdown(backAt));
}
