/**
 * Whether the user wants to be heard in a room, kept per tab so that a reload resumes as one was.
 * Null: never said anything there.
 */
export function loadMicWish(roomId: string): boolean | null {
  const value = sessionStorage.getItem(key(roomId));
  return value === null ? null : value === "on";
}

export function saveMicWish(roomId: string, wanted: boolean): void {
  sessionStorage.setItem(key(roomId), wanted ? "on" : "off");
}

function key(roomId: string): string {
  return `stoa.mic.${roomId}`;
}
