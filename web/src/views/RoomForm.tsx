import { type FormEvent, useId, useState } from "react";
import { ApiError } from "../api/error";
import { useFatal } from "../lib/hooks";
import { text } from "../text";
import { FailureLine } from "../ui/Failure";

/** Limits of the dialect, in Unicode scalar values; `maxLength` counts UTF-16 units, so it never allows more. */
const TITLE_MAX = 256;
const NOTICE_MAX = 1_024;

interface RoomFormProps {
  title: string;
  notice: string;
  submit: string;
  working: string;
  /** Stays under way until the caller takes the form away; rejects with what went wrong. */
  onSubmit: (title: string, notice: string) => Promise<void>;
  onCancel: () => void;
}

/** Title and notice of a room, new or not. */
export function RoomForm(props: RoomFormProps) {
  const [title, setTitle] = useState(props.title);
  const [notice, setNotice] = useState(props.notice);
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
      await props.onSubmit(title, notice);
    } catch (error) {
      if (error instanceof ApiError) setFailure(error);
      else fatal(error);
      setWorking(false);
    }
  }

  return (
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
        <button type="button" className="button" onClick={props.onCancel}>
          {text.create.cancel}
        </button>
        <button
          type="submit"
          className="button button-primary"
          disabled={working || title.trim() === ""}
        >
          {working ? props.working : props.submit}
        </button>
      </div>
    </form>
  );
}
