//! PostgreSQL's errors: which are worth another try, and what the caller learns of the others.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use stoa_core::{Error, Kind, Result};

/// Tries of a transaction that lost against another one. Each loser waits longer, so more tries
/// help only when the database is overloaded anyway.
const TRIES: u32 = 6;

/// Longest wait before the second try; doubles with each further one. The real wait is a random
/// part of it, so that losers do not meet again.
const FIRST_WAIT: Duration = Duration::from_millis(4);

/// What went wrong inside a transaction.
pub(crate) enum Fault {
    /// The database's word.
    Sql(sqlx::Error),
    /// Ours.
    Domain(Error),
}

impl From<sqlx::Error> for Fault {
    fn from(e: sqlx::Error) -> Self {
        Self::Sql(e)
    }
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::Domain(e)
    }
}

fn code(e: &sqlx::Error) -> Option<String> {
    e.as_database_error().and_then(sqlx::error::DatabaseError::code).map(std::borrow::Cow::into_owned)
}

/// The transaction was undone because of another one, and may be tried again as a whole.
fn lost_a_race(e: &sqlx::Error) -> bool {
    // serialization_failure, deadlock_detected
    matches!(code(e).as_deref(), Some("40001" | "40P01"))
}

/// The error for the caller; `doing` is for the log.
pub(crate) fn domain(doing: &str, e: &sqlx::Error) -> Error {
    let unavailable = match e {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::WorkerCrashed => true,
        other => code(other).is_some_and(|c| {
            // Connection trouble, too many connections, shutting down or starting, lock and
            // statement timeouts, races lost too often.
            c.starts_with("08") || c.starts_with("53") || c.starts_with("57") || c.starts_with("40") || c == "55P03"
        }),
    };
    if unavailable {
        Error::new(Kind::Unavailable, "the store cannot be reached or is busy, try again")
            .with_internal(format!("{doing}: {e}"))
    } else {
        Error::internal_error(format!("{doing}: {e}"))
    }
}

/// Runs a transaction, again when it lost a race.
pub(crate) async fn retry<T, F, Fut>(doing: &str, mut transaction: F) -> Result<T>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<T, Fault>> + Send,
{
    let mut longest = FIRST_WAIT;
    for _ in 1..TRIES {
        match transaction().await {
            Ok(done) => return Ok(done),
            Err(Fault::Sql(e)) if lost_a_race(&e) => {}
            Err(Fault::Sql(e)) => return Err(domain(doing, &e)),
            Err(Fault::Domain(e)) => return Err(e),
        }
        // The standard library's per-process random keys: enough to spread waits.
        let part = u32::try_from(RandomState::new().hash_one(doing) % 1024).unwrap_or(0);
        tokio::time::sleep(longest * part / 1024).await;
        longest *= 2;
    }
    match transaction().await {
        Ok(done) => Ok(done),
        Err(Fault::Sql(e)) => Err(domain(doing, &e)),
        Err(Fault::Domain(e)) => Err(e),
    }
}

/// A stored row that no valid write can have made.
pub(crate) fn bad_row(table: &str, column: &str, row: impl std::fmt::Display) -> Error {
    Error::internal_error(format!("{table}.{column} of row {row} is not valid"))
}

/// Exactly one row, or the invariant behind the statement is broken.
pub(crate) fn one_row(what: &str, touched: u64) -> Result<()> {
    if touched == 1 { Ok(()) } else { Err(Error::internal_error(format!("{what}: {touched} rows instead of one"))) }
}
