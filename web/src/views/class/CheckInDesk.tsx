import { useEffect, useId, useState } from "react";
import type { CheckInRecord } from "../../api/classroom";
import { ApiError } from "../../api/error";
import {
  attendanceFile,
  attendanceRows,
  loadAttendance,
  type Tally,
  tallyOf,
  toCsv,
} from "../../class/attendance";
import type { ClassSession } from "../../class/session";
import { type ClassState, isOver, nameOf } from "../../class/state";
import { useFatal } from "../../lib/hooks";
import { saveBlob } from "../../lib/save";
import { words } from "../../text/class";
import { Avatar } from "../../ui/Avatar";
import { SaveIcon } from "../../ui/icons";
import { TimeLeft } from "./Banners";

const say = words.checkIn;
const DURATIONS = [30, 60, 120, 300];
/** How often the tally of a running check-in is asked for. */
const TALLY_MS = 1_500;

interface CheckInDeskProps {
  session: ClassSession;
  state: ClassState;
}

/** Asks who is here, and shows who answered. */
export function CheckInDesk({ session, state }: CheckInDeskProps) {
  const { running } = state;
  const tally = useTally(session, running?.id ?? null);
  return (
    <section>
      {running === null ? (
        <StartForm session={session} />
      ) : (
        <p className="class-check-in">
          <TimeLeft endsAt={running.endsAt} />
        </p>
      )}
      {tally === null ? (
        running === null && <p className="panel-empty">{say.none}</p>
      ) : (
        <>
          <h3>{running === null ? say.last : tallyText(tallyOf(state.members, tally))}</h3>
          {tally.length === 0 && <p className="panel-empty">{say.nobody}</p>}
          <ul className="class-people">
            {tally.map(({ user_id: user, time }) => (
              <li key={user} className="class-person" data-checked-in={user}>
                <Avatar user={user} name={nameOf(state, user)} size="s" />
                <span className="class-person-text">
                  <span className="class-person-name">{nameOf(state, user)}</span>
                </span>
                <time className="class-time">{time.slice(11)}</time>
              </li>
            ))}
          </ul>
        </>
      )}
      <AttendanceList session={session} state={state} />
    </section>
  );
}

function tallyText({ answered, asked }: Tally): string {
  return say.tally(answered, asked);
}

/** Who was there and who answered, as a file. */
function AttendanceList({ session, state }: CheckInDeskProps) {
  const [busy, setBusy] = useState(false);
  async function download() {
    setBusy(true);
    try {
      const found = await loadAttendance(session.api, session.id);
      const table = { ...say.table, roles: words.roles };
      const rows = attendanceRows(found, table, isOver(state));
      const blob = new Blob([toCsv(rows)], { type: "text/csv;charset=utf-8" });
      saveBlob(blob, attendanceFile(state.info?.title ?? "", new Date()));
    } catch (error) {
      session.fail(error);
    }
    setBusy(false);
  }
  return (
    <section className="class-attendance">
      <h3>{say.attendance}</h3>
      <p className="class-note">{say.attendanceHint}</p>
      <button type="button" className="button" disabled={busy} onClick={() => void download()}>
        <SaveIcon />
        {busy ? say.downloading : say.download}
      </button>
    </section>
  );
}

function StartForm({ session }: { session: ClassSession }) {
  const [seconds, setSeconds] = useState(60);
  const [busy, setBusy] = useState(false);
  const id = useId();
  async function start() {
    setBusy(true);
    await session.desk.startCheckIn(seconds);
    setBusy(false);
  }
  return (
    <div className="class-line">
      <label htmlFor={id}>{say.for}</label>
      <select id={id} value={seconds} onChange={(event) => setSeconds(Number(event.target.value))}>
        {DURATIONS.map((duration) => (
          <option key={duration} value={duration}>
            {say.seconds(duration)}
          </option>
        ))}
      </select>
      <button
        type="button"
        className="button button-primary"
        disabled={busy}
        onClick={() => void start()}
      >
        {say.start}
      </button>
    </div>
  );
}

/** Who answered: of the running check-in again and again, else of the last one. Null: there was none. */
function useTally({ api, id }: ClassSession, running: string | null) {
  const [tally, setTally] = useState<CheckInRecord[] | null>(null);
  const fatal = useFatal();
  useEffect(() => {
    let here = true;
    let timer: number | undefined;
    async function look() {
      try {
        const target = running ?? (await api.allCheckIns(id)).at(-1)?.id;
        const records = target === undefined ? null : await api.checkInRecords(target);
        if (!here) return;
        setTally(records);
      } catch (error) {
        if (!here) return;
        if (!(error instanceof ApiError)) return fatal(error);
      }
      if (running !== null) timer = window.setTimeout(look, TALLY_MS);
    }
    void look();
    return () => {
      here = false;
      clearTimeout(timer);
    };
  }, [api, id, running, fatal]);
  return tally;
}
