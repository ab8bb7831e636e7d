import { classesHash, consoleHash, type Route, roomsHash, talkHash, testHash } from "../lib/route";
import { text } from "../text";
import { Avatar } from "./Avatar";
import { BookIcon, Logo, MicIcon, SignOutIcon } from "./icons";
import { Menu } from "./Menu";
import { LanguageSwitch, ThemeSwitch } from "./Preferences";
import { ConsoleIcon, DownIcon, GaugeIcon, SlidersIcon } from "./shell-icons";

interface Page {
  href: string;
  label: string;
  views: readonly Route["view"][];
}

const PAGES: readonly Page[] = [
  { href: roomsHash, label: text.top.rooms, views: ["rooms", "room"] },
  { href: classesHash, label: text.top.classes, views: ["class"] },
  { href: talkHash, label: text.top.talk, views: ["talk"] },
];
/** On a phone only in the menu: rarely needed, and the longest word. */
const TEST: Page = { href: testHash, label: text.top.test, views: ["test"] };

interface TopBarProps {
  view: Route["view"];
  /** Null: signed out, which only some pages are open to. */
  user: string | null;
  onSignOut: () => void;
}

export function TopBar({ view, user, onSignOut }: TopBarProps) {
  return (
    <header className="topbar">
      <button
        type="button"
        className="skip-link"
        onClick={() => document.getElementById("content")?.focus()}
      >
        {text.top.skip}
      </button>
      <a className="brand" href={roomsHash} aria-label={text.top.home}>
        <Logo />
        <span>{text.product}</span>
      </a>
      <nav className="topbar-nav" aria-label={text.top.nav}>
        {[...PAGES, TEST].map(({ href, label, views }) => (
          <a
            key={href}
            href={href}
            className={href === testHash ? "wide-only" : undefined}
            aria-current={views.includes(view) ? "page" : undefined}
          >
            {label}
          </a>
        ))}
      </nav>
      {user !== null && (
        <span className="visually-hidden" data-signed-in={user}>
          {text.top.signedInAs(user)}
        </span>
      )}
      <Menu
        label={user === null ? text.top.settings : text.top.accountOf(user)}
        face={
          user === null ? (
            <SlidersIcon />
          ) : (
            <>
              <Avatar user={user} size="s" />
              <span className="topbar-name" aria-hidden="true">
                {user}
              </span>
              <DownIcon />
            </>
          )
        }
      >
        {user !== null && (
          <div className="menu-head">
            <Avatar user={user} size="m" />
            <p>
              <small>{text.top.signedIn}</small>
              <strong>{user}</strong>
            </p>
          </div>
        )}
        <div className="menu-part">
          <LanguageSwitch />
          <ThemeSwitch />
        </div>
        <div className="menu-part menu-links">
          <a href={testHash}>
            <GaugeIcon />
            {text.top.test}
          </a>
          {user === null ? (
            <a href={roomsHash}>
              <MicIcon />
              {text.signIn.submit}
            </a>
          ) : (
            <>
              {/* Whether somebody is an administrator only a call tells that others are refused; the console says so itself. */}
              <a href={consoleHash()}>
                <ConsoleIcon />
                <span>
                  {text.top.console}
                  <small>{text.top.consoleHint}</small>
                </span>
              </a>
              <a href="/docs">
                <BookIcon />
                {text.top.docs}
              </a>
            </>
          )}
        </div>
        {user !== null && (
          <div className="menu-part menu-links">
            <button type="button" onClick={onSignOut}>
              <SignOutIcon />
              {text.top.signOut}
            </button>
          </div>
        )}
      </Menu>
    </header>
  );
}
