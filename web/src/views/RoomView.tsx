import { useEffect, useState, useSyncExternalStore } from "react";
import type { Api } from "../api/client";
import { rules } from "../hub/state";
import { useFatal, useTitle } from "../lib/hooks";
import { roomsHash } from "../lib/route";
import { RoomSession } from "../room/session";
import { headcount, isOwner, listeners, type RoomState } from "../room/state";
import { text } from "../text";
import { Chat } from "../ui/Chat";
import { Activity } from "./room/Activity";
import { Banners } from "./room/Banners";
import { Dock } from "./room/Dock";
import { Ended } from "./room/Ended";
import { Listeners } from "./room/Listeners";
import { RoomHead } from "./room/RoomHead";
import { Stage } from "./room/Stage";
import { Toast } from "./room/Toast";

interface RoomViewProps {
  api: Api;
  me: string;
  id: string;
}

export function RoomView({ api, me, id }: RoomViewProps) {
  const [session, setSession] = useState<RoomSession | null>(null);
  const [visit, setVisit] = useState(0);
  const fatal = useFatal();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another `visit` enters the same room anew
  useEffect(() => {
    const next = new RoomSession(api, id, me);
    setSession(next);
    next.open().catch(fatal);
    return () => next.close(true);
  }, [api, id, me, visit, fatal]);
  if (session === null) return <Entering />;
  return <Inside key={visit} session={session} onAgain={() => setVisit(visit + 1)} />;
}

function Inside({ session, onAgain }: { session: RoomSession; onAgain: () => void }) {
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  useTitle(`${state.room?.title ?? text.rooms.title} · ${text.product}`);
  if (state.link.kind === "ended") {
    return <Ended reason={state.link.reason} title={state.room?.title ?? ""} onAgain={onAgain} />;
  }
  if (state.room === null) return <Entering />;
  return <Present session={session} state={state} room={state.room} />;
}

function Present({
  session,
  state,
  room,
}: {
  session: RoomSession;
  state: RoomState;
  room: NonNullable<RoomState["room"]>;
}) {
  const leave = () => {
    // The seat is given back in the background; the user need not wait for it.
    void session.leave();
    location.hash = roomsHash;
  };
  return (
    <>
      <main className="room" id="content" tabIndex={-1}>
        <RoomHead room={room} link={state.link} people={headcount(state)} />
        <Banners
          state={state}
          onRetry={() => session.retryNow()}
          onStartAudio={() => session.startAudio()}
        />
        <div className="room-body">
          <Stage
            state={state}
            room={room}
            onTake={(index) => session.takeSeat(index)}
            onFree={(user, index) => session.freeSeat(user, index)}
          />
          <aside className="room-side">
            <Chat view={state.chat} group={session.group} removesAll={rules(state.chat)} />
            <Activity log={state.log} me={state.me} />
          </aside>
          <Listeners
            people={listeners(state)}
            names={state.chat.members}
            me={state.me}
            known={state.link.kind === "live" || state.link.kind === "reconnecting"}
          />
        </div>
      </main>
      <Toast failure={state.failure} onGone={() => session.forgetFailure()} />
      <Dock
        state={state}
        owner={isOwner(state)}
        onMic={(wanted) => session.setMic(wanted)}
        onLeaveSeat={() => session.leaveSeat()}
        onLeave={leave}
        onDismiss={() => session.dismiss()}
      />
    </>
  );
}

function Entering() {
  return (
    <main className="notice-page" id="content" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>{text.room.loading}</p>
    </main>
  );
}
