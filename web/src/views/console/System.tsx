import { useCallback, useState } from "react";
import { usePoll } from "../../console/poll";
import { consoleHash } from "../../lib/route";
import { t } from "../../text/console";
import { AuditLog } from "./AuditLog";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { CHARTS, SeriesChart } from "./Overview";
import { Choice, Head, Waiting } from "./parts";
import { RequestLog } from "./RequestLog";

const PARTS = ["metrics", "requests", "audit"] as const;
const RANGES = [15, 60, 360] as const;
/** A new point comes every 5 s, beyond an hour every minute. */
const LOOK_MS = { 15: 5_000, 60: 10_000, 360: 30_000 } as const;

export function System({ part: asked }: { part: string | undefined }) {
  const part = PARTS.find((name) => name === asked) ?? "metrics";
  return (
    <>
      <Head title={t.pages.system}>
        <nav className="console-tabs" aria-label={t.system.parts}>
          {PARTS.map((name) => (
            <a
              key={name}
              href={name === "metrics" ? consoleHash("system") : consoleHash("system", name)}
              aria-current={name === part ? "page" : undefined}
            >
              {t.system[name]}
            </a>
          ))}
        </nav>
      </Head>
      {part === "metrics" ? <Metrics /> : part === "requests" ? <RequestLog /> : <AuditLog />}
    </>
  );
}

function Metrics() {
  const { api } = useDesk();
  const [minutes, setMinutes] = useState<(typeof RANGES)[number]>(15);
  const load = useCallback((stop: AbortSignal) => api.series(minutes, stop), [api, minutes]);
  const { data, failure } = usePoll(load, LOOK_MS[minutes]);
  return (
    <>
      <div className="console-filters">
        <Choice
          legend={t.system.range}
          value={minutes}
          onChange={setMinutes}
          options={RANGES.map((value) => ({ value, label: t.system.ranges[value] }))}
        />
      </div>
      <FailureBar failure={failure} />
      {data === null ? (
        failure === null && <Waiting />
      ) : (
        <div className="console-charts">
          {CHARTS.map((chart) => (
            <SeriesChart key={chart.title} series={data} {...chart} />
          ))}
        </div>
      )}
    </>
  );
}
