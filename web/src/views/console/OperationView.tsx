import { type FormEvent, useMemo, useRef, useState } from "react";
import { TalkError } from "../../api/talk";
import { type Answer, callOf, parameterKey, sendCall } from "../../console/call";
import { count, millis } from "../../console/format";
import {
  type Document,
  example,
  fieldRows,
  limits,
  type Operation,
  type Parameter,
  resolve,
  type Schema,
  typeText,
} from "../../console/openapi";
import type { Signer } from "../../console/snippets";
import { useFocusOnMount } from "../../lib/hooks";
import { t } from "../../text/console";
import { BackIcon, SendIcon } from "../../ui/icons";
import { useDesk } from "./context";
import { Chip, Code, Field } from "./parts";
import { Snippets } from "./Snippets";

interface OperationProps {
  doc: Document;
  operation: Operation;
  signer: Signer;
  /** Where the list is, for a phone, which shows one of the two. */
  back: string;
}

/** Fields that name the caller in one of the dialects. */
const CALLER = /^(user_?id|userid|username|anchor|anchor_nick|teacher_id|teacher_nick|user_name)$/i;

/** One route: what it takes and answers, a form to try it, and the lines that do the same elsewhere. */
export function OperationView({ doc, operation, signer, back }: OperationProps) {
  const { me, token } = useDesk();
  // Picked from the list, which a phone no longer shows: reading goes on here.
  const heading = useFocusOnMount<HTMLHeadingElement>();
  const [parameters, setParameters] = useState(() => firstValues(doc, operation));
  const [body, setBody] = useState(() => firstBody(doc, operation, me.user));
  const call = useMemo(
    () => callOf(operation, { parameters, body }, location.origin, token, signer),
    [operation, parameters, body, token, signer],
  );
  return (
    <article className="operation" aria-label={operation.summary || operation.path}>
      <a className="console-back explorer-back" href={back}>
        <BackIcon />
        {t.api.routes}
      </a>
      <header>
        <h2 ref={heading} tabIndex={-1}>
          {operation.summary || operation.path}
        </h2>
        <p className="operation-path">
          <span className="route-method" data-method={operation.method}>
            {operation.method}
          </span>
          <code>{operation.path}</code>
        </p>
        {operation.description !== "" && <p className="console-note">{operation.description}</p>}
        <p className="console-note">
          {operation.signed ? t.api.signed : operation.bearer ? t.api.bearer : t.api.open}
        </p>
      </header>
      <Try {...{ doc, operation, parameters, setParameters, body, setBody, call }} />
      <Snippets call={call} />
      {operation.body !== null && (
        <Fields doc={doc} schema={operation.body.schema} title={t.api.bodyFields} />
      )}
      <Responses doc={doc} operation={operation} />
    </article>
  );
}

function firstValues(doc: Document, operation: Operation): Record<string, string> {
  const values: Record<string, string> = {};
  for (const parameter of operation.parameters) {
    const schema = resolve(doc, parameter.schema);
    const known = schema.example ?? (parameter.required ? schema.default : undefined);
    values[parameterKey(parameter)] = known === undefined ? "" : String(known);
  }
  return values;
}

function firstBody(doc: Document, operation: Operation, user: string): string {
  if (operation.body === null) return "";
  if (!operation.body.type.includes("json")) return "";
  const known = (name: string) => (CALLER.test(name) ? user : undefined);
  return JSON.stringify(example(doc, operation.body.schema, known), null, 2);
}

interface TryProps {
  doc: Document;
  operation: Operation;
  parameters: Record<string, string>;
  setParameters: (values: Record<string, string>) => void;
  body: string;
  setBody: (body: string) => void;
  call: ReturnType<typeof callOf>;
}

function Try(props: TryProps) {
  const { doc, operation, parameters, setParameters, body, setBody, call } = props;
  const [busy, setBusy] = useState(false);
  const [answer, setAnswer] = useState<Answer | "unreachable" | "insecure" | null>(null);
  const form = useRef<HTMLFormElement>(null);
  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    try {
      setAnswer(await sendCall(call));
    } catch (error) {
      const insecure = error instanceof TalkError && error.kind === "insecure";
      setAnswer(insecure ? "insecure" : "unreachable");
    }
    setBusy(false);
  }
  const needsKeys = operation.signed && (call.sign?.appkey === "" || call.sign?.secret === "");
  return (
    <section className="operation-part" aria-label={t.api.try}>
      <form ref={form} className="console-form" onSubmit={submit}>
        {operation.parameters.map((parameter) => (
          <ParameterField
            key={parameterKey(parameter)}
            doc={doc}
            parameter={parameter}
            value={parameters[parameterKey(parameter)] ?? ""}
            onChange={(value) => setParameters({ ...parameters, [parameterKey(parameter)]: value })}
          />
        ))}
        {operation.body !== null && (
          <Field label={t.api.body(operation.body.type)} {...bodyHint(operation, body)}>
            {(ids) => (
              <textarea
                {...ids}
                className="operation-body"
                rows={Math.min(14, Math.max(4, body.split("\n").length))}
                autoCapitalize="none"
                autoComplete="off"
                spellCheck={false}
                value={body}
                onChange={(event) => setBody(event.target.value)}
                onKeyDown={(event) => {
                  const send = event.key === "Enter" && (event.ctrlKey || event.metaKey);
                  if (send) form.current?.requestSubmit();
                }}
              />
            )}
          </Field>
        )}
        <div className="console-inline">
          <button type="submit" className="button button-primary" disabled={busy || needsKeys}>
            <SendIcon />
            {busy ? t.working : t.api.send}
          </button>
          <span className="console-note">{needsKeys ? t.api.keysNeeded : t.api.real}</span>
        </div>
      </form>
      <div role="status">{answer !== null && <AnswerView answer={answer} />}</div>
    </section>
  );
}

function bodyHint(operation: Operation, body: string): { hint?: string } {
  if (body === "" || !operation.body?.type.includes("json")) return {};
  try {
    JSON.parse(body);
    return {};
  } catch {
    return { hint: t.api.notJson };
  }
}

interface ParameterProps {
  doc: Document;
  parameter: Parameter;
  value: string;
  onChange: (value: string) => void;
}

function ParameterField({ doc, parameter, value, onChange }: ParameterProps) {
  const schema = resolve(doc, parameter.schema);
  const facts = [typeText(doc, parameter.schema), limits(schema)].filter((part) => part !== "");
  const hint = [parameter.description, facts.join(", ")].filter((part) => part !== "").join(" · ");
  const label = `${parameter.name} (${t.api.places[parameter.in]}${parameter.required ? "" : `, ${t.api.optional}`})`;
  return (
    <Field label={label} hint={hint}>
      {(ids) =>
        schema.enum === undefined ? (
          <input
            {...ids}
            required={parameter.required}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        ) : (
          <select {...ids} value={value} onChange={(event) => onChange(event.target.value)}>
            {!parameter.required && <option value="">{t.api.leftOut}</option>}
            {schema.enum.map((choice) => (
              <option key={String(choice)}>{String(choice)}</option>
            ))}
          </select>
        )
      }
    </Field>
  );
}

function AnswerView({ answer }: { answer: Answer | "unreachable" | "insecure" }) {
  if (answer === "unreachable") return <p className="form-alert">{t.failure.unreachable}</p>;
  if (answer === "insecure") return <p className="form-alert">{t.api.insecure}</p>;
  const { status, ms, requestId, body, size, type } = answer;
  return (
    <div className="answer" data-status={status}>
      <p className="console-inline">
        <Chip tone={status >= 500 ? "bad" : status >= 400 ? "warn" : "good"}>{status}</Chip>
        <span className="console-note">{millis(ms)}</span>
        {requestId !== null && (
          <span className="console-note">
            {t.requestId} <code>{requestId}</code>
          </span>
        )}
      </p>
      {body === null ? (
        <p className="console-note">{t.api.binary(count(size), type)}</p>
      ) : body === "" ? (
        <p className="console-note">{t.api.emptyAnswer}</p>
      ) : (
        <Code label={t.api.answer}>{body}</Code>
      )}
    </div>
  );
}

function Fields({ doc, schema, title }: { doc: Document; schema: Schema; title: string }) {
  const rows = useMemo(() => fieldRows(doc, schema), [doc, schema]);
  if (rows.length === 0) return null;
  return (
    <section className="operation-part" aria-label={title}>
      <h3 className="console-subhead">{title}</h3>
      <FieldTable rows={rows} />
    </section>
  );
}

function FieldTable({ rows }: { rows: ReturnType<typeof fieldRows> }) {
  return (
    <ul className="fields">
      {rows.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: names repeat at different depths, and the list never changes
        <li key={index} data-depth={row.depth}>
          <p>
            <code>{row.name}</code> <span className="field-type">{row.type}</span>
            {row.required && <span className="field-required">{t.api.required}</span>}
          </p>
          {row.description !== "" && <p className="console-note">{row.description}</p>}
          {row.limits !== "" && <p className="field-limits">{row.limits}</p>}
        </li>
      ))}
    </ul>
  );
}

function Responses({ doc, operation }: { doc: Document; operation: Operation }) {
  return (
    <section className="operation-part" aria-label={t.api.responses}>
      <h3 className="console-subhead">{t.api.responses}</h3>
      {operation.responses.map(({ status, description, schema }) => (
        <Response key={status} {...{ doc, status, description, schema }} />
      ))}
    </section>
  );
}

interface ResponseProps {
  doc: Document;
  status: string;
  description: string;
  schema: Schema | null;
}

function Response({ doc, status, description, schema }: ResponseProps) {
  const [open, setOpen] = useState(false);
  const rows = useMemo(() => (schema === null ? [] : fieldRows(doc, schema)), [doc, schema]);
  const head = (
    <>
      <Chip tone={status < "400" ? "good" : status < "500" ? "warn" : "bad"}>{status}</Chip>{" "}
      {description}
    </>
  );
  if (rows.length === 0) return <p className="response">{head}</p>;
  return (
    <details className="response" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{head}</summary>
      {open && <FieldTable rows={rows} />}
    </details>
  );
}
