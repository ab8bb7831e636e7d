import { type ConsoleTexts, consoleEn } from "./console-en";
import { consoleZh } from "./console-zh";
import { choose } from "./index";

/** Texts of the console; apart from the others, so that they come with it. */
export const t: ConsoleTexts = choose<ConsoleTexts>({ en: consoleEn, zh: consoleZh }, consoleEn);
