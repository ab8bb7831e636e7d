import { useEffect, useState } from "react";

/** How long it is said that something was copied. */
const SAID_MS = 2_500;

/** Puts text on the clipboard. Null where the browser does not let pages write to it (insecure contexts). */
export function useCopy(): { copied: boolean; copy: (text: string) => Promise<void> } | null {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SAID_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  if (!window.isSecureContext) return null;
  return {
    copied,
    async copy(text) {
      try {
        await navigator.clipboard.writeText(text);
        setCopied(true);
      } catch {
        // Refused by the browser: what is to be copied can still be selected.
      }
    },
  };
}
