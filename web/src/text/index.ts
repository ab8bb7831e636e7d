import { en, type Texts } from "./en";

/** Languages by the first part of their tag; English stands in for all others. */
const languages: Record<string, Texts> = { en };

function choose(wanted: readonly string[]): Texts {
  for (const tag of wanted) {
    const found = languages[tag.split("-")[0]?.toLowerCase() ?? ""];
    if (found) return found;
  }
  return en;
}

export const text: Texts = choose(typeof navigator === "undefined" ? [] : navigator.languages);
