import { describe, expect, it } from "vitest";
import { ASSISTANT, STUDENT, TEACHER, type WireClass } from "../api/classroom";
import { onThisClock, sameOr } from "./check-in";
import { fromWire, safeUrl, toData } from "./documents";
import type { Person } from "./media-port";
import {
  type ClassState,
  deviceBlock,
  identityIn,
  initialState,
  may,
  readRights,
  sharing,
  tiles,
} from "./state";

const info: WireClass = {
  id: "c1",
  title: "Algebra",
  notice: "",
  teacher_id: "li",
  teacher_nick: "Ms Li",
  status: 1,
  mode: 0,
  meetingInfo: "{}",
  boards: "{}",
  metrics: { online_count: 0 },
};

const picture = { id: "t1", mine: false, attach: () => {}, detach: () => {} };
const person = (user: string, more: Partial<Person> = {}): Person => ({
  user,
  maySpeak: false,
  mic: false,
  speaking: false,
  level: 0,
  camera: null,
  screen: null,
  ...more,
});

const state = (more: Partial<ClassState>): ClassState => ({
  ...initialState("ann"),
  info,
  ...more,
});

describe("who somebody is", () => {
  const assistant = { identity: 2, status: 1, user_id: "ann", user_name: "Ann" };

  it("follows the class, not what was asked for", () => {
    expect(identityIn(info, "li")).toBe(TEACHER);
    expect(identityIn(info, "ann")).toBe(STUDENT);
    expect(identityIn({ ...info, assistantPermit: assistant }, "ann")).toBe(ASSISTANT);
    expect(identityIn({ ...info, assistantPermit: assistant }, "bob")).toBe(STUDENT);
  });

  it("is no assistant any more who has left the place", () => {
    const gone = { ...assistant, status: 2 };
    expect(identityIn({ ...info, assistantPermit: gone }, "ann")).toBe(STUDENT);
  });
});

describe("rights", () => {
  const permit = { permit: '["Courceware"]' };

  it("are read from a list and from switches", () => {
    expect(readRights(permit)).toEqual(["Courceware"]);
    expect(readRights({ permit: '{"MuteUser":true,"MuteGroup":"true","A":1,"B":false}' })).toEqual([
      "MuteUser",
      "MuteGroup",
      "A",
    ]);
    for (const text of ["", "1", "null", "{", '"Courceware"']) {
      expect(readRights({ permit: text })).toEqual([]);
    }
    expect(readRights(null)).toEqual([]);
  });

  it("are all the teacher's, the named ones the assistant's, none a student's", () => {
    expect(may(state({ identity: TEACHER }), "DrawWhiteboard")).toBe(true);
    expect(may(state({ identity: ASSISTANT, permit }), "Courceware")).toBe(true);
    expect(may(state({ identity: ASSISTANT, permit }), "DrawWhiteboard")).toBe(false);
    expect(may(state({ identity: STUDENT, permit }), "Courceware")).toBe(false);
  });
});

describe("the pictures", () => {
  it("keep the teacher's place first and the stage in its order", () => {
    const stage = [{ user_id: "cem" }, { user_id: "li" }, { user_id: "bob" }];
    const people = ["bob", "cem", "zoe"].map((user) => person(user, { maySpeak: user !== "zoe" }));
    const shown = tiles(state({ stage, people }));
    expect(shown.map(({ user }) => user)).toEqual(["li", "cem", "bob"]);
    expect(shown.map((tile) => tile.person !== null)).toEqual([false, true, true]);
    expect(shown[0]?.name).toBe("Ms Li");
  });

  it("leave out who is named but off the stage, and have whoever is seen or heard", () => {
    const stage = [{ user_id: "bob" }];
    const people = [person("bob"), person("zoe", { mic: true })];
    expect(tiles(state({ stage, people })).map(({ user }) => user)).toEqual(["li", "zoe"]);
  });

  it("show the teacher's screen before a student's, or nobody's", () => {
    const stage = [{ user_id: "bob" }];
    const bob = person("bob", { maySpeak: true, screen: picture });
    expect(sharing(state({ stage, people: [bob, person("li")] }))?.user).toBe("bob");
    const both = [bob, person("li", { screen: picture })];
    expect(sharing(state({ stage, people: both }))?.user).toBe("li");
    expect(sharing(state({ stage, people: [person("bob")] }))).toBeNull();
  });
});

describe("the own devices", () => {
  it("say why they stay off", () => {
    const live = { kind: "live" } as const;
    expect(deviceBlock(state({}))).toBe("offline");
    expect(deviceBlock(state({ link: live }))).toBe("not-on-stage");
    // Named, but the server does not let them: they may raise a hand.
    expect(deviceBlock(state({ link: live, stage: [{ user_id: "ann" }] }))).toBe("not-on-stage");
    expect(deviceBlock(state({ link: live, identity: TEACHER }))).toBe("waiting");
    expect(deviceBlock(state({ link: live, mayPublish: true }))).toBeNull();
  });
});

describe("a check-in", () => {
  const wire = { id: "k1", start_time: "2023-11-24T11:50:00", now_time: "2023-11-24T11:50:12" };

  it("ends by this device's clock, whatever the server's says", () => {
    const now = 1_000_000;
    expect(onThisClock({ ...wire, duration: 60 }, now).endsAt).toBe(now + 48_000);
  });

  it("does not jump when it is looked at again", () => {
    const first = onThisClock({ ...wire, duration: 60 }, 0);
    expect(sameOr(first, onThisClock({ ...wire, duration: 60 }, 700))).toBe(first);
    expect(sameOr(first, null)).toBeNull();
    const other = { ...first, id: "k2" };
    expect(sameOr(first, other)).toBe(other);
  });
});

describe("courseware", () => {
  it("comes back as it was added", () => {
    const docInfos = toData("Chapter 3", "https://stoa.test/3.pdf");
    expect(fromWire({ docId: "d1", docInfos })).toEqual({
      id: "d1",
      name: "Chapter 3",
      url: "https://stoa.test/3.pdf",
      file: null,
    });
  });

  it("of other clients is shown by its id at least", () => {
    for (const docInfos of ["", "{", "3", '{"name":4}', "null"]) {
      expect(fromWire({ docId: "d1", docInfos })).toEqual({
        ...{ id: "d1", name: "d1", url: null, file: null },
      });
    }
  });

  it("never leads anywhere but to the web", () => {
    for (const url of ["javascript:alert(1)", "data:text/html,x", "file:///x", "x", ""]) {
      expect(safeUrl(url)).toBeNull();
    }
    expect(safeUrl("http://stoa.test")).toBe("http://stoa.test/");
  });
});
