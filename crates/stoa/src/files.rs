//! Files that must never be half written or readable by others.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Replaces a file in one step: readers see the old text or the new one. Mode 0600, synced.
///
/// # Errors
/// When the folder is not writable or the disk is full; the old file is untouched then.
pub fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let tmp = temp_name(path);
    let fail = || format!("cannot write {}", path.display());
    let mut f = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&tmp)
        .with_context(fail)?;
    f.write_all(text.as_bytes()).and_then(|()| f.sync_all()).with_context(fail)?;
    std::fs::rename(&tmp, path).with_context(fail)
}

/// Writes a file that must not exist yet. Mode 0600, synced.
///
/// # Errors
/// Also when it exists.
pub fn create_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let fail = || format!("cannot create {}", path.display());
    let mut f = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(fail)?;
    f.write_all(text.as_bytes()).and_then(|()| f.sync_all()).with_context(fail)
}

fn temp_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Makes the data folder, for its owner only.
///
/// # Errors
/// When it cannot be made.
pub fn make_data_dir(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the data folder {}", dir.display()))
}
