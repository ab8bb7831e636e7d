import { useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import { type DeviceKind, type DeviceList, devices } from "../../lib/devices";
import { chime, type Meter, openMeter, record, toSpeaker } from "../../lib/meter";
import { micProblem } from "../../room/mic-problem";
import type { MicProblem } from "../../room/state";
import { text } from "../../text";
import { Dialog } from "../../ui/Dialog";
import { MicIcon, SoundIcon } from "../../ui/icons";

const say = text.sound;
/** Long enough for a sentence. */
const RECORD_MS = 4_000;
/** Above the noise of a quiet room, below a low voice. */
const HEARD = 0.35;

/** Which microphone and speaker, and whether they work. `live`: what is said is heard by the others too. */
export function SoundDialog({ live, onClose }: { live: boolean; onClose: () => void }) {
  const view = useSyncExternalStore(devices.subscribe, devices.snapshot);
  return (
    <Dialog title={say.title} onClose={onClose} plain>
      <p className="dialog-text">{live ? say.live : say.lead}</p>
      <Picker kind="audioinput" list={view.audioinput} />
      <MicrophoneTest device={view.audioinput.used} speaker={view.audiooutput.used} />
      {view.audiooutput.all.length > 0 ? (
        <>
          <Picker kind="audiooutput" list={view.audiooutput} />
          <SpeakerTest speaker={view.audiooutput.used} />
        </>
      ) : (
        <p className="hint">{say.speakerFixed}</p>
      )}
    </Dialog>
  );
}

function Picker({ kind, list }: { kind: DeviceKind; list: DeviceList }) {
  const id = useId();
  return (
    <div className="sound-pick">
      <label htmlFor={id}>
        {kind === "audioinput" ? <MicIcon /> : <SoundIcon />}
        {kind === "audioinput" ? say.microphone : say.speaker}
      </label>
      <select
        id={id}
        className="select"
        value={list.used}
        disabled={list.all.length === 0}
        onChange={(event) => devices.choose(kind, event.target.value)}
      >
        {list.all.length === 0 && <option value="">{say.browserChooses}</option>}
        {list.all.map((device, i) => (
          <option key={device.id} value={device.id}>
            {device.label === "" ? say.unnamed(i + 1) : device.label}
          </option>
        ))}
      </select>
      {list.missing !== null && (
        <p className="sound-missing" role="status">
          {say.missing(list.missing.label || say.unnamed(1))}
        </p>
      )}
    </div>
  );
}

type Step = "off" | "on" | "recording" | "playing";

function MicrophoneTest({ device, speaker }: { device: string; speaker: string }) {
  const [step, setStep] = useState<Step>("off");
  const [problem, setProblem] = useState<MicProblem | null>(null);
  const [heard, setHeard] = useState(false);
  const bar = useRef<HTMLDivElement>(null);
  const meter = useRef<Meter | null>(null);
  const open = step !== "off";

  useEffect(() => {
    if (!open) return;
    let here = true;
    const level = (value: number) => {
      // Sixty times a second: past React.
      bar.current?.style.setProperty("--level", value.toFixed(3));
      if (value > HEARD) setHeard(true);
    };
    setHeard(false);
    openMeter(device, level).then(
      (opened) => {
        if (!here) return opened.stop();
        meter.current = opened;
        setProblem(null);
        // Names of devices are told only now.
        void devices.look();
      },
      (error: unknown) => {
        if (!here) return;
        setProblem(window.isSecureContext ? micProblem(error) : "insecure");
        setStep("off");
      },
    );
    return () => {
      here = false;
      meter.current?.stop();
      meter.current = null;
    };
  }, [device, open]);

  const playback = usePlayback(speaker, () => setStep((now) => (now === "playing" ? "on" : now)));

  async function listen() {
    if (meter.current === null) return;
    setStep("recording");
    const { done } = record(meter.current.stream, RECORD_MS);
    const address = await done;
    setStep("playing");
    await playback(address);
  }

  return (
    <div className="sound-test">
      {open && (
        <>
          <div
            className="meter"
            ref={bar}
            role="img"
            aria-label={say.level}
            data-heard={heard || undefined}
          />
          <p className="sound-note" role="status">
            {step === "recording"
              ? say.recording
              : step === "playing"
                ? say.playing
                : heard
                  ? say.heard
                  : say.quiet}
          </p>
        </>
      )}
      {problem !== null && (
        <p className="form-alert" role="alert">
          {text.mic[problem]}
        </p>
      )}
      <div className="sound-actions">
        <button type="button" className="button" onClick={() => setStep(open ? "off" : "on")}>
          {open ? say.stop : say.test}
        </button>
        {open && (
          <button type="button" className="button" disabled={step !== "on"} onClick={listen}>
            {say.record}
          </button>
        )}
      </div>
    </div>
  );
}

/** Plays one recording at a time; silent once the dialog is closed. */
function usePlayback(speaker: string, over: () => void): (address: string) => Promise<void> {
  const element = useRef<HTMLAudioElement | null>(null);
  const gone = useRef(false);
  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      element.current?.pause();
    };
  }, []);
  return async (address) => {
    const audio = new Audio(address);
    const end = () => {
      URL.revokeObjectURL(address);
      over();
    };
    audio.addEventListener("ended", end, { once: true });
    audio.addEventListener("error", end, { once: true });
    if (gone.current) return URL.revokeObjectURL(address);
    element.current = audio;
    await toSpeaker(audio, speaker).catch(() => undefined);
    await audio.play().catch(end);
  };
}

function SpeakerTest({ speaker }: { speaker: string }) {
  const [state, setState] = useState<"idle" | "playing" | "failed">("idle");
  async function play() {
    setState("playing");
    await chime(speaker).then(
      () => setState("idle"),
      () => setState("failed"),
    );
  }
  return (
    <div className="sound-test">
      {state === "failed" && (
        <p className="form-alert" role="alert">
          {say.failed}
        </p>
      )}
      <div className="sound-actions">
        <button type="button" className="button" disabled={state === "playing"} onClick={play}>
          {say.chime}
        </button>
      </div>
    </div>
  );
}
