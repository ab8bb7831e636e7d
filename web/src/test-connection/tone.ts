/** A soft made-up sound, for devices without a microphone. */
export function tone(): { track: MediaStreamTrack; end: () => void } {
  const context = new AudioContext();
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  const out = context.createMediaStreamDestination();
  oscillator.frequency.value = 220;
  gain.gain.value = 0.05;
  oscillator.connect(gain).connect(out);
  oscillator.start();
  void context.resume();
  const [track] = out.stream.getAudioTracks();
  if (track === undefined) throw new Error("a stream destination always has a track");
  return { track, end: () => void context.close() };
}
