import { useEffect, useMemo, useState } from "react";
import { type Document, isDocument, type Operation, operations } from "../../console/openapi";
import type { Signer } from "../../console/snippets";
import { consoleHash } from "../../lib/route";
import { findDevPair } from "../../talk/dev-pair";
import { t } from "../../text/console";
import { OperationView } from "./OperationView";
import { Choice, Field, Head, Search, Waiting } from "./parts";

const DOCUMENTS = ["voice-room", "talk", "classroom", "hub", "console"] as const;
type DocumentName = (typeof DOCUMENTS)[number];

const NOBODY: Signer = { appkey: "", identifier: "admin", secret: "" };

interface ExplorerProps {
  document: string | undefined;
  operation: string | undefined;
}

/** The routes of the running server, from its own descriptions: to read, to try and to copy. */
export function Explorer({ document: asked, operation: key }: ExplorerProps) {
  const name = DOCUMENTS.find((known) => known === asked) ?? "voice-room";
  const doc = useDocument(name);
  const [signer, setSigner] = useState(NOBODY);
  const [search, setSearch] = useState("");
  const all = useMemo(() => (doc === null || doc === "missing" ? [] : operations(doc)), [doc]);
  const current = all.find((operation) => operation.key === key) ?? null;
  const found = all.filter((operation) => matches(operation, search));
  const signed = all.some((operation) => operation.signed);
  return (
    <>
      <Head title={t.pages.api} lead={t.api.lead} />
      <div className="console-filters">
        <Choice
          legend={t.api.document}
          value={name}
          onChange={(next: DocumentName) => {
            location.hash = consoleHash("api", next);
          }}
          options={DOCUMENTS.map((value) => ({ value, label: t.api.documents[value] }))}
        />
        <p className="console-note">
          <a href={`/openapi/${name}.json`}>{t.api.raw}</a>
        </p>
      </div>
      {signed && <Keys signer={signer} onChange={setSigner} />}
      {doc === null ? (
        <Waiting />
      ) : doc === "missing" ? (
        <p className="console-empty">{t.api.missing}</p>
      ) : (
        <div className="explorer" data-open={current !== null || undefined}>
          <div className="explorer-list">
            <Search label={t.api.search} value={search} onChange={setSearch} />
            <Routes document={name} found={found} current={current} />
          </div>
          {current === null ? (
            <p className="console-empty explorer-none">{t.api.pick}</p>
          ) : (
            <OperationView
              key={`${name} ${current.key}`}
              doc={doc}
              operation={current}
              signer={signer}
              back={consoleHash("api", name)}
            />
          )}
        </div>
      )}
    </>
  );
}

function matches(operation: Operation, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/);
  const text = `${operation.method} ${operation.path} ${operation.summary}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Null while it is on its way. */
function useDocument(name: DocumentName): Document | "missing" | null {
  const [loaded, setLoaded] = useState<{ name: string; doc: Document | "missing" } | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const took = (doc: unknown) => {
      if (!stop.signal.aborted) setLoaded({ name, doc: isDocument(doc) ? doc : "missing" });
    };
    fetch(`/openapi/${name}.json`, { signal: stop.signal })
      .then((response) => (response.ok ? response.json() : null))
      .then(took, () => took(null));
    return () => stop.abort();
  }, [name]);
  return loaded?.name === name ? loaded.doc : null;
}

interface RoutesProps {
  document: string;
  found: readonly Operation[];
  current: Operation | null;
}

function Routes({ document, found, current }: RoutesProps) {
  if (found.length === 0) return <p className="console-empty">{t.api.noMatch}</p>;
  const tags = [...new Set(found.map(({ tag }) => tag))];
  return (
    <nav aria-label={t.api.routes}>
      {tags.map((tag) => (
        <section key={tag} aria-label={tag}>
          <h2 className="console-subhead">{tag}</h2>
          <ul className="routes">
            {found
              .filter((operation) => operation.tag === tag)
              .map((operation) => (
                <li key={operation.key}>
                  <a
                    href={consoleHash("api", document, operation.key)}
                    aria-current={operation === current ? "true" : undefined}
                  >
                    <span className="route-method" data-method={operation.method}>
                      {operation.method}
                    </span>
                    <span className="route-path">{operation.path}</span>
                    <small>{operation.summary}</small>
                  </a>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

interface KeysProps {
  signer: Signer;
  onChange: (signer: Signer) => void;
}

/** What Talk's commands are signed with. Kept in memory only: gone when this page is left. */
function Keys({ signer, onChange }: KeysProps) {
  useEffect(() => {
    if (signer.appkey !== "" || signer.secret !== "") return;
    let current = true;
    void findDevPair().then((pair) => {
      if (current && pair !== null) onChange({ ...NOBODY, ...pair });
    });
    return () => {
      current = false;
    };
  }, [signer, onChange]);
  const field = (name: keyof Signer, label: string, type: "text" | "password") => (
    <Field label={label}>
      {(ids) => (
        <input
          {...ids}
          type={type}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={256}
          value={signer[name]}
          onChange={(event) => onChange({ ...signer, [name]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <section className="panel explorer-keys" aria-label={t.api.keys}>
      <h2>{t.api.keys}</h2>
      <p className="console-note">{t.api.keysHint}</p>
      <form className="console-filters" onSubmit={(event) => event.preventDefault()}>
        {field("appkey", t.api.appkey, "text")}
        {field("secret", t.api.secret, "password")}
        {field("identifier", t.api.identifier, "text")}
      </form>
    </section>
  );
}
