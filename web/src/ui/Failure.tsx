import { ApiError } from "../api/error";
import type { SeatRefusal } from "../room/state";
import { text } from "../text";
import { failureText } from "../text/failure";

/** A refused or failed call, in words, with the request id small beside it. */
export function FailureLine({
  failure,
  words = failureText(failure),
}: {
  failure: ApiError | SeatRefusal;
  words?: string;
}) {
  const requestId = failure instanceof ApiError ? failure.requestId : null;
  return (
    <span className="failure-line">
      {words}
      {requestId !== null && <small>{text.failure.requestId(requestId)}</small>}
    </span>
  );
}
