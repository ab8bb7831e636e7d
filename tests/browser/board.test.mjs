// The whiteboard of a class: a teacher, an assistant and students draw and look on, each in a page of their own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startClassroom } from "./classroom.mjs";
import { holds, until } from "./harness.mjs";
import { pdf } from "./pdf.mjs";

const options = { timeout: 150_000 };
let room;

before(async () => {
  room = await startClassroom();
});

after(() => room?.stop());

/** An assistant who may draw, in the class. */
async function assistant(teacher, url, name) {
  await teacher.tab("Class");
  await teacher.page.getByLabel("Allow an assistant").check();
  await teacher.page.getByLabel("draw on the whiteboard").check();
  const person = await room.open(name);
  await person.join(url, "assistant");
  return person;
}

/** Two who may draw see the same. */
async function same(one, other) {
  // What is chosen shows where it can be changed, and is not part of the picture; fonts may come late.
  await until(async () => (await one.pixels()) === (await other.pixels()), 15_000, "both see the same");
}

test("what the teacher draws and writes is on the students' boards; erased and undone it is not", options, async () => {
  const { people: [teacher, ann], close } = await room.gather("ann");
  await Promise.all([teacher.boardLive(), ann.boardLive()]);
  await teacher.tool("freedraw");
  await teacher.drag([0.4, 0.3], [0.5, 0.6], [0.6, 0.3]);
  await ann.shows(1);
  await teacher.tool("rectangle");
  await teacher.drag([0.4, 0.65], [0.5, 0.8]);
  await teacher.tool("arrow");
  await teacher.drag([0.55, 0.65], [0.7, 0.8]);
  await teacher.write("2x < y & z", [0.7, 0.3]);
  await teacher.write("二次方程", [0.7, 0.45]);
  await ann.shows(5);
  const svg = (await ann.picture("SVG")).toString("utf8");
  assert.match(svg, /2x &lt; y &amp; z/);
  assert.match(svg, /二次方程/);
  assert.match(svg, /<rect[^>]*stroke="#1e1e1e"/);
  assert.deepEqual([...(await ann.picture("PNG")).subarray(1, 4)], [..."PNG"].map((letter) => letter.charCodeAt(0)));

  await teacher.tool("eraser");
  await teacher.drag([0.39, 0.7], [0.41, 0.75]);
  await ann.shows(4);
  await teacher.board.getByTestId("button-undo").click();
  await ann.shows(5);
  await teacher.board.getByTestId("button-redo").click();
  await ann.shows(4);
  // Where the teacher's pointer is.
  await ann.page.locator(".UserList .Avatar").first().waitFor({ state: "attached" });
  // Who comes later finds everything.
  await ann.page.reload();
  await ann.shows(4);
  await close();
});

test("pages are turned, added and taken away for everybody; each has its own drawing", options, async () => {
  const { people: [teacher, ann], close } = await room.gather("ann");
  await Promise.all([teacher.boardLive(), ann.boardLive()]);
  await teacher.tool("ellipse");
  await teacher.drag([0.4, 0.4], [0.6, 0.6]);
  await ann.shows(1);
  await teacher.button("Add page");
  await Promise.all([teacher.shows(0, 2, 2), ann.shows(0, 2, 2)]);
  // What was done on another page is not undone on this one.
  assert.ok(await teacher.board.getByTestId("button-undo").isDisabled());
  await teacher.tool("diamond");
  await teacher.drag([0.4, 0.4], [0.6, 0.6]);
  await teacher.tool("line");
  await teacher.drag([0.4, 0.7], [0.6, 0.7]);
  await ann.shows(2, 2, 2);
  await teacher.button("Page before");
  await Promise.all([teacher.shows(1, 1, 2), ann.shows(1, 1, 2)]);
  await teacher.button("Remove page");
  await teacher.button("Remove page", teacher.page.getByRole("dialog"));
  await Promise.all([teacher.shows(2, 1, 1), ann.shows(2, 1, 1)]);
  assert.ok(await teacher.page.getByRole("button", { name: "Remove page" }).isDisabled());
  await close();
});

test("a student without the right has no tools and changes nothing", options, async () => {
  const { people: [teacher, ann], close } = await room.gather("ann");
  await Promise.all([teacher.boardLive(), ann.boardLive()]);
  await teacher.board.getByTestId("toolbar-freedraw").waitFor({ state: "attached" });
  assert.equal(await ann.board.getByTestId("toolbar-freedraw").count(), 0);
  assert.equal(await ann.page.getByRole("button", { name: "Add page" }).count(), 0);
  await teacher.tool("rectangle");
  await teacher.drag([0.4, 0.4], [0.6, 0.6]);
  await ann.shows(1);
  const before = await teacher.pixels();
  await ann.drag([0.2, 0.2], [0.5, 0.5]);
  await ann.page.keyboard.press("r");
  await ann.drag([0.4, 0.4], [0.8, 0.8]);
  await ann.page.keyboard.press("Control+a");
  await ann.page.keyboard.press("Delete");
  await holds(async () => (await ann.sheet.getAttribute("data-drawings")) === "1", 1_500, "nothing changes");
  assert.equal(await teacher.pixels(), before);
  await close();
});

test("boards converge after a cut with drawing on both sides", options, async () => {
  const { url, people: [teacher, ann], close } = await room.gather("ann");
  const tom = await assistant(teacher, url, "tom");
  await Promise.all([teacher, tom, ann].map((person) => person.boardLive()));
  await teacher.tool("freedraw");
  await teacher.drag([0.4, 0.3], [0.45, 0.5], [0.5, 0.3]);
  await tom.shows(1);
  await tom.tool("rectangle");
  await tom.drag([0.6, 0.4], [0.7, 0.6]);
  for (const person of [teacher, tom, ann]) await person.shows(2);
  await same(teacher, tom);

  tom.offline = true;
  await tom.page.context().setOffline(true);
  await tom.page.evaluate(() => window.boardSockets.at(-1).close());
  await tom.page.locator(".board[data-link=lost]").waitFor();
  await tom.tool("ellipse");
  await tom.drag([0.4, 0.6], [0.5, 0.8]);
  await teacher.tool("line");
  await teacher.drag([0.75, 0.3], [0.9, 0.5]);
  await teacher.tool("eraser");
  await teacher.drag([0.59, 0.5], [0.61, 0.5]);
  await Promise.all([tom.shows(3), teacher.shows(2), ann.shows(2)]);
  await tom.page.context().setOffline(false);
  for (const person of [teacher, tom, ann]) await person.shows(3);
  await same(teacher, tom);
  // What was drawn alone is undone alone.
  await tom.board.getByTestId("button-undo").click();
  for (const person of [teacher, tom, ann]) await person.shows(2);
  await same(teacher, tom);
  await room.close(tom);
  await close();
});

test("two who change the same thing at once see the same in the end", options, async () => {
  const { url, people: [teacher], close } = await room.gather();
  const tom = await assistant(teacher, url, "tom");
  await Promise.all([teacher, tom].map((person) => person.boardLive()));
  await teacher.tool("rectangle");
  await teacher.drag([0.4, 0.4], [0.5, 0.6]);
  await tom.shows(1);
  const selected = async (person) => {
    await person.tool("selection");
    await person.page.mouse.click(...(await person.spot([0.4, 0.5])));
    await person.page.keyboard.press("ArrowRight");
  };
  await Promise.all([teacher, tom].map(selected));
  for (let i = 0; i < 20; i += 1) {
    await Promise.all([teacher.page.keyboard.press("ArrowRight"), tom.page.keyboard.press("ArrowDown")]);
  }
  await same(teacher, tom);
  await room.close(tom);
  await close();
});

test("courseware lies behind the drawing: a PDF page by page; what is kept elsewhere is only a link", options, async () => {
  const { people: [teacher, ann], close } = await room.gather("ann");
  await Promise.all([teacher.boardLive(), ann.boardLive()]);
  const body = pdf([
    { width: 800, height: 450, colour: "1 0.5 0", text: "Chapter three" },
    { width: 400, height: 600, colour: "0 0.5 1", text: "Upright" },
  ]);
  // Uploads are a part of their own: here the page is answered in the server's place.
  for (const { page } of [teacher, ann]) {
    await page.route("**/files/chapter.pdf", (route) => route.fulfill({ contentType: "application/pdf", body }));
  }
  await teacher.tab("Courseware");
  const add = async (name, url) => {
    await teacher.page.getByLabel("Name").fill(name);
    await teacher.page.getByLabel("Address").fill(url);
    await teacher.button("Add");
    await teacher.page.getByRole("link", { name }).waitFor();
  };
  await add("Elsewhere", "https://class.test/3.pdf");
  assert.equal(await teacher.page.getByRole("button", { name: "Put on the board: Elsewhere" }).count(), 0);
  await add("Chapter 3", `${room.server.url}/files/chapter.pdf`);
  assert.ok(![...teacher.requests, ...ann.requests].some((url) => /pdf/i.test(url)), "nothing of PDFs is loaded yet");
  await teacher.button("Put on the board: Chapter 3");
  await Promise.all([teacher.shows(0, 2, 3), ann.shows(0, 2, 3)]);

  /** The colour in the middle of the page behind, and its shape. */
  const behind = async ({ page }, number) => {
    const canvas = page.locator(`[data-background="${number}"] canvas`);
    await canvas.waitFor();
    return canvas.evaluate((it) => {
      const { data } = it.getContext("2d").getImageData(it.width / 2, it.height / 2, 1, 1);
      return { colour: [...data.subarray(0, 3)], ratio: it.width / it.height };
    });
  };
  for (const person of [teacher, ann]) {
    assert.deepEqual(await behind(person, 1), { colour: [255, 128, 0], ratio: 800 / 450 });
  }
  // The page is where the drawing is, also when somebody looks closer.
  await teacher.tool("rectangle");
  await teacher.drag([0.4, 0.4], [0.6, 0.6]);
  await ann.shows(1, 2, 3);
  const width = async () => (await teacher.page.locator("[data-background]").boundingBox()).width;
  const first = await width();
  await teacher.board.locator(".zoom-in-button").click();
  await until(async () => (await width()) > first, 5_000, "the page behind grows with the drawing");
  await teacher.button("Show the whole page");
  await until(async () => Math.abs((await width()) - first) < 1, 5_000, "the whole page again");
  await teacher.button("Next page");
  for (const person of [teacher, ann]) {
    assert.deepEqual(await behind(person, 2), { colour: [0, 128, 255], ratio: 400 / 600 });
  }
  await teacher.tab("Courseware");
  await teacher.button("Remove Chapter 3");
  await ann.sees("not among the courseware any more");
  await close();
});

test("the board speaks the user's language, and is dark when the page is", options, async () => {
  const teacher = await room.open("li");
  await teacher.createClass("Algebra");
  await teacher.boardLive();
  const { page } = teacher;
  const library = teacher.sheet.locator(".excalidraw").first();
  const dark = () => library.evaluate((element) => element.classList.contains("theme--dark"));
  await page.emulateMedia({ colorScheme: "dark" });
  await until(dark, 5_000, "dark as the device is");
  await page.evaluate(() => document.documentElement.setAttribute("data-theme", "light"));
  await until(async () => !(await dark()), 5_000, "light as chosen");
  await page.evaluate(() => document.documentElement.removeAttribute("data-theme"));
  await until(dark, 5_000, "dark again");
  await page.evaluate(() => localStorage.setItem("stoa.language", "zh-CN"));
  await page.reload();
  await page.getByRole("region", { name: "白板", exact: true }).waitFor();
  await page.getByTitle("矩形").first().waitFor({ state: "attached" });
  await page.getByRole("button", { name: "添加页面" }).click();
  await page.getByRole("region", { name: "白板，第 2 页，共 2 页，0 个图形" }).waitFor();
  await room.close(teacher);
});

test("the board is loaded with a class and not before; the keyboard goes through it and out of it", options, async () => {
  const teacher = await room.open("li");
  const ofBoard = (url) => /excalidraw|Board-|pdf/i.test(url);
  assert.deepEqual(teacher.requests.filter(ofBoard), []);
  await teacher.createClass("Algebra");
  await teacher.boardLive();
  assert.ok(teacher.requests.some(ofBoard));
  await teacher.sheet.locator(".excalidraw").first().focus();
  const reached = teacher.page.getByRole("button", { name: "Add page" });
  await until(async () => {
    await teacher.page.keyboard.press("Tab");
    return reached.evaluate((button) => button === document.activeElement);
  }, 20_000, "the tabulator leads out of the board");
  // A key of the drawing library is none outside of it.
  await teacher.page.keyboard.press("r");
  await reached.press("Enter");
  await teacher.shows(0, 2, 2);
  await room.close(teacher);
});

test("a phone has all of the board", options, async () => {
  const teacher = await room.open("li", { viewport: { width: 380, height: 780 } });
  await teacher.createClass("Algebra");
  await teacher.pane("Board");
  await teacher.boardLive();
  const fits = () =>
    teacher.page.evaluate(() => {
      const { left, right } = document.querySelector(".board-canvas").getBoundingClientRect();
      return left >= 0 && right <= innerWidth && document.documentElement.scrollWidth <= innerWidth;
    });
  assert.ok(await fits());
  await teacher.tool("freedraw");
  await teacher.drag([0.3, 0.4], [0.7, 0.6]);
  await teacher.shows(1);
  // The library makes its bar anew on a narrow board.
  await teacher.board.getByRole("button", { name: "Whiteboard menu" }).waitFor();
  // Out of sight the board has no size; a stroke still begins where the pointer is.
  await teacher.pane("Video");
  await teacher.sheet.waitFor({ state: "hidden" });
  await teacher.pane("Board");
  await teacher.shows(1);
  await teacher.tool("eraser");
  await teacher.drag([0.3, 0.6], [0.7, 0.4]);
  await teacher.shows(0);
  await teacher.button("Add page");
  await teacher.shows(0, 2, 2);
  assert.ok(await fits());
  await room.close(teacher);
});
