import {
  GlobalWorkerOptions,
  getDocument,
  type PDFDocumentProxy,
} from "pdfjs-dist/legacy/build/pdf.mjs";
import PdfWorker from "pdfjs-dist/legacy/build/pdf.worker.min.mjs?worker";

/** Of the longer side, in pixels: more than twice a sheet, so that it is sharp on dense screens and when looked at closely. */
const PIXELS = 2_400;
/** Documents kept open: the one on the board, and the one before it. */
const OPEN = 2;

const ASSETS = `${location.origin}/assets/pdfjs/`;

const open = new Map<string, Promise<PDFDocumentProxy>>();

export function openPdf(url: string): Promise<PDFDocumentProxy> {
  const known = open.get(url);
  if (known !== undefined) return known;
  GlobalWorkerOptions.workerPort ??= new PdfWorker();
  const loading = getDocument({
    url,
    cMapUrl: `${ASSETS}cmaps/`,
    cMapPacked: true,
    standardFontDataUrl: `${ASSETS}standard_fonts/`,
    wasmUrl: `${ASSETS}wasm/`,
    // The content security policy has no place for either; there is plain code for both.
    useWasm: false,
    isEvalSupported: false,
  }).promise;
  open.set(url, loading);
  // Another try may do better.
  loading.catch(() => open.delete(url));
  for (const [other, document] of open) {
    if (open.size <= OPEN) break;
    open.delete(other);
    document.then((it) => it.loadingTask.destroy()).catch(() => {});
  }
  return loading;
}

/** A page, from 1. Null: there is no such page. */
export async function drawPage(url: string, number: number): Promise<HTMLCanvasElement | null> {
  const pdf = await openPdf(url);
  if (number > pdf.numPages) return null;
  const page = await pdf.getPage(number);
  const { width, height } = page.getViewport({ scale: 1 });
  const viewport = page.getViewport({ scale: PIXELS / Math.max(width, height) });
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(viewport.width);
  canvas.height = Math.ceil(viewport.height);
  await page.render({ canvas, viewport }).promise;
  page.cleanup();
  return canvas;
}
