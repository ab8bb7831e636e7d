import { RUNNING, type WireClass } from "../../api/classroom";
import { isPaused } from "../../class/state";
import { words } from "../../text/class";

export function StatusChip({ info }: { info: WireClass }) {
  return (
    <span className="class-status" data-running={info.status === RUNNING || undefined}>
      {isPaused(info) ? words.paused : words.status[info.status]}
    </span>
  );
}
