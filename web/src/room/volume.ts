/** How loud everybody is for this listener, 0 to 1; kept in this browser. Whoever is not in it is at 1. */
export type Volumes = ReadonlyMap<string, number>;

const KEY = "stoa.volume";
/** People remembered, those set last. */
const MOST = 200;

export function readVolumes(stored: string | null): Volumes {
  try {
    const value: unknown = JSON.parse(stored ?? "[]");
    if (!Array.isArray(value)) return new Map();
    const entries = value.filter(
      (entry): entry is [string, number] =>
        Array.isArray(entry) &&
        typeof entry[0] === "string" &&
        typeof entry[1] === "number" &&
        entry[1] >= 0 &&
        entry[1] < 1,
    );
    return new Map(entries.slice(-MOST));
  } catch {
    return new Map();
  }
}

/** The one set now is the last one; full volume needs no entry. */
export function withVolume(volumes: Volumes, user: string, volume: number): Volumes {
  const next = new Map(volumes);
  next.delete(user);
  const held = Math.min(1, Math.max(0, volume));
  if (held < 1) next.set(user, held);
  return new Map([...next].slice(-MOST));
}

export function loadVolumes(): Volumes {
  try {
    return readVolumes(localStorage.getItem(KEY));
  } catch {
    return new Map();
  }
}

export function saveVolumes(volumes: Volumes): void {
  try {
    localStorage.setItem(KEY, JSON.stringify([...volumes]));
  } catch {
    // Holds for this stay only.
  }
}
