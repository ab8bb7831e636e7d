/** Why a live channel ended for this page. */
export type GoneReason = "dismissed" | "removed" | "replaced" | "lost";

/** What every page wants to hear of a live channel. */
export interface LiveHandlers {
  permission(mayPublish: boolean): void;
  audioBlocked(blocked: boolean): void;
  /** `since`: when the server fell silent, as far as that is known, epoch ms. */
  reconnecting(since: number): void;
  live(): void;
  gone(reason: GoneReason): void;
}

/** What every page does with one. */
export interface LivePort {
  /** Starts playing after a browser blocked it; must run in a click. */
  startAudio(): Promise<void>;
  close(): Promise<void>;
}
