import { beforeEach, describe, expect, it, vi } from "vitest";
import { type TalkApi, TalkError } from "../api/talk";
import type { OpenTalkMedia, TalkMediaHandlers } from "./media-port";
import { TalkSession } from "./session";

const media = {
  setMicrophone: vi.fn(async (_open: boolean) => {}),
  setVolume: vi.fn(),
  startAudio: vi.fn(async () => {}),
  close: vi.fn(async () => {}),
};
let handlers: TalkMediaHandlers;
const openTalkMedia = vi.fn<OpenTalkMedia>();
vi.mock("#talk-media", () => ({
  openTalkMedia: (...args: Parameters<OpenTalkMedia>) => openTalkMedia(...args),
}));

const wish = { channel: "raid-7", user: "bob", identity: 1 as const, device: "" };
const ticket = { url: "ws://stoa.test", token: "t.o.k" };
const api = (createToken = async () => ticket) => ({ createToken }) as unknown as TalkApi;

beforeEach(() => {
  vi.clearAllMocks();
  vi.stubGlobal("window", { isSecureContext: true });
  media.setMicrophone.mockImplementation(async () => {});
  openTalkMedia.mockImplementation(async (_url, _token, given) => {
    handlers = given;
    return media;
  });
});

async function joined(): Promise<TalkSession> {
  const session = new TalkSession(wish);
  await session.open(api());
  return session;
}

describe("joining", () => {
  it("uses the token and address the server gave", async () => {
    const session = await joined();
    expect(openTalkMedia).toHaveBeenCalledWith("ws://stoa.test", "t.o.k", expect.anything());
    expect(session.snapshot().link).toEqual({ kind: "live" });
  });

  it("passes on why no token was given", async () => {
    const refusal = new TalkError("refused", 100_006, "banned");
    const session = new TalkSession(wish);
    await expect(session.open(api(() => Promise.reject(refusal)))).rejects.toBe(refusal);
    expect(openTalkMedia).not.toHaveBeenCalled();
  });

  it("tells a failed connection from a refused token", async () => {
    openTalkMedia.mockRejectedValue(new Error("pc failed"));
    const failure = new TalkSession(wish).open(api());
    await expect(failure).rejects.toMatchObject({ kind: "media", info: "pc failed" });
  });

  it("leaves a channel it reached only after the page had gone", async () => {
    const session = new TalkSession(wish);
    const opening = session.open(api());
    session.close();
    await opening;
    expect(media.close).toHaveBeenCalledOnce();
    expect(session.snapshot().link).toEqual({ kind: "connecting" });
  });
});

describe("in the channel", () => {
  it("folds packets of the server in, once each", async () => {
    const session = await joined();
    const body = { event: "message", id: "x", channel_id: "raid-7", user_id: "admin", ts: 1 };
    const packet = new TextEncoder().encode(JSON.stringify({ ...body, content: "hello" }));
    handlers.packet("stoa.talk.msg", packet);
    handlers.packet("stoa.talk.msg", packet);
    handlers.packet("chat", packet);
    expect(session.snapshot().log.map(({ notice }) => notice.id)).toEqual(["x"]);
  });

  it("names what kept the microphone closed, and forgets it at the next try", async () => {
    const session = await joined();
    media.setMicrophone.mockRejectedValueOnce(
      Object.assign(new Error(), { name: "NotAllowedError" }),
    );
    await session.setMicrophone(true);
    expect(session.snapshot()).toMatchObject({ micProblem: "denied", switching: false });
    await session.setMicrophone(true);
    expect(session.snapshot()).toMatchObject({ micProblem: null, switching: false });
    vi.stubGlobal("window", { isSecureContext: false });
    await session.setMicrophone(true);
    expect(session.snapshot().micProblem).toBe("insecure");
    expect(media.setMicrophone).toHaveBeenCalledTimes(2);
  });

  it("ends with the reason and lets go of the connection", async () => {
    const session = await joined();
    handlers.gone("removed");
    expect(session.snapshot().link).toEqual({ kind: "ended", reason: "removed" });
    expect(media.close).toHaveBeenCalledOnce();
    await session.setMicrophone(true);
    expect(media.setMicrophone).not.toHaveBeenCalled();
  });
});
