import { describe, expect, it, vi } from "vitest";
import { applyUpdate, encodeStateAsUpdate } from "yjs";
import { BoardDocument } from "./document";
import type { BoardElement } from "./element";
import { drawn, type Style } from "./gesture";

const style: Style = { colour: "#1e1e1e", width: 2 };

function draw(board: BoardDocument, page = 0): BoardElement {
  const spots = [
    { x: 1, y: 1 },
    { x: 50, y: 50 },
  ];
  const element = drawn("rectangle", spots, style, { ...board.newName(), page });
  if (element === null) throw new Error("nothing was drawn");
  board.beginStep();
  board.put(element);
  return element;
}

const ids = (board: BoardDocument) => board.snapshot().elements.map(({ id }) => id);
const copy = (from: BoardDocument, to: BoardDocument) =>
  applyUpdate(to.doc, encodeStateAsUpdate(from.doc), "elsewhere");

describe("a board", () => {
  it("has one sheet before anybody added one, and two after", () => {
    const board = new BoardDocument();
    expect(board.snapshot()).toMatchObject({ page: 0, pages: [{}], elements: [] });
    board.addPage();
    expect(board.snapshot()).toMatchObject({ page: 1, pages: [{}, {}] });
  });

  it("shows the drawings of the sheet that is turned to", () => {
    const board = new BoardDocument();
    const first = draw(board);
    board.addPage();
    const second = draw(board, 1);
    expect(ids(board)).toEqual([second.id]);
    board.turnTo(0);
    expect(ids(board)).toEqual([first.id]);
    board.turnTo(7);
    expect(board.snapshot().page).toBe(0);
  });

  it("has later drawings above earlier ones", () => {
    const board = new BoardDocument();
    const drawings = [draw(board), draw(board), draw(board)];
    expect(ids(board)).toEqual(drawings.map(({ id }) => id));
  });

  it("counts the versions of a drawing that grows", () => {
    const board = new BoardDocument();
    const element = draw(board);
    board.put(element);
    expect(board.snapshot().elements[0]?.version).toBe(2);
  });

  it("tells whoever watches, also of what others drew", () => {
    const [mine, theirs] = [new BoardDocument(), new BoardDocument()];
    const watcher = vi.fn();
    mine.subscribe(watcher);
    const element = draw(theirs);
    copy(theirs, mine);
    expect(watcher).toHaveBeenCalled();
    expect(ids(mine)).toEqual([element.id]);
  });

  it("is the same everywhere after both sides drew alone", () => {
    const [one, two] = [new BoardDocument(), new BoardDocument()];
    draw(one);
    draw(two);
    draw(one);
    copy(one, two);
    copy(two, one);
    expect(ids(one)).toHaveLength(3);
    expect(ids(one)).toEqual(ids(two));
  });
});

describe("undo", () => {
  it("takes back one gesture at a time, however often it was sent, and brings it again", () => {
    const board = new BoardDocument();
    const first = draw(board);
    const second = draw(board);
    board.put(second);
    board.undo();
    expect(ids(board)).toEqual([first.id]);
    board.redo();
    expect(ids(board)).toEqual([first.id, second.id]);
  });

  it("brings back what was erased", () => {
    const board = new BoardDocument();
    const element = draw(board);
    board.beginStep();
    board.remove([element.id]);
    expect(ids(board)).toEqual([]);
    board.undo();
    expect(ids(board)).toEqual([element.id]);
  });

  it("leaves alone what others drew, and pages", () => {
    const [mine, theirs] = [new BoardDocument(), new BoardDocument()];
    const element = draw(theirs);
    copy(theirs, mine);
    mine.addPage();
    expect(mine.snapshot().canUndo).toBe(false);
    mine.undo();
    mine.turnTo(0);
    expect(ids(mine)).toEqual([element.id]);
    expect(mine.snapshot().pages).toHaveLength(2);
  });
});
