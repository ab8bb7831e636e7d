import { describe, expect, it } from "vitest";
import type { Notice } from "./notice";
import {
  initialState,
  type Link,
  type Member,
  micBlock,
  reduce,
  type TalkEvent,
  type TalkState,
} from "./state";

const NOW = 1_700_000_000_000;
const live: TalkEvent = { type: "link", link: { kind: "live" } };
const ended = (reason: Extract<Link, { kind: "ended" }>["reason"]): TalkEvent => ({
  type: "link",
  link: { kind: "ended", reason },
});

const member = (user: string, more: Partial<Member> = {}): Member => ({
  user,
  identity: 1,
  maySpeak: true,
  micOpen: false,
  audioMuted: false,
  videoMuted: false,
  speaking: false,
  level: 0,
  devices: 1,
  ...more,
});

let ids = 0;
type Body = Notice extends infer N
  ? N extends Notice
    ? Omit<N, "id" | "channel" | "at">
    : never
  : never;
function notice(body: Body, more: { id?: string; channel?: string; at?: number } = {}): TalkEvent {
  ids += 1;
  const common = { id: `id-${ids}`, channel: "raid-7", at: NOW, ...more };
  return { type: "notice", notice: { ...common, ...body } as Notice, now: NOW };
}
const push = (content: string, more: { id?: string; channel?: string } = {}) =>
  notice({ event: "message", user: "admin", receiver: "", content }, more);

const run = (...events: TalkEvent[]): TalkState =>
  events.reduce(reduce, reduce(initialState("bob", "raid-7"), live));

describe("the log", () => {
  it("keeps the order and marks what is for or about the viewer", () => {
    const state = run(
      push("hello"),
      notice({ event: "message", user: "admin", receiver: "bob", content: "psst" }),
      notice({ event: "mic_grant", user: "amy", by: "admin", granted: true }),
      notice({ event: "identity", user: "bob", by: "admin", from: 1, to: 3 }),
      notice({ event: "user_kicked", user: "amy", by: "admin", seconds: 60, until: 0 }),
    );
    expect(state.log.map(({ notice, mine }) => [notice.event, mine])).toEqual([
      ["message", false],
      ["message", true],
      ["mic_grant", false],
      ["identity", true],
      ["user_kicked", false],
    ]);
  });

  it("takes the same id once, whichever way it comes", () => {
    const state = run(push("hello", { id: "x" }));
    expect(reduce(state, push("hello", { id: "x" }))).toBe(state);
    expect(reduce(state, push("hello", { id: "y" })).log).toHaveLength(2);
  });

  it("has nothing of other channels", () => {
    const state = run();
    expect(reduce(state, push("hello", { channel: "raid-8" }))).toBe(state);
  });

  it("stays bounded and knows recent ids beyond what it shows", () => {
    const many = Array.from({ length: 400 }, (_, i) => push(`${i}`, { id: `p${i}` }));
    const state = run(...many);
    expect(state.log).toHaveLength(200);
    expect(state.log.at(-1)?.notice).toMatchObject({ content: "399" });
    expect(reduce(state, push("again", { id: "p0" }))).toBe(state);
    const more = Array.from({ length: 400 }, (_, i) => push(`${i}`, { id: `q${i}` }));
    expect(more.reduce(reduce, state).seen.length).toBeLessThanOrEqual(512);
  });
});

describe("what the operator does to the viewer", () => {
  it("is news until read, the latest only, and never somebody else's", () => {
    const role = notice({ event: "identity", user: "bob", by: "admin", from: 1, to: 3 });
    const other = notice({ event: "identity", user: "amy", by: "admin", from: 1, to: 3 });
    expect(run(other).news).toBeNull();
    const state = run(role, other);
    expect(state.news).toMatchObject({ event: "identity", to: 3 });
    const grant = notice({ event: "mic_grant", user: "bob", by: "admin", granted: true });
    expect(reduce(state, grant).news).toMatchObject({ event: "mic_grant" });
    expect(reduce(state, { type: "news-read" }).news).toBeNull();
  });

  it("measures a ban by the server's clock, not by this device's", () => {
    const serverIsAhead = NOW + 240_000;
    const until = serverIsAhead / 1_000 + 600;
    const kick = notice(
      { event: "kicked", user: "bob", by: "admin", seconds: 600, until },
      { at: serverIsAhead },
    );
    expect(run(kick).kick).toEqual({ by: "admin", seconds: 600, backAt: NOW + 600_000 });
    const out = notice({ event: "kicked", user: "bob", by: "admin", seconds: 0, until: 0 });
    expect(run(out).kick).toEqual({ by: "admin", seconds: 0, backAt: null });
  });

  it("is understood when the reason arrives behind the end", () => {
    const kick = notice({
      event: "kicked",
      user: "bob",
      by: "admin",
      seconds: 60,
      until: NOW / 1_000 + 60,
    });
    const before = run(kick, ended("removed"));
    const after = run(ended("removed"), kick);
    for (const state of [before, after]) {
      expect(state.link).toEqual({ kind: "ended", reason: "removed" });
      expect(state.kick?.seconds).toBe(60);
      expect(state.log).toHaveLength(1);
    }
  });

  it("ends the channel for this page, with nobody in it and the microphone gone", () => {
    const state = run(
      { type: "members", members: [member("bob", { micOpen: true })] },
      { type: "permission", mayPublish: true },
      { type: "microphone", state: "on" },
      ended("dismissed"),
      { type: "members", members: [member("amy")] },
      { type: "microphone", state: "on" },
      live,
    );
    expect(state).toMatchObject({ members: [], mayPublish: false, microphone: "off" });
    expect(state.link).toEqual({ kind: "ended", reason: "dismissed" });
  });
});

describe("members", () => {
  it("start with the viewer, the rest as listed", () => {
    const members = ["amy", "zed", "bob", "carl"].map((user) => member(user));
    const state = run({ type: "members", members });
    expect(state.members.map(({ user }) => user)).toEqual(["bob", "amy", "zed", "carl"]);
  });
});

describe("the microphone button", () => {
  const block = (me: Partial<Member>, mayPublish: boolean, ...more: TalkEvent[]) =>
    micBlock(
      run(
        { type: "members", members: [member("bob", me)] },
        { type: "permission", mayPublish },
        ...more,
      ),
    );

  it("says why it does nothing", () => {
    expect(block({ identity: 1 }, true)).toBeNull();
    expect(block({ identity: 2 }, true)).toBeNull();
    expect(block({ identity: 2 }, false)).toBe("no-grant");
    expect(block({ identity: 3 }, false)).toBe("listener");
    expect(block({ identity: 1 }, false)).toBe("no-right");
    expect(block({ identity: 1, audioMuted: true }, true)).toBe("muted");
    expect(block({ identity: 1 }, true, { type: "switching", on: true })).toBe("switching");
    expect(block({ identity: 1 }, true, { type: "link", link: { kind: "reconnecting" } })).toBe(
      "offline",
    );
    expect(micBlock(initialState("bob", "raid-7"))).toBe("offline");
  });
});
