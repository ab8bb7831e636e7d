import type { Courseware } from "../class/documents";
import { backgroundSize, type Size } from "./view";

/** What it takes to show one. */
type Shown = Pick<Courseware, "name" | "url">;

/** Pictures that every browser shows. */
const PICTURES = /\.(png|jpe?g|webp|gif|svg|avif)$/i;

/** Whether the page may show it at all: its rules let in nothing from elsewhere. */
export function canShow({ url }: Shown): boolean {
  return url !== null && new URL(url, location.href).origin === location.origin;
}

type Kind = "pdf" | "picture";

/** By its name, or by what the server says. Null: neither. */
export async function kindOf({ name, url }: Shown): Promise<Kind | null> {
  if (url === null) return null;
  for (const text of [new URL(url, location.href).pathname, name]) {
    if (/\.pdf$/i.test(text)) return "pdf";
    if (PICTURES.test(text)) return "picture";
  }
  const { headers } = await fetch(url, { method: "HEAD" });
  const type = headers.get("content-type") ?? "";
  if (type.startsWith("application/pdf")) return "pdf";
  return type.startsWith("image/") ? "picture" : null;
}

/** How many sheets it takes; 0 = it cannot be shown. */
export async function pagesOf(document: Shown): Promise<number> {
  if (document.url === null || !canShow(document)) return 0;
  const kind = await kindOf(document);
  if (kind !== "pdf") return kind === null ? 0 : 1;
  const { openPdf } = await import("./pdf");
  return (await openPdf(document.url)).numPages;
}

export interface Picture {
  element: HTMLElement;
  size: Size;
}

/** A page of it, to be put behind what is drawn. Null: it has no such page, or cannot be shown. */
export async function pictureOf(document: Shown, page: number): Promise<Picture | null> {
  if (document.url === null || !canShow(document)) return null;
  const kind = await kindOf(document);
  if (kind === "pdf") {
    const { drawPage } = await import("./pdf");
    const canvas = await drawPage(document.url, page);
    return canvas === null ? null : { element: canvas, size: backgroundSize(canvas) };
  }
  if (kind === null || page !== 1) return null;
  const image = new Image();
  image.src = document.url;
  await image.decode();
  const natural = { width: image.naturalWidth || 1, height: image.naturalHeight || 1 };
  return { element: image, size: backgroundSize(natural) };
}
