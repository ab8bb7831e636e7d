import { describe, expect, it } from "vitest";
import { readMembers, readMessages, readPayload } from "./payload";

const message = {
  kind: "message",
  groupId: "g",
  messageId: "m1",
  seqnum: 7,
  type: 21301,
  level: 0,
  timestamp: 1_893_456_000_123,
  sender: { userId: "ann", userExtension: '{"userNick":"Ann"}' },
  data: '{"content":"hi"}',
};

describe("a publication", () => {
  it("is read as a message with its sender's nick", () => {
    expect(readPayload(message)).toEqual([
      expect.objectContaining({ id: "m1", user: "ann", name: "Ann", data: { content: "hi" } }),
    ]);
    const plain = { ...message, sender: { userId: "ann", userExtension: "" } };
    expect(readPayload(plain)).toEqual([expect.objectContaining({ name: "ann" })]);
  });

  it("may be a batch, in order", () => {
    const items = [message, { kind: "stats", groupId: "g", onlineCount: 3, likeCount: 1 }];
    expect(readPayload({ kind: "batch", items }).map(({ kind }) => kind)).toEqual([
      "message",
      "stats",
    ]);
  });

  it("for one user names its group in the wrapper", () => {
    const inner = JSON.stringify({ type: 21004, userId: "ann" });
    const data = JSON.stringify({ data: inner, groupId: "other" });
    const [direct] = readPayload({ ...message, groupId: "g", type: 21004, data });
    expect(direct).toMatchObject({ group: "other", data: { userId: "ann" } });
  });

  it("tells who came and went, and why", () => {
    const [event] = readPayload({
      kind: "members",
      groupId: "g",
      version: 4,
      total: 2,
      joined: [{ userId: "bob", userExtension: "" }],
      left: [{ userId: "ann", userExtension: "", why: "kicked" }],
    });
    expect(event).toEqual({
      kind: "members",
      group: "g",
      version: 4,
      total: 2,
      joined: [{ user: "bob", name: "bob" }],
      left: [{ user: "ann", why: "kicked" }],
    });
  });

  it("carries the announcement of a class in its meta", () => {
    const groupMeta = JSON.stringify({ announcement: { content: "Bring a ruler" } });
    const [event] = readPayload({ kind: "info", groupId: "g", version: 2, groupMeta });
    expect(event).toMatchObject({ kind: "info", notice: "Bring a ruler" });
  });

  it.each([
    null,
    7,
    "x",
    [],
    {},
    { kind: "gone", messageId: "m1" },
    { kind: "toString", groupId: "g" },
    { ...message, data: "no JSON" },
    { ...message, sender: null },
  ])("that cannot be read is nothing: %j", (payload) => {
    expect(readPayload(payload)).toEqual([]);
  });
});

describe("answers", () => {
  it("list messages and members, whatever else is in them", () => {
    expect(readMessages({ messageList: [message, null, 3] })).toHaveLength(1);
    expect(readMembers({ members: [{ userId: "ann" }, {}], cursor: "ann" })).toEqual({
      members: [{ user: "ann", name: "ann" }],
      cursor: "ann",
    });
    expect(readMembers(undefined)).toEqual({ members: [], cursor: null });
  });
});
