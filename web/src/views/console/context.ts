import { createContext, useContext, useState } from "react";
import { type ConsoleApi, ConsoleError } from "../../console/api";
import type { Me } from "../../console/types";
import { useFatal } from "../../lib/hooks";

export interface Desk {
  api: ConsoleApi;
  me: Me;
  /** The login token, for the explorer. */
  token: string;
  /** Says for some seconds what was done. */
  say: (words: string) => void;
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("outside of the console");
  return desk;
}

/**
 * Runs something that may be refused; answers whether it was done. What was done is said on the page, or kept in `done`
 * for a dialog that stays open: it lies above everything else.
 */
export function useAct(where: "page" | "dialog" = "page") {
  const { say } = useDesk();
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState("");
  const [failure, setFailure] = useState<ConsoleError | null>(null);
  const fatal = useFatal();
  async function run(act: () => Promise<unknown>, words: string): Promise<boolean> {
    setBusy(true);
    setFailure(null);
    setDone("");
    try {
      await act();
      if (where === "page") say(words);
      else setDone(words);
      return true;
    } catch (error) {
      if (error instanceof ConsoleError) setFailure(error);
      else fatal(error);
      return false;
    } finally {
      setBusy(false);
    }
  }
  return { busy, failure, done, run };
}
