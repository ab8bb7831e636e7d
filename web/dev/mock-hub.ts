import { HubError, type HubHandlers, type HubLink, type HubOptions } from "../src/hub/port";

/** What was said before one came in. */
const SAID: [string, string][] = [
  ["Mina", "That bass line!"],
  ["Yusuf K", "Which pressing is this? It sounds so much warmer than the one I have at home."],
  ["Yusuf K", "Never mind, found it in the notice."],
  ["alice", "Blue Note, 1964. Next record in five minutes, requests are welcome."],
  ["Nadia", "More of this, please!"],
];
/** A message every so often would move the pictures; two minutes apart they look alike. */
const APART_MS = 120_000;

/** Stands in for the message hub while there is no server: a few comments, and everything comes back as an echo. */
export function openHub(options: HubOptions, handlers: HubHandlers): HubLink {
  return new MockHub(options, handlers);
}

interface Asked {
  type: number;
  data: string;
  messageId: string;
  mute: boolean;
  n: number;
}

class MockHub implements HubLink {
  private seqnum = SAID.length;
  private version = 1;
  private likes = 41;
  private muted = false;

  constructor(
    private readonly options: HubOptions,
    private readonly handlers: HubHandlers,
  ) {
    setTimeout(() => this.rejoin());
  }

  rejoin(): void {
    const statistics = { likeCount: this.likes };
    this.handlers.joined({ version: this.version, onlineCount: 0, role: "member", statistics });
    this.handlers.live();
  }

  close(): void {}

  async call(method: string, fields: object = {}): Promise<unknown> {
    const { type, data, messageId, mute, n } = fields as Asked;
    switch (method) {
      case "group.recent": {
        const now = Date.now();
        const messageList = SAID.map(([user, content], i) =>
          this.message(user, i + 1, JSON.stringify({ content }), now - (5 - i) * APART_MS),
        );
        return { messageList };
      }
      case "group.members":
        return { members: [] };
      case "group.send":
        this.seqnum += 1;
        this.tell({ ...this.message(this.options.name, this.seqnum, data), type });
        return {};
      case "group.delete":
        this.tell({ kind: "deleted", messageIds: [messageId] });
        return {};
      case "group.like":
        this.likes += n;
        this.tell({ kind: "stats", onlineCount: 0, likeCount: this.likes });
        return {};
      case "group.muteAll":
        this.muted = mute;
        this.tell({ kind: "mute", muteAll: this.muted });
        return {};
      default:
        throw new HubError(1403, "not allowed");
    }
  }

  private message(user: string, seqnum: number, data: string, timestamp = Date.now()) {
    const sender = { userId: user, userExtension: "" };
    return {
      kind: "message",
      messageId: `m${seqnum}`,
      seqnum,
      type: 21301,
      timestamp,
      sender,
      data,
    };
  }

  private tell(payload: object): void {
    this.version += 1;
    this.handlers.payload({ groupId: this.options.group, version: this.version, ...payload });
  }
}
