import { useEffect, useId, useRef, useState } from "react";
import type { TalkApi } from "../../api/talk";
import { useAction } from "../../talk/use-action";
import { type Overview, useOverview } from "../../talk/use-overview";
import { talk } from "../../text/talk";
import { Confirm } from "../../ui/Dialog";
import { PowerIcon } from "../../ui/icons";
import { CallRecords } from "./CallRecords";
import { FailureWords } from "./FailureWords";
import { OutcomeLine } from "./OutcomeLine";
import { PushText } from "./PushText";
import { UserActions } from "./UserActions";
import { UserFacts } from "./UserFacts";

const WIDE = "(min-width: 980px)";

/** Whom to act on; `picked` grows with every choice made elsewhere on the page. */
export interface Target {
  user: string;
  picked: number;
}

interface ChannelProps {
  api: TalkApi;
  channel: string;
}

interface OperatorProps extends ChannelProps {
  target: Target;
  onTarget: (user: string) => void;
}

/** What an app's server does with a channel. Folded on a phone; asks the server only while it is open. */
export function Operator({ api, channel, target, onTarget }: OperatorProps) {
  const [open, setOpen] = useState(() => matchMedia(WIDE).matches);
  const panel = useRef<HTMLDetailsElement>(null);
  const { user, picked } = target;
  useEffect(() => {
    if (picked === 0) return;
    setOpen(true);
    panel.current?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    panel.current?.querySelector("summary")?.focus({ preventScroll: true });
  }, [picked]);
  return (
    <details
      ref={panel}
      className="panel fold talk-operator"
      open={open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <h2>{talk.operator.title}</h2>
      </summary>
      {open &&
        (channel === "" ? (
          <p className="panel-empty">{talk.operator.channelEmpty}</p>
        ) : (
          <Panel api={api} channel={channel} target={user} onTarget={onTarget} />
        ))}
    </details>
  );
}

interface PanelProps extends ChannelProps {
  target: string;
  onTarget: (user: string) => void;
}

function Panel({ api, channel, target, onTarget }: PanelProps) {
  const { overview, failure, refresh } = useOverview(api, channel, target);
  const current = overview?.channel === channel ? overview : null;
  return (
    <div className="talk-panel">
      <Counts channel={channel} overview={current} />
      <div className="form-alert" role="alert">
        {failure && <FailureWords failure={failure} />}
      </div>
      <TargetField overview={current} target={target} onPick={onTarget} />
      {target !== "" && (
        <>
          {current?.target === target && <UserFacts overview={current} />}
          <UserActions
            key={`${channel}/${target}`}
            api={api}
            channel={channel}
            user={target}
            entry={current?.detail?.UserList.find((entry) => entry.UserID === target) ?? null}
            onSettled={refresh}
          />
          <CallRecords key={target} api={api} user={target} />
        </>
      )}
      <PushText api={api} channel={channel} target={target} />
      <CloseChannel api={api} channel={channel} onSettled={refresh} />
    </div>
  );
}

function Counts({ channel, overview }: { channel: string; overview: Overview | null }) {
  if (overview === null) return <p className="panel-empty">{talk.operator.waiting}</p>;
  const { detail, channels } = overview;
  const speakers = detail?.UserList.filter((entry) => entry.Speaker === 1).length ?? 0;
  return (
    <>
      <p className="overline talk-counts-of">{channel}</p>
      <dl className="talk-counts">
        <div>
          <dt>{talk.operator.users}</dt>
          <dd>{detail?.Total ?? 0}</dd>
        </div>
        <div>
          <dt>{talk.operator.speakers}</dt>
          <dd>{speakers}</dd>
        </div>
        <div>
          <dt>{talk.operator.channels}</dt>
          <dd>{channels}</dd>
        </div>
      </dl>
      {detail === null && <p className="talk-note">{talk.operator.noChannel}</p>}
    </>
  );
}

interface TargetFieldProps {
  overview: Overview | null;
  target: string;
  onPick: (user: string) => void;
}

function TargetField({ overview, target, onPick }: TargetFieldProps) {
  const id = useId();
  const users = overview?.detail?.UserList ?? [];
  return (
    <div className="form">
      <label htmlFor={id}>{talk.operator.target}</label>
      <input
        id={id}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={255}
        aria-describedby={`${id}-hint`}
        value={target}
        onChange={(event) => onPick(event.target.value)}
      />
      {users.length > 0 && (
        <fieldset className="talk-chips">
          <legend className="visually-hidden">{talk.operator.here}</legend>
          {users.map(({ UserID: user }) => (
            <button
              key={user}
              type="button"
              aria-pressed={user === target}
              onClick={() => onPick(user)}
            >
              {user}
            </button>
          ))}
        </fieldset>
      )}
      <p className="talk-note" id={`${id}-hint`}>
        {talk.operator.targetHint}
      </p>
    </div>
  );
}

interface CloseChannelProps extends ChannelProps {
  onSettled: () => void;
}

function CloseChannel({ api, channel, onSettled }: CloseChannelProps) {
  const [asking, setAsking] = useState(false);
  const { busy, outcome, run } = useAction(onSettled);
  return (
    <div className="talk-section">
      <button type="button" className="button" disabled={busy} onClick={() => setAsking(true)}>
        <PowerIcon />
        {talk.operator.dismiss}
      </button>
      <OutcomeLine outcome={outcome} />
      {asking && (
        <Confirm
          title={talk.operator.dismissTitle(channel)}
          body={talk.operator.dismissText}
          action={talk.operator.dismiss}
          danger
          onConfirm={() =>
            run(async () => talk.operator.done.dismissed(await api.dismiss(channel)))
          }
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}
