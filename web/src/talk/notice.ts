import { type IdentityType, toIdentityType } from "../api/talk";

/** What the server tells the people in a channel. Sent on two paths: the same `id` is the same notice. */
interface Common {
  id: string;
  channel: string;
  /** The user it is about; of a message, the label of its sender. */
  user: string;
  /** Epoch milliseconds by the server's clock. */
  at: number;
}

export type Notice = Common &
  (
    | { event: "message"; receiver: string; content: string }
    | { event: "kicked" | "user_kicked"; by: string; seconds: number; until: number }
    | { event: "identity"; by: string; from: IdentityType; to: IdentityType }
    | { event: "mic_grant"; by: string; granted: boolean }
    | { event: "muted"; by: string; audio: boolean; video: boolean; until: number }
    | { event: "dismissed"; by: string }
  );

export const MESSAGE_TOPIC = "stoa.talk.msg";
export const NOTICE_TOPIC = "stoa.talk.notice";

/** The notice in a data packet; null for packets of other topics and for events this page does not know. */
export function readNotice(topic: string | undefined, payload: Uint8Array): Notice | null {
  if (topic !== MESSAGE_TOPIC && topic !== NOTICE_TOPIC) return null;
  const body = parse(payload);
  if (body === null) return null;
  const id = text(body["id"]);
  if (id === "") return null;
  const by = text(body["op_user"]);
  const until = number(body["until"]);
  const common: Common = {
    id,
    channel: text(body["channel_id"]),
    user: text(body["user_id"]),
    at: number(body["ts"]),
  };
  const { event } = body;
  switch (event) {
    case "message":
      if (topic !== MESSAGE_TOPIC) return null;
      return {
        ...common,
        event,
        receiver: text(body["receiver_id"]),
        content: text(body["content"]),
      };
    case "kicked":
    case "user_kicked":
      return { ...common, event, by, seconds: number(body["kick_time"]), until };
    case "identity": {
      const from = toIdentityType(body["old_identity_type"]);
      const to = toIdentityType(body["identity_type"]);
      return from === null || to === null ? null : { ...common, event, by, from, to };
    }
    case "mic_grant":
      return { ...common, event, by, granted: body["granted"] === 1 };
    case "muted": {
      const [audio, video] = [body["audio"] === 1, body["video"] === 1];
      return { ...common, event, by, audio, video, until };
    }
    case "dismissed":
      return { ...common, event, by };
    default:
      return null;
  }
}

function parse(payload: Uint8Array): Record<string, unknown> | null {
  try {
    const body: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    return typeof body === "object" && body !== null ? { ...body } : null;
  } catch {
    // Not JSON: nothing of the server's.
    return null;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
