// The console of administrators, with something going on to be seen. The administrator has an account.
const ADMIN = "olga";
/** Curves need a while to be more than a dot. */
const CURVES_MS = 20_000;

/** Name of the picture, path of the page. */
const PAGES = [
  ["overview", "#/console"],
  ["channels", "#/console/live"],
  ["calls", "#/console/calls"],
  ["system", "#/console/system"],
  ["explorer", "#/console/api"],
];

export const consoles = [
  ...PAGES.map(([page, hash]) => ({
    name: `console-${page}`,
    async play(stage) {
      await crowd(stage);
      const olga = await admin(stage, { size: "wide", hash });
      await olga.page.getByRole("heading", { level: 1 }).first().waitFor();
      if (page === "explorer") await olga.page.getByText("/api/chatroom/joinMic").first().click();
      await olga.page.waitForTimeout(page === "overview" || page === "system" ? CURVES_MS : 3_000);
      await olga.shot(`console-${page}`);
    },
  })),
  {
    name: "console-channel",
    async play(stage) {
      const { room } = await crowd(stage);
      const id = room.split("/").at(-1);
      for (const look of [{ size: "wide", scheme: "dark" }, { size: "phone" }]) {
        const olga = await admin(stage, { ...look, hash: `#/console/live/1000/${id}` });
        await olga.sees("Friday jazz");
        await olga.page.waitForTimeout(4_000);
        await olga.shot("console-channel");
      }
    },
  },
  {
    name: "console-chinese",
    async play(stage) {
      await crowd(stage);
      const olga = await admin(stage, { size: "desk", locale: "zh-CN", hash: "#/console" });
      await olga.page.getByRole("navigation").first().waitFor();
      await olga.page.waitForTimeout(CURVES_MS);
      await olga.shot("console-overview");
    },
  },
];

async function admin(stage, look) {
  if (!stage.hasAdmin) await stage.server.addAdmin(ADMIN, ADMIN);
  stage.hasAdmin = true;
  return stage.person(ADMIN, look);
}

/** A room with three people who talk, and a Talk channel with one. */
async function crowd(stage) {
  const room = await stage.room("alice", "Friday jazz", "Bring a record you love.");
  const owner = await stage.person("alice", { hash: room });
  await owner.live();
  await owner.click(".dock-mic");
  for (const name of ["Ben Adler", "Mina"]) {
    const person = await stage.person(name, { hash: room });
    await person.live();
    await person.page.locator(".seat-takeable").first().click();
    await person.on(".dock-mic");
  }
  const player = await stage.person("Mira", { hash: "#/talk", guest: true });
  await player.sees("development mode");
  await player.fill("Channel", "raid-7");
  await player.fill("User name", "Mira");
  await player.button("Join");
  await player.live();
  await player.button("Open microphone");
  // A stay that is over, for the records of calls.
  const gone = await stage.person("Nadia", { hash: room });
  await gone.live();
  await gone.page.close();
  return { room };
}
