import { type BoardTexts, boardEn } from "./board-en";
import { boardZh } from "./board-zh";
import { choose } from "./index";

/** Texts of the whiteboard; apart from the others, so that they come with it. */
export const words: BoardTexts = choose<BoardTexts>({ en: boardEn, zh: boardZh }, boardEn);
