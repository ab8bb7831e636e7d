import { type FormEvent, useId, useState } from "react";
import type { Api } from "../api/client";
import { ApiError } from "../api/error";
import { useFatal, useTitle } from "../lib/hooks";
import { talkHash } from "../lib/route";
import type { Session } from "../session";
import { text } from "../text";
import { loginFailureText } from "../text/failure";
import { FailureLine } from "../ui/Failure";
import { EyeIcon, Logo } from "../ui/icons";

interface SignInProps {
  api: Api;
  expired: boolean;
  onSignedIn: (session: Session) => void;
}

export function SignInView({ api, expired, onSignedIn }: SignInProps) {
  useTitle(`${text.signIn.title} · ${text.product}`);
  return (
    <div className="sign-in">
      <div className="sign-in-art" aria-hidden="true">
        <Colonnade />
      </div>
      <main className="sign-in-main" id="content">
        <div className="sign-in-brand">
          <Logo />
          <span>{text.product}</span>
        </div>
        <h1>{text.signIn.title}</h1>
        <p className="lead">{expired ? text.signIn.expired : text.signIn.lead}</p>
        <SignInForm api={api} onSignedIn={onSignedIn} />
        <p className="hint">{text.signIn.demoHint}</p>
        <p className="sign-in-more">
          {text.signIn.talkHint} <a href={talkHash}>{text.signIn.talk}</a>
        </p>
      </main>
    </div>
  );
}

function SignInForm({ api, onSignedIn }: Pick<SignInProps, "api" | "onSignedIn">) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [shown, setShown] = useState(false);
  const [working, setWorking] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const fatal = useFatal();
  const ids = useId();

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (working) return;
    setWorking(true);
    setFailure(null);
    try {
      const token = await api.login(user, password);
      onSignedIn({ user, token });
    } catch (error) {
      if (error instanceof ApiError) setFailure(error);
      else fatal(error);
      setWorking(false);
    }
  }

  return (
    <form className="form" onSubmit={submit}>
      <label htmlFor={`${ids}-user`}>{text.signIn.user}</label>
      <input
        id={`${ids}-user`}
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
        maxLength={255}
        value={user}
        onChange={(event) => setUser(event.target.value)}
      />
      <label htmlFor={`${ids}-password`}>{text.signIn.password}</label>
      <div className="field-with-button">
        <input
          id={`${ids}-password`}
          name="password"
          type={shown ? "text" : "password"}
          autoComplete="current-password"
          required
          maxLength={1024}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <button
          type="button"
          className="icon-button"
          aria-label={shown ? text.signIn.hidePassword : text.signIn.showPassword}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        >
          <EyeIcon />
        </button>
      </div>
      <div className="form-alert" role="alert">
        {failure && <FailureLine failure={failure} words={loginFailureText(failure)} />}
      </div>
      <button type="submit" className="button button-primary button-wide" disabled={working}>
        {working ? text.signIn.working : text.signIn.submit}
      </button>
    </form>
  );
}

/** The house: a row of columns that is also a row of voices. */
function Colonnade() {
  const heights = [150, 96, 190, 128, 210, 84, 172, 118, 200, 140];
  return (
    <>
      <svg
        viewBox="0 0 480 360"
        className="colonnade"
        preserveAspectRatio="xMidYMax meet"
        aria-hidden="true"
        focusable="false"
      >
        <path className="colonnade-roof" d="M24 86 240 18l216 68v10H24z" />
        <rect className="colonnade-beam" x="24" y="102" width="432" height="14" rx="7" />
        {heights.map((height, i) => (
          <g key={height} className="column" data-step={i % 5}>
            <rect
              className="column-ghost"
              x={38 + i * 42}
              y="124"
              width="24"
              height="214"
              rx="12"
            />
            <rect
              className="column-voice"
              x={38 + i * 42}
              y={338 - height}
              width="24"
              height={height}
              rx="12"
            />
          </g>
        ))}
      </svg>
      <p>{text.tagline}</p>
    </>
  );
}
