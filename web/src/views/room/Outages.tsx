import { useEffect } from "react";
import { seconds, useNow, useSince } from "../../lib/since";
import { mySeat, type Outage, type RoomState } from "../../room/state";
import { text } from "../../text";
import { number, sentences } from "../../text/format";
import { AlertIcon, CheckIcon, CloseIcon } from "../../ui/icons";

/** A cut this short of the chat alone is healed before anybody has read about it. */
const WORTH_A_WORD_MS = 3_000;
/** How long the good news stays. */
const GOOD_NEWS_MS = 12_000;

interface OutagesProps {
  state: RoomState;
  onRetry: () => void;
  onSeen: () => void;
}

/** Since when what does not work, what is lost by it, and that it is over. */
export function Outages({ state, onRetry, onSeen }: OutagesProps) {
  const { link, outage, back, deafSince } = state;
  const never = useSince(link.kind === "lost" && outage === null);
  if (outage !== null) return <Away outage={outage} state={state} onRetry={onRetry} />;
  if (link.kind === "lost") {
    return (
      <Away outage={{ since: never ?? Date.now(), seat: 0 }} state={state} onRetry={onRetry} />
    );
  }
  return (
    <>
      {deafSince !== null && <ChatAway since={deafSince} />}
      {back !== null && <Back state={state} back={back} onSeen={onSeen} />}
    </>
  );
}

function Away({ outage, state, onRetry }: Omit<OutagesProps, "onSeen"> & { outage: Outage }) {
  const { link } = state;
  const now = useNow();
  const gone = number(seconds(outage.since, now));
  const next = link.kind === "lost" ? seconds(now, link.retryAt) : 0;
  const trying = link.kind === "reconnecting";
  return (
    <div className={trying ? "banner banner-warn" : "banner banner-danger"} data-outage={link.kind}>
      {link.kind === "lost" ? <AlertIcon /> : <span className="spinner" aria-hidden="true" />}
      {/* It counts: not for the live region. */}
      <span aria-live="off">
        {trying ? text.outage.reconnecting(gone) : text.outage.lost(gone, next)}
      </span>
      {link.kind === "lost" && (
        <button type="button" className="button" onClick={onRetry}>
          {text.link.retry}
        </button>
      )}
    </div>
  );
}

function ChatAway({ since }: { since: number }) {
  const now = useNow();
  if (now - since < WORTH_A_WORD_MS) return null;
  return (
    <div className="banner banner-warn" data-outage="chat">
      <span className="spinner" aria-hidden="true" />
      <span aria-live="off">{text.outage.chat(number(seconds(since, now)))}</span>
    </div>
  );
}

interface BackProps {
  state: RoomState;
  back: NonNullable<RoomState["back"]>;
  onSeen: () => void;
}

function Back({ state, back, onSeen }: BackProps) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the clock starts once for each return
  useEffect(() => {
    const timer = setTimeout(onSeen, GOOD_NEWS_MS);
    return () => clearTimeout(timer);
  }, [back]);
  const seat = mySeat(state) > 0 ? text.outage.seatKept : text.outage.seatGone;
  return (
    <div className="banner banner-good" data-outage="over">
      <CheckIcon />
      <span>
        {sentences([
          text.outage.back(number(seconds(back.since, back.until))),
          state.chat.link === "live" ? text.outage.missed : text.outage.behind,
          ...(back.seat > 0 ? [seat] : []),
        ])}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-label={text.outage.close}
        title={text.outage.close}
        onClick={onSeen}
      >
        <CloseIcon />
      </button>
    </div>
  );
}
