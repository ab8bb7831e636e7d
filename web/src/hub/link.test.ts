import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/error";
import { openHub } from "./link";
import { HubError } from "./port";

type Handler = (context: Record<string, unknown>) => void;

/** What both halves of the SDK have in common here: handlers, and the power to call them. */
class Emitter {
  private readonly handlers = new Map<string, Handler>();

  on(event: string, handler: Handler): this {
    this.handlers.set(event, handler);
    return this;
  }

  emit(event: string, context: Record<string, unknown> = {}): void {
    this.handlers.get(event)?.(context);
  }
}

class Subscription extends Emitter {
  state = "unsubscribed";

  constructor(
    readonly channel: string,
    readonly options: object,
  ) {
    super();
  }

  subscribe(): void {
    this.state = "subscribing";
  }

  subscribed(recovered = true): void {
    this.state = "subscribed";
    this.emit("subscribed", { wasRecovering: true, recovered });
  }
}

const sdk = vi.hoisted(() => ({ made: [] as unknown[], Unauthorized: class extends Error {} }));

class Client extends Emitter {
  readonly subscriptions: Subscription[] = [];
  readonly rpc = vi.fn(async (method: string): Promise<{ data: unknown }> => {
    return { data: method === "group.join" ? joined : {} };
  });
  readonly connect = vi.fn();
  readonly disconnect = vi.fn();
  readonly setToken = vi.fn();
  readonly removeSubscription = vi.fn((gone: Subscription) =>
    gone.emit("unsubscribed", { code: 0 }),
  );

  constructor(
    readonly url: string,
    readonly options: { getToken: () => Promise<string> },
  ) {
    super();
    sdk.made.push(this);
  }

  newSubscription(channel: string, options: object): Subscription {
    const made = new Subscription(channel, options);
    this.subscriptions.push(made);
    return made;
  }
}

vi.mock("centrifuge", () => ({
  Centrifuge: class {
    constructor(url: string, options: { getToken: () => Promise<string> }) {
      // biome-ignore lint/correctness/noConstructorReturn: the fake stands in for the class of the SDK
      return new Client(url, options);
    }
  },
  UnauthorizedError: sdk.Unauthorized,
}));

const position = { offset: 7, epoch: "e" };
const joined = {
  channels: ["room:g", "chat:g"],
  pos: { "room:g": position, "chat:g": position },
  version: 1,
};

const handlers = {
  joined: vi.fn(),
  payload: vi.fn(),
  live: vi.fn(),
  lost: vi.fn(),
  out: vi.fn(),
  ended: vi.fn(),
};
const token = vi.fn(async () => "t");
const settle = () => vi.advanceTimersByTimeAsync(0);

function open() {
  const link = openHub({ group: "g", name: "ann", token }, handlers);
  const client = sdk.made.at(-1) as Client;
  const joins = () => client.rpc.mock.calls.filter(([method]) => method === "group.join").length;
  return { link, client, joins };
}

async function inside() {
  const made = open();
  made.client.emit("connected");
  await settle();
  for (const subscription of made.client.subscriptions) subscription.subscribed();
  return made;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  vi.stubGlobal("location", { origin: "https://stoa.test" });
  vi.stubGlobal("window", { setTimeout });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a connection to the hub", () => {
  it("is to the server of this page, joins, and hears both channels from the answer's positions on", async () => {
    const { client } = await inside();
    expect(client.url).toBe("wss://stoa.test/connection/websocket");
    expect(handlers.joined).toHaveBeenCalledExactlyOnceWith(joined);
    expect(client.subscriptions.map(({ channel, options }) => [channel, options])).toEqual([
      ["room:g", { since: position }],
      ["chat:g", { since: position }],
    ]);
    expect(handlers.live).toHaveBeenCalledOnce();
    client.subscriptions[1]?.emit("publication", { data: { kind: "a" } });
    client.emit("publication", { data: { kind: "b" } });
    expect(handlers.payload.mock.calls).toEqual([[{ kind: "a" }], [{ kind: "b" }]]);
  });

  it("joins again when something was missed, at some moment within three seconds, and only then", async () => {
    const { client, joins } = await inside();
    client.emit("connecting");
    expect(handlers.lost).toHaveBeenCalled();
    client.emit("connected");
    for (const subscription of client.subscriptions) subscription.subscribed();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(joins()).toBe(1);
    for (const subscription of client.subscriptions) subscription.subscribed(false);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(joins()).toBe(2);
    expect(handlers.joined).toHaveBeenCalledTimes(2);
    // They are at the newest position already.
    expect(client.subscriptions).toHaveLength(2);
  });

  it("tells once who was put out, and subscribes anew when joining again", async () => {
    const { link, client } = await inside();
    client.subscriptions[0]?.emit("unsubscribed", { code: 2000, reason: "server" });
    expect(handlers.out).toHaveBeenCalledOnce();
    link.rejoin();
    await settle();
    expect(client.subscriptions).toHaveLength(4);
  });

  it("tells a refusal to join, and tries again after a fault", async () => {
    const { client, joins } = open();
    client.rpc.mockRejectedValueOnce({ code: 100, message: "internal server error" });
    client.rpc.mockRejectedValueOnce({ code: 1403, message: "banned" });
    client.emit("connected");
    await settle();
    expect(handlers.out).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(joins()).toBe(2);
    expect(handlers.out).toHaveBeenCalledExactlyOnceWith(new HubError(1403, "banned"));
  });

  it.each([
    [4504, "replaced"],
    [4503, "signed-out"],
    [4501, "signed-out"],
  ])("ends with %i: %s", async (code, reason) => {
    const { client } = await inside();
    client.emit("disconnected", { code });
    expect(handlers.ended).toHaveBeenCalledExactlyOnceWith(reason);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.connect).toHaveBeenCalledOnce();
  });

  it("comes back with a new token when the SDK gave up, and joins anew", async () => {
    const { client, joins } = await inside();
    client.emit("disconnected", { code: 3500 });
    expect(handlers.out).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(client.setToken).toHaveBeenCalledWith("");
    expect(client.connect).toHaveBeenCalledTimes(2);
    client.emit("connected");
    await settle();
    expect(joins()).toBe(2);
  });

  it("gets its token from the page, and stops asking when that is refused", async () => {
    const { client } = open();
    await expect(client.options.getToken()).resolves.toBe("t");
    token.mockRejectedValueOnce(new ApiError("refused", 403, "", null));
    await expect(client.options.getToken()).rejects.toBeInstanceOf(sdk.Unauthorized);
    token.mockRejectedValueOnce(new ApiError("busy", 503, "", null));
    await expect(client.options.getToken()).rejects.toBeInstanceOf(ApiError);
  });

  it("says goodbye before it closes, where that is meant", async () => {
    const { link, client } = await inside();
    link.close(true);
    expect(client.rpc).toHaveBeenLastCalledWith("group.leave", { groupId: "g" });
    await settle();
    expect(client.disconnect).toHaveBeenCalledOnce();
    const other = await inside();
    other.link.close(false);
    expect(other.client.rpc).toHaveBeenCalledOnce();
    expect(other.client.disconnect).toHaveBeenCalledOnce();
  });
});
