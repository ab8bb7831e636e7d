import { useEffect, useRef } from "react";
import type { Verdict } from "../../test-connection/advice";
import { words } from "../../text/test";
import { StatusMark } from "./StatusMark";

const MARKS = { ready: "good", limited: "fair", broken: "bad", incomplete: "unknown" } as const;

interface VerdictCardProps {
  verdict: Verdict;
  onAgain: () => void;
}

export function VerdictCard({ verdict, onAgain }: VerdictCardProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  // The button that was pressed is gone: keyboard and screen reader go on here.
  useEffect(() => heading.current?.focus(), []);
  const { title, text } = words.verdict[verdict];
  return (
    <section className="panel test-verdict" data-status={MARKS[verdict]} aria-label={title}>
      <StatusMark status={MARKS[verdict]} />
      <div>
        <h2 ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <p>{text}</p>
      </div>
      <button type="button" className="button" onClick={onAgain}>
        {words.again}
      </button>
    </section>
  );
}
