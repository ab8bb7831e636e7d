import * as Y from "yjs";
import { type Header, readElement, readHeader, type SceneElement } from "./element";

/** A page of a piece of courseware, behind what is drawn. */
export interface Background {
  /** The document of the class. */
  doc: string;
  /** From 1, as pages of documents are counted. */
  page: number;
}

/** One sheet of the board. Without any in the document there is one, the first. */
export interface Page {
  id: string;
  title: string;
  background: Background | null;
  /** Its place in the document, which what is drawn on it names. */
  at: number;
}

export interface BoardView {
  /** Those that were not taken away: one at least. */
  pages: readonly Page[];
  /** Which of them everybody is shown, from 0. */
  shown: number;
}

/** A board is not a book: pages beyond it are not offered. */
export const MAX_PAGES = 200;

/** What was erased is kept this long, so that it can be brought back; then it makes room. */
const KEPT_MS = 60 * 60_000;
/** Of JSON, in one change: far below what the server takes at once, whatever the encoding makes of it. */
const BATCH = 256 * 1024;
/** Of JSON, of one element. A stroke of minutes has a tenth of it. */
const LARGEST = 512 * 1024;

/** The content of a whiteboard as this page reads and writes it. Sending it anywhere is not its business. */
export class BoardDocument {
  readonly doc = new Y.Doc();
  private readonly pages = this.doc.getArray<Y.Map<unknown>>("pages");
  private readonly elements = this.doc.getMap<unknown>("elements");
  private readonly view = this.doc.getMap<unknown>("view");
  private readonly origin = {};
  private readonly watchers = new Set<() => void>();
  /** By the stored value itself: what is written anew is another one. */
  private readonly headers = new WeakMap<object, Header | null>();
  private current: BoardView;

  constructor() {
    this.current = this.read();
    const changed = () => {
      this.current = this.read();
      for (const watcher of this.watchers) watcher();
    };
    this.pages.observeDeep(changed);
    this.view.observe(changed);
  }

  readonly snapshot = (): BoardView => this.current;

  /** Told when pages change, or another one is turned to. */
  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** Told when somebody else changes what is drawn. */
  onDrawn(watcher: () => void): () => void {
    const tell = (_: unknown, { origin }: Y.Transaction) => {
      if (origin !== this.origin) watcher();
    };
    this.elements.observe(tell);
    return () => this.elements.unobserve(tell);
  }

  /** What is known of an element; undefined = the document does not have it, null = it cannot be shown. */
  header(id: string): Header | null | undefined {
    const value = this.elements.get(id);
    return value === undefined ? undefined : this.headerOf(value);
  }

  element(id: string): SceneElement | null {
    return readElement(id, this.elements.get(id));
  }

  /** Everything on a sheet, in no order; erased things too. */
  on(page: number): Map<string, Header> {
    const found = new Map<string, Header>();
    for (const [id, value] of this.elements.entries()) {
      const header = this.headerOf(value);
      if (header !== null && header.page === page) found.set(id, header);
    }
    return found;
  }

  /** Writes elements as they are, onto a sheet; answers those that are too large for it. */
  put(elements: readonly SceneElement[], page: number): string[] {
    const refused: string[] = [];
    let batch: [string, unknown][] = [];
    let size = 0;
    const write = () => {
      const now = batch;
      batch = [];
      size = 0;
      this.doc.transact(() => {
        for (const [id, value] of now) this.elements.set(id, value);
      }, this.origin);
    };
    for (const element of elements) {
      // A copy, too: the drawing library changes its elements in place.
      const json = JSON.stringify({ ...element, page });
      if (json.length > LARGEST) {
        refused.push(element.id);
        continue;
      }
      if (size > 0 && size + json.length > BATCH) write();
      batch.push([element.id, JSON.parse(json)]);
      size += json.length;
    }
    if (batch.length > 0) write();
    return refused;
  }

  /** Lets go of what was erased long ago. */
  sweep(now: number): void {
    const gone = [...this.elements.entries()].flatMap(([id, value]) => {
      const header = this.headerOf(value);
      return header?.isDeleted && header.updated < now - KEPT_MS ? [id] : [];
    });
    this.forget(gone);
  }

  /** Turns to a sheet, by its number among those that are there, for everybody. */
  turnTo(shown: number): void {
    const page = this.current.pages[shown];
    if (page !== undefined) this.view.set("page", page.at);
  }

  /** Adds an empty sheet behind the last one and turns to it. */
  addPage(): void {
    this.append([{ title: "", background: null }]);
  }

  /** Adds a sheet for each page of a piece of courseware and turns to the first; answers how many there was room for. */
  addDocument(doc: string, title: string, pages: number): number {
    const sheets = Array.from({ length: pages }, (_, i) => ({
      title,
      background: { doc, page: i + 1 },
    }));
    return this.append(sheets);
  }

  /**
   * Takes a sheet away for everybody. Its place in the document stays taken: what is drawn elsewhere names places, and would
   * otherwise have to be written anew, by somebody who may, before anybody draws on.
   */
  removePage(shown: number, mayErase: boolean): void {
    const { pages } = this.current;
    const page = pages[shown];
    if (page === undefined || pages.length < 2) return;
    const next = pages[shown + 1] ?? pages[shown - 1];
    this.doc.transact(() => {
      this.pages.get(page.at)?.set("removed", true);
      if (next !== undefined && shown === this.current.shown) this.view.set("page", next.at);
    });
    if (mayErase) this.forget([...this.on(page.at).keys()]);
  }

  destroy(): void {
    this.doc.destroy();
  }

  private append(sheets: readonly Pick<Page, "title" | "background">[]): number {
    const room = MAX_PAGES - this.current.pages.length;
    const added = sheets.slice(0, Math.max(0, room));
    if (added.length === 0) return 0;
    this.doc.transact(() => {
      // The first sheet is there without being written down; a second one is the second only beside it.
      if (this.pages.length === 0) this.pages.push([toMap({ title: "", background: null })]);
      const first = this.pages.length;
      this.pages.push(added.map(toMap));
      this.view.set("page", first);
    });
    return added.length;
  }

  private forget(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.doc.transact(() => {
      for (const id of ids) this.elements.delete(id);
    });
  }

  private headerOf(value: unknown): Header | null {
    if (typeof value !== "object" || value === null) return null;
    let header = this.headers.get(value);
    if (header === undefined) {
      header = readHeader(value);
      this.headers.set(value, header);
    }
    return header;
  }

  private read(): BoardView {
    const all = this.pages.toArray().map(readPage);
    const there = all.filter(({ removed }) => !removed).map(({ page }) => page);
    const [first] = all;
    // Two people may each take away one of the last two.
    const pages = there.length > 0 ? there : [first?.page ?? FIRST_PAGE];
    const wanted = this.view.get("page");
    const at = typeof wanted === "number" && Number.isInteger(wanted) ? wanted : 0;
    // The one that was turned to may be gone: then the next one that is not, or else the last.
    const found = pages.findIndex((page) => page.at >= at);
    return { pages, shown: found === -1 ? pages.length - 1 : found };
  }
}

const FIRST_PAGE: Page = { id: "page-1", title: "", background: null, at: 0 };

function readPage(map: unknown, at: number): { page: Page; removed: boolean } {
  const get = (key: string) => (map instanceof Y.Map ? map.get(key) : undefined);
  const [id, title] = [get("id"), get("title")];
  const page = {
    id: typeof id === "string" ? id : String(at),
    title: typeof title === "string" ? title : "",
    background: readBackground(get("background")),
    at,
  };
  return { page, removed: get("removed") === true };
}

/** As a plain object, or as other clients may write it, a Y.Map. */
function readBackground(value: unknown): Background | null {
  const plain: unknown = value instanceof Y.Map ? value.toJSON() : value;
  if (typeof plain !== "object" || plain === null) return null;
  const { doc, page } = plain as Record<string, unknown>;
  if (typeof doc !== "string" || doc === "") return null;
  return { doc, page: typeof page === "number" && Number.isInteger(page) && page > 0 ? page : 1 };
}

function toMap({ title, background }: Pick<Page, "title" | "background">): Y.Map<unknown> {
  const map = new Y.Map<unknown>();
  map.set("id", newId());
  if (title !== "") map.set("title", title);
  if (background !== null) map.set("background", { ...background });
  return map;
}

function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
