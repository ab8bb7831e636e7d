import { useCallback, useEffect, useState } from "react";
import { type ClassApi, ENDED, type WireClass } from "../../api/classroom";
import { ApiError } from "../../api/error";
import { useFatal, useTitle } from "../../lib/hooks";
import { classHash } from "../../lib/route";
import { text } from "../../text";
import { words } from "../../text/class";
import { Avatar } from "../../ui/Avatar";
import { FailureLine } from "../../ui/Failure";
import { BookIcon, PeopleIcon, PlusIcon, RefreshIcon } from "../../ui/icons";
import { CreateClass } from "./CreateClass";
import { StatusChip } from "./StatusChip";

const PAGE = 24;
/** The largest page the server answers. */
const LARGEST_PAGE = 500;
/** Keeps status and counts live at the price of one request. */
const REFRESH_MS = 4_000;

export function ClassesView({ api }: { api: ClassApi }) {
  useTitle(`${words.list.title} · ${text.product}`);
  const { classes, failure, refreshing, refresh, showMore } = useClasses(api);
  const [creating, setCreating] = useState(false);
  const create = () => setCreating(true);
  return (
    <main className="page" id="content" tabIndex={-1}>
      <div className="page-head">
        <div>
          <h1>{words.list.title}</h1>
          <p className="lead">{words.list.lead}</p>
        </div>
        <div className="page-actions">
          <button
            type="button"
            className="button"
            onClick={refresh}
            aria-label={words.list.refresh}
            data-busy={refreshing || undefined}
          >
            <RefreshIcon />
            <span className="wide-only">{words.list.refresh}</span>
          </button>
          <button type="button" className="button button-primary" onClick={create}>
            <PlusIcon />
            {words.list.create}
          </button>
        </div>
      </div>
      {failure && (
        <div className="banner banner-warn" role="status">
          <span>
            {words.list.stale} <FailureLine failure={failure} />
          </span>
        </div>
      )}
      {classes === null ? (
        <LoadingCards />
      ) : classes.length === 0 ? (
        <Empty onCreate={create} />
      ) : (
        <ul className="room-grid">
          {classes.map((one) => (
            <ClassCard key={one.id} info={one} mine={one.teacher_id === api.me} />
          ))}
        </ul>
      )}
      {showMore && (
        <button type="button" className="button more" onClick={showMore}>
          {words.list.more}
        </button>
      )}
      {creating && <CreateClass api={api} onClose={() => setCreating(false)} />}
    </main>
  );
}

function useClasses(api: ClassApi) {
  const [size, setSize] = useState(PAGE);
  const [classes, setClasses] = useState<WireClass[] | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const [refreshing, setRefreshing] = useState(false);
  const fatal = useFatal();

  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` asks for another look at the same page
  useEffect(() => {
    let current = true;
    let timer: number | undefined;
    async function look() {
      try {
        if (document.visibilityState === "visible") {
          const next = await api.list(size);
          if (!current) return;
          setClasses(next);
          setFailure(null);
        }
      } catch (error) {
        if (!current) return;
        if (error instanceof ApiError) setFailure(error);
        else fatal(error);
      }
      setRefreshing(false);
      timer = window.setTimeout(look, REFRESH_MS);
    }
    void look();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [api, size, round, fatal]);

  const refresh = useCallback(() => {
    setRefreshing(true);
    setRound((n) => n + 1);
  }, []);
  // The list says no total: a full page may have more behind it.
  const more = classes !== null && classes.length >= size && size < LARGEST_PAGE;
  const showMore = more ? () => setSize((n) => Math.min(n + PAGE, LARGEST_PAGE)) : null;
  return { classes, failure, refreshing, refresh, showMore };
}

function ClassCard({ info, mine }: { info: WireClass; mine: boolean }) {
  const teacher = info.teacher_nick === "" ? info.teacher_id : info.teacher_nick;
  const online = info.metrics.online_count;
  return (
    <li className="room-card" data-ended={info.status === ENDED || undefined}>
      <div className="room-card-head">
        <Avatar user={info.teacher_id} name={teacher} size="m" />
        <div className="room-card-title">
          <h2>
            <a href={classHash(info.id)} aria-label={words.list.enter(info.title)}>
              {info.title}
            </a>
          </h2>
          <p>
            <span className="class-by">{words.list.by(teacher)}</span>
            {mine && <span className="tag">{words.list.yours}</span>}
          </p>
        </div>
      </div>
      {info.notice !== "" && <p className="room-card-notice">{info.notice}</p>}
      <div className="room-card-foot">
        <StatusChip info={info} />
        <span className="class-mode">{words.modes[info.mode]}</span>
        <span
          className="count"
          data-live={online > 0 || undefined}
          title={words.list.online(online)}
        >
          <PeopleIcon />
          <span aria-hidden="true">{online}</span>
          <span className="visually-hidden">{words.list.online(online)}</span>
        </span>
      </div>
    </li>
  );
}

function Empty({ onCreate }: { onCreate: () => void }) {
  return (
    <div className="empty">
      <span className="notice-mark">
        <BookIcon />
      </span>
      <h2>{words.list.emptyTitle}</h2>
      <p>{words.list.empty}</p>
      <button type="button" className="button button-primary" onClick={onCreate}>
        <PlusIcon />
        {words.list.create}
      </button>
    </div>
  );
}

function LoadingCards() {
  return (
    <div className="room-grid" role="status">
      <span className="visually-hidden">{words.list.loading}</span>
      {[0, 1, 2].map((n) => (
        <div key={n} className="room-card room-card-ghost" />
      ))}
    </div>
  );
}
