import type { ClassApi, UploadLimits } from "../api/classroom";
import { ApiError } from "../api/error";

/** What the server takes; it looks at the content, the page only saves a way. */
export const TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"];
/** Files that may wait at once: more are a folder dropped by mistake. */
const MOST = 50;

export type UploadProblem = "type" | "full" | "large" | "empty" | "refused" | "busy" | "network";

export interface Upload {
  readonly key: number;
  readonly name: string;
  readonly size: number;
  /** Bytes that are on their way or there. */
  readonly sent: number;
  readonly state: "waiting" | "sending" | "failed";
  readonly problem: UploadProblem | null;
}

type Api = Pick<ClassApi, "uploadFile" | "uploadLimits">;

/** Files on their way to a class, one after the other. What has arrived is courseware and no upload any more. */
export class Uploads {
  private list: readonly Upload[] = [];
  private readonly files = new Map<number, File>();
  private readonly watchers = new Set<() => void>();
  private limits: UploadLimits | null = null;
  private running: { key: number; stop: AbortController } | null = null;
  private keys = 0;
  private closed = false;

  constructor(
    private readonly api: Api,
    private readonly id: string,
    /** A file has become courseware. */
    private readonly arrived: () => void,
  ) {}

  readonly snapshot = (): readonly Upload[] => this.list;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  add(files: Iterable<File>): void {
    const room = MOST - this.list.length;
    const fresh = [...files].slice(0, Math.max(0, room)).map((file): Upload => {
      this.keys += 1;
      this.files.set(this.keys, file);
      const { name, size } = file;
      return { key: this.keys, name, size, sent: 0, state: "waiting", problem: null };
    });
    this.show([...this.list, ...fresh]);
    void this.next();
  }

  /** Taken off the list, also while it is sent. */
  remove(key: number): void {
    this.files.delete(key);
    this.show(this.list.filter((one) => one.key !== key));
    if (this.running?.key === key) this.running.stop.abort();
  }

  again(key: number): void {
    this.patch(key, { state: "waiting", problem: null, sent: 0 });
    void this.next();
  }

  close(): void {
    this.closed = true;
    this.running?.stop.abort();
  }

  private async next(): Promise<void> {
    const upload = this.list.find(({ state }) => state === "waiting");
    const file = upload && this.files.get(upload.key);
    if (this.closed || this.running !== null || upload === undefined || file === undefined) return;
    const { key } = upload;
    const stop = new AbortController();
    this.running = { key, stop };
    this.patch(key, { state: "sending" });
    const problem = await this.send(key, file, stop.signal);
    this.running = null;
    if (problem !== null) {
      this.patch(key, { state: "failed", problem });
    } else if (this.files.delete(key)) {
      this.show(this.list.filter((one) => one.key !== key));
      this.arrived();
    }
    void this.next();
  }

  private async send(key: number, file: File, signal: AbortSignal): Promise<UploadProblem | null> {
    if (file.size === 0) return "empty";
    if (file.type !== "" && !TYPES.includes(file.type)) return "type";
    try {
      this.limits ??= await this.api.uploadLimits(this.id);
      if (file.size > this.limits.maxBytes) return "large";
      const progress = (sent: number) => this.patch(key, { sent: Math.min(sent, file.size) });
      const refusal = await this.api.uploadFile(this.id, file, progress, signal);
      if (refusal === null) return null;
      return refusal === "FileType" ? "type" : "full";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return problemOf(error);
    }
  }

  private patch(key: number, patch: Partial<Upload>): void {
    this.show(this.list.map((one) => (one.key === key ? { ...one, ...patch } : one)));
  }

  private show(list: readonly Upload[]): void {
    this.list = list;
    for (const watcher of this.watchers) watcher();
  }
}

function problemOf(error: ApiError): UploadProblem {
  switch (error.kind) {
    case "unreachable":
      return "network";
    case "busy":
    case "throttled":
      return "busy";
    default:
      return error.code === 413 ? "large" : "refused";
  }
}

/** "3.4 MB", as systems show it: a picture of how much, no exact number. */
export function sizeText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const units = ["KB", "MB", "GB"];
  let value = bytes / 1_024;
  let unit = 0;
  while (value >= 1_023.5 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
