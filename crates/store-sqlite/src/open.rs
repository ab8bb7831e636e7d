//! Opening the file: lock, connections, pragmas, copies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use stoa_core::{Error, Kind, Result};

use crate::errors::sql;

/// Oldest SQLite that may touch a database in write-ahead mode from two connections, as
/// `sqlite3_libversion_number` counts: 3.51.3. Before it, a checkpoint could lose a commit.
pub const MIN_SQLITE_VERSION: i32 = 3_051_003;

/// Milliseconds a connection waits for another one's lock. Only tools beside the server ever hold one.
const BUSY_MS: u32 = 5_000;

/// Prepared statements kept per connection; the store has fewer than this.
const STATEMENTS: usize = 128;

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Refuses an SQLite library that can damage the file.
pub(crate) fn check_version(number: i32) -> Result<()> {
    if number >= MIN_SQLITE_VERSION {
        return Ok(());
    }
    Err(Error::internal_error(format!("SQLite {} is too old: 3.51.3 or later is needed", rusqlite::version())))
}

/// Holds `<file>.lock` as long as the returned handle lives; the system frees it when the process dies.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let name = beside(path, ".lock");
    let failed = |e: std::io::Error| Error::internal_error(format!("lock file {}: {e}", name.display()));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(Kind::Unavailable, "another server process uses this database")
                .with_internal(format!("{} is locked", name.display())))
        }
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

/// The connection that writes.
pub(crate) fn writer(path: &Path) -> Result<Connection> {
    let conn = Connection::open(path).map_err(sql("open the database"))?;
    let set = |name: &str, value: &str| conn.pragma_update(None, name, value).map_err(sql("set a pragma"));
    set("busy_timeout", &BUSY_MS.to_string())?;
    let mode: String =
        conn.query_row("PRAGMA journal_mode=WAL", [], |r| r.get(0)).map_err(sql("switch to write-ahead mode"))?;
    if mode != "wal" {
        return Err(Error::internal_error(format!("the file system does not allow write-ahead mode (got {mode})")));
    }
    set("synchronous", "FULL")?;
    set("foreign_keys", "ON")?;
    set("trusted_schema", "OFF")?;
    // 16 MiB of pages: the working set of tens of thousands of rooms.
    set("cache_size", "-16384")?;
    // Pages in the log before they are moved into the file: 16 MiB. More makes that rarer and longer.
    set("wal_autocheckpoint", "4096")?;
    // The log file shrinks back to this after a burst, bytes.
    set("journal_size_limit", "33554432")?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// A connection that only reads. The database must exist and be in write-ahead mode.
pub(crate) fn reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(sql("open the database for reading"))?;
    let set = |name: &str, value: &str| conn.pragma_update(None, name, value).map_err(sql("set a pragma"));
    set("busy_timeout", &BUSY_MS.to_string())?;
    set("cache_size", "-2048")?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// Writes a complete copy of what `conn` sees to `to` and flushes it. The copy appears under its
/// name only when it is whole. `replace` = a file of that name may be replaced.
pub(crate) fn copy_database(conn: &Connection, to: &Path, replace: bool) -> Result<()> {
    let io = |e: std::io::Error| Error::internal_error(format!("copy to {}: {e}", to.display()));
    if !replace && to.exists() {
        return Err(Error::bad_input("path", "a file of that name exists"));
    }
    let partial = beside(to, ".partial");
    match std::fs::remove_file(&partial) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
        _ => {}
    }
    let name = partial.to_str().ok_or_else(|| Error::bad_input("path", "must be UTF-8"))?;
    conn.execute("VACUUM INTO ?1", [name]).map_err(sql("copy the database"))?;
    File::open(&partial).and_then(|f| f.sync_all()).map_err(io)?;
    std::fs::rename(&partial, to).map_err(io)?;
    let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(io)
}

/// Copies a database, also one that a running server uses, to a new file. Blocks.
///
/// # Errors
/// [`Kind::BadInput`] when `to` exists, [`Kind::Internal`] for everything else.
pub fn backup_file(database: &Path, to: &Path) -> Result<()> {
    check_version(rusqlite::version_number())?;
    copy_database(&reader(database)?, to, false)
}
