import { useCallback, useState } from "react";
import { millis } from "../../console/format";
import { usePoll, useRested } from "../../console/poll";
import type { RequestLine } from "../../console/types";
import { t } from "../../text/console";
import { PauseIcon, PlayIcon } from "../../ui/icons";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Chip, Choice, type Column, Search, Table, Time } from "./parts";

const LOOK_MS = 2_000;
const SHOWN = 200;
const STATUSES = ["", "2xx", "4xx", "5xx"] as const;

const tone = (status: number) =>
  status >= 500 ? "bad" : status >= 400 ? "warn" : status >= 200 && status < 300 ? "good" : "plain";

const COLUMNS: readonly Column<RequestLine>[] = [
  { label: t.requests.at, cell: (row) => <Time at={row.at} /> },
  { label: t.requests.status, cell: (row) => <Chip tone={tone(row.status)}>{row.status}</Chip> },
  {
    label: t.requests.path,
    wide: true,
    cell: (row) => (
      <span className="console-path">
        <b>{row.method}</b> {row.path}
      </span>
    ),
  },
  { label: t.requests.dialect, cell: (row) => row.dialect },
  { label: t.requests.took, cell: (row) => millis(row.ms), figure: true },
  { label: t.requestIdLong, cell: (row) => <code>{row.request_id}</code> },
];

/** The requests of the last minutes, new ones on top as they come. */
export function RequestLog() {
  const { api } = useDesk();
  const [status, setStatus] = useState<(typeof STATUSES)[number]>("");
  const [search, setSearch] = useState("");
  const [live, setLive] = useState(true);
  const q = useRested(search);
  const load = useCallback(
    (stop: AbortSignal) => api.requests({ status, q, limit: SHOWN }, stop),
    [api, status, q],
  );
  const { data, failure } = usePoll(load, live ? LOOK_MS : null);
  return (
    <>
      <p className="console-note">{t.requests.lead}</p>
      <div className="console-filters">
        <Choice
          legend={t.requests.status}
          value={status}
          onChange={setStatus}
          options={STATUSES.map((value) => ({ value, label: value || t.all }))}
        />
        <Search label={t.requests.search} value={search} onChange={setSearch} />
        <button
          type="button"
          className="button console-button"
          aria-pressed={live}
          onClick={() => setLive(!live)}
        >
          {live ? <PauseIcon /> : <PlayIcon />}
          {live ? t.requests.pause : t.requests.resume}
        </button>
      </div>
      <FailureBar failure={failure} />
      <Table
        caption={t.system.requests}
        columns={COLUMNS}
        rows={data?.items ?? null}
        rowKey={(row) => `${row.request_id} ${row.at}`}
        empty={t.requests.empty}
      />
    </>
  );
}
