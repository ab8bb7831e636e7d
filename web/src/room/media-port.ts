import type { DeviceKind } from "../lib/devices";
import type { LiveHandlers, LivePort } from "../lib/live-port";
import type { Person } from "./state";

/** What the page needs of a live channel. One implementation speaks LiveKit, one is made up for screenshots. */
export interface MediaSession extends LivePort {
  /** Publishes, mutes or takes back the microphone; rejects when the device or the server says no. */
  setMicrophone(goal: "off" | "on" | "muted"): Promise<void>;
  /** How loud somebody is for this listener, 0 to 1; also for tracks that come later. */
  setVolume(user: string, volume: number): void;
  /** Takes another device at once, also in the middle of a sentence. */
  switchDevice(kind: DeviceKind, id: string): Promise<void>;
}

export interface MediaHandlers extends LiveHandlers {
  people(people: Person[]): void;
  /** The own microphone is published no longer, whoever decided so. */
  unpublished(): void;
}

/** What is to hold from the first moment on. */
export interface MediaWishes {
  /** Ids of devices; empty: as the browser has it. */
  devices: Readonly<Record<DeviceKind, string>>;
  volumeOf(user: string): number;
}

export type OpenMedia = (
  url: string,
  token: string,
  handlers: MediaHandlers,
  wishes: MediaWishes,
) => Promise<MediaSession>;
