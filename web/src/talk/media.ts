import {
  DisconnectReason,
  type Participant,
  type RemoteParticipant,
  Room,
  RoomEvent,
  Track,
} from "livekit-client";
import { toIdentityType } from "../api/talk";
import type { GoneReason, TalkMedia, TalkMediaHandlers } from "./media-port";
import type { Member, Microphone } from "./state";

/** Joins a channel with any LiveKit-compatible server. Resolves once connected. */
export async function openTalkMedia(
  url: string,
  token: string,
  handlers: TalkMediaHandlers,
): Promise<TalkMedia> {
  // As in a voice room: the signalling that every compatible server speaks. Muting keeps the device.
  const room = new Room({ singlePeerConnection: false });
  const session = new LiveTalk(room, handlers);
  session.wire();
  await room.connect(url, token);
  session.report();
  handlers.permission(room.localParticipant.permissions?.canPublish ?? false);
  handlers.audioBlocked(!room.canPlaybackAudio);
  return session;
}

class LiveTalk implements TalkMedia {
  private readonly sounds = new Set<HTMLMediaElement>();
  private readonly volumes = new Map<string, number>();

  constructor(
    private readonly room: Room,
    private readonly handlers: TalkMediaHandlers,
  ) {}

  async setMicrophone(open: boolean): Promise<void> {
    await this.room.localParticipant.setMicrophoneEnabled(open);
    this.report();
  }

  setVolume(user: string, volume: number): void {
    this.volumes.set(user, volume);
    for (const participant of this.room.remoteParticipants.values()) this.applyVolume(participant);
  }

  async startAudio(): Promise<void> {
    await this.room.startAudio();
  }

  async close(): Promise<void> {
    this.room.removeAllListeners();
    for (const element of this.sounds) element.remove();
    await this.room.disconnect();
  }

  wire(): void {
    const { room, handlers } = this;
    const report = () => this.report();
    room
      .on(RoomEvent.ParticipantConnected, (participant) => {
        this.applyVolume(participant);
        report();
      })
      .on(RoomEvent.ParticipantDisconnected, report)
      .on(RoomEvent.ParticipantAttributesChanged, report)
      .on(RoomEvent.ActiveSpeakersChanged, report)
      .on(RoomEvent.TrackMuted, report)
      .on(RoomEvent.TrackUnmuted, report)
      .on(RoomEvent.TrackPublished, report)
      .on(RoomEvent.TrackUnpublished, report)
      .on(RoomEvent.LocalTrackPublished, report)
      .on(RoomEvent.LocalTrackUnpublished, report)
      .on(RoomEvent.ParticipantPermissionsChanged, (_before, participant) => {
        if (participant === room.localParticipant) {
          handlers.permission(participant.permissions?.canPublish ?? false);
        }
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => handlers.audioBlocked(!room.canPlaybackAudio))
      .on(RoomEvent.DataReceived, (payload, sender, _kind, topic) => {
        // The server speaks without a sender; whatever a participant sends is not its word.
        if (sender === undefined) handlers.packet(topic, payload);
      })
      .on(RoomEvent.Reconnecting, () => handlers.reconnecting())
      .on(RoomEvent.SignalReconnecting, () => handlers.reconnecting())
      .on(RoomEvent.Reconnected, () => {
        report();
        handlers.live();
      })
      .on(RoomEvent.Disconnected, (reason) => handlers.gone(goneReason(reason)));
    this.wireSound();
  }

  report(): void {
    const { localParticipant, remoteParticipants } = this.room;
    this.handlers.members(merge([localParticipant, ...remoteParticipants.values()]));
    this.handlers.microphone(microphoneOf(localParticipant));
  }

  private wireSound(): void {
    this.room
      .on(RoomEvent.TrackSubscribed, (track) => {
        if (track.kind !== Track.Kind.Audio) return;
        const element = track.attach();
        element.hidden = true;
        document.body.append(element);
        this.sounds.add(element);
      })
      .on(RoomEvent.TrackUnsubscribed, (track) => {
        for (const element of track.detach()) {
          element.remove();
          this.sounds.delete(element);
        }
      });
  }

  private applyVolume(participant: RemoteParticipant): void {
    const volume = this.volumes.get(userOf(participant));
    if (volume !== undefined) participant.setVolume(volume);
  }
}

/** The devices of a user are one member: open when one of them is, speaking when one of them does. */
function merge(participants: readonly Participant[]): Member[] {
  const members = new Map<string, Member>();
  for (const member of participants.map(toMember)) {
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

function toMember(participant: Participant): Member {
  const { attributes } = participant;
  const muted = attributes["stoa.muted"] ?? "";
  return {
    user: userOf(participant),
    identity: toIdentityType(attributes["stoa.identity"]),
    maySpeak: attributes["stoa.mic"] === "1",
    micOpen: participant.isMicrophoneEnabled,
    audioMuted: muted.includes("a"),
    videoMuted: muted.includes("v"),
    speaking: participant.isSpeaking,
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

function goneReason(reason: DisconnectReason | undefined): GoneReason {
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
