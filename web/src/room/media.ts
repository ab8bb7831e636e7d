import { type LocalParticipant, type Participant, Room, RoomEvent, Track } from "livekit-client";
import type { DeviceKind } from "../lib/devices";
import { LiveChannel } from "../lib/live";
import type { MediaHandlers, MediaSession, MediaWishes } from "./media-port";
import { seatAttribute } from "./seats";
import type { Person } from "./state";

/** Joins the live channel of a room with any LiveKit-compatible server. Resolves once connected. */
export async function openMedia(
  url: string,
  token: string,
  handlers: MediaHandlers,
  wishes: MediaWishes,
): Promise<MediaSession> {
  const room = new Room({
    // Leaving the seat gives the device back; muting keeps it, since some browsers ask again for every opening.
    stopLocalTrackOnUnpublish: true,
    // The signalling that every compatible server speaks; the client's default asks for a newer one first
    // and leaves an error in the console where that is missing.
    singlePeerConnection: false,
    ...deviceDefaults(wishes.devices),
  });
  const session = new LiveSession(room, handlers, (heard) => report(room, handlers, heard));
  room
    .on(RoomEvent.LocalTrackUnpublished, () => handlers.unpublished())
    .on(RoomEvent.TrackSubscribed, (_track, _publication, participant) => {
      participant.setVolume(wishes.volumeOf(userOf(participant)));
    });
  await session.open(url, token);
  return session;
}

class LiveSession extends LiveChannel implements MediaSession {
  async setMicrophone(goal: "off" | "on" | "muted"): Promise<void> {
    const me = this.room.localParticipant;
    if (goal !== "off") {
      await me.setMicrophoneEnabled(goal === "on");
      return;
    }
    const track = me.getTrackPublication(Track.Source.Microphone)?.track;
    if (track) await me.unpublishTrack(track, true);
  }

  setVolume(user: string, volume: number): void {
    for (const participant of this.room.remoteParticipants.values()) {
      if (userOf(participant) === user) participant.setVolume(volume);
    }
  }

  async switchDevice(kind: DeviceKind, id: string): Promise<void> {
    await this.room.switchActiveDevice(kind, id === "" ? "default" : id);
  }
}

/** A missing device is no reason to stay silent: the ids are wishes, not demands. */
function deviceDefaults({ audioinput, audiooutput }: MediaWishes["devices"]) {
  return {
    ...(audioinput === "" ? {} : { audioCaptureDefaults: { deviceId: audioinput } }),
    ...(audiooutput === "" ? {} : { audioOutput: { deviceId: audiooutput } }),
  };
}

/** The connections of one user are one person. */
function userOf(participant: Participant): string {
  return participant.attributes["stoa.user"] ?? participant.identity;
}

function report(room: Room, handlers: MediaHandlers, heard: boolean): void {
  const all: (Participant | LocalParticipant)[] = [
    room.localParticipant,
    ...room.remoteParticipants.values(),
  ];
  // Two devices of one user are one person here; the one that is heard counts.
  const people = new Map<string, Person>();
  for (const person of all.map((one) => toPerson(one, heard))) {
    if (!people.get(person.user)?.mic) people.set(person.user, person);
  }
  handlers.people([...people.values()]);
}

function toPerson(participant: Participant, heard: boolean): Person {
  const { attributes } = participant;
  return {
    user: userOf(participant),
    seat: seatAttribute(attributes["stoa.seat"]),
    mic: participant.isMicrophoneEnabled,
    silenced: attributes["stoa.muted"]?.includes("a") ?? false,
    speaking: heard && participant.isSpeaking,
    level: participant.audioLevel,
  };
}
