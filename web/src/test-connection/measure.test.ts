import { describe, expect, it } from "vitest";
import { allowed, filtered } from "./forced";
import { median, qualityOf, type Sample } from "./measure";

const start: Sample = {
  received: 100,
  lost: 2,
  jitterMs: 9,
  sent: 120,
  lostUp: null,
  roundTripMs: null,
};

describe("quality", () => {
  it("is what happened between two samples, not before", () => {
    const last = { ...start, received: 340, lost: 12, jitterMs: 3, sent: 370, lostUp: 5 };
    const { packets, loss, lossUp, jitterMs } = qualityOf(start, last);
    expect(packets).toBe(240);
    expect(loss).toBeCloseTo(10 / 250);
    expect(lossUp).toBeCloseTo(5 / 250);
    expect(jitterMs).toBe(3);
  });

  it("takes a late packet back from the lost ones", () => {
    const last = { ...start, received: 350, lost: 0, sent: 370 };
    expect(qualityOf(start, last).loss).toBe(0);
    expect(qualityOf(start, last).lossUp).toBeNull();
  });

  it("calls silence a loss of everything", () => {
    expect(qualityOf(start, { ...start, sent: 370 }).loss).toBe(1);
  });
});

describe("the median", () => {
  it("is a value that was there, and none of none", () => {
    expect(median([])).toBeNull();
    expect(median([7])).toBe(7);
    expect(median([900, 10, 12])).toBe(12);
    expect(median([4, 1, 2, 3])).toBe(2);
  });
});

describe("a forced protocol", () => {
  const udp = "a=candidate:1 1 UDP 2130706431 203.0.113.7 7882 typ host";
  const tcp = "a=candidate:2 1 tcp 1671430143 203.0.113.7 7880 typ host tcptype passive";
  const sdp = ["v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", udp, tcp, "a=end-of-candidates", ""].join(
    "\r\n",
  );

  it("leaves the candidates of the other one out, and nothing else", () => {
    expect(filtered(sdp, "udp")).toBe(sdp.replace(`${tcp}\r\n`, ""));
    expect(filtered(sdp, "tcp")).toBe(sdp.replace(`${udp}\r\n`, ""));
  });

  it("knows candidates that come one by one", () => {
    expect(allowed(tcp.slice(2), "tcp")).toBe(true);
    expect(allowed(tcp.slice(2), "udp")).toBe(false);
    expect(allowed("", "udp")).toBe(true);
  });
});
