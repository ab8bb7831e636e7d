/** Where the page is. In the hash, so that a reload or a shared link comes back to the same room. */
export type Route =
  | { view: "rooms" }
  | { view: "room"; id: string }
  | { view: "talk" }
  /** Without a class: all of them. */
  | { view: "class"; id: string | null };

const ROOM = /^#\/room\/([0-9a-f]{32})$/;
const CLASS = /^#\/class\/([0-9a-f]{32})$/;

export function parseRoute(hash: string): Route {
  const lower = hash.toLowerCase();
  if (lower === talkHash) return { view: "talk" };
  if (lower === classesHash) return { view: "class", id: null };
  const lesson = CLASS.exec(lower)?.[1];
  if (lesson !== undefined) return { view: "class", id: lesson };
  const id = ROOM.exec(lower)?.[1];
  return id === undefined ? { view: "rooms" } : { view: "room", id };
}

export function roomHash(id: string): string {
  return `#/room/${id}`;
}

export function classHash(id: string): string {
  return `${classesHash}/${id}`;
}

export const roomsHash = "#/";
export const talkHash = "#/talk";
export const classesHash = "#/class";
