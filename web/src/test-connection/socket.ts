import type { SocketFinding } from "./findings";

const TIMEOUT_MS = 6_000;
/** Tries; the fastest counts, because the first one also pays for names, keys and a cold server. */
const TRIES = 3;

/** Opens the connection that chat and room events use, and waits for an answer on it. */
export async function checkSocket(): Promise<SocketFinding> {
  let best: SocketFinding = { kind: "failed" };
  for (let i = 0; i < TRIES; i += 1) {
    const found = await once();
    if (found.kind === "failed") return best;
    if (best.kind === "failed" || found.answerMs < best.answerMs) best = found;
  }
  return best;
}

/**
 * Without a token the hub answers a connect by closing, which is as good an answer as any here: it came through the
 * upgraded connection. With one, another tab of the same user could be sent away.
 */
function once(): Promise<SocketFinding> {
  return new Promise((resolve) => {
    const url = new URL("/connection/websocket", location.href.replace(/^http/, "ws"));
    const began = performance.now();
    let opened: number | null = null;
    const socket = new WebSocket(url);
    const timer = setTimeout(() => done({ kind: "failed" }), TIMEOUT_MS);
    const done = (found: SocketFinding) => {
      clearTimeout(timer);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      resolve(found);
    };
    const answered = () => {
      if (opened === null) return done({ kind: "failed" });
      done({ kind: "open", openMs: opened - began, answerMs: performance.now() - opened });
    };
    socket.onopen = () => {
      opened = performance.now();
      socket.send('{"id":1,"connect":{"token":"connection-test"}}');
    };
    socket.onmessage = answered;
    socket.onclose = answered;
  });
}
