import type { ConsoleError } from "../../console/api";
import { t } from "../../text/console";

/** A failed call: what it means, the server's own words, and the request for its log. */
export function FailureText({ failure }: { failure: ConsoleError }) {
  const said = failureWords(failure);
  // The server speaks English: beside another language it is the detail.
  const own = failure.detail !== "" && failure.detail !== said ? failure.detail : "";
  return (
    <span className="failure-line">
      {said}
      {own !== "" && <span className="failure-own">{own}</span>}
      {failure.requestId !== null && (
        <small>
          {t.requestId} <code>{failure.requestId}</code>
        </small>
      )}
    </span>
  );
}

export function failureWords({ status, code }: ConsoleError): string {
  const words: Record<string, string> = t.failure.codes;
  if (status === 0) return t.failure.unreachable;
  return words[code] ?? t.failure.status(status);
}

/** The same as a line of a page that goes on; empty when all is well. */
export function FailureBar({ failure }: { failure: ConsoleError | null }) {
  return (
    <div role="alert">
      {failure !== null && (
        <div className="banner banner-danger console-failure">
          <FailureText failure={failure} />
        </div>
      )}
    </div>
  );
}
