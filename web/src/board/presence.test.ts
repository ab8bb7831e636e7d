import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import { Doc } from "yjs";
import { Presence, readPeer } from "./presence";

describe("presence", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("tells where the pointer is, a few times a second, to who is on the same sheet", () => {
    const [mine, theirs] = [new Awareness(new Doc()), new Awareness(new Doc())];
    const me = new Presence(mine, "li");
    const them = new Presence(theirs, null);
    const told = vi.fn();
    mine.on("update", told);
    for (let x = 0; x < 100; x += 1) {
      me.tell(2, { x, y: 1, tool: "laser" }, "down", ["a"]);
      vi.advanceTimersByTime(10);
    }
    expect(told.mock.calls.length).toBeLessThan(15);
    vi.advanceTimersByTime(1_000);
    const watcher = vi.fn();
    them.watch(watcher);
    applyAwarenessUpdate(theirs, encodeAwarenessUpdate(mine, [mine.clientID]), "link");
    expect(watcher).toHaveBeenCalled();
    expect(them.peers(0)).toEqual([]);
    expect(them.peers(2)).toMatchObject([
      { name: "li", pointer: { x: 99, y: 1, tool: "laser" }, button: "down", selected: ["a"] },
    ]);
    expect(me.peers(2)).toEqual([]);
    mine.destroy();
    theirs.destroy();
  });

  it("says nothing of who only looks on", () => {
    const awareness = new Awareness(new Doc());
    awareness.setLocalState(null);
    new Presence(awareness, null).tell(0, { x: 1, y: 1, tool: "pointer" }, "up", []);
    vi.advanceTimersByTime(1_000);
    expect(awareness.getLocalState()).toBeNull();
    awareness.destroy();
  });

  it("reads what others say with care", () => {
    expect(readPeer(1, {})).toBeNull();
    expect(readPeer(1, { user: { name: 7 }, page: 0 })).toBeNull();
    const odd = {
      user: { name: "x".repeat(500) },
      page: 0,
      pointer: { x: "1", y: 2 },
      selected: 3,
    };
    expect(readPeer(1, odd)).toMatchObject({ pointer: null, button: "up", selected: [] });
    expect(readPeer(1, odd)?.name).toHaveLength(60);
  });
});
