import { useCallback, useEffect, useState } from "react";
import { type Asking, asking, choosing, PAGE_SIZE, resting, typing, within } from "./paging";
import { type Polled, usePoll } from "./poll";
import type { Page } from "./types";

/** Names are typed letter by letter: asked about when the typing rests this long. */
const REST_MS = 250;

export type Slice = { offset: number; limit: number };

interface List<Q, P> extends Polled<P>, Asking<Q> {
  /** Something was typed. */
  type: (change: Partial<Q>) => void;
  /** Something was chosen. */
  choose: (change: Partial<Q>) => void;
  onOffset: (offset: number) => void;
  /** The server was asked for less than everything. */
  filtered: boolean;
}

/**
 * A list of the console: what is searched for, the page that is shown, and the answer, asked again and again. `ask` has
 * to stay the same function from one rendering to the next.
 */
export function useList<Q extends object, P extends Page<unknown>>(
  first: Q,
  ask: (query: Q & Slice, stop: AbortSignal) => Promise<P>,
  everyMs: number,
): List<Q, P> {
  const [state, setState] = useState(() => asking(first));
  const { typed, asked, offset } = state;
  // biome-ignore lint/correctness/useExhaustiveDependencies: every letter begins the rest anew
  useEffect(() => {
    const timer = setTimeout(() => setState(resting), REST_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const load = useCallback(
    (stop: AbortSignal) => ask({ ...asked, offset, limit: PAGE_SIZE }, stop),
    [ask, asked, offset],
  );
  const polled = usePoll(load, everyMs);
  const total = polled.data?.total;
  useEffect(() => {
    if (total !== undefined) setState((before) => within(before, total));
  }, [total]);
  return {
    ...state,
    ...polled,
    type: (change) => setState((before) => typing(before, change)),
    choose: (change) => setState((before) => choosing(before, change)),
    onOffset: (next) => setState((before) => ({ ...before, offset: next })),
    filtered: Object.values(asked).some((value) => value !== ""),
  };
}
