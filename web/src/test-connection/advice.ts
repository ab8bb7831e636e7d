import {
  CHECKS,
  type CheckId,
  type DeviceProblem,
  type Findings,
  type PathFailure,
  type Quality,
} from "./findings";

/** `good`: nothing to do. `fair`: it works, not as well as it could. `bad`: something will not work. `unknown`: not found out. */
export type Grade = "good" | "fair" | "bad" | "unknown";

/** What there is to say about a check. Every one has words of its own in `text/test-*.ts`. */
export type AdviceKind =
  | "mic-good"
  | "mic-quiet"
  | "mic-silent"
  | `mic-${DeviceProblem}`
  | "camera-good"
  | "camera-dark"
  | `camera-${DeviceProblem}`
  | "socket-good"
  | "socket-slow"
  | "socket-failed"
  | "udp-good"
  | "udp-blocked"
  | "tcp-good"
  | "tcp-spare"
  | "media-blocked"
  | "media-signalling"
  | "media-no-door"
  | "media-refused"
  | "media-no-webrtc"
  | "quality-good"
  | "quality-far"
  | "quality-uneven"
  | "quality-lossy"
  | "quality-bad"
  | "quality-failed";

export interface Advice {
  check: CheckId;
  grade: Grade;
  kind: AdviceKind;
}

/** Below this nothing but the noise of the device arrived. */
const SILENCE = 0.004;
/** Below this a voice is hard to follow. */
const QUIET = 0.03;
/** A page that waits longer for an answer feels slow. */
const SLOW_ANSWER_MS = 400;
/** Beyond the first people start to talk over each other, beyond the second they give up on turns. */
const FAR_MS = 150;
const TOO_FAR_MS = 400;
/** What players conceal without being noticed, and what nothing conceals. */
const LOSS_HEARD = 0.01;
const LOSS_UNUSABLE = 0.08;
/** Spread of arrival that a player evens out with little delay, and with much. */
const JITTER_HEARD_MS = 30;
const JITTER_UNUSABLE_MS = 100;

/** What to tell somebody, for every check that was made, in their order. */
export function advise(findings: Findings): Advice[] {
  const all: Advice[] = [];
  for (const check of CHECKS) {
    const advice = adviceOf(check, findings);
    if (advice !== null) all.push({ check, ...advice });
  }
  return all;
}

type Said = Omit<Advice, "check">;

function adviceOf(check: CheckId, findings: Findings): Said | null {
  switch (check) {
    case "microphone":
      return microphone(findings);
    case "camera":
      return camera(findings);
    case "websocket":
      return websocket(findings);
    case "udp":
      return udp(findings);
    case "tcp":
      return tcp(findings);
    case "quality":
      return quality(findings);
  }
}

function microphone({ microphone: found }: Findings): Said | null {
  if (found === undefined) return null;
  if (found.kind === "failed") return { grade: "bad", kind: `mic-${found.problem}` };
  if (found.peak < SILENCE) return { grade: "bad", kind: "mic-silent" };
  if (found.peak < QUIET) return { grade: "fair", kind: "mic-quiet" };
  return { grade: "good", kind: "mic-good" };
}

/** Nobody needs a camera to take part, so without one things are fair at worst. */
function camera({ camera: found }: Findings): Said | null {
  if (found === undefined) return null;
  if (found.kind === "failed") return { grade: "fair", kind: `camera-${found.problem}` };
  if (found.kind === "dark") return { grade: "fair", kind: "camera-dark" };
  return { grade: "good", kind: "camera-good" };
}

function websocket({ websocket: found }: Findings): Said | null {
  if (found === undefined) return null;
  if (found.kind === "failed") return { grade: "bad", kind: "socket-failed" };
  if (found.answerMs > SLOW_ANSWER_MS) return { grade: "fair", kind: "socket-slow" };
  return { grade: "good", kind: "socket-good" };
}

/** A blocked way is bad only if the other one is blocked too; until that is known it is a blocked way. */
function udp({ udp: found, tcp: other }: Findings): Said | null {
  if (found === undefined) return null;
  if (found.kind === "connected") return { grade: "good", kind: "udp-good" };
  if (found.failure !== "no-way") return unfound(found.failure);
  if (other?.kind === "failed") return { grade: "bad", kind: "media-blocked" };
  return { grade: "fair", kind: "udp-blocked" };
}

function tcp({ tcp: found, udp: other }: Findings): Said | null {
  if (found === undefined) return null;
  if (found.kind === "connected") return { grade: "good", kind: "tcp-good" };
  if (found.failure !== "no-way") return unfound(found.failure);
  if (other?.kind === "connected") return { grade: "fair", kind: "tcp-spare" };
  return { grade: "bad", kind: "media-blocked" };
}

function unfound(failure: Exclude<PathFailure, "no-way">): Said {
  switch (failure) {
    case "no-door":
      return { grade: "unknown", kind: "media-no-door" };
    case "refused":
      return { grade: "unknown", kind: "media-refused" };
    case "no-webrtc":
      return { grade: "bad", kind: "media-no-webrtc" };
    case "signalling":
      return { grade: "bad", kind: "media-signalling" };
  }
}

function quality({ quality: found }: Findings): Said | null {
  if (found === undefined) return null;
  if (found.kind === "failed") return { grade: "unknown", kind: "quality-failed" };
  return measured(found.quality);
}

/** Loss is heard most, then unevenness, then distance: the first that is out of bounds is named. */
function measured(q: Quality): Said {
  const away = q.roundTripMs ?? q.messageMs ?? 0;
  if (q.loss > LOSS_UNUSABLE || q.jitterMs > JITTER_UNUSABLE_MS || away > TOO_FAR_MS) {
    return { grade: "bad", kind: "quality-bad" };
  }
  if (q.loss > LOSS_HEARD) return { grade: "fair", kind: "quality-lossy" };
  if (q.jitterMs > JITTER_HEARD_MS) return { grade: "fair", kind: "quality-uneven" };
  if (away > FAR_MS) return { grade: "fair", kind: "quality-far" };
  return { grade: "good", kind: "quality-good" };
}

/** The whole in one word: as bad as the worst, but unknown parts only take the best away. */
export type Verdict = "ready" | "limited" | "broken" | "incomplete";

export function verdict(all: readonly Advice[]): Verdict {
  const has = (grade: Grade) => all.some((advice) => advice.grade === grade);
  if (has("bad")) return "broken";
  if (all.length < CHECKS.length || has("unknown")) return "incomplete";
  return has("fair") ? "limited" : "ready";
}
