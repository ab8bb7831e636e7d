import type { TalkApi } from "../api/talk";

/** What a kick came to. */
export interface Kicked {
  user: string;
  /** Whether there was somebody to remove. */
  present: boolean;
  /** Of the ban; 0: none. */
  seconds: number;
  /** The end of the ban, epoch ms of this device. */
  until: number;
}

/**
 * Removes somebody, or keeps out who is not there: the server answers both with the same OK, so it is asked first where
 * the user is. That one question covers channels with more people than the panel lists.
 */
export async function kick(
  api: Pick<TalkApi, "kick" | "userStatus">,
  channel: string,
  user: string,
  seconds: number,
): Promise<Kicked> {
  const places = await api.userStatus(user);
  await api.kick(channel, user, seconds);
  const present = places.some((place) => place.ChannelID === channel);
  return { user, present, seconds, until: Date.now() + seconds * 1_000 };
}
