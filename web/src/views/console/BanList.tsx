import { duration } from "../../console/format";
import type { Ban } from "../../console/types";
import { t } from "../../text/console";
import { useAct, useDesk } from "./context";
import { FailureBar } from "./Failure";

/** How long a ban still runs. */
export function left(ban: Ban): string {
  return ban.until === undefined
    ? t.bans.forever
    : t.bans.left(duration((ban.until - Date.now()) / 1_000));
}

/** The bans of one channel, short. */
export function BanList({ bans, onSettled }: { bans: readonly Ban[]; onSettled: () => void }) {
  const { api } = useDesk();
  const { busy, failure, run } = useAct();
  async function lift(ban: Ban) {
    await run(() => api.lift(ban.app, ban.channel, ban.user), t.bans.lifted(ban.user));
    onSettled();
  }
  if (bans.length === 0) return <p className="panel-empty">{t.bans.noneHere}</p>;
  return (
    <>
      <FailureBar failure={failure} />
      <ul className="console-rows">
        {bans.map((ban) => (
          <li key={ban.user}>
            <span>
              {ban.user}
              <small>{left(ban)}</small>
            </span>
            <button
              type="button"
              className="button console-button"
              disabled={busy}
              onClick={() => lift(ban)}
            >
              {t.bans.lift}
              <span className="visually-hidden">{ban.user}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
