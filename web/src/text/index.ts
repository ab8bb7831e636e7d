import { en, type Texts } from "./en";
import { zh } from "./zh";

/** Languages by the first part of their tag; English stands in for all others. */
const languages: Record<string, Texts> = { en, zh };

/** What each language calls itself. */
export const LANGUAGES: readonly { tag: string; name: string }[] = [
  { tag: "en", name: "English" },
  { tag: "zh", name: "中文" },
];

const KEY = "stoa.language";

/** What the user chose on an earlier visit; null = what the browser asks for. */
export function chosenLanguage(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** From the next load of the page on, which is now: texts are constants, so that no view has to carry them around. */
export function chooseLanguage(tag: string): void {
  localStorage.setItem(KEY, tag);
  location.reload();
}

/** The user's choice, or the first of the browser's languages that there is, else English. */
export function choose<T>(available: Record<string, T>, english: T): T {
  const found = pick(wanted(), Object.keys(available));
  return (found === null ? undefined : available[found]) ?? english;
}

/** Key of the first wanted tag that is available; tags like `zh-Hant-TW` count by their first part. */
export function pick(tags: readonly string[], available: readonly string[]): string | null {
  return tags.map(first).find((tag) => available.includes(tag)) ?? null;
}

/** For numbers and dates: the browser's own variant of the language that is shown, as `en-GB` for English. */
export function localeOf(shown: string, tags: readonly string[]): string {
  return tags.find((tag) => first(tag) === shown) ?? shown;
}

function asked(): readonly string[] {
  return typeof navigator === "undefined" ? [] : navigator.languages;
}

function wanted(): readonly string[] {
  const chosen = chosenLanguage();
  return chosen === null ? asked() : [chosen, ...asked()];
}

function first(tag: string): string {
  return tag.split("-")[0]?.toLowerCase() ?? "";
}

/** The language of the page, a key of `languages`. */
export const language: string = pick(wanted(), Object.keys(languages)) ?? "en";
export const locale: string = localeOf(language, asked());
export const text: Texts = languages[language] ?? en;
