import { useEffect, useState } from "react";

/** Epoch ms, once a second while mounted. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** The moment since which something holds, epoch ms; null while it does not. */
export function useSince(holds: boolean): number | null {
  const [since, setSince] = useState<number | null>(null);
  useEffect(() => setSince(holds ? Date.now() : null), [holds]);
  return holds ? since : null;
}

/** Whole seconds between two moments, never below 0. */
export function seconds(from: number, to: number): number {
  return Math.max(0, Math.round((to - from) / 1_000));
}
