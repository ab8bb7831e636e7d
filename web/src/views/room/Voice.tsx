import type { CSSProperties } from "react";
import type { Person } from "../../room/state";
import { text } from "../../text";
import { Avatar } from "../../ui/Avatar";
import { MicOffIcon } from "../../ui/icons";

interface VoiceProps {
  user: string;
  name: string;
  person: Person | null;
  size: "l" | "xl";
}

/** An avatar with what its owner's microphone does: a ring while speaking, a badge while off. */
export function Voice({ user, name, person, size }: VoiceProps) {
  const speaking = person?.speaking === true && person.mic;
  const quiet = person !== null && (!person.mic || person.silenced);
  const status = person?.silenced
    ? text.room.silenced
    : quiet
      ? text.room.micOff
      : speaking
        ? text.room.speaking
        : "";
  // Through the object model, which a content security policy without inline styles allows.
  const level = { "--level": speaking ? Math.min(1, person.level) : 0 } as CSSProperties;
  return (
    <span className="voice" data-speaking={speaking || undefined} style={level}>
      <Avatar user={user} name={name} size={size} />
      {quiet && (
        <span
          className="voice-badge"
          data-silenced={person.silenced || undefined}
          aria-hidden="true"
        >
          <MicOffIcon />
        </span>
      )}
      {status !== "" && <span className="visually-hidden">{status}</span>}
    </span>
  );
}
