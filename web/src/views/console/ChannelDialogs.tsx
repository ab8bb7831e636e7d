import { type FormEvent, useState } from "react";
import type { ChannelDetail } from "../../console/types";
import { text } from "../../text";
import { t } from "../../text/console";
import { Dialog } from "../../ui/Dialog";
import { useAct, useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Choice, Field } from "./parts";

const HOUR = 3_600;
/** What a ban or a mute may last, in seconds. */
export const BAN_CHOICES = [0, 60, 600, HOUR, 24 * HOUR, 7 * 24 * HOUR, 365 * 24 * HOUR] as const;
const MUTE_CHOICES = [0, 60, 600, HOUR, 24 * HOUR] as const;

interface FormDialogProps {
  title: string;
  lead?: string;
  action: string;
  danger?: boolean;
  /** What is done; the dialog closes if it was. */
  act: () => Promise<unknown>;
  done: string;
  onClose: () => void;
  onSettled: () => void;
  children?: React.ReactNode;
}

/** A dialog that does one thing, stays open when that is refused, and says why. */
export function FormDialog(props: FormDialogProps) {
  const { title, lead, action, danger, act, done, onClose, onSettled, children } = props;
  const { busy, failure, run } = useAct();
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    const went = await run(act, done);
    onSettled();
    if (went) onClose();
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="console-form" onSubmit={submit}>
        {lead !== undefined && <p className="console-note">{lead}</p>}
        {children}
        <FailureBar failure={failure} />
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            {text.dialog.cancel}
          </button>
          <button
            type="submit"
            className={danger ? "button button-danger" : "button button-primary"}
            disabled={busy}
          >
            {busy ? t.working : action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface Where {
  app: string;
  channel: string;
  user: string;
  onClose: () => void;
  onSettled: () => void;
}

export function KickDialog({ app, channel, user, onClose, onSettled }: Where) {
  const { api } = useDesk();
  const [seconds, setSeconds] = useState(0);
  return (
    <FormDialog
      title={t.channel.kickTitle(user)}
      lead={t.channel.kickText}
      action={seconds === 0 ? t.channel.kick : t.channel.kickAndBan}
      danger
      act={() => api.kick(app, channel, user, seconds)}
      done={seconds === 0 ? t.channel.kicked(user) : t.channel.banned(user)}
      onClose={onClose}
      onSettled={onSettled}
    >
      <BanFor value={seconds} onChange={setSeconds} from={0} />
    </FormDialog>
  );
}

interface BanForProps {
  value: number;
  /** 0 offers no ban at all as well. */
  from: 0 | 1;
  onChange: (seconds: number) => void;
}

export function BanFor({ value, from, onChange }: BanForProps) {
  return (
    <Field label={t.channel.banFor}>
      {(ids) => (
        <select {...ids} value={value} onChange={(event) => onChange(Number(event.target.value))}>
          {BAN_CHOICES.filter((seconds) => seconds >= from).map((seconds) => (
            <option key={seconds} value={seconds}>
              {seconds === 0 ? t.channel.noBan : t.lasts[seconds]}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

const WHAT = ["audio", "video", "both"] as const;

export function MuteDialog({ app, channel, user, onClose, onSettled }: Where) {
  const { api } = useDesk();
  const [what, setWhat] = useState<(typeof WHAT)[number]>("audio");
  const [seconds, setSeconds] = useState(0);
  const wish = {
    user,
    seconds,
    ...(what === "video" ? {} : { audio: true }),
    ...(what === "audio" ? {} : { video: true }),
  };
  return (
    <FormDialog
      title={t.channel.muteTitle(user)}
      lead={t.channel.muteText}
      action={t.channel.mute}
      act={() => api.mute(app, channel, wish)}
      done={t.channel.muted(user)}
      onClose={onClose}
      onSettled={onSettled}
    >
      <Choice
        legend={t.channel.muteWhat}
        value={what}
        onChange={setWhat}
        options={WHAT.map((value) => ({ value, label: t.channel.muteKinds[value] }))}
      />
      <Field label={t.channel.muteFor}>
        {(ids) => (
          <select
            {...ids}
            value={seconds}
            onChange={(event) => setSeconds(Number(event.target.value))}
          >
            {MUTE_CHOICES.map((choice) => (
              <option key={choice} value={choice}>
                {choice === 0 ? t.channel.untilLifted : t.lasts[choice]}
              </option>
            ))}
          </select>
        )}
      </Field>
    </FormDialog>
  );
}

interface EndProps {
  detail: ChannelDetail;
  onClose: () => void;
  onSettled: () => void;
}

export function EndDialog({ detail, onClose, onSettled }: EndProps) {
  const { api } = useDesk();
  const name = detail.title || detail.channel;
  return (
    <FormDialog
      title={t.channel.endTitle(name)}
      lead={t.channel.endText[detail.kind]}
      action={t.channel.end[detail.kind]}
      danger
      act={() => api.end(detail.app, detail.channel)}
      done={t.channel.ended(name)}
      onClose={onClose}
      onSettled={onSettled}
    />
  );
}
