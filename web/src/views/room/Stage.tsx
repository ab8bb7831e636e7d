import { type CSSProperties, useState } from "react";
import type { WireRoom } from "../../api/client";
import type { Seat } from "../../room/seats";
import { isOwner, mySeat, type Person, personOf, type RoomState } from "../../room/state";
import { text } from "../../text";
import { Avatar } from "../../ui/Avatar";
import { Confirm } from "../../ui/Dialog";
import { CrownIcon, MicOffIcon, PlusIcon } from "../../ui/icons";

interface StageProps {
  state: RoomState;
  room: WireRoom;
  onTake: (index: number) => void;
  onFree: (user: string, index: number) => void;
}

/** The owner's place and the eight seats. */
export function Stage({ state, room, onTake, onFree }: StageProps) {
  const [managed, setManaged] = useState<Seat | null>(null);
  const owner = isOwner(state);
  const seated = mySeat(state) > 0;
  const connected = state.link.kind === "live" || state.link.kind === "reconnecting";
  return (
    <section className="stage" aria-label={text.room.stage} data-offline={!connected || undefined}>
      <Host state={state} room={room} connected={connected} />
      <ul className="seats">
        {state.seats.map((seat) => (
          <li key={seat.index}>
            {seat.user === "" ? (
              <FreeSeat
                index={seat.index}
                takeable={!owner && !seated}
                disabled={state.busy || !connected}
                onTake={() => onTake(seat.index)}
              />
            ) : (
              <TakenSeat
                seat={seat}
                me={seat.user === state.me}
                person={personOf(state, seat.user)}
                connected={connected}
                onManage={owner && seat.user !== state.me ? () => setManaged(seat) : null}
              />
            )}
          </li>
        ))}
      </ul>
      {managed && (
        <Confirm
          title={text.dialog.freeTitle(managed.name)}
          body={text.dialog.freeText(managed.name)}
          action={text.dialog.free}
          danger
          onConfirm={() => onFree(managed.user, managed.index)}
          onClose={() => setManaged(null)}
        />
      )}
    </section>
  );
}

function Host({
  state,
  room,
  connected,
}: {
  state: RoomState;
  room: WireRoom;
  connected: boolean;
}) {
  const person = personOf(state, room.anchor_id);
  const me = room.anchor_id === state.me;
  const name = room.anchor_nick === "" ? room.anchor_id : room.anchor_nick;
  return (
    <div className="host" data-away={(connected && person === null) || undefined}>
      <Voice user={room.anchor_id} name={name} person={person} size="xl" />
      <span className="seat-name">{me ? text.room.you : name}</span>
      <span className="seat-note host-note">
        <CrownIcon />
        {text.room.host}
        {connected && person === null && ` · ${text.room.hostAway}`}
      </span>
    </div>
  );
}

interface FreeSeatProps {
  index: number;
  takeable: boolean;
  disabled: boolean;
  onTake: () => void;
}

function FreeSeat({ index, takeable, disabled, onTake }: FreeSeatProps) {
  if (!takeable) {
    return (
      <div className="seat seat-free">
        <span className="seat-circle" aria-hidden="true">
          {index}
        </span>
        <span className="visually-hidden">{text.room.freeSeat(index)}</span>
        <span className="seat-name" aria-hidden="true">
          {text.room.free}
        </span>
      </div>
    );
  }
  return (
    <button
      type="button"
      className="seat seat-free seat-takeable"
      aria-label={text.room.takeSeat(index)}
      disabled={disabled}
      onClick={onTake}
    >
      <span className="seat-circle" aria-hidden="true">
        <PlusIcon />
      </span>
      <span className="seat-name" aria-hidden="true">
        {text.room.seat(index)}
      </span>
    </button>
  );
}

interface TakenSeatProps {
  seat: Seat;
  me: boolean;
  person: Person | null;
  connected: boolean;
  /** Null: this seat is not for the viewer to manage. */
  onManage: (() => void) | null;
}

function TakenSeat({ seat, me, person, connected, onManage }: TakenSeatProps) {
  const away = connected && person === null;
  const inside = (
    <>
      <Voice user={seat.user} name={seat.name} person={person} size="l" />
      <span className="seat-name">{me ? text.room.you : seat.name}</span>
      <span className="seat-note">{away ? text.room.away : text.room.seat(seat.index)}</span>
    </>
  );
  if (onManage === null) {
    return (
      <div className="seat" data-me={me || undefined} data-away={away || undefined}>
        {inside}
      </div>
    );
  }
  return (
    <button
      type="button"
      className="seat seat-managed"
      aria-label={text.room.manage(seat.name, seat.index)}
      data-away={away || undefined}
      onClick={onManage}
    >
      {inside}
    </button>
  );
}

interface VoiceProps {
  user: string;
  name: string;
  person: Person | null;
  size: "l" | "xl";
}

/** An avatar with what its owner's microphone does: a ring while speaking, a badge while off. */
function Voice({ user, name, person, size }: VoiceProps) {
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
