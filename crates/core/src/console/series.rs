//! Measurements of the last hours at even steps: a ring, with time passed in.

use std::collections::VecDeque;

use crate::time::UnixMs;

/// Between two fine measurements, in milliseconds.
pub const FINE_MS: i64 = 5_000;
/// Between two coarse ones.
pub const COARSE_MS: i64 = 60_000;
/// Fine ones kept: an hour.
const FINE: usize = 720;
/// Coarse ones kept: six hours.
const COARSE: usize = 360;

/// What is measured. Gauges are as they are, the others per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Row {
    CpuPercent,
    MemoryBytes,
    Participants,
    Connections,
    PacketsIn,
    PacketsOut,
    BitsIn,
    BitsOut,
    Published,
    Delivered,
    Requests,
    Errors,
}

impl Row {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CpuPercent,
        Self::MemoryBytes,
        Self::Participants,
        Self::Connections,
        Self::PacketsIn,
        Self::PacketsOut,
        Self::BitsIn,
        Self::BitsOut,
        Self::Published,
        Self::Delivered,
        Self::Requests,
        Self::Errors,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CpuPercent => "cpu_percent",
            Self::MemoryBytes => "memory_bytes",
            Self::Participants => "participants",
            Self::Connections => "connections",
            Self::PacketsIn => "packets_in",
            Self::PacketsOut => "packets_out",
            Self::BitsIn => "bits_in",
            Self::BitsOut => "bits_out",
            Self::Published => "published",
            Self::Delivered => "delivered",
            Self::Requests => "requests",
            Self::Errors => "errors",
        }
    }
}

/// What was measured at one moment, by [`Row`]; `None` = it could not be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sample([Option<f64>; Row::ALL.len()]);

impl Sample {
    /// One value.
    #[must_use]
    pub fn get(&self, row: Row) -> Option<f64> {
        self.0[row as usize]
    }

    /// Puts a value in.
    pub fn set(&mut self, row: Row, value: Option<f64>) {
        self.0[row as usize] = value.filter(|v| v.is_finite());
    }
}

/// Samples at even steps, the last of which was taken at `end`.
#[derive(Debug)]
struct Steps {
    step: i64,
    keep: usize,
    end: i64,
    samples: VecDeque<Option<Sample>>,
}

impl Steps {
    fn new(step: i64, keep: usize) -> Self {
        Self { step, keep, end: 0, samples: VecDeque::new() }
    }

    /// Time that passed without a sample, when the machine slept, stays empty. One of the same step replaces it.
    fn push(&mut self, at: UnixMs, sample: Sample) {
        let slot = at.0.div_euclid(self.step);
        let steps = if self.samples.is_empty() { 1 } else { slot - self.end };
        if steps < 0 {
            // The wall clock was set back: what was drawn of a time that is yet to come would lie.
            self.samples.clear();
        }
        let empty = usize::try_from(steps - 1).unwrap_or(0).min(self.keep);
        self.samples.extend(std::iter::repeat_n(None, empty));
        if steps == 0 {
            self.samples.pop_back();
        }
        self.samples.push_back(Some(sample));
        let over = self.samples.len().saturating_sub(self.keep);
        self.samples.drain(..over);
        self.end = slot;
    }

    fn last(&self, steps: usize, now: UnixMs) -> Series {
        let end = now.0.div_euclid(self.step).max(self.end);
        let begin = end - i64::try_from(steps).unwrap_or(i64::MAX) + 1;
        let first = self.end - i64::try_from(self.samples.len()).unwrap_or(0) + 1;
        let at = |slot: i64| usize::try_from(slot - first).ok().and_then(|i| self.samples.get(i).copied().flatten());
        Series { step_ms: self.step, from: UnixMs(begin * self.step), samples: (begin..=end).map(at).collect() }
    }
}

/// Even steps of a stretch of time until now.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Length of a step.
    pub step_ms: i64,
    /// Time of the first step.
    pub from: UnixMs,
    /// What was measured in each; `None` = the process was not there, or the machine slept.
    pub samples: Vec<Option<Sample>>,
}

/// An hour in fine steps, six hours in coarse ones: means of the fine ones.
#[derive(Debug)]
pub struct Ring {
    fine: Steps,
    coarse: Steps,
    /// Samples of the coarse step that is not over yet.
    minute: (i64, Vec<Sample>),
}

impl Default for Ring {
    fn default() -> Self {
        Self { fine: Steps::new(FINE_MS, FINE), coarse: Steps::new(COARSE_MS, COARSE), minute: (0, Vec::new()) }
    }
}

impl Ring {
    /// Takes a sample in.
    pub fn push(&mut self, at: UnixMs, sample: Sample) {
        self.fine.push(at, sample);
        let minute = at.0.div_euclid(COARSE_MS);
        if self.minute.0 != minute {
            self.minute = (minute, Vec::new());
        }
        self.minute.1.push(sample);
        self.coarse.push(at, mean(&self.minute.1));
    }

    /// The newest sample.
    #[must_use]
    pub fn newest(&self) -> Option<Sample> {
        self.fine.samples.back().copied().flatten()
    }

    /// The last minutes, at most six hours: up to an hour in fine steps.
    #[must_use]
    pub fn last(&self, minutes: u32, now: UnixMs) -> Series {
        let minutes = usize::try_from(minutes).unwrap_or(COARSE).clamp(1, COARSE);
        match minutes * 12 {
            steps if steps <= FINE => self.fine.last(steps, now),
            _ => self.coarse.last(minutes, now),
        }
    }
}

fn mean(samples: &[Sample]) -> Sample {
    let mut out = Sample::default();
    for row in Row::ALL {
        let values: Vec<f64> = samples.iter().filter_map(|s| s.get(row)).collect();
        #[expect(clippy::cast_precision_loss, reason = "a dozen at most")]
        out.set(row, (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu: f64) -> Sample {
        let mut s = Sample::default();
        s.set(Row::CpuPercent, Some(cpu));
        s
    }

    fn cpu(series: &Series) -> Vec<Option<f64>> {
        series.samples.iter().map(|s| s.and_then(|s| s.get(Row::CpuPercent))).collect()
    }

    #[test]
    fn steps_are_even_and_empty_before_the_first_sample() {
        let mut ring = Ring::default();
        for n in 0..3i32 {
            ring.push(UnixMs(600_000 + i64::from(n) * 5_003), sample(f64::from(n)));
        }
        let one = ring.last(1, UnixMs(611_000));
        assert_eq!((one.step_ms, one.from, one.samples.len()), (5_000, UnixMs(555_000), 12));
        assert_eq!(cpu(&one)[8..], [None, Some(0.0), Some(1.0), Some(2.0)]);
        assert_eq!(ring.newest().unwrap().get(Row::CpuPercent), Some(2.0));
        assert_eq!(ring.newest().unwrap().get(Row::BitsIn), None);
    }

    #[test]
    fn time_without_a_sample_stays_empty() {
        let mut ring = Ring::default();
        ring.push(UnixMs(600_000), sample(1.0));
        ring.push(UnixMs(630_000), sample(2.0));
        let end = cpu(&ring.last(1, UnixMs(630_000)));
        assert_eq!(end[5..], [Some(1.0), None, None, None, None, None, Some(2.0)]);
        // Nothing came since.
        assert_eq!(cpu(&ring.last(1, UnixMs(640_000)))[9..], [Some(2.0), None, None]);
        // Longer than all that is kept.
        ring.push(UnixMs(600_000 + 86_400_000), sample(3.0));
        let hour = cpu(&ring.last(60, UnixMs(600_000 + 86_400_000)));
        assert_eq!((hour.len(), hour.iter().flatten().count(), hour[719]), (720, 1, Some(3.0)));
    }

    #[test]
    fn beyond_an_hour_minutes_are_means() {
        let mut ring = Ring::default();
        for n in 0..36i32 {
            ring.push(UnixMs(6_000_000 + i64::from(n) * 5_000), sample(f64::from(n)));
        }
        let long = ring.last(61, UnixMs(6_175_000));
        assert_eq!((long.step_ms, long.samples.len(), long.from), (60_000, 61, UnixMs(6_120_000 - 60 * 60_000)));
        assert_eq!(cpu(&long)[57..], [None, Some(5.5), Some(17.5), Some(29.5)]);
        assert_eq!(ring.last(100_000, UnixMs(6_175_000)).samples.len(), 360);
    }

    #[test]
    fn memory_is_bounded_and_a_clock_set_back_begins_anew() {
        let mut ring = Ring::default();
        for n in 0..20_000 {
            ring.push(UnixMs(n * 5_000), sample(1.0));
        }
        assert_eq!((ring.fine.samples.len(), ring.coarse.samples.len()), (720, 360));
        ring.push(UnixMs(1_000_000), sample(2.0));
        assert_eq!(cpu(&ring.last(60, UnixMs(1_000_000))).iter().flatten().count(), 1);
    }

    #[test]
    fn what_is_no_number_was_not_measured() {
        let mut s = Sample::default();
        s.set(Row::BitsIn, Some(f64::NAN));
        assert_eq!(s.get(Row::BitsIn), None);
        assert_eq!(Row::ALL.map(|r| r as usize), std::array::from_fn(|i| i));
    }
}
