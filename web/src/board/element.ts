/** What is drawn: Excalidraw's elements, as far as boards have them. Pictures and foreign pages need more than an element. */
const TYPES = ["rectangle", "ellipse", "diamond", "line", "arrow", "freedraw", "text"] as const;
type ElementType = (typeof TYPES)[number];

/** An element as the drawing library has it. What this page does not look at is passed on. */
export interface SceneElement {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly versionNonce: number;
  /** Decides what lies above what. */
  readonly index: string | null;
  readonly isDeleted: boolean;
  readonly updated: number;
  readonly [key: string]: unknown;
}

/** Which of two states of an element is the later one: the same answer on every page. */
export interface Version {
  readonly version: number;
  readonly versionNonce: number;
}

/** As the drawing library decides it. */
export function newer(a: Version, b: Version): boolean {
  if (a.version !== b.version) return a.version > b.version;
  return a.versionNonce < b.versionNonce;
}

export function same(a: Version, b: Version): boolean {
  return a.version === b.version && a.versionNonce === b.versionNonce;
}

/** What is asked of every element of the document, again and again. */
export interface Header extends Version {
  readonly page: number;
  readonly isDeleted: boolean;
  readonly updated: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** Pixels; the server draws nothing beyond it either. */
const FAR = 1_000_000;
const MAX_TEXT = 20_000;

export function drawable(type: string): boolean {
  return TYPES.some((one) => one === type);
}

/** Null: nothing that can be shown here. Other clients write what they like. */
export function readHeader(value: unknown): Header | null {
  const map = fields(value);
  if (map === null || typeof map["type"] !== "string" || !drawable(map["type"])) return null;
  return {
    page: number(map["page"], 0),
    version: Math.max(1, integer(map["version"], 1)),
    versionNonce: integer(map["versionNonce"], 0),
    isDeleted: map["isDeleted"] === true,
    updated: integer(map["updated"], 0),
  };
}

/**
 * A new object each time: the drawing library changes its elements in place. Null: nothing that can be shown, or not yet.
 */
export function readElement(id: string, value: unknown): SceneElement | null {
  const [map, header] = [fields(value), readHeader(value)];
  const type = TYPES.find((one) => one === map?.["type"]);
  if (map === null || header === null || type === undefined) return null;
  if (hasPoints(type) && readPoints(map["points"]).length < fewest(type)) return null;
  const { page: _, ...rest } = header;
  return { ...base(id, map), ...rest, ...own(type, map) };
}

function base(id: string, map: Fields) {
  return {
    id,
    type: text(map["type"]),
    x: between(map["x"], 0, -FAR, FAR),
    y: between(map["y"], 0, -FAR, FAR),
    width: between(map["width"], 0, -FAR, FAR),
    height: between(map["height"], 0, -FAR, FAR),
    angle: number(map["angle"], 0),
    strokeColor: colour(map["strokeColor"], "#1e1e1e"),
    backgroundColor: colour(map["backgroundColor"], "transparent"),
    fillStyle: oneOf(map["fillStyle"], ["solid", "hachure", "cross-hatch", "zigzag"]),
    strokeWidth: between(map["strokeWidth"], 2, 0.1, 200),
    strokeStyle: oneOf(map["strokeStyle"], ["solid", "dashed", "dotted"]),
    roughness: between(map["roughness"], 0, 0, 3),
    opacity: between(map["opacity"], 100, 0, 100),
    roundness: readRoundness(map["roundness"]),
    seed: Math.max(1, integer(map["seed"], 1)),
    index: typeof map["index"] === "string" && map["index"] !== "" ? map["index"] : null,
    groupIds: strings(map["groupIds"]),
    // Frames are nothing boards have.
    frameId: null,
    boundElements: readBound(map["boundElements"]),
    link: link(map["link"]),
    locked: map["locked"] === true,
    ...(fields(map["customData"]) === null ? {} : { customData: clone(map["customData"]) }),
  };
}

function own(type: ElementType, map: Fields): Fields {
  switch (type) {
    case "text":
      return readText(map);
    case "freedraw":
      return readStroke(map);
    case "line":
    case "arrow":
      return readLine(type, map);
    default:
      return {};
  }
}

function readText(map: Fields): Fields {
  const written = text(map["text"]).slice(0, MAX_TEXT);
  return {
    text: written,
    originalText: text(map["originalText"]).slice(0, MAX_TEXT) || written,
    fontSize: between(map["fontSize"], 20, 1, 1_000),
    // Those of the library; 4 was never one.
    fontFamily: [1, 2, 3, 5, 6, 7, 8, 9].find((one) => one === map["fontFamily"]) ?? 5,
    textAlign: oneOf(map["textAlign"], ["left", "center", "right"]),
    verticalAlign: oneOf(map["verticalAlign"], ["top", "middle", "bottom"]),
    containerId: typeof map["containerId"] === "string" ? map["containerId"] : null,
    autoResize: map["autoResize"] !== false,
    lineHeight: between(map["lineHeight"], 1.25, 0.5, 5),
  };
}

function readStroke(map: Fields): Fields {
  const points = readPoints(map["points"]);
  const told = Array.isArray(map["pressures"]) ? map["pressures"] : [];
  const pressures = told.filter(isNumber);
  const real = pressures.length === points.length && map["simulatePressure"] === false;
  return {
    points,
    pressures: real ? pressures : [],
    simulatePressure: !real,
    // Without it the stroke goes on, and its end is drawn otherwise.
    lastCommittedPoint: readPoint(map["lastCommittedPoint"]),
  };
}

const HEADS = [
  "arrow",
  "bar",
  "dot",
  "circle",
  "circle_outline",
  "triangle",
  "triangle_outline",
  "diamond",
  "diamond_outline",
  "crowfoot_one",
  "crowfoot_many",
  "crowfoot_one_or_many",
];

function readLine(type: "line" | "arrow", map: Fields): Fields {
  const head = (key: string, absent: string | null) =>
    map[key] === undefined ? absent : (HEADS.find((one) => one === map[key]) ?? null);
  const line = {
    points: readPoints(map["points"]),
    lastCommittedPoint: readPoint(map["lastCommittedPoint"]),
    startBinding: readBinding(map["startBinding"]),
    endBinding: readBinding(map["endBinding"]),
    startArrowhead: head("startArrowhead", null),
    endArrowhead: head("endArrowhead", type === "arrow" ? "arrow" : null),
  };
  if (type === "line") return line;
  if (map["elbowed"] !== true) return { ...line, elbowed: false };
  return {
    ...line,
    elbowed: true,
    fixedSegments: readSegments(map["fixedSegments"]),
    startIsSpecial: map["startIsSpecial"] === true,
    endIsSpecial: map["endIsSpecial"] === true,
  };
}

function readBinding(value: unknown): Fields | null {
  const map = fields(value);
  if (map === null || typeof map["elementId"] !== "string") return null;
  const fixed = readPoint(map["fixedPoint"]);
  return {
    elementId: map["elementId"],
    focus: number(map["focus"], 0),
    gap: number(map["gap"], 1),
    ...(fixed === null ? {} : { fixedPoint: fixed }),
  };
}

function readSegments(value: unknown): Fields[] | null {
  if (!Array.isArray(value)) return null;
  return value.flatMap((one: unknown) => {
    const map = fields(one);
    const [start, end] = [readPoint(map?.["start"]), readPoint(map?.["end"])];
    if (start === null || end === null) return [];
    return [{ start, end, index: integer(map?.["index"], 1) }];
  });
}

function readRoundness(value: unknown): Fields | null {
  const map = fields(value);
  const type = [1, 2, 3].find((one) => one === map?.["type"]);
  if (map === null) return null;
  return { type: type ?? 3, ...(isNumber(map["value"]) ? { value: map["value"] } : {}) };
}

function readBound(value: unknown): Fields[] | null {
  if (!Array.isArray(value)) return null;
  return value.flatMap((one: unknown) => {
    const map = fields(one);
    if (typeof map?.["id"] !== "string") return [];
    const type = oneOf(map["type"], ["arrow", "text"]);
    return [{ id: map["id"], type }];
  });
}

function hasPoints(type: string): boolean {
  return type === "line" || type === "arrow" || type === "freedraw";
}

/** A line begins as a point, which the library does not draw; some of its steps fail on it. */
function fewest(type: string): number {
  return type === "freedraw" ? 1 : 2;
}

function readPoints(value: unknown): [number, number][] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((point: unknown): [number, number][] => {
    if (!Array.isArray(point)) return [];
    const [x, y]: unknown[] = point;
    return isNumber(x) && isNumber(y) ? [[x, y]] : [];
  });
}

function readPoint(value: unknown): [number, number] | null {
  return readPoints([value])[0] ?? null;
}

/** Links come from other people: nothing but web addresses is followed. */
function link(value: unknown): string | null {
  return typeof value === "string" && /^https?:\/\//i.test(value) ? value : null;
}

/** A colour of a harmless form. */
function colour(value: unknown, otherwise: string): string {
  const told = text(value);
  return /^(#[0-9a-f]{3,8}|[a-z]{3,24})$/i.test(told) ? told : otherwise;
}

/** The first one stands in for what is none of them. */
function oneOf(value: unknown, known: readonly [string, ...string[]]): string {
  return known.find((one) => one === value) ?? known[0];
}

function fields(value: unknown): Fields | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return value as Fields;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function between(value: unknown, otherwise: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, number(value, otherwise)));
}

function integer(value: unknown, otherwise: number): number {
  return Number.isSafeInteger(value) ? (value as number) : otherwise;
}

function number(value: unknown, otherwise: number): number {
  return isNumber(value) ? value : otherwise;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function clone(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** The order in which they are drawn: the same on every page. */
export function byOrder(a: SceneElement, b: SceneElement): number {
  const [one, other] = [a.index ?? "", b.index ?? ""];
  if (one !== other) return one < other ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
