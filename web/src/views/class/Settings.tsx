import { type FormEvent, useId, useState } from "react";
import { ASSISTANT, PRESENT, RIGHTS, type Right, type WireClass } from "../../api/classroom";
import type { Desk } from "../../class/desk";
import { type ClassState, isTeacher, may, nameOf, readRights } from "../../class/state";
import { words } from "../../text/class";
import { CheckIcon } from "../../ui/icons";
import { NOTICE_MAX } from "./CreateClass";

const say = words.settings;

/** What a new permit allows; the same as the official client's, as far as this page has it. */
const FIRST_RIGHTS: readonly Right[] = ["Courceware"];

interface SettingsProps {
  desk: Desk;
  state: ClassState;
  info: WireClass;
}

export function Settings({ desk, state, info }: SettingsProps) {
  return (
    <>
      {state.identity === ASSISTANT && <MyRights state={state} />}
      {may(state, "EditAnnouncement") && (
        <NoticeForm key={info.notice} desk={desk} notice={info.notice} />
      )}
      {isTeacher(state) && <Assistant desk={desk} state={state} info={info} />}
    </>
  );
}

/** What the teacher lets this assistant do. */
function MyRights({ state }: { state: ClassState }) {
  const mine = RIGHTS.filter((right) => may(state, right));
  return (
    <section className="class-rights">
      <h3>{say.yours}</h3>
      <p className="class-note">{mine.length === 0 ? say.yoursNone : say.yoursHint}</p>
      <ul>
        {mine.map((right) => (
          <li key={right} data-right={right}>
            <CheckIcon />
            {say.right[right]}
          </li>
        ))}
      </ul>
    </section>
  );
}

function NoticeForm({ desk, notice }: { desk: Desk; notice: string }) {
  const [draft, setDraft] = useState(notice);
  const [busy, setBusy] = useState(false);
  const id = useId();
  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    await desk.setNotice(draft);
    setBusy(false);
  }
  return (
    <form className="form class-form" onSubmit={submit}>
      <label htmlFor={id}>{say.notice}</label>
      <textarea
        id={id}
        rows={3}
        maxLength={NOTICE_MAX}
        aria-describedby={`${id}-hint`}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
      />
      <p className="class-note" id={`${id}-hint`}>
        {say.noticeHint}
      </p>
      <button type="submit" className="button" disabled={busy || draft === notice}>
        {say.publish}
      </button>
    </form>
  );
}

function Assistant({ desk, state, info }: SettingsProps) {
  /** What was asked for and is not answered yet: rights, or no permit at all. */
  const [wish, setWish] = useState<{ rights: readonly string[] | null } | null>(null);
  const { permit } = state;
  const rights = wish === null ? permit && readRights(permit) : wish.rights;
  async function ask(wanted: readonly string[] | null) {
    setWish({ rights: wanted });
    await (wanted === null ? desk.deletePermit() : desk.setPermit(wanted));
    setWish(null);
  }
  return (
    <section className="class-assistant">
      <h3>{say.assistant}</h3>
      <label className="class-switch">
        <input
          type="checkbox"
          checked={rights !== null}
          disabled={wish !== null}
          onChange={() => void ask(rights === null ? FIRST_RIGHTS : null)}
        />
        <span>{say.allow}</span>
      </label>
      <p className="class-note">{rights === null ? say.assistantHint : holder(state, info)}</p>
      {rights !== null && (
        <fieldset disabled={wish !== null}>
          <legend>{say.rights}</legend>
          {RIGHTS.map((right) => (
            <label key={right} className="class-switch">
              <input
                type="checkbox"
                checked={rights.includes(right)}
                onChange={() => void ask(toggled(rights, right))}
              />
              <span>{say.right[right]}</span>
            </label>
          ))}
        </fieldset>
      )}
    </section>
  );
}

/** Rights of other clients, which this page does not show, are kept. */
function toggled(rights: readonly string[], right: Right): string[] {
  return rights.includes(right) ? rights.filter((one) => one !== right) : [...rights, right];
}

function holder(state: ClassState, { assistantPermit }: WireClass): string {
  if (assistantPermit?.identity !== ASSISTANT) return say.nobody;
  const name = nameOf(state, assistantPermit.user_id);
  return assistantPermit.status === PRESENT ? say.holder(name) : say.gone(name);
}
