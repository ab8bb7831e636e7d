/**
 * The administration API of live channels, `POST /v1/im/<command>`: what an app's own server calls. This page plays
 * that server for trying things out, so the app secret is in the browser; a product keeps it on its server.
 */

/** How a user takes part in a channel; decides what they may publish. */
export const IDENTITY_TYPES = [1, 2, 3, 4, 5, 6] as const;
export type IdentityType = (typeof IDENTITY_TYPES)[number];

export const ON_DEMAND_TALKER: IdentityType = 2;
export const LISTENER: IdentityType = 3;

export function toIdentityType(value: unknown): IdentityType | null {
  return IDENTITY_TYPES.find((type) => type === Number(value)) ?? null;
}

/** Answer codes that the page reacts to beyond showing them. */
export const CODE = {
  NOT_ADMIN: 60010,
  RATE_LIMITED: 60018,
  EXPIRED: 70001,
  BAD_CHECKSUM: 70009,
  UNKNOWN_APP: 70020,
  INTERNAL: 100001,
  BAD_PARAM: 100002,
  NO_CHANNEL: 100004,
  NO_USER: 100005,
  NOT_PERMITTED: 100006,
  /** Of the identity change alone. */
  IDENTITY_NO_CHANNEL: 401,
  IDENTITY_NO_USER: 402,
  IDENTITY_OUTDATED: 403,
  IDENTITY_FAILED: 500,
} as const;

export type TalkFailureKind =
  /** No answer at all. */
  | "unreachable"
  /** The page may not compute checksums: the browser offers that to secure contexts only. */
  | "insecure"
  /** Something answered, but not this API. */
  | "no-api"
  /** The token was made, but the channel could not be joined with it; `info` has the media client's words. */
  | "media"
  /** `ActionStatus` was FAIL; `code` and `info` say why. */
  | "refused";

export class TalkError extends Error {
  override readonly name = "TalkError";

  constructor(
    readonly kind: TalkFailureKind,
    readonly code: number = 0,
    /** `ErrorInfo`: English, names the field at fault. */
    readonly info: string = "",
    readonly requestId: string | null = null,
  ) {
    super(info === "" ? kind : `${kind} ${code}: ${info}`);
  }
}

export interface AppCredentials {
  appkey: string;
  secret: string;
}

export interface TokenRequest {
  channel: string;
  user: string;
  identity: IdentityType;
  /** Empty: the user's only device. */
  device: string;
}

export interface TalkTicket {
  url: string;
  token: string;
}

export interface ChannelUser {
  UserID: string;
  IdentityType: number;
  MicGrant: number;
  AudioMuted: number;
  VideoMuted: number;
  /** Unix seconds. */
  JoinTime: number;
  Devices: number;
  Speaker: number;
}

export interface ChannelDetail {
  Kind: string;
  Total: number;
  UserList: ChannelUser[];
}

export interface UserStatus {
  ChannelID: string;
  UseVideo: number;
  UseAudio: number;
  VideoFrameRate: number;
  /** kbit/s, as `AudioBitRate`. */
  VideoBitRate: number;
  AudioBitRate: number;
}

export interface CallRecord {
  ChannelID: string;
  /** Unix seconds, as `LeaveTime`. */
  JoinTime: number;
  LeaveTime: number;
  CallDuration: number;
}

export interface CallPage {
  Total: number;
  Call: CallRecord[];
}

/** The administrator this page acts as. */
const IDENTIFIER = "admin";
/** How long one call may take before the server counts as unreachable. Above its own 8 s limit for an answer. */
const CALL_TIMEOUT_MS = 10_000;
/** Users asked for at once; the panel is for trying things out, not for running a stadium. */
const DETAIL_LIMIT = 200;
/** The most that one answer of call records holds. */
const CALLS_LIMIT = 100;

/** The checksum of a request: SHA-1 of the secret followed by the very text of `curtime`, as hex. */
export async function checksum(secret: string, curtime: string): Promise<string> {
  // Absent outside secure contexts, whatever the types say.
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  if (subtle === undefined) throw new TalkError("insecure");
  const digest = await subtle.digest("SHA-1", new TextEncoder().encode(secret + curtime));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A `RequstId` above the last one, of this page or of an earlier load of it: the clock, never standing still. */
export function nextRequestId(last: number, nowMs: number): number {
  return Math.max(last + 1, nowMs);
}

/** Every method returns the answer of a success and throws `TalkError` for everything else. */
export class TalkApi {
  private lastRequestId = 0;

  constructor(
    private readonly app: AppCredentials,
    private readonly baseUrl: string = location.origin,
  ) {}

  async createToken(request: TokenRequest): Promise<TalkTicket> {
    const { channel, user, identity, device } = request;
    const answer = await this.call<{ Url: string; Token: string }>("create_talk_token", {
      ChannelID: channel,
      UserID: user,
      IdentityType: identity,
      ...(device === "" ? {} : { DeviceID: device }),
    });
    return { url: answer.Url, token: answer.Token };
  }

  detail(channel: string): Promise<ChannelDetail> {
    const page = { StartSeq: 0, Limit: DETAIL_LIMIT };
    return this.call("get_talk_channel_detail", { ChannelID: channel, ...page });
  }

  /** Channels of the whole app, idle ones included. */
  async channelCount(): Promise<number> {
    const page = { StartSeq: 0, Limit: 1 };
    const answer = await this.call<{ Total: number }>("get_talk_channel_list", page);
    return answer.Total;
  }

  async userStatus(user: string): Promise<UserStatus[]> {
    const body = { UserID: user };
    const answer = await this.call<{ Status: UserStatus[] }>("query_talk_user_status", body);
    return answer.Status;
  }

  /** `day` as YYYYMMDD in the server's time zone. */
  calls(user: string, day: number): Promise<CallPage> {
    return this.call("query_talk_user_call", {
      UserID: user,
      QueryDate: day,
      StartSeq: 0,
      Limit: CALLS_LIMIT,
    });
  }

  /** `seconds` 0 removes without a ban and lifts one that stands. */
  async kick(channel: string, user: string, seconds: number): Promise<void> {
    await this.call("admin_kick_user", {
      channel_id: channel,
      kick_user_id: user,
      kick_time: seconds,
      op_user: IDENTIFIER,
    });
  }

  /** Whether there was a ban to lift. */
  async liftBan(channel: string, user: string): Promise<boolean> {
    const body = { ChannelID: channel, UserID: user };
    const answer = await this.call<{ Removed: number }>("delete_talk_ban", body);
    return answer.Removed === 1;
  }

  async changeIdentity(channel: string, user: string, type: IdentityType): Promise<void> {
    this.lastRequestId = nextRequestId(this.lastRequestId, Date.now());
    await this.call("change_user_Identity", {
      ChannelID: channel,
      UserID: user,
      IdentityType: type,
      RequstId: this.lastRequestId,
    });
  }

  /** `receiver` empty: everybody in the channel. */
  async push(channel: string, content: string, receiver: string): Promise<void> {
    await this.call("push_mcu_msg", {
      meeting_id: channel,
      content,
      user_id: IDENTIFIER,
      receiver_id: receiver,
    });
  }

  async muteMicrophone(channel: string, user: string, muted: boolean): Promise<void> {
    const body = { ChannelID: channel, UserID: user, Audio: muted ? 1 : 0 };
    await this.call("mute_talk_user", body);
  }

  async grantMicrophone(channel: string, user: string, granted: boolean): Promise<void> {
    const body = { ChannelID: channel, UserID: user, Granted: granted ? 1 : 0 };
    await this.call("set_talk_mic", body);
  }

  /** How many users were sent home. */
  async dismiss(channel: string): Promise<number> {
    const body = { ChannelID: channel, op_user: IDENTIFIER };
    const answer = await this.call<{ UserCount: number }>("dismiss_talk_channel", body);
    return answer.UserCount;
  }

  private async call<T extends object>(command: string, body: object): Promise<T> {
    const curtime = String(Math.floor(Date.now() / 1_000));
    const auth = {
      appkey: this.app.appkey,
      identifier: IDENTIFIER,
      curtime,
      checksum: await checksum(this.app.secret, curtime),
    };
    const response = await this.post(`/v1/im/${command}?${query(auth)}`, body);
    const answer: unknown = await response.json().catch(() => null);
    const requestId = response.headers.get("x-request-id");
    if (!isEnvelope(answer)) throw new TalkError("no-api", response.status, "", requestId);
    if (answer.ActionStatus !== "OK") {
      throw new TalkError("refused", answer.ErrorCode, answer.ErrorInfo, requestId);
    }
    return answer as unknown as T;
  }

  private async post(path: string, body: object): Promise<Response> {
    try {
      return await fetch(new URL(path, this.baseUrl), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
    } catch (cause) {
      const failure = new TalkError("unreachable");
      failure.cause = cause;
      throw failure;
    }
  }
}

/** The server decodes `%XX` only: a blank written as `+`, as forms do, would stay a plus sign. */
function query(parameters: Record<string, string>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
}

interface Envelope {
  ActionStatus: string;
  ErrorCode: number;
  ErrorInfo: string;
}

function isEnvelope(answer: unknown): answer is Envelope {
  return (
    typeof answer === "object" &&
    answer !== null &&
    "ActionStatus" in answer &&
    typeof answer.ActionStatus === "string" &&
    "ErrorCode" in answer &&
    typeof answer.ErrorCode === "number" &&
    "ErrorInfo" in answer &&
    typeof answer.ErrorInfo === "string"
  );
}
