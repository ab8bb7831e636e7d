import { Centrifuge, type Subscription, UnauthorizedError } from "centrifuge";
import { ApiError } from "../api/error";
import { isFields } from "./payload";
import { HubError, type HubHandlers, type HubLink, type HubOptions, type OpenHub } from "./port";

/** After something was missed everybody loads anew: not all in the same moment. */
const REJOIN_WITHIN_MS = 3_000;
/** Between attempts to join a group whose server cannot answer. */
const RETRY_MS = 2_000;
/** After the server ended the connection for a reason that may pass. */
const RESUME_MS = 10_000;

/** Close codes of ours (the server's guide calls them final). */
const SIGNED_OUT = [4501, 4502, 4503];
const REPLACED = 4504;
/** A client that closed the connection itself. */
const OWN_CLOSE = 0;
/** The hub's own refusals, as opposed to faults that may pass. */
const REFUSALS = 1400;

/** Connects to the hub that serves this page: nothing from anywhere else is allowed here. */
export const openHub: OpenHub = (options, handlers) => new Link(options, handlers);

class Link implements HubLink {
  private readonly client: Centrifuge;
  private readonly channels = new Map<string, Subscription>();
  private timer: number | undefined;
  private joined = false;
  private joining = false;
  private closed = false;

  constructor(
    private readonly options: HubOptions,
    private readonly handlers: HubHandlers,
  ) {
    const url = new URL("/connection/websocket", location.origin.replace(/^http/, "ws"));
    this.client = new Centrifuge(url.href, { getToken: () => this.token(), name: "page" });
    this.client
      .on("connected", () => this.connected())
      .on("connecting", () => this.handlers.lost())
      .on("disconnected", ({ code }) => this.disconnected(code))
      .on("publication", ({ data }) => this.handlers.payload(data));
    this.client.connect();
  }

  async call(method: string, fields: object = {}): Promise<unknown> {
    try {
      const answer = await this.client.rpc(method, { groupId: this.options.group, ...fields });
      return answer.data;
    } catch (error) {
      throw hubError(error);
    }
  }

  rejoin(): void {
    this.forget();
    void this.join();
  }

  close(leave: boolean): void {
    this.closed = true;
    clearTimeout(this.timer);
    const end = () => this.client.disconnect();
    if (leave && this.joined)
      void this.call("group.leave")
        .catch(() => undefined)
        .then(end);
    else end();
  }

  private async token(): Promise<string> {
    try {
      return await this.options.token();
    } catch (error) {
      const refused = error instanceof ApiError && ["signed-out", "refused"].includes(error.kind);
      if (refused) throw new UnauthorizedError("refused");
      throw error;
    }
  }

  private connected(): void {
    if (!this.joined) void this.join();
  }

  private disconnected(code: number): void {
    if (this.closed || code === OWN_CLOSE) return;
    if (code === REPLACED || SIGNED_OUT.includes(code)) {
      return void this.handlers.ended(code === REPLACED ? "replaced" : "signed-out");
    }
    this.handlers.lost();
    this.forget();
    // With a new token: the old one may be what was refused.
    this.client.setToken("");
    this.later(RESUME_MS, () => this.client.connect());
  }

  /** Subscriptions begin anew, from the positions of the next answer. */
  private forget(): void {
    this.joined = false;
    const before = [...this.channels.values()];
    // First of all: what they still report is nobody's any more.
    this.channels.clear();
    for (const subscription of before) this.client.removeSubscription(subscription);
  }

  private async join(): Promise<void> {
    if (this.joining || this.closed) return;
    this.joining = true;
    try {
      const userExtension = JSON.stringify({ userNick: this.options.name, userAvatar: "" });
      const answer = await this.call("group.join", { userExtension });
      if (this.closed) return;
      this.joined = true;
      this.handlers.joined(answer);
      this.listen(answer);
    } catch (error) {
      if (this.closed) return;
      const failure = hubError(error);
      if (failure.code >= REFUSALS && failure.code !== 1429) this.handlers.out(failure);
      else this.later(RETRY_MS, () => void this.join());
    } finally {
      this.joining = false;
    }
  }

  /** From the moment of the answer on: what happens meanwhile is replayed. */
  private listen(answer: unknown): void {
    const { channels, pos } = isFields(answer) ? answer : {};
    if (!Array.isArray(channels)) return;
    for (const channel of channels) {
      if (typeof channel !== "string" || this.channels.has(channel)) continue;
      const since = isFields(pos) ? toPosition(pos[channel]) : null;
      const subscription = this.client.newSubscription(channel, since === null ? {} : { since });
      const current = () => this.channels.get(channel) === subscription;
      subscription
        .on("publication", ({ data }) => current() && this.handlers.payload(data))
        .on("subscribed", (now) => this.subscribed(now.wasRecovering && !now.recovered))
        .on("unsubscribed", ({ code, reason }) => current() && this.unsubscribed(code, reason));
      this.channels.set(channel, subscription);
      subscription.subscribe();
    }
    this.live();
  }

  private subscribed(missed: boolean): void {
    if (missed) this.later(Math.random() * REJOIN_WITHIN_MS, () => void this.join());
    this.live();
  }

  private live(): void {
    const all = [...this.channels.values()];
    if (all.length > 0 && all.every(({ state }) => state === "subscribed")) this.handlers.live();
  }

  /** By the server, which does not take this user back on its own. */
  private unsubscribed(code: number, reason: string): void {
    if (this.closed) return;
    this.forget();
    this.handlers.out(new HubError(code, reason));
  }

  private later(ms: number, act: () => void): void {
    clearTimeout(this.timer);
    if (!this.closed) this.timer = window.setTimeout(act, ms);
  }
}

function toPosition(value: unknown): { offset: number; epoch: string } | null {
  if (!isFields(value)) return null;
  const { offset, epoch } = value;
  return typeof offset === "number" && typeof epoch === "string" ? { offset, epoch } : null;
}

function hubError(error: unknown): HubError {
  if (error instanceof HubError) return error;
  const { code, message } = isFields(error) ? error : {};
  return new HubError(
    typeof code === "number" ? code : 0,
    typeof message === "string" ? message : "",
  );
}
