const MOODS = [
  "sunny",
  "brave",
  "calm",
  "clever",
  "cosy",
  "gentle",
  "happy",
  "jolly",
  "kind",
  "lucky",
  "merry",
  "quick",
];
const ANIMALS = [
  "otter",
  "finch",
  "fox",
  "heron",
  "koala",
  "lynx",
  "owl",
  "panda",
  "robin",
  "seal",
  "swan",
  "wren",
];

/** A friendly name that nobody else is likely to have: `sunny-otter482`. */
export function guestName(random: () => number = Math.random): string {
  const one = (words: readonly string[]) => words[Math.floor(random() * words.length)] ?? "";
  return `${one(MOODS)}-${one(ANIMALS)}${100 + Math.floor(random() * 900)}`;
}
