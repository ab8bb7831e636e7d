import createClient from "openapi-fetch";
import { ApiError } from "./error";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type WireRoom = Schemas["Room"];
export type WireSeat = Schemas["Seat"];

/** What every answer of the dialect carries, refusals included. */
interface Envelope {
  code: number;
  message?: string;
}

interface Outcome {
  data?: unknown;
  error?: unknown;
  response: Response;
}

export interface Login {
  token: string;
  expire: string;
}

export interface MediaTicket {
  url: string;
  token: string;
}

export interface RoomPage {
  rooms: WireRoom[];
  more: boolean;
}

export type TakeSeat =
  | { kind: "seated"; seats: WireSeat[] }
  | { kind: "full" }
  | { kind: "already"; index: number };

/** How long one call may take before the page calls the server unreachable. Above the server's 5 s lock wait. */
const CALL_TIMEOUT_MS = 10_000;

/**
 * The calls this page makes, one method each. Every method returns the answer of a success
 * and throws `ApiError` for everything else, network failures included.
 */
export class Api {
  private readonly http;

  constructor(
    private readonly token: string | null,
    private readonly onUnauthorized: () => void = () => {},
    baseUrl: string = location.origin,
  ) {
    this.http = createClient<paths>({
      baseUrl,
      ...(token === null ? {} : { headers: { authorization: `Bearer ${token}` } }),
    });
  }

  async login(username: string, password: string): Promise<Login> {
    const answer = await this.run((signal) =>
      this.http.POST("/login", { body: { username, password }, signal }),
    );
    return { token: need(answer.token), expire: answer.expire ?? "" };
  }

  async list(size: number): Promise<RoomPage> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/list", { body: { page_num: 1, page_size: size }, signal }),
    );
    return { rooms: answer.rooms ?? [], more: answer.next_cursor !== undefined };
  }

  async create(owner: string, title: string, notice: string): Promise<WireRoom> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/create", {
        body: { title, notice, anchor: owner, anchor_nick: owner },
        signal,
      }),
    );
    return asRoom(answer);
  }

  async get(id: string): Promise<WireRoom> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/get", { body: { id }, signal }),
    );
    return asRoom(answer);
  }

  async mediaTicket(id: string, user: string): Promise<MediaTicket> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/getRtcAuthToken", {
        body: { room_id: id, user_id: user },
        signal,
      }),
    );
    return { token: need(answer.auth_token), url: need(answer.rtc_url) };
  }

  async seats(id: string): Promise<WireSeat[]> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/getMeetingInfo", { body: { id }, signal }),
    );
    return need(answer.members);
  }

  async joinMic(id: string, user: string, index: number): Promise<TakeSeat> {
    const profile = JSON.stringify({ user_nick: user, user_avatar: "" });
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/joinMic", {
        body: { id, user_id: user, index, extends: profile },
        signal,
      }),
    );
    if (answer.members) return { kind: "seated", seats: answer.members };
    if (answer.reason === 2) return { kind: "already", index: answer.index ?? 0 };
    return { kind: "full" };
  }

  async leaveMic(id: string, user: string, index: number): Promise<WireSeat[]> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/leaveMic", { body: { id, user_id: user, index }, signal }),
    );
    return need(answer.members);
  }

  async dismiss(id: string, user: string): Promise<void> {
    let requestId: string | null = null;
    const answer = await this.run(async (signal) => {
      const outcome = await this.http.POST("/api/chatroom/dismiss", {
        body: { id, user_id: user },
        signal,
      });
      requestId = outcome.response.headers.get("x-request-id");
      return outcome;
    });
    if (answer.success !== true) {
      throw new ApiError("refused", 403, answer.message ?? answer.reason ?? "", requestId);
    }
  }

  /** Runs one call and turns every way to fail into an `ApiError`. */
  private async run<T extends Outcome>(
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<NonNullable<T["data"]> & Envelope> {
    let outcome: T;
    try {
      outcome = await call(AbortSignal.timeout(CALL_TIMEOUT_MS));
    } catch (cause) {
      throw ApiError.unreachable(cause);
    }
    const body = outcome.data ?? outcome.error;
    const requestId = outcome.response.headers.get("x-request-id");
    if (!isEnvelope(body)) {
      throw new ApiError("internal", outcome.response.status, "", requestId);
    }
    if (body.code !== 200) {
      const failure = ApiError.fromAnswer(
        body.code,
        body.message ?? "",
        outcome.response,
        requestId,
      );
      if (failure.kind === "signed-out" && this.token !== null) this.onUnauthorized();
      throw failure;
    }
    return body as NonNullable<T["data"]> & Envelope;
  }
}

function isEnvelope(body: unknown): body is Envelope {
  return (
    typeof body === "object" && body !== null && "code" in body && typeof body.code === "number"
  );
}

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new ApiError("internal", 200, "incomplete answer", null);
  return value;
}

function asRoom(answer: Schemas["RoomAnswer"]): WireRoom {
  need(answer.id);
  return answer as WireRoom;
}
