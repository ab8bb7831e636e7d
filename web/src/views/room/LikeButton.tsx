import { useEffect, useState } from "react";
import type { GroupView } from "../../hub/state";
import { text } from "../../text";
import { shortNumber } from "../../text/format";
import { Hearts } from "../../ui/Hearts";
import { HeartIcon } from "../../ui/icons";

/** After this the server's number counts again, also when likes got lost on the way. */
const BELIEVED_MS = 4_000;

/** Counts at once; the calls go out together, and the server's number follows. */
export function LikeButton({ view, onLike }: { view: GroupView; onLike: () => void }) {
  const [own, setOwn] = useState(0);
  const count = Math.max(view.likes, own);
  useEffect(() => {
    if (own === 0) return;
    const timer = setTimeout(() => setOwn(0), BELIEVED_MS);
    return () => clearTimeout(timer);
  }, [own]);
  return (
    <button
      type="button"
      className="dock-button dock-like"
      aria-label={`${text.chat.like}. ${text.chat.likes(count)}`}
      disabled={view.link !== "live"}
      onClick={() => {
        // Clicks that come faster than the page is drawn count each.
        setOwn((before) => Math.max(view.likes, before) + 1);
        onLike();
      }}
    >
      <span className="dock-icon">
        <HeartIcon />
        <Hearts count={view.link === "connecting" ? null : count} />
      </span>
      <span aria-hidden="true" data-likes={count}>
        {count === 0 ? text.dock.like : shortNumber(count)}
      </span>
    </button>
  );
}
