/** Why a call failed, as far as the page acts on it. */
export type FailureKind =
  | "unreachable"
  | "busy"
  | "signed-out"
  | "bad-input"
  | "refused"
  | "not-found"
  | "throttled"
  | "internal";

/** A failed call. `requestId` finds the server's log lines of it; a call that never arrived has none. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly kind: FailureKind,
    readonly code: number,
    /** The server's own words: English, without internals. */
    readonly detail: string,
    readonly requestId: string | null,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(detail === "" ? kind : `${kind}: ${detail}`);
  }

  static unreachable(cause: unknown): ApiError {
    const failure = new ApiError("unreachable", 0, "", null);
    failure.cause = cause;
    return failure;
  }

  static fromAnswer(
    code: number,
    detail: string,
    response: Response,
    requestId: string | null,
  ): ApiError {
    return new ApiError(kindOf(code), code, detail, requestId, retryAfter(response));
  }
}

/** The dialect's codes are the HTTP numbers, also where the HTTP status itself is 200. */
export function kindOf(code: number): FailureKind {
  switch (code) {
    case 400:
    case 413:
      return "bad-input";
    case 401:
      return "signed-out";
    case 403:
      return "refused";
    case 404:
      return "not-found";
    case 429:
      return "throttled";
    case 503:
      return "busy";
    default:
      return "internal";
  }
}

function retryAfter(response: Response): number | null {
  const header = response.headers.get("retry-after");
  if (header === null) return null;
  const seconds = Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}
