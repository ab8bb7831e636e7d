import type { MediaHandlers, MediaSession, OpenMedia } from "../src/room/media-port";
import type { Person } from "../src/room/state";

/** Between two looks at the made-up channel; about the pace of real speaker updates. */
const LOOK_MS = 300;

interface Look {
  link: "live" | "reconnecting" | "lost" | "blocked" | "connecting" | "removed" | "dismissed";
  mayPublish: boolean;
  people: Person[];
}

/** Stands in for the live channel while there is no server: people and levels come from `mock.mjs`. */
export const openMedia: OpenMedia = async (_url, token, handlers) => {
  const session = new MockSession(token, handlers);
  await session.look();
  return session;
};

class MockSession implements MediaSession {
  private readonly room: string;
  private readonly user: string;
  private microphone = false;
  private closed = false;
  private shown = "live";

  constructor(
    token: string,
    private readonly handlers: MediaHandlers,
  ) {
    const [room = "", user = ""] = token.split("/");
    this.room = room;
    this.user = user;
  }

  async setMicrophone(goal: "off" | "on" | "muted"): Promise<void> {
    this.microphone = goal === "on";
    await this.ask(false);
  }

  setVolume(): void {}

  async switchDevice(): Promise<void> {}

  async startAudio(): Promise<void> {
    this.handlers.audioBlocked(false);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.ask(true);
  }

  async look(): Promise<void> {
    if (this.closed) return;
    const look = await this.ask(false);
    if (look.link === "connecting") await new Promise<never>(() => {});
    if (look.link === "lost") throw new Error("mock: no connection");
    this.handlers.people(look.people);
    this.handlers.permission(look.mayPublish);
    if (look.link !== this.shown) this.report(look.link);
    this.shown = look.link;
    setTimeout(() => this.look().catch(() => this.handlers.gone("lost")), LOOK_MS);
  }

  private report(link: Look["link"]): void {
    if (link === "reconnecting") this.handlers.reconnecting(Date.now());
    else if (link === "live") this.handlers.live();
    else if (link === "blocked") this.handlers.audioBlocked(true);
    else if (link === "removed" || link === "dismissed") {
      this.closed = true;
      this.handlers.gone(link);
    }
  }

  private async ask(gone: boolean): Promise<Look> {
    const response = await fetch("/mock/live", {
      method: "POST",
      body: JSON.stringify({ room: this.room, user: this.user, mic: this.microphone, gone }),
    });
    return response.json();
  }
}
