import { useId, useRef, useState } from "react";
import { text } from "../../text";
import { Dialog } from "../../ui/Dialog";
import { CheckIcon, LinkIcon } from "../../ui/icons";
import { ShareIcon } from "../../ui/shell-icons";

const say = text.share;

interface ShareProps {
  title: string;
  code: number;
  onClose: () => void;
}

/** The way into this room for others: a link, or the number to search for. */
export function ShareDialog({ title, code, onClose }: ShareProps) {
  const [copied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const link = location.href;

  async function copy() {
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      // Outside secure contexts, or refused: the old way, with what is selected.
      field.current?.select();
      if (!document.execCommand("copy")) return;
    }
    setCopied(true);
  }

  return (
    <Dialog title={say.title} onClose={onClose} plain>
      <p className="dialog-text">{say.text}</p>
      <div className="form">
        <label htmlFor={id}>{say.link}</label>
        <input
          id={id}
          ref={field}
          readOnly
          value={link}
          onFocus={(event) => event.target.select()}
        />
      </div>
      <p className="share-code">
        {say.number} <strong>{code}</strong>
      </p>
      <div className="dialog-actions">
        {typeof navigator.share === "function" && (
          <button
            type="button"
            className="button"
            onClick={() => navigator.share({ title, url: link }).catch(() => undefined)}
          >
            <ShareIcon />
            {say.send}
          </button>
        )}
        <button type="button" className="button button-primary" onClick={copy}>
          {copied ? <CheckIcon /> : <LinkIcon />}
          {copied ? say.copied : say.copy}
        </button>
      </div>
      <span className="visually-hidden" role="status">
        {copied ? say.copied : ""}
      </span>
    </Dialog>
  );
}
