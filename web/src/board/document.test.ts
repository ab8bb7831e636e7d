import { describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { BoardDocument, MAX_PAGES } from "./document";
import type { SceneElement } from "./element";

function shape(id: string, more: Partial<SceneElement> = {}): SceneElement {
  const base = { id, type: "rectangle", version: 1, versionNonce: 1, index: "a0" };
  return { ...base, isDeleted: false, updated: 0, ...more };
}

const copy = (from: BoardDocument, to: BoardDocument) =>
  Y.applyUpdate(to.doc, Y.encodeStateAsUpdate(from.doc), "elsewhere");

describe("sheets", () => {
  it("are one before anybody added one, and two after", () => {
    const board = new BoardDocument();
    expect(board.snapshot()).toMatchObject({ shown: 0, pages: [{ at: 0 }] });
    board.addPage();
    expect(board.snapshot()).toMatchObject({ shown: 1, pages: [{ at: 0 }, { at: 1 }] });
  });

  it("are turned for everybody, and not beyond the last", () => {
    const [mine, theirs] = [new BoardDocument(), new BoardDocument()];
    mine.addPage();
    mine.turnTo(0);
    mine.turnTo(7);
    const watcher = vi.fn();
    theirs.subscribe(watcher);
    copy(mine, theirs);
    expect(watcher).toHaveBeenCalled();
    expect(theirs.snapshot().shown).toBe(0);
  });

  it("keep their place in the document when one before them is taken away", () => {
    const board = new BoardDocument();
    board.addPage();
    board.addPage();
    board.put([shape("on the third")], 2);
    board.put([shape("on the second")], 1);
    board.turnTo(1);
    board.removePage(1, true);
    const { pages, shown } = board.snapshot();
    expect(pages.map(({ at }) => at)).toEqual([0, 2]);
    expect(pages[shown]?.at).toBe(2);
    expect([...board.on(2).keys()]).toEqual(["on the third"]);
    expect(board.header("on the second")).toBeUndefined();
  });

  it("stay where they are for the others when another one is taken away", () => {
    const board = new BoardDocument();
    board.addPage();
    board.addPage();
    board.removePage(0, false);
    const { pages, shown } = board.snapshot();
    expect(pages[shown]?.at).toBe(2);
    board.removePage(1, false);
    expect(board.snapshot()).toMatchObject({ shown: 0, pages: [{ at: 1 }] });
  });

  it("are one at least, also after two people took away one each", () => {
    const [mine, theirs] = [new BoardDocument(), new BoardDocument()];
    mine.addPage();
    copy(mine, theirs);
    mine.removePage(0, true);
    theirs.removePage(1, true);
    copy(mine, theirs);
    copy(theirs, mine);
    expect(mine.snapshot()).toEqual(theirs.snapshot());
    expect(mine.snapshot().pages).toHaveLength(1);
    mine.removePage(0, true);
    expect(mine.snapshot().pages).toHaveLength(1);
  });

  it("show the pages of a document, as many as there is room for", () => {
    const board = new BoardDocument();
    expect(board.addDocument("d1", "Chapter 3", 2)).toBe(2);
    const { pages, shown } = board.snapshot();
    expect(shown).toBe(1);
    expect(pages.map(({ background }) => background)).toEqual([
      null,
      { doc: "d1", page: 1 },
      { doc: "d1", page: 2 },
    ]);
    expect(board.addDocument("d2", "", 1_000)).toBe(MAX_PAGES - 3);
    expect(board.addDocument("d3", "", 1)).toBe(0);
  });

  it("are read as other clients write them", () => {
    const board = new BoardDocument();
    const [nested, page, odd] = [new Y.Map(), new Y.Map(), new Y.Map()];
    nested.set("doc", "d");
    nested.set("page", 4);
    page.set("background", nested);
    odd.set("background", { doc: 7 });
    board.doc.getArray("pages").push([page, odd, "nonsense"]);
    board.doc.getMap("view").set("page", -3);
    const { pages, shown } = board.snapshot();
    expect(shown).toBe(0);
    expect(pages.map(({ background }) => background)).toEqual([{ doc: "d", page: 4 }, null, null]);
  });
});

describe("what is drawn", () => {
  it("is found on its sheet, and told to whoever watches", () => {
    const [mine, theirs] = [new BoardDocument(), new BoardDocument()];
    const watcher = vi.fn();
    mine.onDrawn(watcher);
    mine.put([shape("mine")], 0);
    expect(watcher).not.toHaveBeenCalled();
    theirs.put([shape("theirs")], 0);
    theirs.put([shape("elsewhere")], 1);
    copy(theirs, mine);
    expect(watcher).toHaveBeenCalled();
    expect([...mine.on(0).keys()].sort()).toEqual(["mine", "theirs"]);
    expect([...mine.on(1).keys()]).toEqual(["elsewhere"]);
  });

  it("goes out in changes that the server takes, and not at all if one is too large", () => {
    const board = new BoardDocument();
    const sizes: number[] = [];
    board.doc.on("update", (update: Uint8Array) => sizes.push(update.length));
    const many = Array.from({ length: 20 }, (_, i) =>
      shape(`text ${i}`, { type: "text", text: "x".repeat(50_000) }),
    );
    const huge = shape("huge", { type: "text", text: "x".repeat(600_000) });
    expect(board.put([...many, huge], 0)).toEqual(["huge"]);
    expect(board.on(0).size).toBe(20);
    expect(sizes.length).toBeGreaterThan(2);
    expect(Math.max(...sizes)).toBeLessThan(512 * 1024);
  });

  it("makes room an hour after it was erased", () => {
    const board = new BoardDocument();
    const now = 10 * 3_600_000;
    board.put([shape("old", { isDeleted: true, updated: now - 3_700_000 })], 0);
    board.put([shape("fresh", { isDeleted: true, updated: now - 1_000 })], 0);
    board.put([shape("there", { updated: 0 })], 0);
    board.sweep(now);
    expect([...board.on(0).keys()].sort()).toEqual(["fresh", "there"]);
  });
});
