import { describe, expect, it } from "vitest";
import { MESSAGE_TOPIC, NOTICE_TOPIC, readNotice } from "./notice";

const bytes = (body: unknown) => new TextEncoder().encode(JSON.stringify(body));
const common = { id: "01JD8Z", channel_id: "raid-7", user_id: "bob", ts: 1_700_000_000_123 };

describe("reading packets", () => {
  it("takes a pushed text as it is", () => {
    const content = "测试消息222 <b>\n";
    const body = { ...common, event: "message", user_id: "admin", receiver_id: "", content };
    expect(readNotice(MESSAGE_TOPIC, bytes(body))).toEqual({
      event: "message",
      id: "01JD8Z",
      channel: "raid-7",
      user: "admin",
      receiver: "",
      content,
      at: 1_700_000_000_123,
    });
  });

  it("takes every notice of the contract", () => {
    const op = { ...common, op_user: "admin" };
    const read = (body: object) => readNotice(NOTICE_TOPIC, bytes({ ...op, ...body }));
    expect(
      read({
        event: "kicked",
        reason: 1,
        kick_time: 60,
        until: 1_700_000_060,
        detail: "admin,1,60",
      }),
    ).toMatchObject({ event: "kicked", by: "admin", seconds: 60, until: 1_700_000_060 });
    expect(read({ event: "user_kicked", kick_time: 0, until: 0 })).toMatchObject({ seconds: 0 });
    expect(
      read({ event: "identity", identity_type: 3, old_identity_type: 1, request_id: "9" }),
    ).toMatchObject({ from: 1, to: 3 });
    expect(read({ event: "mic_grant", granted: 1 })).toMatchObject({ granted: true });
    expect(read({ event: "muted", audio: 1, video: 0, until: 0 })).toMatchObject({
      audio: true,
      video: false,
    });
    expect(read({ event: "dismissed" })).toMatchObject({ event: "dismissed", by: "admin" });
  });

  it("leaves everything else alone", () => {
    const body = { ...common, event: "dismissed" };
    expect(readNotice("chat", bytes(body))).toBeNull();
    expect(readNotice(undefined, bytes(body))).toBeNull();
    expect(readNotice(NOTICE_TOPIC, bytes({ ...body, event: "to come" }))).toBeNull();
    expect(readNotice(NOTICE_TOPIC, bytes({ ...body, event: "message" }))).toBeNull();
    expect(readNotice(NOTICE_TOPIC, bytes({ ...body, id: 5 }))).toBeNull();
    expect(
      readNotice(NOTICE_TOPIC, bytes({ ...body, event: "identity", identity_type: 7 })),
    ).toBeNull();
    expect(readNotice(NOTICE_TOPIC, bytes(["dismissed"]))).toBeNull();
    expect(readNotice(NOTICE_TOPIC, new Uint8Array([0xff, 0x7b]))).toBeNull();
  });
});
