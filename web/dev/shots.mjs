// Takes the pictures of docs/screenshots: starts the real server, plays scenes with several people, each with a page and
// made-up devices of their own. A scene that fails is named at the end and does not keep the others from being played.
//   npm run build && npm run shots            all
//   npm run shots -- room talk                the scenes whose names begin so
// STOA_BIN names the binary (target/debug/stoa), STOA_PAGES a folder of pages instead of web/dist, SHOTS another folder
// for the pictures, CHROMIUM another browser.
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "../../tests/browser/harness.mjs";
import { classes } from "./shots/class.mjs";
import { consoles } from "./shots/console.mjs";
import { rooms } from "./shots/rooms.mjs";
import { Stage } from "./shots/stage.mjs";
import { talk } from "./shots/talk.mjs";
import { test } from "./shots/test.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const OUT = process.env.SHOTS ?? file("../../docs/screenshots/");
/** What a clone of the repository should not have to carry more of. */
const MOST_BYTES = 4 * 1024 * 1024;

process.env.STOA_PAGES ??= file("../dist");
const wanted = process.argv.slice(2);
const scenes = [...rooms, ...talk, ...classes, ...consoles, ...test].filter(
  ({ name }) => wanted.length === 0 || wanted.some((start) => name.startsWith(start)),
);

await mkdir(OUT, { recursive: true });
const failed = [];
const taken = [];
for (const { name, play } of scenes) {
  // A server of its own: what one scene leaves behind is not in the pictures of the next.
  const server = await startServer();
  const stage = await Stage.open(server, OUT);
  const started = Date.now();
  try {
    await play(stage);
    console.log(`ok      ${name} (${((Date.now() - started) / 1_000).toFixed(1)} s)`);
  } catch (error) {
    failed.push(name);
    console.log(`FAILED  ${name}: ${error instanceof Error ? error.message : error}`);
  } finally {
    taken.push(...stage.pictures);
    await stage.close();
    await server.stop().catch((error) => {
      failed.push(name);
      console.log(`FAILED  ${name}: ${error.message}`);
    });
  }
}

// Pictures of views that are no more; only a full and good run knows all that belong there.
if (wanted.length === 0 && failed.length === 0) {
  for (const name of await readdir(OUT)) {
    const path = join(OUT, name);
    if (name.endsWith(".png") && !taken.includes(path)) await rm(path);
  }
}
let bytes = 0;
for (const name of await readdir(OUT)) bytes += (await stat(join(OUT, name))).size;
console.log(`${taken.length} pictures taken, ${(bytes / 1024 / 1024).toFixed(1)} MiB in ${OUT}`);
if (bytes > MOST_BYTES) {
  console.log("That is too much: fewer or smaller pictures, or install pngquant.");
  process.exitCode = 1;
}
if (failed.length > 0) {
  console.log(`not played to the end: ${failed.join(", ")}`);
  process.exitCode = 1;
}
