import { createDecoder, readVarUint } from "lib0/decoding";
import {
  createEncoder,
  length,
  toUint8Array,
  writeVarUint,
  writeVarUint8Array,
} from "lib0/encoding";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Awareness, encodeAwarenessUpdate } from "y-protocols/awareness";
import { readSyncMessage, writeSyncStep1, writeUpdate } from "y-protocols/sync";
import { Doc } from "yjs";
import { ApiError } from "../api/error";
import { BoardLink, type BoardLinkState, type BoardSocket } from "./link";

/** A server with one document. `connect` opens what the page asked for, `cut` drops it without a word. */
class FakeServer {
  readonly doc = new Doc();
  sockets: FakeSocket[] = [];
  /** Does not answer, as when the network is gone. */
  silent = false;

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no connection was asked for");
    return socket;
  }

  readonly open = (address: string | URL): BoardSocket => {
    const socket = new FakeSocket(this, String(address));
    this.sockets.push(socket);
    return socket;
  };

  connect(): FakeSocket {
    const socket = this.last;
    socket.up = true;
    socket.onopen?.(new Event("open"));
    socket.reply((encoder) => writeSyncStep1(encoder, this.doc));
    return socket;
  }

  change(key: string): void {
    const tell = (update: Uint8Array) => {
      for (const socket of this.sockets) {
        if (socket.up) socket.reply((encoder) => writeUpdate(encoder, update));
      }
    };
    this.doc.once("update", tell);
    this.doc.getMap("elements").set(key, 1);
  }
}

class FakeSocket implements BoardSocket {
  binaryType = "";
  onopen: BoardSocket["onopen"] = null;
  onmessage: BoardSocket["onmessage"] = null;
  onclose: BoardSocket["onclose"] = null;
  up = false;
  /** The server has said goodbye, and the browser has not told of the end yet. */
  closing = false;
  sent = 0;

  constructor(
    private readonly server: FakeServer,
    readonly address: string,
  ) {}

  get readyState(): number {
    return this.closing ? 2 : this.up ? 1 : 0;
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.closing) throw new Error("a socket that is closing was written to");
    this.sent += 1;
    if (!this.up || this.server.silent) return;
    const decoder = createDecoder(data);
    // Where somebody is is nothing the document knows.
    if (readVarUint(decoder) === 1) return;
    const answer = createEncoder();
    writeVarUint(answer, 0);
    readSyncMessage(decoder, answer, this.server.doc, this);
    if (length(answer) > 1) this.receive(toUint8Array(answer));
  }

  reply(write: (encoder: ReturnType<typeof createEncoder>) => void): void {
    const encoder = createEncoder();
    writeVarUint(encoder, 0);
    write(encoder);
    this.receive(toUint8Array(encoder));
  }

  receive(bytes: Uint8Array): void {
    if (this.server.silent) return;
    this.onmessage?.(new MessageEvent("message", { data: new Uint8Array(bytes).buffer }));
  }

  close(): void {
    this.up = false;
  }

  cut(): void {
    this.up = false;
    this.onclose?.(new Event("close") as CloseEvent);
  }
}

let server: FakeServer;
let doc: Doc;
let states: BoardLinkState["kind"][];
let link: BoardLink;
const denied = vi.fn();
const door = { address: vi.fn<() => Promise<string>>(), refused: vi.fn<() => Promise<boolean>>() };

function start(): void {
  link = new BoardLink(doc, door, { state: ({ kind }) => states.push(kind), denied }, server.open);
}

/** Lets the address arrive. */
const settle = () => vi.advanceTimersByTimeAsync(0);
const keys = (of: Doc) => [...of.getMap("elements").keys()].sort();

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  let proof = 0;
  door.address.mockImplementation(async () => {
    proof += 1;
    return `ws://stoa.test/board?nonce=${proof}`;
  });
  door.refused.mockResolvedValue(false);
  server = new FakeServer();
  doc = new Doc();
  states = [];
});

afterEach(() => {
  link.close();
  vi.useRealTimers();
});

describe("a connection", () => {
  it("is live once both sides have what the other has", async () => {
    server.doc.getMap("elements").set("theirs", 1);
    doc.getMap("elements").set("mine", 1);
    start();
    await settle();
    expect(states).toEqual(["connecting"]);
    server.connect();
    expect(states).toEqual(["connecting", "live"]);
    expect(keys(doc)).toEqual(["mine", "theirs"]);
    expect(keys(server.doc)).toEqual(["mine", "theirs"]);
  });

  it("carries changes both ways and does not echo them", async () => {
    start();
    await settle();
    const socket = server.connect();
    const { sent } = socket;
    server.change("theirs");
    expect(keys(doc)).toEqual(["theirs"]);
    expect(socket.sent).toBe(sent);
    doc.getMap("elements").set("mine", 1);
    expect(keys(server.doc)).toEqual(["mine", "theirs"]);
  });

  it("brings together what was drawn on both sides of a cut", async () => {
    start();
    await settle();
    server.connect().cut();
    expect(states.at(-1)).toBe("lost");
    doc.getMap("elements").set("mine", 1);
    server.change("theirs");
    expect(keys(doc)).toEqual(["mine"]);
    await vi.advanceTimersByTimeAsync(500);
    server.connect();
    expect(keys(doc)).toEqual(["mine", "theirs"]);
    expect(keys(server.doc)).toEqual(["mine", "theirs"]);
  });

  it("writes nothing to a socket that is closing, and tells it on the next", async () => {
    start();
    await settle();
    const socket = server.connect();
    socket.closing = true;
    doc.getMap("elements").set("mine", 1);
    link.presence.setLocalState({ user: "li" });
    link.suspect();
    expect(keys(server.doc)).toEqual([]);
    socket.cut();
    await vi.advanceTimersByTimeAsync(500);
    server.connect();
    expect(keys(server.doc)).toEqual(["mine"]);
  });

  it("has a fresh address each time", async () => {
    start();
    await settle();
    server.connect().cut();
    await vi.advanceTimersByTimeAsync(500);
    expect(server.sockets.map(({ address }) => address)).toEqual([
      "ws://stoa.test/board?nonce=1",
      "ws://stoa.test/board?nonce=2",
    ]);
  });

  it("that ends is over: nothing is sent, nothing is tried again", async () => {
    start();
    await settle();
    const socket = server.connect();
    const { sent } = socket;
    link.close();
    doc.getMap("elements").set("mine", 1);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(socket.sent).toBe(sent);
    expect(server.sockets).toHaveLength(1);
  });
});

describe("after a cut", () => {
  it("waits longer each time, and anew after a success", async () => {
    start();
    await settle();
    for (const wait of [500, 1_000, 2_000]) {
      server.last.cut();
      await settle();
      const count = server.sockets.length;
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(server.sockets).toHaveLength(count);
      await vi.advanceTimersByTimeAsync(1);
      expect(server.sockets).toHaveLength(count + 1);
    }
    server.connect().cut();
    const count = server.sockets.length;
    await vi.advanceTimersByTimeAsync(500);
    expect(server.sockets).toHaveLength(count + 1);
  });

  it("does not wait when the network says it is back", async () => {
    start();
    await settle();
    server.connect().cut();
    link.retryNow();
    await settle();
    expect(server.sockets).toHaveLength(2);
    // The try that was due is not made as well.
    await vi.advanceTimersByTimeAsync(600);
    expect(server.sockets).toHaveLength(2);
  });

  it("stops where the server says no", async () => {
    door.refused.mockResolvedValue(true);
    start();
    await settle();
    server.last.cut();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(states.at(-1)).toBe("refused");
    expect(server.sockets).toHaveLength(1);
  });

  it("stops without a right to an address, and tries on without a server", async () => {
    door.address.mockRejectedValueOnce(ApiError.unreachable(new TypeError("offline")));
    start();
    await settle();
    expect(states).toEqual(["connecting", "lost"]);
    door.address.mockRejectedValueOnce(new ApiError("refused", 403, "", null));
    await vi.advanceTimersByTimeAsync(500);
    expect(states.at(-1)).toBe("refused");
  });
});

describe("a silent connection", () => {
  it("is asked, and stays when there is an answer", async () => {
    start();
    await settle();
    server.connect();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states).toEqual(["connecting", "live", "live", "live", "live", "live"]);
    expect(server.sockets).toHaveLength(1);
  });

  it("counts as cut when there is none", async () => {
    start();
    await settle();
    server.connect();
    server.silent = true;
    await vi.advanceTimersByTimeAsync(23_000);
    expect(states.at(-1)).toBe("lost");
    server.silent = false;
    doc.getMap("elements").set("mine", 1);
    await vi.advanceTimersByTimeAsync(500);
    server.connect();
    expect(keys(server.doc)).toEqual(["mine"]);
  });

  it("is asked at once when the network says it is gone", async () => {
    start();
    await settle();
    const socket = server.connect();
    const { sent } = socket;
    link.suspect();
    expect(socket.sent).toBe(sent + 1);
  });
});

describe("presence", () => {
  /** As the server tells of somebody, or of this page itself. */
  const tell = (socket: FakeSocket, of: Awareness, clients: number[]) => {
    const message = createEncoder();
    writeVarUint(message, 1);
    writeVarUint8Array(message, encodeAwarenessUpdate(of, clients));
    socket.receive(toUint8Array(message));
  };

  it("is told again after a cut, and others are gone meanwhile", async () => {
    start();
    await settle();
    const socket = server.connect();
    const other = new Awareness(new Doc());
    other.setLocalState({ user: "ann" });
    tell(socket, other, [other.clientID]);
    expect([...link.presence.getStates().values()]).toEqual([{ user: "ann" }]);
    const { sent } = socket;
    link.presence.setLocalState({ user: "li" });
    expect(socket.sent).toBe(sent + 1);
    // Nobody repeats what was heard of others.
    tell(socket, other, [other.clientID]);
    expect(socket.sent).toBe(sent + 1);
    socket.cut();
    expect([...link.presence.getStates().values()]).toEqual([{ user: "li" }]);
    await vi.advanceTimersByTimeAsync(500);
    // What is here, and where this user is, before the server said a word.
    expect(server.connect().sent).toBeGreaterThanOrEqual(2);
    other.destroy();
  });

  it("counts on when the server thought this page had left", async () => {
    start();
    await settle();
    const socket = server.connect();
    link.presence.setLocalState({ user: "li" });
    const { clientID, meta } = link.presence;
    const { sent } = socket;
    const theirs = new Awareness(new Doc());
    theirs.meta.set(clientID, { clock: 7, lastUpdated: 0 });
    tell(socket, theirs, [clientID]);
    expect(link.presence.getLocalState()).toEqual({ user: "li" });
    expect(meta.get(clientID)?.clock).toBe(8);
    expect(socket.sent).toBe(sent + 1);
    theirs.destroy();
  });
});

describe("what the server does not take", () => {
  it("is told", async () => {
    start();
    await settle();
    const socket = server.connect();
    const refusal = createEncoder();
    writeVarUint(refusal, 2);
    writeVarUint(refusal, 0);
    socket.receive(toUint8Array(refusal));
    expect(denied).toHaveBeenCalledOnce();
  });
});
