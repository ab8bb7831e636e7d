import { useEffect } from "react";
import type { RoomState } from "../../room/state";
import { FailureLine } from "../../ui/Failure";

/** Long enough to read two lines and to note a request id. */
const VISIBLE_MS = 8_000;

export function Toast({ failure, onGone }: { failure: RoomState["failure"]; onGone: () => void }) {
  const id = failure?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new failure restarts the clock, a new callback must not
  useEffect(() => {
    if (id === undefined) return;
    const timer = setTimeout(onGone, VISIBLE_MS);
    return () => clearTimeout(timer);
  }, [id]);
  return (
    <div className="toasts" role="alert">
      {failure && (
        <div className="toast">
          <FailureLine failure={failure.error} />
        </div>
      )}
    </div>
  );
}
