import { type FormEvent, useId, useState } from "react";
import type { TalkApi } from "../../api/talk";
import { useAction } from "../../talk/use-action";
import { talk } from "../../text/talk";
import { OutcomeLine } from "./OutcomeLine";

/** The server counts bytes of UTF-8; this many characters are never fewer. */
const MAX_LENGTH = 2_048;

interface PushTextProps {
  api: TalkApi;
  channel: string;
  /** Who is picked; empty: nobody. */
  target: string;
}

export function PushText({ api, channel, target }: PushTextProps) {
  const ids = useId();
  const [content, setContent] = useState("");
  const [one, setOne] = useState(false);
  const { busy, outcome, run } = useAction();
  const receiver = one ? target : "";
  function submit(event: FormEvent) {
    event.preventDefault();
    void run(async () => {
      await api.push(channel, content, receiver);
      setContent("");
      return talk.operator.done.pushed;
    });
  }
  return (
    <form className="form talk-section" onSubmit={submit}>
      <label htmlFor={`${ids}-text`}>{talk.operator.push}</label>
      <textarea
        id={`${ids}-text`}
        rows={2}
        required
        maxLength={MAX_LENGTH}
        value={content}
        onChange={(event) => setContent(event.target.value)}
      />
      <div className="talk-line">
        <label htmlFor={`${ids}-to`}>{talk.operator.pushTo}</label>
        <select
          id={`${ids}-to`}
          value={receiver === "" ? "all" : "one"}
          onChange={(event) => setOne(event.target.value === "one")}
        >
          <option value="all">{talk.operator.pushAll}</option>
          {target !== "" && <option value="one">{talk.operator.pushOne(target)}</option>}
        </select>
        <button type="submit" className="button" disabled={busy}>
          {talk.operator.send}
        </button>
      </div>
      <OutcomeLine outcome={outcome} />
    </form>
  );
}
