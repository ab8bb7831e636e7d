import type { OpenTalkMedia, TalkMedia, TalkMediaHandlers } from "../src/talk/media-port";
import type { Member } from "../src/talk/state";

/** Between two looks at the made-up channel; about the pace of real speaker updates. */
const LOOK_MS = 300;

interface Look {
  gone: "removed" | "dismissed" | null;
  mayPublish: boolean;
  mic: boolean;
  next: number;
  packets: { topic: string; body: unknown }[];
  members: Member[];
}

/** Stands in for the live channel while there is no server: people and notices come from `mock-talk.mjs`. */
export const openTalkMedia: OpenTalkMedia = async (_url, token, handlers) => {
  const [channel = "", user = "", identity = 1]: [string?, string?, number?] = JSON.parse(token);
  const { session } = await post<{ session: string }>("/mock/talk/session", {});
  const media = new MockTalk({ channel, user, identity, session }, handlers);
  await media.look();
  return media;
};

class MockTalk implements TalkMedia {
  private mic = false;
  private published = false;
  private since = 0;
  private closed = false;

  constructor(
    private readonly who: { channel: string; user: string; identity: number; session: string },
    private readonly handlers: TalkMediaHandlers,
  ) {}

  async setMicrophone(open: boolean): Promise<void> {
    this.mic = open;
    this.published ||= open;
  }

  setVolume(): void {}

  async startAudio(): Promise<void> {
    this.handlers.audioBlocked(false);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await post("/mock/talk/leave", this.who);
  }

  async look(): Promise<void> {
    if (this.closed) return;
    const { mic, since } = this;
    const look = await post<Look>("/mock/talk/live", { ...this.who, mic, since });
    const { handlers } = this;
    this.since = look.next;
    for (const { topic, body } of look.packets) {
      handlers.packet(topic, new TextEncoder().encode(JSON.stringify(body)));
    }
    handlers.members(look.members);
    handlers.permission(look.mayPublish);
    if (mic && !look.mic) this.mic = false;
    handlers.microphone(look.mic ? "on" : this.published ? "muted" : "off");
    if (look.gone !== null) {
      this.closed = true;
      return handlers.gone(look.gone);
    }
    setTimeout(() => this.look().catch(() => handlers.gone("lost")), LOOK_MS);
  }
}

async function post<T>(path: string, body: object): Promise<T> {
  const response = await fetch(path, { method: "POST", body: JSON.stringify(body) });
  return response.json();
}
