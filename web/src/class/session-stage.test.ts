import { describe, expect, it, vi } from "vitest";
import { TEACHER } from "../api/classroom";
import { HubError } from "../hub/port";
import {
  api,
  call,
  forbidden,
  hand,
  handlers,
  inClass,
  info,
  media,
  people,
  person,
  sent,
  session,
  settle,
  tell,
  version,
} from "./session-world";

describe("hands", () => {
  it("queue at the teacher in order, and leave when accepted, lowered or gone", async () => {
    await inClass("li", TEACHER);
    people("li", "ann", "bob", "cem", "dea");
    for (const user of ["bob", "ann", "cem", "dea", "bob"]) hand(user, 30010);
    expect(session.snapshot().hands).toEqual(["bob", "ann", "cem", "dea"]);
    hand("cem", 30011);
    people("li", "ann", "bob", "cem");
    expect(session.snapshot().hands).toEqual(["bob", "ann"]);
    api.get.mockResolvedValue({ ...info, meetingInfo: '{"members":[{"user_id":"bob"}]}' });
    call.mockClear();
    await session.acceptHand("bob", "Bob");
    expect(api.setMeeting).toHaveBeenCalledWith("c1", [
      expect.objectContaining({ user_id: "bob" }),
    ]);
    expect(sent()).toEqual([[30012, "bob"]]);
    handlers.people([person("li"), person("ann"), { ...person("bob"), maySpeak: true }]);
    expect(session.snapshot().hands).toEqual(["ann"]);
    await session.declineHand("ann");
    expect(session.snapshot().hands).toEqual([]);
    expect(sent().at(-1)).toEqual([30013, "ann"]);
  });

  it("are told to everybody, again to a teacher who comes later, and again while they are up", async () => {
    await inClass("ann");
    await session.setHand(true);
    handlers.arrived("bob");
    expect(sent()).toEqual([[30010, "ann"]]);
    handlers.arrived("li");
    await settle();
    expect(sent()).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(sent()).toHaveLength(3);
    await session.setHand(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent().slice(3)).toEqual([[30011, "ann"]]);
  });

  it("are asked for by a teacher who comes, and told to nobody else who asks", async () => {
    await inClass("li", TEACHER);
    await vi.advanceTimersByTimeAsync(500);
    expect(sent()).toEqual([[50010, ""]]);
    call.mockClear();
    await inClass("ann");
    await session.setHand(true);
    hand("bob", 50010, "");
    hand("li", 50010, "");
    await settle();
    expect(sent()).toEqual([
      [30010, "ann"],
      [30010, "ann"],
    ]);
  });

  it("are declined by the teacher, and only whoever it is about is told", async () => {
    await inClass("ann");
    await session.setHand(true);
    hand("li", 30013, "bob");
    expect(session.snapshot()).toMatchObject({ hands: ["ann"], news: null });
    hand("li", 30013, "ann");
    expect(session.snapshot()).toMatchObject({ hands: [], news: "declined" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent()).toHaveLength(1);
  });

  it("come down when the server lets nobody ask, and stay up while it is not there", async () => {
    await inClass("ann");
    call.mockRejectedValue(new HubError(0, "timeout"));
    await session.setHand(true);
    expect(session.snapshot().hands).toEqual(["ann"]);
    call.mockRejectedValue(new HubError(1403, "not allowed"));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(session.snapshot()).toMatchObject({ hands: [], news: "declined" });
    call.mockResolvedValue({});
  });
});

describe("the stage", () => {
  it("gives the right to speak and takes the hand down", async () => {
    await inClass("ann");
    await session.setHand(true);
    handlers.permission(true);
    expect(session.snapshot()).toMatchObject({ mayPublish: true, hands: [], news: null });
    await vi.advanceTimersByTimeAsync(400);
    expect(session.snapshot().news).toBe("on-stage");
    expect(media.stopAll).not.toHaveBeenCalled();
  });

  it("gives all devices back when it is left", async () => {
    await inClass("ann");
    handlers.permission(true);
    handlers.permission(false);
    expect(media.stopAll).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(400);
    expect(session.snapshot().news).toBe("off-stage");
  });

  it("is offered without a word about the place that is kept", async () => {
    await inClass("ann");
    handlers.permission(true);
    const sender = { userId: "li", userExtension: "" };
    const invite = (type: number) =>
      tell("message", {
        ...{ messageId: `m${version + 1}`, type, sender },
        data: JSON.stringify({ studentId: "ann", sessionId: "s1" }),
      });
    invite(30001);
    await vi.advanceTimersByTimeAsync(400);
    expect(session.snapshot()).toMatchObject({ invited: "s1", news: null });
    // Taken back: the live channel tells it first.
    handlers.permission(false);
    invite(30002);
    await vi.advanceTimersByTimeAsync(400);
    expect(session.snapshot()).toMatchObject({ invited: null, news: "invite-over" });
  });

  it("is told of again as soon as the place of an invitation that is over has gone", async () => {
    await inClass("ann");
    const sender = { userId: "li", userExtension: "" };
    const invite = (type: number, sessionId: string) =>
      tell("message", {
        ...{ messageId: `m${version + 1}`, type, sender },
        data: JSON.stringify({ studentId: "ann", sessionId }),
      });
    const settled = async () => {
      await vi.advanceTimersByTimeAsync(400);
      return session.snapshot().news;
    };
    invite(30001, "s1");
    handlers.permission(true);
    invite(30002, "s1");
    handlers.permission(false);
    expect(await settled()).toBe("invite-over");
    // Straight after it another one, accepted and ended by the teacher.
    invite(30001, "s2");
    handlers.permission(true);
    await session.invitations.answer(true);
    expect(await settled()).toBe("on-stage");
    handlers.permission(false);
    expect(await settled()).toBe("off-stage");
    // Declined, and a raised hand accepted at once.
    invite(30001, "s3");
    handlers.permission(true);
    await session.invitations.answer(false);
    handlers.permission(false);
    expect(await settled()).toBe(null);
    handlers.permission(true);
    expect(await settled()).toBe("on-stage");
  });

  it("is changed one after the other, each from the list as it is then", async () => {
    await inClass("li", TEACHER);
    let members: { user_id: string }[] = [];
    api.meeting.mockImplementation(async () => ({ members }));
    api.setMeeting.mockImplementation(async (_id, next) => {
      members = [...next];
      return { members };
    });
    await Promise.all([
      session.desk.putOnStage("ann", "Ann"),
      session.desk.putOnStage("bob", "Bob"),
      session.desk.takeOffStage("ann"),
    ]);
    expect(members.map(({ user_id }) => user_id)).toEqual(["bob"]);
  });

  it("is entered anew by whoever is named still, as after a lost connection", async () => {
    await inClass("li", TEACHER);
    api.meeting.mockResolvedValue({ members: [{ user_id: "ann" }, { user_id: "bob" }] });
    await session.desk.putOnStage("ann", "Ann");
    const lists = api.setMeeting.mock.calls.map(([, members]) => members.map((m) => m.user_id));
    expect(lists).toEqual([["bob"], ["bob", "ann"]]);
  });

  it("goes on after a refused change, which is shown", async () => {
    await inClass("li", TEACHER);
    api.setMeeting.mockRejectedValueOnce(forbidden());
    expect(await session.desk.putOnStage("ann", "Ann")).toBe(false);
    expect(session.snapshot().failure?.error.kind).toBe("refused");
    expect(await session.desk.putOnStage("ann", "Ann")).toBe(true);
  });
});

describe("a check-in", () => {
  const wire = { id: "k1", start_time: "2023-11-24T11:50:00", now_time: "2023-11-24T11:50:00" };

  it("is asked once, and answered", async () => {
    await inClass("ann");
    api.runningCheckIn.mockResolvedValue({ ...wire, duration: 60 });
    tell("checkIn", { id: "k1" });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(session.snapshot()).toMatchObject({ running: { id: "k1" }, checkedIn: null });
    await session.checkIn();
    expect(session.snapshot().checkedIn).toBe("k1");
    api.hasCheckedIn.mockClear();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(api.hasCheckedIn).not.toHaveBeenCalled();
  });

  it("answered before a reload is not asked again; one that has ended says so", async () => {
    await inClass("ann");
    api.runningCheckIn.mockResolvedValue({ ...wire, duration: 60 });
    api.hasCheckedIn.mockResolvedValue(true);
    tell("checkIn", { id: "k1" });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(session.snapshot().checkedIn).toBe("k1");
    api.checkIn.mockResolvedValue("CheckInEnded");
    await session.checkIn();
    expect(session.snapshot().news).toBe("late");
  });
});
