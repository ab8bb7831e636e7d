import { TalkApi } from "../api/talk";
import { loadSession } from "../session";
import { findDevPair } from "../talk/dev-pair";

/** Two participants of one private channel: what one says the other hears. */
export interface Tickets {
  url: string;
  speaker: string;
  listener: string;
}

export type Door =
  | { kind: "open"; tickets: Tickets }
  | { kind: "closed"; why: "no-door" | "refused" };

const TIMEOUT_MS = 8_000;

/** Signed in: the server's own door for tests. Else the development pair of a server on this machine, if it takes it. */
export async function openDoor(): Promise<Door> {
  const session = loadSession();
  if (session !== null) {
    const door = await askServer(session.token);
    if (door !== null) return door;
  }
  const app = await findDevPair();
  if (app === null) return { kind: "closed", why: session === null ? "no-door" : "refused" };
  return askAsApp(new TalkApi(app));
}

/** Null: this server has no such door, or the login has ended. */
async function askServer(token: string): Promise<Door | null> {
  try {
    const reply = await fetch("/stoa/probe-token", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: "{}",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if ([401, 404, 405].includes(reply.status)) return null;
    const tickets: unknown = await reply.json();
    if (reply.ok && isTickets(tickets)) return { kind: "open", tickets };
  } catch {
    // No answer: nothing to connect with either.
  }
  return { kind: "closed", why: "refused" };
}

async function askAsApp(api: TalkApi): Promise<Door> {
  const channel = `stoa-probe-${crypto.randomUUID().slice(0, 13)}`;
  const ask = (device: string, identity: 1 | 3) =>
    api.createToken({ channel, user: "connection-test", identity, device });
  try {
    const [speaker, listener] = await Promise.all([ask("speaker", 1), ask("listener", 3)]);
    const tickets = { url: speaker.url, speaker: speaker.token, listener: listener.token };
    return { kind: "open", tickets };
  } catch {
    return { kind: "closed", why: "refused" };
  }
}

function isTickets(value: unknown): value is Tickets {
  if (typeof value !== "object" || value === null) return false;
  return ["url", "speaker", "listener"].every(
    (key) => typeof (value as Record<string, unknown>)[key] === "string",
  );
}
