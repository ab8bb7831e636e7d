import { createDecoder, readVarUint, readVarUint8Array } from "lib0/decoding";
import {
  createEncoder,
  length,
  toUint8Array,
  writeVarUint,
  writeVarUint8Array,
} from "lib0/encoding";
import {
  Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";
import { readSyncMessage, writeSyncStep1, writeUpdate } from "y-protocols/sync";
import type { Doc } from "yjs";
import { ApiError } from "../api/error";

/** Kinds of messages on the socket, as y-protocols numbers them. */
const SYNC = 0;
const PRESENCE = 1;
const AUTH = 2;

/** State of a `WebSocket` that takes messages. */
const OPEN = 1;

/** Delays before the next attempt to connect; the last one repeats. */
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
/** A silent connection is asked this often whether anybody is there, which also brings what was missed. */
const ASK_MS = 15_000;
/** How long it may take to answer before the connection counts as cut. */
const ANSWER_MS = 8_000;

export type BoardLinkState =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "lost"; retryAt: number }
  /** Not let in, and asking again would not help. */
  | { kind: "refused" };

export interface BoardDoor {
  /** The address of one connection: its proof may be used once. */
  address(): Promise<string | URL>;
  /** After a connection that did not come up: whether the server says no. */
  refused(): Promise<boolean>;
}

/** The part of a `WebSocket` that is used. */
export interface BoardSocket {
  binaryType: string;
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface BoardLinkHandlers {
  state(state: BoardLinkState): void;
  /** The server took none of what was drawn here: this document is not the board any more. */
  denied(): void;
}

/**
 * Keeps a document in step with the server over the y-websocket protocol. What is drawn without a connection is told when
 * there is one again: each side says what it has and is sent what it lacks.
 */
export class BoardLink {
  /** Who is where on the board, as far as they say. */
  readonly presence: Awareness;
  private socket: BoardSocket | null = null;
  private attempts = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private askTimer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly doc: Doc,
    private readonly door: BoardDoor,
    private readonly handlers: BoardLinkHandlers,
    private readonly open: (address: string | URL) => BoardSocket = (url) => new WebSocket(url),
  ) {
    doc.on("update", this.tell);
    this.presence = new Awareness(doc);
    this.presence.setLocalState(null);
    this.presence.on("update", this.tellPresence);
    void this.connect();
  }

  /** The network is back: no reason to wait. */
  retryNow(): void {
    if (this.retryTimer === undefined) return;
    void this.connect();
  }

  /** The network is gone, which a socket notices late. */
  suspect(): void {
    if (this.socket !== null) this.ask();
  }

  close(): void {
    this.closed = true;
    this.doc.off("update", this.tell);
    this.presence.off("update", this.tellPresence);
    this.presence.destroy();
    this.drop();
  }

  private readonly tell = (update: Uint8Array, origin: unknown): void => {
    if (origin === this || this.socket === null) return;
    this.send((encoder) => writeUpdate(encoder, update));
  };

  /** Others' states go nowhere: the server tells everybody itself. */
  private readonly tellPresence = (changes: Record<"added" | "updated" | "removed", number[]>) => {
    const { clientID } = this.presence;
    const own = Object.values(changes).some((ids) => ids.includes(clientID));
    if (own) this.sendPresence();
  };

  private sendPresence(): void {
    const { clientID, meta } = this.presence;
    if (this.socket === null || !meta.has(clientID)) return;
    const encoder = createEncoder();
    writeVarUint(encoder, PRESENCE);
    writeVarUint8Array(encoder, encodeAwarenessUpdate(this.presence, [clientID]));
    this.put(encoder);
  }

  private async connect(): Promise<void> {
    this.drop();
    if (this.closed) return;
    this.handlers.state({ kind: "connecting" });
    let address: string | URL;
    try {
      address = await this.door.address();
    } catch (error) {
      return this.failed(error);
    }
    if (this.closed) return;
    const socket = this.open(address);
    socket.binaryType = "arraybuffer";
    let up = false;
    socket.onopen = () => {
      up = true;
      this.socket = socket;
      this.ask();
      if (this.presence.getLocalState() !== null) this.sendPresence();
    };
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.receive(new Uint8Array(data));
    };
    socket.onclose = () => {
      if (this.socket !== null && this.socket !== socket) return;
      this.drop();
      if (up) this.retry();
      else void this.askWhy();
    };
    this.pending = socket;
  }

  /** The socket on its way; once open it is `socket`. */
  private pending: BoardSocket | null = null;

  private async askWhy(): Promise<void> {
    try {
      if (await this.door.refused()) return this.refuse();
    } catch (error) {
      return this.failed(error);
    }
    this.retry();
  }

  private failed(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    const final = ["refused", "not-found", "signed-out"].includes(error.kind);
    if (final) this.refuse();
    else this.retry();
  }

  private refuse(): void {
    if (this.closed) return;
    this.handlers.state({ kind: "refused" });
  }

  private retry(): void {
    if (this.closed) return;
    const delay = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)] ?? 0;
    this.attempts += 1;
    this.handlers.state({ kind: "lost", retryAt: Date.now() + delay });
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => void this.connect(), delay);
  }

  /** Ends the connection without a word to anybody. */
  private drop(): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    clearTimeout(this.askTimer);
    for (const socket of [this.socket, this.pending]) {
      if (socket === null) continue;
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
    this.socket = null;
    this.pending = null;
    // Where they are now is not known here.
    const { clientID, states } = this.presence;
    removeAwarenessStates(
      this.presence,
      [...states.keys()].filter((id) => id !== clientID),
      this,
    );
  }

  /** Says what is here; the answer is what is missing, and a sign of life. */
  private ask(): void {
    clearTimeout(this.askTimer);
    this.askTimer = setTimeout(() => {
      this.drop();
      this.retry();
    }, ANSWER_MS);
    this.send((encoder) => writeSyncStep1(encoder, this.doc));
  }

  private heard(): void {
    clearTimeout(this.askTimer);
    this.askTimer = setTimeout(() => this.ask(), ASK_MS);
  }

  private receive(message: Uint8Array<ArrayBuffer>): void {
    this.heard();
    const decoder = createDecoder(message);
    switch (readVarUint(decoder)) {
      case SYNC: {
        const answer = createEncoder();
        writeVarUint(answer, SYNC);
        const step = readSyncMessage(decoder, answer, this.doc, this);
        // More than the kind of message: there is something to answer.
        if (length(answer) > 1) this.put(answer);
        if (step === 1) {
          this.attempts = 0;
          this.handlers.state({ kind: "live" });
        }
        break;
      }
      case PRESENCE:
        applyAwarenessUpdate(this.presence, readVarUint8Array(decoder), this);
        break;
      case AUTH:
        this.handlers.denied();
        break;
    }
  }

  private send(write: (encoder: ReturnType<typeof createEncoder>) => void): void {
    const encoder = createEncoder();
    writeVarUint(encoder, SYNC);
    write(encoder);
    this.put(encoder);
  }

  /** A socket that is closing takes nothing more, and says so in the console. Both sides compare what they have on the next. */
  private put(encoder: ReturnType<typeof createEncoder>): void {
    if (this.socket?.readyState === OPEN) this.socket.send(bytes(encoder));
  }
}

function bytes(encoder: ReturnType<typeof createEncoder>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(toUint8Array(encoder));
}
