import { type KeyboardEvent, type ReactNode, useId } from "react";
import { ASSISTANT, type WireClass } from "../../api/classroom";
import type { Courseware } from "../../class/documents";
import type { ClassSession } from "../../class/session";
import { type ClassState, isTeacher, may } from "../../class/state";
import { words } from "../../text/class";
import { Chat } from "../../ui/Chat";
import { CheckInDesk } from "./CheckInDesk";
import { CoursewareList } from "./CoursewareList";
import { People } from "./People";
import { Settings } from "./Settings";

interface SideProps {
  session: ClassSession;
  state: ClassState;
  info: WireClass;
  /** Puts a document on the whiteboard. Null: there is none, or no right to. */
  onPut: ((document: Courseware) => void) | null;
  chosen: string;
  onChoose: (key: string) => void;
  /** Messages that came since the chat was last shown. */
  unread: number;
}

interface Tab {
  key: string;
  label: string;
  /** Worth a look: how many, and of what. */
  badge?: { count: number; label: string };
  content: ReactNode;
}

/** Everything about the class that is neither seen nor drawn, one thing at a time. */
export function Side(props: SideProps) {
  const { session, state, info, onPut, chosen, onChoose, unread: news } = props;
  const { desk, uploads } = session;
  const { chat } = state;
  const hands = state.hands.length;
  const tabs: Tab[] = [
    {
      key: "people",
      label: words.tabs.people,
      ...(isTeacher(state) ? { badge: { count: hands, label: words.tabs.hands(hands) } } : {}),
      content: <People session={session} state={state} />,
    },
    {
      key: "chat",
      label: words.tabs.chat,
      badge: { count: news, label: words.tabs.unread(news) },
      content: (
        <Chat
          bare
          view={chat}
          group={session.group}
          removesAll={may(state, "RemoveGroupMessage")}
          pausesAll={may(state, "MuteGroup")}
        />
      ),
    },
    {
      key: "courseware",
      label: words.tabs.courseware,
      content: (
        <CoursewareList
          documents={state.documents}
          edit={may(state, "Courceware") ? { desk, uploads } : null}
          onPut={onPut}
        />
      ),
    },
  ];
  if (may(state, "CheckInManagement")) {
    tabs.push({
      key: "check-in",
      label: words.tabs.checkIn,
      content: <CheckInDesk session={session} state={state} />,
    });
  }
  if (may(state, "EditAnnouncement") || state.identity === ASSISTANT) {
    tabs.push({
      key: "settings",
      label: words.tabs.settings,
      content: <Settings desk={desk} state={state} info={info} />,
    });
  }
  return <Tabs tabs={tabs} chosen={chosen} onChoose={onChoose} />;
}

interface TabsProps {
  tabs: readonly Tab[];
  chosen: string;
  onChoose: (key: string) => void;
}

function Tabs({ tabs, chosen, onChoose }: TabsProps) {
  const ids = useId();
  // A right that was taken away takes its tab with it.
  const shown = tabs.find(({ key }) => key === chosen) ?? tabs[0];
  if (shown === undefined) return null;
  const current = shown.key;

  function move(event: KeyboardEvent) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const at = tabs.findIndex(({ key }) => key === current);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    event.preventDefault();
    onChoose(next.key);
    document.getElementById(`${ids}-${next.key}`)?.focus();
  }

  return (
    <aside className="panel class-side">
      <div className="class-tabs" role="tablist" aria-label={words.tabs.label} onKeyDown={move}>
        {tabs.map(({ key, label, badge }) => (
          <button
            key={key}
            type="button"
            role="tab"
            id={`${ids}-${key}`}
            aria-selected={key === current}
            aria-controls={`${ids}-panel`}
            tabIndex={key === current ? 0 : -1}
            onClick={() => onChoose(key)}
          >
            {label}
            {badge !== undefined && badge.count > 0 && (
              <span className="class-badge">
                <span aria-hidden="true">{badge.count}</span>
                <span className="visually-hidden">{badge.label}</span>
              </span>
            )}
          </button>
        ))}
      </div>
      <div
        className="class-tab"
        role="tabpanel"
        id={`${ids}-panel`}
        aria-labelledby={`${ids}-${current}`}
      >
        {shown.content}
      </div>
    </aside>
  );
}
