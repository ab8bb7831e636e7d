import type { Message } from "../hub/payload";

/** Numbers of the published client: a student asks for the stage and takes that back, the teacher answers. */
export const APPLY = 30010;
export const WITHDRAW = 30011;
export const ACCEPT = 30012;
export const DECLINE = 30013;
/** Of the numbers that are every application's own: a teacher's page that has just come asks whose hand is up. */
export const WHOSE = 50010;

/** What a message says of the queue: whose hand it is about, and what becomes of it. */
export interface HandSignal {
  user: string;
  type: "raise" | "lower" | "decline";
}

/** Null = the message is about something else. The server lets students speak for themselves, and the teacher for all. */
export function readHand({ type, user, data }: Message): HandSignal | null {
  const { studentId } = data;
  const student = typeof studentId === "string" && studentId !== "" ? studentId : null;
  switch (type) {
    case APPLY:
      return { user, type: "raise" };
    case WITHDRAW:
      return { user, type: "lower" };
    case ACCEPT:
      return student === null ? null : { user: student, type: "lower" };
    case DECLINE:
      return student === null ? null : { user: student, type: "decline" };
    default:
      return null;
  }
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
