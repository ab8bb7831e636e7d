import { useId, useState } from "react";
import { HubError } from "../../hub/port";
import { hubFailureText } from "../../hub/words";
import { useFatal, useFocusOnMount } from "../../lib/hooks";
import { entryOf, type RosterEntry } from "../../room/roster";
import type { RoomSession } from "../../room/session";
import { everybody, isOwner, type RoomState } from "../../room/state";
import { text } from "../../text";
import { Dialog } from "../../ui/Dialog";
import { MicIcon, MicOffIcon, SeatIcon, SoundIcon } from "../../ui/icons";
import { ChatIcon, ChatOffIcon, KickIcon } from "../../ui/shell-icons";
import { micOf, placeOf } from "./People";
import { Voice } from "./Voice";

const say = text.card;

interface PersonCardProps {
  session: RoomSession;
  state: RoomState;
  user: string;
  onClose: () => void;
}

/** One person: how loud, and what the owner may do. */
export function PersonCard({ session, state, user, onClose }: PersonCardProps) {
  const person = everybody(state).find((one) => one.user === user) ?? null;
  const entry = entryOf(state, user, person);
  const mic = entry.owner || entry.seat > 0 ? micOf(entry) : "";
  return (
    <Dialog title={entry.name} onClose={onClose} plain>
      <div className="card-head">
        <Voice user={user} name={entry.name} person={person} size="l" />
        <div>
          <p className="card-place">
            {placeOf(entry)}
            {mic !== "" && ` · ${mic}`}
          </p>
          {user !== entry.name && <p className="card-id">{user}</p>}
          {entry.me && <p className="card-id">{say.you}</p>}
        </div>
      </div>
      {!entry.me && <Volume session={session} state={state} user={user} />}
      {isOwner(state) && !entry.me && (
        <Tools session={session} state={state} entry={entry} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Volume({ session, state, user }: Omit<PersonCardProps, "onClose">) {
  const id = useId();
  const percent = Math.round((state.volumes.get(user) ?? 1) * 100);
  return (
    <div className="volume">
      <div className="volume-words">
        <SoundIcon />
        <label htmlFor={id}>{say.volume}</label>
        <output htmlFor={id}>{say.percent(percent)}</output>
      </div>
      <input
        id={id}
        type="range"
        min={0}
        max={100}
        step={5}
        value={percent}
        aria-valuetext={say.percent(percent)}
        onChange={(event) => session.setVolume(user, Number(event.target.value) / 100)}
      />
    </div>
  );
}

interface ToolsProps {
  session: RoomSession;
  state: RoomState;
  entry: RosterEntry;
  onClose: () => void;
}

/** Only what the server lets an owner do. */
function Tools({ session, state, entry, onClose }: ToolsProps) {
  const [asking, setAsking] = useState(false);
  const { failure, busy, run } = useHubCall();
  const { user, name, seat, person } = entry;
  const { group } = session;
  const silenced = person?.silenced === true;
  const chatMuted = state.chat.mutedUsers.has(user);
  if (asking) {
    return (
      <Sure
        name={name}
        failure={failure}
        busy={busy}
        onCancel={() => setAsking(false)}
        onYes={async () => {
          if (await run(() => group.kick(user))) onClose();
        }}
      />
    );
  }
  return (
    <div className="card-tools">
      <h3>{say.tools}</h3>
      {person !== null && (seat > 0 || silenced) && (
        <button
          type="button"
          disabled={busy}
          onClick={() => run(() => session.silence(user, !silenced))}
        >
          {silenced ? <MicIcon /> : <MicOffIcon />}
          {silenced ? say.unsilence : say.silence}
        </button>
      )}
      {seat > 0 && (
        <button
          type="button"
          disabled={state.busy}
          onClick={() => {
            onClose();
            void session.freeSeat(user, seat);
          }}
        >
          <SeatIcon />
          {text.dialog.free}
        </button>
      )}
      <button
        type="button"
        disabled={busy}
        onClick={() => run(() => group.muteUser(user, !chatMuted))}
      >
        {chatMuted ? <ChatIcon /> : <ChatOffIcon />}
        {chatMuted ? say.unmuteChat : say.muteChat}
      </button>
      <button type="button" data-danger disabled={busy} onClick={() => setAsking(true)}>
        <KickIcon />
        {say.kick}
      </button>
      <p className="form-alert" role="alert">
        {failure}
      </p>
    </div>
  );
}

interface SureProps {
  name: string;
  failure: string | null;
  busy: boolean;
  onCancel: () => void;
  onYes: () => void;
}

/** Asked before somebody is removed; the keyboard starts here. */
function Sure({ name, failure, busy, onCancel, onYes }: SureProps) {
  const start = useFocusOnMount<HTMLHeadingElement>();
  return (
    <section className="card-sure">
      <h3 ref={start} tabIndex={-1}>
        {say.kickSure(name)}
      </h3>
      <p>{say.kickText(name)}</p>
      <p className="form-alert" role="alert">
        {failure}
      </p>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onCancel}>
          {text.dialog.cancel}
        </button>
        <button type="button" className="button button-danger" disabled={busy} onClick={onYes}>
          {say.kickYes}
        </button>
      </div>
    </section>
  );
}

/** A call to the hub whose refusal is shown in place. */
function useHubCall() {
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const fatal = useFatal();
  async function run(call: () => Promise<void>): Promise<boolean> {
    setFailure(null);
    setBusy(true);
    try {
      await call();
      return true;
    } catch (error) {
      if (error instanceof HubError) setFailure(hubFailureText(error));
      else fatal(error);
      return false;
    } finally {
      setBusy(false);
    }
  }
  return { failure, busy, run };
}
