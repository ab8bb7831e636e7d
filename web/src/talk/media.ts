import { type Participant, type RemoteParticipant, Room, RoomEvent, Track } from "livekit-client";
import { toIdentityType } from "../api/talk";
import { LiveChannel } from "../lib/live";
import type { TalkMedia, TalkMediaHandlers } from "./media-port";
import type { Member, Microphone } from "./state";

/** Joins a channel with any LiveKit-compatible server. Resolves once connected. */
export async function openTalkMedia(
  url: string,
  token: string,
  handlers: TalkMediaHandlers,
): Promise<TalkMedia> {
  // As in a voice room: the signalling that every compatible server speaks. Muting keeps the device.
  const room = new Room({ singlePeerConnection: false });
  const session = new LiveTalk(room, handlers, (heard) => report(room, handlers, heard));
  room
    .on(RoomEvent.ParticipantConnected, (participant) => session.applyVolume(participant))
    .on(RoomEvent.DataReceived, (payload, sender, _kind, topic) => {
      // The server speaks without a sender; whatever a participant sends is not its word.
      if (sender === undefined) handlers.packet(topic, payload);
    });
  await session.open(url, token);
  return session;
}

class LiveTalk extends LiveChannel implements TalkMedia {
  private readonly volumes = new Map<string, number>();

  async setMicrophone(open: boolean): Promise<void> {
    await this.room.localParticipant.setMicrophoneEnabled(open);
    this.changed();
  }

  setVolume(user: string, volume: number): void {
    this.volumes.set(user, volume);
    for (const participant of this.room.remoteParticipants.values()) this.applyVolume(participant);
  }

  applyVolume(participant: RemoteParticipant): void {
    const volume = this.volumes.get(userOf(participant));
    if (volume !== undefined) participant.setVolume(volume);
  }
}

function report(room: Room, handlers: TalkMediaHandlers, heard: boolean): void {
  const { localParticipant, remoteParticipants } = room;
  handlers.members(merge([localParticipant, ...remoteParticipants.values()], heard));
  handlers.microphone(microphoneOf(localParticipant));
}

/** The devices of a user are one member: open when one of them is, speaking when one of them does. */
function merge(participants: readonly Participant[], heard: boolean): Member[] {
  const members = new Map<string, Member>();
  for (const member of participants.map((one) => toMember(one, heard))) {
    const known = members.get(member.user);
    if (known === undefined) members.set(member.user, member);
    else {
      members.set(member.user, {
        ...known,
        micOpen: known.micOpen || member.micOpen,
        speaking: known.speaking || member.speaking,
        level: Math.max(known.level, member.level),
        devices: known.devices + 1,
      });
    }
  }
  return [...members.values()];
}

function toMember(participant: Participant, heard: boolean): Member {
  const { attributes } = participant;
  const muted = attributes["stoa.muted"] ?? "";
  return {
    user: userOf(participant),
    identity: toIdentityType(attributes["stoa.identity"]),
    maySpeak: attributes["stoa.mic"] === "1",
    micOpen: participant.isMicrophoneEnabled,
    audioMuted: muted.includes("a"),
    videoMuted: muted.includes("v"),
    speaking: heard && participant.isSpeaking,
    level: participant.audioLevel,
    devices: 1,
  };
}

function userOf(participant: Participant): string {
  return participant.attributes["stoa.user"] ?? participant.identity;
}

function microphoneOf(me: Participant): Microphone {
  const publication = me.getTrackPublication(Track.Source.Microphone);
  if (publication === undefined) return "off";
  return publication.isMuted ? "muted" : "on";
}
