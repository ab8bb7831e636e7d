import { useState } from "react";
import { TalkError } from "../api/talk";
import { useFatal } from "../lib/hooks";

export type Outcome = { done: string } | { failure: TalkError };

/** Runs one command at a time and keeps what came of it: the words for a success, or the refusal. */
export function useAction(onSettled?: () => void) {
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const fatal = useFatal();

  async function run(action: () => Promise<string>): Promise<void> {
    if (busy) return;
    setBusy(true);
    setOutcome(null);
    try {
      setOutcome({ done: await action() });
    } catch (error) {
      if (error instanceof TalkError) setOutcome({ failure: error });
      else fatal(error);
    } finally {
      setBusy(false);
      onSettled?.();
    }
  }

  return { busy, outcome, run };
}
