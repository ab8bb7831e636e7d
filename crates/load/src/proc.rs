//! What the kernel knows about a process and the machine, read from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Ticks per second in `/proc`. Fixed by the kernel's user interface on every Linux architecture we run on.
const TICKS: u64 = 100;

/// CPU time, user and system, that a process has used so far. Resolution 10 ms: windows of seconds only.
///
/// # Errors
/// No such process.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("process is gone")?;
    // The name in parentheses may hold blanks; fields are counted behind it: state is the first.
    let rest = stat.rsplit_once(')').context("stat")?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let tick = |i: usize| -> Result<u64> { Ok(fields.get(i).context("stat is short")?.parse()?) };
    Ok(Duration::from_millis((tick(11)? + tick(12)?) * 1000 / TICKS))
}

/// Resident memory of a process in bytes.
///
/// # Errors
/// No such process.
pub fn rss(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("process is gone")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}

/// One reading of the machine's CPU counters.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    total: u64,
    idle: u64,
    softirq: u64,
}

impl Machine {
    /// Reads the counters.
    ///
    /// # Errors
    /// `/proc/stat` is not there.
    pub fn read() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().context("empty /proc/stat")?;
        let n: Vec<u64> = line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
        let at = |i: usize| n.get(i).copied().unwrap_or(0);
        Ok(Self { total: n.iter().sum(), idle: at(3) + at(4), softirq: at(6) })
    }

    /// Shares of idle and softirq time since an earlier reading, 0 to 1.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> (f64, f64) {
        let total = self.total.saturating_sub(earlier.total).max(1) as f64;
        let idle = self.idle.saturating_sub(earlier.idle) as f64 / total;
        (idle, self.softirq.saturating_sub(earlier.softirq) as f64 / total)
    }
}

/// Model name of the CPU and how many the machine has.
#[must_use]
pub fn cpu_model() -> (String, usize) {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value =
        |key: &str| info.lines().find_map(|l| l.strip_prefix(key)?.split_once(':').map(|v| v.1.trim().to_owned()));
    let count = info.lines().filter(|l| l.starts_with("processor")).count();
    (value("model name").unwrap_or_else(|| "unknown".into()), count.max(1))
}

/// Release of the running kernel.
#[must_use]
pub fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").map_or_else(|_| "unknown".into(), |s| s.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_figures_are_plausible() {
        let me = std::process::id();
        let before = cpu(me).unwrap();
        let mut x = 0_u64;
        // Burns until the counter has moved: its ticks are 10 ms.
        while cpu(me).unwrap() == before {
            x = x.wrapping_mul(31).wrapping_add(7);
        }
        assert!(cpu(me).unwrap() > before, "{x}");
        assert!(rss(me).unwrap() > 1 << 20);
        assert!(cpu(u32::MAX).is_err());
    }
}
