//! The schema's history: forward only, embedded, a copy of the file before the first step.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use stoa_core::{Error, Result};

use crate::errors::sql;

/// Number and name of each step, the same in both stores.
const STEPS: &[(&str, &str)] =
    &[("0001_rooms_seats_accounts_sanctions", include_str!("../migrations/0001_rooms_seats_accounts_sanctions.sql"))];

/// Names of all migrations in order, `0001_…` first.
#[must_use]
pub fn migration_names() -> Vec<&'static str> {
    STEPS.iter().map(|(name, _)| *name).collect()
}

fn version(conn: &Connection) -> Result<usize> {
    let at: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(sql("read schema version"))?;
    usize::try_from(at).map_err(|_| Error::internal_error(format!("schema version {at}")))
}

/// Whether nothing is pending.
pub(crate) fn is_current(conn: &Connection) -> Result<bool> {
    Ok(version(conn)? == STEPS.len())
}

/// Brings the file up to date. A file that already holds something is copied first, to
/// `<file>.before-<first pending step>`; an older copy of that name is replaced.
pub(crate) fn migrate(conn: &mut Connection, path: &Path) -> Result<()> {
    let at = version(conn)?;
    if at > STEPS.len() {
        return Err(Error::internal_error(format!(
            "the database has schema {at}, this program knows {}: it was made by a newer version",
            STEPS.len()
        )));
    }
    if at == STEPS.len() {
        return Ok(());
    }
    if at > 0 {
        let copy = copy_name(path, STEPS[at].0);
        crate::open::copy_database(conn, &copy, true)?;
        tracing::info!(store.backup = %copy.display(), "database copied before migration");
    }
    Migrations::new(STEPS.iter().map(|(_, up)| M::up(up)).collect())
        .to_latest(conn)
        .map_err(|e| Error::internal_error(format!("migrate {}: {e}", path.display())))
}

fn copy_name(path: &Path, step: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".before-{step}"));
    PathBuf::from(name)
}
