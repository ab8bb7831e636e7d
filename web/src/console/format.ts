import { t } from "../text/console";

/** Numbers and times as the viewer's language writes them. */

const cache = new Map<string, Intl.NumberFormat>();

function decimal(value: number, digits: number): string {
  const key = String(digits);
  let format = cache.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(t.locale, { maximumFractionDigits: digits });
    cache.set(key, format);
  }
  return format.format(value);
}

export function count(value: number): string {
  return decimal(value, 0);
}

/** Three digits that matter: 0.42, 4.2, 42, 420. */
export function short(value: number): string {
  const size = Math.abs(value);
  return decimal(value, size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let at = 0;
  let rest = value;
  while (Math.abs(rest) >= base && at < units.length - 1) {
    rest /= base;
    at++;
  }
  return `${short(rest)} ${units[at]}`;
}

export function bits(perSecond: number): string {
  // Fractions of a bit are the mean's, not the line's.
  const value = perSecond < 1_000 ? Math.round(perSecond) : perSecond;
  return scaled(value, 1_000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);
}

export function bytes(value: number): string {
  return scaled(value, 1_024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

export function perSecond(value: number): string {
  return `${short(value)}/s`;
}

export function percent(value: number): string {
  return `${short(value)} %`;
}

export function millis(value: number): string {
  return value >= 1_000 ? `${short(value / 1_000)} s` : `${short(value)} ms`;
}

/** "2 d 5 h", the two largest units that are not zero. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), t.unit.day],
    [Math.floor(whole / 3_600) % 24, t.unit.hour],
    [Math.floor(whole / 60) % 60, t.unit.minute],
    [whole % 60, t.unit.second],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return `0 ${t.unit.second}`;
  const shown = parts.slice(first, first + 2).filter(([n]) => n > 0);
  return shown.map(([n, unit]) => `${n} ${unit}`).join(" ");
}

const DAY_MS = 86_400_000;

function timeFormat(options: Intl.DateTimeFormatOptions): (at: number) => string {
  let format: Intl.DateTimeFormat | undefined;
  return (at) => {
    format ??= new Intl.DateTimeFormat(t.locale, options);
    return format.format(at);
  };
}

export const clock = timeFormat({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const clockSeconds = timeFormat({
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
export const dateTime = timeFormat({ dateStyle: "medium", timeStyle: "medium" });
const dayClock = timeFormat({
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

/** Time of day if it was in the last 20 hours, else with its day. */
export function when(at: number, now = Date.now()): string {
  return Math.abs(now - at) < (20 / 24) * DAY_MS ? clockSeconds(at) : dayClock(at);
}

/** The day of `YYYY-MM-DD`, short. The text is a day of the server's calendar: no zone may shift it. */
export function dayShort(day: string): string {
  const format = new Intl.DateTimeFormat(t.locale, {
    month: "short",
    day: "numeric",
    timeZone: "UTC",
  });
  return format.format(Date.parse(`${day}T00:00:00Z`));
}
