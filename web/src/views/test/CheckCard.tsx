import type { ReactNode } from "react";
import type { Advice } from "../../test-connection/advice";
import type { CheckId } from "../../test-connection/findings";
import { factsOf } from "../../test-connection/report";
import type { TestState } from "../../test-connection/run";
import { words } from "../../text/test";
import { MicrophoneChoice } from "./MicrophoneChoice";
import { OwnVoice } from "./OwnVoice";
import { Preview } from "./Preview";
import { StatusMark } from "./StatusMark";
import { VoiceMeter } from "./VoiceMeter";

interface CheckCardProps {
  check: CheckId;
  state: TestState;
  /** Null: not known yet. */
  advice: Advice | null;
  onMicrophone: (id: string) => void;
}

/** One check: what it is, how it went, what to do, and what it looks or sounds like. */
export function CheckCard({ check, state, advice, onMicrophone }: CheckCardProps) {
  const running = state.current === check;
  const status = running ? "running" : (advice?.grade ?? "waiting");
  const { name, what } = words.check[check];
  const said = running || advice === null ? null : words.advice[advice.kind];
  const facts = running ? [] : factsOf(check, state.findings, words);
  return (
    <li className="panel test-check" data-check={check} data-status={status}>
      <StatusMark status={status} />
      <div className="test-check-body">
        <h2>
          {name}
          <span className="test-status">{words.status[status]}</span>
        </h2>
        <p className="test-what">{what}</p>
        {said !== null && <p className="test-says">{said.says}</p>}
        {said !== null && said.do !== "" && <p className="test-do">{said.do}</p>}
        {facts.length > 0 && <p className="test-facts">{facts.join(" · ")}</p>}
        {check === "microphone" && state.phase !== "idle" && (
          <MicrophoneChoice onChoose={onMicrophone} />
        )}
        {media(check, state, running)}
      </div>
    </li>
  );
}

function media(check: CheckId, state: TestState, running: boolean): ReactNode {
  if (check === "microphone" && state.microphone !== null && state.meter !== null) {
    return (
      <>
        {running && <p className="test-says">{words.speak}</p>}
        <VoiceMeter meter={state.meter} />
        {state.phase === "done" && <OwnVoice stream={state.microphone} />}
      </>
    );
  }
  if (check === "camera" && state.camera !== null) return <Preview stream={state.camera} />;
  return null;
}
