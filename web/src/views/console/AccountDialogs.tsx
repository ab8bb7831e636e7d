import { type FormEvent, useState } from "react";
import type { Account, AccountPatch } from "../../console/types";
import { text } from "../../text";
import { t } from "../../text/console";
import { Dialog } from "../../ui/Dialog";
import { TrashIcon } from "../../ui/icons";
import { FormDialog } from "./ChannelDialogs";
import { useAct, useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Field } from "./parts";

interface Callbacks {
  onClose: () => void;
  onSettled: () => void;
}

export function NewAccount({ onClose, onSettled }: Callbacks) {
  const { api } = useDesk();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [admin, setAdmin] = useState(false);
  return (
    <FormDialog
      title={t.accounts.add}
      action={t.accounts.create}
      act={() => api.addAccount(user, password, admin)}
      done={t.accounts.added(user)}
      onClose={onClose}
      onSettled={onSettled}
    >
      <Field label={t.accounts.user}>
        {(ids) => (
          <input
            {...ids}
            required
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={255}
            value={user}
            onChange={(event) => setUser(event.target.value)}
          />
        )}
      </Field>
      <PasswordField label={t.accounts.password} value={password} onChange={setPassword} />
      <label className="console-check">
        <input
          type="checkbox"
          checked={admin}
          onChange={(event) => setAdmin(event.target.checked)}
        />
        <span>
          {t.accounts.makeAdmin}
          <small>{t.accounts.adminHint}</small>
        </span>
      </label>
    </FormDialog>
  );
}

interface PasswordProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

function PasswordField({ label, value, onChange }: PasswordProps) {
  return (
    <Field label={label}>
      {(ids) => (
        <input
          {...ids}
          type="password"
          required
          autoComplete="new-password"
          maxLength={1024}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

interface AccountDialogProps extends Callbacks {
  account: Account;
}

/** All that can be done with an account, each at once and with its own answer. */
export function AccountDialog({ account, onClose, onSettled }: AccountDialogProps) {
  const { api, say } = useDesk();
  const { user } = account;
  const [password, setPassword] = useState("");
  const [removing, setRemoving] = useState(false);
  const { busy, failure, done, run } = useAct("dialog");
  async function change(patch: AccountPatch, words: string) {
    const went = await run(() => api.changeAccount(user, patch), words);
    onSettled();
    return went;
  }
  async function newPassword(event: FormEvent) {
    event.preventDefault();
    if (await change({ password }, t.accounts.passwordSet(user))) setPassword("");
  }
  async function remove() {
    const went = await run(() => api.removeAccount(user), t.accounts.removed(user));
    onSettled();
    if (!went) return;
    say(t.accounts.removed(user));
    onClose();
  }
  return (
    <Dialog title={user} onClose={onClose}>
      <div className="console-form">
        <FailureBar failure={failure} />
        <p className="console-done" role="status">
          {done}
        </p>
        <label className="console-check">
          <input
            type="checkbox"
            checked={account.admin}
            disabled={busy}
            onChange={(event) => {
              const admin = event.target.checked;
              void change({ admin }, t.accounts.rightsSet(user, admin));
            }}
          />
          <span>
            {t.accounts.makeAdmin}
            <small>{account.from_config ? t.accounts.fromFile : t.accounts.adminHint}</small>
          </span>
        </label>
        <label className="console-check">
          <input
            type="checkbox"
            checked={account.disabled}
            disabled={busy}
            onChange={(event) => {
              const disabled = event.target.checked;
              void change({ disabled }, t.accounts.stateSet(user, disabled));
            }}
          />
          <span>
            {t.accounts.disable}
            <small>{t.accounts.disableHint}</small>
          </span>
        </label>
        <form className="console-with-button" onSubmit={newPassword}>
          {/* For the browser's store of passwords. */}
          <input hidden readOnly autoComplete="username" value={user} />
          <PasswordField label={t.accounts.newPassword} value={password} onChange={setPassword} />
          <button type="submit" className="button" disabled={busy}>
            {t.accounts.setPassword}
          </button>
        </form>
        <div className="console-split">
          <span className="console-note">{t.accounts.logoutHint}</span>
          <button
            type="button"
            className="button"
            disabled={busy}
            onClick={async () => {
              await run(() => api.endSessions(user), t.accounts.loggedOut(user));
              onSettled();
            }}
          >
            {t.accounts.logout}
          </button>
        </div>
        <div className="console-split">
          <span className="console-note">
            {removing ? t.accounts.reallyRemove(user) : t.accounts.removeHint}
          </span>
          <button
            type="button"
            className={removing ? "button button-danger" : "button"}
            disabled={busy}
            onClick={() => (removing ? void remove() : setRemoving(true))}
          >
            <TrashIcon />
            {removing ? t.accounts.removeNow : t.accounts.remove}
          </button>
        </div>
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            {text.dialog.close}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
