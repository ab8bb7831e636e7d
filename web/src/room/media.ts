import { type LocalParticipant, type Participant, Room, RoomEvent, Track } from "livekit-client";
import { LiveChannel } from "../lib/live";
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
  const session = new LiveSession(room, handlers, () => report(room, handlers));
  room.on(RoomEvent.LocalTrackUnpublished, () => handlers.unpublished());
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
