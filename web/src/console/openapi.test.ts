import { describe, expect, it } from "vitest";
import classroom from "../../../docs/openapi/classroom.json";
import console_ from "../../../docs/openapi/console.json";
import hub from "../../../docs/openapi/hub.json";
import talk from "../../../docs/openapi/talk.json";
import voiceRoom from "../../../docs/openapi/voice-room.json";
import { callOf, masked, parameterKey, pretty } from "./call";
import { type Document, example, fieldRows, isDocument, limits, operations } from "./openapi";

const FILES: Record<string, unknown> = {
  "voice-room": voiceRoom,
  talk,
  classroom,
  hub,
  console: console_,
};
const read = (name: string): Document => {
  const doc = FILES[name];
  if (!isDocument(doc)) throw new Error(`${name} is no OpenAPI document`);
  return doc;
};
const find = (doc: Document, key: string) => {
  const found = operations(doc).find((operation) => operation.key === key);
  if (found === undefined) throw new Error(`no ${key}`);
  return found;
};

describe("the documents of the server", () => {
  for (const name of ["voice-room", "talk", "classroom", "hub", "console"]) {
    it(`${name}: every route has what the explorer shows`, () => {
      const doc = read(name);
      const all = operations(doc);
      expect(all.length).toBe(
        Object.values(doc.paths).reduce((sum, item) => sum + Object.keys(item).length, 0),
      );
      expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
      for (const operation of all) {
        expect(operation.summary).not.toBe("");
        expect(operation.tag).not.toBe("");
        if (operation.body?.type.includes("json")) {
          expect(() => JSON.stringify(example(doc, operation.body?.schema ?? {}))).not.toThrow();
        }
      }
    });
  }

  it("example bodies name the caller and hold what is required", () => {
    const doc = read("voice-room");
    const create = find(doc, "post /api/chatroom/create");
    const known = (name: string) => (name === "anchor" ? "alice" : undefined);
    expect(example(doc, create.body?.schema ?? {}, known)).toEqual({ title: "", anchor: "alice" });
  });

  it("fields tell type, need and limits", () => {
    const doc = read("voice-room");
    const create = find(doc, "post /api/chatroom/create");
    const rows = fieldRows(doc, create.body?.schema ?? {});
    const anchor = rows.find((row) => row.name === "anchor");
    expect(anchor).toMatchObject({ type: "string", required: true, depth: 0 });
    expect(anchor?.limits).toBe("length ≥ 1, length ≤ 255");
  });

  it("what the signer fills in is no field of the form", () => {
    const kick = find(read("talk"), "post /v1/im/admin_kick_user");
    expect(kick.signed).toBe(true);
    expect(kick.bearer).toBe(false);
    expect(kick.parameters).toEqual([]);
  });
});

describe("schemas", () => {
  const doc: Document = {
    paths: {},
    components: {
      schemas: {
        Tree: {
          type: "object",
          properties: { leaf: { type: "string" }, next: { $ref: "#/components/schemas/Tree" } },
          required: ["next", "leaf"],
        },
        Loop: { $ref: "#/components/schemas/Loop" },
      },
    },
  };

  it("that contain themselves come to an end", () => {
    const tree = { $ref: "#/components/schemas/Tree" };
    expect(fieldRows(doc, tree).length).toBeLessThan(20);
    expect(JSON.stringify(example(doc, tree)).length).toBeLessThan(500);
    expect(fieldRows(doc, { $ref: "#/components/schemas/Loop" })).toEqual([]);
  });

  it("that are missing or composed are read as far as possible", () => {
    expect(fieldRows(doc, { $ref: "#/components/schemas/Nowhere" })).toEqual([]);
    const both = {
      allOf: [
        { properties: { a: { type: "string" } }, required: ["a"] },
        { properties: { b: { type: ["integer", "null"], minimum: 3 } }, required: ["b"] },
      ],
    };
    expect(example(doc, both)).toEqual({ a: "", b: 3 });
    expect(limits({ enum: ["x", "y"], maximum: 4 })).toBe("x | y, ≤ 4");
  });
});

describe("calls", () => {
  const doc = read("console");

  it("put parameters where they belong, encoded, and leave empty ones out", () => {
    const operation = find(doc, "get /api/console/v1/channels/{app}/{channel}");
    const path = { [parameterKey({ in: "path", name: "app" })]: "1000" };
    const filled = { ...path, [parameterKey({ in: "path", name: "channel" })]: "a/b c?" };
    const call = callOf(operation, { parameters: filled, body: "" }, "http://h", "tok", null);
    expect(call.url).toBe("http://h/api/console/v1/channels/1000/a%2Fb%20c%3F");
    expect(call.headers).toEqual([["Authorization", "Bearer tok"]]);
    expect(call.body).toBeNull();
    const list = find(doc, "get /api/console/v1/channels");
    const query = { [parameterKey({ in: "query", name: "q" })]: "a&b" };
    expect(callOf(list, { parameters: query, body: "" }, "http://h", "tok", null).url).toBe(
      "http://h/api/console/v1/channels?q=a%26b",
    );
  });

  it("hide token and secret from the eyes", () => {
    const operation = find(doc, "post /api/console/v1/bans/lift");
    const call = callOf(operation, { parameters: {}, body: "{}" }, "http://h", "tok", null);
    expect(JSON.stringify(masked(call))).not.toContain("tok");
    const sign = { appkey: "k", identifier: "admin", secret: "s3cret" };
    expect(JSON.stringify(masked({ ...call, sign }))).not.toContain("s3cret");
  });

  it("sets out JSON and leaves other text alone", () => {
    expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(pretty("v=0\r\n")).toBe("v=0\r\n");
  });
});
