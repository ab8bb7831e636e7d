import type { CheckIn } from "../api/classroom";

/** A check-in on this device's clock. */
export interface RunningCheckIn {
  id: string;
  /** Seconds. */
  duration: number;
  /** Epoch ms. */
  endsAt: number;
}

/** The server's clock may be hours away from this one's: only the span until the end is taken from it. */
export function onThisClock(checkIn: CheckIn, now: number): RunningCheckIn {
  const { id, duration } = checkIn;
  const passed = wallClock(checkIn.now_time) - wallClock(checkIn.start_time);
  return { id, duration, endsAt: now + duration * 1_000 - passed };
}

/** Any zone will do as long as it is the same for both. */
function wallClock(text: string): number {
  return Date.parse(`${text}Z`);
}

/** The same check-in is kept as it is: looking again must not make its end jump. */
export function sameOr(
  before: RunningCheckIn | null,
  next: RunningCheckIn | null,
): RunningCheckIn | null {
  return before !== null && next !== null && before.id === next.id ? before : next;
}
