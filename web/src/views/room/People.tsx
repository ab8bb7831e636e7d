import { useMemo, useState } from "react";
import { useRowFocus } from "../../lib/row-focus";
import { type RosterEntry, roster, searchRoster } from "../../room/roster";
import { headcount, type RoomState } from "../../room/state";
import { text } from "../../text";
import { number } from "../../text/format";
import { Avatar } from "../../ui/Avatar";
import { CrownIcon, MicIcon, MicOffIcon, MoreIcon } from "../../ui/icons";
import { SearchField } from "../../ui/SearchField";

/** Rows shown at first, and with every "more". */
const SHOWN = 60;

/** Id of the panel. */
export const PEOPLE = "people";

interface PeopleProps {
  state: RoomState;
  onOpen: (user: string) => void;
}

/** Everybody in the room, the owner first. */
export function People({ state, onOpen }: PeopleProps) {
  const [query, setQuery] = useState("");
  const [shown, setShown] = useState(SHOWN);
  const { people, seats, chat, room, me } = state;
  const { members } = chat;
  // biome-ignore lint/correctness/useExhaustiveDependencies: exactly what the list is made of; a new state comes with every word that is written
  const all = useMemo(() => roster(state), [people, seats, members, room, me]);
  const found = searchRoster(all, query);
  const total = headcount(state);
  const panel = useRowFocus<HTMLElement>("[data-person]");
  return (
    <section ref={panel} className="panel people" id={PEOPLE} aria-label={text.room.people}>
      <div className="people-head">
        <h2 tabIndex={-1}>
          {text.room.people}
          <span className="panel-count">
            <span aria-hidden="true">{number(total)}</span>
            <span className="visually-hidden">{text.room.peopleCount(number(total))}</span>
          </span>
        </h2>
        <SearchField label={text.room.findPerson} value={query} onChange={setQuery} />
      </div>
      {found.length === 0 && query !== "" && (
        <p className="panel-empty" role="status">
          {text.room.nobodyFound(query)}
        </p>
      )}
      <ul className="people-list">
        {found.slice(0, shown).map((entry) => (
          <li key={entry.user} data-person={entry.user}>
            <Row entry={entry} onOpen={() => onOpen(entry.user)} />
          </li>
        ))}
      </ul>
      {found.length > shown && (
        <button type="button" className="button more" onClick={() => setShown(shown + SHOWN)}>
          {text.room.morePeople}
        </button>
      )}
      {total > all.length && (
        <p className="panel-empty">{text.room.partialPeople(number(all.length), number(total))}</p>
      )}
    </section>
  );
}

function Row({ entry, onOpen }: { entry: RosterEntry; onOpen: () => void }) {
  const { user, name, me, person } = entry;
  const place = placeOf(entry);
  const speaker = entry.owner || entry.seat > 0;
  const mic = micOf(entry);
  const what = speaker && mic !== "" ? `${place}, ${mic}` : place;
  return (
    <button
      type="button"
      className="person"
      aria-label={text.room.about(me ? text.room.you : name, what)}
      data-away={person === null || undefined}
      data-speaking={(person?.speaking && person.mic) || undefined}
      title={user}
      onClick={onOpen}
    >
      <Avatar user={user} name={name} size="m" />
      <span className="person-words">
        <span className="person-name">{me ? text.room.you : name}</span>
        <span className="person-place" data-owner={entry.owner || undefined}>
          {entry.owner && <CrownIcon />}
          {place}
        </span>
      </span>
      {speaker && person !== null && (
        <span className="person-mic" data-silenced={person.silenced || undefined}>
          {person.mic && !person.silenced ? <MicIcon /> : <MicOffIcon />}
        </span>
      )}
      <span className="person-more">
        <MoreIcon />
      </span>
    </button>
  );
}

/** Where somebody is in the room. */
export function placeOf({ owner, seat, person }: RosterEntry): string {
  const place = owner ? text.card.host : seat > 0 ? text.room.seat(seat) : text.card.listening;
  return person === null ? `${place} · ${text.room.away}` : place;
}

export function micOf({ person }: RosterEntry): string {
  if (person === null) return "";
  if (person.silenced) return text.room.silenced;
  if (!person.mic) return text.room.micOff;
  return person.speaking ? text.room.speaking : text.room.micOn;
}
