import type { TalkError } from "../../api/talk";
import { talkFailure } from "../../text/talk";

/** A refused or failed call: plain words, the server's own words small below. */
export function FailureWords({ failure }: { failure: TalkError }) {
  const { words, detail } = talkFailure(failure);
  return (
    <span className="failure-line">
      {words}
      {detail !== "" && <small>{detail}</small>}
    </span>
  );
}
