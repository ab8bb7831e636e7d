import type { TalkError } from "../api/talk";
import type { Kicked } from "../talk/kick";
import type { Notice } from "../talk/notice";
import { localTime, type News } from "../talk/state";
import { timeOfDay, timeWithDay } from "./format";
import { choose } from "./index";
import { type TalkTexts, talkEn } from "./talk-en";
import { talkZh } from "./talk-zh";

export { timeOfDay as clock };

/** Texts of the Talk page; apart from the others, so that they come with it. */
export const talk: TalkTexts = choose<TalkTexts>({ en: talkEn, zh: talkZh }, talkEn);

export interface TalkFailureWords {
  words: string;
  /** What a developer needs: the code, the server's own words, the request for its log. */
  detail: string;
}

/** A failed call in plain words, the server's own words below. */
export function talkFailure(error: TalkError): TalkFailureWords {
  const parts: string[] = [];
  if (error.kind === "media" && error.info !== "") parts.push(error.info);
  if (error.kind === "refused") parts.push(talk.failure.detail(error.code, error.info));
  if (error.requestId !== null) parts.push(talk.failure.requestId(error.requestId));
  return { words: talkFailureWords(error), detail: parts.join(" · ") };
}

function talkFailureWords(error: TalkError): string {
  if (error.kind !== "refused") return talk.failure[error.kind];
  return talk.failure.codes[error.code] ?? talk.failure.other;
}

/** To the operator: what the kick did, which for somebody who was not there is to bar the way in. */
export function kickLine({ user, present, seconds, until }: Kicked, now: number): string {
  const { done } = talk.operator;
  if (present) return done.kicked(user, seconds);
  return seconds === 0 ? done.absentFree(user) : done.absentBarred(user, timeWithDay(until, now));
}

/** One line of the log. A pushed text is shown as it is, its sender beside it. */
export function noticeLine(notice: Notice, me: string, now: number): string {
  const t = talk.line;
  const user = "by" in notice && notice.user === me ? talk.channel.you.toLowerCase() : notice.user;
  switch (notice.event) {
    case "message":
      return notice.content;
    case "kicked":
      return t.kickedYou(notice.by, ban(notice.seconds));
    case "user_kicked":
      return t.kicked(notice.by, user, ban(notice.seconds));
    case "identity":
      return t.identity(notice.by, user, notice.from, notice.to);
    case "mic_grant":
      return (notice.granted ? t.granted : t.withdrawn)(notice.by, user);
    case "muted": {
      const what = mutedThings(notice);
      if (what === null) return t.unmuted(notice.by, user);
      return t.muted(notice.by, user, what, mutedUntil(notice, now));
    }
    case "dismissed":
      return t.dismissed(notice.by);
  }
}

/** What the operator did to the viewer. */
export function newsLine(news: News, now: number): string {
  switch (news.event) {
    case "identity":
      return talk.mine.identity(news.by, news.from, news.to);
    case "mic_grant":
      return (news.granted ? talk.mine.granted : talk.mine.withdrawn)(news.by);
    case "muted": {
      const what = mutedThings(news);
      if (what === null) return talk.mine.unmuted(news.by);
      return talk.mine.muted(news.by, what, mutedUntil(news, now));
    }
  }
}

type Muted = Extract<Notice, { event: "muted" }>;

function mutedThings(notice: Muted): string | null {
  if (notice.audio) return notice.video ? talk.line.both : talk.line.microphone;
  return notice.video ? talk.line.camera : null;
}

function mutedUntil(notice: Muted, now: number): string {
  if (notice.until === 0) return "";
  return talk.line.until(timeOfDay(localTime(notice.until, notice.at, now)));
}

export function ban(seconds: number): string {
  return seconds === 0 ? "" : talk.line.banFor(seconds);
}
