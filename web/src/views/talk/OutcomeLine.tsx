import type { Outcome } from "../../talk/use-action";
import { FailureWords } from "./FailureWords";

/** What came of the last command, where it was given. */
export function OutcomeLine({ outcome }: { outcome: Outcome | null }) {
  return (
    <div className="talk-outcome" role="status">
      {outcome !== null &&
        ("done" in outcome ? (
          <span className="talk-done">{outcome.done}</span>
        ) : (
          <span className="talk-failed">
            <FailureWords failure={outcome.failure} />
          </span>
        ))}
    </div>
  );
}
