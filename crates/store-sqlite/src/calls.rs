//! Call records and runs of the server as rows.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use stoa_core::Result;
use stoa_core::channel::{Boot, Call, CallOp, CallRow};
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
use stoa_core::ports::CallFilter;
use stoa_core::time::UnixMs;

use crate::channels::count;
use crate::errors::{bad_row, one_row, sql};
use crate::rooms::db;

/// A new run: one more than the highest. The highest is never purged, so no number comes twice.
pub(crate) fn boot(conn: &Connection, now: UnixMs) -> Result<Boot> {
    let id = conn
        .prepare_cached(
            "INSERT INTO server_boot (boot_id, started_ms, heartbeat_ms) \
             SELECT coalesce(max(boot_id), 0) + 1, ?1, ?1 FROM server_boot RETURNING boot_id",
        )
        .and_then(|mut s| s.query_row([now.0], |r| r.get(0)))
        .map_err(sql("begin a run"))?;
    Ok(Boot { id, started: now })
}

/// Also restores the row of a run that a purge took for dead.
pub(crate) fn heartbeat(conn: &Connection, boot: Boot, now: UnixMs) -> Result<()> {
    let n = conn
        .prepare_cached(
            "INSERT INTO server_boot (boot_id, started_ms, heartbeat_ms) VALUES (?1, ?2, ?3) \
             ON CONFLICT (boot_id) DO UPDATE SET heartbeat_ms = excluded.heartbeat_ms",
        )
        .and_then(|mut s| s.execute(params![boot.id, boot.started.0, now.0]))
        .map_err(sql("write a heartbeat"))?;
    one_row("write a heartbeat", n)
}

/// Carries out one change; one that does not fit touches no row. Whoever continues a record owns it from then on: after
/// the next crash this run's heartbeat counts and not that of the run that began it.
pub(crate) fn write(conn: &Connection, boot: Boot, op: &CallOp) -> Result<()> {
    let key = |channel: &ChannelKey, user: &UserId| (db(channel.app.0), channel.name.to_string(), user.to_string());
    let done = match op {
        CallOp::Open { channel, user, join } => {
            let (app, channel, user) = key(channel, user);
            conn.prepare_cached(
                "INSERT INTO talk_call (app_id, channel_id, user_id, boot_id, join_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (app_id, channel_id, user_id) WHERE leave_ms IS NULL \
                 DO UPDATE SET boot_id = excluded.boot_id",
            )
            .and_then(|mut s| s.execute(params![app, channel, user, boot.id, join.0]))
        }
        CallOp::Lost { channel, user, lost } => {
            let (app, channel, user) = key(channel, user);
            conn.prepare_cached(
                "UPDATE talk_call SET lost_ms = ?1, boot_id = ?2 \
                 WHERE app_id = ?3 AND channel_id = ?4 AND user_id = ?5 AND leave_ms IS NULL",
            )
            .and_then(|mut s| s.execute(params![lost.map(|t| t.0), boot.id, app, channel, user]))
        }
        CallOp::Close { channel, user, leave, reason } => {
            let (app, channel, user) = key(channel, user);
            conn.prepare_cached(
                "UPDATE talk_call SET leave_ms = max(join_ms, ?1), lost_ms = NULL, close_reason = ?2 \
                 WHERE app_id = ?3 AND channel_id = ?4 AND user_id = ?5 AND leave_ms IS NULL",
            )
            .and_then(|mut s| s.execute(params![leave.0, reason.as_str(), app, channel, user]))
        }
    };
    done.map(drop).map_err(sql("write a call record"))
}

pub(crate) fn read_names(app: i64, channel: String, user: String) -> Result<(ChannelKey, UserId)> {
    let app = AppId(u64::try_from(app).map_err(|_| bad_row("talk_call", "app_id", app))?);
    let name = ChannelName::new(channel.as_str()).map_err(|_| bad_row("talk_call", "channel_id", channel))?;
    let user = UserId::new(user.as_str()).map_err(|_| bad_row("talk_call", "user_id", user))?;
    Ok((ChannelKey { app, name }, user))
}

/// Records that earlier runs left open. Found by the index of open ones: closed ones may be millions.
macro_rules! open_calls {
    () => {
        "SELECT c.app_id, c.channel_id, c.user_id, c.join_ms, c.lost_ms, \
         coalesce(b.heartbeat_ms, c.join_ms) \
         FROM talk_call c INDEXED BY talk_call_open LEFT JOIN server_boot b ON b.boot_id = c.boot_id \
         WHERE c.leave_ms IS NULL AND c.boot_id < ?1 ORDER BY c.app_id, c.channel_id, c.user_id"
    };
}

/// See the contract.
pub(crate) fn open(conn: &Connection, boot: Boot) -> Result<Vec<CallRow>> {
    let read = |r: &Row<'_>| -> rusqlite::Result<Result<CallRow>> {
        let (join, lost, heartbeat) = (UnixMs(r.get(3)?), r.get::<_, Option<i64>>(4)?.map(UnixMs), UnixMs(r.get(5)?));
        let names = read_names(r.get(0)?, r.get(1)?, r.get(2)?);
        Ok(names.map(|(channel, user)| CallRow { channel, user, join, lost, heartbeat }))
    };
    conn.prepare_cached(open_calls!())
        .and_then(|mut s| s.query_map([boot.id], read)?.collect::<rusqlite::Result<Vec<_>>>())
        .map_err(sql("list open call records"))?
        .into_iter()
        .collect()
}

/// `?1` app, `?2` user, `?3`/`?4` span of the beginning, `?5` whether open ones count.
macro_rules! filtered {
    ($what:expr, $page:expr) => {
        concat!(
            "SELECT ",
            $what,
            " FROM talk_call WHERE app_id = ?1 AND user_id = ?2 AND join_ms >= ?3 AND join_ms < ?4 \
             AND (leave_ms IS NOT NULL OR ?5) ",
            $page
        )
    };
}

/// Records of a user that memory keeps at most, for one span of time. More makes longer days cheap, each takes some 400
/// bytes and every one is read when any is asked for.
const KEPT: usize = 64;

/// All records of a user that began in a span of time, open ones too, in the order of lists.
#[derive(Clone)]
pub(crate) struct Kept {
    from: UnixMs,
    until: UnixMs,
    calls: Arc<[Call]>,
}

impl Kept {
    /// What [`list`] would say, if these are the records it asks about.
    pub(crate) fn list(&self, f: &CallFilter, offset: u64, limit: u32) -> Option<(u64, Vec<Call>)> {
        if (self.from, self.until) != (f.from, f.until) {
            return None;
        }
        let wanted = || self.calls.iter().filter(|c| f.open || c.leave.is_some());
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Some((wanted().count() as u64, wanted().skip(offset).take(limit as usize).cloned().collect()))
    }

    /// Estimated bytes.
    pub(crate) fn weight(&self) -> usize {
        let one = |c: &Call| size_of::<Call>() + 64 + c.channel.name.as_str().len() + c.user.as_str().len();
        self.calls.iter().map(one).sum()
    }
}

/// The records of this user and span, if they are not too many to be kept.
pub(crate) fn keep(conn: &Connection, f: &CallFilter) -> Result<Option<Kept>> {
    let all = CallFilter { open: true, ..f.clone() };
    let calls = rows(conn, &all, 0, KEPT as u64 + 1)?;
    Ok((calls.len() <= KEPT).then(|| Kept { from: f.from, until: f.until, calls: calls.into() }))
}

/// How many records match, and those on a page.
pub(crate) fn list(conn: &Connection, f: &CallFilter, offset: u64, limit: u32) -> Result<(u64, Vec<Call>)> {
    // One more than is shown tells whether there are more, and that makes the count below needless for most.
    let mut page = rows(conn, f, offset, u64::from(limit) + 1)?;
    let more = page.len() > limit as usize;
    let last = !more && (offset == 0 || !page.is_empty());
    page.truncate(limit as usize);
    let total = if last {
        offset + page.len() as u64
    } else {
        let total: i64 = conn
            .prepare_cached(filtered!("count(*)", ""))
            .and_then(|mut s| {
                s.query_row(params![db(f.app.0), f.user.as_str(), f.from.0, f.until.0, f.open], |r| r.get(0))
            })
            .map_err(sql(LISTING))?;
        count(total)
    };
    Ok((total, page))
}

const LISTING: &str = "list call records";

fn rows(conn: &Connection, f: &CallFilter, offset: u64, limit: u64) -> Result<Vec<Call>> {
    let read = |r: &Row<'_>| -> rusqlite::Result<Result<Call>> {
        let (join, leave) = (UnixMs(r.get(3)?), r.get::<_, Option<i64>>(4)?.map(UnixMs));
        let names = read_names(r.get(0)?, r.get(1)?, r.get(2)?);
        Ok(names.map(|(channel, user)| Call { channel, user, join, leave }))
    };
    conn.prepare_cached(filtered!(
        "app_id, channel_id, user_id, join_ms, leave_ms",
        "ORDER BY join_ms, id LIMIT ?6 OFFSET ?7"
    ))
    .and_then(|mut s| {
        let page = params![db(f.app.0), f.user.as_str(), f.from.0, f.until.0, f.open, db(limit), db(offset)];
        s.query_map(page, read)?.collect::<rusqlite::Result<Vec<_>>>()
    })
    .map_err(sql(LISTING))?
    .into_iter()
    .collect()
}

/// Records that one job of a purge removes. More ends a large purge sooner, and makes every other writer wait longer:
/// about 10 ms at this.
pub(crate) const PURGE_ROWS: usize = 2_000;

/// Removes up to [`PURGE_ROWS`] records that ended before `before`.
pub(crate) fn purge(conn: &Connection, before: UnixMs) -> Result<usize> {
    conn.prepare_cached("DELETE FROM talk_call WHERE id IN (SELECT id FROM talk_call WHERE leave_ms < ?1 LIMIT ?2)")
        .and_then(|mut s| s.execute(params![before.0, db(PURGE_ROWS as u64)]))
        .map_err(sql("purge call records"))
}

/// Removes runs to which no record belongs, but never the newest, which is ours.
pub(crate) fn purge_boots(conn: &Connection) -> Result<()> {
    conn.prepare_cached(
        "DELETE FROM server_boot WHERE boot_id < (SELECT max(boot_id) FROM server_boot) \
         AND NOT EXISTS (SELECT 1 FROM talk_call WHERE talk_call.boot_id = server_boot.boot_id)",
    )
    .and_then(|mut s| s.execute([]))
    .map(drop)
    .map_err(sql("purge runs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(statement: &str, args: &[&dyn rusqlite::ToSql]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        crate::migrate::migrate(&mut conn, &path).unwrap();
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        plan.query_map(args, |r| r.get(3)).unwrap().map(std::result::Result::unwrap).collect()
    }

    #[test]
    fn a_page_of_a_users_calls_walks_an_index_and_sorts_nothing() {
        let page = filtered!("channel_id", "ORDER BY join_ms, id LIMIT ?6 OFFSET ?7");
        let steps = plan(page, params![1, "bob", 0, 9, false, 10, 0]);
        assert!(steps.iter().any(|s| s.contains("talk_call_user")), "{steps:?}");
        assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{steps:?}");
    }

    #[test]
    fn open_calls_are_found_without_the_closed_ones() {
        let steps = plan(open_calls!(), params![7]);
        assert!(steps.iter().any(|s| s.contains("talk_call_open")), "{steps:?}");
        assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{steps:?}");
    }
}
