import { type AppCredentials, TalkApi } from "../api/talk";

/** The pair of `stoa dev`: known to everybody, hence accepted by a server on loopback only. */
const DEV_PAIR: AppCredentials = { appkey: "devkey", secret: "devsecret-devsecret-devsecret-00" };

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * The development pair if the server takes it, else null. Nothing tells a page how the server was started, but a
 * harmless read does; elsewhere than on loopback the answer is known without asking.
 */
export async function findDevPair(): Promise<AppCredentials | null> {
  if (!LOOPBACK.test(location.hostname)) return null;
  return new TalkApi(DEV_PAIR).channelCount().then(
    () => DEV_PAIR,
    () => null,
  );
}
