import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Message } from "../hub/payload";
import { HubError } from "../hub/port";
import type { Desk } from "./desk";
import * as kinds from "./invitations";
import { type ClassState, deviceBlock, initialState, micBlock } from "./state";
import type { Stay } from "./stay";

let state: ClassState;
let parts: kinds.Invitations;
const signal = vi.fn(async (_type: number, _fields: object): Promise<void> => {});
const desk = {
  putOnStage: vi.fn(async () => true),
  takeOffStage: vi.fn(async () => true),
  markMic: vi.fn(async () => true),
  markAllMics: vi.fn(async () => true),
};
const listener = { stopAll: vi.fn(), stopMic: vi.fn() };
const info = { teacher_id: "li", teacher_nick: "Ms Li", status: 1 } as ClassState["info"];

function as(me: string) {
  const members = ["li", "ann", "bob"].map((user_id) => ({
    ...{ user_id, user_name: user_id.toUpperCase(), identity: user_id === "li" ? 3 : 1, status: 1 },
  }));
  state = { ...initialState(me, "c"), info, members, identity: me === "li" ? 3 : 1 };
  state.link = { kind: "live" };
  const stay = {
    group: { signal },
    closed: false,
    snapshot: () => state,
    update: (patch: Partial<ClassState>) => {
      state = { ...state, ...patch };
    },
  };
  parts = new kinds.Invitations(stay as unknown as Stay, desk as unknown as Desk, listener);
}

const told = (type: number, user: string, data: object) =>
  parts.take({ kind: "message", type, user, data } as unknown as Message);
const sent = () =>
  signal.mock.calls.map(([type, fields]) => [type, (fields as { studentId: string }).studentId]);

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  signal.mockImplementation(async () => {});
  vi.stubGlobal("window", { setTimeout: (f: () => void, ms: number) => setTimeout(f, ms) });
});
afterEach(() => {
  parts.close();
  vi.useRealTimers();
});

describe("the teacher", () => {
  it("invites, says it again, and takes it back in the end", async () => {
    as("li");
    await parts.invite("ann", "Ann");
    expect(state.inviting).toEqual(["ann"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent()).toEqual([...Array(11).fill([kinds.INVITE, "ann"]), [kinds.INVITE_OVER, "ann"]]);
    expect(state.inviting).toEqual([]);
  });

  it("puts whoever accepts on stage, and hears who does not", async () => {
    as("li");
    await parts.invite("ann", "Ann");
    await parts.invite("bob", "Bob");
    told(kinds.INVITE_YES, "ann", { studentId: "ann" });
    told(kinds.INVITE_NO, "bob", { studentId: "bob" });
    expect(desk.putOnStage.mock.calls).toEqual([["ann", "Ann"]]);
    expect(state).toMatchObject({ inviting: [], news: "invite-declined", newsAbout: "BOB" });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(signal).toHaveBeenCalledTimes(2);
  });

  it("learns that the stage is full", async () => {
    as("li");
    signal.mockRejectedValue(new HubError(1403, "stage full"));
    await parts.invite("ann", "Ann");
    expect(state).toMatchObject({ inviting: [], news: "stage-full" });
  });

  it("lets go whoever steps down", async () => {
    as("li");
    told(kinds.STEP_DOWN, "ann", { studentId: "ann", sessionId: "s" });
    await vi.advanceTimersByTimeAsync(0);
    expect(sent()).toEqual([[kinds.LET_GO, "ann"]]);
    expect(desk.takeOffStage).toHaveBeenCalledWith("ann");
  });

  it("mutes one and all, and keeps it for pages that come later", async () => {
    as("li");
    await parts.setMic("ann", false);
    await parts.muteAll(true);
    expect(signal.mock.calls.map(([type]) => type)).toEqual([kinds.MIC, kinds.ALL_MICS]);
    expect(desk.markMic).toHaveBeenCalledWith("ann", false);
    expect(desk.markAllMics).toHaveBeenCalledWith(true);
    expect(state.allMuted).toBe(true);
  });
});

describe("a student", () => {
  it("is asked once, and answers", async () => {
    as("ann");
    told(kinds.INVITE, "li", { studentId: "bob", sessionId: "s0" });
    told(kinds.INVITE, "bob", { studentId: "ann", sessionId: "s1" });
    expect(state.invited).toBe(null);
    told(kinds.INVITE, "li", { studentId: "ann", sessionId: "s1" });
    state.mayPublish = true;
    expect([state.invited, deviceBlock(state)]).toEqual(["s1", "not-on-stage"]);
    await parts.answer(true);
    expect([state.invited, deviceBlock(state), state.news]).toEqual([null, null, "on-stage"]);
    expect(sent()).toEqual([[kinds.INVITE_YES, "ann"]]);
    told(kinds.INVITE, "li", { studentId: "ann", sessionId: "s1" });
    expect(state.invited, "told again").toBe(null);
  });

  it("may decline without a word about the place that was kept", async () => {
    as("ann");
    told(kinds.INVITE, "li", { studentId: "ann", sessionId: "s1" });
    await parts.answer(false);
    expect(state).toMatchObject({ invited: null, stepping: true, news: null });
    expect(sent()).toEqual([[kinds.INVITE_NO, "ann"]]);
    told(kinds.INVITE, "li", { studentId: "ann", sessionId: "s2" });
    told(kinds.INVITE_OVER, "li", { studentId: "ann", sessionId: "s2" });
    expect(state).toMatchObject({ invited: null, news: "invite-over" });
  });

  it("steps down with all devices off at once", async () => {
    as("ann");
    state.mayPublish = true;
    await parts.stepDown();
    expect(listener.stopAll).toHaveBeenCalledTimes(1);
    expect([sent(), deviceBlock(state)]).toEqual([[[kinds.STEP_DOWN, "ann"]], "not-on-stage"]);
  });

  it("is muted by the teacher and by nobody else", () => {
    as("ann");
    state.mayPublish = true;
    told(kinds.MIC, "bob", { studentId: "ann", turnOn: false });
    told(kinds.ALL_MICS, "bob", { studentId: "", muted: true });
    expect([micBlock(state), listener.stopMic.mock.calls.length]).toEqual([null, 0]);
    told(kinds.MIC, "li", { studentId: "ann", turnOn: false });
    expect([micBlock(state), state.news]).toEqual(["me", "muted"]);
    told(kinds.ALL_MICS, "li", { studentId: "", muted: true });
    expect([micBlock(state), state.news]).toEqual(["all", "muted-all"]);
    told(kinds.ALL_MICS, "li", { studentId: "", muted: false });
    told(kinds.MIC, "li", { studentId: "ann", turnOn: true });
    expect([micBlock(state), state.news]).toEqual([null, "unmuted"]);
    expect(listener.stopMic).toHaveBeenCalledTimes(2);
  });
});
