import { useSyncExternalStore } from "react";

type Theme = "light" | "dark";

/** What the user chose is said on the root of the page; without a choice it is the device's. */
function theme(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen;
  return dark().matches ? "dark" : "light";
}

function dark(): MediaQueryList {
  return matchMedia("(prefers-color-scheme: dark)");
}

function watch(watcher: () => void): () => void {
  const media = dark();
  const root = new MutationObserver(watcher);
  root.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  media.addEventListener("change", watcher);
  return () => {
    root.disconnect();
    media.removeEventListener("change", watcher);
  };
}

/** For what is not styled by the page itself. */
export function useTheme(): Theme {
  return useSyncExternalStore(watch, theme);
}
