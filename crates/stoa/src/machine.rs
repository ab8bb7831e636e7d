//! What the console shows of the process and the machine: read every 5 s, kept for hours.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stoa_api_console::body::logs::RequestLine;
use stoa_api_console::body::overview::CloudState;
use stoa_api_console::{Health, Machine};
use stoa_core::console::{Ring, Row, Sample, Series};
use stoa_core::ports::Clock;
use stoa_core::time::UnixMs;
use stoa_vendor::breaker::State;

use crate::clouds::Clouds;
use crate::requests::Requests;
use crate::spawner::Spawner;
use crate::tally::Tally;

/// Between two samples, as the ring's fine steps are.
const EVERY: Duration = Duration::from_secs(5);
/// Units of `/proc/self/stat` in a second: `USER_HZ`, which the kernel has fixed for programs on all architectures that
/// this one is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// What is counted up, at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    at: Duration,
    cpu_seconds: Option<f64>,
    counts: [u64; 8],
}

/// Rows of [`Totals::counts`], with what one of each is worth.
const RATES: [(Row, f64); 8] = [
    (Row::PacketsIn, 1.0),
    (Row::PacketsOut, 1.0),
    (Row::BitsIn, 8.0),
    (Row::BitsOut, 8.0),
    (Row::Published, 1.0),
    (Row::Delivered, 1.0),
    (Row::Requests, 1.0),
    (Row::Errors, 1.0),
];

/// What is not in the ring.
#[derive(Debug, Clone, Copy, Default)]
struct Latest {
    load: Option<f64>,
    open_files: Option<u64>,
    max_files: Option<u64>,
}

#[derive(Default)]
struct Kept {
    ring: Ring,
    latest: Latest,
    before: Option<Totals>,
}

/// See the module.
pub struct Gauges {
    tally: Arc<Tally>,
    requests: Requests,
    clouds: Clouds,
    kept: Mutex<Kept>,
}

impl Gauges {
    /// Begins to measure.
    pub fn start(
        tally: Arc<Tally>,
        requests: Requests,
        clouds: Clouds,
        clock: Arc<dyn Clock>,
        spawner: &Spawner,
    ) -> Arc<Self> {
        let gauges = Arc::new(Self { tally, requests, clouds, kept: Mutex::default() });
        let (sampled, soft) = (Arc::clone(&gauges), spawner.soft.clone());
        spawner.spawn("console gauges", async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = soft.cancelled() => return,
                }
                // Counting the open files of ten thousand connections takes some milliseconds.
                let process = tokio::task::spawn_blocking(Process::read).await.unwrap_or_default();
                let now = clock.now();
                sampled.take(now.wall, now.mono, &process);
            }
        });
        gauges
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, wall: UnixMs, mono: Duration, process: &Process) {
        let t = &self.tally;
        let counted = [
            &t.packets_in,
            &t.packets_out,
            &t.bytes_in,
            &t.bytes_out,
            &t.published,
            &t.delivered,
            &t.requests,
            &t.errors,
        ];
        let counts = counted.map(|n: &AtomicU64| n.load(Ordering::Relaxed));
        let totals = Totals { at: mono, cpu_seconds: process.cpu_seconds, counts: with_errors(counts) };
        let mut kept = self.kept();
        let mut sample = kept.before.replace(totals).map_or_else(Sample::default, |before| rates(&before, &totals));
        sample.set(Row::MemoryBytes, process.memory_bytes.map(float));
        sample.set(Row::Participants, Some(float(count(&t.participants))));
        sample.set(Row::Connections, Some(float(count(&t.connections))));
        kept.latest = Latest { load: process.load, open_files: process.open_files, max_files: process.max_files };
        kept.ring.push(wall, sample);
    }
}

/// Requests that failed are requests too.
fn with_errors(mut counts: [u64; 8]) -> [u64; 8] {
    counts[6] += counts[7];
    counts
}

fn rates(before: &Totals, now: &Totals) -> Sample {
    let mut sample = Sample::default();
    let secs = now.at.saturating_sub(before.at).as_secs_f64();
    if secs <= 0.0 {
        return sample;
    }
    for (i, (row, worth)) in RATES.into_iter().enumerate() {
        let more = now.counts[i].saturating_sub(before.counts[i]);
        sample.set(row, Some(float(more) * worth / secs));
    }
    let cpu = now.cpu_seconds.zip(before.cpu_seconds).map(|(now, before)| (now - before).max(0.0) * 100.0 / secs);
    sample.set(Row::CpuPercent, cpu);
    sample
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn float(n: u64) -> f64 {
    n as f64
}

fn count(n: &AtomicI64) -> u64 {
    u64::try_from(n.load(Ordering::Relaxed)).unwrap_or(0)
}

/// What the kernel says of this process; `None` where it does not.
#[derive(Debug, Default, PartialEq)]
struct Process {
    cpu_seconds: Option<f64>,
    memory_bytes: Option<u64>,
    load: Option<f64>,
    open_files: Option<u64>,
    max_files: Option<u64>,
}

impl Process {
    fn read() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            cpu_seconds: cpu_seconds(&text("/proc/self/stat")),
            memory_bytes: memory_bytes(&text("/proc/self/status")),
            load: text("/proc/loadavg").split_whitespace().next().and_then(|n| n.parse().ok()),
            // The folder that is read is open meanwhile.
            open_files: std::fs::read_dir("/proc/self/fd").ok().map(|d| (d.count() as u64).saturating_sub(1)),
            max_files: max_files(&text("/proc/self/limits")),
        }
    }
}

/// User and system time. The name in brackets may hold blanks and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11).map(str::parse::<f64>);
    Some((fields.next()?.ok()? + fields.next()?.ok()?) / TICKS_PER_SECOND)
}

fn memory_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

fn max_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Machine for Gauges {
    fn newest(&self) -> Option<Sample> {
        self.kept().ring.newest()
    }

    fn series(&self, minutes: u32, now: UnixMs) -> Series {
        self.kept().ring.last(minutes, now)
    }

    fn requests(&self) -> Vec<RequestLine> {
        self.requests.newest_first()
    }

    fn clouds(&self) -> Vec<Health> {
        let health = |h: stoa_vendor::health::Health| Health {
            part: h.part.word(),
            state: match h.state {
                State::Closed => CloudState::Ok,
                State::HalfOpen => CloudState::Degraded,
                State::Open => CloudState::Down,
            },
            last_error: h.last_error.map(|e| e.kind.word()),
        };
        self.clouds.health().into_iter().map(health).collect()
    }

    fn publications(&self) -> u64 {
        count(&self.tally.tracks)
    }

    fn participants(&self) -> u64 {
        count(&self.tally.participants)
    }

    fn connections(&self) -> u64 {
        count(&self.tally.connections)
    }

    fn load(&self) -> Option<f64> {
        self.kept().latest.load
    }

    fn files(&self) -> (Option<u64>, Option<u64>) {
        let latest = self.kept().latest;
        (latest.open_files, latest.max_files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauges() -> Gauges {
        Gauges {
            tally: Arc::default(),
            requests: Requests::default(),
            clouds: Clouds::default(),
            kept: Mutex::default(),
        }
    }

    #[test]
    fn rates_are_what_came_since_the_last_sample() {
        let g = gauges();
        let process = |cpu| Process { cpu_seconds: Some(cpu), memory_bytes: Some(4096), ..Process::default() };
        g.tally.bytes_in.store(1_000_000, Ordering::Relaxed);
        g.take(UnixMs(1_000_000), Duration::from_secs(10), &process(3.0));
        let first = g.newest().unwrap();
        assert_eq!((first.get(Row::BitsIn), first.get(Row::CpuPercent)), (None, None), "since when is not known");
        assert_eq!(first.get(Row::MemoryBytes), Some(4096.0));
        g.tally.bytes_in.store(1_005_000, Ordering::Relaxed);
        g.tally.requests.store(15, Ordering::Relaxed);
        g.tally.errors.store(5, Ordering::Relaxed);
        g.tally.participants.store(2, Ordering::Relaxed);
        g.take(UnixMs(1_005_000), Duration::from_secs(15), &process(4.0));
        let s = g.newest().unwrap();
        assert_eq!(s.get(Row::BitsIn), Some(8000.0));
        assert_eq!((s.get(Row::Requests), s.get(Row::Errors)), (Some(4.0), Some(1.0)));
        assert_eq!((s.get(Row::CpuPercent), s.get(Row::Participants)), (Some(20.0), Some(2.0)));
        // Two readings of one moment have no rate.
        g.take(UnixMs(1_005_000), Duration::from_secs(15), &process(4.0));
        assert_eq!(g.newest().unwrap().get(Row::BitsIn), None);
    }

    #[test]
    fn the_kernels_files_are_read() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 9 0 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(memory_bytes("Name:\tx\nVmRSS:\t   12345 kB\n"), Some(12_345 * 1024));
        assert_eq!(
            max_files("Max open files            1024                 524288               files \n"),
            Some(1024)
        );
        assert_eq!(max_files("Max open files            unlimited            unlimited            files \n"), None);
        assert_eq!((cpu_seconds(""), memory_bytes(""), max_files("")), (None, None, None));
        let here = Process::read();
        assert!(here.memory_bytes.unwrap() > 100_000 && here.open_files.unwrap() >= 3, "{here:?}");
        assert!(here.cpu_seconds.is_some() && here.load.is_some());
    }
}
