import { useEffect, useMemo, useRef, useState } from "react";
import { type AppCredentials, TalkApi, TalkError, type TokenRequest } from "../api/talk";
import { useFatal, useFocusOnMount, useTitle } from "../lib/hooks";
import { findDevPair } from "../talk/dev-pair";
import { TalkSession } from "../talk/session";
import { text } from "../text";
import { talk } from "../text/talk";
import "../styles/talk.css";
import "../styles/talk-operator.css";
import { HowItWorks } from "./talk/HowItWorks";
import { JoinForm } from "./talk/JoinForm";
import { Operator, type Target } from "./talk/Operator";
import { ServerCard } from "./talk/ServerCard";
import { Stay } from "./talk/Stay";

const NOBODY: AppCredentials = { appkey: "", secret: "" };
const FIRST_CHANNEL = "lobby";

/** Both sides of a Talk channel on one page: the app's server with its secret, and a player with a token. */
export function TalkView({ user }: { user: string | null }) {
  useTitle(`${talk.title} · ${text.product}`);
  const { app, dev, setApp } = useCredentials();
  const api = useMemo(() => (app.appkey && app.secret ? new TalkApi(app) : null), [app]);
  const [wish, setWish] = useState<TokenRequest>({
    channel: FIRST_CHANNEL,
    user: user ?? "",
    identity: 1,
    device: "",
  });
  const { session, joining, failure, join, leave } = useStay(api, wish);
  const [target, setTarget] = useState<Target>({ user: "", picked: 0 });
  const pick = (user: string) => setTarget(({ picked }) => ({ user, picked: picked + 1 }));
  const heading = useFocusOnMount<HTMLHeadingElement>();
  return (
    <main className="page talk" id="content" tabIndex={-1}>
      <header className="talk-head">
        <h1 ref={heading} tabIndex={-1}>
          {talk.title}
        </h1>
        <p className="lead">{talk.lead}</p>
      </header>
      <div className="talk-body">
        <ServerCard app={app} dev={dev} folded={session !== null} onChange={setApp} />
        <div className="talk-player">
          {session === null ? (
            <>
              <JoinForm
                wish={wish}
                ready={api !== null}
                joining={joining}
                failure={failure}
                onChange={setWish}
                onJoin={join}
              />
              <HowItWorks />
            </>
          ) : (
            <Stay
              key={session.key}
              session={session.stay}
              joining={joining}
              failure={failure}
              onPick={pick}
              onAgain={join}
              onLeave={leave}
            />
          )}
        </div>
        {api !== null && (
          <Operator
            api={api}
            channel={wish.channel}
            target={target}
            onTarget={(user) => setTarget(({ picked }) => ({ user, picked }))}
          />
        )}
      </div>
    </main>
  );
}

/** Key and secret, in this component's memory only; the development pair where the server takes it. */
function useCredentials() {
  const [app, setApp] = useState(NOBODY);
  const [dev, setDev] = useState<AppCredentials | null>(null);
  useEffect(() => {
    let here = true;
    void findDevPair().then((pair) => {
      if (!here || pair === null) return;
      setDev(pair);
      // Whoever was faster than the answer keeps what they typed.
      setApp((typed) => (typed === NOBODY ? pair : typed));
    });
    return () => {
      here = false;
    };
  }, []);
  return { app, dev: app === dev, setApp };
}

function useStay(api: TalkApi | null, wish: TokenRequest) {
  const [session, setSession] = useState<{ key: number; stay: TalkSession } | null>(null);
  const [joining, setJoining] = useState(false);
  const [failure, setFailure] = useState<TalkError | null>(null);
  /** The stay to close when the page goes away, joined or still joining. */
  const current = useRef<TalkSession | null>(null);
  const fatal = useFatal();
  useEffect(() => () => current.current?.close(), []);

  async function join(): Promise<void> {
    if (api === null || joining) return;
    const stay = new TalkSession(wish);
    current.current = stay;
    setJoining(true);
    setFailure(null);
    try {
      await stay.open(api);
      setSession((before) => ({ key: (before?.key ?? 0) + 1, stay }));
    } catch (error) {
      stay.close();
      if (error instanceof TalkError) setFailure(error);
      else fatal(error);
    } finally {
      setJoining(false);
    }
  }

  function leave(): void {
    session?.stay.close();
    setSession(null);
    setFailure(null);
  }

  return { session, joining, failure, join, leave };
}
