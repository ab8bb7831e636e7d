import { useState } from "react";
import { ASSISTANT, KICKED, STUDENT, TEACHER, type WireMember } from "../../api/classroom";
import type { ClassSession } from "../../class/session";
import { type ClassState, isTeacher, may, nameOf, onStage, present } from "../../class/state";
import { words } from "../../text/class";
import { Avatar } from "../../ui/Avatar";
import { Dialog } from "../../ui/Dialog";
import { CloseIcon, HandIcon } from "../../ui/icons";

interface PeopleProps {
  session: ClassSession;
  state: ClassState;
}

const say = words.people;

export function People({ session, state }: PeopleProps) {
  const here = present(state.members);
  const more = Math.max(0, state.total - state.members.length);
  return (
    <>
      {isTeacher(state) && state.hands.length > 0 && <Hands session={session} state={state} />}
      <section>
        <h3>
          {say.inside}
          <span className="panel-count">{here.length}</span>
        </h3>
        {here.length === 0 && <p className="panel-empty">{say.nobody}</p>}
        <ul className="class-people">
          {here.map((member) => (
            <Row key={member.user_id} member={member} session={session} state={state} />
          ))}
          {more > 0 && <li className="panel-empty">{say.more(more)}</li>}
        </ul>
      </section>
      {may(state, "MemberManagement") && <Removed session={session} state={state} />}
    </>
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
  const staged = identity !== TEACHER && onStage(state, user);
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
          {handUp && (
            <strong className="class-person-hand">
              <HandIcon />
              {say.hand}
            </strong>
          )}
        </span>
      </span>
      {!mine && <RowActions {...{ session, state, user, name, identity, staged }} />}
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
  const { desk } = session;
  const stageable =
    isTeacher(state) &&
    state.link.kind !== "resting" &&
    (identity === STUDENT || identity === ASSISTANT);
  return (
    <span className="class-person-actions">
      {stageable && (
        <button
          type="button"
          className="button button-small"
          aria-label={staged ? say.takeOffName(name) : say.putOnName(name)}
          onClick={() => void (staged ? desk.takeOffStage(user) : desk.putOnStage(user, name))}
        >
          {staged ? say.takeOff : say.putOn}
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
