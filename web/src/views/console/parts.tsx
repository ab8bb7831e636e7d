import { type ReactNode, useId } from "react";
import { count, dateTime, when } from "../../console/format";
import { PAGE_SIZE } from "../../console/paging";
import type { Page } from "../../console/types";
import { useFocusOnMount, useTitle } from "../../lib/hooks";
import { useRowFocus } from "../../lib/row-focus";
import { text } from "../../text";
import { t } from "../../text/console";
import { BeforeIcon, NextIcon } from "../../ui/icons";

interface HeadProps {
  title: string;
  lead?: ReactNode;
  /** Above the title: the way back. */
  above?: ReactNode;
  children?: ReactNode;
}

/** The head of a page; the focus starts at its title. */
export function Head({ title, lead, above, children }: HeadProps) {
  useTitle(`${title} · ${t.title} · ${text.product}`);
  const heading = useFocusOnMount<HTMLHeadingElement>();
  return (
    <header className="console-head">
      <div>
        {above}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {lead !== undefined && <p className="console-note">{lead}</p>}
      </div>
      {children !== undefined && <div className="console-actions">{children}</div>}
    </header>
  );
}

export interface Column<T> {
  label: string;
  cell: (row: T) => ReactNode;
  /** Figures stand right. */
  figure?: boolean;
  /** On a phone it takes the width of the card. */
  wide?: boolean;
  /** Its heading is for screen readers only. */
  quiet?: boolean;
}

interface TableProps<T> {
  caption: string;
  columns: readonly Column<T>[];
  rows: readonly T[] | null;
  rowKey: (row: T, index: number) => string;
  /** Instead of a table without rows. */
  empty: string;
}

/** A table; on a phone every row is a card whose cells carry their headings. */
export function Table<T>({ caption, columns, rows, rowKey, empty }: TableProps<T>) {
  const frame = useRowFocus<HTMLDivElement>("tbody > tr");
  if (rows === null) return <Waiting />;
  if (rows.length === 0) {
    return (
      <div ref={frame} tabIndex={-1} className="console-empty">
        {empty}
      </div>
    );
  }
  return (
    <div ref={frame} className="console-table-frame">
      <table className="console-table">
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ label, figure, quiet }) => (
              <th key={label} scope="col" data-figure={figure || undefined}>
                {quiet ? <span className="visually-hidden">{label}</span> : label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={rowKey(row, index)}>
              {columns.map(({ label, cell, figure, quiet, wide }) => (
                <td
                  key={label}
                  data-label={quiet ? undefined : label}
                  data-figure={figure || undefined}
                  data-wide={wide || undefined}
                >
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Waiting() {
  return (
    <p className="console-empty" role="status">
      <span className="spinner" aria-hidden="true" /> {t.asking}
    </p>
  );
}

interface PagerProps {
  page: Page<unknown> | null;
  offset: number;
  onOffset: (offset: number) => void;
}

/** Where in a long list one is, and the way on. */
export function Pager({ page, offset, onOffset }: PagerProps) {
  if (page === null || page.total === 0) return null;
  const last = Math.min(offset + page.items.length, page.total);
  return (
    <nav className="console-pager" aria-label={t.pager.label}>
      <span aria-live="polite">
        {t.pager.range(count(Math.min(offset + 1, page.total)), count(last), count(page.total))}
      </span>
      {page.total > PAGE_SIZE && (
        <>
          <button
            type="button"
            className="icon-button"
            aria-label={t.pager.before}
            disabled={offset === 0}
            onClick={() => onOffset(Math.max(0, offset - PAGE_SIZE))}
          >
            <BeforeIcon />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label={t.pager.next}
            disabled={last >= page.total}
            onClick={() => onOffset(offset + PAGE_SIZE)}
          >
            <NextIcon />
          </button>
        </>
      )}
    </nav>
  );
}

interface FieldProps {
  label: string;
  hint?: string;
  children: (ids: { id: string; "aria-describedby"?: string }) => ReactNode;
}

export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div className="console-field">
      <label htmlFor={id}>{label}</label>
      {children(hint === undefined ? { id } : { id, "aria-describedby": `${id}-hint` })}
      {hint !== undefined && (
        <small className="console-note" id={`${id}-hint`}>
          {hint}
        </small>
      )}
    </div>
  );
}

interface SearchProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

export function Search({ label, value, onChange }: SearchProps) {
  return (
    <Field label={label}>
      {(ids) => (
        <input
          {...ids}
          type="search"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={256}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

interface ChoiceProps<T extends string | number> {
  legend: string;
  options: readonly { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
}

/** A few choices side by side, one of which holds. */
export function Choice<T extends string | number>(props: ChoiceProps<T>) {
  const { legend, options, value, onChange } = props;
  const name = useId();
  return (
    <fieldset className="console-choice">
      <legend>{legend}</legend>
      <div>
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={name}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** An instant, short; all of it when pointed at. */
export function Time({ at }: { at: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={dateTime(at)}>
      {when(at)}
    </time>
  );
}

type Tone = "good" | "warn" | "bad" | "plain";

export function Chip({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className="console-chip" data-tone={tone}>
      {children}
    </span>
  );
}

export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="console-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface CodeProps {
  label: string;
  children: string;
}

/** Text as it is; scrolls within itself. */
export function Code({ label, children }: CodeProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
    <section className="code" tabIndex={0} aria-label={label}>
      <pre>{children}</pre>
    </section>
  );
}
