import type { ApiError } from "../api/error";
import type { SeatRefusal } from "../room/state";
import { text } from "./index";

/** What to tell the user about a failed call. */
export function failureText(failure: ApiError | SeatRefusal): string {
  if (typeof failure === "string") return text.failure[failure];
  switch (failure.kind) {
    case "bad-input":
      return text.failure["bad-input"](failure.detail === "" ? "?" : failure.detail);
    case "throttled":
      return text.failure.throttled(failure.retryAfterSeconds);
    default:
      return text.failure[failure.kind];
  }
}

/** The same, where a refused token means a refused password. */
export function loginFailureText(failure: ApiError): string {
  return failure.kind === "signed-out" ? text.failure.credentials : failureText(failure);
}
