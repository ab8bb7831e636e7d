/** Raised hands go from page to page over the live channel. Topics that begin with `stoa.` are the server's alone. */
export const HAND_TOPIC = "class.hand";

export type HandSignal =
  /** From whoever wants to speak, to everybody. */
  | { type: "raise" }
  | { type: "lower" }
  /** From the teacher, to one student. */
  | { type: "decline" };

/** Longer ones are nobody's signal. */
const MAX_BYTES = 200;

export function encodeHand(signal: HandSignal): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(signal));
}

export function decodeHand(payload: Uint8Array): HandSignal | null {
  if (payload.byteLength > MAX_BYTES) return null;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  const { type } = value;
  return type === "raise" || type === "lower" || type === "decline" ? { type } : null;
}

/** The queue, first come first: raising twice keeps the place. */
export function raise(hands: readonly string[], user: string): readonly string[] {
  return hands.includes(user) ? hands : [...hands, user];
}

export function lower(hands: readonly string[], user: string): readonly string[] {
  return hands.includes(user) ? hands.filter((hand) => hand !== user) : hands;
}

/** Without those who are gone or whose wish is fulfilled. */
export function keepHands(
  hands: readonly string[],
  keep: (user: string) => boolean,
): readonly string[] {
  return hands.every(keep) ? hands : hands.filter(keep);
}
