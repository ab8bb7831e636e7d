import { language, locale } from "./index";

const whole = new Intl.NumberFormat(locale);
const brief = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });

const dayAndClock = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

/** "1,234" */
export function number(n: number): string {
  return whole.format(n);
}

/** "1.2K", where there is little room. */
export function shortNumber(n: number): string {
  return n < 10_000 ? whole.format(n) : brief.format(n);
}

/** Time of day of an instant in epoch ms. */
export function timeOfDay(at: number): string {
  return clock.format(at);
}

/** The same, with the day where it is another one than that of `now`. */
export function timeWithDay(at: number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return sameDay ? clock.format(at) : dayAndClock.format(at);
}

/** Sentences one after the other. Chinese has no blank between them. */
export function sentences(all: readonly string[]): string {
  return all.join(language === "zh" ? "" : " ");
}
