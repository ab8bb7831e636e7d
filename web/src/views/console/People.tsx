import { bits, duration, short } from "../../console/format";
import type { ChannelDetail, Participant, Track } from "../../console/types";
import { useRowFocus } from "../../lib/row-focus";
import { t } from "../../text/console";
import { Avatar } from "../../ui/Avatar";
import {
  CameraIcon,
  CameraOffIcon,
  MicIcon,
  MicOffIcon,
  ScreenIcon,
  SoundIcon,
} from "../../ui/icons";
import { BanIcon } from "./icons";
import { Chip } from "./parts";

interface PeopleProps {
  detail: ChannelDetail;
  busy: boolean;
  onKick: (user: string) => void;
  onMute: (user: string) => void;
  onUnmute: (user: string, kind: "audio" | "video") => void;
}

/** Who is in the channel: one row for each connection, its tracks with their rates below. */
export function People({ detail, ...rest }: PeopleProps) {
  const { participants, group_only } = detail;
  const panel = useRowFocus<HTMLElement>(".console-person");
  return (
    <section ref={panel} className="panel" aria-label={t.channel.people}>
      <h2 tabIndex={-1}>
        {t.channel.people} <span className="panel-count">{participants.length}</span>
      </h2>
      {participants.length === 0 && <p className="panel-empty">{t.channel.nobody}</p>}
      <ul className="console-people">
        {participants.map((one) => (
          <Person key={one.session} one={one} detail={detail} {...rest} />
        ))}
      </ul>
      {group_only.length > 0 && (
        <>
          <h3 className="console-subhead">{t.channel.groupOnly}</h3>
          <ul className="console-people">
            {group_only.map((user) => (
              <li key={user} className="console-person" data-user={user}>
                <div className="console-person-head">
                  <Avatar user={user} size="s" />
                  <b className="console-person-name">{user}</b>
                  <button
                    type="button"
                    className="button console-button"
                    onClick={() => rest.onKick(user)}
                  >
                    <BanIcon />
                    {t.channel.kick}
                    <span className="visually-hidden">{user}</span>
                  </button>
                </div>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

type PersonProps = PeopleProps & { one: Participant };

function Person({ one, detail, busy, onKick, onMute, onUnmute }: PersonProps) {
  const seat = detail.seats.find((entry) => entry.user === one.user)?.seat;
  const { user, muted } = one;
  return (
    <li className="console-person" data-user={user}>
      <div className="console-person-head">
        <Avatar user={user} size="s" />
        <span className="console-person-name">
          <b>{user}</b>
          <small>{facts(one, seat)}</small>
        </span>
        <span className="console-person-chips">
          {!one.connected && <Chip tone="warn">{t.channel.connecting}</Chip>}
          {one.hidden && <Chip>{t.channel.hidden}</Chip>}
          {muted.audio && <Chip tone="bad">{t.channel.audioMuted}</Chip>}
          {muted.video && <Chip tone="bad">{t.channel.videoMuted}</Chip>}
          {!one.may_publish && <Chip>{t.channel.listens}</Chip>}
        </span>
        <span className="console-person-actions">
          {muted.audio && (
            <Act
              busy={busy}
              user={user}
              words={t.channel.unmuteAudio}
              onClick={() => onUnmute(user, "audio")}
            >
              <MicIcon />
            </Act>
          )}
          {muted.video && (
            <Act
              busy={busy}
              user={user}
              words={t.channel.unmuteVideo}
              onClick={() => onUnmute(user, "video")}
            >
              <CameraIcon />
            </Act>
          )}
          {!(muted.audio && muted.video) && (
            <Act busy={busy} user={user} words={t.channel.mute} onClick={() => onMute(user)}>
              <MicOffIcon />
            </Act>
          )}
          <Act busy={busy} user={user} words={t.channel.kick} onClick={() => onKick(user)}>
            <BanIcon />
          </Act>
        </span>
      </div>
      {one.tracks.length > 0 && (
        <ul className="tracks">
          {one.tracks.map((track) => (
            <TrackRow key={track.sid} track={track} />
          ))}
        </ul>
      )}
    </li>
  );
}

function facts(one: Participant, seat: number | undefined): string {
  const parts: string[] = [];
  if (one.name !== "" && one.name !== one.user) parts.push(one.name);
  if (one.identity !== one.user) parts.push(one.identity);
  if (seat !== undefined) parts.push(t.channel.seat(seat));
  parts.push(t.channel.here(duration((Date.now() - one.joined_at) / 1_000)));
  parts.push(t.channel.receives(one.subscriptions));
  return parts.join(" · ");
}

interface ActProps {
  busy: boolean;
  user: string;
  words: string;
  onClick: () => void;
  children: React.ReactNode;
}

function Act({ busy, user, words, onClick, children }: ActProps) {
  return (
    <button type="button" className="button console-button" disabled={busy} onClick={onClick}>
      {children}
      {words}
      <span className="visually-hidden">{user}</span>
    </button>
  );
}

const ICONS = {
  microphone: { on: MicIcon, off: MicOffIcon },
  camera: { on: CameraIcon, off: CameraOffIcon },
  screen_share: { on: ScreenIcon, off: ScreenIcon },
  screen_share_audio: { on: SoundIcon, off: SoundIcon },
};

function TrackRow({ track }: { track: Track }) {
  const icons = ICONS[track.source];
  const Icon = track.muted ? icons.off : icons.on;
  const facts: string[] = [];
  if (track.width !== undefined && track.height !== undefined) {
    facts.push(`${track.width}×${track.height}`);
  }
  if (track.frames_per_s !== undefined) facts.push(`${short(track.frames_per_s)} fps`);
  return (
    <li className="track" data-sid={track.sid} data-muted={track.muted || undefined}>
      <Icon />
      <span className="track-source">{t.channel.sources[track.source]}</span>
      <span className="track-rate" data-bits={Math.round(track.bits_per_s)}>
        {track.muted ? t.channel.trackMuted : bits(track.bits_per_s)}
      </span>
      {facts.length > 0 && <span className="track-facts">{facts.join(" · ")}</span>}
      {track.layers.length > 1 && (
        <span className="track-layers">
          {track.layers.map((layer) => (
            <span key={layer.rid} data-active={layer.active || undefined}>
              {layer.rid} {layer.active ? bits(layer.bits_per_s) : t.channel.layerOff}
            </span>
          ))}
        </span>
      )}
    </li>
  );
}
