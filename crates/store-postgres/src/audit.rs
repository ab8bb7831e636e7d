//! The log of commands as rows.

use async_trait::async_trait;
use sqlx::{PgPool, Row};
use stoa_core::Result;
use stoa_core::audit::{AuditEntry, AuditStore};
use stoa_core::id::AppId;
use stoa_core::time::UnixMs;

use crate::fault::{Fault, one_row, retry};
use crate::rooms::db;
use crate::store::PostgresStore;

/// Rows that one statement of a purge removes: few enough to stay far below the statement timeout.
const PURGE_ROWS: u64 = 10_000;

async fn insert(pool: &PgPool, e: &AuditEntry) -> Result<(), Fault> {
    let done = sqlx::query(
        "INSERT INTO audit_log (at_ms, app_id, identifier, op_user, command, target, result, request_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(e.at.0)
    .bind(db(e.app.0))
    .bind(&e.identifier)
    .bind(&e.op_user)
    .bind(&e.command)
    .bind(&e.target)
    .bind(i64::from(e.result))
    .bind(&e.request_id)
    .execute(pool)
    .await?;
    Ok(one_row("log a command", done.rows_affected())?)
}

async fn newest(pool: &PgPool, app: AppId, limit: u32) -> Result<Vec<AuditEntry>, Fault> {
    let rows = sqlx::query(
        "SELECT at_ms, identifier, op_user, command, target, result, request_id FROM audit_log \
         WHERE app_id = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(db(app.0))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|r| {
            Ok(AuditEntry {
                at: UnixMs(r.try_get(0)?),
                app,
                identifier: r.try_get(1)?,
                op_user: r.try_get(2)?,
                command: r.try_get(3)?,
                target: r.try_get(4)?,
                result: u32::try_from(r.try_get::<i64, _>(5)?).unwrap_or(u32::MAX),
                request_id: r.try_get(6)?,
            })
        })
        .collect()
}

async fn purge(pool: &PgPool, before: UnixMs) -> Result<u64, Fault> {
    let done = sqlx::query("DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE at_ms < $1 LIMIT $2)")
        .bind(before.0)
        .bind(db(PURGE_ROWS))
        .execute(pool)
        .await?;
    Ok(done.rows_affected())
}

#[async_trait]
impl AuditStore for PostgresStore {
    async fn audit(&self, entry: AuditEntry) -> Result<()> {
        retry("log a command", || insert(&self.pool, &entry)).await
    }

    async fn audit_entries(&self, app: AppId, limit: u32) -> Result<Vec<AuditEntry>> {
        retry("list logged commands", || newest(&self.pool, app, limit)).await
    }

    async fn purge_audit(&self, before: UnixMs) -> Result<u64> {
        let mut purged = 0;
        loop {
            let gone = retry("purge logged commands", || purge(&self.pool, before)).await?;
            purged += gone;
            if gone < PURGE_ROWS {
                return Ok(purged);
            }
        }
    }
}
