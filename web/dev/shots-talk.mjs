// The pictures of the Talk page, for shots.mjs: a player in a channel and what the operator does to them.

export async function talkShots(page, url, shot) {
  const button = (name) => page.getByRole("button", { name, exact: true }).first();
  const says = (text) => page.getByText(text).first().waitFor();
  const operator = page.locator(".talk-operator");
  const act = async (name, words) => {
    await operator.getByRole("button", { name, exact: true }).click();
    await operator.getByText(words).first().waitFor();
  };

  await page.goto(`${url}#/talk`);
  await says("development mode");
  await page.getByLabel("Channel", { exact: true }).fill("raid-7");
  await page.getByLabel("User name").fill("erin");
  await shot("talk-join");
  await button("Join").click();
  await button("Open microphone").click();
  await says("Your microphone is open");

  const folded = !(await operator.evaluate((element) => element.open));
  if (folded) await operator.locator("summary").click();
  await operator
    .getByLabel("Text to push")
    .fill("The boss opens the gate in five minutes. Regroup at the bridge!");
  await act("Push text", "on its way");
  await operator.getByRole("button", { name: "Ben Adler" }).click();
  await act("Give microphone", "Ben Adler has the microphone");
  await operator.getByRole("button", { name: "yusuf" }).click();
  await operator.getByLabel("Role").selectOption("6");
  await act("Set role", "yusuf is now Guest");
  await operator.getByRole("button", { name: "Ben Adler" }).click();
  await act("Show calls", "finished calls");
  await operator.getByRole("button", { name: "Sofia Rossi" }).click();
  await act("Kick", "banned for 5 minutes");
  await operator.getByRole("button", { name: "Mira" }).click();
  await operator.getByText("31 kbit/s").waitFor();
  if (folded) {
    // In full length the picture would have the dock across its middle.
    const dock = page.locator(".dock");
    await dock.evaluate((element) => element.toggleAttribute("hidden", true));
    await shot("talk-operator", operator);
    await dock.evaluate((element) => element.toggleAttribute("hidden", false));
  }
  await page.evaluate(() => scrollTo(0, 0));
  await shot("talk-channel");

  await operator.getByRole("button", { name: "erin", exact: true }).click();
  await operator.getByLabel("Role").selectOption("2");
  await act("Set role", "erin is now On-demand talker");
  await says("once the operator gives");
  await page.evaluate(() => scrollTo(0, 0));
  await shot("talk-role");
  await act("Kick", "banned for 5 minutes");
  await says("You were removed");
  await button("Join again").click();
  await says("more seconds");
  await page.evaluate(() => scrollTo(0, 0));
  await shot("talk-kicked");
}
