import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { Api } from "./api/client";
import { useRoute } from "./lib/hooks";
import { clearSession, loadSession, type Session, saveSession } from "./session";
import { text } from "./text";
import { Boundary } from "./ui/Boundary";
import { TopBar } from "./ui/TopBar";
import { RoomsView } from "./views/RoomsView";
import { RoomView } from "./views/RoomView";
import { SignInView } from "./views/SignInView";

/** Its own chunk: whoever comes for the rooms does not load it. */
const TalkView = lazy(() =>
  import("./views/TalkView").then((module) => ({ default: module.TalkView })),
);

/**
 * Signed out: the sign-in form. Signed in: the view the hash names; it is kept while signing in.
 * The Talk page asks for no account: its requests are signed with an app's own key.
 */
export function App() {
  const [session, setSession] = useState<Session | null>(loadSession);
  const [expired, setExpired] = useState(false);
  const route = useRoute();

  const signOut = useCallback((because: "asked" | "expired") => {
    clearSession();
    setExpired(because === "expired");
    setSession(null);
  }, []);
  const api = useMemo(
    () => new Api(session?.token ?? null, () => signOut("expired")),
    [session, signOut],
  );

  if (session === null && route.view !== "talk") {
    return (
      <Boundary resetKey="sign-in">
        <SignInView
          api={api}
          expired={expired}
          onSignedIn={(next) => {
            saveSession(next);
            setExpired(false);
            setSession(next);
          }}
        />
      </Boundary>
    );
  }
  const user = session?.user ?? null;
  const room = route.view === "room" ? route.id : null;
  return (
    <div className="app" data-view={route.view}>
      <TopBar view={route.view} user={user} onSignOut={() => signOut("asked")} />
      <Boundary resetKey={room ?? route.view}>
        {route.view === "talk" || user === null ? (
          <Suspense fallback={<Loading />}>
            <TalkView user={user} />
          </Suspense>
        ) : room === null ? (
          <RoomsView api={api} me={user} />
        ) : (
          <RoomView key={room} api={api} me={user} id={room} />
        )}
      </Boundary>
    </div>
  );
}

function Loading() {
  return (
    <main className="notice-page" id="content" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>{text.top.loading}</p>
    </main>
  );
}
