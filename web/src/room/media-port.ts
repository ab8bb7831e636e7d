import type { LiveHandlers, LivePort } from "../lib/live-port";
import type { Person } from "./state";

/** What the page needs of a live channel. One implementation speaks LiveKit, one is made up for screenshots. */
export interface MediaSession extends LivePort {
  /** Publishes, mutes or takes back the microphone; rejects when the device or the server says no. */
  setMicrophone(goal: "off" | "on" | "muted"): Promise<void>;
}

export interface MediaHandlers extends LiveHandlers {
  people(people: Person[]): void;
  /** The own microphone is published no longer, whoever decided so. */
  unpublished(): void;
}

export type OpenMedia = (
  url: string,
  token: string,
  handlers: MediaHandlers,
) => Promise<MediaSession>;
