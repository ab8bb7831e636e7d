import { useCallback, useState } from "react";
import { usePoll, useRested } from "../../console/poll";
import type { AuditLine } from "../../console/types";
import { t } from "../../text/console";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Chip, type Column, PAGE_SIZE, Pager, Search, Table, Time } from "./parts";

const LOOK_MS = 10_000;

const COLUMNS: readonly Column<AuditLine>[] = [
  { label: t.audit.at, cell: (row) => <Time at={row.at} /> },
  {
    label: t.audit.who,
    cell: (row) =>
      row.op_user === undefined || row.op_user === row.identifier
        ? row.identifier
        : t.audit.for(row.identifier, row.op_user),
  },
  { label: t.audit.command, cell: (row) => <code>{row.command}</code> },
  { label: t.audit.target, cell: (row) => row.target.join(" · ") || t.unknown },
  { label: t.app, cell: (row) => row.app ?? t.unknown },
  {
    label: t.audit.result,
    cell: (row) =>
      row.result === 0 ? (
        <Chip tone="good">{t.audit.done}</Chip>
      ) : (
        <Chip tone="warn">{row.result}</Chip>
      ),
  },
  { label: t.requestIdLong, cell: (row) => <code>{row.request_id}</code> },
];

export function AuditLog() {
  const { api } = useDesk();
  const [search, setSearch] = useState("");
  const [offset, setOffset] = useState(0);
  const q = useRested(search);
  const load = useCallback(
    (stop: AbortSignal) => api.audit({ q, offset, limit: PAGE_SIZE }, stop),
    [api, q, offset],
  );
  const { data, failure } = usePoll(load, LOOK_MS);
  return (
    <>
      <p className="console-note">{t.audit.lead}</p>
      <div className="console-filters">
        <Search
          label={t.audit.search}
          value={search}
          onChange={(value) => {
            setSearch(value);
            setOffset(0);
          }}
        />
      </div>
      <FailureBar failure={failure} />
      <Table
        caption={t.system.audit}
        columns={COLUMNS}
        rows={data?.items ?? null}
        rowKey={(row, index) => `${row.request_id} ${row.at} ${index}`}
        empty={t.audit.empty}
      />
      <Pager page={data} offset={offset} onOffset={setOffset} />
    </>
  );
}
