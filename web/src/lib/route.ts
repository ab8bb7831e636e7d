/** Where the page is. In the hash, so that a reload or a shared link comes back to the same room. */
export type Route =
  | { view: "rooms" }
  | { view: "room"; id: string }
  | { view: "talk" }
  /** Without a class: all of them. */
  | { view: "class"; id: string | null }
  /** The console of administrators; the path says which of its pages. */
  | { view: "console"; path: string[] }
  /** The connection test. */
  | { view: "test" };

/** An id as links carry it, or what is left of one: whether there is such a room only the server knows. */
const ROOM = /^#\/room\/([0-9a-z]{1,64})$/;
const CONSOLE = /^#\/console((?:\/[^/]*)*)$/;
const CLASS = /^#\/class\/([0-9a-z]{1,64})$/;

export function parseRoute(hash: string): Route {
  const lower = hash.toLowerCase();
  if (lower === testHash) return { view: "test" };
  const desk = CONSOLE.exec(hash)?.[1];
  if (desk !== undefined) return { view: "console", path: parts(desk) };
  if (lower === talkHash) return { view: "talk" };
  if (lower === classesHash) return { view: "class", id: null };
  const lesson = CLASS.exec(lower)?.[1];
  if (lesson !== undefined) return { view: "class", id: lesson };
  const id = ROOM.exec(lower)?.[1];
  return id === undefined ? { view: "rooms" } : { view: "room", id };
}

/** Segments of a path below the console; names of channels may contain anything, so they are encoded. */
function parts(path: string): string[] {
  try {
    return path
      .split("/")
      .filter((part) => part !== "")
      .map(decodeURIComponent);
  } catch {
    return [];
  }
}

export function consoleHash(...path: string[]): string {
  return ["#/console", ...path.map(encodeURIComponent)].join("/");
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
export const testHash = "#/test";
