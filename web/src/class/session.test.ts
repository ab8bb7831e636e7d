import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ASSISTANT, type ClassApi, STUDENT, TEACHER, type WireClass } from "../api/classroom";
import { ApiError } from "../api/error";
import { HubError, type HubHandlers } from "../hub/port";
import type { ClassMediaHandlers, OpenClassMedia, Person } from "./media-port";
import { ClassSession } from "./session";

const media = {
  setDevice: vi.fn(async () => {}),
  stopAll: vi.fn(async () => {}),
  startAudio: vi.fn(async () => {}),
  close: vi.fn(async () => {}),
};
let handlers: ClassMediaHandlers;
const openClassMedia = vi.fn<OpenClassMedia>();
vi.mock("./media", () => ({
  openClassMedia: (...args: Parameters<OpenClassMedia>) => openClassMedia(...args),
}));
const call = vi.fn(async (_method: string, _fields?: object): Promise<unknown> => ({}));
const link = { call, rejoin: vi.fn(), close: vi.fn() };
let hub: HubHandlers;
let version = 1;
vi.mock("#hub", () => ({
  openHub: (_options: unknown, given: HubHandlers) => {
    hub = given;
    hub.joined({ version, onlineCount: 1, role: "student" });
    hub.live();
    return link;
  },
}));
const tell = (kind: string, fields: object) => {
  version += 1;
  hub.payload({ kind, groupId: "c1", version, ...fields });
};
const news = (type: number, fields: object) =>
  tell("message", {
    messageId: `m${version}`,
    type,
    sender: { userId: "system", userExtension: "{}" },
    data: JSON.stringify(fields),
  });

const info: WireClass = {
  id: "c1",
  title: "Algebra",
  notice: "",
  teacher_id: "li",
  teacher_nick: "Ms Li",
  status: 1,
  mode: 0,
  meetingInfo: '{"members":[]}',
  boards: "{}",
  metrics: { online_count: 0 },
  link_info: { rtc_url: "ws://stoa.test", rtc_token: "t" },
};
const forbidden = () => new ApiError("refused", 403, "NotPermit", null);

function fakeApi(me: string) {
  return {
    me,
    hubToken: vi.fn(async () => "t"),
    join: vi.fn<ClassApi["join"]>(async () => null),
    get: vi.fn<ClassApi["get"]>(async () => info),
    leave: vi.fn(),
    members: vi.fn<ClassApi["members"]>(async () => ({ total: 0, members: [] })),
    documents: vi.fn(async () => []),
    runningCheckIn: vi.fn<ClassApi["runningCheckIn"]>(async () => null),
    hasCheckedIn: vi.fn(async () => false),
    checkIn: vi.fn<ClassApi["checkIn"]>(async () => null),
    permit: vi.fn<ClassApi["permit"]>(async () => null),
    meeting: vi.fn<ClassApi["meeting"]>(async () => ({ members: [] })),
    setMeeting: vi.fn<ClassApi["setMeeting"]>(async (_id, members) => ({ members: [...members] })),
    deletePermit: vi.fn(async () => {}),
  };
}
let api: ReturnType<typeof fakeApi>;
let session: ClassSession;

const person = (user: string): Person => ({
  ...{ user, maySpeak: false, mic: false, speaking: false, level: 0, camera: null, screen: null },
});
const people = (...users: string[]) => handlers.people(users.map(person));
const hand = (from: string, type: number, studentId = from) => {
  version += 1;
  const sender = { userId: from, userExtension: "" };
  const data = JSON.stringify({ studentId });
  tell("message", { messageId: `m${version}`, type, sender, data });
};
const sent = () =>
  call.mock.calls
    .filter(([method]) => method === "group.send")
    .map(([, fields]) => {
      const { type, data } = fields as { type: number; data: string };
      return [type, JSON.parse(data).studentId];
    });
/** Lets everything that is not waiting for the clock happen. */
const settle = () => vi.advanceTimersByTimeAsync(1);

async function inClass(me: string, as: number = STUDENT): Promise<void> {
  api = fakeApi(me);
  session = new ClassSession(api as unknown as ClassApi, "c1", as);
  await session.open();
  // The chunk of the media client takes more than the fake clock to load.
  await vi.waitFor(() => expect(session.snapshot().link.kind).toBe("live"));
  people("li", "ann", "bob");
  await settle();
}

const page = new EventTarget();

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  const doc = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("document", doc);
  vi.stubGlobal(
    "window",
    Object.assign(page, {
      isSecureContext: true,
      setTimeout: (f: () => void, ms: number) => setTimeout(f, ms),
    }),
  );
  openClassMedia.mockImplementation(async (_url, _token, given) => {
    handlers = given;
    return media;
  });
});

afterEach(() => {
  session.leave();
  vi.useRealTimers();
});

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
    api = fakeApi("ann");
    api.join.mockResolvedValue(refusal);
    session = new ClassSession(api as unknown as ClassApi, "c1", ASSISTANT);
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
      api = fakeApi(me);
      api.get.mockResolvedValue({ ...info, status: 2 });
      session = new ClassSession(api as unknown as ClassApi, "c1", STUDENT);
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
    api = fakeApi("ann");
    const assistantPermit = { identity: 2, status: 1, user_id: "ann", user_name: "Ann" };
    api.get.mockResolvedValue({ ...info, assistantPermit });
    session = new ClassSession(api as unknown as ClassApi, "c1", ASSISTANT);
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
    expect(session.snapshot()).toMatchObject({ mayPublish: true, hands: [], news: "on-stage" });
    expect(media.stopAll).not.toHaveBeenCalled();
  });

  it("gives all devices back when it is left", async () => {
    await inClass("ann");
    handlers.permission(true);
    handlers.permission(false);
    expect(media.stopAll).toHaveBeenCalledOnce();
    expect(session.snapshot().news).toBe("off-stage");
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
