import { useMemo } from "react";
import { ConsoleApi } from "../console/api";
import { usePoll } from "../console/poll";
import { useTitle } from "../lib/hooks";
import { roomsHash } from "../lib/route";
import type { Session } from "../session";
import { text } from "../text";
import { t } from "../text/console";
import { AlertIcon, RefreshIcon } from "../ui/icons";
import "../styles/console.css";
import "../styles/console-parts.css";
import "../styles/console-charts.css";
import "../styles/console-channel.css";
import "../styles/console-api.css";
import { FailureText } from "./console/Failure";
import { Frame } from "./console/Frame";

interface Props {
  session: Session;
  /** Segments behind `#/console`. */
  path: string[];
  onExpired: () => void;
}

/** The console of administrators. */
export function ConsolePage({ session, path, onExpired }: Props) {
  useTitle(`${t.title} · ${text.product}`);
  const api = useMemo(() => new ConsoleApi(session.token, onExpired), [session.token, onExpired]);
  const { data: me, failure, refresh } = usePoll(api.me, null);
  if (me !== null) return <Frame api={api} me={me} token={session.token} path={path} />;
  if (failure === null) {
    return (
      <main className="notice-page" id="content" role="status">
        <span className="spinner" aria-hidden="true" />
        <p>{t.loading}</p>
      </main>
    );
  }
  const notAdmin = failure.status === 403;
  // A page without this API says so by its missing error code.
  const noConsole = failure.status === 404 || failure.status === 405;
  return (
    <main className="notice-page" id="content" role="alert">
      <span className="notice-mark">
        <AlertIcon />
      </span>
      <h1>{notAdmin ? t.gate.notAdmin : noConsole ? t.gate.noConsole : t.gate.failed}</h1>
      <p>
        {notAdmin ? t.gate.notAdminText(session.user) : noConsole ? t.gate.noConsoleText : null}
      </p>
      {notAdmin && (
        <p className="console-note">
          {t.gate.how} <code>auth.admins = ["{session.user}"]</code>
        </p>
      )}
      <p className="console-note">
        <FailureText failure={failure} />
      </p>
      <div className="notice-actions">
        <a className="button" href={roomsHash}>
          {t.gate.toRooms}
        </a>
        <button type="button" className="button button-primary" onClick={refresh}>
          <RefreshIcon />
          {t.again}
        </button>
      </div>
    </main>
  );
}
