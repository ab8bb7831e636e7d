import { useEffect, useRef } from "react";
import type { LogLine } from "../../talk/state";
import { clock, noticeLine, talk } from "../../text/talk";

/** Pushed texts and notices, the latest last; also the live region that tells them to a screen reader. */
export function Log({ log, me }: { log: readonly LogLine[]; me: string }) {
  const list = useRef<HTMLOListElement>(null);
  const last = log.at(-1)?.notice.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line is what scrolls
  useEffect(() => {
    // The list alone: scrolling to the line itself would move the page under the reader.
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [last]);
  return (
    <section className="panel talk-log" aria-label={talk.channel.log}>
      <h2>{talk.channel.log}</h2>
      {log.length === 0 && <p className="panel-empty">{talk.channel.noLog}</p>}
      <div role="log" aria-live="polite">
        <ol ref={list}>
          {log.map((line) => (
            <Line key={line.notice.id} line={line} me={me} />
          ))}
        </ol>
      </div>
    </section>
  );
}

function Line({ line: { notice, mine }, me }: { line: LogLine; me: string }) {
  return (
    <li data-event={notice.event} data-mine={mine || undefined}>
      <time dateTime={new Date(notice.at).toISOString()}>{clock(notice.at)}</time>
      <span>
        {notice.event === "message" && (
          <span className="talk-sender">
            {talk.line.message(notice.user)}
            {mine && <small>{talk.channel.onlyYou}</small>}
          </span>
        )}
        <span className="talk-words">{noticeLine(notice, me, Date.now())}</span>
      </span>
    </li>
  );
}
