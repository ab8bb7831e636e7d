import { text } from "../text";
import { CheckIcon, LinkIcon } from "./icons";
import { useCopy } from "./useCopy";

/** Shown where the browser lets pages write to the clipboard (secure contexts). */
export function CopyLink() {
  const clipboard = useCopy();
  if (clipboard === null) return null;
  const { copied, copy } = clipboard;
  return (
    <button
      type="button"
      className="button button-quiet"
      onClick={() => copy(location.href)}
      aria-label={text.room.copyLink}
    >
      {copied ? <CheckIcon /> : <LinkIcon />}
      <span className="wide-only">{copied ? text.room.copied : text.room.copyLink}</span>
      <span className="visually-hidden" role="status">
        {copied ? text.room.copied : ""}
      </span>
    </button>
  );
}
