import { useCallback, useMemo, useState } from "react";
import { Api } from "./api/client";
import { useRoute } from "./lib/hooks";
import { clearSession, loadSession, type Session, saveSession } from "./session";
import { Boundary } from "./ui/Boundary";
import { TopBar } from "./ui/TopBar";
import { RoomsView } from "./views/RoomsView";
import { RoomView } from "./views/RoomView";
import { SignInView } from "./views/SignInView";

/** Signed out: the sign-in form. Signed in: the view the hash names; it is kept while signing in. */
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

  if (session === null) {
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
  const room = route.view === "room" ? route.id : null;
  return (
    <div className="app" data-view={route.view}>
      <TopBar user={session.user} onSignOut={() => signOut("asked")} />
      <Boundary resetKey={room ?? "rooms"}>
        {room === null ? (
          <RoomsView api={api} me={session.user} />
        ) : (
          <RoomView key={room} api={api} me={session.user} id={room} />
        )}
      </Boundary>
    </div>
  );
}
