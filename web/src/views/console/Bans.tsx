import { useState } from "react";
import type { Ban } from "../../console/types";
import { useList } from "../../console/use-list";
import { consoleHash } from "../../lib/route";
import { t } from "../../text/console";
import { PlusIcon } from "../../ui/icons";
import { AppSelect } from "./AppSelect";
import { left } from "./BanList";
import { BanFor, FormDialog } from "./ChannelDialogs";
import { useAct, useDesk } from "./context";
import { FailureBar } from "./Failure";
import { type Column, Field, Head, Pager, Search, Table, Time } from "./parts";
import { useApps } from "./use-apps";

const LOOK_MS = 5_000;

const EVERYBODY = { app: "", channel: "", user: "" };

export function Bans() {
  const { api } = useDesk();
  const apps = useApps();
  const [adding, setAdding] = useState(false);
  const list = useList(EVERYBODY, api.bans, LOOK_MS);
  const { typed, type, data, refresh } = list;
  const { busy, failure: refused, run } = useAct();
  async function lift(ban: Ban) {
    await run(() => api.lift(ban.app, ban.channel, ban.user), t.bans.lifted(ban.user));
    refresh();
  }
  const columns: readonly Column<Ban>[] = [
    { label: t.bans.user, cell: (row) => <b>{row.user}</b> },
    {
      label: t.bans.channel,
      wide: true,
      cell: (row) => (
        <a className="console-long" href={consoleHash("live", row.app, row.channel)}>
          {row.channel}
        </a>
      ),
    },
    { label: t.app, cell: (row) => row.app },
    { label: t.bans.since, cell: (row) => <Time at={row.created_at} /> },
    { label: t.bans.until, cell: left },
    { label: t.bans.by, cell: (row) => t.bans.byIn(row.by, row.source) },
    {
      label: t.actions,
      quiet: true,
      cell: (row) => (
        <button
          type="button"
          className="button console-button"
          disabled={busy}
          onClick={() => lift(row)}
        >
          {t.bans.lift}
          <span className="visually-hidden">{row.user}</span>
        </button>
      ),
    },
  ];
  return (
    <>
      <Head title={t.pages.bans} lead={t.bans.lead}>
        <button type="button" className="button button-primary" onClick={() => setAdding(true)}>
          <PlusIcon />
          {t.bans.add}
        </button>
      </Head>
      <div className="console-filters">
        <Search label={t.bans.user} value={typed.user} onChange={(user) => type({ user })} />
        <Search
          label={t.bans.channel}
          value={typed.channel}
          onChange={(channel) => type({ channel })}
        />
        <AppSelect all apps={apps} value={typed.app} onChange={(app) => list.choose({ app })} />
      </div>
      <FailureBar failure={refused ?? list.failure} />
      <Table
        caption={t.pages.bans}
        columns={columns}
        rows={data?.items ?? null}
        rowKey={(row) => `${row.app}/${row.channel}/${row.user}`}
        empty={list.filtered ? t.bans.noMatch : t.bans.none}
      />
      <Pager page={data} offset={list.offset} onOffset={list.onOffset} />
      {adding && <NewBan onClose={() => setAdding(false)} onSettled={refresh} />}
    </>
  );
}

function NewBan({ onClose, onSettled }: { onClose: () => void; onSettled: () => void }) {
  const { api } = useDesk();
  const apps = useApps();
  const [picked, setPicked] = useState<string | null>(null);
  const [channel, setChannel] = useState("");
  const [user, setUser] = useState("");
  const [seconds, setSeconds] = useState<number>(3_600);
  const app = picked ?? apps[0]?.app_id ?? "";
  const field = (label: string, value: string, set: (value: string) => void, longest: number) => (
    <Field label={label}>
      {(ids) => (
        <input
          {...ids}
          required
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={longest}
          value={value}
          onChange={(event) => set(event.target.value)}
        />
      )}
    </Field>
  );
  return (
    <FormDialog
      title={t.bans.add}
      lead={t.bans.addLead}
      action={t.bans.ban}
      danger
      act={() => api.kick(app, channel, user, seconds)}
      done={t.channel.banned(user)}
      onClose={onClose}
      onSettled={onSettled}
    >
      {apps.length > 1 && <AppSelect apps={apps} value={app} onChange={setPicked} />}
      {field(t.bans.channel, channel, setChannel, 256)}
      {field(t.bans.user, user, setUser, 255)}
      <BanFor value={seconds} from={1} onChange={setSeconds} />
    </FormDialog>
  );
}
