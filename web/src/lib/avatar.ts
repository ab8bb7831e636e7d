/** Colour pairs in `avatar.css`. */
export const AVATAR_COLOURS = 12;

/** The colour of a name: the same everywhere and for ever (FNV-1a over UTF-16 units). */
export function avatarColour(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash % AVATAR_COLOURS;
}

/** One or two letters that stand for a name: of the first and last word, or its first character. */
export function initials(name: string): string {
  const words = name.split(/[\s._\-@]+/u).filter((word) => word !== "");
  const first = words[0];
  if (first === undefined) return "?";
  const last = words.length > 1 ? words.at(-1) : undefined;
  return `${firstCharacter(first)}${last === undefined ? "" : firstCharacter(last)}`.toUpperCase();
}

/** A whole character as people see it, so that an emoji or accent is not cut in half. */
function firstCharacter(word: string): string {
  const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(word);
  for (const { segment } of segments) return segment;
  return "";
}
