import { type Route, roomsHash, talkHash } from "../lib/route";
import { text } from "../text";
import { Avatar } from "./Avatar";
import { Logo, SignOutIcon } from "./icons";

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
        <a href={roomsHash} aria-current={view === "talk" ? undefined : "page"}>
          {text.top.rooms}
        </a>
        <a href={talkHash} aria-current={view === "talk" ? "page" : undefined}>
          {text.top.talk}
        </a>
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
