import { roomsHash } from "../lib/route";
import { text } from "../text";
import { Avatar } from "./Avatar";
import { Logo, SignOutIcon } from "./icons";

export function TopBar({ user, onSignOut }: { user: string; onSignOut: () => void }) {
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
    </header>
  );
}
