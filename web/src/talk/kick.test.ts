import { afterEach, describe, expect, it, vi } from "vitest";
import { TalkError, type UserStatus } from "../api/talk";
import { kick } from "./kick";

const NOW = 1_700_000_000_000;
const place = (ChannelID: string): UserStatus => ({
  ...{ ChannelID, UseVideo: 0, UseAudio: 0, VideoFrameRate: 0, VideoBitRate: 0, AudioBitRate: 0 },
});

/** A server that knows where amy is, and takes her from there. */
function server(...channels: string[]) {
  const asked: string[] = [];
  let places = channels.map(place);
  return {
    asked,
    userStatus: vi.fn(async () => {
      asked.push("where");
      return places;
    }),
    kick: vi.fn(async (channel: string) => {
      asked.push("kick");
      places = places.filter((one) => one.ChannelID !== channel);
    }),
  };
}

afterEach(() => vi.useRealTimers());

describe("a kick", () => {
  it("tells somebody who was there from somebody who was not, or was elsewhere", async () => {
    vi.useFakeTimers({ now: NOW, toFake: ["Date"] });
    const until = NOW + 600_000;
    const came = async (...channels: string[]) => kick(server(...channels), "raid", "amy", 600);
    expect(await came("raid")).toEqual({ user: "amy", present: true, seconds: 600, until });
    expect(await came("lobby", "raid")).toMatchObject({ present: true });
    expect(await came("lobby")).toEqual({ user: "amy", present: false, seconds: 600, until });
    expect(await came()).toMatchObject({ present: false });
  });

  it("is preceded by the question, for it changes the answer", async () => {
    const one = server("raid");
    await kick(one, "raid", "amy", 0);
    expect(one.asked).toEqual(["where", "kick"]);
    expect(one.kick).toHaveBeenCalledWith("raid", "amy", 0);
  });

  it("that is refused is no outcome", async () => {
    const one = server();
    one.kick.mockRejectedValue(new TalkError("refused", 100_005));
    await expect(kick(one, "raid", "amy", 0)).rejects.toMatchObject({ code: 100_005 });
  });
});
