// Sign-in, the rooms, a voice room as its people see it.
export const rooms = [
  {
    name: "sign-in",
    async play(stage) {
      for (const look of [{ size: "desk" }, { size: "phone", scheme: "dark" }]) {
        const visitor = await stage.person("visitor", { ...look, guest: true });
        await visitor.on("form");
        await visitor.shot("sign-in");
      }
    },
  },
  {
    name: "rooms",
    async play(stage) {
      await stage.room("Carlos", "Learning guitar, week 3", "Bring your own strings.");
      await stage.room("Priya Nair", "Night owls: books we did not finish", "No spoilers, please.");
      const tea = await stage.room("wei", "Tea and small talk", "Everybody is welcome.");
      await gather(stage, tea, "wei", ["Li Na"], ["omar"]);
      const jazz = await stage.room("alice", "Friday jazz", "Bring a record you love.");
      await gather(stage, jazz, "alice", ["Ben Adler", "Mina"], []);
      for (const look of [{ size: "desk" }, { size: "phone", scheme: "dark" }]) {
        const erin = await stage.person("erin", look);
        await erin.sees("Friday jazz");
        await erin.shot("rooms");
      }
    },
  },
  {
    name: "room",
    async play(stage) {
      const notice = "Bring a record you love. Be kind, keep it short, let the music breathe.";
      const hash = await stage.room("alice", "Friday jazz", notice);
      const owner = await stage.person("alice", { size: "desk", scheme: "dark", hash });
      const phone = await gather(
        stage,
        hash,
        null,
        ["Ben Adler", "Mina", "Jimi", "Sofia Rossi"],
        ["Nadia", "Yusuf K"],
      );
      await owner.live();
      await owner.click(".dock-mic");
      // Somebody listens with the microphone off.
      await phone[1].click(".dock-mic");
      const listener = await stage.person("erin", { hash });
      const seated = await stage.person("tomas", { scheme: "dark", hash, quiet: true });
      await seated.live();
      await seated.page.locator(".seat-takeable").first().click();
      await seated.on(".dock-mic");
      for (const [person, words] of [
        [phone[0], "Blue Train, side two. Anybody?"],
        [phone[2], "Yes! The trombone solo."],
        [listener, "First time here, lovely room."],
      ]) {
        await say(person, words).catch((error) =>
          console.log(`        chat: ${error.message.split("\n")[0]}`),
        );
      }
      await owner.on(".voice[data-speaking]");
      await owner.shot("room-owner");
      await listener.on(".voice[data-speaking]");
      await top(listener);
      await listener.shot("room-listener");
      await seated.on(".voice[data-speaking]");
      await top(seated);
      await seated.shot("room-seated");
    },
  },
  {
    name: "room-light",
    async play(stage) {
      const hash = await stage.room("alice", "Sunday soul", "Slow songs only.");
      const owner = await stage.person("alice", { size: "desk", hash });
      await gather(stage, hash, null, ["Ben Adler", "Mina"], ["Nadia"]);
      await owner.live();
      await owner.on(".voice[data-speaking]");
      await owner.shot("room-owner");
    },
  },
  {
    name: "chinese",
    async play(stage) {
      const hash = await stage.room("林晓", "周五爵士夜", "带上你喜欢的唱片，轻松聊聊。");
      await stage.room("王伟", "一起读书：活着", "每人两分钟，请勿剧透。");
      await gather(stage, hash, "林晓", ["小雨", "阿杰", "陈默"], ["子涵"]);
      const list = await stage.person("安然", { size: "desk", locale: "zh-CN" });
      await list.sees("周五爵士夜");
      await list.shot("rooms");
      const listener = await stage.person("小米", { locale: "zh-CN", hash });
      await listener.live();
      await listener.on(".voice[data-speaking]");
      await listener.shot("room");
    },
  },
];

/** People in a room: its owner, those on seats with open microphones, those who only listen. */
async function gather(stage, hash, owner, seated, listening) {
  const people = [];
  const enter = async (name, quiet = false) => {
    const person = await stage.person(name, { hash, quiet });
    await person.live();
    people.push(person);
    return person;
  };
  if (owner !== null) {
    const host = await enter(owner);
    await host.click(".dock-mic");
    people.pop();
  }
  for (const [i, name] of seated.entries()) {
    // One of them is speaking, the others let them.
    const person = await enter(name, i > 0);
    await person.page.locator(".seat-takeable").first().click();
    await person.on(".dock-mic");
  }
  for (const name of listening) await enter(name);
  return people;
}

async function say(person, words) {
  const field = person.page.getByLabel("Your message");
  await field.fill(words, { timeout: 4_000 });
  await field.press("Enter");
  await person.page.getByText(words).first().waitFor({ state: "attached", timeout: 4_000 });
}

const top = (person) => person.page.evaluate(() => scrollTo(0, 0));
