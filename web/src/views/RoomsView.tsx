import { useCallback, useEffect, useState } from "react";
import type { Api, RoomPage } from "../api/client";
import { ApiError } from "../api/error";
import { useFatal, useTitle } from "../lib/hooks";
import { classesHash } from "../lib/route";
import { preloadWhenIdle } from "../room/preload";
import { text } from "../text";
import { number } from "../text/format";
import { FailureLine } from "../ui/Failure";
import { PlusIcon, RefreshIcon, SeatIcon } from "../ui/icons";
import { SearchField } from "../ui/SearchField";
import { CreateRoom } from "./CreateRoom";
import { RoomCard } from "./rooms/RoomCard";
import { searchRooms } from "./rooms/search";

const PAGE = 24;
/** The largest page the server answers. */
const LARGEST_PAGE = 500;
/** Keeps the online counts live at the price of one list request; counts are at most 1 s old at the server. */
const REFRESH_MS = 4_000;

export function RoomsView({ api, me }: { api: Api; me: string }) {
  useTitle(`${text.rooms.title} · ${text.product}`);
  const { page, failure, largest, refreshing, refresh, showMore, showAll } = useRooms(api);
  const [creating, setCreating] = useState(false);
  const [query, setQuery] = useState("");
  const found = page === null ? [] : searchRooms(page.rooms, query);
  const searching = query.trim() !== "";
  useEffect(preloadWhenIdle, []);

  return (
    <main className="page" id="content" tabIndex={-1}>
      <div className="page-head">
        <div>
          <h1>{text.rooms.title}</h1>
          <p className="lead">
            {text.rooms.lead} {text.rooms.classHint} <a href={classesHash}>{text.rooms.classes}</a>
          </p>
        </div>
        <div className="page-actions">
          <button
            type="button"
            className="button"
            onClick={refresh}
            aria-label={text.rooms.refresh}
            data-busy={refreshing || undefined}
          >
            <RefreshIcon />
            <span className="wide-only">{text.rooms.refresh}</span>
          </button>
          <button type="button" className="button button-primary" onClick={() => setCreating(true)}>
            <PlusIcon />
            {text.rooms.create}
          </button>
        </div>
      </div>
      {failure && (
        <div className="banner banner-warn" role="status">
          <span>
            {text.rooms.stale} <FailureLine failure={failure} />
          </span>
        </div>
      )}
      {page !== null && page.rooms.length > 0 && (
        <div className="rooms-search">
          <SearchField
            label={text.rooms.search}
            placeholder={text.rooms.searchHint}
            value={query}
            onChange={setQuery}
          />
          <p role="status">{searching && searchedText(page, found.length, query.trim())}</p>
          {searching && page.more && !largest && (
            <button type="button" className="button" onClick={showAll}>
              {text.rooms.searchMore}
            </button>
          )}
        </div>
      )}
      {page === null ? (
        <LoadingCards />
      ) : page.rooms.length === 0 ? (
        <Empty onCreate={() => setCreating(true)} />
      ) : (
        <ul className="room-grid">
          {found.map((room) => (
            <RoomCard key={room.id} room={room} mine={room.anchor_id === me} />
          ))}
        </ul>
      )}
      {page?.more && !searching && !largest && (
        <button type="button" className="button more" onClick={showMore}>
          {text.rooms.more}
        </button>
      )}
      {creating && <CreateRoom api={api} me={me} onClose={() => setCreating(false)} />}
    </main>
  );
}

function useRooms(api: Api) {
  const [size, setSize] = useState(PAGE);
  const [page, setPage] = useState<RoomPage | null>(null);
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
          setPage(next);
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
  const showMore = useCallback(() => setSize((n) => Math.min(n + PAGE, LARGEST_PAGE)), []);
  const showAll = useCallback(() => setSize(LARGEST_PAGE), []);
  return {
    page,
    /** The server answers no larger page. */
    largest: size >= LARGEST_PAGE,
    failure,
    refreshing,
    refresh,
    showMore,
    showAll,
  };
}

/** What was found, and whether there is more to look at. */
function searchedText(page: RoomPage, found: number, query: string): string {
  const result = found === 0 ? text.rooms.none(query) : text.rooms.found(number(found));
  return page.more ? `${result} ${text.rooms.partial(number(page.rooms.length))}` : result;
}

function Empty({ onCreate }: { onCreate: () => void }) {
  return (
    <div className="empty">
      <span className="notice-mark">
        <SeatIcon />
      </span>
      <h2>{text.rooms.emptyTitle}</h2>
      <p>{text.rooms.empty}</p>
      <button type="button" className="button button-primary" onClick={onCreate}>
        <PlusIcon />
        {text.rooms.create}
      </button>
    </div>
  );
}

function LoadingCards() {
  return (
    <div className="room-grid" role="status">
      <span className="visually-hidden">{text.rooms.loading}</span>
      {[0, 1, 2].map((n) => (
        <div key={n} className="room-card room-card-ghost" />
      ))}
    </div>
  );
}
