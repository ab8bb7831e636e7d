import type { LogEntry } from "../../room/state";
import { text } from "../../text";

const SHOWN = 8;

/** The seat changes since one came in; also the live region that tells them to a screen reader. */
export function Activity({ log, me }: { log: readonly LogEntry[]; me: string }) {
  return (
    <section className="panel activity" aria-label={text.room.activity}>
      <h2>{text.room.activity}</h2>
      {log.length === 0 && <p className="panel-empty">{text.room.noActivity}</p>}
      <div role="log" aria-live="polite">
        <ol>
          {log.slice(-SHOWN).map((entry) => (
            <li key={entry.id} data-kind={entry.change.kind}>
              {describe(entry, me)}
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
}

function describe({ change }: LogEntry, me: string): string {
  const mine = change.user === me;
  if (change.kind === "took") {
    return mine ? text.room.youTook(change.seat) : text.room.took(change.name, change.seat);
  }
  return mine ? text.room.youLeft(change.seat) : text.room.left(change.name, change.seat);
}
