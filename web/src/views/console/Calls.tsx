import { useCallback, useState } from "react";
import { count, dayShort, duration, short } from "../../console/format";
import { usePoll } from "../../console/poll";
import type { Call } from "../../console/types";
import { type Slice, useList } from "../../console/use-list";
import { t } from "../../text/console";
import { AppSelect } from "./AppSelect";
import { Chart } from "./Chart";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Chip, Choice, type Column, Field, Head, Pager, Search, Table, Time } from "./parts";
import { useApps } from "./use-apps";

const LOOK_MS = 15_000;
const DAYS = [7, 30, 90] as const;

const COLUMNS: readonly Column<Call>[] = [
  { label: t.calls.user, cell: (row) => <b>{row.user}</b> },
  {
    label: t.calls.channel,
    wide: true,
    cell: (row) => <span className="console-long">{row.channel}</span>,
  },
  { label: t.app, cell: (row) => row.app },
  { label: t.calls.joined, cell: (row) => <Time at={row.joined_at} /> },
  {
    label: t.calls.left,
    cell: (row) =>
      row.left_at === undefined ? (
        <Chip tone="good">{t.calls.open}</Chip>
      ) : (
        <Time at={row.left_at} />
      ),
  },
  { label: t.calls.length, cell: (row) => duration(row.seconds), figure: true },
  {
    label: t.calls.reason,
    cell: (row) => (row.reason === undefined ? t.unknown : t.calls.reasons[row.reason]),
  },
];

/** From the midnight of a date field on, by the viewer's clock; `plusDays` for the end of the day. */
export function midnight(day: string, plusDays = 0): number | undefined {
  const [year, month, date] = day.split("-").map(Number);
  if (year === undefined || month === undefined || date === undefined) return undefined;
  const at = new Date(year, month - 1, date + plusDays).getTime();
  return Number.isNaN(at) ? undefined : at;
}

const EVERYTHING = { app: "", user: "", channel: "", from: "", to: "" };

export function Calls() {
  const { api } = useDesk();
  const apps = useApps();
  const ask = useCallback(
    ({ from, to, ...rest }: typeof EVERYTHING & Slice, stop: AbortSignal) =>
      api.calls({ ...rest, from: midnight(from), to: midnight(to, 1) }, stop),
    [api],
  );
  const list = useList(EVERYTHING, ask, LOOK_MS);
  const { typed, type, data } = list;
  const date = (name: "from" | "to", label: string) => (
    <Field label={label}>
      {(ids) => (
        <input
          {...ids}
          type="date"
          min="1970-01-01"
          max="9999-12-31"
          value={typed[name]}
          onChange={(event) => type({ [name]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <>
      <Head title={t.pages.calls} lead={t.calls.lead} />
      <Days app={list.asked.app} />
      <h2 className="console-section">{t.calls.list}</h2>
      <div className="console-filters">
        <Search label={t.calls.user} value={typed.user} onChange={(user) => type({ user })} />
        <Search
          label={t.calls.channel}
          value={typed.channel}
          onChange={(channel) => type({ channel })}
        />
        {date("from", t.calls.from)}
        {date("to", t.calls.to)}
        <AppSelect all apps={apps} value={typed.app} onChange={(app) => list.choose({ app })} />
      </div>
      <FailureBar failure={list.failure} />
      <Table
        caption={t.pages.calls}
        columns={COLUMNS}
        rows={data?.items ?? null}
        rowKey={(row, index) => `${row.app}/${row.channel}/${row.user}/${row.joined_at}/${index}`}
        empty={list.filtered ? t.calls.noMatch : t.calls.none}
      />
      <Pager page={data} offset={list.offset} onOffset={list.onOffset} />
    </>
  );
}

const DAY_MS = 86_400_000;

function Days({ app }: { app: string }) {
  const { api, me } = useDesk();
  const [days, setDays] = useState<(typeof DAYS)[number]>(30);
  const load = useCallback(
    (stop: AbortSignal) => api.callDays({ app, days }, stop),
    [api, app, days],
  );
  const { data, failure } = usePoll(load, 60_000);
  const list = data?.days ?? [];
  const from = Date.parse(list[0]?.day ?? "1970-01-01");
  const labels = list.map(({ day }) => dayShort(day));
  const chart = { from, stepMs: DAY_MS, labels, kind: "bars" } as const;
  return (
    <section aria-label={t.calls.perDay}>
      <div className="console-filters">
        <Choice
          legend={t.calls.perDay}
          value={days}
          onChange={setDays}
          options={DAYS.map((value) => ({ value, label: t.calls.days(value) }))}
        />
        <p className="console-note">{t.calls.zone(me.time_zone)}</p>
      </div>
      <FailureBar failure={failure} />
      {data !== null && (
        <div className="console-charts">
          <Chart
            {...chart}
            title={t.calls.chart.calls}
            lines={[{ label: t.calls.chart.callsLine, values: list.map((day) => day.calls) }]}
            format={count}
          />
          <Chart
            {...chart}
            title={t.calls.chart.minutes}
            lines={[
              { label: t.calls.chart.minutesLine, values: list.map((day) => day.seconds / 60) },
            ]}
            format={short}
          />
        </div>
      )}
    </section>
  );
}
