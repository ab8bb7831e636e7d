import {
  ConnectionState,
  DisconnectReason,
  type Room,
  RoomEvent,
  type RoomEventCallbacks,
  Track,
} from "livekit-client";
import type { GoneReason, LiveHandlers } from "./live-port";

/** How often the way of the media is looked at: an outage is dated no better than this. */
const LOOK_MS = 1_000;
/** Browsers call a way cut off after they have asked for that long without an answer. */
const ASKED_MS = 5_000;

/** A live channel of any LiveKit-compatible server: what rooms and Talk channels have in common. */
export class LiveChannel {
  private readonly sounds = new Set<HTMLMediaElement>();
  private watch: ReturnType<typeof setInterval> | undefined;
  /** Nothing comes from the server any more, epoch ms; null while it is heard. */
  private silentSince: number | null = null;

  constructor(
    readonly room: Room,
    private readonly handlers: LiveHandlers,
    /** Somebody came, left, or looks different now. `heard`: what is known of the others is news. */
    private readonly report: (heard: boolean) => void,
  ) {}

  changed(): void {
    this.report(this.silentSince === null && this.room.state === ConnectionState.Connected);
  }

  /** Resolves once connected. */
  async open(url: string, token: string): Promise<void> {
    this.wire();
    this.wireSound();
    await this.room.connect(url, token);
    this.watchSilence();
    this.changed();
    this.handlers.permission(this.room.localParticipant.permissions?.canPublish ?? false);
    this.handlers.audioBlocked(!this.room.canPlaybackAudio);
  }

  async startAudio(): Promise<void> {
    await this.room.startAudio();
  }

  async close(): Promise<void> {
    clearInterval(this.watch);
    this.room.removeAllListeners();
    for (const element of this.sounds) element.remove();
    await this.room.disconnect();
  }

  private wire(): void {
    const { room, handlers } = this;
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
    for (const change of changes) room.on(change, () => this.changed());
    room
      .on(RoomEvent.ParticipantPermissionsChanged, (_before, participant) => {
        if (participant === room.localParticipant) {
          handlers.permission(participant.permissions?.canPublish ?? false);
        }
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => handlers.audioBlocked(!room.canPlaybackAudio))
      .on(RoomEvent.Reconnecting, () => this.cutOff())
      .on(RoomEvent.SignalReconnecting, () => this.cutOff())
      .on(RoomEvent.Reconnected, () => this.heardAgain())
      .on(RoomEvent.Disconnected, (reason) => {
        clearInterval(this.watch);
        handlers.gone(goneReason(reason));
      });
  }

  private cutOff(): void {
    this.handlers.reconnecting(this.silentSince ?? Date.now());
    // Nobody is known to speak any more.
    this.changed();
  }

  private heardAgain(): void {
    this.changed();
    this.handlers.live();
  }

  /** A server that fell silent is given up many seconds later; the way of the media notices sooner. */
  private watchSilence(): void {
    this.watch = setInterval(() => {
      const state = this.room.engine.pcManager?.subscriber?.getICEConnectionState();
      const silent = state === "disconnected" || state === "failed";
      if (silent === (this.silentSince !== null)) return;
      this.silentSince = silent ? Date.now() - ASKED_MS : null;
      // While it connects anew the client itself tells how that goes.
      if (this.room.state !== ConnectionState.Connected) return;
      if (silent) this.cutOff();
      else this.heardAgain();
    }, LOOK_MS);
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
