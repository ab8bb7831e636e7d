import type { WireRoom } from "../../api/client";
import { plain } from "../../room/roster";

/** Rooms whose title, owner or number has all the words of the query. */
export function searchRooms(rooms: readonly WireRoom[], query: string): WireRoom[] {
  const words = plain(query)
    .split(/\s+/u)
    .filter((word) => word !== "");
  if (words.length === 0) return [...rooms];
  return rooms.filter((room) => {
    const text = plain(`${room.title} ${room.anchor_nick} ${room.anchor_id}`);
    const code = String(room.show_code);
    return words.every((word) => text.includes(word) || code.startsWith(word.replace(/^#/, "")));
  });
}
