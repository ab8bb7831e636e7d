import { useEffect, useState, useSyncExternalStore } from "react";
import type { Api } from "../api/client";
import { rules } from "../hub/state";
import { useFatal, useTitle } from "../lib/hooks";
import { roomsHash } from "../lib/route";
import { preloadRoom } from "../room/preload";
import { RoomSession } from "../room/session";
import { headcount, isOwner, type RoomState } from "../room/state";
import { text } from "../text";
import { Chat } from "../ui/Chat";
import { Dialog } from "../ui/Dialog";
import { RoomForm } from "./RoomForm";
import { Activity } from "./room/Activity";
import { Banners } from "./room/Banners";
import { Dock } from "./room/Dock";
import { Ended } from "./room/Ended";
import { People } from "./room/People";
import { PersonCard } from "./room/PersonCard";
import { RoomHead } from "./room/RoomHead";
import { ShareDialog } from "./room/ShareDialog";
import { SoundDialog } from "./room/SoundDialog";
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
    preloadRoom();
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

/** What is open over the room. */
type Opened = { kind: "person"; user: string } | { kind: "sound" | "share" | "edit" };

interface PresentProps {
  session: RoomSession;
  state: RoomState;
  room: NonNullable<RoomState["room"]>;
}

function Present({ session, state, room }: PresentProps) {
  const [opened, setOpened] = useState<Opened | null>(null);
  const owner = isOwner(state);
  const open = (user: string) => setOpened({ kind: "person", user });
  const leave = () => {
    // The seat is given back in the background; the user need not wait for it.
    void session.leave();
    location.hash = roomsHash;
  };
  return (
    <>
      <main className="room" id="content" tabIndex={-1}>
        <RoomHead
          room={room}
          link={state.link}
          people={headcount(state)}
          onShare={() => setOpened({ kind: "share" })}
          onEdit={owner ? () => setOpened({ kind: "edit" }) : null}
        />
        <Banners
          state={state}
          onRetry={() => session.retryNow()}
          onOutageSeen={() => session.forgetOutage()}
          onStartAudio={() => session.startAudio()}
          onSound={() => setOpened({ kind: "sound" })}
        />
        <div className="room-body">
          <Stage
            state={state}
            room={room}
            onTake={(index) => session.takeSeat(index)}
            onOpen={open}
          />
          <aside className="room-side">
            <Chat view={state.chat} group={session.group} removesAll={rules(state.chat)} likeless />
            <Activity log={state.log} me={state.me} />
          </aside>
          <People state={state} onOpen={open} />
        </div>
      </main>
      <Toast failure={state.failure} onGone={() => session.forgetFailure()} />
      <Dock
        state={state}
        owner={owner}
        onMic={(wanted) => session.setMic(wanted)}
        onLike={() => session.group.like()}
        onSound={() => setOpened({ kind: "sound" })}
        onLeaveSeat={() => session.leaveSeat()}
        onLeave={leave}
        onDismiss={() => session.dismiss()}
      />
      <Over
        opened={opened}
        session={session}
        state={state}
        room={room}
        onClose={() => setOpened(null)}
      />
    </>
  );
}

interface OverProps extends PresentProps {
  opened: Opened | null;
  onClose: () => void;
}

function Over({ opened, session, state, room, onClose }: OverProps) {
  switch (opened?.kind) {
    case undefined:
      return null;
    case "person":
      return <PersonCard session={session} state={state} user={opened.user} onClose={onClose} />;
    case "sound":
      return <SoundDialog live={state.mic.actual === "on"} onClose={onClose} />;
    case "share":
      return <ShareDialog title={room.title} code={room.show_code} onClose={onClose} />;
    case "edit":
      return (
        <Dialog title={text.edit.title} onClose={onClose}>
          <RoomForm
            title={room.title}
            notice={room.notice}
            submit={text.edit.save}
            working={text.edit.saving}
            onSubmit={(title, notice) => session.edit(title, notice).then(onClose)}
            onCancel={onClose}
          />
        </Dialog>
      );
  }
}

function Entering() {
  return (
    <main className="notice-page" id="content" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>{text.room.loading}</p>
    </main>
  );
}
