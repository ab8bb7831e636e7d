import { bits, count } from "../../console/format";
import { type Channel, KINDS, type Kind } from "../../console/types";
import { useList } from "../../console/use-list";
import { consoleHash } from "../../lib/route";
import { t } from "../../text/console";
import { AppSelect } from "./AppSelect";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Chip, Choice, type Column, Head, Pager, Search, Table } from "./parts";
import { useApps } from "./use-apps";

const LOOK_MS = 3_000;

const STATUS_TONE = { live: "good", preparing: "plain", paused: "warn", empty: "plain" } as const;

export function StatusChip({ status }: { status: Channel["status"] }) {
  return <Chip tone={STATUS_TONE[status]}>{t.live.statuses[status]}</Chip>;
}

const COLUMNS: readonly Column<Channel>[] = [
  {
    label: t.live.channel,
    cell: (row) => (
      <a className="console-name" href={consoleHash("live", row.app, row.channel)}>
        <b>{row.title || row.channel}</b>
        {row.title !== undefined && row.title !== "" && <small>{row.channel}</small>}
      </a>
    ),
  },
  { label: t.live.kind, cell: (row) => t.live.kinds[row.kind] },
  { label: t.live.status, cell: (row) => <StatusChip status={row.status} /> },
  { label: t.live.owner, cell: (row) => row.owner ?? t.unknown },
  { label: t.app, cell: (row) => row.app },
  { label: t.live.online, cell: (row) => count(row.online), figure: true },
  { label: t.live.publications, cell: (row) => count(row.publications), figure: true },
  { label: t.live.rate, cell: (row) => bits(row.bits_in_per_s), figure: true },
];

const EVERYTHING: { kind: Kind | ""; app: string; q: string } = { kind: "", app: "", q: "" };

/** Rooms, classes and Talk channels in one list. */
export function Live() {
  const { api } = useDesk();
  const apps = useApps();
  const list = useList(EVERYTHING, api.channels, LOOK_MS);
  const { typed, data } = list;
  return (
    <>
      <Head title={t.pages.live} lead={t.live.lead} />
      <div className="console-filters">
        <Choice
          legend={t.live.kind}
          value={typed.kind}
          onChange={(kind) => list.choose({ kind })}
          options={[
            { value: "", label: t.all },
            ...KINDS.map((value) => ({ value, label: t.live.kindsMany[value] })),
          ]}
        />
        <Search label={t.live.search} value={typed.q} onChange={(q) => list.type({ q })} />
        <AppSelect all apps={apps} value={typed.app} onChange={(app) => list.choose({ app })} />
      </div>
      <FailureBar failure={list.failure} />
      <Table
        caption={t.pages.live}
        columns={COLUMNS}
        rows={data?.items ?? null}
        rowKey={(row) => `${row.app}/${row.channel}`}
        empty={list.filtered ? t.live.noMatch : t.live.none}
      />
      {data?.complete === false && <p className="console-note">{t.live.incomplete}</p>}
      <Pager page={data} offset={list.offset} onOffset={list.onOffset} />
    </>
  );
}
