import { type ClassTexts, classEn } from "./class-en";
import { classZh } from "./class-zh";
import { choose } from "./index";

/** Texts of the classroom pages; apart from the others, so that they come with them. */
export const words: ClassTexts = choose<ClassTexts>({ en: classEn, zh: classZh }, classEn);
