import type { Awareness } from "y-protocols/awareness";

/** How often others are told where the pointer is: the server takes 30 messages a second and drops the rest. */
const TELL_MS = 80;
const MAX_NAME = 60;
/** More of a selection is not shown to others: a state has 4 KiB at most. */
const MAX_SELECTED = 20;

export interface Pointer {
  x: number;
  y: number;
  tool: "pointer" | "laser";
}

/** Where somebody else is on the board. */
export interface Peer {
  /** Of the connection. */
  id: string;
  name: string;
  page: number;
  pointer: Pointer | null;
  button: "up" | "down";
  selected: readonly string[];
}

/** Null: says nothing that can be shown. */
export function readPeer(id: number, state: Readonly<Record<string, unknown>>): Peer | null {
  const { user, page, pointer, button, selected } = state;
  const name = typeof user === "object" && user !== null && "name" in user ? user.name : undefined;
  if (typeof name !== "string" || typeof page !== "number") return null;
  return {
    id: String(id),
    name: name.slice(0, MAX_NAME),
    page,
    pointer: readPointer(pointer),
    button: button === "down" ? "down" : "up",
    selected: Array.isArray(selected) ? selected.filter((one) => typeof one === "string") : [],
  };
}

function readPointer(value: unknown): Pointer | null {
  if (typeof value !== "object" || value === null) return null;
  const { x, y, tool } = value as Record<string, unknown>;
  if (!Number.isFinite(x) || !Number.isFinite(y)) return null;
  return { x: x as number, y: y as number, tool: tool === "laser" ? "laser" : "pointer" };
}

/** Tells others where this user is, and knows where they are. */
export class Presence {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private state: Record<string, unknown> = {};

  constructor(
    private readonly awareness: Awareness,
    /** Null: says nothing of its own. */
    private readonly name: string | null,
  ) {}

  tell(page: number, pointer: Pointer | null, button: "up" | "down", selected: string[]): void {
    if (this.name === null) return;
    const chosen = selected.slice(0, MAX_SELECTED);
    const user = { name: this.name.slice(0, MAX_NAME) };
    this.state = { user, page, pointer, button, selected: chosen };
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.awareness.setLocalState(this.state);
    }, TELL_MS);
  }

  /** The others who are on a sheet. */
  peers(page: number): Peer[] {
    return [...this.awareness.getStates()].flatMap(([id, state]) => {
      const peer = id === this.awareness.clientID ? null : readPeer(id, state);
      return peer?.page === page ? [peer] : [];
    });
  }

  watch(watcher: () => void): () => void {
    const tell = (_: unknown, origin: unknown) => {
      if (origin !== "local") watcher();
    };
    this.awareness.on("change", tell);
    return () => this.awareness.off("change", tell);
  }

  close(): void {
    clearTimeout(this.timer);
    this.awareness.setLocalState(null);
  }
}
