import type { StageEntry } from "../api/classroom";

/**
 * The list of who may publish, as the server reads it: whoever is newly named enters the stage, whoever is not named any
 * more leaves it. So every change must send everybody else on, with what other clients keep in the entries.
 */
export function putOnStage(
  members: readonly StageEntry[],
  user: string,
  name: string,
): StageEntry[] {
  if (isOnStage(members, user)) return [...members];
  const entry = { user_id: user, user_nick: name, camera_opened: false, mic_opened: false };
  return [...members, entry];
}

export function takeOffStage(members: readonly StageEntry[], user: string): StageEntry[] {
  return members.filter((entry) => entry.user_id !== user);
}

export function isOnStage(members: readonly StageEntry[], user: string): boolean {
  return members.some((entry) => entry.user_id === user);
}

/** The same list with one microphone switched, for pages that come later. */
export function withMic(
  members: readonly StageEntry[],
  user: string,
  allowed: boolean,
): StageEntry[] {
  return members.map((entry) => {
    return entry.user_id === user ? { ...entry, mic_allowed: allowed } : entry;
  });
}

/** Whether nobody on stage may be heard. */
export function readAllMuted(meetingInfo: string): boolean {
  try {
    const value: unknown = JSON.parse(meetingInfo);
    return (
      typeof value === "object" && value !== null && "all_mute" in value && value.all_mute === true
    );
  } catch {
    return false;
  }
}

/** The stage of a class as `get` shows it; what cannot be read is an empty stage. */
export function readStage(meetingInfo: string): StageEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(meetingInfo);
  } catch {
    return [];
  }
  if (typeof value !== "object" || value === null || !("members" in value)) return [];
  return Array.isArray(value.members) ? value.members.filter(isEntry) : [];
}

function isEntry(value: unknown): value is StageEntry {
  return (
    typeof value === "object" &&
    value !== null &&
    "user_id" in value &&
    typeof value.user_id === "string"
  );
}
