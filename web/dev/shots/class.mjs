// A class: teacher with whiteboard and pictures, students, one of them on a phone.
export const classes = [
  {
    name: "class",
    async play(stage) {
      const teacher = await stage.person("Li Wen", { size: "wide", hash: "#/class", look: 0 });
      const url = await create(teacher, "Geometry: the circle");
      await teacher.button("Start class");
      await teacher.button("Turn camera on");
      await teacher.button("Turn microphone on");
      const students = [];
      for (const [name, look] of [
        ["Ann Becker", 1],
        ["Tomás", 2],
      ]) {
        const student = await stage.person(name, { hash: url, look, quiet: look === 2 });
        await student.button("Join as student");
        await student.live();
        await onStage(teacher, student);
        students.push(student);
      }
      const phone = await stage.person("mei", { hash: url });
      await phone.button("Join as student");
      await phone.live();
      await phone.button("Raise hand");
      await teacher.on("[data-hand]");
      await draw(teacher);
      await teacher.on(".class-tile video");
      await teacher.page.waitForTimeout(1_500);
      await teacher.page.evaluate(() => scrollTo(0, 0));
      await teacher.shot("class-teacher");
      await phone.on(".class-tile video");
      await phone.page.evaluate(() => scrollTo(0, 0));
      await phone.page.waitForTimeout(1_500);
      await phone.shot("class-student");
      await phone.button("Board");
      await phone.on(".board-canvas[data-drawings='5']");
      await phone.shot("class-board");
    },
  },
  {
    name: "classes",
    async play(stage) {
      const teacher = await stage.person("Li Wen", { size: "desk", hash: "#/class" });
      await create(teacher, "Reading circle");
      await teacher.goto("#/class");
      await teacher.sees("Reading circle");
      await teacher.shot("classes");
    },
  },
  {
    name: "class-chinese",
    async play(stage) {
      const teacher = await stage.person("李老师", { size: "wide", hash: "#/class" });
      const url = await create(teacher, "几何入门：圆");
      await teacher.button("Start class");
      await teacher.button("Turn camera on");
      await draw(teacher);
      const student = await stage.person("小雨", {
        size: "desk",
        scheme: "dark",
        locale: "zh-CN",
        hash: url,
      });
      await student.click(".lobby .button-primary, main .button-primary");
      await student.live();
      await student.on(".class-tile video");
      await student.on(".board-canvas[data-drawings='5']");
      await student.page.waitForTimeout(1_500);
      await student.shot("class-student");
    },
  },
];

/** Its address in the page. */
async function create(teacher, title) {
  await teacher.button("New class");
  await teacher.page.getByLabel("Title").fill(title);
  await teacher.button("Create class");
  await teacher.live();
  return new URL(teacher.page.url()).hash;
}

async function onStage(teacher, student) {
  await student.button("Raise hand");
  await teacher.button(`Accept ${student.name}`);
  await student.sees("You are on stage");
  await student.button("Turn camera on");
  await student.button("Turn microphone on");
}

/** A circle with its radius, and what is known of it: each thing with its tool, as a teacher does. */
async function draw(teacher) {
  const { page } = teacher;
  const board = page.getByRole("region", { name: /^(Whiteboard|白板)$/ });
  const sheet = board.locator(".board-canvas");
  await page.locator(".board[data-link=live]").waitFor();
  await sheet.locator("canvas.interactive").waitFor();
  const { x, y, width, height } = await sheet.boundingBox();
  // In shares of the height, from the middle: a circle is one on every board.
  const at = ([dx, dy]) => [x + width / 2 + dx * height, y + height / 2 + dy * height];
  const tool = (name) => board.getByTestId(`toolbar-${name}`).check({ force: true });
  const drag = async (name, ...points) => {
    await tool(name);
    await page.mouse.move(...at(points[0]));
    await page.mouse.down();
    for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 3 });
    await page.mouse.up();
  };
  const write = async (text, spot) => {
    await tool("text");
    await board.getByTestId("fontSize-large").check({ force: true });
    await page.mouse.click(...at(spot));
    await page.locator("textarea.excalidraw-wysiwyg").waitFor();
    await page.keyboard.type(text);
    await page.keyboard.press("Escape");
  };
  await drag("ellipse", [-0.4, -0.24], [0.16, 0.32]);
  await drag("line", [-0.12, 0.04], [0.16, 0.04]);
  const wave = Array.from({ length: 30 }, (_, i) => [
    0.3 + i * 0.01,
    0.22 + 0.06 * Math.sin(i / 2.5),
  ]);
  await drag("freedraw", ...wave);
  await write("r", [0, 0]);
  await write("A = π r²", [0.3, -0.1]);
  // Nothing is chosen, so that nothing but the drawing is on the sheet.
  await tool("selection");
  await page.mouse.click(...at([0.4, 0.08]));
  await page.evaluate(() => document.activeElement?.blur());
  await page.mouse.move(...at([0.25, 0.34]));
  await board.locator(".board-canvas[data-drawings='5']").waitFor();
}
