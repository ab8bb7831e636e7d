import { classesHash, type Route, roomsHash, talkHash } from "../lib/route";
import { text } from "../text";
import { Avatar } from "./Avatar";
import { Logo, SignOutIcon } from "./icons";

const PAGES: readonly { href: string; label: string; views: readonly Route["view"][] }[] = [
  { href: roomsHash, label: text.top.rooms, views: ["rooms", "room"] },
  { href: classesHash, label: text.top.classes, views: ["class"] },
  { href: talkHash, label: text.top.talk, views: ["talk"] },
];

interface TopBarProps {
  view: Route["view"];
  /** Null: signed out, which only the Talk page is open to. */
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
        {PAGES.map(({ href, label, views }) => (
          <a key={href} href={href} aria-current={views.includes(view) ? "page" : undefined}>
            {label}
          </a>
        ))}
      </nav>
      {user !== null && (
        <div className="topbar-user">
          <span className="visually-hidden">{text.top.signedInAs(user)}</span>
          <Avatar user={user} size="s" />
          <span className="topbar-name" aria-hidden="true">
            {user}
          </span>
          <button
            type="button"
            className="icon-button"
            onClick={onSignOut}
            aria-label={text.top.signOut}
            title={text.top.signOut}
          >
            <SignOutIcon />
          </button>
        </div>
      )}
    </header>
  );
}
