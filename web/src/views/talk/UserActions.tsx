import { type FormEvent, useId, useState } from "react";
import {
  type ChannelUser,
  IDENTITY_TYPES,
  type IdentityType,
  ON_DEMAND_TALKER,
  type TalkApi,
  toIdentityType,
} from "../../api/talk";
import { kick } from "../../talk/kick";
import { useAction } from "../../talk/use-action";
import { kickLine, talk } from "../../text/talk";
import { LeaveIcon, MicIcon, MicOffIcon } from "../../ui/icons";
import { OutcomeLine } from "./OutcomeLine";

const FIRST_BAN_MINUTES = 5;
/** Ten years, the longest ban the server takes. */
const MAX_BAN_MINUTES = 5_256_000;

interface UserActionsProps {
  api: TalkApi;
  channel: string;
  user: string;
  /** The user as listed in the channel; null while they are not in it. */
  entry: ChannelUser | null;
  onSettled: () => void;
}

/** Everything that an administrator may do to one user of a channel. */
export function UserActions({ api, channel, user, entry, onSettled }: UserActionsProps) {
  const { busy, outcome, run } = useAction(onSettled);
  const { done } = talk.operator;
  return (
    <fieldset className="talk-section" disabled={busy}>
      <legend className="visually-hidden">{talk.operator.actions(user)}</legend>
      <Role
        current={toIdentityType(entry?.IdentityType)}
        onSet={(type) =>
          run(async () => {
            await api.changeIdentity(channel, user, type);
            return done.identity(user, type);
          })
        }
      />
      <div className="talk-row">
        <MuteButton
          muted={entry?.AudioMuted === 1}
          onSet={(muted) =>
            run(async () => {
              await api.muteMicrophone(channel, user, muted);
              return (muted ? done.muted : done.unmuted)(user);
            })
          }
        />
        <GrantButton
          entry={entry}
          onSet={(granted) =>
            run(async () => {
              await api.grantMicrophone(channel, user, granted);
              return (granted ? done.granted : done.withdrawn)(user);
            })
          }
        />
      </div>
      <Kick
        onKick={(seconds) =>
          run(async () => kickLine(await kick(api, channel, user, seconds), Date.now()))
        }
        onLift={() =>
          run(async () => ((await api.liftBan(channel, user)) ? done.lifted : done.noBan)(user))
        }
      />
      <OutcomeLine outcome={outcome} />
    </fieldset>
  );
}

interface RoleProps {
  current: IdentityType | null;
  onSet: (type: IdentityType) => void;
}

function Role({ current, onSet }: RoleProps) {
  const id = useId();
  // Until something is chosen the field follows what the user is.
  const [chosen, setChosen] = useState<IdentityType | null>(null);
  const shown = chosen ?? current ?? 1;
  function submit(event: FormEvent) {
    event.preventDefault();
    setChosen(null);
    onSet(shown);
  }
  return (
    <form className="form talk-line" onSubmit={submit}>
      <label htmlFor={id}>{talk.operator.identity}</label>
      <select
        id={id}
        value={shown}
        onChange={(event) => setChosen(toIdentityType(event.target.value))}
      >
        {IDENTITY_TYPES.map((type) => (
          <option key={type} value={type}>
            {talk.option(type)}
          </option>
        ))}
      </select>
      <button type="submit" className="button">
        {talk.operator.setIdentity}
      </button>
    </form>
  );
}

function MuteButton({ muted, onSet }: { muted: boolean; onSet: (muted: boolean) => void }) {
  return (
    <button type="button" className="button" onClick={() => onSet(!muted)}>
      {muted ? <MicIcon /> : <MicOffIcon />}
      {muted ? talk.operator.unmute : talk.operator.mute}
    </button>
  );
}

interface GrantButtonProps {
  entry: ChannelUser | null;
  onSet: (granted: boolean) => void;
}

function GrantButton({ entry, onSet }: GrantButtonProps) {
  const id = useId();
  const granted = entry?.MicGrant === 1;
  const needless = entry !== null && entry.IdentityType !== ON_DEMAND_TALKER;
  return (
    <>
      <button
        type="button"
        className="button"
        disabled={needless}
        aria-describedby={needless ? id : undefined}
        onClick={() => onSet(!granted)}
      >
        {granted ? talk.operator.takeMic : talk.operator.giveMic}
      </button>
      {needless && (
        <p className="talk-note" id={id}>
          {talk.operator.micHint}
        </p>
      )}
    </>
  );
}

interface KickProps {
  onKick: (seconds: number) => void;
  onLift: () => void;
}

function Kick({ onKick, onLift }: KickProps) {
  const id = useId();
  const [minutes, setMinutes] = useState(String(FIRST_BAN_MINUTES));
  function submit(event: FormEvent) {
    event.preventDefault();
    onKick(Number(minutes) * 60);
  }
  return (
    <form className="form talk-line" onSubmit={submit}>
      <label htmlFor={id}>{talk.operator.minutes}</label>
      <input
        id={id}
        type="number"
        inputMode="numeric"
        min="0"
        max={MAX_BAN_MINUTES}
        step="1"
        required
        aria-describedby={`${id}-hint`}
        value={minutes}
        onChange={(event) => setMinutes(event.target.value)}
      />
      <button type="submit" className="button button-danger">
        <LeaveIcon />
        {talk.operator.kick}
      </button>
      <button type="button" className="button" onClick={onLift}>
        {talk.operator.lift}
      </button>
      <p className="talk-note" id={`${id}-hint`}>
        {talk.operator.minutesHint}
      </p>
    </form>
  );
}
