import createClient from "openapi-fetch";
import { ApiError } from "./error";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type WireRoom = Schemas["RoomBody"];
export type WireSeat = Schemas["SeatBody"];

/** What every answer of the dialect carries, refusals included. */
interface Envelope {
  code: number;
  message?: string;
  success?: boolean;
}

interface Outcome {
  data?: unknown;
  error?: unknown;
  response: Response;
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
  | { kind: "already" };

/** `reason` of `joinMic` for a user who sits already; the other reason is that no seat is free. */
const ALREADY_SEATED = 2;

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

  async login(username: string, password: string): Promise<string> {
    const answer = await this.run((signal) =>
      this.http.POST("/login", { body: { username, password }, signal }),
    );
    return done(answer, "token").token;
  }

  async list(size: number): Promise<RoomPage> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/list", { body: { page_num: 1, page_size: size }, signal }),
    );
    const page = done(answer, "rooms");
    return { rooms: page.rooms, more: typeof page.next_cursor === "string" };
  }

  async create(owner: string, title: string, notice: string): Promise<WireRoom> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/create", {
        body: { title, notice, anchor: owner, anchor_nick: owner },
        signal,
      }),
    );
    return done(answer, "meetingInfo");
  }

  async update(id: string, title: string, notice: string): Promise<WireRoom> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/update", { body: { id, title, notice }, signal }),
    );
    return done(answer, "meetingInfo");
  }

  async get(id: string): Promise<WireRoom> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/get", { body: { id }, signal }),
    );
    return done(answer, "meetingInfo");
  }

  async mediaTicket(id: string, user: string): Promise<MediaTicket> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/getRtcAuthToken", {
        body: { room_id: id, user_id: user },
        signal,
      }),
    );
    const { auth_token: token, rtc_url: url } = done(answer, "auth_token");
    // Without an address the rooms are carried by a vendor whose own client this page does not have.
    if (typeof url !== "string") throw new ApiError("internal", 200, "no rtc_url", null);
    return { token, url };
  }

  /** A token for one connection to the message hub. `device` tells the connections of one user apart. */
  async hubToken(user: string, device: string): Promise<string> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/token", {
        body: { user_id: user, device_id: device, device_type: "web" },
        signal,
      }),
    );
    const { hub } = done(answer, "im_provider");
    // The messages of these rooms are carried by a vendor whose own client this page does not have.
    if (hub === undefined) throw new ApiError("refused", 200, "no hub", null);
    return hub.token;
  }

  async seats(id: string): Promise<WireSeat[]> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/getMeetingInfo", { body: { id }, signal }),
    );
    return done(answer, "members").members;
  }

  async joinMic(id: string, user: string, index: number): Promise<TakeSeat> {
    const profile = JSON.stringify({ user_nick: user, user_avatar: "" });
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/joinMic", {
        body: { id, user_id: user, index, extends: profile },
        signal,
      }),
    );
    if (has(answer, "members")) return { kind: "seated", seats: answer.members };
    return { kind: answer.reason === ALREADY_SEATED ? "already" : "full" };
  }

  async leaveMic(id: string, user: string, index: number): Promise<WireSeat[]> {
    const answer = await this.run((signal) =>
      this.http.POST("/api/chatroom/leaveMic", { body: { id, user_id: user, index }, signal }),
    );
    return done(answer, "members").members;
  }

  async dismiss(id: string, user: string): Promise<void> {
    await this.run((signal) =>
      this.http.POST("/api/chatroom/dismiss", { body: { id, user_id: user }, signal }),
    );
  }

  /** Runs one call and turns every way to fail into an `ApiError`. */
  private async run<T extends Outcome>(
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<NonNullable<T["data"]>> {
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
    if (body.success === false) {
      throw new ApiError("refused", body.code, body.message ?? "", requestId);
    }
    return body as NonNullable<T["data"]>;
  }
}

function isEnvelope(body: unknown): body is Envelope {
  return (
    typeof body === "object" && body !== null && "code" in body && typeof body.code === "number"
  );
}

/** The members of a union that always carry `K`. */
type Having<T, K extends string> = T extends Readonly<Record<K, unknown>> ? T : never;

function has<T extends object, K extends string>(answer: T, key: K): answer is Having<T, K> {
  return key in answer;
}

/** The success among an endpoint's possible answers, told by a field that only it must have. */
function done<T extends object, K extends string>(answer: T, key: K): Having<T, K> {
  if (has(answer, key)) return answer;
  throw new ApiError("internal", 200, `no ${key} in the answer`, null);
}
