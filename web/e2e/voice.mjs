// A made-up voice as a WAV file: the browser's own fake microphone only beeps, too short to count as speech.
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const RATE = 48_000;
const SECONDS = 4;
/** About half of full scale: clearly speech for any level meter, far from clipping. */
const LOUDNESS = 0.5;
/** Syllables per second, and the share of each that sounds. */
const SYLLABLES = 3;
const VOICED = 0.8;

/** Harmonics of a gliding pitch in syllables, so that noise suppression takes it for a voice and lets it pass. */
function sample(t, loudness) {
  const beat = (t * SYLLABLES) % 1;
  if (beat > VOICED) return 0;
  const envelope = Math.sin((Math.PI * beat) / VOICED) ** 0.5;
  const pitch = 130 + 40 * Math.sin(2 * Math.PI * 0.5 * t);
  let wave = 0;
  for (let harmonic = 1; harmonic <= 12; harmonic += 1) {
    wave += Math.sin(2 * Math.PI * pitch * harmonic * t) / harmonic;
  }
  return loudness * envelope * (wave / 2);
}

/** Writes the file and returns its path; with a loudness of 0 it is one of silence. */
export async function writeVoice(loudness = LOUDNESS) {
  const samples = RATE * SECONDS;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(RATE, 24);
  wav.writeUInt32LE(RATE * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i += 1) {
    const value = Math.max(-1, Math.min(1, sample(i / RATE, loudness)));
    wav.writeInt16LE(Math.round(value * 32_767), 44 + i * 2);
  }
  const path = join(await mkdtemp(join(tmpdir(), "stoa-voice-")), "voice.wav");
  await writeFile(path, wav);
  return path;
}
