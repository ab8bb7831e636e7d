import type { MicProblem } from "../room/state";

/** In the order in which they are made and shown. */
export const CHECKS = ["microphone", "camera", "websocket", "udp", "quality", "tcp"] as const;
export type CheckId = (typeof CHECKS)[number];

/** Why a device cannot be used; the same for microphone and camera. */
export type DeviceProblem = MicProblem;

export type MicrophoneFinding =
  /** `peak`: the loudest moment, 0 to 1. */
  { kind: "open"; label: string; peak: number } | { kind: "failed"; problem: DeviceProblem };

export type CameraFinding =
  | { kind: "open"; label: string; width: number; height: number }
  /** The device is open and sends no picture. */
  | { kind: "dark"; label: string }
  | { kind: "failed"; problem: DeviceProblem };

export type SocketFinding =
  /** Until the connection stood, and from a message to its answer. */
  { kind: "open"; openMs: number; answerMs: number } | { kind: "failed" };

export type Protocol = "udp" | "tcp";

export type PathFailure =
  /** Nobody to ask for a token: not signed in. */
  | "no-door"
  /** The server refused a token. */
  | "refused"
  /** Browsers without WebRTC, or with it switched off. */
  | "no-webrtc"
  /** The signalling connection did not come up. */
  | "signalling"
  /** Signalling went well, media found no way. */
  | "no-way";

export type PathFinding =
  /** `server`: address and port of the server's end of the way. */
  | { kind: "connected"; connectMs: number; server: string }
  | { kind: "failed"; failure: PathFailure };

/** What a few seconds of real sound showed. Shares are 0 to 1. */
export interface Quality {
  protocol: Protocol;
  seconds: number;
  /** Packets that came back. */
  packets: number;
  /** To the server and back, median; null when the browser does not say. */
  roundTripMs: number | null;
  jitterMs: number;
  /** Lost on the way to the server; null when the browser does not say. */
  lossUp: number | null;
  /** Lost on the way there and back together. */
  loss: number;
  /** A message to the server and back to this page, median; null when none came back. */
  messageMs: number | null;
}

export type QualityFinding = { kind: "measured"; quality: Quality } | { kind: "failed" };

/** Everything that is known so far; what is missing was not looked at yet. */
export interface Findings {
  microphone?: MicrophoneFinding;
  camera?: CameraFinding;
  websocket?: SocketFinding;
  udp?: PathFinding;
  tcp?: PathFinding;
  quality?: QualityFinding;
}
