/** Quieter than this is silence on the meter, dB below full scale. */
const FLOOR_DB = -60;
/** Length of one look at the sound, a power of two: 21 ms at 48 kHz. */
const WINDOW = 1024;

/** How full a level meter is, 0 to 1: linear in decibels, as ears are. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  if (rms <= 0) return 0;
  const db = 20 * Math.log10(rms);
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}

export interface Meter {
  readonly stream: MediaStream;
  stop(): void;
}

/** Opens a microphone and tells how loud it is, about as often as the screen is drawn. */
export async function openMeter(device: string, heard: (level: number) => void): Promise<Meter> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: device === "" ? true : { deviceId: { exact: device } },
  });
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = WINDOW;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(WINDOW);
  let frame = 0;
  const look = () => {
    analyser.getFloatTimeDomainData(samples);
    heard(loudness(samples));
    frame = requestAnimationFrame(look);
  };
  frame = requestAnimationFrame(look);
  return {
    stream,
    stop() {
      cancelAnimationFrame(frame);
      for (const track of stream.getTracks()) track.stop();
      void context.close();
    },
  };
}

/** Records for so long, or until stopped; the answer is an address for an audio element, to be revoked. */
export function record(stream: MediaStream, ms: number): { done: Promise<string>; stop(): void } {
  const recorder = new MediaRecorder(stream);
  const parts: Blob[] = [];
  const timer = setTimeout(() => recorder.stop(), ms);
  const stop = () => {
    clearTimeout(timer);
    if (recorder.state !== "inactive") recorder.stop();
  };
  const done = new Promise<string>((resolve) => {
    recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
    recorder.addEventListener("stop", () => {
      resolve(URL.createObjectURL(new Blob(parts, { type: recorder.mimeType })));
    });
  });
  recorder.start();
  return { done, stop };
}

/** Lets an element sound from that speaker, where the browser can. */
export async function toSpeaker(element: HTMLAudioElement, id: string): Promise<void> {
  if (id === "" || typeof element.setSinkId !== "function") return;
  await element.setSinkId(id === "default" ? "" : id);
}

/** Two soft notes from that speaker. */
export async function chime(speaker: string): Promise<void> {
  const context = new AudioContext();
  const target = context.createMediaStreamDestination();
  const element = new Audio();
  element.srcObject = target.stream;
  await toSpeaker(element, speaker);
  const start = context.currentTime + 0.05;
  for (const [i, frequency] of [523.25, 783.99].entries()) {
    const note = context.createOscillator();
    const gain = context.createGain();
    const at = start + i * 0.28;
    note.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.25, at + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.6);
    note.connect(gain).connect(target);
    note.start(at);
    note.stop(at + 0.65);
  }
  await element.play();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  element.pause();
  await context.close();
}
