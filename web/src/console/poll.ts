import { useCallback, useEffect, useRef, useState } from "react";
import { useFatal } from "../lib/hooks";
import { ConsoleError } from "./api";

export interface Polled<T> {
  /** The newest answer; stays while the next is under way or failed. */
  data: T | null;
  failure: ConsoleError | null;
  /** An answer to the present question is still to come. */
  waiting: boolean;
  refresh: () => void;
}

/** After a refusal, which seldom goes away by itself, the next look waits at least this long. */
const AFTER_FAILURE_MS = 6_000;

/**
 * Asks at once, after every change of `load`, and again `everyMs` after each answer (null: only when told to). A hidden
 * tab asks nothing and catches up when it is shown.
 */
export function usePoll<T>(
  load: (stop: AbortSignal) => Promise<T>,
  everyMs: number | null,
): Polled<T> {
  const [data, setData] = useState<T | null>(null);
  const [failure, setFailure] = useState<ConsoleError | null>(null);
  const [waiting, setWaiting] = useState(true);
  const fatal = useFatal();
  const again = useRef(() => {});

  useEffect(() => {
    let stop = new AbortController();
    let timer: number | undefined;
    let due = true;
    let over = false;
    async function look() {
      clearTimeout(timer);
      stop.abort();
      const mine = new AbortController();
      stop = mine;
      due = document.visibilityState !== "visible";
      if (due) return;
      let wait = everyMs;
      try {
        const next = await load(mine.signal);
        if (mine.signal.aborted) return;
        setData(next);
        setFailure(null);
      } catch (error) {
        if (mine.signal.aborted) return;
        if (!(error instanceof ConsoleError)) return fatal(error);
        setFailure(error);
        if (wait !== null) wait = Math.max(wait, AFTER_FAILURE_MS);
      }
      setWaiting(false);
      if (wait !== null && !over) timer = window.setTimeout(ask, wait);
    }
    const ask = () => void look();
    const shown = () => {
      if (document.visibilityState === "visible") {
        if (due) ask();
        return;
      }
      clearTimeout(timer);
      // Asked again on return, if it is asked again and again at all.
      if (everyMs !== null) due = true;
    };
    again.current = () => {
      setWaiting(true);
      ask();
    };
    setWaiting(true);
    document.addEventListener("visibilitychange", shown);
    ask();
    return () => {
      over = true;
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [load, everyMs, fatal]);

  const refresh = useCallback(() => again.current(), []);
  return { data, failure, waiting, refresh };
}

/** The value once it has rested: names are typed letter by letter. */
export function useRested<T>(value: T, ms = 250): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return rested;
}
