import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useTitle } from "../lib/hooks";
import { roomsHash } from "../lib/route";
import { loadSession } from "../session";
import { type Advice, advise, verdict } from "../test-connection/advice";
import { CHECKS } from "../test-connection/findings";
import { TestRun, type TestState } from "../test-connection/run";
import { text } from "../text";
import { words } from "../text/test";
import "../styles/test.css";
import { CheckCard } from "./test/CheckCard";
import { Report } from "./test/Report";
import { VerdictCard } from "./test/VerdictCard";

/** The connection test. Open to everybody: whoever cannot get in may want it most. */
export function TestPage() {
  useTitle(`${words.title} · ${text.product}`);
  const [run] = useState(() => new TestRun());
  useEffect(() => {
    run.reopen();
    return () => run.close();
  }, [run]);
  const state = useSyncExternalStore(run.subscribe, run.snapshot);
  const all = advise(state.findings);
  const done = state.phase === "done";
  return (
    <main className="page test" id="content" tabIndex={-1}>
      <header className="test-head">
        <h1>{words.title}</h1>
        <p className="lead">{words.lead}</p>
      </header>
      {done ? (
        <VerdictCard verdict={verdict(all)} onAgain={() => void run.start()} />
      ) : (
        <section className="panel test-start" aria-label={words.start}>
          <p>{words.ask}</p>
          <button
            type="button"
            className="button button-primary"
            disabled={state.phase === "running"}
            onClick={() => void run.start()}
          >
            {state.phase === "running" && <span className="spinner" aria-hidden="true" />}
            {state.phase === "running" ? words.running : words.start}
          </button>
        </section>
      )}
      <Announcer state={state} all={all} />
      <ol className="test-checks" aria-label={words.checks}>
        {CHECKS.map((check) => (
          <CheckCard
            key={check}
            check={check}
            state={state}
            onMicrophone={(id) => void run.chooseMicrophone(id)}
            advice={all.find((advice) => advice.check === check) ?? null}
          />
        ))}
      </ol>
      {done && state.microphone !== null && (
        <button type="button" className="button test-release" onClick={() => run.release()}>
          {words.release}
        </button>
      )}
      {done && all.some((advice) => advice.kind === "media-no-door") && loadSession() === null && (
        <a className="button button-primary test-release" href={roomsHash}>
          {words.signIn}
        </a>
      )}
      {done && state.startedAt !== null && (
        <Report findings={state.findings} startedAt={state.startedAt} />
      )}
    </main>
  );
}

/** Tells each result as it comes in; a screen reader reads what is added. */
function Announcer({ state, all }: { state: TestState; all: readonly Advice[] }) {
  // A result may be seen in another light by a later one: told once, when its check was over.
  const told = useRef(new Map<string, string>());
  if (state.phase === "running" && all.length === 0) told.current.clear();
  if (state.current !== null) told.current.delete(state.current);
  for (const { check, grade, kind } of all) {
    if (check === state.current || told.current.has(check)) continue;
    const { says } = words.advice[kind];
    told.current.set(check, words.result(words.check[check].name, words.status[grade], says));
  }
  return (
    <div className="visually-hidden" role="log" aria-live="polite">
      {[...told.current].map(([check, line]) => (
        <p key={check}>{line}</p>
      ))}
      {state.phase === "done" && <p>{words.verdict[verdict(all)].title}</p>}
    </div>
  );
}
