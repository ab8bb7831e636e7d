import { useCallback } from "react";
import {
  bits,
  bytes,
  count,
  dateTime,
  duration,
  millis,
  percent,
  perSecond,
} from "../../console/format";
import { usePoll } from "../../console/poll";
import type { Overview as Facts_, RowName, Series } from "../../console/types";
import { classesHash, consoleHash, roomsHash, talkHash, testHash } from "../../lib/route";
import { t } from "../../text/console";
import { AlertIcon, CheckIcon } from "../../ui/icons";
import type { Line } from "./Chart";
import { Chart } from "./Chart";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Chip, Facts, Head, Waiting } from "./parts";

const LOOK_MS = 3_000;
const CHART_LOOK_MS = 5_000;
const MINUTES = 15;

export function Overview() {
  const { api } = useDesk();
  const { data, failure } = usePoll(api.overview, LOOK_MS);
  return (
    <>
      <Head
        title={t.pages.overview}
        lead={data === null ? undefined : t.overview.lead(data.version, duration(data.uptime_s))}
      />
      <FailureBar failure={failure} />
      {data === null ? (
        failure === null && <Waiting />
      ) : (
        <>
          <Warnings facts={data} />
          <Numbers facts={data} />
          <OverviewCharts />
          <div className="console-columns">
            <Server facts={data} />
            <Clouds facts={data} />
            <Links />
          </div>
        </>
      )}
    </>
  );
}

function Warnings({ facts }: { facts: Facts_ }) {
  const words: Record<string, string> = t.overview.warnings;
  return (
    <ul className="console-warnings" aria-label={t.overview.warningsTitle}>
      {facts.warnings.map(({ code, text }) => (
        <li key={code + text} className="banner banner-warn">
          <AlertIcon />
          <span>{words[code] ?? text}</span>
        </li>
      ))}
    </ul>
  );
}

const rate = (value: number | undefined, format: (value: number) => string) =>
  value === undefined ? t.unknown : format(value);

function Numbers({ facts }: { facts: Facts_ }) {
  const n = t.overview.numbers;
  const tiles: readonly (readonly [string, string, string | null])[] = [
    [n.participants, count(facts.participants), consoleHash("live")],
    [n.channels, count(facts.channels_live), consoleHash("live")],
    [n.rooms, count(facts.rooms_live), consoleHash("live")],
    [n.classes, count(facts.classes_live), consoleHash("live")],
    [n.publications, count(facts.publications), null],
    [n.hub, count(facts.hub_connections), null],
    [n.bitsIn, rate(facts.media.bits_in_per_s, bits), null],
    [n.bitsOut, rate(facts.media.bits_out_per_s, bits), null],
    [n.requests, rate(facts.http.requests_per_s, perSecond), consoleHash("system", "requests")],
    [n.bans, count(facts.bans), consoleHash("bans")],
  ];
  return (
    <dl className="console-tiles" aria-label={t.overview.now}>
      {tiles.map(([name, value, href]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{href === null ? value : <a href={href}>{value}</a>}</dd>
        </div>
      ))}
    </dl>
  );
}

function OverviewCharts() {
  const { api } = useDesk();
  const load = useCallback((stop: AbortSignal) => api.series(MINUTES, stop), [api]);
  const { data, failure } = usePoll(load, CHART_LOOK_MS);
  return (
    <section aria-label={t.overview.charts(MINUTES)}>
      <h2 className="console-section">{t.overview.charts(MINUTES)}</h2>
      <FailureBar failure={failure} />
      {data === null ? (
        failure === null && <Waiting />
      ) : (
        <div className="console-charts">
          {CHARTS.slice(0, 4).map((chart) => (
            <SeriesChart key={chart.title} series={data} {...chart} />
          ))}
        </div>
      )}
    </section>
  );
}

interface SeriesChartProps {
  series: Series;
  title: string;
  rows: readonly (readonly [RowName, string])[];
  format: (value: number) => string;
  base?: 10 | 1024;
}

export const CHARTS: readonly Omit<SeriesChartProps, "series">[] = [
  {
    title: t.charts.people,
    rows: [
      ["participants", t.charts.participants],
      ["connections", t.charts.connections],
    ],
    format: count,
  },
  {
    title: t.charts.media,
    rows: [
      ["bits_out", t.charts.out],
      ["bits_in", t.charts.in],
    ],
    format: bits,
  },
  { title: t.charts.cpu, rows: [["cpu_percent", t.charts.cpuLine]], format: percent },
  {
    title: t.charts.requests,
    rows: [
      ["requests", t.charts.requestsLine],
      ["errors", t.charts.errors],
    ],
    format: perSecond,
  },
  {
    title: t.charts.memory,
    rows: [["memory_bytes", t.charts.memoryLine]],
    format: bytes,
    base: 1024,
  },
  {
    title: t.charts.packets,
    rows: [
      ["packets_out", t.charts.out],
      ["packets_in", t.charts.in],
    ],
    format: perSecond,
  },
  {
    title: t.charts.messages,
    rows: [
      ["delivered", t.charts.delivered],
      ["published", t.charts.published],
    ],
    format: perSecond,
  },
];

export function SeriesChart({ series, rows, ...rest }: SeriesChartProps) {
  const lines: Line[] = rows.map(([name, label]) => ({ label, values: series.rows[name] }));
  return <Chart {...rest} lines={lines} from={series.from} stepMs={series.step_ms} />;
}

function Server({ facts }: { facts: Facts_ }) {
  const f = t.overview.facts;
  const files =
    facts.open_files === undefined
      ? t.unknown
      : facts.max_files === undefined
        ? count(facts.open_files)
        : t.overview.of(count(facts.open_files), count(facts.max_files));
  return (
    <section className="panel" aria-label={f.title}>
      <h2>{f.title}</h2>
      <Facts
        facts={[
          [f.version, facts.version],
          [f.started, dateTime(facts.started_at)],
          [f.cpu, rate(facts.cpu_percent, percent)],
          [f.load, rate(facts.load_1m, (value) => value.toFixed(2))],
          [f.memory, rate(facts.memory_bytes, bytes)],
          [f.files, files],
          [f.store, facts.store.kind === "sqlite" ? "SQLite" : "PostgreSQL"],
          [
            f.ping,
            facts.store.ping_ms === undefined ? (
              <Chip key="ping" tone="bad">
                {t.overview.noPing}
              </Chip>
            ) : (
              millis(facts.store.ping_ms)
            ),
          ],
          [f.udp, facts.media.udp_ports.join(", ")],
          [f.accounts, count(facts.accounts)],
        ]}
      />
    </section>
  );
}

const CLOUD_TONE = { ok: "good", degraded: "warn", down: "bad" } as const;

function Clouds({ facts }: { facts: Facts_ }) {
  const c = t.overview.clouds;
  return (
    <section className="panel" aria-label={c.title}>
      <h2>{c.title}</h2>
      {facts.clouds.length === 0 ? (
        <p className="console-note console-inline">
          <CheckIcon />
          {c.none}
        </p>
      ) : (
        <ul className="console-rows">
          {facts.clouds.map((cloud) => (
            <li key={cloud.part}>
              <span>
                {cloud.part}
                {cloud.last_error !== undefined && <small>{cloud.last_error}</small>}
              </span>
              <Chip tone={CLOUD_TONE[cloud.state]}>{c[cloud.state]}</Chip>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Links() {
  const l = t.overview.links;
  const links = [
    [consoleHash("api"), l.api],
    [consoleHash("system", "audit"), l.audit],
    ["/metrics", l.metrics],
    ["/readyz", l.ready],
    [testHash, l.test],
    [roomsHash, l.rooms],
    [classesHash, l.classes],
    [talkHash, l.talk],
  ] as const;
  return (
    <section className="panel" aria-label={l.title}>
      <h2>{l.title}</h2>
      <ul className="console-links">
        {links.map(([href, label]) => (
          <li key={href}>
            <a href={href}>{label}</a>
          </li>
        ))}
      </ul>
    </section>
  );
}
