import createClient from "openapi-fetch";
import type { paths } from "../api/schema-console";
import type { AccountPatch, MuteWish } from "./types";

/** A call of the console that failed. Status 0: no answer at all. */
export class ConsoleError extends Error {
  override readonly name = "ConsoleError";

  constructor(
    readonly status: number,
    /** `not_found`, `conflict`, …; empty if something else than the console answered. */
    readonly code: string,
    /** The server's plain words. */
    readonly detail: string,
    readonly requestId: string | null,
  ) {
    super(detail === "" ? `status ${status}` : detail);
  }
}

/** How long one call may take before the server counts as unreachable. */
const CALL_TIMEOUT_MS = 10_000;

type Query<P extends keyof paths> = paths[P] extends {
  get: { parameters: { query?: infer Q } };
}
  ? { [K in keyof Q]?: Q[K] | "" | undefined }
  : never;

type Stop = AbortSignal | undefined;

interface Outcome {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** The calls of the console, one method each; every failure is a `ConsoleError`, except that of being called off. */
export class ConsoleApi {
  private readonly http;

  constructor(
    token: string,
    private readonly onExpired: () => void = () => {},
    baseUrl: string = location.origin,
  ) {
    this.http = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } });
  }

  me = (stop?: AbortSignal) =>
    this.read((signal) => this.http.GET("/api/console/v1/me", { signal }), stop);

  overview = (stop?: AbortSignal) =>
    this.read((signal) => this.http.GET("/api/console/v1/overview", { signal }), stop);

  series = (minutes: number, stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { query: { minutes } };
      return this.http.GET("/api/console/v1/series", { params, signal });
    }, stop);

  channels = (query: Query<"/api/console/v1/channels">, stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { query: asked(query) };
      return this.http.GET("/api/console/v1/channels", { params, signal });
    }, stop);

  channel = (app: string, channel: string, stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { path: { app, channel } };
      return this.http.GET("/api/console/v1/channels/{app}/{channel}", { params, signal });
    }, stop);

  bans = (query: Query<"/api/console/v1/bans">, stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { query: asked(query) };
      return this.http.GET("/api/console/v1/bans", { params, signal });
    }, stop);

  calls = (query: Query<"/api/console/v1/calls">, stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { query: asked(query) };
      return this.http.GET("/api/console/v1/calls", { params, signal });
    }, stop);

  callDays = (query: Query<"/api/console/v1/calls/days">, stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { query: asked(query) };
      return this.http.GET("/api/console/v1/calls/days", { params, signal });
    }, stop);

  accounts = (query: Query<"/api/console/v1/accounts">, stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { query: asked(query) };
      return this.http.GET("/api/console/v1/accounts", { params, signal });
    }, stop);

  /** All that fit one answer: apps are few. */
  apps = (stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { query: { limit: 200 } };
      return this.http.GET("/api/console/v1/apps", { params, signal });
    }, stop);

  requests = (query: Query<"/api/console/v1/requests">, stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { query: asked(query) };
      return this.http.GET("/api/console/v1/requests", { params, signal });
    }, stop);

  audit = (query: Query<"/api/console/v1/audit">, stop?: AbortSignal) =>
    this.read((signal) => {
      const params = { query: asked(query) };
      return this.http.GET("/api/console/v1/audit", { params, signal });
    }, stop);

  kick = (app: string, channel: string, user: string, ban_seconds: number) =>
    this.run((signal) => {
      const params = { path: { app, channel } };
      const body = { user, ban_seconds };
      return this.http.POST("/api/console/v1/channels/{app}/{channel}/kick", {
        params,
        body,
        signal,
      });
    });

  mute = (app: string, channel: string, body: MuteWish) =>
    this.run((signal) => {
      const params = { path: { app, channel } };
      return this.http.POST("/api/console/v1/channels/{app}/{channel}/mute", {
        params,
        body,
        signal,
      });
    });

  end = (app: string, channel: string) =>
    this.run((signal) => {
      const params = { path: { app, channel } };
      return this.http.POST("/api/console/v1/channels/{app}/{channel}/end", { params, signal });
    });

  lift = (app: string, channel: string, user: string) =>
    this.run((signal) => {
      const body = { app, channel, user };
      return this.http.POST("/api/console/v1/bans/lift", { body, signal });
    });

  addAccount = (user: string, password: string, admin: boolean) =>
    this.run((signal) => {
      const body = { user, password, admin };
      return this.http.POST("/api/console/v1/accounts", { body, signal });
    });

  changeAccount = (user: string, body: AccountPatch) =>
    this.run((signal) => {
      const params = { path: { user } };
      return this.http.PATCH("/api/console/v1/accounts/{user}", { params, body, signal });
    });

  endSessions = (user: string) =>
    this.run((signal) => {
      const params = { path: { user } };
      return this.http.POST("/api/console/v1/accounts/{user}/logout", { params, signal });
    });

  removeAccount = (user: string) =>
    this.run((signal) => {
      const params = { path: { user } };
      return this.http.DELETE("/api/console/v1/accounts/{user}", { params, signal });
    });

  private async read<T extends Outcome>(
    call: (signal: AbortSignal) => Promise<T>,
    stop: Stop,
  ): Promise<NonNullable<T["data"]>> {
    const { data, response } = await this.run(call, stop);
    if (typeof data === "object" && data !== null) return data as NonNullable<T["data"]>;
    throw new ConsoleError(response.status, "", "", response.headers.get("x-request-id"));
  }

  /** Runs one call and turns every way to fail into a `ConsoleError`. */
  private async run<T extends Outcome>(
    call: (signal: AbortSignal) => Promise<T>,
    stop?: Stop,
  ): Promise<T> {
    const limit = AbortSignal.timeout(CALL_TIMEOUT_MS);
    let outcome: T;
    try {
      outcome = await call(stop === undefined ? limit : AbortSignal.any([stop, limit]));
    } catch (cause) {
      if (stop?.aborted) throw cause;
      // An answer that is no JSON is one of somebody in between.
      const failure = new ConsoleError(0, "", "", null);
      failure.cause = cause;
      throw failure;
    }
    if (outcome.response.ok) return outcome;
    const failure = refusal(outcome);
    if (failure.status === 401) this.onExpired();
    throw failure;
  }
}

/** What is empty is not asked for. */
function asked<T extends object>(query: T): { [K in keyof T]?: Exclude<T[K], "" | undefined> } {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], "" | undefined> };
}

function refusal({ error: body, response }: Outcome): ConsoleError {
  const error = field(body, "error");
  const said = (name: string) => {
    const value = field(error, name);
    return typeof value === "string" ? value : "";
  };
  const requestId = said("request_id") || response.headers.get("x-request-id");
  return new ConsoleError(response.status, said("code"), said("message"), requestId);
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Record<string, unknown>)[name];
}
