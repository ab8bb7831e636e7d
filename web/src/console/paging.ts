/** What a list of the console is asked for. */
export interface Asking<Q> {
  /** As it stands in the fields. */
  typed: Q;
  /** As the server is asked: what was typed, once that has rested. */
  asked: Q;
  /** How many entries lie before the page that is shown. */
  offset: number;
}

export const PAGE_SIZE = 50;

export function asking<Q>(first: Q): Asking<Q> {
  return { typed: first, asked: first, offset: 0 };
}

/** A letter more in a field. The page that is shown stays until the typing rests. */
export function typing<Q>(state: Asking<Q>, change: Partial<Q>): Asking<Q> {
  return { ...state, typed: { ...state.typed, ...change } };
}

/** Chosen rather than typed: asked at once, with what is in the fields so far. */
export function choosing<Q>(state: Asking<Q>, change: Partial<Q>): Asking<Q> {
  return resting(typing(state, change));
}

/** The typing has rested. Another question begins with its first page, in the same step: neither is asked alone. */
export function resting<Q>(state: Asking<Q>): Asking<Q> {
  const { typed, asked } = state;
  const keys = Object.keys(typed as object) as (keyof Q)[];
  if (keys.every((key) => typed[key] === asked[key])) return state;
  return { typed, asked: typed, offset: 0 };
}

/** The page that is shown, when the list has become shorter than where it begins: the last one there is. */
export function within<Q>(state: Asking<Q>, total: number): Asking<Q> {
  if (state.offset === 0 || state.offset < total) return state;
  return { ...state, offset: Math.max(0, Math.ceil(total / PAGE_SIZE) - 1) * PAGE_SIZE };
}
