"use strict";
// Shows an OpenAPI document and sends requests to the server it came from.

const make = (tag, text, parent) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (parent) parent.append(e);
  return e;
};

const resolve = (doc, schema) => {
  let s = schema || {};
  while (s.$ref) s = s.$ref.slice(2).split("/").reduce((o, k) => o[k], doc);
  return s;
};

const typeName = (doc, schema) => {
  const s = resolve(doc, schema);
  if (s.type === "array") return typeName(doc, s.items) + "[]";
  const options = s.oneOf || s.anyOf;
  if (options) return options.map((o) => typeName(doc, o)).join(" or ");
  return [].concat(s.type || "any").join(" or ");
};

const sample = (doc, schema, depth = 0) => {
  const s = resolve(doc, schema);
  if (s.example !== undefined) return s.example;
  if (s.examples && s.examples.length) return s.examples[0];
  if (s.type === "object") {
    const out = {};
    for (const [k, v] of Object.entries(s.properties || {})) {
      if ((s.required || []).includes(k) && depth < 4) out[k] = sample(doc, v, depth + 1);
    }
    return out;
  }
  if (s.type === "array") return [];
  if (s.type === "integer" || s.type === "number") return 1;
  return s.type === "boolean" ? true : "";
};

const rows = (doc, schema, table, prefix, depth) => {
  const s = resolve(doc, schema);
  const inner = s.type === "array" ? resolve(doc, s.items) : s;
  for (const [name, prop] of Object.entries(inner.properties || {})) {
    const p = resolve(doc, prop);
    const tr = make("tr", undefined, table);
    make("code", prefix + name, make("td", undefined, tr));
    make("td", typeName(doc, prop), tr);
    make("td", (inner.required || []).includes(name) ? "always" : "", tr);
    make("td", prop.description || p.description || "", tr);
    if (depth < 3) rows(doc, p, table, prefix + name + (p.type === "array" ? "[]." : "."), depth + 1);
  }
};

const schemaTable = (doc, schema, parent) => {
  if (!schema) return;
  const table = make("table", undefined, parent);
  const head = make("tr", undefined, table);
  for (const h of ["name", "type", "", "meaning"]) make("th", h, head);
  rows(doc, schema, table, "", 0);
  if (table.rows.length === 1) table.remove();
};

const send = async (path, method, body, open, out) => {
  const headers = { "content-type": "application/json" };
  const token = document.getElementById("token").value.trim();
  if (token && !open) headers.authorization = "Bearer " + token;
  try {
    const answer = await fetch(path, { method: method.toUpperCase(), headers, body });
    const text = await answer.text();
    let shown = text;
    try {
      const json = JSON.parse(text);
      shown = JSON.stringify(json, null, 1);
      if (path === "/login" && typeof json.token === "string") document.getElementById("token").value = json.token;
    } catch { /* shown as it came */ }
    out.textContent = answer.status + "  request id " + answer.headers.get("x-request-id") + "\n" + shown;
  } catch (e) {
    out.textContent = String(e);
  }
};

const operation = (doc, path, method, op, parent) => {
  const box = make("details", undefined, parent);
  const summary = make("summary", undefined, box);
  make("span", method, summary).className = "method";
  make("code", path, summary);
  make("span", op.summary || "", summary);
  const inside = make("div", undefined, box);
  if (op.description) make("p", op.description, inside);
  const request = op.requestBody && op.requestBody.content["application/json"];
  if (request) {
    make("h3", "Request", inside);
    schemaTable(doc, request.schema, inside);
  }
  for (const [status, r] of Object.entries(op.responses || {})) {
    const answer = resolve(doc, r);
    make("h3", status + "  " + (answer.description || ""), inside);
    const content = answer.content && answer.content["application/json"];
    if (content && status === "200") schemaTable(doc, content.schema, inside);
  }
  make("h3", "Try it", inside);
  const body = make("textarea", JSON.stringify(request ? sample(doc, request.schema) : {}, null, 1), inside);
  body.setAttribute("aria-label", "request body");
  const button = make("button", "Send", inside);
  const out = make("pre", "", inside);
  const open = (op.security || []).every((s) => Object.keys(s).length === 0);
  button.addEventListener("click", () => send(path, method, body.value, open, out));
};

const show = async (url) => {
  const main = document.getElementById("main");
  const doc = await (await fetch(url)).json();
  main.replaceChildren();
  make("h2", doc.info.title + " " + doc.info.version, main);
  if (doc.info.description) make("p", doc.info.description, main);
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(item)) {
      if (op && op.responses) operation(doc, path, method, op, main);
    }
  }
};

const start = async () => {
  const documents = await (await fetch("/docs/documents.json")).json();
  const nav = document.getElementById("documents");
  for (const d of documents) {
    const link = make("a", d.title, nav);
    link.href = d.url;
    link.addEventListener("click", (e) => { e.preventDefault(); show(d.url); });
  }
  if (documents.length) await show(documents[0].url);
};

start().catch((e) => make("pre", String(e), document.getElementById("main")));
