import type { TestTexts } from "../text/test-en";
import { advise, verdict } from "./advice";
import type { CheckId, Findings, PathFinding, Quality } from "./findings";

/** The figures behind a finding, short; shown beside it and in the report. */
export function factsOf(check: CheckId, findings: Findings, t: TestTexts): string[] {
  const { facts } = t;
  switch (check) {
    case "microphone": {
      const found = findings.microphone;
      return found?.kind === "open" ? [found.label].filter((label) => label !== "") : [];
    }
    case "camera": {
      const found = findings.camera;
      if (found === undefined || found.kind === "failed") return [];
      const picture = found.kind === "open" ? [facts.picture(found.width, found.height)] : [];
      return [found.label, ...picture].filter((fact) => fact !== "");
    }
    case "websocket": {
      const found = findings.websocket;
      return found?.kind === "open" ? [facts.socket(found.openMs, found.answerMs)] : [];
    }
    case "udp":
    case "tcp":
      return pathFacts(findings[check], t);
    case "quality": {
      const found = findings.quality;
      return found?.kind === "measured" ? qualityFacts(found.quality, t) : [];
    }
  }
}

function pathFacts(found: PathFinding | undefined, { facts }: TestTexts): string[] {
  if (found?.kind !== "connected") return [];
  const server = found.server === "" ? [] : [facts.server(found.server)];
  return [facts.path(found.connectMs), ...server];
}

function qualityFacts(q: Quality, { facts }: TestTexts): string[] {
  return [
    ...(q.roundTripMs === null ? [] : [facts.roundTrip(q.roundTripMs)]),
    ...(q.messageMs === null ? [] : [facts.message(q.messageMs)]),
    facts.jitter(q.jitterMs),
    facts.loss(q.loss),
    ...(q.lossUp === null || q.loss === 0 ? [] : [facts.lossUp(q.lossUp)]),
    facts.packets(q.packets),
    facts.over(q.protocol.toUpperCase()),
  ];
}

/** Where the test was made, as far as it helps; nobody's name. */
export interface Place {
  page: string;
  browser: string;
  secure: boolean;
  startedAt: number;
}

/** All of it as plain text, to be sent to somebody who helps. */
export function reportOf(findings: Findings, place: Place, t: TestTexts): string {
  const { report } = t;
  const all = advise(findings);
  const lines = [
    report.heading,
    `${report.time}: ${new Date(place.startedAt).toISOString()}`,
    `${report.page}: ${place.page}`,
    `${report.browser}: ${place.browser}`,
    `${report.secure}: ${place.secure ? report.yes : report.no}`,
    `${report.result}: ${t.verdict[verdict(all)].title}`,
    "",
  ];
  for (const { check, grade, kind } of all) {
    const { says, do: todo } = t.advice[kind];
    lines.push(`[${t.status[grade]}] ${t.check[check].name}: ${says}`);
    const facts = factsOf(check, findings, t);
    if (facts.length > 0) lines.push(`    ${facts.join(" · ")}`);
    if (todo !== "") lines.push(`    → ${todo}`);
  }
  return lines.join("\n");
}
