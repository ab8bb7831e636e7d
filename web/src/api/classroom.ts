import { ApiError, type FailureKind, kindOf } from "./error";
import { sendFile, type UploadRefusal } from "./upload";

/** Numbers of the dialect: who somebody is in a class. */
export const STUDENT = 1;
export const ASSISTANT = 2;
export const TEACHER = 3;

/** Of a member. */
export const PRESENT = 1;
export const KICKED = 3;

/** Of a class. A paused class is one that is being prepared again. */
export const PREPARING = 0;
export const RUNNING = 1;
export const ENDED = 2;

/** What an assistant may be allowed, spelled as on the wire; only what the server acts on and this page offers. */
export const RIGHTS = [
  "Courceware",
  "DrawWhiteboard",
  "CheckInManagement",
  "EditAnnouncement",
  "MemberManagement",
  "RemoveGroupMessage",
  "MuteGroup",
] as const;
export type Right = (typeof RIGHTS)[number];

export interface LinkInfo {
  rtc_url?: string;
  rtc_token?: string;
}

export interface WireMember {
  identity: number;
  status: number;
  user_id: string;
  user_name: string;
  /** Wall clock of the server; absent in news. */
  join_time?: string;
}

export interface WireClass {
  id: string;
  title: string;
  notice: string;
  teacher_id: string;
  teacher_nick: string;
  status: number;
  mode: number;
  /** Once it was started. */
  started_at?: string;
  /** JSON text of `MeetingInfo`. */
  meetingInfo: string;
  /** JSON text; `boardId` names the whiteboard. */
  boards: string;
  metrics: { online_count: number };
  /** Left out for whoever is banned. */
  link_info?: LinkInfo;
  assistantPermit?: WireMember;
}

/** One entry of the meeting info: `user_id`, and whatever else clients keep there. */
export interface StageEntry {
  user_id: string;
  [key: string]: unknown;
}

export interface MeetingInfo {
  members: StageEntry[];
}

export interface Permit {
  permit: string;
  assistant_id?: string;
}

export interface WireDocument {
  docId: string;
  serverType?: string;
  /** What was sent as `data`. */
  docInfos: string;
}

export interface UploadLimits {
  maxBytes: number;
  totalBytes: number;
  usedBytes: number;
}

export interface CheckIn {
  id: string;
  /** Wall clock of the server without a zone, as `now_time`: only their difference means something. */
  start_time: string;
  now_time: string;
  /** Seconds. */
  duration: number;
}

export interface CheckInRecord {
  user_id: string;
  time: string;
}

export interface BoardAuth {
  curTime: number;
  nonce: string;
  checksum: string;
}

/** Refusals that are answers: the dialect gives them a reason instead of an error. */
export type JoinRefusal =
  | "ClassNotFound"
  | "InBlackList"
  | "ClassNotAssistantPermit"
  | "ClassHasAssistant";
export type CheckInRefusal = "NotFound" | "AlreadyCheckIn" | "CheckInEnded" | "NotInClass";

/** How long one call may take before the page calls the server unreachable. */
const CALL_TIMEOUT_MS = 10_000;
/** The largest page of members the server answers. */
const MEMBER_PAGE = 500;

const V1 = "/api/v1/class/";

interface Envelope {
  success: boolean;
  data?: unknown;
  errorCode?: string;
  errorMsg?: string;
}

/**
 * The classroom dialect, one method per call this page makes. Every method returns the answer of a success and throws
 * `ApiError` for everything else, network failures included.
 */
export class ClassApi {
  constructor(
    readonly me: string,
    private readonly token: string,
    private readonly onUnauthorized: () => void = () => {},
    private readonly baseUrl: string = location.origin,
  ) {}

  list(size: number): Promise<WireClass[]> {
    return this.data("list", { user_id: this.me, page_num: 1, page_size: size });
  }

  create(title: string, notice: string, mode: number): Promise<WireClass> {
    const teacher = { teacher_id: this.me, teacher_nick: this.me };
    return this.data("create", { title, notice, mode, ...teacher });
  }

  get(id: string): Promise<WireClass> {
    return this.data("get", { id, user_id: this.me });
  }

  /** Null = inside. */
  join(id: string, identity: number): Promise<JoinRefusal | null> {
    return this.ask("joinClass", {
      class_id: id,
      user_id: this.me,
      user_name: this.me,
      ...(identity === ASSISTANT ? { identity } : {}),
    });
  }

  /** Sent even while the page goes away; whether it arrives is not waited for. */
  leave(id: string): void {
    const body = { class_id: id, user_id: this.me };
    void fetch(new URL(`${V1}leaveClass`, this.baseUrl), {
      ...this.init(body),
      keepalive: true,
    }).catch(() => undefined);
  }

  /** A token for one connection to the message hub. `device` tells the connections of one user apart. */
  async hubToken(device: string): Promise<string> {
    const body = { user_id: this.me, device_id: device, device_type: "web", im_server: ["stoa"] };
    const { hub } = await this.data<{ hub?: { token: string } }>("token", body);
    // The messages of these classes are carried by a vendor whose own client this page does not have.
    if (hub === undefined) throw new ApiError("refused", 200, "no hub", null);
    return hub.token;
  }

  changeStatus(id: string, to: "start" | "pause" | "stop"): Promise<WireClass> {
    return this.data(to, { id, user_id: this.me });
  }

  setNotice(id: string, notice: string): Promise<WireClass> {
    return this.data("update", { id, user_id: this.me, notice });
  }

  /** Everybody who ever was in the class, the present ones first. */
  members(id: string): Promise<{ total: number; members: WireMember[] }> {
    const page = { page_num: 1, page_size: MEMBER_PAGE };
    return this.data("listMembers", { class_id: id, identity: 0, status: 0, ...page });
  }

  /** The same without an end, for a list that is kept. */
  async allMembers(id: string): Promise<WireMember[]> {
    const all: WireMember[] = [];
    for (let page = 1; ; page += 1) {
      const asked = {
        class_id: id,
        identity: 0,
        status: 0,
        page_num: page,
        page_size: MEMBER_PAGE,
      };
      const { members } = await this.data<{ members: WireMember[] }>("listMembers", asked);
      all.push(...members);
      if (members.length < MEMBER_PAGE) return all;
    }
  }

  /** `banSeconds` null: the server's own, a year; 0: no ban. */
  async kick(id: string, user: string, banSeconds: number | null): Promise<void> {
    const ban = banSeconds === null ? {} : { ban_seconds: banSeconds };
    await this.call("kickClass", { class_id: id, user_id: user, ...ban });
  }

  async liftBan(id: string, user: string): Promise<void> {
    await this.call("cancelKick", { class_id: id, user_id: user });
  }

  meeting(id: string): Promise<MeetingInfo> {
    return this.data("getMeetingInfo", { id });
  }

  setMeeting(id: string, members: readonly StageEntry[]): Promise<MeetingInfo> {
    return this.data("updateMeetingInfo", { id, members });
  }

  async setAllMuted(id: string, muted: boolean): Promise<void> {
    await this.call("updateMeetingInfo", { id, all_mute: muted });
  }

  async permit(id: string): Promise<Permit | null> {
    return (await this.call<Permit>("getAssistantPermit", { class_id: id })) ?? null;
  }

  setPermit(id: string, rights: readonly string[]): Promise<Permit> {
    return this.data("setAssistantPermit", { class_id: id, permit: JSON.stringify(rights) });
  }

  async deletePermit(id: string): Promise<void> {
    await this.call("deleteAssistantPermit", { class_id: id });
  }

  async documents(id: string): Promise<WireDocument[]> {
    const answer = await this.data<{ docInfos: WireDocument[] }>("queryDoc", { classId: id });
    return answer.docInfos;
  }

  async addDocument(id: string, docId: string, data: string): Promise<void> {
    const docInfo = [{ docId, serverType: "stoa", data }];
    await this.call("addDocs", { classId: id, docInfo });
  }

  async deleteDocument(id: string, docId: string): Promise<void> {
    await this.call("deleteDocs", { classId: id, docIds: docId });
  }

  /** How large a file may be, and how much room there is; for whoever may add some. */
  async uploadLimits(id: string): Promise<UploadLimits> {
    const response = await this.fetch(this.uploadAddress(id), { headers: this.headers() });
    const answer: unknown = await response.json().catch(() => null);
    const requestId = response.headers.get("x-request-id");
    if (!isEnvelope(answer)) throw new ApiError("internal", response.status, "", requestId);
    if (!answer.success) throw this.failure(answer, response, requestId);
    return answer.data as UploadLimits;
  }

  /** Makes a file courseware. Null = taken. */
  async uploadFile(
    id: string,
    file: File,
    progress: (sent: number) => void,
    signal: AbortSignal,
  ): Promise<UploadRefusal | null> {
    const url = this.uploadAddress(id);
    url.searchParams.set("name", file.name);
    const headers = { ...this.headers(), "content-type": "application/octet-stream" };
    const { status, body, requestId } = await sendFile(url, headers, file, progress, signal);
    if (!isEnvelope(body)) throw new ApiError("internal", status, "", requestId);
    if (body.success) return null;
    const { data } = body;
    if (has(data, "reason") && typeof data.reason === "string") return data.reason as UploadRefusal;
    throw this.failure(body, new Response(null, { status: Math.max(200, status) }), requestId);
  }

  setCheckIn(id: string, seconds: number): Promise<CheckIn> {
    return this.data("setCheckIn", { class_id: id, user_id: this.me, duration: seconds });
  }

  /** Null = none is running. */
  async runningCheckIn(id: string): Promise<CheckIn | null> {
    return this.orNull(this.data("getRunningCheckIn", { class_id: id }));
  }

  allCheckIns(id: string): Promise<CheckIn[]> {
    return this.data("getAllCheckIns", { class_id: id });
  }

  checkInRecords(checkIn: string): Promise<CheckInRecord[]> {
    return this.data("getCheckInRecords", { check_in_id: checkIn });
  }

  async hasCheckedIn(checkIn: string): Promise<boolean> {
    const body = { check_in_id: checkIn, user_id: this.me };
    return (await this.orNull(this.data("getCheckInRecordByUserId", body))) !== null;
  }

  /** Null = recorded. */
  checkIn(checkIn: string): Promise<CheckInRefusal | null> {
    return this.ask("checkIn", { check_in_id: checkIn, user_id: this.me });
  }

  boardAuth(): Promise<BoardAuth> {
    return this.data("getWhiteboardAuthInfo", {});
  }

  /** Where the board is spoken to; every address opens one connection. */
  boardAddress(board: string, auth: BoardAuth): URL {
    const url = new URL(`${V1}whiteboard/${encodeURIComponent(board)}`, this.baseUrl);
    const query = { ...auth, curTime: String(auth.curTime), token: this.token };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  /** Why a board connection was refused, which a WebSocket does not tell: null when a new one would be let in. */
  async boardRefusal(board: string): Promise<FailureKind | null> {
    const response = await this.fetch(this.boardAddress(board, await this.boardAuth()), {});
    return response.ok ? null : kindOf(response.status);
  }

  /** `page` counts from 0. */
  async boardPicture(board: string, page: number, format: "svg" | "png"): Promise<Blob> {
    const path = `${V1}whiteboard/${encodeURIComponent(board)}/image`;
    const url = new URL(`${path}?page=${page}&format=${format}`, this.baseUrl);
    const response = await this.fetch(url, { headers: this.headers() });
    if (!response.ok) {
      throw ApiError.fromAnswer(
        response.status,
        "",
        response,
        response.headers.get("x-request-id"),
      );
    }
    return response.blob();
  }

  private uploadAddress(id: string): URL {
    const url = new URL(`${V1}uploadFile`, this.baseUrl);
    url.searchParams.set("class_id", id);
    return url;
  }

  private headers(): Record<string, string> {
    return { authorization: `Bearer ${this.token}` };
  }

  private init(body: object): RequestInit {
    return {
      method: "POST",
      headers: { ...this.headers(), "content-type": "application/json" },
      body: JSON.stringify(body),
    };
  }

  private async fetch(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
    } catch (cause) {
      throw ApiError.unreachable(cause);
    }
  }

  private async data<T>(endpoint: string, body: object): Promise<T> {
    const data = await this.call<T>(endpoint, body);
    if (data === undefined) throw new ApiError("internal", 200, "no data in the answer", null);
    return data;
  }

  private async call<T>(endpoint: string, body: object): Promise<T | undefined> {
    const { answer, response, requestId } = await this.post(endpoint, body);
    if (answer.success) return answer.data as T | undefined;
    throw this.failure(answer, response, requestId);
  }

  /** For calls that may be refused with a reason. */
  private async ask<R extends string>(endpoint: string, body: object): Promise<R | null> {
    const { answer, response, requestId } = await this.post(endpoint, body);
    if (answer.success) return null;
    const { data } = answer;
    if (has(data, "reason") && typeof data.reason === "string") return data.reason as R;
    throw this.failure(answer, response, requestId);
  }

  private async orNull<T>(call: Promise<T>): Promise<T | null> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof ApiError && error.kind === "not-found") return null;
      throw error;
    }
  }

  private async post(endpoint: string, body: object) {
    const response = await this.fetch(new URL(V1 + endpoint, this.baseUrl), this.init(body));
    const requestId = response.headers.get("x-request-id");
    const answer: unknown = await response.json().catch(() => null);
    if (!isEnvelope(answer)) throw new ApiError("internal", response.status, "", requestId);
    return { answer, response, requestId };
  }

  private failure(answer: Envelope, response: Response, requestId: string | null): ApiError {
    const code = Number(answer.errorCode ?? response.status);
    // A refused token is an HTTP status; the same number in an answer means a field is wrong.
    if (code === 401 && response.status === 200) {
      const { data } = answer;
      const detail = has(data, "msg") && typeof data.msg === "string" ? data.msg : "";
      return new ApiError("bad-input", code, detail, requestId);
    }
    const failure = ApiError.fromAnswer(code, answer.errorMsg ?? "", response, requestId);
    if (failure.kind === "signed-out") this.onUnauthorized();
    return failure;
  }
}

function isEnvelope(answer: unknown): answer is Envelope {
  return has(answer, "success") && typeof answer.success === "boolean";
}

function has<K extends string>(value: unknown, key: K): value is Record<K, unknown> {
  return typeof value === "object" && value !== null && key in value;
}
