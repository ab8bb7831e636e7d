//! Call records and runs of the server as rows.

use sqlx::{Connection, PgConnection, PgExecutor, PgPool, Row};
use stoa_core::channel::{Boot, Call, CallOp, CallRow};
use stoa_core::ports::CallFilter;
use stoa_core::time::UnixMs;

use crate::channels::{count, read_key, read_user};
use crate::fault::{Fault, one_row};
use crate::rooms::db;

/// Key of the lock under which runs are numbered: two that begin at once must not get one number.
const BOOT_LOCK: i64 = 0x5354_4f41_0002;

/// A new run: one more than the highest. The highest is never purged, so no number comes twice.
pub(crate) async fn boot(tx: &mut PgConnection, now: UnixMs) -> Result<Boot, Fault> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(BOOT_LOCK).execute(&mut *tx).await?;
    let id = sqlx::query_scalar(
        "INSERT INTO server_boot (boot_id, started_ms, heartbeat_ms) \
         SELECT coalesce(max(boot_id), 0) + 1, $1, $1 FROM server_boot RETURNING boot_id",
    )
    .bind(now.0)
    .fetch_one(tx)
    .await?;
    Ok(Boot { id, started: now })
}

/// Also restores the row of a run that another one's purge took for dead.
pub(crate) async fn heartbeat(pool: &PgPool, boot: Boot, now: UnixMs) -> Result<(), Fault> {
    let done = sqlx::query(
        "INSERT INTO server_boot (boot_id, started_ms, heartbeat_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (boot_id) DO UPDATE SET heartbeat_ms = excluded.heartbeat_ms",
    )
    .bind(boot.id)
    .bind(boot.started.0)
    .bind(now.0)
    .execute(pool)
    .await?;
    Ok(one_row("write a heartbeat", done.rows_affected())?)
}

/// Carries out the changes in order, in one transaction; a single one needs none of its own.
pub(crate) async fn write(pool: &PgPool, boot: Boot, ops: &[CallOp]) -> Result<(), Fault> {
    match ops {
        [] => Ok(()),
        [op] => write_one(pool, boot, op).await,
        ops => {
            let mut conn = pool.acquire().await?;
            let mut tx = conn.begin().await?;
            for op in ops {
                write_one(&mut *tx, boot, op).await?;
            }
            Ok(tx.commit().await?)
        }
    }
}

/// One change; one that does not fit touches no row. Whoever continues a record owns it from then on: after the next
/// crash this run's heartbeat counts and not that of the run that began it.
async fn write_one(db_: impl PgExecutor<'_>, boot: Boot, op: &CallOp) -> Result<(), Fault> {
    match op {
        CallOp::Open { channel, user, join } => {
            sqlx::query(
                "INSERT INTO talk_call (app_id, channel_id, user_id, boot_id, join_ms) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (app_id, channel_id, user_id) WHERE leave_ms IS NULL \
                 DO UPDATE SET boot_id = excluded.boot_id",
            )
            .bind(db(channel.app.0))
            .bind(channel.name.as_str())
            .bind(user.as_str())
            .bind(boot.id)
            .bind(join.0)
            .execute(db_)
            .await?
        }
        CallOp::Lost { channel, user, lost } => {
            sqlx::query(
                "UPDATE talk_call SET lost_ms = $4, boot_id = $5 \
                 WHERE app_id = $1 AND channel_id = $2 AND user_id = $3 AND leave_ms IS NULL",
            )
            .bind(db(channel.app.0))
            .bind(channel.name.as_str())
            .bind(user.as_str())
            .bind(lost.map(|t| t.0))
            .bind(boot.id)
            .execute(db_)
            .await?
        }
        CallOp::Close { channel, user, leave, reason } => {
            sqlx::query(
                "UPDATE talk_call SET leave_ms = greatest(join_ms, $4), lost_ms = NULL, close_reason = $5 \
                 WHERE app_id = $1 AND channel_id = $2 AND user_id = $3 AND leave_ms IS NULL",
            )
            .bind(db(channel.app.0))
            .bind(channel.name.as_str())
            .bind(user.as_str())
            .bind(leave.0)
            .bind(reason.as_str())
            .execute(db_)
            .await?
        }
    };
    Ok(())
}

/// Records that earlier runs left open.
pub(crate) async fn open(pool: &PgPool, boot: Boot) -> Result<Vec<CallRow>, Fault> {
    let rows = sqlx::query(
        "SELECT c.app_id, c.channel_id, c.user_id, c.join_ms, c.lost_ms, \
         coalesce(b.heartbeat_ms, c.join_ms) \
         FROM talk_call c LEFT JOIN server_boot b ON b.boot_id = c.boot_id \
         WHERE c.leave_ms IS NULL AND c.boot_id < $1 ORDER BY c.app_id, c.channel_id, c.user_id",
    )
    .bind(boot.id)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|r| {
            Ok(CallRow {
                channel: read_key(r, 0)?,
                user: read_user(r, 2)?,
                join: UnixMs(r.try_get(3)?),
                lost: r.try_get::<Option<i64>, _>(4)?.map(UnixMs),
                heartbeat: UnixMs(r.try_get(5)?),
            })
        })
        .collect()
}

/// How many records match, and those on a page: one statement, so one snapshot. The page is empty as one row without
/// a channel.
pub(crate) async fn list(pool: &PgPool, f: &CallFilter, offset: u64, limit: u32) -> Result<(u64, Vec<Call>), Fault> {
    macro_rules! matching {
        () => {
            " FROM talk_call WHERE app_id = $1 AND user_id = $2 AND join_ms >= $3 AND join_ms < $4 \
             AND (leave_ms IS NOT NULL OR $5)"
        };
    }
    let rows = sqlx::query(concat!(
        "SELECT p.app_id, p.channel_id, p.join_ms, p.leave_ms, t.total FROM (SELECT count(*) AS total",
        matching!(),
        ") t LEFT JOIN LATERAL (SELECT id, app_id, channel_id, join_ms, leave_ms",
        matching!(),
        " ORDER BY join_ms, id LIMIT $6 OFFSET $7) p ON TRUE ORDER BY p.join_ms, p.id"
    ))
    .bind(db(f.app.0))
    .bind(f.user.as_str())
    .bind(f.from.0)
    .bind(f.until.0)
    .bind(f.open)
    .bind(i64::from(limit))
    .bind(db(offset))
    .fetch_all(pool)
    .await?;
    let mut total = 0;
    let mut calls = Vec::with_capacity(rows.len());
    for r in &rows {
        total = count(r.try_get(4)?);
        if let Some(join) = r.try_get::<Option<i64>, _>(2)? {
            let leave = r.try_get::<Option<i64>, _>(3)?.map(UnixMs);
            calls.push(Call { channel: read_key(r, 0)?, user: f.user.clone(), join: UnixMs(join), leave });
        }
    }
    Ok((total, calls))
}

/// Records that one statement of a purge removes: few enough to stay far below the statement timeout.
pub(crate) const PURGE_ROWS: u64 = 10_000;

/// Removes up to [`PURGE_ROWS`] records that ended before `before`.
pub(crate) async fn purge(pool: &PgPool, before: UnixMs) -> Result<u64, Fault> {
    let done = sqlx::query("DELETE FROM talk_call WHERE id IN (SELECT id FROM talk_call WHERE leave_ms < $1 LIMIT $2)")
        .bind(before.0)
        .bind(db(PURGE_ROWS))
        .execute(pool)
        .await?;
    Ok(done.rows_affected())
}

/// Removes runs to which no record belongs, but never the newest.
pub(crate) async fn purge_boots(pool: &PgPool) -> Result<(), Fault> {
    sqlx::query(
        "DELETE FROM server_boot b WHERE b.boot_id < (SELECT max(boot_id) FROM server_boot) \
         AND NOT EXISTS (SELECT 1 FROM talk_call c WHERE c.boot_id = b.boot_id)",
    )
    .execute(pool)
    .await?;
    Ok(())
}
