// The connection test, after a run.
export const test = [
  {
    name: "test",
    async play(stage) {
      await take(stage, { size: "desk" }, "Start the test");
      await take(stage, { size: "phone", scheme: "dark" }, "Start the test");
    },
  },
  {
    name: "test-chinese",
    play: (stage) => take(stage, { size: "phone", locale: "zh-CN" }, "开始测试"),
  },
];

async function take(stage, look, start) {
  const erin = await stage.person("erin", { ...look, look: 1, hash: "#/test" });
  await erin.button(start);
  await erin.page.locator(".test-report").waitFor({ timeout: 60_000 });
  await erin.page.evaluate(() => scrollTo(0, 0));
  await erin.shot("test");
}
