import { useEffect, useRef, useState } from "react";
import { devices } from "../../lib/devices";
import { record, toSpeaker } from "../../lib/meter";
import { words } from "../../text/test";
import { MicIcon } from "../../ui/icons";

const RECORD_MS = 3_000;

type Phase = "idle" | "recording" | "playing" | "failed";

/** Records a moment and plays it: what others would hear. Live playback would howl through loudspeakers. */
export function OwnVoice({ stream }: { stream: MediaStream }) {
  const [phase, setPhase] = useState<Phase>("idle");
  const stop = useRef<() => void>(() => undefined);
  useEffect(() => () => stop.current(), []);

  async function hear() {
    setPhase("recording");
    try {
      const recording = record(stream, RECORD_MS);
      stop.current = recording.stop;
      const address = await recording.done;
      setPhase("playing");
      await play(address, stop);
      setPhase("idle");
    } catch {
      setPhase("failed");
    }
  }

  return (
    <div className="test-voice">
      <button
        type="button"
        className="button"
        disabled={phase === "recording" || phase === "playing"}
        onClick={() => void hear()}
      >
        <MicIcon />
        {phase === "recording" || phase === "playing" ? words.voice[phase] : words.voice.record}
      </button>
      <p className="test-facts" role={phase === "failed" ? "alert" : undefined}>
        {phase === "failed" ? words.voice.failed : words.voice.hint}
      </p>
    </div>
  );
}

type Stop = { current: () => void };

async function play(address: string, stop: Stop): Promise<void> {
  const audio = new Audio(address);
  stop.current = () => audio.pause();
  try {
    const over = new Promise<void>((resolve, reject) => {
      audio.onended = audio.onpause = () => resolve();
      audio.onerror = () => reject(new Error("the recording does not play"));
    });
    await toSpeaker(audio, devices.snapshot().audiooutput.used).catch(() => undefined);
    await audio.play();
    await over;
  } finally {
    URL.revokeObjectURL(address);
  }
}
