import { en, type Texts } from "./en";

/** Languages by the first part of their tag; English stands in for all others. */
const languages: Record<string, Texts> = { en };

/** The first of the user's languages that there is, else English. */
export function choose<T>(available: Record<string, T>, english: T): T {
  const wanted = typeof navigator === "undefined" ? [] : navigator.languages;
  for (const tag of wanted) {
    const found = available[tag.split("-")[0]?.toLowerCase() ?? ""];
    if (found) return found;
  }
  return english;
}

export const text: Texts = choose(languages, en);
