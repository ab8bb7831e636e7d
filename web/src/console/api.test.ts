import { afterEach, describe, expect, it, vi } from "vitest";
import { ConsoleApi, ConsoleError } from "./api";

const answer = (status: number, body: unknown) =>
  new Response(status === 204 ? null : JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "x-request-id": "req-1" },
  });

function given(reply: () => Promise<Response>) {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", (request: Request) => {
    asked.push(request);
    return reply();
  });
  const expired = vi.fn();
  return { api: new ConsoleApi("tok", expired, "http://h"), asked, expired };
}

afterEach(() => vi.unstubAllGlobals());

const failed = (call: Promise<unknown>) =>
  call.then(
    () => {
      throw new Error("it went through");
    },
    (error: unknown) => error as ConsoleError,
  );

describe("the console's calls", () => {
  it("leave out what is empty, encode names, and carry the token", async () => {
    const { api, asked } = given(async () => answer(200, { total: 0, items: [] }));
    await api.channels({ kind: "", app: "", q: "a&b", offset: 0, limit: 50 });
    await api.channel("1000", "a/b c");
    expect(asked[0]?.url).toBe("http://h/api/console/v1/channels?q=a%26b&offset=0&limit=50");
    expect(asked[1]?.url).toBe("http://h/api/console/v1/channels/1000/a%2Fb%20c");
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer tok");
  });

  it("are done with an empty answer", async () => {
    const { api, asked } = given(async () => answer(204, null));
    await api.kick("1000", "raid", "bob", 60);
    expect(await asked[0]?.json()).toEqual({ user: "bob", ban_seconds: 60 });
  });

  it("tell a refusal by its code, words and request", async () => {
    const error = { code: "conflict", message: "the last administrator", request_id: "req-9" };
    const { api, expired } = given(async () => answer(409, { error }));
    const failure = await failed(api.removeAccount("root"));
    expect(failure).toBeInstanceOf(ConsoleError);
    expect([failure.status, failure.code, failure.detail, failure.requestId]).toEqual([
      409,
      "conflict",
      "the last administrator",
      "req-9",
    ]);
    expect(expired).not.toHaveBeenCalled();
  });

  it("end the session when the token does not count", async () => {
    const { api, expired } = given(async () => answer(401, {}));
    expect((await failed(api.me())).requestId).toBe("req-1");
    expect(expired).toHaveBeenCalledOnce();
  });

  it("tell a server that cannot be reached from being called off", async () => {
    const { api } = given(async () => {
      throw new TypeError("no route");
    });
    expect((await failed(api.me())).status).toBe(0);
    const stop = new AbortController();
    stop.abort();
    expect(await failed(api.me(stop.signal))).not.toBeInstanceOf(ConsoleError);
  });
});
