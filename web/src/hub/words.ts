import { text } from "../text";
import type { HubError } from "./port";

/** What to tell the user about a refused call. */
export function hubFailureText(error: HubError): string {
  if (error.code < 1000) return error.code === 0 ? text.chat.unreachable : text.chat.failed;
  return new Map(Object.entries(text.chat.failure)).get(error.message) ?? text.chat.failed;
}
