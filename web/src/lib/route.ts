/** Where the page is. In the hash, so that a reload or a shared link comes back to the same room. */
export type Route = { view: "rooms" } | { view: "room"; id: string } | { view: "talk" };

const ROOM = /^#\/room\/([0-9a-f]{32})$/;

export function parseRoute(hash: string): Route {
  if (hash.toLowerCase() === talkHash) return { view: "talk" };
  const id = ROOM.exec(hash.toLowerCase())?.[1];
  return id === undefined ? { view: "rooms" } : { view: "room", id };
}

export function roomHash(id: string): string {
  return `#/room/${id}`;
}

export const roomsHash = "#/";
export const talkHash = "#/talk";
