//! Folder, disk, descriptors, clock.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{statfs, statvfs};
use rustix::process::{Pid, Resource, getrlimit, test_kill_process};

use super::{Finding, Patient};
use crate::clock::RealClock;
use crate::files;
use stoa_core::ports::Clock as _;

/// Below this the next busy evening fills the disk.
const LOW_DISK: u64 = 1 << 30;
/// Below this SQLite may not get through a checkpoint.
const NO_DISK: u64 = 100 << 20;
/// Descriptors for a few thousand connections; each client takes one or two.
const GOOD_DESCRIPTORS: u64 = 4096;
/// Below this not even a room of a hundred gets in.
const FEW_DESCRIPTORS: u64 = 512;
/// How far files may seem to come from the future before the clock is to blame.
const CLOCK_SLACK: Duration = Duration::from_secs(120);

/// Whether a process of that number runs.
pub fn alive(pid: u32) -> bool {
    i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(|p| test_kill_process(p).is_ok())
}

/// All checks of this machine.
pub fn look(p: &Patient) -> Vec<Finding> {
    let dir = &p.settings.server.data_dir;
    let mut out = vec![folder(dir)];
    // Disk and file system are those of the nearest folder that exists.
    let existing = dir.ancestors().find(|d| d.exists()).filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    out.push(file_system(existing));
    out.push(disk(existing));
    out.push(descriptors());
    out.push(clock(dir));
    out
}

fn folder(dir: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt as _;
    const CHECK: &str = "data folder";
    let show = dir.display();
    let fix =
        || format!("make it writable for the user that runs stoa (chown, chmod u+rwx {show}), or set server.data_dir");
    if !dir.exists() {
        let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return match try_write(parent) {
            Ok(()) => Finding::ok(CHECK, format!("{show} will be made at the first start")),
            Err(e) => Finding::fault(CHECK, format!("{show} does not exist and cannot be made: {e}"), fix()),
        };
    }
    if let Err(e) = try_write(dir) {
        return Finding::fault(CHECK, format!("{show} is not writable: {e}"), fix());
    }
    match std::fs::metadata(dir) {
        Ok(m) if m.permissions().mode() & 0o077 != 0 => Finding::warn(
            CHECK,
            format!("{show} can be read by other users of this machine"),
            format!("chmod 700 {show}"),
        ),
        _ => Finding::ok(CHECK, format!("{show} is writable")),
    }
}

fn try_write(dir: &Path) -> Result<(), String> {
    let probe = dir.join(format!(".stoa-doctor-{}", std::process::id()));
    let written = files::create_private(&probe, "probe");
    // What was not made cannot be removed.
    if written.is_ok() {
        std::fs::remove_file(&probe).map_err(|e| e.to_string())?;
    }
    written.map_err(|e| e.root_cause().to_string())
}

fn file_system(dir: &Path) -> Finding {
    const CHECK: &str = "file system";
    // Magic numbers of statfs(2).
    const REMOTE: [(i64, &str); 5] =
        [(0x6969, "NFS"), (0x517b, "SMB"), (0xff53_4d42, "CIFS"), (0xfe53_4d42, "SMB2"), (0x0102_1997, "9P")];
    let Ok(s) = statfs(dir) else { return Finding::warn(CHECK, "cannot be asked", "look at it with `stat -f`") };
    #[expect(clippy::unnecessary_cast, reason = "the type differs between platforms")]
    let magic = s.f_type as i64;
    match REMOTE.iter().find(|(m, _)| *m == magic) {
        Some((_, name)) => Finding::fault(
            CHECK,
            format!("{} is on {name}: SQLite's locks and fsync do not hold there", dir.display()),
            "put server.data_dir on a local disk, or use PostgreSQL (store.url)",
        ),
        None => Finding::ok(CHECK, "local"),
    }
}

fn disk(dir: &Path) -> Finding {
    const CHECK: &str = "disk";
    let Ok(s) = statvfs(dir) else { return Finding::warn(CHECK, "cannot be asked", "look at it with `df`") };
    let free = s.f_bavail.saturating_mul(s.f_frsize);
    let total = s.f_blocks.saturating_mul(s.f_frsize).max(1);
    let text = format!("{} MiB free ({} %)", free >> 20, free.saturating_mul(100) / total);
    let fix = "free some space, or move server.data_dir";
    if free < NO_DISK {
        Finding::fault(CHECK, format!("nearly full: {text}"), fix)
    } else if free < LOW_DISK || free < total / 50 {
        Finding::warn(CHECK, text, fix)
    } else {
        Finding::ok(CHECK, text)
    }
}

fn descriptors() -> Finding {
    const CHECK: &str = "descriptors";
    let n = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let text = if n == u64::MAX { "no limit".to_owned() } else { format!("limit {n}") };
    let fix = "raise it: `ulimit -n 65536`, or LimitNOFILE=65536 in the systemd unit";
    if n < FEW_DESCRIPTORS {
        Finding::fault(CHECK, text, fix)
    } else if n < GOOD_DESCRIPTORS {
        Finding::warn(CHECK, format!("{text}: enough for about {} clients", n.saturating_sub(256)), fix)
    } else {
        Finding::ok(CHECK, text)
    }
}

/// Time only moves forward: this program and the files in the folder were written in the past.
fn clock(dir: &Path) -> Finding {
    const CHECK: &str = "clock";
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(RealClock::new().now().wall.0).unwrap_or(0));
    let program = std::env::current_exe().ok().and_then(|p| p.metadata().ok()).and_then(|m| m.modified().ok());
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let newest = files.filter_map(|f| f.metadata().ok()?.modified().ok()).chain(program).max();
    match newest.and_then(|t| t.duration_since(now).ok()).filter(|ahead| *ahead > CLOCK_SLACK) {
        Some(ahead) => Finding::fault(
            CHECK,
            format!("this machine's clock is at least {} s behind: files here are from the future", ahead.as_secs()),
            "set the clock (timedatectl set-ntp true); tokens would be refused or live too long",
        ),
        None => Finding::ok(CHECK, "later than every file here (compare with another clock: --time-from URL)"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_file_from_the_future_tells_of_a_wrong_clock() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(clock(dir.path()).level, Level::Ok);
        let f = std::fs::File::create(dir.path().join("x")).unwrap();
        let now = f.metadata().unwrap().modified().unwrap();
        f.set_modified(now + Duration::from_secs(7200)).unwrap();
        let found = clock(dir.path());
        assert!(found.level == Level::Fault && found.found.contains("behind"), "{found:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_fault_with_a_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        // A path through a file cannot be made by anybody, root included.
        let found = folder(&file.join("data"));
        assert!(found.level == Level::Fault && found.fix.contains("server.data_dir"), "{found:?}");
        assert_eq!(folder(&dir.path().join("new")).level, Level::Ok);
    }
}
