import { useEffect, useRef } from "react";
import type { WireRoom } from "../../api/client";
import { roomsHash } from "../../lib/route";
import type { Link } from "../../room/state";
import { text } from "../../text";
import { CopyLink } from "../../ui/CopyLink";
import { BackIcon, PeopleIcon } from "../../ui/icons";

interface RoomHeadProps {
  room: WireRoom;
  link: Link;
  people: number;
}

export function RoomHead({ room, link, people }: RoomHeadProps) {
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
        <h1 ref={heading} tabIndex={-1}>
          {room.title}
        </h1>
        <CopyLink />
      </div>
      <p className="room-meta">
        <span className="link-dot" data-link={link.kind} aria-hidden="true" />
        {link.kind === "live" ? (
          <span className="count">
            <PeopleIcon />
            {text.rooms.online(people)}
          </span>
        ) : (
          <span>{link.kind === "reconnecting" ? text.dock.reconnecting : text.dock.offline}</span>
        )}
        <span className="room-number">{text.room.number(room.show_code)}</span>
      </p>
      {room.notice !== "" && <p className="room-notice">{room.notice}</p>}
    </header>
  );
}
