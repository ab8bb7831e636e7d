import { useCallback, useEffect, useState } from "react";
import type { Api, RoomPage, WireRoom } from "../api/client";
import { ApiError } from "../api/error";
import { useFatal, useTitle } from "../lib/hooks";
import { classesHash, roomHash } from "../lib/route";
import { fromMeetingInfo } from "../room/seats";
import { text } from "../text";
import { Avatar } from "../ui/Avatar";
import { FailureLine } from "../ui/Failure";
import { PeopleIcon, PlusIcon, RefreshIcon, SeatIcon } from "../ui/icons";
import { CreateRoom } from "./CreateRoom";

const PAGE = 24;
/** The largest page the server answers. */
const LARGEST_PAGE = 500;
/** Keeps the online counts live at the price of one list request; counts are at most 1 s old at the server. */
const REFRESH_MS = 4_000;

export function RoomsView({ api, me }: { api: Api; me: string }) {
  useTitle(`${text.rooms.title} · ${text.product}`);
  const { page, failure, refreshing, refresh, showMore } = useRooms(api);
  const [creating, setCreating] = useState(false);

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
      {page === null ? (
        <LoadingCards />
      ) : page.rooms.length === 0 ? (
        <Empty onCreate={() => setCreating(true)} />
      ) : (
        <ul className="room-grid">
          {page.rooms.map((room) => (
            <RoomCard key={room.id} room={room} mine={room.anchor_id === me} />
          ))}
        </ul>
      )}
      {page?.more && (
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
  return {
    page: page && { ...page, more: page.more && size < LARGEST_PAGE },
    failure,
    refreshing,
    refresh,
    showMore,
  };
}

function RoomCard({ room, mine }: { room: WireRoom; mine: boolean }) {
  const seated = fromMeetingInfo(room.meetingInfo).filter((seat) => seat.user !== "");
  const owner = room.anchor_nick === "" ? room.anchor_id : room.anchor_nick;
  const online = room.metrics.online_count;
  return (
    <li className="room-card">
      <div className="room-card-head">
        <Avatar user={room.anchor_id} name={owner} size="m" />
        <div className="room-card-title">
          <h2>
            <a href={roomHash(room.id)} aria-label={text.rooms.enter(room.title)}>
              {room.title}
            </a>
          </h2>
          <p>
            {text.rooms.by(owner)}
            {mine && <span className="tag">{text.rooms.yours}</span>}
          </p>
        </div>
      </div>
      {room.notice !== "" && <p className="room-card-notice">{room.notice}</p>}
      <div className="room-card-foot">
        <span
          className="count"
          data-live={online > 0 || undefined}
          title={text.rooms.online(online)}
        >
          <PeopleIcon />
          <span aria-hidden="true">{online}</span>
          <span className="visually-hidden">{text.rooms.online(online)}</span>
        </span>
        <span className="count" title={text.rooms.seats(seated.length)}>
          <SeatIcon />
          <span aria-hidden="true">{seated.length}/8</span>
          <span className="visually-hidden">{text.rooms.seats(seated.length)}</span>
        </span>
        <span className="avatar-stack" aria-hidden="true">
          {seated.slice(0, 5).map((seat) => (
            <Avatar key={seat.index} user={seat.user} name={seat.name} size="s" />
          ))}
          {seated.length > 5 && <span className="avatar-more">+{seated.length - 5}</span>}
        </span>
      </div>
    </li>
  );
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
