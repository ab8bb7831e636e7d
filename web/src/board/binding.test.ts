import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { applyUpdate, encodeStateAsUpdate, encodeStateVector } from "yjs";
import { Binding, localChanges, merge, PAUSE_MS, type Scene } from "./binding";
import { BoardDocument } from "./document";
import { type Header, readHeader, type SceneElement } from "./element";

function shape(id: string, version = 1, versionNonce = 1, more: object = {}): SceneElement {
  const base = { id, type: "rectangle", version, versionNonce, index: `a${id}`, updated: 0 };
  return { ...base, isDeleted: false, ...more };
}

/** A drawing library with nothing to draw on. It changes its elements in place, as the real one does. */
class FakeScene implements Scene {
  all: SceneElement[] = [];
  holding = new Set<string>();
  shown = 0;
  forgotten = 0;

  elements = () => this.all;
  busy = () => this.holding;
  show = (elements: readonly SceneElement[]) => {
    this.shown += 1;
    this.all = [...elements];
  };
  settle = () => this.holding.clear();
  forget = () => {
    this.forgotten += 1;
  };

  find(id: string): SceneElement | undefined {
    return this.all.find((element) => element.id === id);
  }

  change(id: string, nonce: number, more: object = {}): void {
    const element = this.find(id);
    if (element === undefined) throw new Error(`no ${id}`);
    Object.assign(element, { version: element.version + 1, versionNonce: nonce, ...more });
  }
}

const headers = (...elements: SceneElement[]) =>
  new Map(elements.map((one) => [one.id, readHeader({ ...one, page: 0 }) as Header]));

describe("what goes out", () => {
  const news = (scene: SceneElement[], held: Map<string, Header>, known: string[] = []) =>
    localChanges(scene, (id) => held.get(id), 0, new Set(known)).map(({ id }) => id);

  it("is what is new, or later than what the document has", () => {
    const held = headers(shape("a", 1), shape("b", 2, 5), shape("c", 3));
    const scene = [shape("a", 2), shape("b", 2, 5), shape("c", 2), shape("d")];
    expect(news(scene, held)).toEqual(["a", "d"]);
  });

  it("is an erased thing as well, if others know it", () => {
    const held = headers(shape("a", 1));
    const erased = { isDeleted: true };
    expect(news([shape("a", 2, 1, erased), shape("b", 2, 1, erased)], held)).toEqual(["a"]);
  });

  it("is not what somebody let go of, what is elsewhere, or what boards do not have", () => {
    const held = new Map([["b", { ...(readHeader(shape("b", 1)) as Header), page: 4 }]]);
    const scene = [shape("a"), shape("b", 2), shape("c", 1, 1, { type: "embeddable" })];
    expect(news(scene, held, ["a"])).toEqual([]);
  });
});

describe("what comes in", () => {
  const from = (held: SceneElement[], more: object = {}) => ({
    held: headers(...held),
    element: (id: string) => held.find((one) => one.id === id) ?? null,
    known: new Set<string>(),
    busy: new Set<string>(),
    canDraw: true,
    ...more,
  });

  it("is nothing if both have the same", () => {
    expect(merge([shape("a")], from([shape("a")]))).toBeNull();
  });

  it("takes the place of what is earlier, in the order of the sheet", () => {
    const theirs = [shape("c", 2), shape("a", 2)];
    const merged = merge([shape("b", 1), shape("c", 1)], from(theirs));
    expect(merged?.map(({ id, version }) => [id, version])).toEqual([
      ["a", 2],
      ["b", 1],
      ["c", 2],
    ]);
  });

  it("waits for what is being drawn, and for nothing else", () => {
    const busy = new Set(["a"]);
    const scene = [shape("a", 1), shape("b", 1)];
    const merged = merge(scene, from([shape("a", 2), shape("b", 2)], { busy }));
    expect(merged?.map(({ version }) => version)).toEqual([1, 2]);
  });

  it("takes away what somebody let go of, not what nobody has yet", () => {
    const merged = merge([shape("a"), shape("b")], from([], { known: new Set(["a"]) }));
    expect(merged?.map(({ id }) => id)).toEqual(["b"]);
  });

  it("is all there is for who may not draw", () => {
    const scene = [shape("a", 9), shape("b")];
    const merged = merge(scene, from([shape("a", 2)], { canDraw: false }));
    expect(merged?.map(({ id, version }) => [id, version])).toEqual([["a", 2]]);
  });

  it("leaves out what was erased before", () => {
    expect(merge([], from([shape("a", 2, 1, { isDeleted: true })]))).toBeNull();
  });
});

describe("a binding", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const open = (canDraw = true, board = new BoardDocument()) => {
    const scene = new FakeScene();
    const tooLarge = vi.fn();
    const binding = new Binding(board, scene, canDraw, tooLarge);
    binding.turnTo(0);
    return { board, scene, binding, tooLarge };
  };

  it("writes what is drawn, not at every move, and does not hear itself", () => {
    const { board, scene, binding } = open();
    const updates = vi.fn();
    board.doc.on("update", updates);
    scene.all.push(shape("a"));
    for (let i = 0; i < 50; i += 1) {
      scene.change("a", i);
      binding.changed();
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(PAUSE_MS);
    expect(updates.mock.calls.length).toBeLessThanOrEqual(7);
    expect(board.header("a")).toMatchObject({ version: 51, page: 0 });
    const [writes, shown] = [updates.mock.calls.length, scene.shown];
    // What is shown is reported as a change again.
    binding.changed();
    vi.advanceTimersByTime(10 * PAUSE_MS);
    expect([updates.mock.calls.length, scene.shown]).toEqual([writes, shown]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("writes on what begins as nothing that could be shown", () => {
    const { board, scene, binding } = open();
    const line = (...points: number[][]) => ({ type: "line", points });
    scene.all.push(shape("a", 1, 1, line([0, 0])));
    binding.sync();
    expect(board.element("a")).toBeNull();
    scene.change("a", 1, line([0, 0], [5, 5]));
    binding.sync();
    expect(board.element("a")).toMatchObject({ version: 2 });
  });

  it("shows what comes from elsewhere without sending it back", () => {
    const { board, scene, binding } = open();
    const other = new BoardDocument();
    other.put([shape("a", 4, 2)], 0);
    applyUpdate(board.doc, encodeStateAsUpdate(other.doc));
    vi.advanceTimersByTime(PAUSE_MS);
    expect(scene.all.map(({ id }) => id)).toEqual(["a"]);
    const updates = vi.fn();
    board.doc.on("update", updates);
    binding.changed();
    vi.advanceTimersByTime(PAUSE_MS);
    expect(updates).not.toHaveBeenCalled();
  });

  it("shows what somebody changed meanwhile once the drawing is over", () => {
    const { board, scene, binding } = open();
    board.put([shape("a", 1, 1)], 0);
    binding.sync();
    scene.holding.add("a");
    const other = new BoardDocument();
    applyUpdate(other.doc, encodeStateAsUpdate(board.doc));
    other.put([shape("a", 9, 1)], 0);
    applyUpdate(board.doc, encodeStateAsUpdate(other.doc));
    vi.advanceTimersByTime(PAUSE_MS);
    expect(scene.find("a")?.version).toBe(1);
    scene.holding.clear();
    binding.changed();
    vi.advanceTimersByTime(PAUSE_MS);
    expect(scene.find("a")?.version).toBe(9);
  });

  it("leaves a stroke on the sheet it was begun on when another is turned to", () => {
    const { board, scene, binding } = open();
    scene.all.push(shape("a"));
    scene.holding.add("a");
    binding.turnTo(1);
    expect(scene.all).toEqual([]);
    expect(scene.forgotten).toBe(2);
    expect(board.header("a")).toMatchObject({ page: 0 });
    scene.all.push(shape("b"));
    binding.sync();
    expect(board.header("b")).toMatchObject({ page: 1 });
    binding.turnTo(0);
    expect(scene.all.map(({ id }) => id)).toEqual(["a"]);
  });

  it("writes nothing for who may not draw", () => {
    const { board, scene, binding } = open(false);
    scene.all.push(shape("a"));
    binding.changed();
    binding.sync();
    expect(board.header("a")).toBeUndefined();
    expect(scene.all).toEqual([]);
  });

  it("drops what is too large, and says so", () => {
    const { board, scene, binding, tooLarge } = open();
    scene.all.push(shape("a"), shape("b", 1, 1, { type: "text", text: "x".repeat(600_000) }));
    binding.sync();
    expect(tooLarge).toHaveBeenCalledOnce();
    expect(scene.all.map(({ id }) => id)).toEqual(["a"]);
    expect(board.header("b")).toBeUndefined();
  });

  it("takes away what boards do not have", () => {
    const { scene, binding } = open();
    scene.all.push(shape("page of the web", 1, 1, { type: "embeddable" }));
    binding.changed();
    vi.advanceTimersByTime(PAUSE_MS);
    expect(scene.all).toEqual([]);
  });
});

/** Chance that can be had again. */
function chance(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

describe("several bindings", () => {
  // Many, in a few portions: a busy machine is slow.
  it.each([0, 1, 2, 3, 4])(
    "end with the same drawing, whatever happened in which order (%i)",
    (portion) => {
      for (let seed = 1; seed <= 50; seed += 1) history(portion * 50 + seed);
    },
    60_000,
  );
});

function history(seed: number): void {
  const pick = chance(seed);
  const count = 2 + pick(2);
  // Nobody waits for a timer here: `sync` is one of the things that happen.
  vi.useFakeTimers();
  const sides = Array.from({ length: count }, () => {
    const [board, scene] = [new BoardDocument(), new FakeScene()];
    const binding = new Binding(board, scene, true);
    binding.turnTo(0);
    return { board, scene, binding };
  });
  type Side = (typeof sides)[number];
  const carry = (from: Side, to: Side) => {
    const lacks = encodeStateVector(to.board.doc);
    applyUpdate(to.board.doc, encodeStateAsUpdate(from.board.doc, lacks), "link");
  };
  const any = <T>(list: readonly T[]): T | undefined => list[pick(list.length)];
  let drawn = 0;
  for (let step = 0; step < 60; step += 1) {
    const side = sides[pick(count)] as Side;
    const { scene, board, binding } = side;
    const id = any(scene.all)?.id;
    switch (pick(9)) {
      case 0:
      case 1:
        drawn += 1;
        scene.all.push(shape(`${drawn}`, 1, pick(1_000)));
        break;
      case 2:
      case 3:
        if (id !== undefined) scene.change(id, pick(1_000), { x: pick(100) });
        break;
      case 4:
        // Erased, or brought back.
        if (id !== undefined) {
          scene.change(id, pick(1_000), { isDeleted: !scene.find(id)?.isDeleted });
        }
        break;
      case 5:
        if (id !== undefined) scene.holding.add(id);
        break;
      case 6:
        scene.holding.clear();
        break;
      case 7:
        carry(side, sides[pick(count)] as Side);
        break;
      default:
        binding.sync();
        if (pick(10) === 0) board.sweep(4_000_000);
    }
  }
  for (const { scene } of sides) scene.holding.clear();
  // Each round everybody tells everybody; the second one carries what the first made somebody write again.
  for (let round = 0; round < 3; round += 1) {
    for (const from of sides) {
      from.binding.sync();
      for (const to of sides) if (to !== from) carry(from, to);
    }
    for (const { binding } of sides) binding.sync();
  }
  const updates = vi.fn();
  for (const { board, binding } of sides) {
    board.doc.on("update", updates);
    binding.sync();
  }
  expect(updates, `seed ${seed}: still writing`).not.toHaveBeenCalled();
  const [first, ...others] = sides.map(({ scene }) => picture(scene.all));
  for (const other of others) expect(other, `seed ${seed}`).toEqual(first);
  const [doc, ...docs] = sides.map(({ board }) => board.doc.getMap("elements").toJSON());
  for (const other of docs) expect(other, `seed ${seed}`).toEqual(doc);
  vi.useRealTimers();
}

/** What can be seen of it. */
function picture(elements: readonly SceneElement[]) {
  const seen = elements.filter(({ isDeleted }) => !isDeleted);
  return seen.map(({ id, version, versionNonce }) => `${id} ${version} ${versionNonce}`).sort();
}
