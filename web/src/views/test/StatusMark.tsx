import { AlertIcon, CheckIcon, CloseIcon } from "../../ui/icons";

type Status = "waiting" | "running" | "good" | "fair" | "bad" | "unknown";

/** The status as a picture; it is written beside it too. */
export function StatusMark({ status }: { status: Status }) {
  return (
    <span className="test-mark" data-status={status} aria-hidden="true">
      {status === "running" && <span className="spinner" />}
      {status === "good" && <CheckIcon />}
      {(status === "fair" || status === "unknown") && <AlertIcon />}
      {status === "bad" && <CloseIcon />}
    </span>
  );
}
