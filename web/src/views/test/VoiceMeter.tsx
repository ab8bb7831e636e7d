import { useEffect, useRef } from "react";
import type { Meter } from "../../test-connection/devices";
import { words } from "../../text/test";

/** A voice near the microphone fills the bar about this far up: quiet sounds should be seen too. */
const FULL = 0.35;
/** Screen readers are told less often than eyes. */
const TOLD_EVERY = 15;

/** How loud the microphone is, as a bar; drawn past React, sixty times a second. */
export function VoiceMeter({ meter }: { meter: Meter }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let frame = 0;
    let shown = 0;
    let count = 0;
    const draw = () => {
      const now = Math.min(1, Math.sqrt(meter.level() / FULL));
      // Up at once, down slowly, as eyes expect of a meter.
      shown = Math.max(now, shown * 0.9);
      bar.current?.style.setProperty("--level", shown.toFixed(3));
      if (count % TOLD_EVERY === 0) {
        bar.current?.setAttribute("aria-valuenow", String(Math.round(shown * 100)));
      }
      count += 1;
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [meter]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a meter element cannot be drawn alike in all browsers
    <div
      ref={bar}
      className="test-meter"
      role="meter"
      aria-label={words.meter}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    />
  );
}
