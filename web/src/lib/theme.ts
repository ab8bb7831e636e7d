/** What the user chose; `system` follows the device. */
export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** `public/first.js` reads it too, before the first paint. */
const KEY = "stoa.theme";
const watchers = new Set<() => void>();

export function readTheme(stored: string | null): Theme {
  return stored === "light" || stored === "dark" ? stored : "system";
}

let theme: Theme = readTheme(load());

export function currentTheme(): Theme {
  return theme;
}

export function watchTheme(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Changes every open page of this browser: the others hear of it by the storage event. */
export function chooseTheme(next: Theme): void {
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Not kept, but shown.
  }
  show(next);
}

function show(next: Theme): void {
  theme = next;
  const { dataset } = document.documentElement;
  if (next === "system") delete dataset["theme"];
  else dataset["theme"] = next;
  for (const bar of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    const scheme = bar.dataset["scheme"] ?? (bar.media.includes("dark") ? "dark" : "light");
    bar.dataset["scheme"] = scheme;
    if (next === "system") bar.media = `(prefers-color-scheme: ${scheme})`;
    else bar.media = scheme === next ? "all" : "not all";
  }
  for (const watcher of watchers) watcher();
}

/** Once, at the start. */
export function followTheme(): void {
  show(theme);
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key === KEY || key === null) show(readTheme(newValue));
  });
}

function load(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
