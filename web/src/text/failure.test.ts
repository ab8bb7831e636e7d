import { describe, expect, it } from "vitest";
import { ApiError, kindOf } from "../api/error";
import { failureText, loginFailureText } from "./failure";

function answer(code: number, message = "", headers: Record<string, string> = {}): ApiError {
  return ApiError.fromAnswer(code, message, new Response(null, { headers }), "req-1");
}

describe("error texts", () => {
  it("turns every code of the dialect into a kind and a sentence", () => {
    const kinds: Record<number, string> = {
      400: "bad-input",
      401: "signed-out",
      403: "refused",
      404: "not-found",
      405: "internal",
      413: "bad-input",
      429: "throttled",
      500: "internal",
      503: "busy",
    };
    for (const [code, kind] of Object.entries(kinds)) {
      expect(kindOf(Number(code))).toBe(kind);
      expect(failureText(answer(Number(code), "title: too long")).length).toBeGreaterThan(10);
    }
  });

  it("shows the server's words only where they name the field at fault", () => {
    expect(failureText(answer(400, "title: must be at most 256"))).toContain(
      "title: must be at most 256",
    );
    expect(failureText(answer(500, "internal error"))).not.toContain("internal error");
  });

  it("says how long to wait when the server said so", () => {
    expect(failureText(answer(429, "", { "retry-after": "7" }))).toContain("7 s");
    expect(failureText(answer(429))).not.toMatch(/\d/);
    expect(answer(429, "", { "retry-after": "soon" }).retryAfterSeconds).toBeNull();
  });

  it("calls a refused login wrong credentials, not an ended session", () => {
    expect(loginFailureText(answer(401))).not.toBe(failureText(answer(401)));
    expect(loginFailureText(answer(429))).toBe(failureText(answer(429)));
  });

  it("has words for the refusals of joinMic that are no errors", () => {
    expect(failureText("full")).not.toBe(failureText("already"));
  });

  it("keeps the request id of the answer, and has none without an answer", () => {
    expect(answer(500).requestId).toBe("req-1");
    expect(ApiError.unreachable(new TypeError("failed")).requestId).toBeNull();
  });
});
