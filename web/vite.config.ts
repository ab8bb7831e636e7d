import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { boardAssets } from "./build/board-assets.ts";

/** Address of a running server: the binary, or `npm run mock` with `--mode mock`. */
const server = process.env["STOA_URL"] ?? "http://127.0.0.1:7880";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => ({
  plugins: [react(), boardAssets()],
  // The development server bundles libraries beforehand, by other rules.
  optimizeDeps: { rolldownOptions: { plugins: [boardAssets()] } },
  worker: { format: "es" },
  resolve: {
    alias: {
      "#media": file(mode === "mock" ? "dev/mock-media.ts" : "src/room/media.ts"),
      "#hub": file(mode === "mock" ? "dev/mock-hub.ts" : "src/hub/link.ts"),
      "#talk-media": file(mode === "mock" ? "dev/mock-talk-media.ts" : "src/talk/media.ts"),
    },
  },
  build: {
    outDir: mode === "mock" ? "node_modules/.mock-dist" : "dist",
    emptyOutDir: true,
    // A data: address would need a wider content security policy than 'self'.
    assetsInlineLimit: 0,
    // The drawing library of the whiteboard is one lazy chunk of this size; the initial script stays far below.
    chunkSizeWarningLimit: 2500,
  },
  server: {
    proxy: {
      "/login": server,
      "/api": { target: server, ws: true },
      "/v1": server,
      "/openapi": server,
      "/mock": server,
      "/hub": server,
      "/connection": { target: server, ws: true },
      "/rtc": { target: server, ws: true },
    },
  },
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
  },
}));
