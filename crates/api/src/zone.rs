//! Printed times: the zone of `server.time_zone` and the forms the dialects show.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
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

impl Zone {
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
