import type { Person } from "../../room/state";
import { text } from "../../text";
import { Avatar } from "../../ui/Avatar";

/** Faces shown; a big audience is a number. */
const SHOWN = 24;

interface ListenersProps {
  people: readonly Person[];
  /** What they are called, as far as known. */
  names: ReadonlyMap<string, string>;
  me: string;
  /** Without a connection nobody can be counted. */
  known: boolean;
}

export function Listeners({ people, names, me, known }: ListenersProps) {
  const nameOf = ({ user }: Person) => names.get(user) ?? user;
  const shown = people.slice(0, SHOWN);
  return (
    <section className="panel" aria-label={text.room.listenersTitle}>
      <h2>
        {text.room.listenersTitle}
        <span className="panel-count">
          <span aria-hidden="true">{known ? people.length : "–"}</span>
          <span className="visually-hidden">{known ? text.room.listeners(people.length) : ""}</span>
        </span>
      </h2>
      {known && people.length === 0 && <p className="panel-empty">{text.room.noListeners}</p>}
      <ul className="listeners">
        {shown.map((person) => (
          <li key={person.user} title={person.user}>
            <Avatar user={person.user} name={nameOf(person)} size="s" />
            <span>{person.user === me ? text.room.you : nameOf(person)}</span>
          </li>
        ))}
        {people.length > SHOWN && (
          <li className="listeners-more">{text.room.more(people.length - SHOWN)}</li>
        )}
      </ul>
    </section>
  );
}
