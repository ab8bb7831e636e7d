// Imported before the drawing library, which asks here where its fonts are. Without an answer it asks a public server.

declare global {
  interface Window {
    EXCALIDRAW_ASSET_PATH?: string | string[] | undefined;
  }
}

window.EXCALIDRAW_ASSET_PATH = `${location.origin}/assets/excalidraw/`;

export {};
