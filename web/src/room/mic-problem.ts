import type { MicProblem } from "./state";

/** What kept the microphone from opening, by the name of the browser's error. */
export function micProblem(error: unknown): MicProblem {
  if (!(error instanceof Error)) return "failed";
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}
