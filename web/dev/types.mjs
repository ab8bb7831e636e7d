// Types of the answers, from the descriptions of the API. With --check: fails where the files do not say the same.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

const DOCUMENTS = { "voice-room": "schema", console: "schema-console" };
const REFERENCE = /"#\/components\/schemas\/([^"]+)"/g;

const check = process.argv.includes("--check");
for (const [name, file] of Object.entries(DOCUMENTS)) {
  const text = await readFile(new URL(`../../docs/openapi/${name}.json`, import.meta.url), "utf8");
  const document = JSON.parse(text);
  // What is referred to and not described is told, and may be anything.
  for (const [, schema] of text.matchAll(REFERENCE)) {
    if (schema in document.components.schemas) continue;
    console.warn(`docs/openapi/${name}.json does not describe ${schema}`);
    document.components.schemas[schema] = {};
  }
  const made = COMMENT_HEADER + astToString(await openapiTS(document));
  const target = new URL(`../src/api/${file}.ts`, import.meta.url);
  if (!check) {
    await writeFile(target, made);
  } else if ((await readFile(target, "utf8").catch(() => "")) !== made) {
    console.error(`src/api/${file}.ts is not what docs/openapi/${name}.json says: npm run types`);
    process.exitCode = 1;
  }
}
