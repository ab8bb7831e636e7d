import { type FormEvent, useId, useState } from "react";
import { canShow } from "../../board/courseware";
import type { Desk } from "../../class/desk";
import { type Courseware, safeUrl } from "../../class/documents";
import { sizeText, type Uploads } from "../../class/uploads";
import { words as boardWords } from "../../text/board";
import { words } from "../../text/class";
import { Confirm, Dialog } from "../../ui/Dialog";
import { BoardIcon, BookIcon, TrashIcon } from "../../ui/icons";
import { UploadArea } from "./UploadArea";

const say = words.courseware;

interface CoursewareListProps {
  documents: readonly Courseware[];
  /** Null: only to be looked at. */
  edit: { desk: Desk; uploads: Uploads } | null;
  /** Puts a document on the whiteboard. Null: there is none, or no right to. */
  onPut: ((document: Courseware) => void) | null;
}

export function CoursewareList({ documents, edit, onPut }: CoursewareListProps) {
  const [picture, setPicture] = useState<Courseware | null>(null);
  const list = (
    <>
      {documents.length === 0 && <p className="panel-empty">{say.none}</p>}
      <ul className="class-documents">
        {documents.map((document) => (
          <li key={document.id} data-document={document.name}>
            <BookIcon />
            <Title document={document} onPicture={() => setPicture(document)} />
            {onPut !== null && canShow(document) && (
              <button
                type="button"
                className="icon-button"
                aria-label={boardWords.put(document.name)}
                title={boardWords.put(document.name)}
                onClick={() => onPut(document)}
              >
                <BoardIcon />
              </button>
            )}
            {edit !== null && <Remove document={document} desk={edit.desk} />}
          </li>
        ))}
      </ul>
    </>
  );
  return (
    <section>
      {edit === null ? (
        list
      ) : (
        <>
          <UploadArea uploads={edit.uploads}>{list}</UploadArea>
          <AddDocument desk={edit.desk} />
        </>
      )}
      {picture !== null && <PictureDialog picture={picture} onClose={() => setPicture(null)} />}
    </section>
  );
}

/** Pictures open here, papers are downloaded, what is elsewhere opens in a tab of its own. */
function Title({ document, onPicture }: { document: Courseware; onPicture: () => void }) {
  const { name, url, file } = document;
  if (url === null) {
    return (
      <span className="class-document">
        {name}
        <small>{say.noUrl}</small>
      </span>
    );
  }
  if (file?.type.startsWith("image/")) {
    return (
      <button
        type="button"
        className="class-document"
        aria-label={say.open(name)}
        onClick={onPicture}
      >
        {name}
        <small>{sizeText(file.size)}</small>
      </button>
    );
  }
  if (file !== null) {
    return (
      <a className="class-document" href={url} download={name} aria-label={say.download(name)}>
        {name}
        <small>{sizeText(file.size)}</small>
      </a>
    );
  }
  return (
    <a className="class-document" href={url} target="_blank" rel="noopener noreferrer">
      {name}
      <small>{new URL(url).host}</small>
      <span className="visually-hidden">({say.newTab})</span>
    </a>
  );
}

function PictureDialog({ picture, onClose }: { picture: Courseware; onClose: () => void }) {
  const { name, url } = picture;
  if (url === null) return null;
  return (
    <Dialog title={name} onClose={onClose}>
      <img className="class-picture" src={url} alt={name} />
      <div className="dialog-actions">
        <a className="button" href={url} download={name}>
          {say.download(name)}
        </a>
        <button type="button" className="button button-primary" onClick={onClose}>
          {say.close}
        </button>
      </div>
    </Dialog>
  );
}

/** An uploaded file is gone for good: asked first. A link is added again in a moment. */
function Remove({ document, desk }: { document: Courseware; desk: Desk }) {
  const [asking, setAsking] = useState(false);
  const { id, name, file } = document;
  const remove = () => void desk.deleteDocument(id);
  return (
    <>
      <button
        type="button"
        className="icon-button"
        aria-label={say.remove(name)}
        title={say.remove(name)}
        onClick={file === null ? remove : () => setAsking(true)}
      >
        <TrashIcon />
      </button>
      {asking && (
        <Confirm
          title={say.removeTitle(name)}
          body={say.removeText}
          action={say.removeYes}
          danger
          onConfirm={remove}
          onClose={() => setAsking(false)}
        />
      )}
    </>
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
      <h3>{say.link}</h3>
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
