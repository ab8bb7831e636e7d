//! Lists and totals over everything, for administrators.

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use stoa_core::Result;
use stoa_core::audit::AuditEntry;
use stoa_core::channel::{Call, CloseReason};
use stoa_core::console::{AuditFilter, CallDay, CallSearch, CallSeen, CallSpan, Census, ConsoleStore};
use stoa_core::id::{AppId, ChannelName, UserId};
use stoa_core::time::UnixMs;

use crate::channels::{count, read_key, read_user};
use crate::fault::{Fault, bad_row, retry};
use crate::rooms::db;
use crate::store::PostgresStore;

async fn census(pool: &PgPool, now: UnixMs) -> Result<Census, Fault> {
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM voice_rooms WHERE stopped_ms IS NULL), \
         (SELECT count(*) FROM class WHERE status = 1), \
         (SELECT count(*) FROM talk_channel t WHERE NOT EXISTS \
         (SELECT 1 FROM class c WHERE c.app = t.app_id AND c.meeting = t.channel_id)), \
         (SELECT count(*) FROM sanctions WHERE until_ms > $1 AND until_ms > 0), \
         (SELECT count(*) FROM accounts)",
    )
    .bind(now.0)
    .fetch_one(pool)
    .await?;
    let n = |at: usize| row.try_get(at).map(count);
    Ok(Census { rooms: n(0)?, classes: n(1)?, adhoc: n(2)?, bans: n(3)?, accounts: n(4)? })
}

/// How many commands match, and those on a page: one statement, so one snapshot. The page is empty as one row without
/// an instant. In the collation "C" `lower` knows ASCII letters only.
async fn audit_page(pool: &PgPool, f: &AuditFilter, offset: u64, limit: u32) -> Result<(u64, Vec<AuditEntry>), Fault> {
    macro_rules! matching {
        () => {
            " FROM audit_log WHERE ($1::bigint IS NULL OR app_id = $1) AND ($2::text IS NULL \
             OR position(lower($2 COLLATE \"C\") IN lower(identifier COLLATE \"C\")) > 0 \
             OR position(lower($2 COLLATE \"C\") IN lower(command COLLATE \"C\")) > 0 \
             OR position(lower($2 COLLATE \"C\") IN lower(target COLLATE \"C\")) > 0)"
        };
    }
    let rows = sqlx::query(concat!(
        "SELECT t.total, p.at_ms, p.app_id, p.identifier, p.op_user, p.command, p.target, p.result, p.request_id \
         FROM (SELECT count(*) AS total",
        matching!(),
        ") t LEFT JOIN LATERAL (SELECT *",
        matching!(),
        " ORDER BY id DESC LIMIT $3 OFFSET $4) p ON TRUE ORDER BY p.id DESC"
    ))
    .bind(f.app.map(|a| db(a.0)))
    .bind(f.text.as_deref())
    .bind(i64::from(limit))
    .bind(db(offset))
    .fetch_all(pool)
    .await?;
    let (mut total, mut entries) = (0, Vec::with_capacity(rows.len()));
    for r in &rows {
        total = count(r.try_get(0)?);
        if let Some(at) = r.try_get::<Option<i64>, _>(1)? {
            let app: i64 = r.try_get(2)?;
            entries.push(AuditEntry {
                at: UnixMs(at),
                app: AppId(u64::try_from(app).map_err(|_| bad_row("audit_log", "app_id", app))?),
                identifier: r.try_get(3)?,
                op_user: r.try_get(4)?,
                command: r.try_get(5)?,
                target: r.try_get(6)?,
                result: u32::try_from(r.try_get::<i64, _>(7)?).unwrap_or(u32::MAX),
                request_id: r.try_get(8)?,
            });
        }
    }
    Ok((total, entries))
}

fn read_call(r: &PgRow, join: i64) -> Result<CallSeen, Fault> {
    let reason = match r.try_get::<Option<String>, _>(5)? {
        Some(word) => Some(CloseReason::parse(&word).ok_or_else(|| bad_row("talk_call", "close_reason", &word))?),
        None => None,
    };
    let leave = r.try_get::<Option<i64>, _>(4)?.map(UnixMs);
    Ok(CallSeen { call: Call { channel: read_key(r, 0)?, user: read_user(r, 2)?, join: UnixMs(join), leave }, reason })
}

/// As [`audit_page`].
async fn search_calls(pool: &PgPool, s: &CallSearch, offset: u64, limit: u32) -> Result<(u64, Vec<CallSeen>), Fault> {
    macro_rules! matching {
        () => {
            " FROM talk_call WHERE ($1::bigint IS NULL OR app_id = $1) AND ($2::text IS NULL OR user_id = $2) \
             AND ($3::text IS NULL OR channel_id = $3) AND join_ms >= $4 AND join_ms < $5"
        };
    }
    let rows = sqlx::query(concat!(
        "SELECT p.app_id, p.channel_id, p.user_id, p.join_ms, p.leave_ms, p.close_reason, t.total \
         FROM (SELECT count(*) AS total",
        matching!(),
        ") t LEFT JOIN LATERAL (SELECT *",
        matching!(),
        " ORDER BY join_ms DESC, id DESC LIMIT $6 OFFSET $7) p ON TRUE ORDER BY p.join_ms DESC, p.id DESC"
    ))
    .bind(s.app.map(|a| db(a.0)))
    .bind(s.user.as_ref().map(UserId::as_str))
    .bind(s.channel.as_ref().map(ChannelName::as_str))
    .bind(s.from.0)
    .bind(s.until.0)
    .bind(i64::from(limit))
    .bind(db(offset))
    .fetch_all(pool)
    .await?;
    let (mut total, mut calls) = (0, Vec::with_capacity(rows.len()));
    for r in &rows {
        total = count(r.try_get(6)?);
        if let Some(join) = r.try_get::<Option<i64>, _>(3)? {
            calls.push(read_call(r, join)?);
        }
    }
    Ok((total, calls))
}

async fn call_days(pool: &PgPool, span: &CallSpan) -> Result<Vec<CallDay>, Fault> {
    let [(_, o0), (t1, o1), (t2, o2), (t3, o3)] = span.offsets;
    // Instants after 1970 and offsets of less than a day: what is divided is never negative in a span of days.
    let rows = sqlx::query(
        "SELECT (join_ms + CASE WHEN join_ms >= $5 THEN $6::bigint WHEN join_ms >= $7 THEN $8::bigint \
         WHEN join_ms >= $9 THEN $10::bigint ELSE $11::bigint END) / 86400000 AS day, count(*), \
         sum(coalesce(leave_ms, greatest(join_ms, $4)) - join_ms)::bigint, count(DISTINCT (app_id, user_id)) \
         FROM talk_call WHERE ($1::bigint IS NULL OR app_id = $1) AND join_ms >= $2 AND join_ms < $3 \
         GROUP BY day ORDER BY day",
    )
    .bind(span.app.map(|a| db(a.0)))
    .bind(span.from.0)
    .bind(span.until.0)
    .bind(span.now.0)
    .bind(t3.0)
    .bind(o3)
    .bind(t2.0)
    .bind(o2)
    .bind(t1.0)
    .bind(o1)
    .bind(o0)
    .fetch_all(pool)
    .await?;
    let day = |r: &PgRow| {
        let n = |at: usize| r.try_get(at).map(count);
        Ok(CallDay { day: r.try_get(0)?, calls: n(1)?, ms: n(2)?, users: n(3)? })
    };
    rows.iter().map(day).collect()
}

#[async_trait]
impl ConsoleStore for PostgresStore {
    async fn census(&self, now: UnixMs) -> Result<Census> {
        retry("count everything", || census(&self.pool, now)).await
    }

    async fn audit_page(&self, filter: &AuditFilter, offset: u64, limit: u32) -> Result<(u64, Vec<AuditEntry>)> {
        retry("list logged commands", || audit_page(&self.pool, filter, offset, limit)).await
    }

    async fn search_calls(&self, search: &CallSearch, offset: u64, limit: u32) -> Result<(u64, Vec<CallSeen>)> {
        retry("search call records", || search_calls(&self.pool, search, offset, limit)).await
    }

    async fn call_days(&self, span: &CallSpan) -> Result<Vec<CallDay>> {
        retry("add up call records", || call_days(&self.pool, span)).await
    }
}
