import { useCallback, useState } from "react";
import { bits, count } from "../../console/format";
import { usePoll, useRested } from "../../console/poll";
import { type Channel, KINDS, type Kind } from "../../console/types";
import { consoleHash } from "../../lib/route";
import { t } from "../../text/console";
import { AppSelect } from "./AppSelect";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Chip, Choice, type Column, Head, PAGE_SIZE, Pager, Search, Table } from "./parts";
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

/** Rooms, classes and Talk channels in one list. */
export function Live() {
  const { api } = useDesk();
  const apps = useApps();
  const [kind, setKind] = useState<Kind | "">("");
  const [app, setApp] = useState("");
  const [search, setSearch] = useState("");
  const [offset, setOffset] = useState(0);
  const q = useRested(search);
  const load = useCallback(
    (stop: AbortSignal) => api.channels({ kind, app, q, offset, limit: PAGE_SIZE }, stop),
    [api, kind, app, q, offset],
  );
  const { data, failure } = usePoll(load, LOOK_MS);
  /** Another question begins with its first page. */
  const anew =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      set(value);
      setOffset(0);
    };
  return (
    <>
      <Head title={t.pages.live} lead={t.live.lead} />
      <div className="console-filters">
        <Choice
          legend={t.live.kind}
          value={kind}
          onChange={anew(setKind)}
          options={[
            { value: "", label: t.all },
            ...KINDS.map((value) => ({ value, label: t.live.kindsMany[value] })),
          ]}
        />
        <Search label={t.live.search} value={search} onChange={anew(setSearch)} />
        <AppSelect all apps={apps} value={app} onChange={anew(setApp)} />
      </div>
      <FailureBar failure={failure} />
      <Table
        caption={t.pages.live}
        columns={COLUMNS}
        rows={data?.items ?? null}
        rowKey={(row) => `${row.app}/${row.channel}`}
        empty={q === "" && kind === "" && app === "" ? t.live.none : t.live.noMatch}
      />
      {data?.complete === false && <p className="console-note">{t.live.incomplete}</p>}
      <Pager page={data} offset={offset} onOffset={setOffset} />
    </>
  );
}
