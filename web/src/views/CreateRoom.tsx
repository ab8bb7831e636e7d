import { type FormEvent, useId, useState } from "react";
import type { Api } from "../api/client";
import { ApiError } from "../api/error";
import { useFatal } from "../lib/hooks";
import { roomHash } from "../lib/route";
import { text } from "../text";
import { Dialog } from "../ui/Dialog";
import { FailureLine } from "../ui/Failure";

/** Limits of the dialect, in Unicode scalar values; `maxLength` counts UTF-16 units, so it never allows more. */
const TITLE_MAX = 256;
const NOTICE_MAX = 1_024;

export function CreateRoom({ api, me, onClose }: { api: Api; me: string; onClose: () => void }) {
  const [title, setTitle] = useState("");
  const [notice, setNotice] = useState("");
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
      const room = await api.create(me, title, notice);
      location.hash = roomHash(room.id);
    } catch (error) {
      if (error instanceof ApiError) setFailure(error);
      else fatal(error);
      setWorking(false);
    }
  }

  return (
    <Dialog title={text.create.title} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label htmlFor={`${ids}-title`}>{text.create.name}</label>
        <input
          id={`${ids}-title`}
          name="title"
          required
          maxLength={TITLE_MAX}
          autoComplete="off"
          placeholder={text.create.namePlaceholder}
          value={title}
          onChange={(event) => setTitle(event.target.value)}
        />
        <label htmlFor={`${ids}-notice`}>{text.create.notice}</label>
        <textarea
          id={`${ids}-notice`}
          name="notice"
          rows={3}
          maxLength={NOTICE_MAX}
          placeholder={text.create.noticePlaceholder}
          value={notice}
          onChange={(event) => setNotice(event.target.value)}
        />
        <div className="form-alert" role="alert">
          {failure && <FailureLine failure={failure} />}
        </div>
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            {text.create.cancel}
          </button>
          <button
            type="submit"
            className="button button-primary"
            disabled={working || title.trim() === ""}
          >
            {working ? text.create.working : text.create.submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
