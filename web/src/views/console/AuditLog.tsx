import type { AuditLine } from "../../console/types";
import { useList } from "../../console/use-list";
import { t } from "../../text/console";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Chip, type Column, Pager, Search, Table, Time } from "./parts";

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

const EVERYTHING = { q: "" };

export function AuditLog() {
  const { api } = useDesk();
  const list = useList(EVERYTHING, api.audit, LOOK_MS);
  const { data } = list;
  return (
    <>
      <p className="console-note">{t.audit.lead}</p>
      <div className="console-filters">
        <Search label={t.audit.search} value={list.typed.q} onChange={(q) => list.type({ q })} />
      </div>
      <FailureBar failure={list.failure} />
      <Table
        caption={t.system.audit}
        columns={COLUMNS}
        rows={data?.items ?? null}
        rowKey={(row, index) => `${row.request_id} ${row.at} ${index}`}
        empty={t.audit.empty}
      />
      <Pager page={data} offset={list.offset} onOffset={list.onOffset} />
    </>
  );
}
