import {
  type FormEvent,
  type KeyboardEvent,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import type { GroupSession } from "../hub/group";
import { HubError } from "../hub/port";
import { type Comment, type GroupView, rules, silencedWithAll } from "../hub/state";
import { hubFailureText } from "../hub/words";
import { useFatal } from "../lib/hooks";
import { text } from "../text";
import { timeOfDay } from "../text/format";
import { Avatar } from "./Avatar";
import { CloseIcon, HeartIcon, PauseIcon, PlayIcon, SendIcon } from "./icons";

const say = text.chat;
/** Characters of one message; the server takes 4 KiB, which is room for as many of any script. */
const LONGEST = 1_000;
/** An own message may be taken back for so long. */
const OWN_MS = 120_000;
/** So near to the end counts as reading along, px. */
const NEAR = 48;

interface ChatProps {
  view: GroupView;
  group: GroupSession;
  /** May remove what others wrote. */
  removesAll: boolean;
  /** May pause the chat for everybody; without saying so, whoever rules the group. */
  pausesAll?: boolean;
  /** As what to show it: a panel of its own, or the content of one. */
  bare?: boolean;
  /** Likes are given elsewhere on the page. */
  likeless?: boolean;
}

/** What people write to each other. Whatever one writes oneself appears when it comes back. */
export function Chat({
  view,
  group,
  removesAll,
  pausesAll = rules(view),
  bare,
  likeless,
}: ChatProps) {
  const [failure, setFailure] = useState<string | null>(null);
  const fatal = useFatal();
  const title = useId();

  /** Answers whether it worked. */
  async function run(call: () => Promise<void>): Promise<boolean> {
    setFailure(null);
    try {
      await call();
      return true;
    } catch (error) {
      if (error instanceof HubError) setFailure(hubFailureText(error));
      else fatal(error);
      return false;
    }
  }

  return (
    <section className={bare ? "chat" : "panel chat"} aria-labelledby={title}>
      <div className="chat-head">
        {/* In a tab its name says it already. */}
        <h2 id={title} className={bare ? "visually-hidden" : undefined}>
          {say.title}
        </h2>
        {pausesAll && (
          <button
            type="button"
            className="icon-button"
            aria-label={view.muteAll ? say.unmuteAll : say.muteAll}
            title={view.muteAll ? say.unmuteAll : say.muteAll}
            disabled={view.link !== "live"}
            onClick={() => void run(() => group.muteAll(!view.muteAll))}
          >
            {view.muteAll ? <PlayIcon /> : <PauseIcon />}
          </button>
        )}
        {!likeless && <Likes view={view} onLike={() => group.like()} />}
      </div>
      <Messages
        view={view}
        removesAll={removesAll}
        onRemove={(id) => void run(() => group.remove(id))}
      />
      <Note view={view} />
      <Composer view={view} onSend={(content) => run(() => group.say(content))} />
      <p className="chat-failure" role="alert">
        {failure}
      </p>
    </section>
  );
}

function Likes({ view, onLike }: { view: GroupView; onLike: () => void }) {
  return (
    <button
      type="button"
      className="chat-like"
      aria-label={`${say.like}. ${say.likes(view.likes)}`}
      title={say.like}
      disabled={view.link !== "live"}
      onClick={onLike}
    >
      <HeartIcon />
      {/* A new element for every number: it beats once. */}
      <span key={view.likes}>{view.likes}</span>
    </button>
  );
}

function Note({ view }: { view: GroupView }) {
  const said =
    view.link === "connecting"
      ? say.connecting
      : view.link === "lost"
        ? say.lost
        : silencedWithAll(view)
          ? say.paused
          : view.muted
            ? say.muted
            : view.muteAll
              ? say.pausedByYou
              : "";
  return (
    <p className="chat-note" role="status">
      {said}
    </p>
  );
}

interface MessagesProps {
  view: GroupView;
  removesAll: boolean;
  onRemove: (id: string) => void;
}

function Messages({ view, removesAll, onRemove }: MessagesProps) {
  const { comments, me } = view;
  const box = useRef<HTMLDivElement>(null);
  const along = useRef(true);
  const [behind, setBehind] = useState(false);
  const last = comments.at(-1)?.id;

  function toEnd() {
    const { current } = box;
    if (current !== null) current.scrollTop = current.scrollHeight;
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for every new last message
  useLayoutEffect(() => {
    const mine = comments.at(-1)?.user === me;
    if (along.current || mine) toEnd();
    else if (last !== undefined) setBehind(true);
  }, [last]);

  function scrolled() {
    const { current } = box;
    if (current === null) return;
    along.current = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR;
    if (along.current) setBehind(false);
  }

  return (
    <div className="chat-body">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it */}
      <div className="chat-scroll" ref={box} onScroll={scrolled} tabIndex={0} role="log">
        {comments.length === 0 && <p className="panel-empty">{say.empty}</p>}
        <ol>
          {comments.map((comment, i) => (
            <Line
              key={comment.id}
              comment={comment}
              mine={comment.user === me}
              goesOn={comments[i - 1]?.user === comment.user}
              removable={removesAll}
              onRemove={() => onRemove(comment.id)}
            />
          ))}
        </ol>
      </div>
      {behind && (
        <button type="button" className="button button-small chat-more" onClick={toEnd}>
          {say.more}
        </button>
      )}
    </div>
  );
}

interface LineProps {
  comment: Comment;
  mine: boolean;
  /** The one before is of the same person. */
  goesOn: boolean;
  removable: boolean;
  onRemove: () => void;
}

function Line({ comment, mine, goesOn, removable, onRemove }: LineProps) {
  const own = useOwnFor(mine ? comment.at : 0);
  const { user, name } = comment;
  return (
    <li className="chat-line" data-mine={mine || undefined} data-goes-on={goesOn || undefined}>
      <Avatar user={user} name={name} size="s" />
      <div className="chat-text">
        <span className={goesOn ? "visually-hidden" : "chat-by"}>
          <span>{mine ? say.you : name}</span> <time>{timeOfDay(comment.at)}</time>
        </span>
        <p>{comment.text}</p>
      </div>
      {(removable || own) && (
        <button
          type="button"
          className="icon-button chat-remove"
          aria-label={mine ? say.removeOwn : say.remove(name)}
          title={mine ? say.removeOwn : say.remove(name)}
          onClick={onRemove}
        >
          <CloseIcon />
        </button>
      )}
    </li>
  );
}

/** Whether a message of that moment may still be taken back; 0 = never. */
function useOwnFor(at: number): boolean {
  const [over, setOver] = useState(at === 0);
  useEffect(() => {
    if (at === 0) return;
    const timer = setTimeout(() => setOver(true), at + OWN_MS - Date.now());
    return () => clearTimeout(timer);
  }, [at]);
  return !over;
}

interface ComposerProps {
  view: GroupView;
  onSend: (content: string) => Promise<boolean>;
}

function Composer({ view, onSend }: ComposerProps) {
  const [content, setContent] = useState("");
  const [busy, setBusy] = useState(false);
  const silenced = silencedWithAll(view);
  const ready = view.link === "live" && !silenced && content.trim() !== "";

  async function send() {
    if (!ready || busy) return;
    setBusy(true);
    // Kept until the server took it: a refusal costs nobody their words.
    if (await onSend(content.trim())) setContent("");
    setBusy(false);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void send();
  }

  function keyed(event: KeyboardEvent) {
    // While an input method composes, the key is its own.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  }

  return (
    <form className="chat-form" onSubmit={submit}>
      <textarea
        rows={1}
        maxLength={LONGEST}
        aria-label={say.label}
        placeholder={say.placeholder}
        value={content}
        disabled={silenced}
        onChange={(event) => setContent(event.target.value)}
        onKeyDown={keyed}
      />
      <button
        type="submit"
        className="chat-send"
        aria-label={say.send}
        title={say.send}
        disabled={!ready || busy}
      >
        <SendIcon />
      </button>
    </form>
  );
}
