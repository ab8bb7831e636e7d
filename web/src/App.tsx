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

const ClassPage = lazy(() =>
  import("./views/ClassPage").then((module) => ({ default: module.ClassPage })),
);

const ConsolePage = lazy(() =>
  import("./views/ConsolePage").then((module) => ({ default: module.ConsolePage })),
);

const TestPage = lazy(() =>
  import("./views/TestPage").then((module) => ({ default: module.TestPage })),
);

/**
 * Signed out: the sign-in form. Signed in: the view the hash names; it is kept while signing in.
 * The Talk page asks for no account: its requests are signed with an app's own key. Nor
 * does the connection test: whoever cannot get in may want it most.
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
  const expire = useCallback(() => signOut("expired"), [signOut]);
  const api = useMemo(() => new Api(session?.token ?? null, expire), [session, expire]);

  if (session === null && route.view !== "talk" && route.view !== "test") {
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
  const place = route.view === "room" || route.view === "class" ? route.id : null;
  return (
    <div className="app" data-view={route.view} data-inside={place !== null || undefined}>
      <TopBar view={route.view} user={user} onSignOut={() => signOut("asked")} />
      <Boundary resetKey={`${route.view} ${place ?? ""}`}>
        <Suspense fallback={<Loading />}>
          {route.view === "test" ? (
            <TestPage />
          ) : route.view === "talk" || session === null ? (
            <TalkView user={user} />
          ) : route.view === "console" ? (
            <ConsolePage session={session} path={route.path} onExpired={expire} />
          ) : route.view === "class" ? (
            <ClassPage session={session} id={route.id} onExpired={expire} />
          ) : route.view === "room" ? (
            <RoomView key={route.id} api={api} me={session.user} id={route.id} />
          ) : (
            <RoomsView api={api} me={session.user} />
          )}
        </Suspense>
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
