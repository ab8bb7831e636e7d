import { type FormEvent, useId, useState } from "react";
import type { ClassApi } from "../../api/classroom";
import { ApiError } from "../../api/error";
import { useFatal } from "../../lib/hooks";
import { classHash } from "../../lib/route";
import { words } from "../../text/class";
import { Dialog } from "../../ui/Dialog";
import { FailureLine } from "../../ui/Failure";

/** Limits of the dialect; `maxLength` counts UTF-16 units, so it never allows more characters. */
const TITLE_MAX = 256;
/** The server's limit is 4,096 bytes: any text of this length fits. */
export const NOTICE_MAX = 1_024;

export function CreateClass({ api, onClose }: { api: ClassApi; onClose: () => void }) {
  const [title, setTitle] = useState("");
  const [notice, setNotice] = useState("");
  const [mode, setMode] = useState(0);
  const [working, setWorking] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const fatal = useFatal();
  const ids = useId();

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (working || title.trim() === "") return;
    setWorking(true);
    setFailure(null);
    try {
      const { id } = await api.create(title, notice, mode);
      location.hash = classHash(id);
    } catch (error) {
      if (error instanceof ApiError) setFailure(error);
      else fatal(error);
      setWorking(false);
    }
  }

  return (
    <Dialog title={words.create.title} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label htmlFor={`${ids}-title`}>{words.create.name}</label>
        <input
          id={`${ids}-title`}
          name="title"
          required
          maxLength={TITLE_MAX}
          autoComplete="off"
          placeholder={words.create.namePlaceholder}
          value={title}
          onChange={(event) => setTitle(event.target.value)}
        />
        <fieldset className="class-modes">
          <legend>{words.create.mode}</legend>
          {words.modes.map((name, value) => (
            <label key={name}>
              <input
                type="radio"
                name={`${ids}-mode`}
                value={value}
                checked={mode === value}
                onChange={() => setMode(value)}
              />
              <span>
                {name}
                <small>{words.modeHints[value]}</small>
              </span>
            </label>
          ))}
        </fieldset>
        <label htmlFor={`${ids}-notice`}>{words.create.notice}</label>
        <textarea
          id={`${ids}-notice`}
          name="notice"
          rows={3}
          maxLength={NOTICE_MAX}
          placeholder={words.create.noticePlaceholder}
          value={notice}
          onChange={(event) => setNotice(event.target.value)}
        />
        <div className="form-alert" role="alert">
          {failure && <FailureLine failure={failure} />}
        </div>
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            {words.create.cancel}
          </button>
          <button
            type="submit"
            className="button button-primary"
            disabled={working || title.trim() === ""}
          >
            {working ? words.create.working : words.create.submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
