import { type DragEvent, type ReactNode, useRef, useState, useSyncExternalStore } from "react";
import { sizeText, TYPES, type Upload, type Uploads } from "../../class/uploads";
import { words } from "../../text/class";
import { CloseIcon, PlusIcon } from "../../ui/icons";

const say = words.courseware;
/** What the server takes unless its operator chose otherwise; only told, the server decides. */
const USUAL_MAX = 32 * 1_048_576;

/** Takes files that are dropped on it or chosen, and shows how far they are. */
export function UploadArea({ uploads, children }: { uploads: Uploads; children: ReactNode }) {
  const list = useSyncExternalStore(uploads.subscribe, uploads.snapshot);
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  function drag(event: DragEvent) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    setOver(true);
  }
  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    uploads.add(event.dataTransfer.files);
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button inside does the same for the keyboard
    <div
      className="class-drop"
      data-over={over || undefined}
      onDragEnter={drag}
      onDragOver={drag}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={drop}
    >
      {children}
      {list.length > 0 && (
        <ul className="class-uploads" aria-label={say.uploads}>
          {list.map((upload) => (
            <Line key={upload.key} upload={upload} uploads={uploads} />
          ))}
        </ul>
      )}
      <input
        ref={input}
        type="file"
        multiple
        accept={TYPES.join(",")}
        className="visually-hidden"
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => {
          uploads.add(event.target.files ?? []);
          // The same file may be chosen again.
          event.target.value = "";
        }}
      />
      <button type="button" className="button" onClick={() => input.current?.click()}>
        <PlusIcon />
        {say.upload}
      </button>
      <p className="class-note">{over ? say.drop : say.uploadHint(sizeText(USUAL_MAX))}</p>
    </div>
  );
}

function Line({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const { key, name, size, sent, state, problem } = upload;
  return (
    <li className="class-upload" data-upload={name} data-state={state}>
      <span className="class-upload-text">
        <span className="class-upload-name">{name}</span>
        <small role={problem === null ? undefined : "alert"}>
          {problem !== null
            ? say.problem[problem]
            : state === "waiting"
              ? say.waiting
              : `${sizeText(sent)} / ${sizeText(size)}`}
        </small>
        {state === "sending" && (
          <progress aria-label={say.progress(name)} value={sent} max={Math.max(1, size)} />
        )}
      </span>
      {state === "failed" && problem !== "type" && problem !== "empty" && (
        <button
          type="button"
          className="button button-small"
          aria-label={say.againName(name)}
          onClick={() => uploads.again(key)}
        >
          {say.again}
        </button>
      )}
      <button
        type="button"
        className="icon-button"
        aria-label={say.cancel(name)}
        title={say.cancel(name)}
        onClick={() => uploads.remove(key)}
      >
        <CloseIcon />
      </button>
    </li>
  );
}
