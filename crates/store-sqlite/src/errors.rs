//! SQLite's errors as domain errors: the caller learns a kind, the log learns the rest.

use rusqlite::ErrorCode;
use stoa_core::{Error, Kind};

/// A database error with what was being done.
pub(crate) fn sql(doing: &str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |e| match e.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::new(Kind::Unavailable, "the store is busy, try again").with_internal(format!("{doing}: {e}"))
        }
        _ => Error::internal_error(format!("{doing}: {e}")),
    }
}

/// The queue is full or its turn did not come in time.
pub(crate) fn overloaded(what: &str) -> Error {
    Error::new(Kind::Unavailable, "the store is overloaded, try again").with_internal(what)
}

/// A stored row that no valid write can have made.
pub(crate) fn bad_row(table: &str, column: &str, row: impl std::fmt::Display) -> Error {
    Error::internal_error(format!("{table}.{column} of row {row} is not valid"))
}

/// Exactly one row, or the invariant behind the statement is broken.
pub(crate) fn one_row(what: &str, touched: usize) -> Result<(), Error> {
    if touched == 1 { Ok(()) } else { Err(Error::internal_error(format!("{what}: {touched} rows instead of one"))) }
}
