import { afterEach, describe, expect, it, vi } from "vitest";
import { Api } from "./client";
import type { ApiError } from "./error";

function answering(body: unknown, init: ResponseInit = {}): ReturnType<typeof vi.fn> {
  const fetch = vi.fn(async (_request: Request) =>
    Response.json(body, { ...init, headers: { "x-request-id": "req-9" } }),
  );
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

const api = (onUnauthorized = () => {}) => new Api("token-1", onUnauthorized, "http://stoa.test");
const failure = (promise: Promise<unknown>): Promise<ApiError> =>
  promise.then(
    () => {
      throw new Error("did not fail");
    },
    (error: ApiError) => error,
  );

afterEach(() => vi.unstubAllGlobals());

describe("the typed client", () => {
  it("sends the bearer token and the body the dialect wants", async () => {
    const fetch = answering({ code: 200, members: [] });
    await api().joinMic("r1", "bob", 3);
    const request = fetch.mock.calls[0]?.[0] as Request;
    expect(request.url).toBe("http://stoa.test/api/chatroom/joinMic");
    expect(request.headers.get("authorization")).toBe("Bearer token-1");
    expect(await request.json()).toEqual({
      id: "r1",
      user_id: "bob",
      index: 3,
      extends: '{"user_nick":"bob","user_avatar":""}',
    });
  });

  it("tells the outcomes of joinMic apart, all with code 200", async () => {
    answering({ code: 200, reason: 1, desc: "all seats are taken" });
    expect(await api().joinMic("r1", "bob", 1)).toEqual({ kind: "full" });
    answering({ code: 200, reason: 2, index: 4 });
    expect(await api().joinMic("r1", "bob", 1)).toEqual({ kind: "already" });
  });

  it("fails on a code other than 200 even where the HTTP status is 200", async () => {
    answering({ code: 404, message: "room not found", success: false, members: [] });
    const error = await failure(api().seats("r1"));
    expect(error).toMatchObject({ kind: "not-found", requestId: "req-9" });
  });

  it("reports an unsuccessful dismiss as refused", async () => {
    answering({ code: 200, success: false, reason: "NoPermit", message: "not the owner" });
    expect(await failure(api().dismiss("r1", "bob"))).toMatchObject({
      kind: "refused",
      requestId: "req-9",
    });
  });

  it("calls for a new sign-in on 401, but not for a refused login", async () => {
    const signedOut = vi.fn();
    answering({ code: 401, message: "token expired" }, { status: 401 });
    await failure(api(signedOut).list(10));
    expect(signedOut).toHaveBeenCalledOnce();
    await failure(new Api(null, signedOut, "http://stoa.test").login("bob", "wrong"));
    expect(signedOut).toHaveBeenCalledOnce();
  });

  it("turns a dead network into `unreachable` and a foreign answer into `internal`", async () => {
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("failed to fetch")));
    expect(await failure(api().list(10))).toMatchObject({ kind: "unreachable", requestId: null });
    answering({ hello: "proxy" }, { status: 502 });
    expect(await failure(api().list(10))).toMatchObject({ kind: "internal", code: 502 });
  });
});
