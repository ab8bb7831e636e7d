// The Talk page in the binary: two players in one channel, each in a page of their own, and what the operator does to them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { writeVoice } from "../../web/e2e/voice.mjs";
import { expectAccessible } from "./axe.mjs";
import { keepConnections, Listener } from "./ears.mjs";
import { startBrowser, startServer, talk, until } from "./harness.mjs";

const options = { timeout: 120_000 };
let server;
let browser;
let channels = 0;

before(async () => {
  server = await startServer();
  // The browser's own fake microphone beeps too shortly to count as speech.
  browser = await startBrowser([`--use-file-for-fake-audio-capture=${await writeVoice()}`]);
});

after(async () => {
  await browser?.stop();
  await server?.stop();
});

/** One page of the product, as a person uses it. */
class Player extends Listener {
  static async open(name, channel) {
    const page = await browser.open();
    page.setDefaultTimeout(20_000);
    await page.addInitScript(keepConnections);
    page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== server.url) page.faults.push(`request to ${origin}`);
    });
    const player = new Player(name, page);
    await page.goto(`${server.url}/#/talk`);
    await player.sees("development mode");
    await page.getByLabel("Channel", { exact: true }).fill(channel);
    await page.getByLabel("User name").fill(name);
    return player;
  }

  constructor(name, page) {
    super(name, page);
    this.operator = page.locator(".talk-operator");
    this.log = page.getByRole("log");
  }

  async join(role = "1") {
    await this.page.locator(".talk-player").getByLabel("Role").selectOption(role);
    await this.button("Join");
    await this.page.locator(".link-dot[data-link=live]").waitFor();
  }

  async talk() {
    await this.button("Open microphone");
    await this.sees("Your microphone is open");
  }

  button(name, within = this.page) {
    return within.getByRole("button", { name, exact: true }).first().click();
  }

  sees(text, within = this.page) {
    return within.getByText(text).first().waitFor();
  }

  /** The row of somebody in the list of members. */
  row(user) {
    return this.page.locator(`.talk-member[data-user="${user}"]`);
  }

  /** As operator: picks a user, then gives a command and waits for what came of it. */
  async act(user, command, outcome) {
    await this.operator.getByLabel("Act on user").fill(user);
    await this.button(command, this.operator);
    await this.sees(outcome, this.operator);
  }

  async setRole(user, role, outcome) {
    await this.operator.getByLabel("Act on user").fill(user);
    await this.operator.getByLabel("Role").selectOption(role);
    await this.button("Set role", this.operator);
    await this.sees(outcome, this.operator);
  }

  async push(text, to) {
    await this.operator.getByLabel("Text to push").fill(text);
    await this.operator.getByLabel("To", { exact: true }).selectOption({ label: to });
    await this.button("Push text", this.operator);
    await this.sees("on its way", this.operator);
  }
}

/** Two people in a channel of their own, both speaking. */
async function pair() {
  channels += 1;
  const channel = `raid-${channels}`;
  const players = await Promise.all(["amy", "bob"].map((name) => Player.open(`${name}-${channels}`, channel)));
  for (const player of players) {
    await player.join();
    await player.talk();
  }
  const close = async () => {
    for (const { name, page } of players) {
      assert.deepEqual(page.faults, [], name);
      await page.context().close();
    }
  };
  return { channel, players, close };
}

test("two players in one channel hear each other and see who they are", options, async () => {
  const { players: [amy, bob], close } = await pair();
  await Promise.all([amy.hears(), bob.hears()]);
  for (const page of [amy, bob]) {
    for (const { name } of [amy, bob]) {
      await page.sees("Free talker", page.row(name));
      await page.row(name).locator(".talk-mic[data-open]").waitFor();
    }
  }
  await amy.row(bob.name).locator(".voice[data-speaking]").waitFor();
  // One's own ears only: everybody else goes on hearing bob.
  await amy.row(bob.name).getByRole("slider").fill("0");
  const volumes = () => amy.page.locator("audio").evaluateAll((elements) => elements.map((element) => element.volume));
  await until(async () => (await volumes()).join() === "0", 5_000, "bob is turned down");
  // The server's own view, refreshed by itself.
  await amy.operator.getByLabel("Act on user").fill(bob.name);
  await until(async () => /audio [1-9]\d* kbit\/s/.test(await amy.operator.innerText()), 15_000, "bob's bit rate");
  await close();
});

test("a pushed text is in the log of those it is for, and nobody else's", options, async () => {
  const { players: [amy, bob], close } = await pair();
  await amy.push("gate opens in five", "Everybody");
  await Promise.all([amy.sees("gate opens in five", amy.log), bob.sees("gate opens in five", bob.log)]);
  await amy.operator.getByLabel("Act on user").fill(bob.name);
  await amy.push("only for you", `Only ${bob.name}`);
  await bob.sees("only for you", bob.log);
  // Sent behind it on the same way: once this is there, the other one would be.
  await amy.push("the end", "Everybody");
  await amy.sees("the end", amy.log);
  assert.equal(await amy.log.getByText("only for you").count(), 0);
  assert.equal(await bob.log.getByText("only for you").count(), 1);
  await close();
});

test("a kick shows on the victim's page with the ban, and ends with it", options, async () => {
  const { players: [amy, bob], close } = await pair();
  await amy.operator.getByLabel("Act on user").fill(bob.name);
  await amy.operator.getByLabel("Ban, minutes").fill("10");
  await amy.act(bob.name, "Kick", "banned for 10 minutes");
  await bob.page.getByRole("heading", { name: "You were removed" }).waitFor();
  await bob.sees("admin removed you from the channel, banned for 10 minutes.");
  await bob.sees(/You may come back in (10|9) minutes/);
  await amy.row(bob.name).waitFor({ state: "detached" });
  await amy.sees(`admin removed ${bob.name}, banned for 10 minutes.`, amy.log);
  await bob.button("Join again");
  await bob.sees("Code 100006");
  await amy.act(bob.name, "Lift ban", `The ban of ${bob.name} is lifted.`);
  await bob.button("Join again");
  await bob.page.locator(".link-dot[data-link=live]").waitFor();
  await bob.talk();
  await Promise.all([amy.hears(), bob.hears()]);
  await close();
});

test("a kick of somebody who was never there is told as what it is", options, async () => {
  const { channel, players: [amy], close } = await pair();
  // Nobody of that name in this channel: only the way in is barred.
  await amy.act("ghost", "Kick", /^ghost is not here; entry is barred until .*\d/);
  assert.equal(await amy.operator.getByText("is out and banned").count(), 0);
  const bans = await talk(server, "list_talk_bans", { ChannelID: channel, StartSeq: 0, Limit: 10 });
  assert.ok(JSON.stringify(bans).includes('"ghost"'), JSON.stringify(bans));
  // Without a ban: the one that stands is lifted; then there is nothing left to do.
  await amy.operator.getByLabel("Ban, minutes").fill("0");
  await amy.act("ghost", "Kick", "ghost is not here; entry is not barred.");
  await amy.act("ghost", "Kick", "Code 100005");
  // Whoever is in another channel is not in this one.
  const carl = await Player.open("carl", `${channel}-elsewhere`);
  await carl.join();
  await amy.operator.getByLabel("Act on user").fill("carl");
  await amy.operator.getByLabel("Ban, minutes").fill("5");
  await amy.act("carl", "Kick", /^carl is not here; entry is barred until/);
  assert.ok(await carl.page.locator(".link-dot[data-link=live]").isVisible(), "carl stays where he is");
  assert.deepEqual(carl.page.faults, []);
  await carl.page.context().close();
  await close();
});

test("a role takes the voice and gives it back without a new join", options, async () => {
  const { players: [amy, bob], close } = await pair();
  await amy.hears();
  await amy.setRole(bob.name, "3", `${bob.name} is now Listener.`);
  await bob.sees("admin changed your role from Free talker to Listener.");
  await bob.sees("Listeners do not speak.");
  assert.ok(await bob.page.getByRole("button", { name: "Open microphone" }).isDisabled());
  await amy.sees("Listener", amy.row(bob.name));
  await amy.row(bob.name).locator(".talk-mic:not([data-open])").waitFor();
  await amy.setRole(bob.name, "2", `${bob.name} is now On-demand talker.`);
  await bob.sees("once the operator gives them the microphone");
  await amy.act(bob.name, "Give microphone", `${bob.name} has the microphone.`);
  await bob.sees("gave you the microphone");
  await bob.talk();
  await amy.hears();
  await close();
});

test("a mute silences, says so, and is lifted", options, async () => {
  const { players: [amy, bob], close } = await pair();
  await amy.hears();
  await amy.act(bob.name, "Mute", `${bob.name} is muted.`);
  await bob.sees("admin muted your microphone.");
  await amy.sees("muted by the operator", amy.row(bob.name));
  await bob.sees("The operator has muted you");
  assert.ok(await bob.page.getByRole("button", { name: /microphone$/ }).first().isDisabled());
  await amy.act(bob.name, "Unmute", `${bob.name} is muted no longer.`);
  await bob.sees("admin lifted your mute.");
  await bob.talk();
  await amy.hears();
  await close();
});

test("a closed channel ends it for everybody, and calls are on record", options, async () => {
  const { channel, players: [amy, bob], close } = await pair();
  await amy.button("Close channel", amy.operator);
  await amy.button("Close channel", amy.page.getByRole("dialog"));
  for (const player of [amy, bob]) {
    await player.page.getByRole("heading", { name: "The channel was closed" }).waitFor();
  }
  await amy.sees("2 users sent home", amy.operator);
  // The day is the server's: what it counts as today may be tomorrow here.
  await amy.operator.getByLabel("Act on user").fill(bob.name);
  const now = Date.now();
  for (const day of [now, now + 86_400_000]) {
    await amy.operator.getByLabel("Day").fill(new Date(day).toISOString().slice(0, 10));
    await amy.button("Show calls", amy.operator);
    await amy.sees(/finished call/, amy.operator);
    if (await amy.operator.getByText("1 finished call of").count()) break;
  }
  await amy.sees(channel, amy.operator.getByRole("table"));
  await close();
});

test("axe-core has nothing against the page, from the form to the end", options, async () => {
  const { players: [amy, bob], close } = await pair();
  const visitor = await Player.open("carol", "raid-form");
  await expectAccessible(visitor.page, "form");
  await visitor.page.context().close();
  await amy.act(bob.name, "Mute", `${bob.name} is muted.`);
  await amy.push("gate opens in five", "Everybody");
  await bob.sees("admin muted your microphone.");
  await expectAccessible(amy.page, "operator");
  await bob.page.setViewportSize({ width: 380, height: 780 });
  await expectAccessible(bob.page, "muted, on a phone");
  const [content, window] = await bob.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= window, `${content} px of content in ${window} px`);
  await amy.button("Kick", amy.operator);
  await bob.page.getByRole("heading", { name: "You were removed" }).waitFor();
  await expectAccessible(bob.page, "removed");
  await close();
});

test("a member is picked for the operator by name, with the keyboard, on a phone too", options, async () => {
  const { players: [amy, bob], close } = await pair();
  await amy.page.setViewportSize({ width: 380, height: 780 });
  if (await amy.operator.evaluate((panel) => panel.open)) await amy.operator.locator("summary").click();
  await amy.row(bob.name).getByRole("button").focus();
  await amy.page.keyboard.press("Enter");
  await amy.sees("here since", amy.operator);
  assert.equal(await amy.operator.getByLabel("Act on user").inputValue(), bob.name);
  assert.ok(await amy.page.evaluate(() => document.activeElement.closest(".talk-operator") !== null), "the focus went along");
  await close();
});
