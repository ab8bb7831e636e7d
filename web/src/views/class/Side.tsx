import { type KeyboardEvent, type ReactNode, useId, useState } from "react";
import type { WireClass } from "../../api/classroom";
import type { ClassSession } from "../../class/session";
import { type ClassState, isTeacher, may } from "../../class/state";
import { words } from "../../text/class";
import { CheckInDesk } from "./CheckInDesk";
import { CoursewareList } from "./CoursewareList";
import { People } from "./People";
import { Settings } from "./Settings";

interface SideProps {
  session: ClassSession;
  state: ClassState;
  info: WireClass;
}

interface Tab {
  key: string;
  label: string;
  /** Worth a look: how many. */
  badge?: number;
  content: ReactNode;
}

/** Everything about the class that is neither seen nor drawn, one thing at a time. */
export function Side({ session, state, info }: SideProps) {
  const { desk } = session;
  const tabs: Tab[] = [
    {
      key: "people",
      label: words.tabs.people,
      ...(isTeacher(state) ? { badge: state.hands.length } : {}),
      content: <People session={session} state={state} />,
    },
    {
      key: "courseware",
      label: words.tabs.courseware,
      content: (
        <CoursewareList documents={state.documents} desk={may(state, "Courceware") ? desk : null} />
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
  if (may(state, "EditAnnouncement")) {
    tabs.push({
      key: "settings",
      label: words.tabs.settings,
      content: <Settings desk={desk} state={state} info={info} />,
    });
  }
  return <Tabs tabs={tabs} />;
}

function Tabs({ tabs }: { tabs: readonly Tab[] }) {
  const [chosen, setChosen] = useState("people");
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
    setChosen(next.key);
    document.getElementById(`${ids}-${next.key}`)?.focus();
  }

  return (
    <aside className="panel class-side">
      <div className="class-tabs" role="tablist" aria-label={words.tabs.label} onKeyDown={move}>
        {tabs.map(({ key, label, badge = 0 }) => (
          <button
            key={key}
            type="button"
            role="tab"
            id={`${ids}-${key}`}
            aria-selected={key === current}
            aria-controls={`${ids}-panel`}
            tabIndex={key === current ? 0 : -1}
            onClick={() => setChosen(key)}
          >
            {label}
            {badge > 0 && <span className="class-badge">{badge}</span>}
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
