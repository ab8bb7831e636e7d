import { type FormEvent, useEffect, useId, useState } from "react";
import type { Api } from "../api/client";
import { ApiError } from "../api/error";
import { guestName } from "../lib/guest";
import { useFatal, useTitle } from "../lib/hooks";
import { talkHash, testHash } from "../lib/route";
import type { Session } from "../session";
import { text } from "../text";
import { loginFailureText } from "../text/failure";
import { FailureLine } from "../ui/Failure";
import { EyeIcon, Logo, MicIcon } from "../ui/icons";
import { Menu } from "../ui/Menu";
import { LanguageSwitch, ThemeSwitch } from "../ui/Preferences";
import { GaugeIcon, GlobeIcon } from "../ui/shell-icons";

interface SignInProps {
  api: Api;
  expired: boolean;
  onSignedIn: (session: Session) => void;
}

export function SignInView({ api, expired, onSignedIn }: SignInProps) {
  useTitle(`${text.signIn.title} · ${text.product}`);
  const demo = useDemo();
  return (
    <div className="sign-in">
      <div className="sign-in-art" aria-hidden="true">
        <Colonnade />
      </div>
      <main className="sign-in-main" id="content">
        <div className="sign-in-menu">
          <Menu label={text.top.settings} face={<GlobeIcon />}>
            <div className="menu-part">
              <LanguageSwitch />
              <ThemeSwitch />
            </div>
            <div className="menu-part menu-links">
              <a href={testHash}>
                <GaugeIcon />
                {text.top.test}
              </a>
            </div>
          </Menu>
        </div>
        <div className="sign-in-brand">
          <Logo />
          <span>{text.product}</span>
        </div>
        <h1>{text.signIn.title}</h1>
        <p className="lead">{expired ? text.signIn.expired : text.signIn.lead}</p>
        {demo && <GuestEntry api={api} onSignedIn={onSignedIn} />}
        <SignInForm api={api} quiet={demo} onSignedIn={onSignedIn} />
        {demo && <p className="hint">{text.signIn.demoHint}</p>}
        <p className="sign-in-more">
          {text.signIn.talkHint} <a href={talkHash}>{text.signIn.talk}</a>
        </p>
      </main>
    </div>
  );
}

/**
 * Whether any name is let in with itself as the password, which is how `stoa dev` starts. Nothing says so outright;
 * a server on loopback that takes the development pair of keys is one.
 */
function useDemo(): boolean {
  const [demo, setDemo] = useState(false);
  useEffect(() => {
    let here = true;
    import("../talk/dev-pair")
      .then(({ findDevPair }) => findDevPair())
      .then(
        (pair) => here && setDemo(pair !== null),
        () => undefined,
      );
    return () => {
      here = false;
    };
  }, []);
  return demo;
}

/** One click into a demo server, under a made-up name. */
function GuestEntry({ api, onSignedIn }: Pick<SignInProps, "api" | "onSignedIn">) {
  const [name] = useState(() => guestName());
  const { working, failure, signIn } = useSignIn(api, onSignedIn);
  return (
    <div className="guest">
      <button
        type="button"
        className="button button-primary button-wide"
        disabled={working}
        onClick={() => signIn(name, name)}
      >
        <MicIcon />
        {working ? text.signIn.working : text.signIn.guest}
      </button>
      <p className="guest-name">{text.signIn.guestAs(name)}</p>
      <div className="form-alert" role="alert">
        {failure && <FailureLine failure={failure} words={loginFailureText(failure)} />}
      </div>
      <p className="guest-or">
        <span>{text.signIn.or}</span>
      </p>
    </div>
  );
}

function useSignIn(api: Api, onSignedIn: (session: Session) => void) {
  const [working, setWorking] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const fatal = useFatal();
  async function signIn(user: string, password: string) {
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
  return { working, failure, signIn };
}

interface SignInFormProps extends Pick<SignInProps, "api" | "onSignedIn"> {
  /** Something else on the page is what most people want. */
  quiet: boolean;
}

function SignInForm({ api, quiet, onSignedIn }: SignInFormProps) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [shown, setShown] = useState(false);
  const { working, failure, signIn } = useSignIn(api, onSignedIn);
  const ids = useId();

  function submit(event: FormEvent) {
    event.preventDefault();
    void signIn(user, password);
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
      <button
        type="submit"
        className={quiet ? "button button-wide" : "button button-primary button-wide"}
        disabled={working}
      >
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
