import type { WireSeat } from "../api/client";

export const SEAT_COUNT = 8;

export interface Seat {
  index: number;
  /** Empty string: nobody sits here. */
  user: string;
  /** What to call the holder; the user id when the seat carries no nick. */
  name: string;
}

/** "This user sits on that seat (0 = none)", heard from the media engine at moment `at`. */
interface Hint {
  user: string;
  seat: number;
  at: number;
}

/**
 * The seats as known from two sources: lists the server answered with, and the participants'
 * `stoa.seat` attributes, which arrive sooner but without the nick.
 *
 * Moments are one monotonic clock of this page, in ms. A list is true for some moment between its
 * request and its answer, so it overrules hints older than the request, never newer ones.
 */
export interface SeatBoard {
  listed: readonly Seat[];
  /** Lists requested before this moment are older than what is shown and are ignored. */
  notBefore: number;
  hints: readonly Hint[];
}

export const emptyBoard: SeatBoard = { listed: freeSeats(), notBefore: 0, hints: [] };

function freeSeats(): Seat[] {
  return Array.from({ length: SEAT_COUNT }, (_, i) => ({ index: i + 1, user: "", name: "" }));
}

/**
 * Takes in a list of seats. `validFrom` is the moment from which only younger requests may overrule it:
 * the moment of the request for a read, of the answer for a change (the change happened before it).
 */
export function applyList(
  board: SeatBoard,
  members: readonly WireSeat[],
  requestedAt: number,
  validFrom: number = requestedAt,
): SeatBoard {
  if (requestedAt < board.notBefore) return board;
  return {
    listed: fromWire(members),
    notBefore: Math.max(board.notBefore, validFrom),
    hints: board.hints.filter((hint) => hint.at >= requestedAt),
  };
}

/** Takes in what the media engine says about one user. */
export function applyHint(board: SeatBoard, user: string, seat: number, at: number): SeatBoard {
  const others = board.hints.filter((hint) => hint.user !== user);
  return { ...board, hints: [...others, { user, seat, at }] };
}

/** The seats to show: the last list with the newer hints on top. Always eight, in order. */
export function currentSeats(board: SeatBoard): Seat[] {
  const seats = board.listed.map((seat) => ({ ...seat }));
  for (const hint of board.hints) {
    const known = seats.find((seat) => seat.user === hint.user);
    if (known && known.index === hint.seat) continue;
    const name = known?.name ?? hint.user;
    if (known) Object.assign(known, { user: "", name: "" });
    const target = seats.find((seat) => seat.index === hint.seat);
    if (target) Object.assign(target, { user: hint.user, name });
  }
  return seats;
}

export function seatOf(seats: readonly Seat[], user: string): number {
  return seats.find((seat) => seat.user === user)?.index ?? 0;
}

/** The value of a `stoa.seat` attribute; null when it is absent or not a seat number. */
export function seatAttribute(value: string | undefined): number | null {
  if (value === undefined || !/^[0-8]$/.test(value)) return null;
  return Number(value);
}

export type SeatChange =
  | { kind: "took"; user: string; name: string; seat: number }
  | { kind: "left"; user: string; name: string; seat: number };

/** What happened between two moments, leavers first. A move from seat to seat is a leave and a take. */
export function seatChanges(before: readonly Seat[], after: readonly Seat[]): SeatChange[] {
  const left: SeatChange[] = [];
  const took: SeatChange[] = [];
  for (const now of after) {
    const was = before.find((seat) => seat.index === now.index);
    if (was?.user === now.user) continue;
    if (was && was.user !== "") {
      left.push({ kind: "left", user: was.user, name: was.name, seat: was.index });
    }
    if (now.user !== "") {
      took.push({ kind: "took", user: now.user, name: now.name, seat: now.index });
    }
  }
  return [...left, ...took];
}

/** Reads a list as the server writes it; whatever is missing in it counts as free. */
export function fromWire(members: readonly WireSeat[]): Seat[] {
  const seats = freeSeats();
  for (const member of members) {
    const seat = seats.find((candidate) => candidate.index === member.index);
    if (!seat || !member.joined) continue;
    seat.user = member.user_id;
    seat.name = nickOf(member.extends) ?? member.user_id;
  }
  return seats;
}

/** The seats inside a room object, where they are text. Unreadable text counts as eight free seats. */
export function fromMeetingInfo(text: string): Seat[] {
  try {
    const info: unknown = JSON.parse(text);
    if (isMembers(info)) return fromWire(info.members);
  } catch {
    // A list of rooms must not fail because of one of them.
  }
  return freeSeats();
}

function isMembers(value: unknown): value is { members: WireSeat[] } {
  return (
    typeof value === "object" &&
    value !== null &&
    "members" in value &&
    Array.isArray(value.members)
  );
}

function nickOf(text: string | null | undefined): string | null {
  if (!text) return null;
  try {
    const profile: unknown = JSON.parse(text);
    if (
      typeof profile === "object" &&
      profile !== null &&
      "user_nick" in profile &&
      typeof profile.user_nick === "string" &&
      profile.user_nick.trim() !== ""
    ) {
      return profile.user_nick;
    }
  } catch {
    // Other apps may put anything here: fall back to the user id.
  }
  return null;
}
