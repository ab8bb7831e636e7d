// A class as its page sees it, with a server, a hub and a media client made up: for the tests of `ClassSession`.

import { afterEach, beforeEach, expect, vi } from "vitest";
import { type ClassApi, STUDENT, type WireClass } from "../api/classroom";
import { ApiError } from "../api/error";
import type { HubHandlers } from "../hub/port";
import type { ClassMediaHandlers, OpenClassMedia, Person } from "./media-port";
import { ClassSession } from "./session";

export const media = {
  setDevice: vi.fn(async () => {}),
  stopAll: vi.fn(async () => {}),
  startAudio: vi.fn(async () => {}),
  close: vi.fn(async () => {}),
};
export let handlers: ClassMediaHandlers;
export const openClassMedia = vi.fn<OpenClassMedia>();
vi.mock("./media", () => ({
  openClassMedia: (...args: Parameters<OpenClassMedia>) => openClassMedia(...args),
}));
export const call = vi.fn(async (_method: string, _fields?: object): Promise<unknown> => ({}));
export const link = { call, rejoin: vi.fn(), close: vi.fn() };
export let hub: HubHandlers;
export let version = 1;
vi.mock("#hub", () => ({
  openHub: (_options: unknown, given: HubHandlers) => {
    hub = given;
    hub.joined({ version, onlineCount: 1, role: "student" });
    hub.live();
    return link;
  },
}));
export const tell = (kind: string, fields: object) => {
  version += 1;
  hub.payload({ kind, groupId: "c1", version, ...fields });
};
export const news = (type: number, fields: object) =>
  tell("message", {
    messageId: `m${version}`,
    type,
    sender: { userId: "system", userExtension: "{}" },
    data: JSON.stringify(fields),
  });

export const info: WireClass = {
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
export const forbidden = () => new ApiError("refused", 403, "NotPermit", null);

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
export let api: ReturnType<typeof fakeApi>;
export let session: ClassSession;

export const person = (user: string): Person => ({
  ...{ user, maySpeak: false, mic: false, speaking: false, level: 0, camera: null, screen: null },
});
export const people = (...users: string[]) => handlers.people(users.map(person));
export const hand = (from: string, type: number, studentId = from) => {
  version += 1;
  const sender = { userId: from, userExtension: "" };
  const data = JSON.stringify({ studentId });
  tell("message", { messageId: `m${version}`, type, sender, data });
};
export const sent = () =>
  call.mock.calls
    .filter(([method]) => method === "group.send")
    .map(([, fields]) => {
      const { type, data } = fields as { type: number; data: string };
      return [type, JSON.parse(data).studentId];
    });
/** Lets everything that is not waiting for the clock happen. */
export const settle = () => vi.advanceTimersByTimeAsync(1);

/** Somebody before the door: what the server answers can still be changed. */
export function outside(me: string, as: number = STUDENT): void {
  api = fakeApi(me);
  session = new ClassSession(api as unknown as ClassApi, "c1", as);
}

export async function inClass(me: string, as: number = STUDENT): Promise<void> {
  outside(me, as);
  await session.open();
  // The chunk of the media client takes more than the fake clock to load.
  await vi.waitFor(() => expect(session.snapshot().link.kind).toBe("live"));
  people("li", "ann", "bob");
  await settle();
}

export const page = new EventTarget();

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
