/** Ready lines for a call in four languages: pure functions from a call to text that runs as it stands. */

export interface Call {
  method: string;
  /** With the query, percent-encoded, without the signature. */
  url: string;
  headers: readonly (readonly [name: string, value: string])[];
  /** Null: no body. */
  body: string | null;
  /** Signed when it is run: a signature is good for some minutes only. */
  sign: Signer | null;
}

export interface Signer {
  appkey: string;
  identifier: string;
  secret: string;
}

export const LANGUAGES = ["curl", "javascript", "python", "java"] as const;
export type Language = (typeof LANGUAGES)[number];

export function snippet(language: Language, call: Call): string {
  return generators[language](call);
}

const generators: Record<Language, (call: Call) => string> = {
  curl,
  javascript,
  python,
  java,
};

// Shell

/** One word of a POSIX shell: inside single quotes everything is itself, except the quote. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function curl(call: Call): string {
  const lines: string[] = [];
  let url = shellWord(call.url);
  if (call.sign !== null) {
    lines.push(
      `secret=${shellWord(call.sign.secret)}`,
      "curtime=$(date +%s)",
      `checksum=$(printf '%s%s' "$secret" "$curtime" | openssl dgst -sha1 | awk '{print $NF}')`,
    );
    url = `${shellWord(call.url + signedPart(call))}"$curtime&checksum=$checksum"`;
  }
  const words = [`curl -sS -X ${call.method} ${url}`];
  for (const [name, value] of call.headers) words.push(`-H ${shellWord(`${name}: ${value}`)}`);
  // Not `--data`: that reads a file where the text begins with @.
  if (call.body !== null) words.push(`--data-raw ${shellWord(call.body)}`);
  lines.push(words.join(" \\\n  "));
  return lines.join("\n");
}

/** The query of a signed call up to the value of `curtime`. */
function signedPart({ url, sign }: Call): string {
  if (sign === null) return "";
  const pairs = `appkey=${encodeURIComponent(sign.appkey)}&identifier=${encodeURIComponent(sign.identifier)}`;
  return `${url.includes("?") ? "&" : "?"}${pairs}&curtime=`;
}

// JavaScript

/** A string literal of JavaScript: JSON is one, once the two line separators of Unicode do not end a line. */
export function jsString(text: string): string {
  return JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function javascript(call: Call): string {
  const lines: string[] = [];
  let url = jsString(call.url);
  if (call.sign !== null) {
    lines.push(
      'import { createHash } from "node:crypto";',
      "",
      `const secret = ${jsString(call.sign.secret)};`,
      "const curtime = String(Math.floor(Date.now() / 1000));",
      'const checksum = createHash("sha1").update(secret + curtime).digest("hex");',
    );
    url = `${jsString(call.url + signedPart(call))} + curtime + "&checksum=" + checksum`;
  }
  lines.push(`const response = await fetch(${url}, {`, `  method: ${jsString(call.method)},`);
  if (call.headers.length > 0) {
    lines.push("  headers: {");
    for (const [name, value] of call.headers) {
      lines.push(`    ${jsString(name)}: ${jsString(value)},`);
    }
    lines.push("  },");
  }
  if (call.body !== null) lines.push(`  body: ${jsBody(call.body)},`);
  lines.push("});", "console.log(response.status, await response.text());");
  return lines.join("\n");
}

function jsBody(body: string): string {
  const value = faithful(body);
  if (value === undefined) return jsString(body);
  const literal = indent(JSON.stringify(value, null, 2), "  ");
  return `JSON.stringify(${literal.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")})`;
}

/** The value of a JSON text that says the same when written again; undefined if something would be lost or change. */
function faithful(body: string): object | undefined {
  // As a key of an object literal it would set the prototype.
  if (body.includes("__proto__")) return undefined;
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null) return undefined;
    return tokens(JSON.stringify(value)) === tokens(body) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A JSON text without the blanks between its parts. */
function tokens(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (part) => (part.startsWith('"') ? part : ""));
}

function indent(text: string, by: string): string {
  return text.replaceAll("\n", `\n${by}`);
}

// Python

/** A string literal of Python: JSON's escapes are Python's, and JSON leaves everything else as it is. */
export function pythonString(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\x7f");
}

/** A literal of Python for a JSON value. */
export function pythonValue(value: unknown, by = ""): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return pythonString(value);
  if (typeof value !== "object") return String(value);
  const inner = `${by}    `;
  const parts = Array.isArray(value)
    ? value.map((item: unknown) => `${inner}${pythonValue(item, inner)},\n`)
    : Object.entries(value).map(
        ([key, item]) => `${inner}${pythonString(key)}: ${pythonValue(item, inner)},\n`,
      );
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return parts.length === 0 ? open + close : `${open}\n${parts.join("")}${by}${close}`;
}

function python(call: Call): string {
  const value = call.body === null ? undefined : faithful(call.body);
  const lines: string[] = [];
  if (call.sign !== null) lines.push("import hashlib");
  if (value !== undefined) lines.push("import json");
  if (call.sign !== null) lines.push("import time");
  lines.push("import urllib.error", "import urllib.request", "");
  let url = pythonString(call.url);
  if (call.sign !== null) {
    lines.push(
      `secret = ${pythonString(call.sign.secret)}`,
      "curtime = str(int(time.time()))",
      "checksum = hashlib.sha1((secret + curtime).encode()).hexdigest()",
    );
    url = `${pythonString(call.url + signedPart(call))} + curtime + "&checksum=" + checksum`;
  }
  lines.push(
    "request = urllib.request.Request(",
    `    ${url},`,
    `    method=${pythonString(call.method)},`,
  );
  if (call.headers.length > 0) {
    const headers = Object.fromEntries(call.headers);
    lines.push(`    headers=${pythonValue(headers, "    ")},`);
  }
  if (value !== undefined) {
    lines.push(`    data=json.dumps(${pythonValue(value, "    ")}).encode(),`);
  } else if (call.body !== null) {
    lines.push(`    data=${pythonString(call.body)}.encode(),`);
  }
  lines.push(
    ")",
    "try:",
    "    with urllib.request.urlopen(request) as response:",
    "        print(response.status, response.read().decode())",
    "except urllib.error.HTTPError as error:",
    "    print(error.code, error.read().decode())",
  );
  return lines.join("\n");
}

// Java

const JAVA_ESCAPES: Record<string, string> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
};

/**
 * A string literal of Java. Unicode escapes are read before anything else, so one for a control character would end
 * the line or the literal: those are octal. Everything beyond ASCII is escaped: what a compiler takes a file for
 * depends on the machine.
 */
export function javaString(text: string): string {
  let literal = "";
  // By UTF-16 units, as Java counts.
  for (let i = 0; i < text.length; i++) {
    const unit = text.charAt(i);
    const code = text.charCodeAt(i);
    const known = JAVA_ESCAPES[unit];
    if (known !== undefined) literal += known;
    else if (code < 0x20 || code === 0x7f) literal += `\\${code.toString(8).padStart(3, "0")}`;
    else if (code > 0x7f) literal += `\\u${code.toString(16).padStart(4, "0")}`;
    else literal += unit;
  }
  return `"${literal}"`;
}

/** One literal for each line of the text, as they are read. */
function javaLines(text: string, by: string): string {
  const lines = text.split("\n");
  return lines
    .map((line, index) => javaString(index < lines.length - 1 ? `${line}\n` : line))
    .join(`\n${by}+ `);
}

function java(call: Call): string {
  const imports = [
    "java.net.URI",
    "java.net.http.HttpClient",
    "java.net.http.HttpRequest",
    "java.net.http.HttpResponse",
  ];
  if (call.sign !== null) {
    imports.push(
      "java.nio.charset.StandardCharsets",
      "java.security.MessageDigest",
      "java.util.HexFormat",
    );
  }
  const lines = imports.map((name) => `import ${name};`);
  lines.push("", "class Call {", "  public static void main(String[] args) throws Exception {");
  let url = javaString(call.url);
  if (call.sign !== null) {
    lines.push(
      `    String secret = ${javaString(call.sign.secret)};`,
      "    String curtime = String.valueOf(System.currentTimeMillis() / 1000);",
      '    byte[] digest = MessageDigest.getInstance("SHA-1")',
      "        .digest((secret + curtime).getBytes(StandardCharsets.UTF_8));",
      "    String checksum = HexFormat.of().formatHex(digest);",
    );
    url = `${javaString(call.url + signedPart(call))}\n            + curtime + "&checksum=" + checksum`;
  }
  lines.push(`    HttpRequest request = HttpRequest.newBuilder(URI.create(${url}))`);
  for (const [name, value] of call.headers) {
    lines.push(`        .header(${javaString(name)}, ${javaString(value)})`);
  }
  const publisher =
    call.body === null
      ? "HttpRequest.BodyPublishers.noBody()"
      : `HttpRequest.BodyPublishers.ofString(\n            ${javaLines(call.body, "            ")})`;
  lines.push(
    `        .method(${javaString(call.method)}, ${publisher})`,
    "        .build();",
    "    HttpResponse<String> response = HttpClient.newHttpClient()",
    "        .send(request, HttpResponse.BodyHandlers.ofString());",
    '    System.out.println(response.statusCode() + " " + response.body());',
    "  }",
    "}",
  );
  return lines.join("\n");
}
