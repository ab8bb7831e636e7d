// Runs in the page: one livekit-client room and what the tests ask of it.
"use strict";

window.client = (() => {
  const { Room, RoomEvent, Track } = LivekitClient;
  let room;
  const events = [];
  const data = [];
  const context = new AudioContext();
  const meters = new Map(); // track sid → analyser

  async function connect(url, token) {
    room = new Room({ adaptiveStream: false, dynacast: false });
    window.room = room;
    room.on(RoomEvent.TrackSubscribed, (track, publication, participant) => {
      const element = track.attach();
      element.muted = false;
      document.body.append(element);
      if (track.kind === Track.Kind.Audio) {
        const analyser = context.createAnalyser();
        analyser.fftSize = 2048;
        context.createMediaStreamSource(new MediaStream([track.mediaStreamTrack])).connect(analyser);
        meters.set(participant.identity, analyser);
      }
    });
    room.on(RoomEvent.DataReceived, (payload, participant, kind, topic) => {
      data.push({ text: new TextDecoder().decode(payload), from: participant?.identity ?? null, topic: topic ?? null });
    });
    for (const name of ["Reconnecting", "Reconnected", "SignalReconnecting", "Disconnected", "LocalTrackUnpublished", "ParticipantDisconnected", "ParticipantPermissionsChanged"]) {
      room.on(RoomEvent[name], (a) => events.push({ name, what: typeof a === "number" ? a : (a?.identity ?? null) }));
    }
    await context.resume();
    await room.connect(url, token);
    return room.localParticipant.sid;
  }

  const receivers = (identity, kind) =>
    [...(room.remoteParticipants.get(identity)?.trackPublications.values() ?? [])]
      .filter((p) => p.kind === kind && p.track)
      .map((p) => p.track.receiver);

  async function inbound(identity, kind) {
    for (const receiver of receivers(identity, kind)) {
      for (const stat of (await receiver.getStats()).values()) if (stat.type === "inbound-rtp") return stat;
    }
    return null;
  }

  const pause = (ms) => new Promise((r) => setTimeout(r, ms));

  /** Growth of totalAudioEnergy while `ms` pass, or of the analyser's signal where the statistics do not say. */
  async function energy(identity, ms) {
    const before = (await inbound(identity, "audio"))?.totalAudioEnergy ?? 0;
    await pause(ms);
    const after = (await inbound(identity, "audio"))?.totalAudioEnergy ?? 0;
    return after - before;
  }

  /** Root mean square of what is heard right now, through WebAudio. */
  function loudness(identity) {
    const analyser = meters.get(identity);
    if (!analyser) return 0;
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((a, x) => a + x * x, 0) / samples.length);
  }

  /** Highest loudness seen within `ms`: the fake device beeps, with silence in between. */
  async function peak(identity, ms) {
    let most = 0;
    for (const end = performance.now() + ms; performance.now() < end; await pause(20)) most = Math.max(most, loudness(identity));
    return most;
  }

  async function attempt(job) {
    try {
      await job();
      return "done";
    } catch (e) {
      return `${e.name}: ${e.message}`;
    }
  }

  const publisher = () => room.engine.pcManager.publisher;

  return {
    connect,
    energy,
    peak,
    framesDecoded: async (identity) => (await inbound(identity, "video"))?.framesDecoded ?? 0,
    packetsReceived: async (identity) => (await inbound(identity, "audio"))?.packetsReceived ?? 0,
    hasTrack: (identity, kind) => [...(room.remoteParticipants.get(identity)?.trackPublications.values() ?? [])].some((p) => p.kind === kind),
    isMuted: (identity) => [...(room.remoteParticipants.get(identity)?.trackPublications.values() ?? [])].every((p) => p.isMuted),
    participants: () => [...room.remoteParticipants.keys()].sort(),
    microphone: (on) => attempt(() => room.localParticipant.setMicrophoneEnabled(on)),
    camera: (on) => attempt(() => room.localParticipant.setCameraEnabled(on)),

    /** A camera in three layers, small enough for a busy machine. */
    async cameraInLayers() {
      const layers = [new LivekitClient.VideoPreset(240, 135, 80_000, 15), new LivekitClient.VideoPreset(480, 270, 200_000, 15)];
      const top = { width: 960, height: 540, frameRate: 15 };
      await room.localParticipant.setCameraEnabled(true, { resolution: top }, {
        simulcast: true, videoCodec: "vp8", videoSimulcastLayers: layers, videoEncoding: { maxBitrate: 500_000, maxFramerate: 15 },
      });
    },

    /** The highest layer that is sent: 0, 1 or 2. */
    sendUpTo: (quality) => room.localParticipant.getTrackPublication(Track.Source.Camera).track.setPublishingQuality(quality),

    /** By layer (q, h, f): bytes of pictures so far, without retransmissions, and frames. */
    async layersSent() {
      const layers = {};
      for (const stat of (await publisher().getStats()).values()) {
        if (stat.type === "outbound-rtp" && stat.kind === "video") {
          layers[stat.rid ?? ""] = { bytes: stat.bytesSent - (stat.retransmittedBytesSent ?? 0), frames: stat.framesSent ?? 0, at: stat.timestamp };
        }
      }
      return layers;
    },
    mayPublish: () => room.localParticipant.permissions?.canPublish ?? null,
    send: (text, options) => room.localParticipant.publishData(new TextEncoder().encode(text), options),
    sendText: (text, topic) => room.localParticipant.sendText(text, { topic }).then(() => true),
    onText: (topic) => room.registerTextStreamHandler(topic, async (reader, from) => data.push({ text: await reader.readAll(), from: from.identity, topic })),
    data: () => data,
    events: () => events,
    state: () => room.state,
    sid: () => room.localParticipant.sid,
    scenario: (name) => room.simulateScenario(name),
    cutSocket: () => room.engine.client.ws.close(),
    disconnect: () => room.disconnect(),
    rpcHandle: (method) => room.registerRpcMethod(method, async (call) => `echo ${call.payload} for ${call.callerIdentity}`),
    rpc: (destinationIdentity, method, payload) => room.localParticipant.performRpc({ destinationIdentity, method, payload }),

    /** A patched client: puts a microphone line on its connection without announcing it, and sends. */
    async smuggle() {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const sender = publisher().addTransceiver(stream.getAudioTracks()[0], { direction: "sendonly", streams: [stream] })?.sender;
      await room.engine.negotiate();
      return Boolean(sender);
    },

    /** A patched client: ignores every order to stop. */
    ignoreRevocation() {
      RTCPeerConnection.prototype.removeTrack = () => {};
      RTCRtpSender.prototype.replaceTrack = async () => {};
      MediaStreamTrack.prototype.stop = () => {};
      RTCRtpTransceiver.prototype.stop = () => {};
      Object.defineProperty(MediaStreamTrack.prototype, "enabled", { get: () => true, set: () => {} });
      room.localParticipant.unpublishTrack = async () => undefined;
      room.engine.negotiate = async () => {};
    },

    /** Packets this page has sent, all lines together. */
    async packetsSent() {
      let sent = 0;
      for (const stat of (await publisher().getStats()).values()) if (stat.type === "outbound-rtp") sent += stat.packetsSent;
      return sent;
    },

    /** Protocols of the candidate pairs in use. */
    async protocols() {
      const found = new Set();
      for (const pc of [publisher(), room.engine.pcManager.subscriber].filter(Boolean)) {
        const stats = await pc.getStats();
        for (const stat of stats.values()) {
          if (stat.type === "candidate-pair" && stat.state === "succeeded" && stat.nominated) found.add(stats.get(stat.localCandidateId)?.protocol);
        }
      }
      return [...found];
    },
  };
})();
