/** A refusal by the hub, or of a call that never arrived (code 0). */
export class HubError extends Error {
  override readonly name = "HubError";

  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export interface HubOptions {
  group: string;
  /** What this user is called. */
  name: string;
  /** A fresh connection token; asked for again whenever one is about to end. */
  token(): Promise<string>;
}

export interface HubHandlers {
  /** Inside, for the first time or again after something was missed: the answer of `join`. */
  joined(answer: unknown): void;
  /** A publication of the group, or one for this user alone. */
  payload(payload: unknown): void;
  /** Both channels are heard again, and nothing was missed. */
  live(): void;
  lost(): void;
  /** Not let in, or put out. */
  out(error: HubError): void;
  /** The connection was ended for good: by a newer login, or by the end of this one. */
  ended(reason: "replaced" | "signed-out"): void;
}

/** One connection in one group. It reconnects by itself until it is closed. */
export interface HubLink {
  /** Calls a function of the group; rejects with `HubError`. */
  call(method: string, fields?: object): Promise<unknown>;
  /** Joins again after `out`. */
  rejoin(): void;
  /** `leave`: the others are told at once, not only after the server's grace. */
  close(leave: boolean): void;
}

export type OpenHub = (options: HubOptions, handlers: HubHandlers) => HubLink;
