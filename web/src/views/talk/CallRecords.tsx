import { type FormEvent, useId, useState } from "react";
import type { CallPage, TalkApi } from "../../api/talk";
import { useAction } from "../../talk/use-action";
import { clock, talk } from "../../text/talk";
import { OutcomeLine } from "./OutcomeLine";

/** The finished stays of a user on one day. */
export function CallRecords({ api, user }: { api: TalkApi; user: string }) {
  const id = useId();
  const [day, setDay] = useState(() => isoDay(new Date()));
  const [page, setPage] = useState<CallPage | null>(null);
  const { busy, outcome, run } = useAction();
  function submit(event: FormEvent) {
    event.preventDefault();
    void run(async () => {
      const found = await api.calls(user, Number(day.replaceAll("-", "")));
      setPage(found);
      return found.Total === 0
        ? talk.operator.noCalls(user)
        : talk.operator.callsOf(user, found.Total);
    });
  }
  return (
    <div className="talk-section">
      <form className="form talk-line" onSubmit={submit}>
        <label htmlFor={id}>{talk.operator.callsDay}</label>
        <input
          id={id}
          type="date"
          required
          min="1970-01-01"
          max="9999-12-31"
          aria-describedby={`${id}-hint`}
          value={day}
          onChange={(event) => setDay(event.target.value)}
        />
        <button type="submit" className="button" disabled={busy}>
          {talk.operator.callsShow}
        </button>
        <p className="talk-note" id={`${id}-hint`}>
          {talk.operator.callsHint}
        </p>
      </form>
      <OutcomeLine outcome={outcome} />
      {page !== null && page.Call.length > 0 && <CallTable page={page} />}
    </div>
  );
}

function CallTable({ page }: { page: CallPage }) {
  const t = talk.operator;
  return (
    <>
      <table className="talk-calls">
        <caption className="visually-hidden">{t.calls}</caption>
        <thead>
          <tr>
            <th scope="col">{t.callChannel}</th>
            <th scope="col">{t.callFrom}</th>
            <th scope="col">{t.callTo}</th>
            <th scope="col">{t.callLength}</th>
          </tr>
        </thead>
        <tbody>
          {page.Call.map((call, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: records carry no id, and a list is replaced as a whole
            <tr key={index}>
              <td>{call.ChannelID}</td>
              <td>{clock(call.JoinTime * 1_000)}</td>
              <td>{clock(call.LeaveTime * 1_000)}</td>
              <td>{talk.duration(call.CallDuration)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {page.Total > page.Call.length && (
        <p className="talk-note">{t.firstCalls(page.Call.length)}</p>
      )}
    </>
  );
}

/** The day as date fields write it, by the viewer's own calendar. */
function isoDay(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
