import { describe, expect, it } from "vitest";
import {
  type Call,
  javaString,
  jsString,
  LANGUAGES,
  pythonString,
  pythonValue,
  shellWord,
  snippet,
} from "./snippets";

const NASTY = [
  "plain",
  "it's",
  "''",
  'say "hi"',
  "back\\slash and \\n and \\u0041",
  "line one\nline two\r\n\ttab",
  "$HOME `id` $(id) !x",
  "@file",
  "中文 ✓ 😀",
  "a\u2028b\u2029c",
  "\u0001\u001b\u007f",
  "",
];

const call: Call = {
  method: "POST",
  url: "http://127.0.0.1:7880/api/chatroom/create",
  headers: [
    ["Authorization", "Bearer t'o\"k"],
    ["Content-Type", "application/json"],
  ],
  body: '{\n  "title": "it\'s \\"live\\"\\n中文",\n  "on": true,\n  "none": null\n}',
  sign: null,
};

describe("quoting", () => {
  it("gives a shell one word that is the text itself", () => {
    expect(shellWord("it's")).toBe("'it'\\''s'");
    expect(shellWord("")).toBe("''");
    // Between single quotes a shell reads nothing but the next quote, so that is all there is to see to.
    for (const text of NASTY) {
      expect(shellWord(text).slice(1, -1).replaceAll("'\\''", "'")).toBe(text);
    }
  });

  it("gives JavaScript a literal that is the text itself", () => {
    for (const text of NASTY) {
      expect(new Function(`return ${jsString(text)}`)()).toBe(text);
      expect(jsString(text)).not.toMatch(/[\n\r\u2028\u2029]/);
    }
  });

  it("gives Python literals without anything JSON alone understands", () => {
    expect(pythonString('a"b\\c\n中\u0001\u007f')).toBe('"a\\"b\\\\c\\n中\\u0001\\x7f"');
    expect(pythonValue({ a: [true, false, null, 1.5, "x"], b: {}, c: [] })).toBe(
      '{\n    "a": [\n        True,\n        False,\n        None,\n        1.5,\n        "x",\n    ],\n    "b": {},\n    "c": [],\n}',
    );
  });

  it("gives Java literals of plain ASCII whose escapes come after the translation of unicode escapes", () => {
    expect(javaString('a"b\\c\n\r\t')).toBe('"a\\"b\\\\c\\n\\r\\t"');
    expect(javaString("\\u0041")).toBe('"\\\\u0041"');
    expect(javaString("中😀")).toBe('"\\u4e2d\\ud83d\\ude00"');
    // A digit behind an octal escape must not become part of it.
    expect(javaString("\u00017\u007f")).toBe('"\\0017\\177"');
    // \u000a, \u0022 and the like would end the line or the literal.
    for (const text of NASTY) expect(javaString(text)).not.toMatch(/(?<!\\)(?:\\\\)*\\u00[0-7]/);
  });
});

describe("bodies", () => {
  it("are values of the language where nothing is lost", () => {
    expect(snippet("javascript", call)).toContain("body: JSON.stringify({");
    expect(snippet("python", call)).toContain("data=json.dumps({");
    expect(snippet("python", call)).toContain('"on": True');
  });

  it("are texts where writing them again would change them", () => {
    for (const body of [
      '{"id": 12345678901234567890}',
      '{"n": 1.0}',
      '{"__proto__": 1}',
      '{"b": 1, "1": 2}',
      "{not json",
      '"text"',
    ]) {
      expect(snippet("javascript", { ...call, body })).toContain(`body: ${jsString(body)},`);
      expect(snippet("python", { ...call, body })).toContain(
        `data=${pythonString(body)}.encode(),`,
      );
    }
  });

  it("are left out where there is none", () => {
    const bare: Call = { ...call, method: "GET", headers: [], body: null };
    expect(snippet("curl", bare)).toBe(`curl -sS -X GET '${call.url}'`);
    expect(snippet("javascript", bare)).not.toContain("body");
    expect(snippet("python", bare)).not.toContain("data=");
    expect(snippet("java", bare)).toContain("noBody()");
  });
});

describe("signed calls", () => {
  const signed: Call = {
    ...call,
    url: "http://127.0.0.1:7880/v1/im/admin_kick_user",
    sign: { appkey: "k&y", identifier: "ad min", secret: "it's $ecret" },
  };

  it("make the checksum when they are run, and never send the secret", () => {
    for (const language of LANGUAGES) {
      const lines = snippet(language, signed);
      expect(lines).toContain("appkey=k%26y&identifier=ad%20min&curtime=");
      expect(lines).toMatch(/sha-?1/i);
      expect(lines.match(/\$ecret/g)).toHaveLength(1);
    }
  });

  it("join a query that is there", () => {
    const lines = snippet("curl", { ...signed, url: `${signed.url}?a=1` });
    expect(lines).toContain("admin_kick_user?a=1&appkey=");
  });
});
