import { type TalkApi, TalkError, type TokenRequest } from "../api/talk";
import { micProblem } from "../room/mic-problem";
import type { GoneReason, TalkMedia, TalkMediaHandlers } from "./media-port";
import { readNotice } from "./notice";
import { initialState, reduce, type TalkEvent, type TalkState } from "./state";

/** One stay of one user in one channel, as one state to render. It ends once and is never reused. */
export class TalkSession {
  private state: TalkState;
  private readonly watchers = new Set<() => void>();
  private media: TalkMedia | null = null;
  private closed = false;

  constructor(private readonly request: TokenRequest) {
    this.state = initialState(request.user, request.channel);
  }

  readonly snapshot = (): TalkState => this.state;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** Has "the server" mint a token, then joins with it as any player does. Rejects when either says no. */
  async open(api: TalkApi): Promise<void> {
    // The media client is the big part of the page: loaded here, beside the request for the token.
    const [{ openTalkMedia }, ticket] = await Promise.all([
      import("#talk-media"),
      api.createToken(this.request),
    ]);
    const media = await openTalkMedia(ticket.url, ticket.token, this.handlers()).catch((cause) => {
      throw new TalkError("media", 0, cause instanceof Error ? cause.message : "");
    });
    if (this.closed) return media.close();
    this.media = media;
    this.dispatch({ type: "link", link: { kind: "live" } });
  }

  async setMicrophone(open: boolean): Promise<void> {
    if (this.media === null || this.state.switching) return;
    if (open && !window.isSecureContext) {
      return this.dispatch({ type: "mic-problem", problem: "insecure" });
    }
    this.dispatch({ type: "mic-problem", problem: null });
    this.dispatch({ type: "switching", on: true });
    try {
      await this.media.setMicrophone(open);
    } catch (error) {
      this.dispatch({ type: "mic-problem", problem: micProblem(error) });
    } finally {
      this.dispatch({ type: "switching", on: false });
    }
  }

  setVolume(user: string, volume: number): void {
    this.media?.setVolume(user, volume);
  }

  async startAudio(): Promise<void> {
    await this.media?.startAudio();
  }

  readNews(): void {
    this.dispatch({ type: "news-read" });
  }

  close(): void {
    this.closed = true;
    void this.media?.close();
    this.media = null;
  }

  private dispatch(event: TalkEvent): void {
    if (this.closed) return;
    const before = this.state;
    this.state = reduce(before, event);
    if (this.state !== before) for (const watcher of this.watchers) watcher();
  }

  private handlers(): TalkMediaHandlers {
    return {
      members: (members) => this.dispatch({ type: "members", members }),
      microphone: (state) => this.dispatch({ type: "microphone", state }),
      permission: (mayPublish) => this.dispatch({ type: "permission", mayPublish }),
      audioBlocked: (blocked) => this.dispatch({ type: "audio-blocked", blocked }),
      packet: (topic, payload) => {
        const notice = readNotice(topic, payload);
        if (notice !== null) this.dispatch({ type: "notice", notice, now: Date.now() });
      },
      reconnecting: () => this.dispatch({ type: "link", link: { kind: "reconnecting" } }),
      live: () => this.dispatch({ type: "link", link: { kind: "live" } }),
      gone: (reason) => this.gone(reason),
    };
  }

  /** A connection that never came up rejects `open` instead. */
  private gone(reason: GoneReason): void {
    if (this.media === null) return;
    this.dispatch({ type: "link", link: { kind: "ended", reason } });
    void this.media.close();
    this.media = null;
  }
}
