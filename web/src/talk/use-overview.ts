import { useCallback, useEffect, useState } from "react";
import { type ChannelDetail, CODE, type TalkApi, TalkError, type UserStatus } from "../api/talk";

/** What an operator sees of a channel and of one user, asked again and again. */
export interface Overview {
  /** Of which question this is the answer. */
  channel: string;
  target: string;
  /** Null: the channel does not exist. */
  detail: ChannelDetail | null;
  /** Channels of the app. */
  channels: number;
  /** Of the target, one entry per channel. */
  status: UserStatus[];
}

/** Between two looks. The server's bit rates are means over three seconds: sooner would tell little more. */
const LOOK_MS = 2_000;
/** The same after a refusal, which seldom goes away by itself. */
const LOOK_AFTER_FAILURE_MS = 6_000;
/** Names are typed letter by letter: asked about when the typing rests. */
const REST_MS = 250;

interface Look {
  overview: Overview | null;
  failure: TalkError | null;
}

export function useOverview(api: TalkApi, channel: string, target: string) {
  const [look, setLook] = useState<Look>({ overview: null, failure: null });
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another `round` looks again at once
  useEffect(() => {
    let stopped = false;
    let timer: number | undefined;
    const again = async () => {
      let wait = LOOK_MS;
      if (document.visibilityState === "visible") {
        const next = await ask(api, channel, target);
        if (stopped) return;
        // What was known stays beside the words of the failure.
        setLook((before) => ({
          overview: next.overview ?? before.overview,
          failure: next.failure,
        }));
        if (next.failure !== null) wait = LOOK_AFTER_FAILURE_MS;
      }
      timer = window.setTimeout(() => void again(), wait);
    };
    timer = window.setTimeout(() => void again(), REST_MS);
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [api, channel, target, round]);
  const refresh = useCallback(() => setRound((before) => before + 1), []);
  return { ...look, refresh };
}

async function ask(api: TalkApi, channel: string, target: string): Promise<Look> {
  try {
    const [detail, channels, status] = await Promise.all([
      detailOrNull(api, channel),
      api.channelCount(),
      target === "" ? [] : api.userStatus(target),
    ]);
    return { overview: { channel, target, detail, channels, status }, failure: null };
  } catch (error) {
    if (error instanceof TalkError) return { overview: null, failure: error };
    throw error;
  }
}

async function detailOrNull(api: TalkApi, channel: string): Promise<ChannelDetail | null> {
  try {
    return await api.detail(channel);
  } catch (error) {
    if (error instanceof TalkError && error.code === CODE.NO_CHANNEL) return null;
    throw error;
  }
}
