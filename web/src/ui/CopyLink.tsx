import { useEffect, useState } from "react";
import { text } from "../text";
import { CheckIcon, LinkIcon } from "./icons";

/** Shown where the browser lets pages write to the clipboard (secure contexts). */
export function CopyLink() {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_500);
    return () => clearTimeout(timer);
  }, [copied]);
  if (!window.isSecureContext) return null;
  async function copy() {
    try {
      await navigator.clipboard.writeText(location.href);
      setCopied(true);
    } catch {
      // Refused by the browser: the address bar still holds the same link.
    }
  }
  return (
    <button
      type="button"
      className="button button-quiet"
      onClick={copy}
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
