import { describe, expect, it } from "vitest";
import { testEn } from "../text/test-en";
import { testZh } from "../text/test-zh";
import { type AdviceKind, advise, type Grade, type Verdict, verdict } from "./advice";
import type { CheckId, DeviceProblem, Findings, PathFailure, Quality } from "./findings";
import { reportOf } from "./report";

const open = { kind: "connected", connectMs: 300, server: "203.0.113.7:7882" } as const;
const shut = (failure: PathFailure = "no-way") => ({ kind: "failed", failure }) as const;
const heard = (peak: number) => ({ kind: "open", label: "USB microphone", peak }) as const;

const calm: Quality = {
  protocol: "udp",
  seconds: 5,
  packets: 250,
  roundTripMs: 30,
  jitterMs: 4,
  lossUp: 0,
  loss: 0,
  messageMs: 32,
};
const line = (change: Partial<Quality>): Findings => ({
  quality: { kind: "measured", quality: { ...calm, ...change } },
});

const ALL_WELL: Findings = {
  microphone: heard(0.2),
  camera: { kind: "open", label: "Webcam", width: 1280, height: 720 },
  websocket: { kind: "open", openMs: 40, answerMs: 20 },
  udp: open,
  tcp: open,
  quality: { kind: "measured", quality: calm },
};

/** Finding, the check that is looked at, what is said of it. */
const TABLE: [string, Findings, CheckId, Grade, AdviceKind][] = [
  ["a voice", { microphone: heard(0.2) }, "microphone", "good", "mic-good"],
  ["a whisper", { microphone: heard(0.01) }, "microphone", "fair", "mic-quiet"],
  ["a muted device", { microphone: heard(0) }, "microphone", "bad", "mic-silent"],
  ["a picture", ALL_WELL, "camera", "good", "camera-good"],
  ["a covered camera", { camera: { kind: "dark", label: "" } }, "camera", "fair", "camera-dark"],
  ["prompt messages", ALL_WELL, "websocket", "good", "socket-good"],
  [
    "late messages",
    { websocket: { kind: "open", openMs: 900, answerMs: 401 } },
    "websocket",
    "fair",
    "socket-slow",
  ],
  ["no messages", { websocket: { kind: "failed" } }, "websocket", "bad", "socket-failed"],
  ["both ways open", ALL_WELL, "udp", "good", "udp-good"],
  ["both ways open", ALL_WELL, "tcp", "good", "tcp-good"],
  ["UDP shut, TCP not tried yet", { udp: shut() }, "udp", "fair", "udp-blocked"],
  ["UDP shut, TCP open", { udp: shut(), tcp: open }, "udp", "fair", "udp-blocked"],
  ["UDP shut, TCP open", { udp: shut(), tcp: open }, "tcp", "good", "tcp-good"],
  ["UDP open, TCP shut", { udp: open, tcp: shut() }, "tcp", "fair", "tcp-spare"],
  ["both ways shut", { udp: shut(), tcp: shut() }, "udp", "bad", "media-blocked"],
  ["both ways shut", { udp: shut(), tcp: shut() }, "tcp", "bad", "media-blocked"],
  ["nobody signed in", { udp: shut("no-door") }, "udp", "unknown", "media-no-door"],
  ["no token", { tcp: shut("refused") }, "tcp", "unknown", "media-refused"],
  ["an old browser", { udp: shut("no-webrtc") }, "udp", "bad", "media-no-webrtc"],
  ["no signalling", { udp: shut("signalling") }, "udp", "bad", "media-signalling"],
  ["a good line", line({}), "quality", "good", "quality-good"],
  ["a lost packet in two hundred", line({ loss: 0.005 }), "quality", "good", "quality-good"],
  ["a lost packet in fifty", line({ loss: 0.02 }), "quality", "fair", "quality-lossy"],
  ["a lost packet in ten", line({ loss: 0.1 }), "quality", "bad", "quality-bad"],
  ["a shaky line", line({ jitterMs: 50 }), "quality", "fair", "quality-uneven"],
  ["a very shaky line", line({ jitterMs: 120 }), "quality", "bad", "quality-bad"],
  ["another continent", line({ roundTripMs: 220 }), "quality", "fair", "quality-far"],
  ["a satellite", line({ roundTripMs: 650 }), "quality", "bad", "quality-bad"],
  [
    "a round trip known of messages only",
    line({ roundTripMs: null, messageMs: 220 }),
    "quality",
    "fair",
    "quality-far",
  ],
  [
    "far and lossy: loss is heard more",
    line({ roundTripMs: 220, loss: 0.03 }),
    "quality",
    "fair",
    "quality-lossy",
  ],
  ["no sound to measure", { quality: { kind: "failed" } }, "quality", "unknown", "quality-failed"],
];

describe("advice", () => {
  it.each(TABLE)("for %s", (_name, findings, check, grade, kind) => {
    expect(advise(findings)).toContainEqual({ check, grade, kind });
  });

  it.each<DeviceProblem>(["denied", "missing", "insecure", "busy", "failed"])(
    "for devices that are %s: bad for the microphone, not for the camera",
    (problem) => {
      const failed = { kind: "failed", problem } as const;
      expect(advise({ microphone: failed, camera: failed })).toEqual([
        { check: "microphone", grade: "bad", kind: `mic-${problem}` },
        { check: "camera", grade: "fair", kind: `camera-${problem}` },
      ]);
    },
  );

  it("says nothing of what was not looked at", () => {
    expect(advise({})).toEqual([]);
    expect(advise({ tcp: open }).map(({ check }) => check)).toEqual(["tcp"]);
  });
});

describe("the verdict", () => {
  const TABLE: [string, Findings, Verdict][] = [
    ["all well", ALL_WELL, "ready"],
    ["UDP blocked", { ...ALL_WELL, udp: shut() }, "limited"],
    ["no camera", { ...ALL_WELL, camera: { kind: "failed", problem: "missing" } }, "limited"],
    [
      "no microphone",
      { ...ALL_WELL, microphone: { kind: "failed", problem: "missing" } },
      "broken",
    ],
    ["both ways shut", { ...ALL_WELL, udp: shut(), tcp: shut() }, "broken"],
    ["not signed in", { ...ALL_WELL, udp: shut("no-door"), tcp: shut("no-door") }, "incomplete"],
    ["half a test", { microphone: heard(0.2) }, "incomplete"],
    ["nothing", {}, "incomplete"],
  ];
  it.each(TABLE)("with %s", (_name, findings, expected) => {
    expect(verdict(advise(findings))).toBe(expected);
  });
});

describe("the report", () => {
  const place = {
    page: "https://voice.example.org/#/test",
    browser: "Firefox",
    secure: true,
    startedAt: 0,
  };

  it.each([
    ["English", testEn],
    ["Chinese", testZh],
  ])("has every check, its figures and what to do, in %s", (_name, t) => {
    const findings = { ...ALL_WELL, udp: shut() };
    const report = reportOf(findings, place, t);
    for (const check of ["microphone", "camera", "websocket", "udp", "tcp", "quality"] as const) {
      expect(report).toContain(t.check[check].name);
    }
    expect(report).toContain(t.advice["udp-blocked"].do);
    expect(report).toContain("203.0.113.7:7882");
    expect(report).toContain(t.facts.jitter(4));
    expect(report).toContain("1970-01-01T00:00:00.000Z");
    expect(report).toContain("https://voice.example.org/#/test");
  });

  it("has words for everything, in both languages, and advice for all that is not good", () => {
    for (const t of [testEn, testZh]) {
      for (const [kind, words] of Object.entries(t.advice)) {
        expect(words.says, kind).not.toBe("");
        if (!kind.endsWith("-good") && kind !== "quality-failed")
          expect(words.do, kind).not.toBe("");
      }
    }
  });
});
