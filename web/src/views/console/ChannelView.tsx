import { useCallback, useState } from "react";
import { bits, count, dateTime, duration } from "../../console/format";
import { usePoll } from "../../console/poll";
import type { ChannelDetail } from "../../console/types";
import { consoleHash } from "../../lib/route";
import { t } from "../../text/console";
import { BackIcon, MicOffIcon, PowerIcon } from "../../ui/icons";
import { BanList } from "./BanList";
import { EndDialog, KickDialog, MuteDialog } from "./ChannelDialogs";
import { useAct, useDesk } from "./context";
import { FailureBar } from "./Failure";
import { StatusChip } from "./Live";
import { People } from "./People";
import { Chip, Facts, Head, Waiting } from "./parts";

const LOOK_MS = 2_000;

type Open = { what: "kick"; user: string } | { what: "mute"; user: string } | { what: "end" };

/** One channel: who is there, what they send, and what an administrator may do about it. */
export function ChannelView({ app, channel }: { app: string; channel: string }) {
  const { api } = useDesk();
  const [open, setOpen] = useState<Open | null>(null);
  const load = useCallback(
    (stop: AbortSignal) => api.channel(app, channel, stop),
    [api, app, channel],
  );
  const { data, failure, refresh } = usePoll(load, LOOK_MS);
  const { busy, failure: refused, run } = useAct();
  const gone = failure?.status === 404;
  const close = () => setOpen(null);
  async function unmute(user: string, kind: "audio" | "video") {
    await run(
      () => api.mute(app, channel, { user, [kind]: false, seconds: 0 }),
      t.channel.unmuted(user),
    );
    refresh();
  }
  return (
    <>
      <Head
        title={data?.title || channel}
        above={
          <a className="console-back" href={consoleHash("live")}>
            <BackIcon />
            {t.pages.live}
          </a>
        }
        lead={data === null ? channel : <Lead detail={data} />}
      >
        {data !== null && !gone && (
          <button type="button" className="button" onClick={() => setOpen({ what: "end" })}>
            <PowerIcon />
            {t.channel.end[data.kind]}
          </button>
        )}
      </Head>
      <FailureBar failure={refused} />
      {gone ? (
        <p className="console-empty">{t.channel.gone}</p>
      ) : (
        <>
          <FailureBar failure={failure} />
          {data === null ? (
            failure === null && <Waiting />
          ) : (
            <div className="console-channel">
              <People
                detail={data}
                busy={busy}
                onKick={(user) => setOpen({ what: "kick", user })}
                onMute={(user) => setOpen({ what: "mute", user })}
                onUnmute={unmute}
              />
              <div className="console-side">
                <ChannelFacts detail={data} />
                {data.kind === "room" && <Seats detail={data} />}
                <section className="panel" aria-label={t.channel.bans}>
                  <h2>
                    {t.channel.bans} <span className="panel-count">{data.bans.length}</span>
                  </h2>
                  <BanList bans={data.bans} onSettled={refresh} />
                </section>
              </div>
            </div>
          )}
        </>
      )}
      {open?.what === "kick" && (
        <KickDialog {...{ app, channel }} user={open.user} onClose={close} onSettled={refresh} />
      )}
      {open?.what === "mute" && (
        <MuteDialog {...{ app, channel }} user={open.user} onClose={close} onSettled={refresh} />
      )}
      {open?.what === "end" && data !== null && (
        <EndDialog detail={data} onClose={close} onSettled={refresh} />
      )}
    </>
  );
}

function Lead({ detail }: { detail: ChannelDetail }) {
  return (
    <span className="console-inline">
      <Chip>{t.live.kinds[detail.kind]}</Chip>
      <StatusChip status={detail.status} />
      <span>{t.channel.online(detail.online)}</span>
      <span>{bits(detail.bits_in_per_s)}</span>
    </span>
  );
}

function ChannelFacts({ detail }: { detail: ChannelDetail }) {
  const f = t.channel.facts;
  const facts: [string, React.ReactNode][] = [
    [f.channel, <code key="channel">{detail.channel}</code>],
    [t.app, detail.app],
  ];
  if (detail.owner !== undefined) facts.push([f.owner[detail.kind], detail.owner]);
  facts.push([f.created, dateTime(detail.created_at)], [f.tracks, count(detail.publications)]);
  const lesson = detail.class;
  if (lesson !== undefined) {
    facts.push([f.classState, t.channel.classStates[lesson.status]]);
    if (lesson.started_at !== undefined) {
      facts.push(
        [f.began, dateTime(lesson.started_at)],
        [f.runs, duration((Date.now() - lesson.started_at) / 1_000)],
      );
    }
    facts.push([f.members, count(lesson.members_total)]);
  }
  return (
    <section className="panel" aria-label={f.title}>
      <h2>{f.title}</h2>
      <Facts facts={facts} />
      {detail.notice !== undefined && detail.notice !== "" && (
        <p className="console-notice">{detail.notice}</p>
      )}
    </section>
  );
}

function Seats({ detail }: { detail: ChannelDetail }) {
  const taken = detail.seats.filter((seat) => seat.user !== undefined).length;
  return (
    <section className="panel" aria-label={t.channel.seats}>
      <h2>
        {t.channel.seats}
        <span className="panel-count">
          {taken}/{detail.seats.length}
        </span>
      </h2>
      <ol className="console-seats">
        {detail.seats.map(({ seat, user, muted }) => (
          <li key={seat} data-taken={user !== undefined || undefined}>
            <span className="console-seat-number">{seat}</span>
            <span>{user ?? t.channel.freeSeat}</span>
            {muted && (
              <>
                <MicOffIcon />
                <span className="visually-hidden">{t.channel.silenced}</span>
              </>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
