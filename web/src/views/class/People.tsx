import { useState } from "react";
import { ASSISTANT, KICKED, STUDENT, TEACHER, type WireMember } from "../../api/classroom";
import { FILTERS, type Filter, roster } from "../../class/roster";
import type { ClassSession } from "../../class/session";
import {
  attending,
  type ClassState,
  isOver,
  isTeacher,
  may,
  micOffFor,
  nameOf,
  onStage,
} from "../../class/state";
import { useRowFocus } from "../../lib/row-focus";
import { words } from "../../text/class";
import { Avatar } from "../../ui/Avatar";
import { Dialog } from "../../ui/Dialog";
import { CloseIcon, HandIcon, MicIcon, MicOffIcon } from "../../ui/icons";

interface PeopleProps {
  session: ClassSession;
  state: ClassState;
}

const say = words.people;

/** From so many on the list can be searched. */
const SEARCHABLE = 6;

export function People({ session, state }: PeopleProps) {
  const [search, setSearch] = useState("");
  const [picked, setFilter] = useState<Filter>("all");
  const over = isOver(state);
  const filters = FILTERS.filter((one) => !over || one !== "stage");
  const filter = filters.includes(picked) ? picked : "all";
  const here = attending(state);
  const shown = roster(state, search, filter);
  const more = Math.max(0, state.total - state.members.length);
  const all = search === "" && filter === "all";
  const inside = useRowFocus<HTMLElement>(".class-person");
  return (
    <>
      {isTeacher(state) && state.hands.length > 0 && <Hands session={session} state={state} />}
      {isTeacher(state) && !over && <MuteAll session={session} state={state} />}
      <section ref={inside}>
        <h3 tabIndex={-1}>
          {over ? say.wasInside : say.inside}
          <span className="panel-count">{here.length}</span>
        </h3>
        {over && <p className="class-note">{say.over}</p>}
        {here.length >= SEARCHABLE && (
          <div className="class-find">
            <input
              type="search"
              aria-label={say.search}
              placeholder={say.searchPlaceholder}
              value={search}
              onChange={(event) => setSearch(event.target.value)}
            />
            <select
              aria-label={say.roleFilter}
              value={filter}
              onChange={({ target }) => setFilter(filters[target.selectedIndex] ?? "all")}
            >
              {filters.map((one) => (
                <option key={one} value={one}>
                  {say.filter[one]}
                </option>
              ))}
            </select>
          </div>
        )}
        {shown.length === 0 && (
          <p className="panel-empty">{over ? say.noneWas : all ? say.nobody : say.none}</p>
        )}
        <ul className="class-people">
          {shown.map((member) => (
            <Row key={member.user_id} member={member} session={session} state={state} />
          ))}
          {more > 0 && all && <li className="panel-empty">{say.more(more)}</li>}
        </ul>
      </section>
      {may(state, "MemberManagement") && <Removed session={session} state={state} />}
    </>
  );
}

/** One switch for all microphones on stage but the teacher's. */
function MuteAll({ session, state }: PeopleProps) {
  const [busy, setBusy] = useState(false);
  async function change() {
    setBusy(true);
    await session.invitations.muteAll(!state.allMuted);
    setBusy(false);
  }
  return (
    <div className="class-mute-all">
      {state.allMuted && (
        <p className="class-note">
          <MicOffIcon />
          {say.allMuted}
        </p>
      )}
      <button type="button" className="button" disabled={busy} onClick={() => void change()}>
        {state.allMuted ? <MicIcon /> : <MicOffIcon />}
        {state.allMuted ? say.unmuteAll : say.muteAll}
      </button>
    </div>
  );
}

/** Who wants to speak, first come first. */
function Hands({ session, state }: PeopleProps) {
  return (
    <section className="class-hands">
      <div role="status">
        <h3>
          <HandIcon />
          {say.hands}
          <span className="class-badge">{state.hands.length}</span>
        </h3>
      </div>
      <ol>
        {state.hands.map((user) => {
          const name = nameOf(state, user);
          return (
            <li key={user} data-hand={user}>
              <span className="class-hand-name">{name}</span>
              <button
                type="button"
                className="button button-small button-primary"
                aria-label={say.acceptName(name)}
                onClick={() => void session.acceptHand(user, name)}
              >
                {say.accept}
              </button>
              <button
                type="button"
                className="button button-small"
                aria-label={say.declineName(name)}
                onClick={() => void session.declineHand(user)}
              >
                {say.decline}
              </button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Row({ member, session, state }: PeopleProps & { member: WireMember }) {
  const { user_id: user, identity } = member;
  const name = nameOf(state, user);
  // Whoever is invited has a place already, and has not taken it.
  const staged = identity !== TEACHER && onStage(state, user) && !state.inviting.includes(user);
  const handUp = state.hands.includes(user);
  const mine = user === state.me;
  return (
    <li className="class-person" data-member={user}>
      <Avatar user={user} name={name} size="s" />
      <span className="class-person-text">
        <span className="class-person-name">
          {name}
          {mine && <small>{words.you}</small>}
        </span>
        <span className="class-person-note">
          {words.roles[identity]}
          {staged && <strong>{say.onStage}</strong>}
          {staged && micOffFor(state.stage, user) && <span>{say.micOff}</span>}
          {state.inviting.includes(user) && <span>{say.inviting}</span>}
          {handUp && (
            <strong className="class-person-hand">
              <HandIcon />
              {say.hand}
            </strong>
          )}
        </span>
      </span>
      {!mine && !isOver(state) && (
        <RowActions {...{ session, state, user, name, identity, staged }} />
      )}
    </li>
  );
}

interface RowActionsProps extends PeopleProps {
  user: string;
  name: string;
  identity: number;
  staged: boolean;
}

function RowActions({ session, state, user, name, identity, staged }: RowActionsProps) {
  const [asking, setAsking] = useState(false);
  const { desk, invitations } = session;
  const inviting = state.inviting.includes(user);
  const muted = micOffFor(state.stage, user);
  const stageable = isTeacher(state) && (identity === STUDENT || identity === ASSISTANT);
  return (
    <span className="class-person-actions">
      {stageable && staged && !inviting && (
        <>
          <button
            type="button"
            className="button button-small"
            aria-label={muted ? say.unmuteName(name) : say.muteName(name)}
            onClick={() => void invitations.setMic(user, muted)}
          >
            {muted ? say.unmute : say.mute}
          </button>
          <button
            type="button"
            className="button button-small"
            aria-label={say.takeOffName(name)}
            onClick={() => void desk.takeOffStage(user)}
          >
            {say.takeOff}
          </button>
        </>
      )}
      {stageable && (inviting || !staged) && (
        <button
          type="button"
          className="button button-small"
          aria-label={inviting ? say.uninviteName(name) : say.inviteName(name)}
          onClick={() =>
            void (inviting ? invitations.cancel(user) : invitations.invite(user, name))
          }
        >
          {inviting ? say.uninvite : say.invite}
        </button>
      )}
      {/* The server protects teacher and assistant: a permit that is withdrawn removes the latter. */}
      {may(state, "MemberManagement") && identity === STUDENT && (
        <button
          type="button"
          className="icon-button class-remove"
          aria-label={say.removeName(name)}
          title={say.removeName(name)}
          onClick={() => setAsking(true)}
        >
          <CloseIcon />
        </button>
      )}
      {asking && (
        <KickDialog
          name={name}
          onKick={(ban) => void desk.kick(user, ban)}
          onClose={() => setAsking(false)}
        />
      )}
    </span>
  );
}

interface KickDialogProps {
  name: string;
  onKick: (banSeconds: number | null) => void;
  onClose: () => void;
}

function KickDialog({ name, onKick, onClose }: KickDialogProps) {
  const kick = (ban: number | null) => {
    onClose();
    onKick(ban);
  };
  return (
    <Dialog title={say.kickTitle(name)} onClose={onClose}>
      <p className="dialog-text">{say.kickText(name)}</p>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          {words.create.cancel}
        </button>
        <button type="button" className="button" onClick={() => kick(0)}>
          {say.kickOnly}
        </button>
        <button type="button" className="button button-danger" onClick={() => kick(null)}>
          {say.kick}
        </button>
      </div>
    </Dialog>
  );
}

/** Whoever was removed and has not come back. The list does not tell whose ban still runs: lifting works either way. */
function Removed({ session, state }: PeopleProps) {
  const [lifted, setLifted] = useState<ReadonlySet<string>>(new Set());
  const removed = state.members.filter((member) => member.status === KICKED);
  if (removed.length === 0) return null;
  async function lift(user: string) {
    if (await session.desk.liftBan(user)) setLifted((before) => new Set(before).add(user));
  }
  return (
    <section>
      <h3>
        {say.removed}
        <span className="panel-count">{removed.length}</span>
      </h3>
      <ul className="class-people">
        {removed.map(({ user_id: user }) => {
          const name = nameOf(state, user);
          return (
            <li key={user} className="class-person" data-removed={user}>
              <Avatar user={user} name={name} size="s" />
              <span className="class-person-text">
                <span className="class-person-name">{name}</span>
                {lifted.has(user) && <span className="class-person-note">{say.lifted}</span>}
              </span>
              {!lifted.has(user) && (
                <button
                  type="button"
                  className="button button-small"
                  aria-label={say.letBackName(name)}
                  onClick={() => void lift(user)}
                >
                  {say.letBack}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
