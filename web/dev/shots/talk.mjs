// The Talk page: players, and what the operator does.
const CHANNEL = "raid-7";

export const talk = [
  {
    name: "talk",
    async play(stage) {
      const form = await open(stage, "erin", { size: "desk", scheme: "dark" });
      await form.shot("talk-join");
      const [ben, sofia] = await friends(stage);
      const erin = await open(stage, "erin", { size: "wide", quiet: true });
      await join(erin, "1");
      const operator = erin.page.locator(".talk-operator");
      await act(erin, operator, "Push text", "on its way", async () => {
        await erin.fill(
          "Text to push",
          "The gate opens in five minutes. Regroup at the bridge!",
          operator,
        );
      });
      await pick(operator, ben.name);
      await act(erin, operator, "Give microphone", "has the microphone");
      await ben.button("Open microphone");
      await pick(operator, sofia.name);
      await act(erin, operator, "Mute", "is muted");
      await pick(operator, ben.name);
      await operator.getByText(/audio [1-9]\d* kbit/).waitFor();
      await erin.page.evaluate(() => scrollTo(0, 0));
      await erin.on(".voice[data-speaking]");
      await erin.shot("talk-channel");

      const phone = await open(stage, "noor", { scheme: "dark", quiet: true });
      await join(phone, "1");
      await phone.on(".voice[data-speaking]");
      await phone.page.evaluate(() => scrollTo(0, 0));
      await phone.shot("talk-channel");
      await pick(operator, phone.name);
      await act(erin, operator, "Kick", "banned for 5 minutes");
      await phone.sees("You were removed");
      await phone.page.evaluate(() => scrollTo(0, 0));
      await phone.shot("talk-kicked");
    },
  },
  {
    name: "talk-operator",
    async play(stage) {
      await friends(stage);
      const phone = await open(stage, "erin", {});
      await join(phone, "1");
      const operator = phone.page.locator(".talk-operator");
      if (!(await operator.evaluate((element) => element.open)))
        await phone.click(".talk-operator summary");
      await pick(operator, "Mira");
      await operator.getByText(/audio [1-9]\d* kbit/).waitFor();
      // In full length the picture would have the dock across its middle.
      await phone.page.locator(".dock").evaluate((dock) => dock.toggleAttribute("hidden", true));
      await phone.shot("talk-operator", ".talk-operator");
    },
  },
  {
    name: "talk-chinese",
    async play(stage) {
      await friends(stage);
      const person = await stage.person("小雨", {
        size: "desk",
        locale: "zh-CN",
        hash: "#/talk",
        guest: true,
      });
      await person.fill("频道", CHANNEL);
      await person.fill("用户名", "小雨");
      await person.button("加入频道");
      await person.live();
      await person.button("打开麦克风");
      await person.on(".voice[data-speaking]");
      await person.shot("talk");
    },
  },
];

async function open(stage, name, look) {
  const person = await stage.person(name, { ...look, hash: "#/talk", guest: true });
  await person.sees("development mode");
  await person.fill("Channel", CHANNEL);
  await person.fill("User name", name);
  return person;
}

async function join(person, role) {
  await person.page.locator(".talk-player select").selectOption(role);
  await person.button("Join");
  await person.live();
  if (role !== "2" && role !== "3") await person.button("Open microphone");
}

/** Mira hosts, the captain commands, Ben waits for the microphone, Sofia talks, Yusuf listens. */
async function friends(stage) {
  const people = [];
  for (const [name, role] of [
    ["Mira", "5"],
    ["Capt. Okafor", "4"],
    ["Ben Adler", "2"],
    ["Sofia Rossi", "1"],
    ["yusuf", "3"],
  ]) {
    const person = await open(stage, name, { quiet: role === "1" || role === "4" });
    await join(person, role);
    people.push(person);
  }
  return people.slice(2, 4);
}

function pick(operator, user) {
  return operator.getByLabel("Act on user").fill(user);
}

async function act(person, operator, command, outcome, before = null) {
  await before?.();
  await person.button(command, operator);
  await operator.getByText(outcome).first().waitFor();
}
