import { type CSSProperties, useState } from "react";
import type { Member } from "../../talk/state";
import { talk } from "../../text/talk";
import { Avatar } from "../../ui/Avatar";
import { MicIcon, MicOffIcon, SoundIcon } from "../../ui/icons";

interface MembersProps {
  members: readonly Member[];
  me: string;
  /** To be acted on by the operator. */
  onPick: (user: string) => void;
  onVolume: (user: string, volume: number) => void;
}

export function Members({ members, me, onPick, onVolume }: MembersProps) {
  return (
    <section className="panel" aria-label={talk.channel.members}>
      <h2>{talk.channel.members}</h2>
      <ul className="talk-members">
        {members.map((member) => (
          <Row
            key={member.user}
            member={member}
            mine={member.user === me}
            onPick={() => onPick(member.user)}
            onVolume={(volume) => onVolume(member.user, volume)}
          />
        ))}
      </ul>
    </section>
  );
}

interface RowProps {
  member: Member;
  mine: boolean;
  onPick: () => void;
  onVolume: (volume: number) => void;
}

function Row({ member, mine, onPick, onVolume }: RowProps) {
  const { user, identity, micOpen, audioMuted, speaking, devices } = member;
  return (
    <li className="talk-member" data-me={mine || undefined} data-user={user}>
      <button
        type="button"
        className="talk-member-pick"
        title={talk.channel.act(user)}
        onClick={onPick}
      >
        <span
          className="voice"
          data-speaking={speaking || undefined}
          style={{ "--level": member.level } as CSSProperties}
        >
          <Avatar user={user} size="m" />
        </span>
        <span className="talk-member-text">
          <span className="talk-member-name">
            {user}
            {mine && <small>{talk.channel.you}</small>}
          </span>
          <span className="talk-member-note">
            {identity === null ? talk.channel.unknownRole : talk.role(identity)}
            {devices > 1 && ` · ${talk.channel.devices(devices)}`}
            {audioMuted && <strong>{talk.channel.mutedByServer}</strong>}
          </span>
          {speaking && <span className="visually-hidden">{talk.channel.speaking}</span>}
        </span>
      </button>
      {!mine && <Volume user={user} onChange={onVolume} />}
      <span
        className="talk-mic"
        data-open={micOpen || undefined}
        data-muted={audioMuted || undefined}
      >
        {micOpen ? <MicIcon /> : <MicOffIcon />}
        <span className="visually-hidden">
          {micOpen ? talk.channel.micOpen : talk.channel.micClosed}
        </span>
      </span>
    </li>
  );
}

/** How loud somebody is here; nobody else notices. */
function Volume({ user, onChange }: { user: string; onChange: (volume: number) => void }) {
  const [volume, setVolume] = useState(100);
  return (
    <span className="talk-volume">
      <SoundIcon />
      <input
        type="range"
        min="0"
        max="100"
        step="5"
        aria-label={talk.channel.volume(user)}
        value={volume}
        onChange={(event) => {
          const percent = Number(event.target.value);
          setVolume(percent);
          onChange(percent / 100);
        }}
      />
    </span>
  );
}
