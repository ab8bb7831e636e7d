import type { AdviceKind, Verdict } from "../test-connection/advice";
import type { CheckId } from "../test-connection/findings";

/** What a finding means, and what to do about it; an empty `do` when there is nothing to do. */
export interface AdviceWords {
  says: string;
  do: string;
}

const ms = (n: number) => `${Math.round(n)} ms`;
const percent = (share: number) => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

/** Texts of the connection test; loaded with it. */
export const testEn = {
  title: "Connection test",
  lead: "Half a minute that tells whether this device and this network carry your voice, and what to do if not.",
  start: "Start the test",
  again: "Test again",
  running: "Testing…",
  ask: "The browser will ask for your microphone and camera. What they pick up goes to this server and straight back to you, to nobody else.",
  speak: "Say something: the bar should move.",
  release: "Switch microphone and camera off",
  checks: "What is tested",

  check: {
    microphone: { name: "Microphone", what: "Whether you can be heard" },
    camera: { name: "Camera", what: "Needed only to be seen in classes" },
    websocket: { name: "Messages", what: "Chat and everything that happens in a room (WebSocket)" },
    udp: { name: "Voice, direct way", what: "Sound over UDP, the best way" },
    quality: { name: "Quality", what: "Delay, gaps and loss of real sound, for five seconds" },
    tcp: {
      name: "Voice, second way",
      what: "Sound over TCP, for networks that let nothing else through",
    },
  } satisfies Record<CheckId, { name: string; what: string }>,

  status: {
    waiting: "not tested yet",
    running: "being tested",
    good: "good",
    fair: "could be better",
    bad: "does not work",
    unknown: "not found out",
  },
  /** For screen readers, as each result comes in. */
  result: (name: string, status: string, says: string) => `${name}: ${status}. ${says}`,

  verdict: {
    ready: {
      title: "You are ready",
      text: "Everything works. Rooms and classes will sound as they should.",
    },
    limited: { title: "You can take part", text: "It works, and it could work better: see below." },
    broken: {
      title: "Something is in the way",
      text: "One part does not work. What helps is written beside it.",
    },
    incomplete: { title: "Not everything could be tested", text: "What was tested is below." },
  } satisfies Record<Verdict, { title: string; text: string }>,

  choose: "Use this microphone",
  meter: "Loudness of your microphone",
  preview: "What your camera sees",
  voice: {
    record: "Hear yourself",
    recording: "Recording, speak now…",
    playing: "Playing…",
    failed: "This browser cannot record.",
    hint: "Records three seconds and plays them. Nothing is kept.",
  },

  facts: {
    device: (label: string) => label,
    picture: (width: number, height: number) => `${width} × ${height}`,
    socket: (open: number, answer: number) => `connected in ${ms(open)}, answer in ${ms(answer)}`,
    path: (connect: number) => `sound came back after ${ms(connect)}`,
    server: (address: string) => `server at ${address}`,
    over: (protocol: string) => `measured over ${protocol}`,
    roundTrip: (n: number) => `round trip ${ms(n)}`,
    message: (n: number) => `message ${ms(n)}`,
    jitter: (n: number) => `jitter ${ms(n)}`,
    loss: (share: number) => `loss ${percent(share)}`,
    lossUp: (share: number) => `of it on the way there ${percent(share)}`,
    packets: (n: number) => `${n} packets`,
  },

  advice: {
    "mic-good": { says: "Your voice arrives loud and clear.", do: "" },
    "mic-quiet": {
      says: "The microphone picks up something, but very quietly.",
      do: "Move closer, or turn the input volume up in the settings of your system.",
    },
    "mic-silent": {
      says: "The microphone is open, but there is no sound.",
      do: "Check its mute switch and whether the right one is chosen in the browser, then test again and say a few words.",
    },
    "mic-denied": {
      says: "The browser does not let this page use the microphone.",
      do: "Allow it in the address bar (the icon beside the address), then test again.",
    },
    "mic-missing": {
      says: "No microphone was found.",
      do: "Connect one, then test again. You can listen without.",
    },
    "mic-insecure": {
      says: "Browsers give the microphone only to pages opened over https or on localhost.",
      do: "Open this page over https. Whoever runs the server can switch that on.",
    },
    "mic-busy": {
      says: "Another program is using the microphone.",
      do: "Close other calls and recorders, then test again.",
    },
    "mic-failed": {
      says: "The microphone could not be started.",
      do: "Unplug it and plug it in again, or restart the browser, then test again.",
    },
    "camera-good": { says: "Your camera sends a picture.", do: "" },
    "camera-dark": {
      says: "The camera is open, but sends no picture.",
      do: "Check its cover or switch, and whether another program uses it.",
    },
    "camera-denied": {
      says: "The browser does not let this page use the camera.",
      do: "If you want to be seen in classes, allow it in the address bar. Voice works without.",
    },
    "camera-missing": {
      says: "No camera was found.",
      do: "You can take part without: voice needs none.",
    },
    "camera-insecure": {
      says: "Browsers give the camera only to pages opened over https or on localhost.",
      do: "Open this page over https.",
    },
    "camera-busy": {
      says: "Another program is using the camera.",
      do: "Close other video calls, then test again. Voice works without.",
    },
    "camera-failed": {
      says: "The camera could not be started.",
      do: "Unplug it and plug it in again, or restart the browser. Voice works without.",
    },
    "socket-good": { says: "Messages arrive at once.", do: "" },
    "socket-slow": {
      says: "Messages arrive, but late.",
      do: "Stop big downloads, or move closer to the Wi-Fi. A VPN may also be the reason.",
    },
    "socket-failed": {
      says: "The connection for messages does not come up.",
      do: "A proxy or firewall probably cuts WebSocket connections. Try another network, or ask for them to be let through to this address.",
    },
    "udp-good": { says: "Sound goes the direct way.", do: "" },
    "udp-blocked": {
      says: "This network does not let UDP through to the server.",
      do: "Sound takes the second way instead, which stutters sooner on a bad line. Ask whoever runs the network to allow UDP to the address of the server's media port.",
    },
    "tcp-good": { says: "If a network blocks the direct way, this one works.", do: "" },
    "tcp-spare": {
      says: "The second way is closed.",
      do: "Not needed here, since the direct one is open. Whoever runs the server can check that its TCP port takes media too.",
    },
    "media-blocked": {
      says: "Sound finds no way to the server and back.",
      do: "Try another network, such as your phone's. If it works there, a firewall here blocks it; if not, whoever runs the server should check its public address and media port.",
    },
    "media-signalling": {
      says: "The media server did not answer.",
      do: "A proxy or firewall probably cuts WebSocket connections. Try another network.",
    },
    "media-no-door": {
      says: "Sound can be tested only when you are signed in.",
      do: "Sign in, then come back to this test.",
    },
    "media-refused": {
      says: "The server did not open a channel for the test.",
      do: "Wait a moment, then test again. If it stays so, sign in anew.",
    },
    "media-no-webrtc": {
      says: "This browser cannot carry live sound.",
      do: "Use a current Chrome, Edge, Firefox or Safari, or switch off the add-on that blocks WebRTC.",
    },
    "quality-good": { says: "Short way, no gaps: people will hear you well.", do: "" },
    "quality-far": {
      says: "The way to the server is long, so answers come a little late.",
      do: "Leave short pauses when you speak. A VPN may be the reason for the detour.",
    },
    "quality-uneven": {
      says: "Sound arrives unevenly, so it is held back a little to play smoothly.",
      do: "Use a cable instead of Wi-Fi, or move closer to it, and stop big downloads.",
    },
    "quality-lossy": {
      says: "Some of the sound gets lost on the way. You may hear small gaps.",
      do: "Use a cable instead of Wi-Fi, or move closer to it, and stop big downloads.",
    },
    "quality-bad": {
      says: "The line is too poor for a conversation.",
      do: "Try another network. On Wi-Fi, a cable or a place near the router helps most.",
    },
    "quality-failed": { says: "There was no sound to measure.", do: "" },
  } satisfies Record<AdviceKind, AdviceWords>,

  report: {
    title: "Report",
    hint: "For whoever helps you. It holds no name and no password.",
    copy: "Copy report",
    copied: "Copied",
    heading: "Stoa connection test",
    page: "Page",
    browser: "Browser",
    time: "Time",
    secure: "Secure context",
    yes: "yes",
    no: "no",
    result: "Result",
  },
  signIn: "Sign in",
};

export type TestTexts = typeof testEn;
