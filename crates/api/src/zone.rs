//! Printed times: the zone of `server.time_zone` and the forms the dialects show.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use stoa_core::console::SEGMENTS;
use stoa_core::time::UnixMs;

/// A fixed offset (`+08:00`) or an IANA name (`Asia/Shanghai`).
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl FromStr for Zone {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        if s == "Z" || s == "UTC" {
            return Ok(Self(TimeZone::UTC));
        }
        if s.starts_with(['+', '-']) {
            return fixed(s)
                .map(|o| Self(TimeZone::fixed(o)))
                .ok_or_else(|| format!("{s} is not an offset like +08:00"));
        }
        TimeZone::get(s).map(Self).map_err(|_| format!("{s} is neither an offset like +08:00 nor an IANA zone"))
    }
}

/// `±hh:mm`, less than 24 hours.
fn fixed(s: &str) -> Option<Offset> {
    let (h, m) = s.get(1..)?.split_once(':')?;
    let two = |t: &str| (t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<i32>().ok())?;
    let (h, m) = (two(h)?, two(m)?);
    if h > 23 || m > 59 {
        return None;
    }
    let secs = (h * 60 + m) * 60;
    Offset::from_seconds(if s.starts_with('-') { -secs } else { secs }).ok()
}

/// The last calendar days of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days {
    /// Midnight of the first.
    pub from: UnixMs,
    /// Midnight after the last.
    pub until: UnixMs,
    /// What clocks are ahead of UTC in milliseconds, each from an instant on, as [`stoa_core::console::CallSpan`] has it.
    pub offsets: [(UnixMs, i64); SEGMENTS],
    /// Days since 1970-01-01 and `2026-11-22`, the earliest first.
    pub days: Vec<(i64, String)>,
}

impl Zone {
    /// The last days, that of `now` included.
    #[must_use]
    pub fn last_days(&self, now: UnixMs, days: u32) -> Days {
        let today = self.zoned(now).date();
        let epoch = jiff::civil::date(1970, 1, 1);
        let first = today.checked_sub(jiff::Span::new().days(i64::from(days.clamp(1, 366)) - 1)).unwrap_or(today);
        let bounds = |d: jiff::civil::Date| self.day(d.year(), d.month(), d.day());
        let from = bounds(first).map_or(now, |(from, _)| from);
        let until = bounds(today).map_or(now, |(_, until)| until);
        let number = |d: jiff::civil::Date| d.duration_since(epoch).as_hours() / 24;
        let list = first.series(jiff::Span::new().days(1)).take_while(|d| *d <= today);
        let days = list.map(|d| (number(d), format!("{:04}-{:02}-{:02}", d.year(), d.month(), d.day()))).collect();
        Days { from, until, offsets: self.offsets(from, until), days }
    }

    /// The offsets of a span; beyond so many changes the last one stands for the rest.
    fn offsets(&self, from: UnixMs, until: UnixMs) -> [(UnixMs, i64); SEGMENTS] {
        let ms = |offset: Offset| i64::from(offset.seconds()) * 1000;
        let at = Timestamp::from_millisecond(from.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut last = (from, ms(self.0.to_offset(at)));
        let mut changes = self.0.following(at).map(|t| (UnixMs(t.timestamp().as_millisecond()), ms(t.offset())));
        std::array::from_fn(|i| {
            if i > 0 {
                last = changes.next().filter(|(at, _)| *at < until).unwrap_or(last);
            }
            last
        })
    }

    fn zoned(&self, at: UnixMs) -> Zoned {
        // Beyond what a calendar holds there is nothing true to print: the epoch is seen to be wrong.
        Timestamp::from_second(at.secs()).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.0.clone())
    }

    /// The calendar day as a span of time: from its midnight to the next day's. Where clocks change it is longer or
    /// shorter than 24 hours; days always meet. `None` = no such day. What lies beyond the calendar's end is never.
    #[must_use]
    pub fn day(&self, year: i16, month: i8, day: i8) -> Option<(UnixMs, UnixMs)> {
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        // A midnight that a clock change skips is the first instant after the gap.
        let midnight = |date: jiff::civil::Date| {
            let at = date.to_zoned(self.0.clone()).ok().map(|z| z.timestamp().as_millisecond());
            at.map_or(UnixMs::MAX, UnixMs)
        };
        Some((midnight(date), date.tomorrow().map_or(UnixMs::MAX, midnight)))
    }

    /// `2024-03-21T20:42:59+08:00`: whole seconds, the offset always numeric (voice-room.md 2.4).
    #[must_use]
    pub fn rfc3339(&self, at: UnixMs) -> String {
        let z = self.zoned(at);
        let (d, minutes) = (z.datetime(), z.offset().seconds() / 60);
        let sign = if minutes < 0 { '-' } else { '+' };
        let (h, m) = (minutes.abs() / 60, minutes.abs() % 60);
        format!("{}{sign}{h:02}:{m:02}", Civil(d.date(), '-', 'T', d.time()))
    }

    /// `2024/03/21 20:42:59`: no mark of the zone (classroom.md 2.7).
    #[must_use]
    pub fn slashed(&self, at: UnixMs) -> String {
        let d = self.zoned(at).datetime();
        Civil(d.date(), '/', ' ', d.time()).to_string()
    }

    /// `2024-03-21T20:42:59`: no mark of the zone, as check-ins show it (classroom.md 2.7).
    #[must_use]
    pub fn local(&self, at: UnixMs) -> String {
        let d = self.zoned(at).datetime();
        Civil(d.date(), '-', 'T', d.time()).to_string()
    }
}

struct Civil(jiff::civil::Date, char, char, jiff::civil::Time);

impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(d, between, then, t) = self;
        write!(f, "{:04}{between}{:02}{between}{:02}{then}", d.year(), d.month(), d.day())?;
        write!(f, "{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_days_meet_and_clock_changes_are_known() {
        // 2026-11-22 in Berlin; clocks were set back on 2026-10-25 at 01:00 UTC.
        let now = UnixMs(1_795_374_080_000);
        let hour = 3_600_000;
        let days = zone("Europe/Berlin").last_days(now, 30);
        assert_eq!(days.days.len(), 30);
        assert_eq!((days.days[0].1.as_str(), days.days[29].1.as_str()), ("2026-10-24", "2026-11-22"));
        assert!(days.days.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1));
        let (first, change) = (days.offsets[0], (UnixMs(1_792_890_000_000), hour));
        assert_eq!((first, days.offsets[1], days.offsets[3]), ((days.from, 2 * hour), change, change));
        // Both ends are midnights of the calendar that the numbers are of.
        assert_eq!(days.from.0 + 2 * hour, days.days[0].0 * 86_400_000);
        assert_eq!(days.until.0 + hour, (days.days[29].0 + 1) * 86_400_000);
        let fixed = zone("+08:00").last_days(now, 1);
        assert_eq!(fixed.days, [(20_780, "2026-11-23".to_owned())]);
        assert!(fixed.offsets.iter().all(|o| *o == (fixed.from, 8 * hour)));
    }

    fn zone(s: &str) -> Zone {
        s.parse().unwrap()
    }

    #[test]
    fn instants_show_whole_seconds_and_a_numeric_offset() {
        let at = UnixMs(1_711_024_979_999);
        assert_eq!(zone("+08:00").rfc3339(at), "2024-03-21T20:42:59+08:00");
        assert_eq!(zone("Asia/Shanghai").rfc3339(at), "2024-03-21T20:42:59+08:00");
        assert_eq!(zone("UTC").rfc3339(at), "2024-03-21T12:42:59+00:00");
        assert_eq!(zone("-03:30").rfc3339(at), "2024-03-21T09:12:59-03:30");
        assert_eq!(zone("America/New_York").rfc3339(at), "2024-03-21T08:42:59-04:00");
    }

    #[test]
    fn the_classroom_form_meets_its_vectors() {
        assert_eq!(zone("+08:00").slashed(UnixMs(1_700_604_800_000)), "2023/11/22 06:13:20");
        assert_eq!(zone("+08:00").slashed(UnixMs(1_691_486_033_000)), "2023/08/08 17:13:53");
        assert_eq!(zone("+08:00").local(UnixMs(1_691_486_033_000)), "2023-08-08T17:13:53");
    }

    #[test]
    fn days_go_from_midnight_to_midnight() {
        let day = |z: &str, y, m, d| zone(z).day(y, m, d).map(|(a, b)| (a.secs(), b.secs()));
        assert_eq!(day("+08:00", 2017, 11, 24), Some((1_511_452_800, 1_511_539_200)));
        assert_eq!(day("UTC", 2017, 11, 24), Some((1_511_481_600, 1_511_568_000)));
        let hours = |z: &str, y, m, d| day(z, y, m, d).map(|(a, b)| (b - a) / 3600);
        assert_eq!(hours("Europe/Berlin", 2024, 3, 31), Some(23));
        assert_eq!(hours("Europe/Berlin", 2024, 10, 27), Some(25));
        // Midnight itself is skipped, or comes twice, there.
        assert_eq!(hours("America/Sao_Paulo", 2018, 11, 4), Some(23));
        assert_eq!(hours("America/Havana", 2024, 11, 3), Some(25));
        // The whole day was left out.
        assert_eq!(hours("Pacific/Apia", 2011, 12, 30), Some(0));
        for (y, m, d) in [(2023, 2, 29), (2023, 13, 1), (2023, 0, 1), (2023, 4, 31)] {
            assert!(zone("UTC").day(y, m, d).is_none());
        }
        assert_eq!(zone("UTC").day(9999, 12, 31).unwrap().1, UnixMs::MAX);
    }

    #[test]
    fn days_of_every_zone_meet() {
        for name in ["America/Sao_Paulo", "Pacific/Apia", "Europe/Berlin", "Asia/Shanghai", "-03:30"] {
            let zone = zone(name);
            let mut date = jiff::civil::date(2010, 1, 1);
            let mut end = zone.day(2010, 1, 1).unwrap().0;
            while date.year() < 2020 {
                let (from, until) = zone.day(date.year(), date.month(), date.day()).unwrap();
                assert_eq!(from, end, "{name} {date}");
                (end, date) = (until, date.tomorrow().unwrap());
            }
        }
    }

    #[test]
    fn odd_zones_are_refused() {
        for bad in ["", "+8:00", "+08", "+24:00", "+08:60", "Mars/Base", "+08:00 ", "+-8:00"] {
            assert!(bad.parse::<Zone>().is_err(), "{bad}");
        }
    }
}
