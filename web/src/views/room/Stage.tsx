import type { WireRoom } from "../../api/client";
import { useRowFocus } from "../../lib/row-focus";
import type { Seat } from "../../room/seats";
import { isOwner, mySeat, type Person, personOf, type RoomState } from "../../room/state";
import { text } from "../../text";
import { CrownIcon, PlusIcon } from "../../ui/icons";
import { Voice } from "./Voice";

interface StageProps {
  state: RoomState;
  room: WireRoom;
  onTake: (index: number) => void;
  /** Shows more about somebody. */
  onOpen: (user: string) => void;
}

/** The owner's place and the eight seats. */
export function Stage({ state, room, onTake, onOpen }: StageProps) {
  const owner = isOwner(state);
  const seated = mySeat(state) > 0;
  const stage = useRowFocus<HTMLElement>(".seats > li");
  const connected = state.link.kind === "live" || state.link.kind === "reconnecting";
  return (
    <section
      ref={stage}
      className="stage"
      tabIndex={-1}
      aria-label={text.room.stage}
      data-offline={!connected || undefined}
    >
      <Host state={state} room={room} connected={connected} onOpen={() => onOpen(room.anchor_id)} />
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
                managed={owner && seat.user !== state.me}
                onOpen={() => onOpen(seat.user)}
              />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface HostProps {
  state: RoomState;
  room: WireRoom;
  connected: boolean;
  onOpen: () => void;
}

function Host({ state, room, connected, onOpen }: HostProps) {
  const person = personOf(state, room.anchor_id);
  const me = room.anchor_id === state.me;
  const name = room.anchor_nick === "" ? room.anchor_id : room.anchor_nick;
  return (
    <button
      type="button"
      className="host"
      data-away={(connected && person === null) || undefined}
      aria-label={text.room.hostOf(me ? text.room.you : name)}
      onClick={onOpen}
    >
      <Voice user={room.anchor_id} name={name} person={person} size="xl" />
      <span className="seat-name">{me ? text.room.you : name}</span>
      <span className="seat-note host-note">
        <CrownIcon />
        {text.room.host}
        {connected && person === null && ` · ${text.room.hostAway}`}
      </span>
    </button>
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
  /** By the viewer. */
  managed: boolean;
  onOpen: () => void;
}

function TakenSeat({ seat, me, person, connected, managed, onOpen }: TakenSeatProps) {
  const away = connected && person === null;
  const name = me ? text.room.you : seat.name;
  return (
    <button
      type="button"
      className="seat seat-taken"
      aria-label={managed ? text.room.manage(name, seat.index) : text.room.seatOf(name, seat.index)}
      data-me={me || undefined}
      data-away={away || undefined}
      onClick={onOpen}
    >
      <Voice user={seat.user} name={seat.name} person={person} size="l" />
      <span className="seat-name">{name}</span>
      <span className="seat-note">{away ? text.room.away : text.room.seat(seat.index)}</span>
    </button>
  );
}
