import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Api, WireRoom, WireSeat } from "../api/client";
import { ApiError } from "../api/error";
import type { HubHandlers } from "../hub/port";
import type { MediaHandlers } from "./media-port";
import { RoomSession } from "./session";

const media = vi.hoisted(() => ({ open: vi.fn() }));
vi.mock("#media", () => ({ openMedia: media.open }));
const hub = vi.hoisted(() => ({ open: vi.fn() }));
vi.mock("#hub", () => ({ openHub: hub.open }));

const ROOM = "a".repeat(32);

function seats(holders: Record<number, string> = {}): WireSeat[] {
  return Array.from({ length: 8 }, (_, i) => {
    const user = holders[i + 1] ?? "";
    return { index: i + 1, joined: user !== "", user_id: user };
  });
}

function roomOf(owner: string, holders: Record<number, string> = {}): WireRoom {
  return {
    id: ROOM,
    chat_id: ROOM,
    title: "t",
    notice: "",
    extends: "",
    cover_url: "",
    anchor_id: owner,
    anchor_nick: "",
    status: 1,
    show_code: 1,
    meetingInfo: JSON.stringify({ members: seats(holders) }),
    metrics: { online_count: 0 },
    created_at: "",
    updated_at: "",
    started_at: "",
  };
}

/** A server with one room, and a channel that obeys the test. */
function world(owner: string, holders: Record<number, string> = {}) {
  const api = {
    hubToken: vi.fn(async () => "t"),
    get: vi.fn(async () => roomOf(owner, holders)),
    seats: vi.fn(async () => seats(holders)),
    mediaTicket: vi.fn(async () => ({ url: "ws://stoa.test", token: "t" })),
    joinMic: vi.fn(async (_room: string, user: string, index: number) => {
      holders[index] = user;
      return { kind: "seated", seats: seats(holders) };
    }),
    leaveMic: vi.fn(async (_room: string, _user: string, index: number) => {
      delete holders[index];
      return seats(holders);
    }),
    dismiss: vi.fn(async () => undefined),
  };
  const channel = {
    setMicrophone: vi.fn(async (_goal: string) => undefined),
    startAudio: vi.fn(async () => undefined),
    close: vi.fn(async () => undefined),
  };
  let handlers: MediaHandlers | null = null;
  media.open.mockImplementation(async (_url, _token, given: MediaHandlers) => {
    handlers = given;
    given.permission(true);
    return channel;
  });
  const link = { call: vi.fn(async () => ({})), rejoin: vi.fn(), close: vi.fn() };
  let version = 1;
  let heard: HubHandlers | null = null;
  hub.open.mockImplementation((_options, given: HubHandlers) => {
    heard = given;
    given.joined({ version, onlineCount: 1, role: "member" });
    given.live();
    return link;
  });
  const told = (): HubHandlers => {
    if (heard === null) throw new Error("never connected");
    return heard;
  };
  const tell = (kind: string, fields: object) => {
    version += 1;
    told().payload({ kind, groupId: ROOM, version, ...fields });
  };
  const said = (): MediaHandlers => {
    if (handlers === null) throw new Error("never connected");
    return handlers;
  };
  const session = (me: string) => new RoomSession(api as unknown as Api, ROOM, me);
  return { api, channel, link, said, session, tell, told };
}

const gone = () => new ApiError("not-found", 404, "room not found", "r");

beforeEach(() => {
  vi.useFakeTimers();
  const store = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, value: string) => store.set(key, value),
  });
  const events = { addEventListener: () => {}, removeEventListener: () => {} };
  vi.stubGlobal("document", { ...events, visibilityState: "visible" });
  vi.stubGlobal("window", { ...events, isSecureContext: true, setTimeout, clearTimeout });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  media.open.mockReset();
  hub.open.mockReset();
});

describe("a stay in a room", () => {
  it("opens the microphone after a seat is taken and mutes it before the seat is given back", async () => {
    const { channel, api, session } = world("alice");
    const bob = session("bob");
    await bob.open();
    expect(channel.setMicrophone).not.toHaveBeenCalled();
    await bob.takeSeat(3);
    await vi.advanceTimersByTimeAsync(0);
    expect(channel.setMicrophone.mock.calls).toEqual([["on"]]);
    await bob.leaveSeat();
    await vi.advanceTimersByTimeAsync(0);
    expect(channel.setMicrophone.mock.calls).toEqual([["on"], ["muted"], ["off"]]);
    expect(channel.setMicrophone.mock.invocationCallOrder[1]).toBeLessThan(
      api.leaveMic.mock.invocationCallOrder[0] ?? 0,
    );
    bob.close();
  });

  it("takes the microphone back when the seat is lost, and a later seat-holder's luck does not reopen it", async () => {
    const holders: Record<number, string> = {};
    const { channel, session, tell } = world("alice", holders);
    const bob = session("bob");
    await bob.open();
    await bob.takeSeat(1);
    await vi.advanceTimersByTimeAsync(1);
    tell("seats", { members: seats() });
    await vi.advanceTimersByTimeAsync(1);
    expect(channel.setMicrophone.mock.calls.at(-1)).toEqual(["off"]);
    tell("seats", { members: seats({ 1: "bob" }) });
    await vi.advanceTimersByTimeAsync(1);
    expect(channel.setMicrophone.mock.calls.at(-1)).toEqual(["off"]);
    bob.close();
  });

  it("resumes with an open microphone after a reload, and with a closed one after leaving", async () => {
    const { channel, session } = world("alice", { 2: "bob" });
    const before = session("bob");
    before.setMic(true);
    before.close();
    const reloaded = session("bob");
    await reloaded.open();
    await vi.advanceTimersByTimeAsync(0);
    expect(channel.setMicrophone.mock.calls).toEqual([["on"]]);
    await reloaded.leave();
    const again = session("bob");
    expect(again.snapshot().mic.wanted).toBe(false);
  });

  it("says what is wrong with the microphone and does not insist", async () => {
    const { channel, session } = world("alice");
    const denied = Object.assign(new Error("no"), { name: "NotAllowedError" });
    channel.setMicrophone.mockRejectedValueOnce(denied);
    const alice = session("alice");
    await alice.open();
    alice.setMic(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(alice.snapshot().mic).toMatchObject({ problem: "denied", actual: "off" });
    expect(channel.setMicrophone).toHaveBeenCalledTimes(1);
    alice.setMic(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(alice.snapshot().mic).toMatchObject({ problem: null, actual: "on" });
    alice.close();
  });

  it("reconnects with growing delays and a fresh ticket each time", async () => {
    const { api, said, session } = world("alice");
    const bob = session("bob");
    await bob.open();
    expect(bob.snapshot().link.kind).toBe("live");
    media.open
      .mockRejectedValueOnce(new Error("no route"))
      .mockRejectedValueOnce(new Error("no route"));
    said().gone("lost");
    expect(bob.snapshot().link.kind).toBe("lost");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(api.mediaTicket).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(api.mediaTicket).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(api.mediaTicket).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(bob.snapshot().link.kind).toBe("live");
    bob.close();
  });

  it("ignores what an earlier connection still reports", async () => {
    const { said, session } = world("alice");
    const bob = session("bob");
    await bob.open();
    const old = said();
    old.gone("lost");
    await vi.advanceTimersByTimeAsync(1_000);
    old.gone("removed");
    old.permission(false);
    expect(bob.snapshot().link.kind).toBe("live");
    expect(bob.snapshot().mayPublish).toBe(true);
    bob.close();
  });

  it.each(["dismissed", "removed", "replaced"] as const)(
    "ends as %s when the engine says so",
    async (reason) => {
      const { channel, api, said, session } = world("alice");
      const bob = session("bob");
      await bob.open();
      said().gone(reason);
      expect(bob.snapshot().link).toEqual({ kind: "ended", reason });
      expect(channel.close).toHaveBeenCalledOnce();
      const asked = api.seats.mock.calls.length;
      await vi.advanceTimersByTimeAsync(30_000);
      expect(api.seats.mock.calls.length).toBe(asked);
      expect(api.mediaTicket).toHaveBeenCalledTimes(1);
    },
  );

  it("is told of seats, comments and names, and asks for nothing after it has come in", async () => {
    const { api, session, tell } = world("alice");
    const bob = session("bob");
    await bob.open();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(api.seats).toHaveBeenCalledTimes(1);
    tell("seats", { members: seats({ 3: "kim" }) });
    tell("room", { title: "Late jazz" });
    tell("message", {
      messageId: "m",
      type: 21301,
      seqnum: 1,
      sender: { userId: "kim", userExtension: "" },
      data: '{"content":"hi"}',
    });
    await vi.advanceTimersByTimeAsync(60_000);
    const { room, seats: shown, chat } = bob.snapshot();
    expect(shown[2]?.user).toBe("kim");
    expect(room?.title).toBe("Late jazz");
    expect(chat.comments.map(({ text }) => text)).toEqual(["hi"]);
    expect(api.seats).toHaveBeenCalledTimes(1);
    bob.close();
  });

  it("does not let an older answer undo what the hub told", async () => {
    const { api, session, tell } = world("alice");
    const bob = session("bob");
    let answer = (_: WireSeat[]) => {};
    api.seats.mockImplementationOnce(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    await bob.open();
    await vi.advanceTimersByTimeAsync(1);
    tell("seats", { members: seats({ 3: "kim" }) });
    answer(seats());
    await vi.advanceTimersByTimeAsync(1);
    expect(bob.snapshot().seats[2]?.user).toBe("kim");
    bob.close();
  });

  it("loads the seats once more after something was missed", async () => {
    const { api, session, told } = world("alice");
    const bob = session("bob");
    await bob.open();
    await vi.advanceTimersByTimeAsync(1_000);
    told().lost();
    told().joined({ version: 50, onlineCount: 1, role: "member" });
    told().live();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(api.seats).toHaveBeenCalledTimes(2);
    bob.close();
  });

  it("looks for itself only while the hub is not heard, and says when that fails too", async () => {
    const { api, session, told } = world("alice");
    const bob = session("bob");
    await bob.open();
    await vi.advanceTimersByTimeAsync(1_000);
    told().lost();
    await vi.advanceTimersByTimeAsync(5_000);
    told().lost();
    expect(api.seats).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(api.seats).toHaveBeenCalledTimes(2);
    api.seats.mockRejectedValueOnce(new ApiError("unreachable", 0, "", null));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(bob.snapshot().stale).toBe(true);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(bob.snapshot().stale).toBe(false);
    told().live();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(api.seats).toHaveBeenCalledTimes(4);
    bob.close();
  });

  it.each([
    ["exit", { reason: 1 }, "dismissed"],
    ["exit", { reason: 2 }, "removed"],
    ["members", { total: 1, left: [{ userId: "bob", why: "kicked" }] }, "removed"],
  ])("ends when the hub says so: %s %j", async (kind, fields, reason) => {
    const { channel, link, session, tell } = world("alice");
    const bob = session("bob");
    await bob.open();
    tell(kind, fields);
    expect(bob.snapshot().link).toEqual({ kind: "ended", reason });
    expect(channel.close).toHaveBeenCalledOnce();
    expect(link.close).toHaveBeenCalledWith(false);
  });

  it("ends with the announcement of the owner, not of anybody", async () => {
    const { session, tell } = world("alice");
    const bob = session("bob");
    await bob.open();
    const announce = (user: string) =>
      tell("message", {
        messageId: user,
        type: 21001,
        sender: { userId: user, userExtension: "" },
        data: "{}",
      });
    announce("eve");
    expect(bob.snapshot().link.kind).toBe("live");
    announce("alice");
    expect(bob.snapshot().link).toEqual({ kind: "ended", reason: "dismissed" });
  });

  it("ends as dismissed when the seat list is gone, and tells an unknown room from an ended one", async () => {
    const live = world("alice");
    const bob = live.session("bob");
    await bob.open();
    live.api.seats.mockRejectedValueOnce(gone());
    await vi.advanceTimersByTimeAsync(2_000);
    expect(bob.snapshot().link).toEqual({ kind: "ended", reason: "dismissed" });

    const unknown = world("alice");
    unknown.api.get.mockRejectedValueOnce(gone());
    const eve = unknown.session("eve");
    await eve.open();
    expect(eve.snapshot().link).toEqual({ kind: "ended", reason: "not-found" });
    expect(unknown.api.mediaTicket).not.toHaveBeenCalled();
  });

  it("counts a refused ticket as removed", async () => {
    const { api, session } = world("alice");
    api.mediaTicket.mockRejectedValueOnce(new ApiError("refused", 403, "banned", "r"));
    const bob = session("bob");
    await bob.open();
    expect(bob.snapshot().link).toEqual({ kind: "ended", reason: "removed" });
  });

  it("gives the seat back when leaving", async () => {
    const { api, channel, session } = world("alice", { 4: "bob" });
    const bob = session("bob");
    await bob.open();
    await bob.leave();
    expect(api.leaveMic).toHaveBeenCalledWith(ROOM, "bob", 4);
    expect(channel.close).toHaveBeenCalledOnce();
  });

  it("shows a refused seat and keeps listening", async () => {
    const { api, session } = world("alice");
    api.joinMic.mockResolvedValueOnce({ kind: "full" } as never);
    const bob = session("bob");
    await bob.open();
    await bob.takeSeat(1);
    expect(bob.snapshot().failure?.error).toBe("full");
    expect(bob.snapshot().busy).toBe(false);
    expect(bob.snapshot().mic.wanted).toBe(false);
    bob.close();
  });
});

describe("what the host and the network do", () => {
  const people = (silenced: boolean) => [
    { user: "bob", seat: 3, mic: !silenced, silenced, speaking: false, level: 0 },
  ];

  it("mutes when silenced, and leaves it to the user to speak again", async () => {
    const { channel, said, session } = world("alice");
    const bob = session("bob");
    await bob.open();
    await bob.takeSeat(3);
    await vi.advanceTimersByTimeAsync(0);
    said().people(people(true));
    await vi.advanceTimersByTimeAsync(0);
    said().people(people(false));
    await vi.advanceTimersByTimeAsync(0);
    expect(channel.setMicrophone.mock.calls).toEqual([["on"], ["muted"]]);
    bob.setMic(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(channel.setMicrophone.mock.calls.at(-1)).toEqual(["on"]);
    bob.close();
  });

  it("knows since when it is cut off, and what was held then", async () => {
    const { said, session } = world("alice", { 3: "bob" });
    const bob = session("bob");
    await bob.open();
    // Noticed late, but known from when on.
    const cut = Date.now() - 9_000;
    said().reconnecting(cut);
    expect(bob.snapshot().outage).toEqual({ since: cut, seat: 3 });
    await vi.advanceTimersByTimeAsync(4_000);
    said().gone("lost");
    await vi.advanceTimersByTimeAsync(500);
    expect(bob.snapshot().outage).toEqual({ since: cut, seat: 3 });
    await vi.advanceTimersByTimeAsync(600);
    const { outage, back, link } = bob.snapshot();
    expect([outage, link.kind]).toEqual([null, "live"]);
    expect(back).toEqual({ since: cut, seat: 3, until: cut + 14_000 });
    bob.forgetOutage();
    expect(bob.snapshot().back).toBeNull();
    bob.close();
  });
});
