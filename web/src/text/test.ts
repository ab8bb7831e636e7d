import { choose } from "./index";
import { type TestTexts, testEn } from "./test-en";
import { testZh } from "./test-zh";

/** Texts of the connection test; apart from the others, so that they come with it. */
export const words: TestTexts = choose<TestTexts>({ en: testEn, zh: testZh }, testEn);
