import {
  DisconnectReason,
  type Room,
  RoomEvent,
  type RoomEventCallbacks,
  Track,
} from "livekit-client";
import type { GoneReason, LiveHandlers } from "./live-port";

/** A live channel of any LiveKit-compatible server: what rooms and Talk channels have in common. */
export class LiveChannel {
  private readonly sounds = new Set<HTMLMediaElement>();

  constructor(
    readonly room: Room,
    private readonly handlers: LiveHandlers,
    /** Somebody came, left, or looks different now. */
    protected readonly changed: () => void,
  ) {}

  /** Resolves once connected. */
  async open(url: string, token: string): Promise<void> {
    this.wire();
    this.wireSound();
    await this.room.connect(url, token);
    this.changed();
    this.handlers.permission(this.room.localParticipant.permissions?.canPublish ?? false);
    this.handlers.audioBlocked(!this.room.canPlaybackAudio);
  }

  async startAudio(): Promise<void> {
    await this.room.startAudio();
  }

  async close(): Promise<void> {
    this.room.removeAllListeners();
    for (const element of this.sounds) element.remove();
    await this.room.disconnect();
  }

  private wire(): void {
    const { room, handlers, changed } = this;
    const changes: (keyof RoomEventCallbacks)[] = [
      RoomEvent.ParticipantConnected,
      RoomEvent.ParticipantDisconnected,
      RoomEvent.ParticipantAttributesChanged,
      RoomEvent.ActiveSpeakersChanged,
      RoomEvent.TrackMuted,
      RoomEvent.TrackUnmuted,
      RoomEvent.TrackPublished,
      RoomEvent.TrackUnpublished,
      RoomEvent.LocalTrackPublished,
      RoomEvent.LocalTrackUnpublished,
    ];
    for (const change of changes) room.on(change, () => changed());
    room
      .on(RoomEvent.ParticipantPermissionsChanged, (_before, participant) => {
        if (participant === room.localParticipant) {
          handlers.permission(participant.permissions?.canPublish ?? false);
        }
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => handlers.audioBlocked(!room.canPlaybackAudio))
      .on(RoomEvent.Reconnecting, () => handlers.reconnecting())
      .on(RoomEvent.SignalReconnecting, () => handlers.reconnecting())
      .on(RoomEvent.Reconnected, () => {
        changed();
        handlers.live();
      })
      .on(RoomEvent.Disconnected, (reason) => handlers.gone(goneReason(reason)));
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
