//! Lists and totals over everything, for administrators.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stoa_core::Result;
use stoa_core::audit::AuditEntry;
use stoa_core::channel::{Call, CloseReason};
use stoa_core::console::{AuditFilter, CallDay, CallSearch, CallSeen, CallSpan, Census, ConsoleStore};
use stoa_core::id::AppId;
use stoa_core::time::UnixMs;

use crate::calls::read_names;
use crate::channels::count;
use crate::errors::{bad_row, sql};
use crate::rooms::db;
use crate::store::SqliteStore;

fn census(conn: &Connection, now: UnixMs) -> Result<Census> {
    let read = |r: &Row<'_>| {
        let n = |at| r.get(at).map(count);
        Ok(Census { rooms: n(0)?, classes: n(1)?, adhoc: n(2)?, bans: n(3)?, accounts: n(4)? })
    };
    conn.prepare_cached(
        "SELECT (SELECT count(*) FROM voice_rooms WHERE stopped_ms IS NULL), \
         (SELECT count(*) FROM class WHERE status = 1), \
         (SELECT count(*) FROM talk_channel t WHERE NOT EXISTS \
         (SELECT 1 FROM class c WHERE c.app = t.app_id AND c.meeting = t.channel_id)), \
         (SELECT count(*) FROM sanctions WHERE until_ms > ?1 AND until_ms > 0), \
         (SELECT count(*) FROM accounts)",
    )
    .and_then(|mut s| s.query_row([now.0], read))
    .map_err(sql("count everything"))
}

/// `?1` app, `?2` text. `lower` knows ASCII letters only.
macro_rules! commands {
    ($what:literal, $page:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM audit_log WHERE (?1 IS NULL OR app_id = ?1) AND (?2 IS NULL \
             OR instr(lower(identifier), lower(?2)) OR instr(lower(command), lower(?2)) \
             OR instr(lower(target), lower(?2))) ",
            $page
        )
    };
}

fn read_entry(r: &Row<'_>) -> rusqlite::Result<Result<AuditEntry>> {
    let app: i64 = r.get(1)?;
    let Ok(n) = u64::try_from(app) else { return Ok(Err(bad_row("audit_log", "app_id", app))) };
    Ok(Ok(AuditEntry {
        at: UnixMs(r.get(0)?),
        app: AppId(n),
        identifier: r.get(2)?,
        op_user: r.get(3)?,
        command: r.get(4)?,
        target: r.get(5)?,
        result: r.get(6)?,
        request_id: r.get(7)?,
    }))
}

fn audit_page(conn: &Connection, f: &AuditFilter, offset: u64, limit: u32) -> Result<(u64, Vec<AuditEntry>)> {
    let doing = "list logged commands";
    let app = f.app.map(|a| db(a.0));
    let page = conn
        .prepare_cached(commands!(
            "at_ms, app_id, identifier, op_user, command, target, result, request_id",
            "ORDER BY id DESC LIMIT ?3 OFFSET ?4"
        ))
        .and_then(|mut s| {
            s.query_map(params![app, f.text, limit, db(offset)], read_entry)?.collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(sql(doing))?;
    let total: i64 = conn
        .prepare_cached(commands!("count(*)", ""))
        .and_then(|mut s| s.query_row(params![app, f.text], |r| r.get(0)))
        .map_err(sql(doing))?;
    Ok((count(total), page.into_iter().collect::<Result<_>>()?))
}

/// `?1` app, `?2` user, `?3` channel, `?4`/`?5` span of the beginning.
macro_rules! searched {
    ($what:literal, $page:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM talk_call WHERE (?1 IS NULL OR app_id = ?1) AND (?2 IS NULL OR user_id = ?2) \
             AND (?3 IS NULL OR channel_id = ?3) AND join_ms >= ?4 AND join_ms < ?5 ",
            $page
        )
    };
}

fn read_call(r: &Row<'_>) -> rusqlite::Result<Result<CallSeen>> {
    let (join, leave) = (UnixMs(r.get(3)?), r.get::<_, Option<i64>>(4)?.map(UnixMs));
    let names = read_names(r.get(0)?, r.get(1)?, r.get(2)?);
    let reason = match r.get::<_, Option<String>>(5)? {
        Some(word) => match CloseReason::parse(&word) {
            Some(reason) => Some(reason),
            None => return Ok(Err(bad_row("talk_call", "close_reason", word))),
        },
        None => None,
    };
    Ok(names.map(|(channel, user)| CallSeen { call: Call { channel, user, join, leave }, reason }))
}

fn search_calls(conn: &Connection, s: &CallSearch, offset: u64, limit: u32) -> Result<(u64, Vec<CallSeen>)> {
    let doing = "search call records";
    let (app, user) = (s.app.map(|a| db(a.0)), s.user.as_ref().map(AsRef::<str>::as_ref));
    let channel = s.channel.as_ref().map(AsRef::<str>::as_ref);
    let page = conn
        .prepare_cached(searched!(
            "app_id, channel_id, user_id, join_ms, leave_ms, close_reason",
            "ORDER BY join_ms DESC, id DESC LIMIT ?6 OFFSET ?7"
        ))
        .and_then(|mut q| {
            let page = params![app, user, channel, s.from.0, s.until.0, limit, db(offset)];
            q.query_map(page, read_call)?.collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(sql(doing))?;
    let total: i64 = conn
        .prepare_cached(searched!("count(*)", ""))
        .and_then(|mut q| q.query_row(params![app, user, channel, s.from.0, s.until.0], |r| r.get(0)))
        .map_err(sql(doing))?;
    Ok((count(total), page.into_iter().collect::<Result<_>>()?))
}

fn call_days(conn: &Connection, span: &CallSpan) -> Result<Vec<CallDay>> {
    let [(_, o0), (t1, o1), (t2, o2), (t3, o3)] = span.offsets;
    let read = |r: &Row<'_>| {
        Ok(CallDay { day: r.get(0)?, calls: count(r.get(1)?), ms: count(r.get(2)?), users: count(r.get(3)?) })
    };
    // Instants after 1970 and offsets of less than a day: what is divided is never negative in a span of days.
    conn.prepare_cached(
        "SELECT (join_ms + CASE WHEN join_ms >= ?5 THEN ?6 WHEN join_ms >= ?7 THEN ?8 WHEN join_ms >= ?9 THEN ?10 \
         ELSE ?11 END) / 86400000 AS day, count(*), sum(coalesce(leave_ms, max(join_ms, ?4)) - join_ms), \
         count(DISTINCT app_id || ':' || user_id) FROM talk_call \
         WHERE (?1 IS NULL OR app_id = ?1) AND join_ms >= ?2 AND join_ms < ?3 GROUP BY day ORDER BY day",
    )
    .and_then(|mut s| {
        let app = span.app.map(|a| db(a.0));
        let args = params![app, span.from.0, span.until.0, span.now.0, t3.0, o3, t2.0, o2, t1.0, o1, o0];
        s.query_map(args, read)?.collect()
    })
    .map_err(sql("add up call records"))
}

#[async_trait]
impl ConsoleStore for SqliteStore {
    async fn census(&self, now: UnixMs) -> Result<Census> {
        self.read(move |c| census(c, now)).await
    }

    async fn audit_page(&self, filter: &AuditFilter, offset: u64, limit: u32) -> Result<(u64, Vec<AuditEntry>)> {
        let filter = filter.clone();
        self.read(move |c| audit_page(c, &filter, offset, limit)).await
    }

    async fn search_calls(&self, search: &CallSearch, offset: u64, limit: u32) -> Result<(u64, Vec<CallSeen>)> {
        let search = search.clone();
        self.read(move |c| search_calls(c, &search, offset, limit)).await
    }

    async fn call_days(&self, span: &CallSpan) -> Result<Vec<CallDay>> {
        let span = span.clone();
        self.read(move |c| call_days(c, &span)).await
    }
}
