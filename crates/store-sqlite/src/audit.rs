//! The log of commands as rows.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stoa_core::Result;
use stoa_core::audit::{AuditEntry, AuditStore};
use stoa_core::id::AppId;
use stoa_core::time::UnixMs;

use crate::errors::{one_row, sql};
use crate::rooms::db;
use crate::store::SqliteStore;

/// Rows that one turn of a purge removes: few enough to keep no other write waiting for long.
const PURGE_ROWS: u32 = 1000;

fn insert(conn: &Connection, e: &AuditEntry) -> Result<()> {
    let n = conn
        .prepare_cached(
            "INSERT INTO audit_log (at_ms, app_id, identifier, op_user, command, target, result, request_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .and_then(|mut s| {
            let (app, result) = (db(e.app.0), i64::from(e.result));
            s.execute(params![e.at.0, app, e.identifier, e.op_user, e.command, e.target, result, e.request_id])
        })
        .map_err(sql("log a command"))?;
    one_row("log a command", n)
}

fn newest(conn: &Connection, app: AppId, limit: u32) -> Result<Vec<AuditEntry>> {
    let read = |r: &Row<'_>| {
        Ok(AuditEntry {
            at: UnixMs(r.get(0)?),
            app,
            identifier: r.get(1)?,
            op_user: r.get(2)?,
            command: r.get(3)?,
            target: r.get(4)?,
            result: r.get(5)?,
            request_id: r.get(6)?,
        })
    };
    conn.prepare_cached(
        "SELECT at_ms, identifier, op_user, command, target, result, request_id FROM audit_log \
         WHERE app_id = ?1 ORDER BY id DESC LIMIT ?2",
    )
    .and_then(|mut s| s.query_map(params![db(app.0), limit], read)?.collect())
    .map_err(sql("list logged commands"))
}

fn purge(conn: &Connection, before: UnixMs) -> Result<u64> {
    conn.prepare_cached("DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE at_ms < ?1 LIMIT ?2)")
        .and_then(|mut s| s.execute(params![before.0, PURGE_ROWS]))
        .map(|n| n as u64)
        .map_err(sql("purge logged commands"))
}

#[async_trait]
impl AuditStore for SqliteStore {
    async fn audit(&self, entry: AuditEntry) -> Result<()> {
        self.writer
            .submit(move |tx| {
                tx.wrote();
                insert(tx.conn, &entry)
            })
            .await
    }

    async fn audit_entries(&self, app: AppId, limit: u32) -> Result<Vec<AuditEntry>> {
        self.read(move |c| newest(c, app, limit)).await
    }

    async fn purge_audit(&self, before: UnixMs) -> Result<u64> {
        let mut purged = 0;
        loop {
            let gone = self
                .writer
                .submit(move |tx| {
                    tx.wrote();
                    purge(tx.conn, before)
                })
                .await?;
            purged += gone;
            if gone < u64::from(PURGE_ROWS) {
                return Ok(purged);
            }
        }
    }
}
