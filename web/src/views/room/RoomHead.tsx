import { useEffect, useRef } from "react";
import type { WireRoom } from "../../api/client";
import { roomsHash } from "../../lib/route";
import type { Link } from "../../room/state";
import { text } from "../../text";
import { BackIcon, PenIcon, PeopleIcon } from "../../ui/icons";
import { ShareIcon } from "../../ui/shell-icons";

import { PEOPLE } from "./People";

interface RoomHeadProps {
  room: WireRoom;
  link: Link;
  people: number;
  onShare: () => void;
  /** Null: not for this viewer to edit. */
  onEdit: (() => void) | null;
}

export function RoomHead({ room, link, people, onShare, onEdit }: RoomHeadProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  // A new view: keyboard and screen reader start at its title.
  useEffect(() => heading.current?.focus(), []);
  return (
    <header className="room-head">
      <div className="room-head-row">
        <a
          className="icon-button back"
          href={roomsHash}
          aria-label={text.room.back}
          title={text.room.back}
        >
          <BackIcon />
        </a>
        <h1 ref={heading} tabIndex={-1} title={room.title}>
          {room.title}
        </h1>
        {onEdit !== null && (
          <button
            type="button"
            className="icon-button"
            aria-label={text.room.edit}
            title={text.room.edit}
            onClick={onEdit}
          >
            <PenIcon />
          </button>
        )}
        <button
          type="button"
          className="button button-quiet"
          aria-label={text.share.button}
          onClick={onShare}
        >
          <ShareIcon />
          <span className="wide-only">{text.share.button}</span>
        </button>
      </div>
      <p className="room-meta">
        <span className="link-dot" data-link={link.kind} aria-hidden="true" />
        {link.kind === "live" ? (
          <button
            type="button"
            className="count room-count"
            onClick={() => document.getElementById(PEOPLE)?.scrollIntoView({ block: "center" })}
          >
            <PeopleIcon />
            {text.rooms.online(people)}
          </button>
        ) : (
          <span>{link.kind === "reconnecting" ? text.dock.reconnecting : text.dock.offline}</span>
        )}
        <span className="room-number">{text.room.number(room.show_code)}</span>
      </p>
      {room.notice !== "" && <p className="room-notice">{room.notice}</p>}
    </header>
  );
}
