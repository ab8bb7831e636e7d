// What axe-core finds on a page, in light and dark. The content security policy of the pages stays as it is: the checker
// is evaluated over the debugging protocol, which no policy of a page forbids.

import { AssertionError } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Rules that say what the laws on accessibility ask for, colour contrast among them. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/**
 * Joins the words of inline elements without a blank, also where the style sheet puts them on lines of their own: a seat
 * that shows "You" above "Seat 1" has "YouSeat 1" for it, which no name of a button contains.
 */
const OFF = ["label-content-name-mismatch"];
/** Findings that shut somebody out. Lesser ones are matters of taste as often as not. */
const GRAVE = new Set(["serious", "critical"]);
/** Between a first look that found something and the one that counts. */
const REPAINT_MS = 400;
/** Elements named per finding: the first ones show where to look. */
const SHOWN = 6;

/**
 * The grave findings of `page` as it stands, one line each; empty when there are none.
 * `within` looks at a part of the page only, `except` leaves parts out: both are CSS selectors.
 */
export async function findings(page, { within, except = [] } = {}) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(SOURCE);
  const violations = await page.evaluate(
    async ([tags, off, within, except]) => {
      const context = { include: within ? [[within]] : [["html"]], exclude: except.map((part) => [part]) };
      const rules = Object.fromEntries(off.map((rule) => [rule, { enabled: false }]));
      const options = { runOnly: { type: "tag", values: tags }, rules, resultTypes: ["violations"] };
      return (await window.axe.run(context, options)).violations;
    },
    [TAGS, OFF, within ?? null, except],
  );
  return violations.filter(({ impact }) => GRAVE.has(impact)).map(line);
}

function line({ impact, id, help, nodes }) {
  const places = nodes.slice(0, SHOWN).map((node) => {
    const why = [...node.any, ...node.all, ...node.none].map((check) => check.message).join("; ");
    return `    ${node.target.join(" ")}\n      ${node.html.slice(0, 160)}\n      ${why}`;
  });
  if (nodes.length > SHOWN) places.push(`    and ${nodes.length - SHOWN} more`);
  return `  ${impact} ${id}: ${help}\n${places.join("\n")}`;
}

/** Runs in the page: the new colours are on screen, and what moves to its end has arrived there. */
async function settled() {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame();
  await frame();
  const ending = document.getAnimations().filter((a) => a.effect?.getComputedTiming().endTime !== Infinity);
  await Promise.all(ending.map((a) => a.finished.catch(() => {})));
}

/** Fails with a list if axe-core has grave findings, in light or in dark. The page is left as it was. */
export async function expectAccessible(page, name, parts = {}) {
  const failed = [];
  try {
    for (const colorScheme of ["light", "dark"]) {
      // Without motion: a colour on its way from one to another has a contrast of its own.
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.evaluate(settled);
      let found = await findings(page, parts);
      if (found.length > 0) {
        // Chromium hands a new scheme on to some elements later than to others: only what stays is a finding.
        await page.waitForTimeout(REPAINT_MS);
        found = await findings(page, parts);
      }
      if (found.length > 0) failed.push(`${name}, ${colorScheme}:\n${found.join("\n")}`);
    }
  } finally {
    await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  }
  if (failed.length > 0) throw new AssertionError({ message: `not accessible\n${failed.join("\n")}` });
}
