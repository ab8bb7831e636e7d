/** Counters of a connection at one moment; they only grow. */
export interface Sample {
  received: number;
  lost: number;
  jitterMs: number;
  sent: number;
  /** As the server reports; null before its first report. */
  lostUp: number | null;
  roundTripMs: number | null;
}

export interface Shares {
  packets: number;
  jitterMs: number;
  lossUp: number | null;
  loss: number;
}

/** What happened between two moments. */
export function qualityOf(first: Sample, last: Sample): Shares {
  const packets = last.received - first.received;
  return {
    packets,
    jitterMs: last.jitterMs,
    loss: share(last.lost - first.lost, packets),
    lossUp:
      last.lostUp === null
        ? null
        : shareOfSent(last.lostUp - (first.lostUp ?? 0), last.sent - first.sent),
  };
}

/** Counters of loss go down again when a late packet turns up after all. */
function share(lost: number, arrived: number): number {
  const missing = Math.max(0, lost);
  const all = missing + Math.max(0, arrived);
  return all === 0 ? 1 : missing / all;
}

function shareOfSent(lost: number, sent: number): number {
  return sent <= 0 ? 0 : Math.min(1, Math.max(0, lost) / sent);
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
