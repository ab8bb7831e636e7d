import type { EndReason } from "../../class/state";
import { useFocusOnMount } from "../../lib/hooks";
import { classesHash } from "../../lib/route";
import { words } from "../../text/class";
import { LeaveIcon, PowerIcon } from "../../ui/icons";

/** Where joining again may work at once. */
const AGAIN: readonly EndReason[] = [
  "removed",
  "replaced",
  "permit-gone",
  "no-permit",
  "has-assistant",
];

interface EndedProps {
  reason: EndReason;
  /** Of the class, empty when it was never loaded. */
  title: string;
  asStudent: boolean;
  onAgain: () => void;
}

export function Ended({ reason, title, asStudent, onAgain }: EndedProps) {
  const heading = useFocusOnMount<HTMLHeadingElement>();
  const say = words.ended[reason];
  return (
    <main className="notice-page" id="content" data-ended={reason}>
      <span className="notice-mark" aria-hidden="true">
        {reason === "over" || reason === "deleted" ? <PowerIcon /> : <LeaveIcon />}
      </span>
      {title !== "" && <p className="overline">{title}</p>}
      <h1 ref={heading} tabIndex={-1}>
        {say.title}
      </h1>
      <p>{say.text}</p>
      <div className="notice-actions">
        {AGAIN.includes(reason) && (
          <button type="button" className="button" onClick={onAgain}>
            {asStudent ? words.asStudent : words.again}
          </button>
        )}
        <a className="button button-primary" href={classesHash}>
          {words.allClasses}
        </a>
      </div>
    </main>
  );
}
