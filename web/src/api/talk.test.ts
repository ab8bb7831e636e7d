import { afterEach, describe, expect, it, vi } from "vitest";
import { checksum, nextRequestId, TalkApi, type TalkError } from "./talk";

const SECRET = "aB+c/d0123456789ABCDEF==";
const app = { appkey: "key+one", secret: SECRET };
const OK = { ActionStatus: "OK", ErrorCode: 0, ErrorInfo: "" };

const api = () => new TalkApi(app, "http://stoa.test");
const failure = (promise: Promise<unknown>): Promise<TalkError> =>
  promise.then(
    () => {
      throw new Error("did not fail");
    },
    (error: TalkError) => error,
  );

interface Asked {
  url: URL;
  body: Record<string, unknown>;
}

/** Answers every call with the same body and keeps what was asked. */
function answering(body: unknown, status = 200): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal("fetch", async (url: URL, init: RequestInit) => {
    asked.push({ url, body: JSON.parse(String(init.body)) });
    return Response.json(body, { status, headers: { "x-request-id": "req-7" } });
  });
  return asked;
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("signing", () => {
  it("hashes the secret and the very text of curtime", async () => {
    const vectors = {
      "1700000000": "8fd8f18331f9efa661d8abcfbff2e0c9f0f8d7be",
      "1700000000.123": "6cdb2f3007f37d9643dbf4fafb8fc6211f93c48f",
      "01700000000": "5c10efda73a1d3b23329b813d67b7cdf0298ae06",
    };
    for (const [curtime, expected] of Object.entries(vectors)) {
      expect(await checksum(SECRET, curtime)).toBe(expected);
    }
  });

  it("says so where the browser does not compute checksums, and sends nothing", async () => {
    const asked = answering(OK);
    vi.stubGlobal("crypto", {});
    expect((await failure(api().channelCount())).kind).toBe("insecure");
    expect(asked).toEqual([]);
  });

  it("sends key, administrator, time and checksum, escaped as the server reads them", async () => {
    vi.useFakeTimers({ now: 1_700_000_000_999, toFake: ["Date"] });
    const asked = answering({ ...OK, Total: 4 });
    expect(await api().channelCount()).toBe(4);
    const { url } = asked[0] as Asked;
    expect(url.pathname).toBe("/v1/im/get_talk_channel_list");
    expect(url.search).toBe(
      "?appkey=key%2Bone&identifier=admin&curtime=1700000000" +
        "&checksum=8fd8f18331f9efa661d8abcfbff2e0c9f0f8d7be",
    );
  });
});

describe("commands", () => {
  it("ask for a token for the role and device wanted", async () => {
    const asked = answering({ ...OK, Url: "ws://stoa.test", Token: "t.o.k" });
    const wish = { channel: "raid-7", user: "bob", identity: 2 as const, device: "" };
    expect(await api().createToken(wish)).toEqual({ url: "ws://stoa.test", token: "t.o.k" });
    expect(asked[0]?.body).toEqual({ ChannelID: "raid-7", UserID: "bob", IdentityType: 2 });
    await api().createToken({ ...wish, device: "phone" });
    expect(asked[1]?.body["DeviceID"]).toBe("phone");
  });

  it("number identity changes upwards, also within one millisecond and after a reload", async () => {
    vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ["Date"] });
    const asked = answering({ ...OK, Code: 0 });
    const one = api();
    await one.changeIdentity("c", "u", 3);
    await one.changeIdentity("c", "u", 1);
    const ids = asked.map(({ body }) => body["RequstId"]);
    expect(ids).toEqual([1_700_000_000_000, 1_700_000_000_001]);
    expect(nextRequestId(0, 1_700_000_005_000)).toBeGreaterThan(Number(ids[1]));
    expect(nextRequestId(9, 5)).toBe(10);
  });

  it("kick with the seconds of the ban and name who did it", async () => {
    const asked = answering(OK);
    await api().kick("c", "u", 600);
    expect(asked[0]?.body).toEqual({
      channel_id: "c",
      kick_user_id: "u",
      kick_time: 600,
      op_user: "admin",
    });
  });
});

describe("failures", () => {
  it("carry the code, the server's words and the request id, with HTTP 200 too", async () => {
    answering({ ActionStatus: "FAIL", ErrorCode: 100_005, ErrorInfo: "user u is not here" });
    const error = await failure(api().kick("c", "u", 0));
    expect([error.kind, error.code, error.info, error.requestId]).toEqual([
      "refused",
      100_005,
      "user u is not here",
      "req-7",
    ]);
  });

  it("tell an answer of something else from no answer", async () => {
    answering({ code: 404, message: "not found" }, 404);
    expect((await failure(api().detail("c"))).kind).toBe("no-api");
    vi.stubGlobal("fetch", async () => new Response("<html>", { status: 502 }));
    expect((await failure(api().detail("c"))).kind).toBe("no-api");
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("failed to fetch")));
    expect((await failure(api().detail("c"))).kind).toBe("unreachable");
  });
});
