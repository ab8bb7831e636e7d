import { afterEach, describe, expect, it, vi } from "vitest";
import { ASSISTANT, ClassApi, STUDENT } from "./classroom";
import { ApiError } from "./error";

function answering(body: unknown, init: ResponseInit = {}) {
  const fetch = vi.fn(async (_url: URL, _init: RequestInit) =>
    Response.json(body, { headers: { "x-request-id": "req-9" }, ...init }),
  );
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

const api = (onUnauthorized = () => {}) =>
  new ClassApi("ann", "token-1", onUnauthorized, "http://stoa.test");
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "did not fail",
    (error: unknown) => error,
  );
const bodyOf = (fetch: ReturnType<typeof answering>) =>
  JSON.parse(String(fetch.mock.calls[0]?.[1].body));

afterEach(() => vi.unstubAllGlobals());

describe("the classroom dialect", () => {
  it("speaks for the one who is signed in", async () => {
    const fetch = answering({ success: true, data: [] });
    await api().list(24);
    const [url, init] = fetch.mock.calls[0] ?? [];
    expect(String(url)).toBe("http://stoa.test/api/v1/class/list");
    expect(init?.headers).toMatchObject({ authorization: "Bearer token-1" });
    expect(bodyOf(fetch)).toEqual({ user_id: "ann", page_num: 1, page_size: 24 });
  });

  it("asks for a place as assistant only where that is meant", async () => {
    const student = answering({ success: true });
    await api().join("c1", STUDENT);
    expect(bodyOf(student)).not.toHaveProperty("identity");
    const assistant = answering({ success: true });
    await api().join("c1", ASSISTANT);
    expect(bodyOf(assistant)).toHaveProperty("identity", 2);
  });

  it("takes a reason for an answer where there is one", async () => {
    answering({ success: false, data: { reason: "ClassHasAssistant" } });
    expect(await api().join("c1", ASSISTANT)).toBe("ClassHasAssistant");
    answering({ success: false, data: { reason: "CheckInEnded" } });
    expect(await api().checkIn("k1")).toBe("CheckInEnded");
  });

  it("tells a wrong field from a refused token, which have the same number", async () => {
    const out = vi.fn();
    const wrong = { success: false, errorCode: "401", errorMsg: "参数错误" };
    answering({ ...wrong, data: { code: 401, msg: "title: required" } });
    const field = await failure(api(out).create("", "", 0));
    expect(field).toMatchObject({ kind: "bad-input", detail: "title: required" });
    expect(out).not.toHaveBeenCalled();
    answering({ success: false, errorCode: "401", errorMsg: "Unauthorized" }, { status: 401 });
    expect(await failure(api(out).get("c1"))).toMatchObject({ kind: "signed-out" });
    expect(out).toHaveBeenCalledOnce();
  });

  it("turns the other errors into kinds, with the request for the log", async () => {
    for (const [code, kind] of [
      ["403", "refused"],
      ["404", "not-found"],
      ["409", "internal"],
      ["500", "internal"],
    ]) {
      answering({ success: false, errorCode: code, errorMsg: "x" });
      expect(await failure(api().get("c1"))).toMatchObject({ kind, requestId: "req-9" });
    }
    answering("<html>", { status: 502 });
    expect(await failure(api().get("c1"))).toMatchObject({ kind: "internal", code: 502 });
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("offline")));
    expect(await failure(api().get("c1"))).toMatchObject({ kind: "unreachable" });
  });

  it("has nothing where the server has nothing", async () => {
    answering({ success: true });
    expect(await api().permit("c1")).toBeNull();
    answering({ success: false, errorCode: "404", errorMsg: "NotFound" });
    expect(await api().runningCheckIn("c1")).toBeNull();
    expect(await api().hasCheckedIn("k1")).toBe(false);
  });

  it("says goodbye in a way that outlives the page", () => {
    const fetch = answering({ success: true });
    api().leave("c1");
    expect(fetch.mock.calls[0]?.[1]).toMatchObject({ keepalive: true, method: "POST" });
  });
});

describe("the whiteboard", () => {
  const auth = { curTime: 1_691_650_304, nonce: "0a", checksum: "3d" };

  it("is addressed with a proof and the token, both in the address", () => {
    const url = api().boardAddress("b1", auth);
    expect(url.pathname).toBe("/api/v1/class/whiteboard/b1");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      ...{ nonce: "0a", curTime: "1691650304", checksum: "3d", token: "token-1" },
    });
  });

  it("says why it refuses, when asked without an upgrade", async () => {
    const answers = [
      Response.json({ success: true, data: auth }),
      new Response(null, { status: 204 }),
    ];
    vi.stubGlobal("fetch", async () => answers.shift());
    expect(await api().boardRefusal("b1")).toBeNull();
    answers.push(Response.json({ success: true, data: auth }), new Response(null, { status: 403 }));
    expect(await api().boardRefusal("b1")).toBe("refused");
  });

  it("gives its pictures only to those who may see them", async () => {
    answering({ success: false, errorCode: "403" }, { status: 403 });
    const error = await failure(api().boardPicture("b1", 0, "svg"));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ kind: "refused" });
  });
});
