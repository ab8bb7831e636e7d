import type { WireDocument } from "../api/classroom";

/** A piece of courseware: a name and where it is. */
export interface Courseware {
  id: string;
  name: string;
  /** Null: no address, or one that must not be followed. */
  url: string | null;
  /** Of a file that was uploaded here; null for addresses elsewhere. */
  file: { type: string; size: number } | null;
}

/** What this page keeps in a document's free text. */
export function toData(name: string, url: string): string {
  return JSON.stringify({ name, url });
}

/** Other clients keep other things there: what cannot be read is shown by its id. */
export function fromWire(document: WireDocument): Courseware {
  let value: unknown;
  try {
    value = JSON.parse(document.docInfos);
  } catch {
    value = null;
  }
  const text = (key: string): string => {
    const found = field(value, key);
    return typeof found === "string" ? found : "";
  };
  const name = text("name") || text("docName") || text("title") || document.docId;
  const size = field(value, "size");
  const uploaded = document.serverType === "stoa" && typeof size === "number";
  const file = uploaded ? { type: text("type"), size } : null;
  return { id: document.docId, name, url: safeUrl(text("url")), file };
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Record<string, unknown>)[key];
}

/** Links come from other people: nothing but web addresses is followed. */
export function safeUrl(text: string): string | null {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}
