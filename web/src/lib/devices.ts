/** Which microphone and which speaker, remembered in this browser; follows what is plugged in and out. */
export type DeviceKind = "audioinput" | "audiooutput";

export interface DeviceInfo {
  id: string;
  /** Empty until the page may use the microphone. */
  label: string;
}

export interface DeviceList {
  /** What there is. */
  all: readonly DeviceInfo[];
  /** What is to be used now; empty: as the browser has it. */
  used: string;
  /** What was chosen is not plugged in. */
  missing: DeviceInfo | null;
}

export type DeviceView = Readonly<Record<DeviceKind, DeviceList>>;

interface Plugged {
  kind: string;
  deviceId: string;
  label: string;
}

const NOTHING: DeviceList = { all: [], used: "", missing: null };
const KINDS: readonly DeviceKind[] = ["audioinput", "audiooutput"];

/** Devices of a kind, each once; browsers list the default one again under its own name. */
export function devicesOf(plugged: readonly Plugged[], kind: DeviceKind): DeviceInfo[] {
  const found = new Map<string, DeviceInfo>();
  for (const { deviceId: id, label, kind: its } of plugged) {
    if (its !== kind || id === "" || id === "communications" || found.has(id)) continue;
    found.set(id, { id, label });
  }
  return [...found.values()];
}

/**
 * What to use of what there is: the chosen one, found by its id, or by its name where the browser made a new id
 * for it; else the browser's default, until the chosen one is plugged in again.
 */
export function pickDevice(all: readonly DeviceInfo[], chosen: DeviceInfo | null): DeviceList {
  const match =
    chosen === null
      ? undefined
      : (all.find(({ id }) => id === chosen.id) ??
        all.find(({ label }) => label !== "" && label === chosen.label));
  if (match !== undefined) return { all, used: match.id, missing: null };
  const fallback = all.find(({ id }) => id === "default") ?? all[0];
  // Before the page may use a microphone the browser names none: that is not missing.
  const unknown = all.length === 0;
  return { all, used: fallback?.id ?? "", missing: unknown ? null : chosen };
}

export function readChoice(stored: string | null): DeviceInfo | null {
  if (stored === null) return null;
  try {
    const value: unknown = JSON.parse(stored);
    if (typeof value !== "object" || value === null) return null;
    if (!("id" in value) || !("label" in value)) return null;
    const { id, label } = value;
    return typeof id === "string" && typeof label === "string" ? { id, label } : null;
  } catch {
    return null;
  }
}

const key = (kind: DeviceKind) => `stoa.device.${kind}`;

function load(kind: DeviceKind): DeviceInfo | null {
  try {
    return readChoice(localStorage.getItem(key(kind)));
  } catch {
    return null;
  }
}

/** One for the page. Looks at the devices while somebody watches. */
class Devices {
  private view: DeviceView = { audioinput: NOTHING, audiooutput: NOTHING };
  private plugged: readonly Plugged[] = [];
  private readonly watchers = new Set<() => void>();

  readonly snapshot = (): DeviceView => this.view;

  readonly subscribe = (watcher: () => void): (() => void) => {
    if (this.watchers.size === 0) media()?.addEventListener("devicechange", this.look);
    this.watchers.add(watcher);
    void this.look();
    return () => {
      this.watchers.delete(watcher);
      if (this.watchers.size === 0) media()?.removeEventListener("devicechange", this.look);
    };
  };

  /** Also after the page got its permission: only then the devices have names. */
  readonly look = async (): Promise<void> => {
    try {
      this.plugged = (await media()?.enumerateDevices()) ?? [];
    } catch {
      // Forbidden by the browser: the default is used.
      this.plugged = [];
    }
    this.show();
  };

  choose(kind: DeviceKind, id: string): void {
    const chosen = this.view[kind].all.find((device) => device.id === id);
    if (chosen === undefined) return;
    try {
      localStorage.setItem(key(kind), JSON.stringify(chosen));
    } catch {
      // Not kept: it holds as long as nothing is plugged in or out.
    }
    this.view = { ...this.view, [kind]: { ...this.view[kind], used: id, missing: null } };
    this.tell();
  }

  private show(): void {
    const next = { ...this.view };
    for (const kind of KINDS) next[kind] = pickDevice(devicesOf(this.plugged, kind), load(kind));
    if (JSON.stringify(next) === JSON.stringify(this.view)) return;
    this.view = next;
    this.tell();
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher();
  }
}

/** Absent outside secure contexts. */
function media(): MediaDevices | undefined {
  return typeof navigator === "undefined" ? undefined : navigator.mediaDevices;
}

export const devices = new Devices();
