import type { Member, Microphone } from "./state";

/** What the page needs of a live channel. One implementation speaks LiveKit, one is made up for screenshots. */
export interface TalkMedia {
  /** Opens or mutes the microphone; rejects when the device or the server says no. */
  setMicrophone(open: boolean): Promise<void>;
  /** How loud somebody is played here, 0 to 1. */
  setVolume(user: string, volume: number): void;
  /** Starts playing after a browser blocked it; must run in a click. */
  startAudio(): Promise<void>;
  close(): Promise<void>;
}

export type GoneReason = "dismissed" | "removed" | "replaced" | "lost";

export interface TalkMediaHandlers {
  members(members: Member[]): void;
  /** What the engine has of the own microphone, whoever changed it. */
  microphone(state: Microphone): void;
  permission(mayPublish: boolean): void;
  audioBlocked(blocked: boolean): void;
  /** A data packet of the server itself. */
  packet(topic: string | undefined, payload: Uint8Array): void;
  reconnecting(): void;
  live(): void;
  gone(reason: GoneReason): void;
}

export type OpenTalkMedia = (
  url: string,
  token: string,
  handlers: TalkMediaHandlers,
) => Promise<TalkMedia>;
