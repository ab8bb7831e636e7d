import type { Person } from "./state";

/** What the page needs of a live channel. One implementation speaks LiveKit, one is made up for screenshots. */
export interface MediaSession {
  /** Publishes, mutes or takes back the microphone; rejects when the device or the server says no. */
  setMicrophone(goal: "off" | "on" | "muted"): Promise<void>;
  /** Starts playing after a browser blocked it; must run in a click. */
  startAudio(): Promise<void>;
  close(): Promise<void>;
}

export interface MediaHandlers {
  people(people: Person[]): void;
  permission(mayPublish: boolean): void;
  audioBlocked(blocked: boolean): void;
  /** The own microphone is published no longer, whoever decided so. */
  unpublished(): void;
  reconnecting(): void;
  live(): void;
  gone(reason: "dismissed" | "removed" | "replaced" | "lost"): void;
}

export type OpenMedia = (
  url: string,
  token: string,
  handlers: MediaHandlers,
) => Promise<MediaSession>;
