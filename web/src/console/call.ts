import { checksum } from "../api/talk";
import type { Operation } from "./openapi";
import type { Call, Signer } from "./snippets";

/** What was typed into the form of an operation. */
export interface Filled {
  /** By `in` and name of the parameter, as `parameterKey` joins them. */
  parameters: Readonly<Record<string, string>>;
  body: string;
}

export function parameterKey({ in: place, name }: { in: string; name: string }): string {
  return `${place} ${name}`;
}

/** The call that the form describes. An optional parameter that is empty is left out. */
export function callOf(
  operation: Operation,
  filled: Filled,
  origin: string,
  token: string,
  sign: Signer | null,
): Call {
  let path = operation.path;
  const query: string[] = [];
  const headers: [string, string][] = [];
  for (const parameter of operation.parameters) {
    const value = filled.parameters[parameterKey(parameter)] ?? "";
    if (parameter.in === "path") {
      path = path.replaceAll(`{${parameter.name}}`, encodeURIComponent(value));
    } else if (value !== "" || parameter.required) {
      if (parameter.in === "query") {
        query.push(`${encodeURIComponent(parameter.name)}=${encodeURIComponent(value)}`);
      } else if (parameter.in === "header") headers.push([parameter.name, value]);
    }
  }
  if (operation.bearer) headers.push(["Authorization", `Bearer ${token}`]);
  const body = operation.body === null || filled.body === "" ? null : filled.body;
  if (operation.body !== null && body !== null) headers.push(["Content-Type", operation.body.type]);
  return {
    method: operation.method,
    url: origin + path + (query.length > 0 ? `?${query.join("&")}` : ""),
    headers,
    body,
    sign: operation.signed ? sign : null,
  };
}

export interface Answer {
  status: number;
  ms: number;
  requestId: string | null;
  type: string;
  /** JSON is set out in lines; null where the answer is no text. */
  body: string | null;
  size: number;
}

/** How long a call from the explorer may take. */
const LIMIT_MS = 30_000;

export async function sendCall(call: Call): Promise<Answer> {
  let url = call.url;
  if (call.sign !== null) {
    const curtime = String(Math.floor(Date.now() / 1_000));
    const pairs = {
      appkey: call.sign.appkey,
      identifier: call.sign.identifier,
      curtime,
      checksum: await checksum(call.sign.secret, curtime),
    };
    const signed = Object.entries(pairs).map(
      ([name, value]) => `${name}=${encodeURIComponent(value)}`,
    );
    url += (url.includes("?") ? "&" : "?") + signed.join("&");
  }
  const began = performance.now();
  const response = await fetch(url, {
    method: call.method,
    headers: call.headers.map(([name, value]): [string, string] => [name, value]),
    signal: AbortSignal.timeout(LIMIT_MS),
    ...(call.body === null ? {} : { body: call.body }),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const type = response.headers.get("content-type") ?? "";
  return {
    status: response.status,
    ms: performance.now() - began,
    requestId: response.headers.get("x-request-id"),
    type,
    body: /json|^text\/|sdp|^$/.test(type) ? pretty(new TextDecoder().decode(bytes)) : null,
    size: bytes.length,
  };
}

export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const MASK = "********";

/** The same call for the eyes: login token and app secret are stars. */
export function masked(call: Call): Call {
  return {
    ...call,
    headers: call.headers.map(([name, value]) =>
      name === "Authorization" ? [name, `Bearer ${MASK}`] : [name, value],
    ),
    sign: call.sign === null ? null : { ...call.sign, secret: MASK },
  };
}
