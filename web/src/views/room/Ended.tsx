import { useEffect, useRef } from "react";
import { roomsHash } from "../../lib/route";
import type { EndReason } from "../../room/state";
import { text } from "../../text";
import { LeaveIcon, PowerIcon } from "../../ui/icons";

const words: Record<EndReason, { title: string; text: string; again: boolean }> = {
  "dismissed-by-me": { ...text.ended.dismissedByMe, again: false },
  dismissed: { ...text.ended.dismissed, again: false },
  removed: { ...text.ended.removed, again: true },
  replaced: { ...text.ended.replaced, again: true },
  "not-found": { ...text.ended.notFound, again: false },
};

interface EndedProps {
  reason: EndReason;
  /** Title of the room, empty when it was never loaded. */
  title: string;
  onAgain: () => void;
}

export function Ended({ reason, title, onAgain }: EndedProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const say = words[reason];
  return (
    <main className="notice-page" id="content" data-ended={reason}>
      <span className="notice-mark">
        {reason === "removed" || reason === "replaced" ? <LeaveIcon /> : <PowerIcon />}
      </span>
      {title !== "" && <p className="overline">{title}</p>}
      <h1 ref={heading} tabIndex={-1}>
        {say.title}
      </h1>
      <p>{say.text}</p>
      <div className="notice-actions">
        {say.again && (
          <button type="button" className="button" onClick={onAgain}>
            {text.ended.again}
          </button>
        )}
        <a className="button button-primary" href={roomsHash}>
          {text.ended.toRooms}
        </a>
      </div>
    </main>
  );
}
