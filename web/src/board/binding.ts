import type { BoardDocument } from "./document";
import { byOrder, drawable, type Header, newer, type SceneElement, same } from "./element";

/** At most this often is written or shown what changed meanwhile: an element that grows is sent anew as a whole each time. */
export const PAUSE_MS = 100;

/** What is on the screen: the part of the drawing library that the document is kept in step with. */
export interface Scene {
  /** All of it, from the lowest to the topmost, erased things too. */
  elements(): readonly SceneElement[];
  /** What is being drawn or typed at this moment, which nobody else changes meanwhile. */
  busy(): ReadonlySet<string>;
  show(elements: readonly SceneElement[]): void;
  /** Ends what is being drawn or typed: another sheet follows. */
  settle(): void;
  /** Nothing that was done so far is undone any more: it was on another sheet. */
  forget(): void;
}

/** What of the scene the document does not have yet. */
export function localChanges(
  scene: readonly SceneElement[],
  header: (id: string) => Header | null | undefined,
  page: number,
  known: ReadonlySet<string>,
): SceneElement[] {
  return scene.filter((element) => {
    if (!drawable(element.type)) return false;
    const held = header(element.id);
    // It was there and somebody let go of it, or it was drawn and erased between two looks.
    if (held === undefined) return !known.has(element.id) && !element.isDeleted;
    return held !== null && held.page === page && newer(element, held);
  });
}

export interface Merged {
  held: ReadonlyMap<string, Header>;
  element: (id: string) => SceneElement | null;
  /** What the document had when it was last looked at: what is not in it any more was let go of. */
  known: ReadonlySet<string>;
  busy: ReadonlySet<string>;
  canDraw: boolean;
}

/** What the scene has to be, given the document; null = what it is. Who may not draw is shown what there is, and nothing else. */
export function merge(scene: readonly SceneElement[], from: Merged): SceneElement[] | null {
  const { held, known, busy, canDraw } = from;
  const merged: SceneElement[] = [];
  const local = new Set<string>();
  let changed = false;
  for (const element of scene) {
    local.add(element.id);
    const header = held.get(element.id);
    const keep =
      header === undefined
        ? canDraw && drawable(element.type) && !known.has(element.id)
        : same(element, header) || (canDraw && newer(element, header));
    if (keep || (canDraw && busy.has(element.id))) {
      merged.push(element);
      continue;
    }
    changed = true;
    const theirs = header === undefined ? null : from.element(element.id);
    if (theirs !== null) merged.push(theirs);
  }
  for (const [id, header] of held) {
    // What was erased before this page saw it is nothing to it.
    if (local.has(id) || header.isDeleted) continue;
    const theirs = from.element(id);
    if (theirs === null) continue;
    merged.push(theirs);
    changed = true;
  }
  return changed ? merged.sort(byOrder) : null;
}

/** Keeps a sheet of the document and the scene in step, in both directions. */
export class Binding {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = Number.NEGATIVE_INFINITY;
  private known: ReadonlySet<string> = new Set();
  private page = -1;
  /** Somebody changed what is being drawn or typed here; it is shown once that is over. */
  private withheld = false;
  private readonly unwatch: () => void;

  constructor(
    private readonly board: BoardDocument,
    private readonly scene: Scene,
    private readonly canDraw: boolean,
    /** Something is too large to be written. */
    private readonly onTooLarge: () => void = () => {},
  ) {
    this.unwatch = board.onDrawn(() => this.soon());
  }

  /** The scene may have changed. Asked often, and for things that change nothing as well. */
  readonly changed = (): void => {
    if (!this.canDraw || this.timer !== undefined || this.page === -1) return;
    if (this.withheld || this.foreign() || this.news().length > 0) this.soon();
  };

  /** Shows another sheet. What was drawn on the one before stays there. */
  turnTo(page: number): void {
    if (page === this.page) return;
    if (this.page !== -1) {
      this.scene.settle();
      this.sync();
    }
    this.page = page;
    const held = this.board.on(page);
    this.known = new Set(held.keys());
    const elements = [...held].flatMap(([id, { isDeleted }]) => {
      const element = isDeleted ? null : this.board.element(id);
      return element === null ? [] : [element];
    });
    this.scene.show(elements.sort(byOrder));
    this.scene.forget();
  }

  /** Writes what is new here, then shows what is new there. */
  sync(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.last = performance.now();
    if (this.page === -1) return;
    const refused = this.canDraw ? this.board.put(this.news(), this.page) : [];
    if (refused.length > 0) this.onTooLarge();
    const held = this.board.on(this.page);
    const busy = this.scene.busy();
    const all = this.scene.elements();
    const scene = refused.length === 0 ? all : all.filter(({ id }) => !refused.includes(id));
    const element = (id: string) => this.board.element(id);
    const from = { held, element, known: this.known, busy, canDraw: this.canDraw };
    const merged = merge(scene, from) ?? (scene === all ? null : scene);
    this.known = new Set(held.keys());
    this.withheld = scene.some((one) => {
      const header = held.get(one.id);
      return header !== undefined && busy.has(one.id) && newer(header, one);
    });
    if (merged !== null) this.scene.show(merged);
  }

  /** Writes what is not written yet, and is done. */
  close(): void {
    this.unwatch();
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.canDraw && this.page !== -1) this.board.put(this.news(), this.page);
  }

  private news(): SceneElement[] {
    const header = (id: string) => this.board.header(id);
    return localChanges(this.scene.elements(), header, this.page, this.known);
  }

  /** Something that boards do not have, say a web page: it goes again. */
  private foreign(): boolean {
    return this.scene.elements().some(({ type, isDeleted }) => !isDeleted && !drawable(type));
  }

  private soon(): void {
    if (this.timer !== undefined) return;
    const wait = Math.max(0, this.last + PAUSE_MS - performance.now());
    this.timer = setTimeout(() => this.sync(), wait);
  }
}
