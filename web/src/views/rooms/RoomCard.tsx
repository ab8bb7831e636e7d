import type { WireRoom } from "../../api/client";
import { roomHash } from "../../lib/route";
import { fromMeetingInfo } from "../../room/seats";
import { text } from "../../text";
import { shortNumber } from "../../text/format";
import { Avatar } from "../../ui/Avatar";
import { PeopleIcon, SeatIcon } from "../../ui/icons";

export function RoomCard({ room, mine }: { room: WireRoom; mine: boolean }) {
  const seated = fromMeetingInfo(room.meetingInfo).filter((seat) => seat.user !== "");
  const owner = room.anchor_nick === "" ? room.anchor_id : room.anchor_nick;
  const online = room.metrics.online_count;
  return (
    <li className="room-card">
      <div className="room-card-head">
        <Avatar user={room.anchor_id} name={owner} size="m" />
        <div className="room-card-title">
          <h2>
            <a href={roomHash(room.id)} aria-label={text.rooms.enter(room.title)}>
              {room.title}
            </a>
          </h2>
          <p>
            {text.rooms.by(owner)}
            {mine && <span className="tag">{text.rooms.yours}</span>}
          </p>
        </div>
        <span className="room-card-code" title={text.room.number(room.show_code)}>
          {room.show_code}
        </span>
      </div>
      {room.notice !== "" && <p className="room-card-notice">{room.notice}</p>}
      <div className="room-card-foot">
        <span
          className="count"
          data-live={online > 0 || undefined}
          title={text.rooms.online(online)}
        >
          <PeopleIcon />
          <span aria-hidden="true">{shortNumber(online)}</span>
          <span className="visually-hidden">{text.rooms.online(online)}</span>
        </span>
        <span className="count" title={text.rooms.seats(seated.length)}>
          <SeatIcon />
          <span aria-hidden="true">{seated.length}/8</span>
          <span className="visually-hidden">{text.rooms.seats(seated.length)}</span>
        </span>
        <span className="avatar-stack" aria-hidden="true">
          {seated.slice(0, 5).map((seat) => (
            <Avatar key={seat.index} user={seat.user} name={seat.name} size="s" />
          ))}
          {seated.length > 5 && <span className="avatar-more">+{seated.length - 5}</span>}
        </span>
      </div>
    </li>
  );
}
