/** Reads an OpenAPI 3.1 document, as far as the explorer shows it. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  example?: unknown;
  examples?: unknown[];
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header" | "cookie";
  required: boolean;
  description: string;
  schema: Schema;
}

export interface Operation {
  /** Unique within its document. */
  key: string;
  method: string;
  path: string;
  tag: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  body: { type: string; schema: Schema } | null;
  responses: { status: string; description: string; schema: Schema | null }[];
  /** Wants a login token. */
  bearer: boolean;
  /** Wants the signature of an app in its query, as Talk's commands do. */
  signed: boolean;
}

interface RawOperation {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: (Partial<Parameter> & { $ref?: string })[];
  requestBody?: { content?: Record<string, { schema?: Schema }> };
  responses?: Record<
    string,
    { description?: string; content?: Record<string, { schema?: Schema }> }
  >;
  security?: Record<string, unknown>[];
}

export interface Document {
  info?: { title?: string; description?: string };
  paths: Record<string, Record<string, RawOperation>>;
  security?: Record<string, unknown>[];
  components?: { schemas?: Record<string, Schema>; parameters?: Record<string, Parameter> };
}

const METHODS = ["get", "put", "post", "delete", "patch"];
/** What the signer fills in. */
const SIGNATURE = ["appkey", "identifier", "curtime", "checksum", "sign"];

export function isDocument(value: unknown): value is Document {
  return (
    typeof value === "object" &&
    value !== null &&
    "paths" in value &&
    typeof value.paths === "object" &&
    value.paths !== null
  );
}

export function operations(doc: Document): Operation[] {
  const found: Operation[] = [];
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const method of METHODS) {
      const raw = item[method];
      if (raw !== undefined) found.push(operation(doc, path, method, raw));
    }
  }
  return found.sort((a, b) => compare(a.path, b.path));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function operation(doc: Document, path: string, method: string, raw: RawOperation): Operation {
  const all = (raw.parameters ?? []).map((entry) => parameter(doc, entry));
  const signed = all.some((entry) => entry.name === "checksum") && path.startsWith("/v1/im/");
  const security = raw.security ?? doc.security ?? [];
  const [type, content] = Object.entries(raw.requestBody?.content ?? {})[0] ?? [];
  return {
    key: `${method} ${path}`,
    method: method.toUpperCase(),
    path,
    tag: raw.tags?.[0] ?? "",
    summary: raw.summary ?? "",
    description: raw.description ?? "",
    parameters: signed ? all.filter((entry) => !SIGNATURE.includes(entry.name)) : all,
    body: type === undefined ? null : { type, schema: content?.schema ?? {} },
    responses: Object.entries(raw.responses ?? {}).map(([status, response]) => ({
      status,
      description: response.description ?? "",
      schema: Object.values(response.content ?? {})[0]?.schema ?? null,
    })),
    bearer: security.some((entry) => Object.keys(entry).length > 0),
    signed,
  };
}

function parameter(doc: Document, raw: Partial<Parameter> & { $ref?: string }): Parameter {
  const name = raw.$ref?.split("/").at(-1) ?? "";
  const entry = raw.$ref === undefined ? raw : (doc.components?.parameters?.[name] ?? {});
  return {
    name: entry.name ?? name,
    in: entry.in ?? "query",
    required: entry.required ?? false,
    description: entry.description ?? "",
    schema: entry.schema ?? {},
  };
}

/** Follows references; what is written beside one wins. */
export function resolve(doc: Document, schema: Schema): Schema {
  let at = schema;
  for (let steps = 0; at.$ref !== undefined && steps < 20; steps++) {
    const { $ref, ...beside } = at;
    const name = $ref.split("/").at(-1) ?? "";
    at = { ...doc.components?.schemas?.[name], ...beside };
  }
  if (at.allOf === undefined) return at;
  const { allOf, ...own } = at;
  const merged: Schema = {};
  for (const part of [...allOf.map((entry) => resolve(doc, entry)), own]) {
    Object.assign(merged, part, {
      properties: { ...merged.properties, ...part.properties },
      required: [...(merged.required ?? []), ...(part.required ?? [])],
    });
  }
  return merged;
}

/** The type that says most: `null` beside another one only says that it may be left out. */
export function typeOf(schema: Schema): string {
  const types = [schema.type ?? []].flat().filter((type) => type !== "null");
  return types[0] ?? (schema.properties === undefined ? "" : "object");
}

/** "array of string", "integer, int64". */
export function typeText(doc: Document, given: Schema): string {
  const schema = resolve(doc, given);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) {
    const texts = choices.map((choice) => typeText(doc, choice)).filter((text) => text !== "null");
    return [...new Set(texts)].join(" | ");
  }
  const type = typeOf(schema);
  if (type === "array") return `${typeText(doc, schema.items ?? {}) || "any"}[]`;
  return type || [schema.type ?? []].flat().join(" | ") || "any";
}

/** What a value must be like: "1 to 8", "at most 255 characters", in symbols that need no translation. */
export function limits(schema: Schema): string {
  const parts: string[] = [];
  if (schema.enum !== undefined) parts.push(schema.enum.map((value) => String(value)).join(" | "));
  if (schema.format !== undefined) parts.push(schema.format);
  if (schema.minimum !== undefined) parts.push(`≥ ${schema.minimum}`);
  if (schema.maximum !== undefined) parts.push(`≤ ${schema.maximum}`);
  if (schema.minLength !== undefined) parts.push(`length ≥ ${schema.minLength}`);
  if (schema.maxLength !== undefined) parts.push(`length ≤ ${schema.maxLength}`);
  if (schema.minItems !== undefined) parts.push(`items ≥ ${schema.minItems}`);
  if (schema.maxItems !== undefined) parts.push(`items ≤ ${schema.maxItems}`);
  if (schema.pattern !== undefined) parts.push(schema.pattern);
  if (schema.default !== undefined) parts.push(`= ${JSON.stringify(schema.default)}`);
  return parts.join(", ");
}

export interface FieldRow {
  name: string;
  /** How far inside other fields. */
  depth: number;
  type: string;
  required: boolean;
  description: string;
  limits: string;
}

/** Deeper than this a description helps nobody, and recursive schemas have to end somewhere. */
const DEEPEST = 4;

/** The fields of a body, those inside others below them. */
export function fieldRows(doc: Document, given: Schema, depth = 0): FieldRow[] {
  if (depth > DEEPEST) return [];
  const schema = resolve(doc, given);
  if (typeOf(schema) === "array") return fieldRows(doc, schema.items ?? {}, depth);
  const choice = (schema.oneOf ?? schema.anyOf)?.find((entry) => entry.type !== "null");
  if (choice !== undefined && schema.properties === undefined) {
    return fieldRows(doc, choice, depth);
  }
  const rows: FieldRow[] = [];
  for (const [name, entry] of Object.entries(schema.properties ?? {})) {
    const field = resolve(doc, entry);
    rows.push({
      name,
      depth,
      type: typeText(doc, entry),
      required: schema.required?.includes(name) ?? false,
      description: field.description ?? "",
      limits: limits(field),
    });
    rows.push(...fieldRows(doc, entry, depth + 1));
  }
  return rows;
}

/** Values for fields by their name, where the page knows better than a schema can. */
export type Known = (name: string) => string | undefined;

/** A body to start from: what is required, and what the description gives an example for. */
export function example(
  doc: Document,
  given: Schema,
  known: Known = () => undefined,
  name = "",
  depth = 0,
): unknown {
  const schema = resolve(doc, given);
  const said = schema.example ?? schema.examples?.[0] ?? schema.const;
  const type = typeOf(schema);
  const mine = known(name);
  if (mine !== undefined && (type === "string" || type === "")) return mine;
  if (said !== undefined) return said;
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (schema.enum !== undefined) return schema.enum[0];
  const choice = (schema.oneOf ?? schema.anyOf)?.find((entry) => entry.type !== "null");
  if (choice !== undefined && schema.properties === undefined) {
    return depth > DEEPEST ? null : example(doc, choice, known, name, depth + 1);
  }
  switch (type) {
    case "object": {
      const value: Record<string, unknown> = {};
      for (const [key, entry] of Object.entries(schema.properties ?? {})) {
        const field = resolve(doc, entry);
        const wanted = schema.required?.includes(key) || field.example !== undefined;
        if (wanted && depth <= DEEPEST) value[key] = example(doc, entry, known, key, depth + 1);
      }
      return value;
    }
    case "array":
      return (schema.minItems ?? 0) > 0
        ? [example(doc, schema.items ?? {}, known, name, depth + 1)]
        : [];
    case "integer":
    case "number":
      return Math.max(0, schema.minimum ?? 0);
    case "boolean":
      return false;
    case "string":
      return "";
    default:
      return null;
  }
}
