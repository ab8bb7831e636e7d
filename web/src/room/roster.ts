import { everybody, type Person, type RoomState } from "./state";

/** Somebody in the room, as the list of people shows them. */
export interface RosterEntry {
  user: string;
  name: string;
  owner: boolean;
  /** 0: none. */
  seat: number;
  me: boolean;
  /** Null: holds a seat and is not here right now. */
  person: Person | null;
}

/** Everybody in the room: the owner first, then the seats in order, then who listens by name. */
export function roster(state: RoomState): RosterEntry[] {
  const people = new Map(everybody(state).map((person) => [person.user, person]));
  const seats = new Map(
    state.seats.filter(({ user }) => user !== "").map((seat) => [seat.user, seat]),
  );
  const users = new Set([...people.keys(), ...seats.keys()]);
  return [...users].map((user) => entryOf(state, user, people.get(user) ?? null)).sort(order);
}

export function entryOf(state: RoomState, user: string, person: Person | null): RosterEntry {
  const seat = state.seats.find((one) => one.user === user);
  const owner = state.room?.anchor_id === user;
  const nick = owner && state.room ? state.room.anchor_nick : "";
  return {
    user,
    name: state.chat.members.get(user) ?? seat?.name ?? (nick === "" ? user : nick),
    owner,
    seat: seat?.index ?? 0,
    me: user === state.me,
    person,
  };
}

function order(a: RosterEntry, b: RosterEntry): number {
  if (a.owner !== b.owner) return a.owner ? -1 : 1;
  const seats = (a.seat || Number.MAX_SAFE_INTEGER) - (b.seat || Number.MAX_SAFE_INTEGER);
  return seats !== 0 ? seats : a.name.localeCompare(b.name) || a.user.localeCompare(b.user);
}

/** Whose name or id contains all the words. */
export function searchRoster(entries: readonly RosterEntry[], query: string): RosterEntry[] {
  const words = plain(query)
    .split(/\s+/u)
    .filter((word) => word !== "");
  return entries.filter(({ name, user }) => {
    const text = plain(`${name} ${user}`);
    return words.every((word) => text.includes(word));
  });
}

/** As people type it: no difference between cases, widths and accents. */
export function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
