import { type FormEvent, useId, useState } from "react";
import type { Desk } from "../../class/desk";
import { type Courseware, safeUrl } from "../../class/documents";
import { words } from "../../text/class";
import { BookIcon, TrashIcon } from "../../ui/icons";

const say = words.courseware;

interface CoursewareListProps {
  documents: readonly Courseware[];
  /** Null: only to be looked at. */
  desk: Desk | null;
}

export function CoursewareList({ documents, desk }: CoursewareListProps) {
  return (
    <section>
      {documents.length === 0 && <p className="panel-empty">{say.none}</p>}
      <ul className="class-documents">
        {documents.map(({ id, name, url }) => (
          <li key={id} data-document={name}>
            <BookIcon />
            {url === null ? (
              <span className="class-document">
                {name}
                <small>{say.noUrl}</small>
              </span>
            ) : (
              <a className="class-document" href={url} target="_blank" rel="noopener noreferrer">
                {name}
                <small>{new URL(url).host}</small>
                <span className="visually-hidden">({say.newTab})</span>
              </a>
            )}
            {desk !== null && (
              <button
                type="button"
                className="icon-button"
                aria-label={say.remove(name)}
                title={say.remove(name)}
                onClick={() => void desk.deleteDocument(id)}
              >
                <TrashIcon />
              </button>
            )}
          </li>
        ))}
      </ul>
      {desk !== null && <AddDocument desk={desk} />}
    </section>
  );
}

function AddDocument({ desk }: { desk: Desk }) {
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [bad, setBad] = useState(false);
  const [busy, setBusy] = useState(false);
  const ids = useId();

  async function submit(event: FormEvent) {
    event.preventDefault();
    const address = safeUrl(url.trim());
    setBad(address === null);
    if (busy || address === null) return;
    setBusy(true);
    if (await desk.addDocument(name.trim(), address)) {
      setName("");
      setUrl("");
    }
    setBusy(false);
  }

  return (
    <form className="form class-form" onSubmit={submit} noValidate>
      <label htmlFor={`${ids}-name`}>{say.name}</label>
      <input
        id={`${ids}-name`}
        autoComplete="off"
        maxLength={200}
        placeholder={say.namePlaceholder}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <label htmlFor={`${ids}-url`}>{say.url}</label>
      <input
        id={`${ids}-url`}
        type="url"
        inputMode="url"
        autoComplete="off"
        maxLength={2_000}
        placeholder={say.urlPlaceholder}
        aria-invalid={bad}
        aria-describedby={`${ids}-bad`}
        value={url}
        onChange={(event) => setUrl(event.target.value)}
      />
      <div className="form-alert" role="alert" id={`${ids}-bad`}>
        {bad && say.badUrl}
      </div>
      <button
        type="submit"
        className="button"
        disabled={busy || name.trim() === "" || url.trim() === ""}
      >
        {busy ? say.adding : say.add}
      </button>
    </form>
  );
}
