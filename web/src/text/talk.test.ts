import { describe, expect, it } from "vitest";
import { CODE, TalkError } from "../api/talk";
import type { Notice } from "../talk/notice";
import { timeOfDay } from "./format";
import { kickLine, newsLine, noticeLine, talk, talkFailure } from "./talk";

const NOW = 1_700_000_000_000;
const common = { id: "x", channel: "raid-7", at: NOW, by: "admin" };

describe("failures in plain words", () => {
  it("has a sentence of its own for every code the page knows", () => {
    for (const code of Object.values(CODE)) {
      const { words } = talkFailure(new TalkError("refused", code, "info"));
      expect(words, String(code)).not.toBe(talk.failure.other);
      expect(words.length).toBeGreaterThan(15);
    }
  });

  it("keeps the server's own words and the request below", () => {
    const error = new TalkError("refused", 100_006, "banned for 42 more seconds", "req-1");
    const { words, detail } = talkFailure(error);
    expect(words).not.toContain("42");
    expect(detail).toContain("100006");
    expect(detail).toContain("banned for 42 more seconds");
    expect(detail).toContain("req-1");
  });

  it("shows an unknown code rather than guessing", () => {
    const { words, detail } = talkFailure(new TalkError("refused", 12_345, "new"));
    expect(words).toBe(talk.failure.other);
    expect(detail).toContain("12345");
  });

  it("says what to do when no checksum can be made or nobody answers", () => {
    expect(talkFailure(new TalkError("insecure")).words).toContain("https");
    expect(talkFailure(new TalkError("unreachable"))).toEqual({
      words: talk.failure.unreachable,
      detail: "",
    });
    const media = talkFailure(new TalkError("media", 0, "could not establish pc connection"));
    expect(media.detail).toBe("could not establish pc connection");
  });
});

describe("notices in plain words", () => {
  const line = (notice: Notice) => noticeLine(notice, "bob", NOW);

  it("calls the viewer you and everybody else by name", () => {
    const role = { ...common, event: "identity", from: 1, to: 3 } as const;
    expect(line({ ...role, user: "bob" })).toBe("admin changed you from Free talker to Listener.");
    expect(line({ ...role, user: "amy" })).toBe("admin changed amy from Free talker to Listener.");
  });

  it("says how long a ban lasts, and nothing about a ban that is none", () => {
    const kick = { ...common, event: "user_kicked", user: "amy", until: 0 } as const;
    expect(line({ ...kick, seconds: 3_900 })).toBe(
      "admin removed amy, banned for 1 hour 5 minutes.",
    );
    expect(line({ ...kick, seconds: 0 })).toBe("admin removed amy.");
  });

  it("tells the operator of a kick what it did", () => {
    const kicked = { user: "amy", present: true, seconds: 600, until: NOW + 600_000 };
    expect(kickLine(kicked, NOW)).toBe("amy is out and banned for 10 minutes.");
    expect(kickLine({ ...kicked, seconds: 0 }, NOW)).toBe("amy was removed, without a ban.");
    const absent = { ...kicked, present: false };
    expect(kickLine(absent, NOW)).toBe(
      `amy is not here; entry is barred until ${timeOfDay(NOW + 600_000)}.`,
    );
    expect(kickLine({ ...absent, seconds: 0 }, NOW)).toBe("amy is not here; entry is not barred.");
    for (const days of [2, 400]) {
      const until = NOW + days * 86_400_000;
      const year = String(new Date(until).getFullYear());
      expect(kickLine({ ...absent, until }, NOW)).toMatch(new RegExp(`until .*${year}.*\\.$`));
    }
  });

  it("names what is muted", () => {
    const muted = { ...common, event: "muted", user: "amy", until: 0 } as const;
    expect(line({ ...muted, audio: true, video: true })).toContain("microphone and camera");
    expect(line({ ...muted, audio: false, video: true })).toContain("(camera)");
    expect(line({ ...muted, audio: false, video: false })).toBe("admin unmuted amy.");
    const until = NOW / 1_000 + 60;
    expect(newsLine({ ...muted, user: "bob", audio: true, video: false, until }, NOW)).toMatch(
      /^admin muted your microphone until .*\d.*\.$/,
    );
  });

  it("leaves a pushed text untouched", () => {
    const content = " <b>admin</b>\n";
    const push = { event: "message", id: "x", channel: "raid-7", at: NOW } as const;
    expect(line({ ...push, user: "bob", receiver: "", content })).toBe(content);
  });

  it("counts time in two units", () => {
    expect(talk.duration(0)).toBe("0 seconds");
    expect(talk.duration(61)).toBe("1 minute 1 second");
    expect(talk.duration(90_061)).toBe("1 day 1 hour");
    expect(talk.duration(315_360_000)).toBe("3650 days");
  });
});
