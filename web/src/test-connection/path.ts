import { Room, type RoomConnectOptions, RoomEvent, Track } from "livekit-client";
import type { Tickets } from "./door";
import type { PathFinding, Protocol, Quality } from "./findings";
import { Forced } from "./forced";
import { median, qualityOf, type Sample } from "./measure";

/** Until the first packet of sound is back. A blocked way shows only by nothing happening. */
const WAY_MS = 10_000;
const LOOK_MS = 100;
/** Between two messages, and between two looks at the counters. */
const BEAT_MS = 200;
const CONNECT: RoomConnectOptions = {
  peerConnectionTimeout: WAY_MS,
  websocketTimeout: 6_000,
  maxRetries: 0,
};

export interface Walked {
  path: PathFinding;
  /** Null: not asked for, or nothing came back. */
  quality: Quality | null;
}

/**
 * Sends real sound to the server and back over one protocol: who speaks and who listens are two participants in this
 * page. `onWay` hears of the way as soon as there is one. With `measureMs` it goes on that long and counts.
 */
export async function walk(
  protocol: Protocol,
  tickets: Tickets,
  sound: MediaStreamTrack,
  measureMs: number,
  onWay: (path: PathFinding) => void,
): Promise<Walked> {
  if (typeof RTCPeerConnection === "undefined") return failed("no-webrtc");
  const forced = new Forced(protocol);
  // No second tries: whether the first one works is the question.
  const once = { reconnectPolicy: { nextRetryDelayInMs: () => null } };
  const options = { ...once, singlePeerConnection: false, stopLocalTrackOnUnpublish: false };
  const speaker = new Room(options);
  const listener = new Room(options);
  const began = performance.now();
  try {
    try {
      await listener.connect(tickets.url, tickets.listener, CONNECT);
      await speaker.connect(tickets.url, tickets.speaker, CONNECT);
    } catch {
      return failed(forced.connections.length === 0 ? "signalling" : "no-way");
    }
    // With every packet a packet: pauses of silence would look like loss of nothing.
    const publish = { source: Track.Source.Microphone, dtx: false, red: false };
    await speaker.localParticipant.publishTrack(sound, publish).catch(() => undefined);
    const server = await soundIsBack(forced);
    if (server === null) return failed("no-way");
    const connectMs = performance.now() - began;
    const path: PathFinding = { kind: "connected", connectMs, server };
    onWay(path);
    if (measureMs === 0) return { path, quality: null };
    return { path, quality: await measure(protocol, forced, speaker, listener, measureMs) };
  } finally {
    forced.end();
    await Promise.allSettled([speaker.disconnect(false), listener.disconnect()]);
  }
}

function failed(failure: Extract<PathFinding, { kind: "failed" }>["failure"]): Walked {
  return { path: { kind: "failed", failure }, quality: null };
}

/** The server's address on the way that carries the sound back; null when none comes back in time. */
async function soundIsBack(forced: Forced): Promise<string | null> {
  const end = performance.now() + WAY_MS;
  while (performance.now() < end) {
    for (const connection of forced.connections) {
      const stats = await statsOf(connection);
      if (stats.some((s) => s.type === "inbound-rtp" && Number(s["packetsReceived"]) > 0)) {
        return serverAddress(stats);
      }
    }
    await pause(LOOK_MS);
  }
  return null;
}

type Stat = { id: string; type: string } & Record<string, unknown>;

async function statsOf(connection: RTCPeerConnection): Promise<Stat[]> {
  const all: Stat[] = [];
  const report = await connection.getStats();
  report.forEach((stat: Stat) => {
    all.push(stat);
  });
  return all;
}

/** The pair of addresses in use. */
function pairOf(stats: readonly Stat[]): Stat | undefined {
  const transport = stats.find((s) => s.type === "transport");
  const selected = stats.find((s) => s.id === transport?.["selectedCandidatePairId"]);
  return selected ?? stats.find((s) => s.type === "candidate-pair" && s["nominated"] === true);
}

function serverAddress(stats: readonly Stat[]): string {
  const remote = stats.find((s) => s.id === pairOf(stats)?.["remoteCandidateId"]);
  const address = String(remote?.["address"] ?? "");
  const host = address.includes(":") ? `[${address}]` : address;
  return remote === undefined ? "" : `${host}:${remote["port"]}`;
}

async function measure(
  protocol: Protocol,
  forced: Forced,
  speaker: Room,
  listener: Room,
  ms: number,
): Promise<Quality> {
  const messages = new Messages(speaker, listener);
  const first = await sample(forced);
  const trips: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    messages.send();
    await pause(BEAT_MS);
    const { roundTripMs } = await sample(forced);
    if (roundTripMs !== null) trips.push(roundTripMs);
  }
  const last = await sample(forced);
  messages.end();
  return {
    protocol,
    seconds: ms / 1_000,
    roundTripMs: median(trips),
    messageMs: median(messages.trips),
    ...qualityOf(first, last),
  };
}

/** What the browser has counted so far, over all connections of the test. */
async function sample(forced: Forced): Promise<Sample> {
  const stats = (await Promise.all(forced.connections.map(statsOf))).flat();
  const sound = (type: string) => stats.find((s) => s.type === type && s["kind"] === "audio");
  const back = sound("inbound-rtp");
  const there = sound("outbound-rtp");
  const told = sound("remote-inbound-rtp");
  const trips = stats
    .filter((s) => s.type === "candidate-pair" && s["nominated"] === true)
    .map((s) => Number(s["currentRoundTripTime"]))
    .filter((seconds) => seconds > 0);
  return {
    received: Number(back?.["packetsReceived"] ?? 0),
    lost: Number(back?.["packetsLost"] ?? 0),
    jitterMs: Number(back?.["jitter"] ?? 0) * 1_000,
    sent: Number(there?.["packetsSent"] ?? 0),
    lostUp: told === undefined ? null : Number(told["packetsLost"] ?? 0),
    roundTripMs: trips.length === 0 ? null : Math.max(...trips) * 1_000,
  };
}

/** Messages from one participant to the other: both are this page, so one clock tells how long the way is. */
class Messages {
  readonly trips: number[] = [];
  private readonly sent = new Map<number, number>();
  private next = 0;

  constructor(
    private readonly from: Room,
    private readonly to: Room,
  ) {
    to.on(RoomEvent.DataReceived, this.arrived);
  }

  send(): void {
    const number = this.next;
    this.next += 1;
    this.sent.set(number, performance.now());
    const payload = new TextEncoder().encode(String(number));
    // A message that does not leave is one that does not arrive.
    void this.from.localParticipant
      .publishData(payload, { reliable: false })
      .catch(() => undefined);
  }

  end(): void {
    this.to.off(RoomEvent.DataReceived, this.arrived);
  }

  private readonly arrived = (payload: Uint8Array): void => {
    const at = this.sent.get(Number(new TextDecoder().decode(payload)));
    if (at !== undefined) this.trips.push(performance.now() - at);
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
