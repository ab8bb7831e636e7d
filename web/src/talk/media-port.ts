import type { GoneReason, LiveHandlers, LivePort } from "../lib/live-port";
import type { Member, Microphone } from "./state";

export type { GoneReason };

/** What the page needs of a live channel. One implementation speaks LiveKit, one is made up for screenshots. */
export interface TalkMedia extends LivePort {
  /** Opens or mutes the microphone; rejects when the device or the server says no. */
  setMicrophone(open: boolean): Promise<void>;
  /** How loud somebody is played here, 0 to 1. */
  setVolume(user: string, volume: number): void;
}

export interface TalkMediaHandlers extends LiveHandlers {
  members(members: Member[]): void;
  /** What the engine has of the own microphone, whoever changed it. */
  microphone(state: Microphone): void;
  /** A data packet of the server itself. */
  packet(topic: string | undefined, payload: Uint8Array): void;
}

export type OpenTalkMedia = (
  url: string,
  token: string,
  handlers: TalkMediaHandlers,
) => Promise<TalkMedia>;
