import { type GroupEvent, type Message, readMembers, readMessages, readPayload } from "./payload";
import { HubError, type HubLink } from "./port";
import { emptyGroup, enlist, enter, type GroupView, recall, take } from "./state";

export interface GroupOptions {
  me: string;
  group: string;
  /** Number of a comment in this kind of group. */
  comment: number;
  token(): Promise<string>;
}

export interface GroupListener {
  changed(view: GroupView): void;
  /** Something new happened; told once, and already in the view. */
  event(event: GroupEvent): void;
  /** Inside, or inside again after something was missed: the rest of the state is to be loaded by other calls. */
  reload(): void;
  /** Not let in, or put out. */
  out(error: HubError): void;
  ended(reason: "replaced" | "signed-out"): void;
  /** Nothing is heard, and so again until something is: what is shown may be out of date. */
  deaf(): void;
}

/** Members listed by name; above, the server tells only how many there are. */
const LISTED = 500;
const PAGE = 100;
/** Comments shown to somebody who just came. */
const RECENT = 100;
/** Before a list that does not add up is loaded anew: an event may be on its way that explains it. */
const REPAIR_MS = 3_000;
/** Reads are tried so often, with so much more time between each. */
const TRIES = 3;
const TRY_AGAIN_MS = 400;
/** A short cut is not worth a word. */
const DEAF_MS = 6_000;
/** Between two such words while it lasts, as behind a proxy that lets no such connection through. */
const STILL_DEAF_MS = 15_000;
/** Likes given in quick succession are one call. */
const LIKES_MS = 400;
/** The most likes that one call takes. */
const LIKES = 50;

/** One user's part in one group: its view, kept by the hub's events, and what the user does there. */
export class GroupSession {
  private view: GroupView;
  private link: HubLink | null = null;
  private closed = false;
  private repair: number | undefined;
  private deaf: number | undefined;
  private liking: number | undefined;
  private likes = 0;
  /** Comments and members are to be loaded, as soon as both channels are heard: only members may ask. */
  private behind = false;

  constructor(
    private readonly options: GroupOptions,
    private readonly listener: GroupListener,
  ) {
    this.view = emptyGroup(options.me, options.group);
  }

  /** The client of the hub is loaded here, with the first room. */
  async open(): Promise<void> {
    const { openHub } = await import("#hub");
    if (this.closed) return;
    this.watch();
    const { group, me, token } = this.options;
    this.link = openHub(
      { group, name: me, token },
      {
        joined: (answer) => this.joined(answer),
        payload: (payload) => this.payload(payload),
        live: () => this.connected(),
        lost: () => this.lost(),
        out: (error) => !this.closed && this.listener.out(error),
        ended: (reason) => !this.closed && this.listener.ended(reason),
      },
    );
  }

  rejoin(): void {
    this.link?.rejoin();
  }

  close(leave: boolean): void {
    this.closed = true;
    for (const timer of [this.repair, this.deaf, this.liking]) clearTimeout(timer);
    this.link?.close(leave);
    this.link = null;
  }

  /** Shown when it comes back: everybody sees the same comments in the same order. */
  async say(content: string): Promise<void> {
    const data = JSON.stringify({ content, sid: newRid() });
    await this.change("group.send", { type: this.options.comment, data });
  }

  /** A message that is no comment. */
  async signal(type: number, fields: object): Promise<void> {
    const data = JSON.stringify({ ...fields, sid: newRid() });
    await this.change("group.send", { type, data });
  }

  async remove(messageId: string): Promise<void> {
    await this.change("group.delete", { messageId });
  }

  async muteAll(mute: boolean): Promise<void> {
    await this.change("group.muteAll", { mute });
  }

  async muteUser(user: string, mute: boolean): Promise<void> {
    await this.change("group.muteUser", { users: [user], mute });
  }

  /** Out of the group, and of everything that belongs to it. */
  async kick(user: string): Promise<void> {
    await this.change("group.kick", { userId: user });
  }

  /** For one member alone. The wrapper names the group: that is how the published clients read it. */
  async signalTo(user: string, type: number, fields: object): Promise<void> {
    const inner = JSON.stringify({ type, ...fields });
    const data = JSON.stringify({ data: inner, groupId: this.options.group });
    await this.change("group.sendTo", { receiverId: user, type, data });
  }

  like(): void {
    this.likes = Math.min(this.likes + 1, LIKES);
    if (this.liking !== undefined) return;
    this.liking = window.setTimeout(() => {
      const n = this.likes;
      this.likes = 0;
      this.liking = undefined;
      // A lost like is nobody's loss.
      void this.change("group.like", { n }).catch(() => undefined);
    }, LIKES_MS);
  }

  /** A change whose answer was lost is asked again under the same `rid`: it happens once. */
  private async change(method: string, fields: object): Promise<unknown> {
    const call = { ...fields, rid: newRid() };
    try {
      return await this.call(method, call);
    } catch (error) {
      if (!(error instanceof HubError) || error.code !== 0) throw error;
      return await this.call(method, call);
    }
  }

  private async call(method: string, fields: object): Promise<unknown> {
    if (this.link === null) throw new HubError(0, "not connected");
    return this.link.call(method, fields);
  }

  private show(view: GroupView): void {
    if (this.closed || view === this.view) return;
    this.view = view;
    this.listener.changed(view);
  }

  private joined(answer: unknown): void {
    this.show(enter(this.view, answer));
    this.behind = true;
    if (!this.closed) this.listener.reload();
  }

  private connected(): void {
    clearTimeout(this.deaf);
    this.deaf = undefined;
    this.show({ ...this.view, link: "live" });
    if (!this.behind) return;
    this.behind = false;
    void this.recall();
    void this.enlist();
  }

  private lost(): void {
    if (this.view.link === "live") this.show({ ...this.view, link: "lost" });
    this.watch();
  }

  private watch(): void {
    // Every attempt to connect says that it is lost: the first one counts.
    if (this.closed || this.deaf !== undefined) return;
    const again = () => {
      this.deaf = window.setTimeout(again, STILL_DEAF_MS);
      this.listener.deaf();
    };
    this.deaf = window.setTimeout(again, DEAF_MS);
  }

  private payload(payload: unknown): void {
    for (const event of readPayload(payload)) {
      if (this.closed) return;
      const next = take(this.view, event);
      if (next === this.view) continue;
      this.show(next);
      this.listener.event(event);
      if (event.kind === "members" || event.kind === "stats") this.check();
    }
  }

  private async recall(): Promise<void> {
    const { comment } = this.options;
    const messages = await this.ask("group.recent", { types: [comment], limit: RECENT });
    if (messages === null) return;
    // These have no group in them; they are of the one that was asked.
    const own = (message: Message) => ({ ...message, group: this.view.group });
    this.show(recall(this.view, readMessages(messages).map(own)));
  }

  private async enlist(): Promise<void> {
    const all = [];
    for (let cursor: string | null = null; ; ) {
      const next: object = cursor === null ? {} : { cursor };
      const answer = await this.ask("group.members", { limit: PAGE, ...next });
      if (answer === null) return;
      const page = readMembers(answer);
      all.push(...page.members);
      cursor = page.cursor;
      if (cursor === null || all.length >= LISTED) break;
    }
    this.show(enlist(this.view, all));
  }

  /** Whoever came and went between two events is in a list and in no event. */
  private check(): void {
    clearTimeout(this.repair);
    const { members, total } = this.view;
    if (members.size === total || total > LISTED) return;
    this.repair = window.setTimeout(() => {
      if (this.view.members.size !== this.view.total) void this.enlist();
    }, REPAIR_MS);
  }

  /** Null = refused or lost; whatever it would have told comes with the next events, or is asked after the next join. */
  private async ask(method: string, fields: object): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.call(method, fields);
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        // The server may take a moment to count a fresh subscription as a member.
        if (tries === TRIES || this.closed) return null;
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS * tries));
      }
    }
  }
}

/** `randomUUID` is absent outside secure contexts. */
export function newRid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
