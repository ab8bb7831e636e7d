import {
  DisconnectReason,
  type LocalParticipant,
  type Participant,
  Room,
  RoomEvent,
  Track,
} from "livekit-client";
import type { MediaHandlers, MediaSession } from "./media-port";
import { seatAttribute } from "./seats";
import type { Person } from "./state";

/** Joins the live channel of a room with any LiveKit-compatible server. Resolves once connected. */
export async function openMedia(
  url: string,
  token: string,
  handlers: MediaHandlers,
): Promise<MediaSession> {
  const room = new Room({
    // Leaving the seat gives the device back; muting keeps it, since some browsers ask again for every opening.
    stopLocalTrackOnUnpublish: true,
    // The signalling that every compatible server speaks; the client's default asks for a newer one first
    // and leaves an error in the console where that is missing.
    singlePeerConnection: false,
  });
  const sounds = new Set<HTMLMediaElement>();
  wire(room, sounds, handlers);
  await room.connect(url, token);
  report(room, handlers);
  handlers.permission(room.localParticipant.permissions?.canPublish ?? false);
  handlers.audioBlocked(!room.canPlaybackAudio);
  return new LiveSession(room, sounds);
}

class LiveSession implements MediaSession {
  constructor(
    private readonly room: Room,
    private readonly sounds: Set<HTMLMediaElement>,
  ) {}

  async setMicrophone(goal: "off" | "on" | "muted"): Promise<void> {
    const me = this.room.localParticipant;
    if (goal !== "off") {
      await me.setMicrophoneEnabled(goal === "on");
      return;
    }
    const track = me.getTrackPublication(Track.Source.Microphone)?.track;
    if (track) await me.unpublishTrack(track, true);
  }

  async startAudio(): Promise<void> {
    await this.room.startAudio();
  }

  async close(): Promise<void> {
    this.room.removeAllListeners();
    for (const element of this.sounds) element.remove();
    await this.room.disconnect();
  }
}

function wire(room: Room, sounds: Set<HTMLMediaElement>, handlers: MediaHandlers): void {
  const people = () => report(room, handlers);
  room
    .on(RoomEvent.ParticipantConnected, people)
    .on(RoomEvent.ParticipantDisconnected, people)
    .on(RoomEvent.ParticipantAttributesChanged, people)
    .on(RoomEvent.ActiveSpeakersChanged, people)
    .on(RoomEvent.TrackMuted, people)
    .on(RoomEvent.TrackUnmuted, people)
    .on(RoomEvent.TrackPublished, people)
    .on(RoomEvent.TrackUnpublished, people)
    .on(RoomEvent.LocalTrackPublished, people)
    .on(RoomEvent.LocalTrackUnpublished, () => {
      people();
      handlers.unpublished();
    })
    .on(RoomEvent.ParticipantPermissionsChanged, (_before, participant) => {
      if (participant === room.localParticipant) {
        handlers.permission(participant.permissions?.canPublish ?? false);
      }
    })
    .on(RoomEvent.AudioPlaybackStatusChanged, () => handlers.audioBlocked(!room.canPlaybackAudio))
    .on(RoomEvent.Reconnecting, () => handlers.reconnecting())
    .on(RoomEvent.SignalReconnecting, () => handlers.reconnecting())
    .on(RoomEvent.Reconnected, () => {
      people();
      handlers.live();
    })
    .on(RoomEvent.Disconnected, (reason) => handlers.gone(goneReason(reason)))
    .on(RoomEvent.TrackSubscribed, (track) => {
      if (track.kind !== Track.Kind.Audio) return;
      const element = track.attach();
      element.hidden = true;
      document.body.append(element);
      sounds.add(element);
    })
    .on(RoomEvent.TrackUnsubscribed, (track) => {
      for (const element of track.detach()) {
        element.remove();
        sounds.delete(element);
      }
    });
}

function goneReason(
  reason: DisconnectReason | undefined,
): "dismissed" | "removed" | "replaced" | "lost" {
  switch (reason) {
    case DisconnectReason.ROOM_DELETED:
      return "dismissed";
    case DisconnectReason.PARTICIPANT_REMOVED:
      return "removed";
    case DisconnectReason.DUPLICATE_IDENTITY:
      return "replaced";
    default:
      return "lost";
  }
}

function report(room: Room, handlers: MediaHandlers): void {
  const all: (Participant | LocalParticipant)[] = [
    room.localParticipant,
    ...room.remoteParticipants.values(),
  ];
  // Two devices of one user are one person here; the one that is heard counts.
  const people = new Map<string, Person>();
  for (const person of all.map(toPerson)) {
    if (!people.get(person.user)?.mic) people.set(person.user, person);
  }
  handlers.people([...people.values()]);
}

function toPerson(participant: Participant): Person {
  const { attributes } = participant;
  return {
    user: attributes["stoa.user"] ?? participant.identity,
    seat: seatAttribute(attributes["stoa.seat"]),
    mic: participant.isMicrophoneEnabled,
    silenced: attributes["stoa.muted"]?.includes("a") ?? false,
    speaking: participant.isSpeaking,
    level: participant.audioLevel,
  };
}
