//! The small tables: secrets, accounts, sanctions, outbox.

use rusqlite::{Connection, OptionalExtension, Row, params};
use stoa_core::Result;
use stoa_core::account::Account;
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
use stoa_core::ports::{OutboxItem, SanctionFilter};
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;

use crate::channels::count;
use crate::errors::{bad_row, one_row, sql};
use crate::rooms::db;
use crate::tx::SanctionKey;

/// The stored secret; `fresh` becomes it when there is none.
pub(crate) fn secret(conn: &Connection, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
    conn.prepare_cached("INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")
        .and_then(|mut s| s.execute(params![name, fresh]))
        .map_err(sql("store a secret"))?;
    conn.prepare_cached("SELECT value FROM secrets WHERE name = ?1")
        .and_then(|mut s| s.query_row([name], |r| r.get(0)))
        .map_err(sql("read a secret"))
}

fn read_account(r: &Row<'_>) -> rusqlite::Result<Result<Account>> {
    let name: String = r.get(0)?;
    let Ok(user) = UserId::new(name.as_str()) else {
        return Ok(Err(bad_row("accounts", "user_id", name)));
    };
    Ok(Ok(Account {
        user,
        password_hash: r.get(1)?,
        admin: r.get(2)?,
        disabled: r.get(3)?,
        revoked_at_secs: r.get(4)?,
    }))
}

/// One account.
pub(crate) fn account(conn: &Connection, user: &UserId) -> Result<Option<Account>> {
    conn.prepare_cached(
        "SELECT user_id, password_hash, admin, disabled, revoked_at_secs FROM accounts WHERE user_id = ?1",
    )
    .and_then(|mut s| s.query_row([user.as_str()], read_account).optional())
    .map_err(sql("read an account"))?
    .transpose()
}

/// All accounts by name.
pub(crate) fn accounts(conn: &Connection) -> Result<Vec<Account>> {
    conn.prepare_cached(
        "SELECT user_id, password_hash, admin, disabled, revoked_at_secs FROM accounts ORDER BY user_id",
    )
    .and_then(|mut s| s.query_map([], read_account)?.collect::<rusqlite::Result<Vec<_>>>())
    .map_err(sql("list accounts"))?
    .into_iter()
    .collect()
}

/// Adds or replaces.
pub(crate) fn put_account(conn: &Connection, a: &Account) -> Result<()> {
    let n = conn
        .prepare_cached(
            "INSERT INTO accounts (user_id, password_hash, admin, disabled, revoked_at_secs) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, \
             admin = excluded.admin, disabled = excluded.disabled, revoked_at_secs = excluded.revoked_at_secs",
        )
        .and_then(|mut s| s.execute(params![a.user.as_str(), a.password_hash, a.admin, a.disabled, a.revoked_at_secs]))
        .map_err(sql("store an account"))?;
    one_row("store an account", n)
}

/// Removes; false = there was none.
pub(crate) fn remove_account(conn: &Connection, user: &UserId) -> Result<bool> {
    conn.prepare_cached("DELETE FROM accounts WHERE user_id = ?1")
        .and_then(|mut s| s.execute([user.as_str()]))
        .map(|n| n > 0)
        .map_err(sql("remove an account"))
}

/// The columns source, acted_by, created_ms, until_ms, not_before_secs from `at` on.
pub(crate) fn read_sanction(
    r: &Row<'_>,
    at: usize,
    channel: &ChannelKey,
    user: &UserId,
) -> rusqlite::Result<Result<Sanction>> {
    let source: String = r.get(at)?;
    let Some(source) = Source::parse(&source) else {
        return Ok(Err(bad_row("sanctions", "source", source)));
    };
    Ok(Ok(Sanction {
        channel: channel.clone(),
        user: user.clone(),
        source,
        by: r.get(at + 1)?,
        created: UnixMs(r.get(at + 2)?),
        until: UnixMs(r.get(at + 3)?),
        not_before_secs: r.get(at + 4)?,
    }))
}

/// One sanction.
pub(crate) fn sanction(conn: &Connection, key: &SanctionKey) -> Result<Option<Sanction>> {
    let (channel, user) = key;
    let by_key = params![db(channel.app.0), channel.name.as_str(), user.as_str()];
    conn.prepare_cached(
        "SELECT source, acted_by, created_ms, until_ms, not_before_secs FROM sanctions \
         WHERE app = ?1 AND channel = ?2 AND user_id = ?3",
    )
    .and_then(|mut s| s.query_row(by_key, |r| read_sanction(r, 0, channel, user)).optional())
    .map_err(sql("read a sanction"))?
    .transpose()
}

/// Adds or replaces.
pub(crate) fn put_sanction(conn: &Connection, s: &Sanction) -> Result<()> {
    let n = conn
        .prepare_cached(
            "INSERT INTO sanctions (app, channel, user_id, source, acted_by, created_ms, until_ms, not_before_secs) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (app, channel, user_id) DO UPDATE SET \
             source = excluded.source, acted_by = excluded.acted_by, created_ms = excluded.created_ms, \
             until_ms = excluded.until_ms, not_before_secs = excluded.not_before_secs",
        )
        .and_then(|mut stmt| {
            stmt.execute(params![
                db(s.channel.app.0),
                s.channel.name.as_str(),
                s.user.as_str(),
                s.source.as_str(),
                s.by,
                s.created.0,
                s.until.0,
                s.not_before_secs
            ])
        })
        .map_err(sql("store a sanction"))?;
    one_row("store a sanction", n)
}

/// Removes what is over; returns whose.
pub(crate) fn purge_sanctions(conn: &Connection, now: UnixMs, before_secs: i64) -> Result<Vec<SanctionKey>> {
    let read = |r: &Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?));
    let gone = conn
        .prepare_cached(
            "DELETE FROM sanctions WHERE not_before_secs < ?1 AND until_ms <= ?2 RETURNING app, channel, user_id",
        )
        .and_then(|mut s| s.query_map(params![before_secs, now.0], read)?.collect::<rusqlite::Result<Vec<_>>>())
        .map_err(sql("purge sanctions"))?;
    gone.into_iter()
        .map(|(app, channel, user)| {
            let bad = |_| bad_row("sanctions", "channel or user_id", &channel);
            let app = AppId(u64::try_from(app).map_err(|_| bad_row("sanctions", "app", app))?);
            let name = ChannelName::new(channel.as_str()).map_err(bad)?;
            Ok((ChannelKey { app, name }, UserId::new(user).map_err(bad)?))
        })
        .collect()
}

/// Statements that count and page bans: `?1` app, `?2` channel, `?3` user, `?4` now, `?5` limit, `?6` offset. A pair for
/// each kind of filter with its index, which SQLite would not guess: it picks when it prepares, and knows no figures.
macro_rules! bans {
    ($index:literal, $filter:literal) => {
        [
            bans!(@ "count(*)", $index, $filter, ""),
            bans!(
                @ "channel, user_id, source, acted_by, created_ms, until_ms, not_before_secs",
                $index,
                $filter,
                " ORDER BY created_ms, channel, user_id LIMIT ?5 OFFSET ?6"
            ),
        ]
    };
    (@ $what:expr, $index:literal, $filter:literal, $page:expr) => {
        concat!(
            "SELECT ",
            $what,
            " FROM sanctions INDEXED BY ",
            $index,
            " WHERE app = ?1 AND until_ms > 0 AND until_ms > ?4 AND ",
            $filter,
            $page
        )
    };
}

/// By kind of filter: none, channel, user, both.
const BANS: [[&str; 2]; 4] = [
    bans!("sanctions_bans", "?2 IS NULL AND ?3 IS NULL"),
    bans!("sqlite_autoindex_sanctions_1", "channel = ?2 AND ?3 IS NULL"),
    bans!("sanctions_user", "?2 IS NULL AND user_id = ?3"),
    bans!("sqlite_autoindex_sanctions_1", "channel = ?2 AND user_id = ?3"),
];

fn read_ban(r: &Row<'_>, app: AppId) -> rusqlite::Result<Result<Sanction>> {
    let (channel, user, source) = (r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?);
    let (Ok(name), Ok(user), Some(source)) =
        (ChannelName::new(channel.as_str()), UserId::new(user), Source::parse(&source))
    else {
        return Ok(Err(bad_row("sanctions", "channel, user_id or source", channel)));
    };
    Ok(Ok(Sanction {
        channel: ChannelKey { app, name },
        user,
        source,
        by: r.get(3)?,
        created: UnixMs(r.get(4)?),
        until: UnixMs(r.get(5)?),
        not_before_secs: r.get(6)?,
    }))
}

/// How many bans run, and those on a page.
pub(crate) fn bans(
    conn: &Connection,
    f: &SanctionFilter,
    now: UnixMs,
    offset: u64,
    limit: u32,
) -> Result<(u64, Vec<Sanction>)> {
    let [counting, paging] = BANS[usize::from(f.channel.is_some()) + 2 * usize::from(f.user.is_some())];
    let (channel, user) = (f.channel.as_ref().map(ChannelName::as_str), f.user.as_ref().map(UserId::as_str));
    let total: i64 = conn
        .prepare_cached(counting)
        .and_then(|mut s| s.query_row(params![db(f.app.0), channel, user, now.0], |r| r.get(0)))
        .map_err(sql("count bans"))?;
    let page = conn
        .prepare_cached(paging)
        .and_then(|mut s| {
            let page = params![db(f.app.0), channel, user, now.0, limit, db(offset)];
            s.query_map(page, |r| read_ban(r, f.app))?.collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(sql("list bans"))?;
    Ok((count(total), page.into_iter().collect::<Result<_>>()?))
}

/// Appends in order.
pub(crate) fn outbox_push(conn: &Connection, items: &[OutboxItem]) -> Result<()> {
    let doing = "append to the outbox";
    let mut stmt = conn
        .prepare_cached("INSERT INTO outbox (event_id, url, app, channel, body) VALUES (?1, ?2, ?3, ?4, ?5)")
        .map_err(sql(doing))?;
    for i in items {
        stmt.execute(params![i.id, i.url, db(i.app.0), i.channel, i.body]).map_err(sql(doing))?;
    }
    Ok(())
}

/// The oldest events.
pub(crate) fn outbox_peek(conn: &Connection, limit: u32) -> Result<Vec<OutboxItem>> {
    let read = |r: &Row<'_>| {
        Ok(OutboxItem {
            seq: r.get(0)?,
            id: r.get(1)?,
            url: r.get(2)?,
            app: AppId(u64::try_from(r.get::<_, i64>(3)?).unwrap_or(0)),
            channel: r.get(4)?,
            body: r.get(5)?,
        })
    };
    conn.prepare_cached("SELECT seq, event_id, url, app, channel, body FROM outbox ORDER BY seq LIMIT ?1")
        .and_then(|mut s| s.query_map([limit], read)?.collect())
        .map_err(sql("read the outbox"))
}

/// Removes one event.
pub(crate) fn outbox_done(conn: &Connection, seq: i64) -> Result<()> {
    conn.prepare_cached("DELETE FROM outbox WHERE seq = ?1")
        .and_then(|mut s| s.execute([seq]))
        .map(drop)
        .map_err(sql("remove from the outbox"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_are_found_by_the_index_of_their_filter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        crate::migrate::migrate(&mut conn, &path).unwrap();
        let used =
            ["sanctions_bans (app=?", "app=? AND channel=?", "sanctions_user", "app=? AND channel=? AND user_id=?"];
        for (index, [_, page]) in used.into_iter().zip(BANS) {
            let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {page}")).unwrap();
            let args = params![1, "c", "u", 5, 10, 0];
            let steps: Vec<String> =
                plan.query_map(args, |r| r.get(3)).unwrap().map(std::result::Result::unwrap).collect();
            assert!(steps.iter().any(|s| s.contains(index)), "{steps:?}");
        }
    }
}
