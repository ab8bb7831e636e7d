import { micProblem } from "../room/mic-problem";
import type { CameraFinding, DeviceProblem, MicrophoneFinding } from "./findings";

/** Long enough to say a sentence; shorter as soon as a voice was heard. */
const LISTEN_MS = 4_000;
const HEARD = 0.05;
/** The meter is read this often while listening. */
const LOOK_MS = 50;
/** Cameras take a moment until their first picture. */
const PICTURE_MS = 5_000;

export type Opened = { stream: MediaStream } | { problem: DeviceProblem };

/** Opens devices. The problem is one of the device, never an exception. */
export async function open(wish: MediaStreamConstraints): Promise<Opened> {
  // Absent outside secure contexts, whatever the types say.
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  if (!window.isSecureContext || devices === undefined) return { problem: "insecure" };
  try {
    return { stream: await devices.getUserMedia(wish) };
  } catch (error) {
    return { problem: micProblem(error) };
  }
}

/** How loud a microphone is, read as often as wanted. */
export class Meter {
  private readonly context = new AudioContext();
  private readonly analyser = this.context.createAnalyser();
  private readonly samples: Float32Array<ArrayBuffer>;

  constructor(stream: MediaStream) {
    this.analyser.fftSize = 1_024;
    this.samples = new Float32Array(this.analyser.fftSize);
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    void this.context.resume();
  }

  /** Root mean square of the last moment, 0 to 1. */
  level(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return Math.sqrt(sum / this.samples.length);
  }

  close(): void {
    void this.context.close();
  }
}

/** Listens until a voice was heard or the time is over. */
export async function listen(stream: MediaStream, meter: Meter): Promise<MicrophoneFinding> {
  const label = stream.getAudioTracks()[0]?.label ?? "";
  const end = performance.now() + LISTEN_MS;
  let peak = 0;
  while (performance.now() < end && peak < HEARD) {
    peak = Math.max(peak, meter.level());
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return { kind: "open", label, peak };
}

/** Waits for the first picture. */
export async function look(stream: MediaStream): Promise<CameraFinding> {
  const label = stream.getVideoTracks()[0]?.label ?? "";
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = stream;
  try {
    const shown = new Promise<boolean>((resolve) => {
      video.onloadeddata = () => resolve(video.videoWidth > 0);
      setTimeout(() => resolve(false), PICTURE_MS);
    });
    await video.play().catch(() => undefined);
    if (!(await shown)) return { kind: "dark", label };
    return { kind: "open", label, width: video.videoWidth, height: video.videoHeight };
  } finally {
    video.srcObject = null;
  }
}

export function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
