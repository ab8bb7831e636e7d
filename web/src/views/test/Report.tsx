import { useEffect, useId, useState } from "react";
import type { Findings } from "../../test-connection/findings";
import { reportOf } from "../../test-connection/report";
import { words } from "../../text/test";
import { CheckIcon, LinkIcon } from "../../ui/icons";

interface ReportProps {
  findings: Findings;
  startedAt: number;
}

/** The report as text: to be copied with the button, or by hand where pages may not write to the clipboard. */
export function Report({ findings, startedAt }: ReportProps) {
  const [copied, setCopied] = useState(false);
  const id = useId();
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_500);
    return () => clearTimeout(timer);
  }, [copied]);
  const place = {
    page: location.href,
    browser: navigator.userAgent,
    secure: window.isSecureContext,
    startedAt,
  };
  const report = reportOf(findings, place, words);
  async function copy() {
    try {
      await navigator.clipboard.writeText(report);
      setCopied(true);
    } catch {
      // Refused by the browser: the text below can be marked and copied.
    }
  }
  return (
    <section className="panel test-report" aria-labelledby={id}>
      <div className="test-report-head">
        <h2 id={id}>{words.report.title}</h2>
        {window.isSecureContext && (
          <button type="button" className="button" onClick={() => void copy()}>
            {copied ? <CheckIcon /> : <LinkIcon />}
            <span role="status">{copied ? words.report.copied : words.report.copy}</span>
          </button>
        )}
      </div>
      <p className="test-facts">{words.report.hint}</p>
      <textarea
        readOnly
        aria-labelledby={id}
        spellCheck={false}
        rows={report.split("\n").length}
        value={report}
      />
    </section>
  );
}
