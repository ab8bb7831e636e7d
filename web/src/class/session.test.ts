import { describe, expect, it, vi } from "vitest";
import { ASSISTANT, STUDENT } from "../api/classroom";
import { HubError } from "../hub/port";
import {
  api,
  forbidden,
  handlers,
  hub,
  inClass,
  info,
  link,
  media,
  news,
  openClassMedia,
  outside,
  page,
  session,
  settle,
  tell,
} from "./session-world";

describe("joining", () => {
  it("connects with what the class says", async () => {
    await inClass("ann");
    expect(openClassMedia).toHaveBeenCalledWith("ws://stoa.test", "t", expect.anything());
    expect(session.snapshot()).toMatchObject({ identity: STUDENT, info: { title: "Algebra" } });
  });

  it.each([
    ["InBlackList", "banned"],
    ["ClassNotFound", "deleted"],
    ["ClassNotAssistantPermit", "no-permit"],
    ["ClassHasAssistant", "has-assistant"],
  ] as const)("says why not: %s", async (refusal, reason) => {
    outside("ann", ASSISTANT);
    api.join.mockResolvedValue(refusal);
    await session.open();
    expect(session.snapshot().link).toEqual({ kind: "ended", reason });
    session.leave();
    expect(api.leave).not.toHaveBeenCalled();
  });

  it("into an ended class is the end for a student and a pause for its teacher", async () => {
    for (const [me, link] of [
      ["ann", { kind: "ended", reason: "over" }],
      ["li", { kind: "resting" }],
    ] as const) {
      outside(me);
      api.get.mockResolvedValue({ ...info, status: 2 });
      await session.open();
      expect(session.snapshot().link).toEqual(link);
    }
    expect(openClassMedia).not.toHaveBeenCalled();
    // Started again, from another page perhaps.
    api.get.mockResolvedValue(info);
    tell("class", { status: "start" });
    await vi.advanceTimersByTimeAsync(3_000);
    await vi.waitFor(() => expect(session.snapshot().link.kind).toBe("live"));
  });
});

describe("the hub", () => {
  const row = { user_id: "kim", user_name: "Kim", identity: 1, status: 1 };
  const calls = () =>
    [api.get, api.members, api.documents, api.runningCheckIn].map(({ mock }) => mock.calls.length);

  it("is enough: nothing is asked after coming in", async () => {
    await inClass("ann");
    const before = calls();
    news(11001, row);
    tell("meeting", { members: [{ user_id: "kim" }] });
    tell("info", { groupMeta: '{"announcement":{"content":"Bring a ruler"}}' });
    await vi.advanceTimersByTimeAsync(60_000);
    const { members, total, stage, info: shown } = session.snapshot();
    expect(members).toEqual([row]);
    expect(total).toBe(1);
    expect(stage).toEqual([{ user_id: "kim" }]);
    expect(shown?.notice).toBe("Bring a ruler");
    news(11003, { ...row, status: 3 });
    expect(session.snapshot().members).toEqual([{ ...row, status: 3 }]);
    expect(calls()).toEqual(before);
  });

  it("knows better than a list that was asked for before", async () => {
    await inClass("ann");
    let answer = (_: { total: number; members: never[] }) => {};
    api.members.mockImplementationOnce(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    tell("docs", { ids: [] });
    await vi.advanceTimersByTimeAsync(500);
    news(11001, row);
    answer({ total: 0, members: [] });
    await settle();
    expect(session.snapshot()).toMatchObject({ members: [row], total: 1 });
  });

  it("tells of changes that are then asked for, once", async () => {
    await inClass("ann");
    const before = calls();
    for (const kind of ["docs", "permit", "class"]) tell(kind, {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls()).toEqual(before.map((count) => count + 1));
  });

  it("ends the stay of whoever was kicked, and of everybody when the class is deleted", async () => {
    await inClass("ann");
    const { link_info: _, ...banned } = info;
    api.get.mockResolvedValue(banned);
    tell("members", { total: 1, left: [{ userId: "ann", why: "kicked" }] });
    await settle();
    expect(session.snapshot().link).toEqual({ kind: "ended", reason: "kicked" });
    await inClass("bob");
    tell("exit", { reason: 1 });
    expect(session.snapshot().link).toEqual({ kind: "ended", reason: "deleted" });
  });

  it("that does not let this page in is asked again after joining the class anew", async () => {
    await inClass("ann");
    api.join.mockClear();
    hub.out(new HubError(1403, "join refused"));
    await settle();
    expect(api.join).toHaveBeenCalledOnce();
    expect(link.rejoin).toHaveBeenCalledOnce();
    api.join.mockResolvedValue("InBlackList");
    hub.out(new HubError(1403, "banned"));
    await settle();
    expect(session.snapshot().link).toEqual({ kind: "ended", reason: "kicked" });
  });

  it("that is not heard makes the page look for itself, as long as that lasts", async () => {
    await inClass("ann");
    const [before = 0] = calls();
    hub.lost();
    await vi.advanceTimersByTimeAsync(7_000);
    expect(calls()[0]).toBe(before + 1);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(calls()[0]).toBe(before + 2);
    hub.live();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls()[0]).toBe(before + 2);
  });
});

describe("leaving", () => {
  it("is told once, also while the page goes away", async () => {
    await inClass("ann");
    page.dispatchEvent(new Event("pagehide"));
    expect(api.leave).toHaveBeenCalledExactlyOnceWith("c1");
  });

  it("ends everything", async () => {
    await inClass("ann");
    session.leave();
    const { calls } = api.get.mock;
    const count = calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls).toHaveLength(count);
    expect(media.close).toHaveBeenCalled();
  });
});

describe("put out by the server", () => {
  it("is a kick when the class gives no links any more", async () => {
    await inClass("ann");
    const { link_info: _, ...banned } = info;
    api.get.mockResolvedValue(banned);
    handlers.gone("removed");
    await settle();
    expect(session.snapshot().link).toEqual({ kind: "ended", reason: "kicked" });
  });

  it("is a removal when the class still does", async () => {
    await inClass("ann");
    handlers.gone("removed");
    await settle();
    expect(session.snapshot().link).toEqual({ kind: "ended", reason: "removed" });
  });

  it("is the end of the permit for an assistant", async () => {
    outside("ann", ASSISTANT);
    const assistantPermit = { identity: 2, status: 1, user_id: "ann", user_name: "Ann" };
    api.get.mockResolvedValue({ ...info, assistantPermit });
    await session.open();
    await vi.waitFor(() => expect(session.snapshot().link.kind).toBe("live"));
    expect(session.snapshot().identity).toBe(ASSISTANT);
    api.get.mockResolvedValue(info);
    handlers.gone("removed");
    await settle();
    expect(session.snapshot().link).toEqual({ kind: "ended", reason: "permit-gone" });
  });

  it("is the end of the class when that has ended", async () => {
    await inClass("ann");
    api.get.mockResolvedValue({ ...info, status: 2 });
    handlers.gone("dismissed");
    await settle();
    expect(session.snapshot().link).toEqual({ kind: "ended", reason: "over" });
  });
});

describe("a lost connection", () => {
  it("comes back after a while, as a member again", async () => {
    await inClass("ann");
    api.join.mockClear();
    handlers.gone("lost");
    expect(session.snapshot().link.kind).toBe("lost");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(api.join).toHaveBeenCalled();
    expect(session.snapshot().link.kind).toBe("live");
  });

  it("that cost the membership is repaired by joining again", async () => {
    await inClass("ann");
    api.join.mockClear();
    api.members.mockRejectedValueOnce(forbidden()).mockRejectedValueOnce(forbidden());
    tell("docs", { ids: [] });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(api.join).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(api.join).toHaveBeenCalledOnce();
    expect(session.snapshot().link.kind).toBe("live");
  });

  it("ends when joining again is refused", async () => {
    await inClass("ann");
    api.members.mockRejectedValue(forbidden());
    api.join.mockResolvedValue("InBlackList");
    tell("docs", { ids: [] });
    await vi.advanceTimersByTimeAsync(6_000);
    expect(session.snapshot().link).toEqual({ kind: "ended", reason: "kicked" });
  });
});
