import { describe, expect, it } from "vitest";
import { readTheme } from "../lib/theme";
import { en } from "./en";
import { choose, language, localeOf, pick } from "./index";
import { zh } from "./zh";

describe("choosing a language", () => {
  it("takes the first wanted tag that there is, by its first part", () => {
    expect(pick(["fr-FR", "zh-Hant-TW", "en"], ["en", "zh"])).toBe("zh");
    expect(pick(["EN-gb"], ["en", "zh"])).toBe("en");
    expect(pick(["fr"], ["en", "zh"])).toBeNull();
    expect(pick([], ["en"])).toBeNull();
  });

  it("formats as the browser's own variant of the shown language", () => {
    expect(localeOf("en", ["zh-CN", "en-GB", "en"])).toBe("en-GB");
    expect(localeOf("zh", ["en-US"])).toBe("zh");
  });

  it("stands in with English where nothing is known", () => {
    expect(language).toBe("en");
    expect(choose({ en: 1, zh: 2 }, 1)).toBe(1);
  });

  it("reads only themes that there are", () => {
    expect(["dark", "light", "system", "blue", null].map(readTheme)).toEqual([
      "dark",
      "light",
      "system",
      "system",
      "system",
    ]);
  });
});

/** Every text with made-up arguments; what stands for a number or a name is the same in both. */
function leaves(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return [[path, String(value(2, 3))]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}.${key}`));
}

/** Names and signs that are the same everywhere. */
const SAME = [".product", ".top.talk", ".card.percent"];

describe("Chinese", () => {
  const chinese = new Map(leaves(zh));

  it("has every text of the English one, records by key included", () => {
    expect([...chinese.keys()].sort()).toEqual(
      leaves(en)
        .map(([path]) => path)
        .sort(),
    );
  });

  it("leaves no text in English", () => {
    const left = leaves(en).filter(([path, words]) => chinese.get(path) === words);
    expect(left.map(([path]) => path)).toEqual(SAME);
    const plain = [...chinese].filter(
      ([path, words]) => !SAME.includes(path) && !/[\p{Script=Han}：]/u.test(words),
    );
    expect(plain).toEqual([]);
  });
});
