import { type Participant, Room, RoomEvent, Track } from "livekit-client";
import { LiveChannel } from "../lib/live";
import type {
  ClassMedia,
  ClassMediaHandlers,
  Device,
  Devices,
  OpenClassMedia,
  Person,
  Picture,
} from "./media-port";

/** Joins the live channel of a class with any LiveKit-compatible server. Resolves once connected. */
export const openClassMedia: OpenClassMedia = async (url, token, handlers) => {
  const room = new Room({
    // Pictures that nobody looks at are not sent; a small tile gets a small picture.
    adaptiveStream: true,
    dynacast: true,
    stopLocalTrackOnUnpublish: true,
    // As in a voice room: the signalling that every compatible server speaks.
    singlePeerConnection: false,
  });
  const live = new LiveClass(room, handlers, (heard) => report(room, handlers, heard));
  const changed = () => live.changed();
  room
    .on(RoomEvent.TrackSubscribed, changed)
    .on(RoomEvent.TrackUnsubscribed, changed)
    .on(RoomEvent.ParticipantConnected, (participant) => handlers.arrived(userOf(participant)));
  await live.open(url, token);
  return live;
};

class LiveClass extends LiveChannel implements ClassMedia {
  async setDevice(device: Device, on: boolean): Promise<void> {
    const me = this.room.localParticipant;
    switch (device) {
      case "mic":
        await me.setMicrophoneEnabled(on);
        break;
      case "camera":
        await me.setCameraEnabled(on);
        break;
      case "screen":
        await me.setScreenShareEnabled(on, { audio: true });
        break;
    }
    this.changed();
  }

  async stopAll(): Promise<void> {
    const me = this.room.localParticipant;
    const tracks = [...me.trackPublications.values()].flatMap(({ track }) => track ?? []);
    await me.unpublishTracks(tracks);
    this.changed();
  }
}

function report(room: Room, handlers: ClassMediaHandlers, heard: boolean): void {
  const { localParticipant, remoteParticipants } = room;
  handlers.people(merge([localParticipant, ...remoteParticipants.values()], heard));
  const own: Devices = {
    mic: localParticipant.isMicrophoneEnabled,
    camera: localParticipant.isCameraEnabled,
    screen: localParticipant.isScreenShareEnabled,
  };
  handlers.devices(own);
}

/** The connections of a user are one person: seen and heard when one of them is. */
function merge(participants: readonly Participant[], heard: boolean): Person[] {
  const people = new Map<string, Person>();
  for (const person of participants.map((one) => toPerson(one, heard))) {
    const known = people.get(person.user);
    people.set(
      person.user,
      known === undefined
        ? person
        : {
            user: person.user,
            maySpeak: known.maySpeak || person.maySpeak,
            mic: known.mic || person.mic,
            speaking: known.speaking || person.speaking,
            level: Math.max(known.level, person.level),
            camera: known.camera ?? person.camera,
            screen: known.screen ?? person.screen,
          },
    );
  }
  return [...people.values()];
}

function toPerson(participant: Participant, heard: boolean): Person {
  const mic = participant.isMicrophoneEnabled;
  return {
    user: userOf(participant),
    maySpeak: participant.attributes["stoa.mic"] === "1",
    mic,
    // The sound of a shared screen counts as speech there: nobody speaks with the microphone off.
    speaking: heard && mic && participant.isSpeaking,
    level: participant.audioLevel,
    camera: pictureOf(participant, Track.Source.Camera),
    screen: pictureOf(participant, Track.Source.ScreenShare),
  };
}

const pictures = new WeakMap<Track, Picture>();

function pictureOf(participant: Participant, source: Track.Source): Picture | null {
  const publication = participant.getTrackPublication(source);
  const track = publication?.track;
  if (publication === undefined || track === undefined || publication.isMuted) return null;
  let picture = pictures.get(track);
  if (picture === undefined) {
    picture = {
      id: publication.trackSid,
      mine: participant.isLocal,
      attach: (element) => void track.attach(element),
      detach: (element) => void track.detach(element),
    };
    pictures.set(track, picture);
  }
  return picture;
}

/** A user's second publisher counts as the user. */
function userOf(participant: Participant): string {
  return participant.attributes["stoa.user"] ?? participant.identity;
}
