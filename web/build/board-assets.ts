// What the whiteboard's libraries bring besides their code: fonts, and tables to read PDFs. All from our own origin.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import type { Plugin } from "vite";

const require = createRequire(import.meta.url);
/** Its fonts lie beside its code. */
const EXCALIDRAW = dirname(require.resolve("@excalidraw/excalidraw"));
const PDFJS = dirname(require.resolve("pdfjs-dist/package.json"));

/** The hand-drawn face for Chinese, Japanese and Korean: 13 MB. See docs/whiteboard.md. */
const LEFT_OUT = "Xiaolai";

interface Shipped {
  /** Where it is asked for, below the root of the pages. */
  at: string;
  file: string;
}

/** All files that are shipped as they are. */
function shipped(): Shipped[] {
  const fonts = below(join(EXCALIDRAW, "fonts"))
    .filter((file) => !file.includes(`${sep}${LEFT_OUT}${sep}`))
    .map((file) => ({ at: `assets/excalidraw/${slashed(EXCALIDRAW, file)}`, file }));
  const tables = ["cmaps", "standard_fonts"]
    .flatMap((folder) => below(join(PDFJS, folder)))
    .concat(join(PDFJS, "wasm", "openjpeg_nowasm_fallback.js"))
    .map((file) => ({ at: `assets/pdfjs/${slashed(PDFJS, file)}`, file }));
  return [...fonts, ...tables];
}

function slashed(from: string, file: string): string {
  return relative(from, file).split(sep).join("/");
}

function below(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? below(path) : [path];
  });
}

/**
 * Changes in the library's own code, each of which must apply: a new version that looks different fails the build
 * instead of asking a public server for fonts again.
 */
const CHANGES: readonly { what: string; from: RegExp; to: string }[] = [
  {
    what: "the public server it asks when a font is missing",
    from: /`https:\/\/esm\.sh\/\$\{[^`]*`[^`]*`[^`]*`/,
    to: "new URL('/assets/excalidraw/',location.href).href",
  },
  {
    what: "the faces of the font that is left out",
    // init(CJK_HAND_DRAWN_FALLBACK_FONT, ...XiaolaiFontFaces), right before the one for emoji.
    from: /([\w$]+)\(([\w$]+),\.\.\.[\w$]+\),\1\(([\w$]+),\.\.\.([\w$]+)\),([\w$]+)\._initialized=!0/,
    to: "$1($2),$1($3,...$4),$5._initialized=!0",
  },
  {
    what: "the question whether fonts can be cut by a worker",
    from: /typeof Worker<"u"/,
    to: "false",
  },
];

/** Modules that nothing here needs, and what stands for them. */
const REPLACED: readonly { from: RegExp; by: string }[] = [
  // Diagrams from text: megabytes, and not offered. What is pasted stays text.
  {
    from: /^@excalidraw\/mermaid-to-excalidraw$/,
    by: `export async function parseMermaidToExcalidraw() { throw new Error("no diagrams from text"); }`,
  },
  // Cutting fonts to the letters in use, for SVG copied out of the board: megabytes of WebAssembly, which the content
  // security policy has no place for, and not offered. Where it is done all the same, the whole font goes in.
  {
    from: /\/subset-shared\.chunk\.js$/,
    by: `export const Commands = { Subset: "SUBSET" };
      export async function toBase64(buffer) {
        let text = "";
        for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
        return "data:font/woff2;base64," + btoa(text);
      }
      export const subsetToBase64 = toBase64;
      export const subsetToBinary = async (buffer) => buffer;`,
  },
  { from: /\/subset-worker\.chunk\.js$/, by: "export const WorkerUrl = undefined;" },
  // Languages that no page here has.
  { from: /\/locales\/(?!en-|zh-CN-)[\w-]+\.js$/, by: "export default {};" },
];

const REPLACED_ID = "\0board-replaced:";

export function boardAssets(): Plugin {
  const files = shipped();
  const applied = new Set<string>();
  return {
    name: "board-assets",
    // Before the modules are looked for on the disk.
    enforce: "pre",
    resolveId(source, importer) {
      if (importer === undefined || !importer.includes("excalidraw")) return null;
      const at = REPLACED.findIndex(({ from }) => from.test(source));
      return at === -1 ? null : `${REPLACED_ID}${at}`;
    },
    load(id) {
      if (!id.startsWith(REPLACED_ID)) return null;
      return REPLACED[Number(id.slice(REPLACED_ID.length))]?.by ?? null;
    },
    transform(code, id) {
      if (!id.includes("@excalidraw/excalidraw/dist/prod/chunk-")) return null;
      let changed = code;
      for (const { what, from, to } of CHANGES) {
        if (!from.test(changed)) continue;
        changed = changed.replace(from, to);
        applied.add(what);
      }
      return changed === code ? null : { code: changed, map: null };
    },
    generateBundle() {
      for (const { what } of CHANGES) {
        if (!applied.has(what)) this.error(`Excalidraw looks different: ${what} was not found`);
      }
      for (const { at, file } of files) {
        this.emitFile({ type: "asset", fileName: at, source: readFileSync(file) });
      }
    },
    configureServer(server) {
      const served = new Map(files.map(({ at, file }) => [`/${at}`, file]));
      server.middlewares.use((request, response, next) => {
        const file = served.get(new URL(request.url ?? "", "http://localhost").pathname);
        if (file === undefined) return next();
        if (file.endsWith(".js")) response.setHeader("content-type", "text/javascript");
        response.end(readFileSync(file));
      });
    },
  };
}
