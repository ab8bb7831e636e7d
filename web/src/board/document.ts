import * as Y from "yjs";
import { type BoardElement, byOrder, readElement } from "./element";

/** One sheet of the board. Without any in the document there is one, the first. */
export interface Page {
  id: string;
  title: string;
}

export interface BoardView {
  pages: readonly Page[];
  /** The sheet that everybody is shown, from 0. */
  page: number;
  /** Of that sheet, from the lowest to the topmost. */
  elements: readonly BoardElement[];
  canUndo: boolean;
  canRedo: boolean;
}

const FIRST_PAGE: Page = { id: "page-1", title: "" };
/** A board is not a book: pages beyond it are not offered. */
export const MAX_PAGES = 100;

/** The content of a whiteboard as this page reads and writes it. Sending it anywhere is not its business. */
export class BoardDocument {
  readonly doc = new Y.Doc();
  private readonly pages = this.doc.getArray<Y.Map<unknown>>("pages");
  private readonly elements = this.doc.getMap<unknown>("elements");
  private readonly view = this.doc.getMap<unknown>("view");
  /** Only what was drawn here is undone here. */
  private readonly origin = {};
  private readonly history = new Y.UndoManager(this.elements, {
    trackedOrigins: new Set([this.origin]),
    // One gesture is one step, however long it takes: see `beginStep`.
    captureTimeout: Number.MAX_SAFE_INTEGER,
  });
  private readonly watchers = new Set<() => void>();
  private current: BoardView;
  private drawn = 0;

  constructor() {
    this.current = this.read();
    const changed = () => {
      this.current = this.read();
      for (const watcher of this.watchers) watcher();
    };
    this.doc.on("afterTransaction", (transaction: Y.Transaction) => {
      if (transaction.changed.size > 0) changed();
    });
    for (const event of ["stack-item-added", "stack-item-popped", "stack-cleared"] as const) {
      this.history.on(event, changed);
    }
  }

  readonly snapshot = (): BoardView => this.current;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** What follows is undone in one step. */
  beginStep(): void {
    this.history.stopCapturing();
  }

  put(element: BoardElement): void {
    const { id } = element;
    this.write(() => this.elements.set(id, { ...element, version: this.versionOf(id) + 1 }));
  }

  remove(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.write(() => {
      for (const id of ids) this.elements.delete(id);
    });
  }

  undo(): void {
    this.history.undo();
  }

  redo(): void {
    this.history.redo();
  }

  /** Turns the sheet for everybody. */
  turnTo(page: number): void {
    if (page < 0 || page >= this.current.pages.length) return;
    this.view.set("page", page);
  }

  /** Adds a sheet behind the last one and turns to it. */
  addPage(): void {
    const count = this.current.pages.length;
    if (count >= MAX_PAGES) return;
    this.doc.transact(() => {
      // The first sheet is there without being written down; a second one is the second only beside it.
      if (this.pages.length === 0) this.pages.push([toMap(FIRST_PAGE.id)]);
      this.pages.push([toMap(newId())]);
      this.view.set("page", count);
    });
  }

  /** A name and a place above everything that is there. */
  newName(): Pick<BoardElement, "id" | "index"> {
    this.drawn += 1;
    const clock = Date.now().toString(36).padStart(9, "0");
    const count = this.drawn.toString(36).padStart(6, "0");
    return { id: newId(), index: `a${clock}${count}` };
  }

  destroy(): void {
    this.history.destroy();
    this.doc.destroy();
  }

  private write(change: () => void): void {
    this.doc.transact(change, this.origin);
  }

  private versionOf(id: string): number {
    const value = this.elements.get(id);
    if (typeof value !== "object" || value === null || !("version" in value)) return 0;
    return typeof value.version === "number" ? value.version : 0;
  }

  private read(): BoardView {
    const pages = this.readPages();
    const wanted = this.view.get("page");
    const page = typeof wanted === "number" && Number.isInteger(wanted) ? wanted : 0;
    const shown = Math.min(Math.max(page, 0), pages.length - 1);
    const elements: BoardElement[] = [];
    for (const [id, value] of this.elements.entries()) {
      const element = readElement(id, value);
      if (element !== null && element.page === shown) elements.push(element);
    }
    return {
      pages,
      page: shown,
      elements: elements.sort(byOrder),
      canUndo: this.history.undoStack.length > 0,
      canRedo: this.history.redoStack.length > 0,
    };
  }

  private readPages(): Page[] {
    const pages = this.pages.toArray().map((map, i): Page => {
      const get = (key: string) => (map instanceof Y.Map ? map.get(key) : undefined);
      const [id, title] = [get("id"), get("title")];
      return {
        id: typeof id === "string" ? id : String(i),
        title: typeof title === "string" ? title : "",
      };
    });
    return pages.length === 0 ? [FIRST_PAGE] : pages;
  }
}

function toMap(id: string): Y.Map<unknown> {
  const map = new Y.Map<unknown>();
  map.set("id", id);
  return map;
}

function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
