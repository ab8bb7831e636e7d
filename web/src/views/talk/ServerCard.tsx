import { useEffect, useId, useState } from "react";
import type { AppCredentials } from "../../api/talk";
import { talk } from "../../text/talk";
import { EyeIcon } from "../../ui/icons";

interface ServerCardProps {
  app: AppCredentials;
  /** The development pair is filled in. */
  dev: boolean;
  /** Needed no more for now: what follows is worth the room. */
  folded: boolean;
  onChange: (app: AppCredentials) => void;
}

/** What only an app's server knows. Not a form: there is nothing to send, and nothing for a browser to keep. */
export function ServerCard({ app, dev, folded, onChange }: ServerCardProps) {
  const [open, setOpen] = useState(true);
  const [shown, setShown] = useState(false);
  const ids = useId();
  useEffect(() => setOpen(!folded), [folded]);
  const empty = app.appkey === "" || app.secret === "";
  return (
    <details
      className="panel fold talk-keys"
      open={open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <h2>{talk.server.title}</h2>
      </summary>
      <div className="form">
        <div className="talk-fields">
          <div>
            <label htmlFor={`${ids}-key`}>{talk.server.appkey}</label>
            <input
              id={`${ids}-key`}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              value={app.appkey}
              onChange={(event) => onChange({ ...app, appkey: event.target.value })}
            />
          </div>
          <div>
            <label htmlFor={`${ids}-secret`}>{talk.server.secret}</label>
            <div className="field-with-button">
              <input
                id={`${ids}-secret`}
                type={shown ? "text" : "password"}
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                value={app.secret}
                onChange={(event) => onChange({ ...app, secret: event.target.value })}
              />
              <button
                type="button"
                className="icon-button"
                aria-label={shown ? talk.server.hide : talk.server.show}
                aria-pressed={shown}
                onClick={() => setShown(!shown)}
              >
                <EyeIcon />
              </button>
            </div>
          </div>
        </div>
        {dev && <p className="talk-note">{talk.server.dev}</p>}
        {empty && <p className="talk-note">{talk.server.needed}</p>}
        <p className="talk-note">{talk.server.hint}</p>
      </div>
    </details>
  );
}
