//! The small tables: secrets, accounts, sanctions, outbox.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, PgPool, Row};
use stoa_core::account::Account;
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
use stoa_core::ports::{OutboxItem, SanctionFilter};
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;

use crate::channels::{count, read_key, read_user};
use crate::fault::{Fault, bad_row, one_row};
use crate::rooms::db;

/// The stored secret; `fresh` becomes it when there is none. Two statements: the second sees what
/// another process stored while the first one waited for it.
pub(crate) async fn secret(pool: &PgPool, name: &str, fresh: &[u8]) -> Result<Vec<u8>, Fault> {
    sqlx::query("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(name)
        .bind(fresh)
        .execute(pool)
        .await?;
    Ok(sqlx::query_scalar("SELECT value FROM secrets WHERE name = $1").bind(name).fetch_one(pool).await?)
}

fn read_account(r: &PgRow) -> Result<Account, Fault> {
    let name: String = r.try_get(0)?;
    Ok(Account {
        user: UserId::new(name.as_str()).map_err(|_| bad_row("accounts", "user_id", name))?,
        password_hash: r.try_get(1)?,
        admin: r.try_get(2)?,
        disabled: r.try_get(3)?,
        revoked_at_secs: r.try_get(4)?,
    })
}

/// One account.
pub(crate) async fn account(pool: &PgPool, user: &UserId) -> Result<Option<Account>, Fault> {
    let row =
        sqlx::query("SELECT user_id, password_hash, admin, disabled, revoked_at_secs FROM accounts WHERE user_id = $1")
            .bind(user.as_str())
            .fetch_optional(pool)
            .await?;
    row.as_ref().map(read_account).transpose()
}

/// All accounts by name.
pub(crate) async fn accounts(pool: &PgPool) -> Result<Vec<Account>, Fault> {
    let rows =
        sqlx::query("SELECT user_id, password_hash, admin, disabled, revoked_at_secs FROM accounts ORDER BY user_id")
            .fetch_all(pool)
            .await?;
    rows.iter().map(read_account).collect()
}

/// Adds or replaces.
pub(crate) async fn put_account(pool: &PgPool, a: &Account) -> Result<(), Fault> {
    let done = sqlx::query(
        "INSERT INTO accounts (user_id, password_hash, admin, disabled, revoked_at_secs) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, \
         admin = excluded.admin, disabled = excluded.disabled, revoked_at_secs = excluded.revoked_at_secs",
    )
    .bind(a.user.as_str())
    .bind(&a.password_hash)
    .bind(a.admin)
    .bind(a.disabled)
    .bind(a.revoked_at_secs)
    .execute(pool)
    .await?;
    Ok(one_row("store an account", done.rows_affected())?)
}

/// Removes; false = there was none.
pub(crate) async fn remove_account(pool: &PgPool, user: &UserId) -> Result<bool, Fault> {
    let done = sqlx::query("DELETE FROM accounts WHERE user_id = $1").bind(user.as_str()).execute(pool).await?;
    Ok(done.rows_affected() > 0)
}

/// One sanction.
pub(crate) async fn sanction(
    db_: impl PgExecutor<'_>,
    channel: &ChannelKey,
    user: &UserId,
) -> Result<Option<Sanction>, Fault> {
    let row = sqlx::query(
        "SELECT source, acted_by, created_ms, until_ms, not_before_secs FROM sanctions \
         WHERE app = $1 AND channel = $2 AND user_id = $3",
    )
    .bind(db(channel.app.0))
    .bind(channel.name.as_str())
    .bind(user.as_str())
    .fetch_optional(db_)
    .await?;
    row.map(|r| read_sanction(&r, 0, channel.clone(), user.clone())).transpose()
}

/// Columns from `at` on: source, acted_by, created_ms, until_ms, not_before_secs.
pub(crate) fn read_sanction(r: &PgRow, at: usize, channel: ChannelKey, user: UserId) -> Result<Sanction, Fault> {
    let source: String = r.try_get(at)?;
    Ok(Sanction {
        channel,
        user,
        source: Source::parse(&source).ok_or_else(|| bad_row("sanctions", "source", source))?,
        by: r.try_get(at + 1)?,
        created: UnixMs(r.try_get(at + 2)?),
        until: UnixMs(r.try_get(at + 3)?),
        not_before_secs: r.try_get(at + 4)?,
    })
}

/// How many bans run, and those on a page: one statement, so one snapshot. An empty page is one row without a channel.
pub(crate) async fn bans(
    pool: &PgPool,
    f: &SanctionFilter,
    now: UnixMs,
    offset: u64,
    limit: u32,
) -> Result<(u64, Vec<Sanction>), Fault> {
    macro_rules! matching {
        () => {
            " FROM sanctions WHERE app = $1 AND until_ms > 0 AND until_ms > $2 \
             AND ($3::TEXT IS NULL OR channel = $3) AND ($4::TEXT IS NULL OR user_id = $4)"
        };
    }
    let rows = sqlx::query(concat!(
        "SELECT t.total, p.channel IS NOT NULL, p.app, p.channel, p.user_id, p.source, p.acted_by, p.created_ms, \
         p.until_ms, p.not_before_secs FROM (SELECT count(*) AS total",
        matching!(),
        ") t LEFT JOIN LATERAL (SELECT *",
        matching!(),
        " ORDER BY created_ms, channel, user_id LIMIT $5 OFFSET $6) p ON TRUE \
         ORDER BY p.created_ms, p.channel, p.user_id"
    ))
    .bind(db(f.app.0))
    .bind(now.0)
    .bind(f.channel.as_ref().map(ChannelName::as_str))
    .bind(f.user.as_ref().map(UserId::as_str))
    .bind(i64::from(limit))
    .bind(db(offset))
    .fetch_all(pool)
    .await?;
    let mut total = 0;
    let mut bans = Vec::with_capacity(rows.len());
    for r in &rows {
        total = count(r.try_get(0)?);
        if r.try_get(1)? {
            bans.push(read_sanction(r, 5, read_key(r, 2)?, read_user(r, 4)?)?);
        }
    }
    Ok((total, bans))
}

/// Ends a running ban; false = there was none.
pub(crate) async fn lift_ban(pool: &PgPool, key: &ChannelKey, user: &UserId, now: UnixMs) -> Result<bool, Fault> {
    let done = sqlx::query(
        "UPDATE sanctions SET until_ms = 0 WHERE app = $1 AND channel = $2 AND user_id = $3 AND until_ms > $4",
    )
    .bind(db(key.app.0))
    .bind(key.name.as_str())
    .bind(user.as_str())
    .bind(now.0)
    .execute(pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Adds or replaces.
pub(crate) async fn put_sanction(db_: impl PgExecutor<'_>, s: &Sanction) -> Result<(), Fault> {
    let done = sqlx::query(
        "INSERT INTO sanctions (app, channel, user_id, source, acted_by, created_ms, until_ms, not_before_secs) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (app, channel, user_id) DO UPDATE SET \
         source = excluded.source, acted_by = excluded.acted_by, created_ms = excluded.created_ms, \
         until_ms = excluded.until_ms, not_before_secs = excluded.not_before_secs",
    )
    .bind(db(s.channel.app.0))
    .bind(s.channel.name.as_str())
    .bind(s.user.as_str())
    .bind(s.source.as_str())
    .bind(&s.by)
    .bind(s.created.0)
    .bind(s.until.0)
    .bind(s.not_before_secs)
    .execute(db_)
    .await?;
    Ok(one_row("store a sanction", done.rows_affected())?)
}

/// Removes what is over; returns how many.
pub(crate) async fn purge_sanctions(pool: &PgPool, now: UnixMs, before_secs: i64) -> Result<u64, Fault> {
    let done = sqlx::query("DELETE FROM sanctions WHERE not_before_secs < $1 AND until_ms <= $2")
        .bind(before_secs)
        .bind(now.0)
        .execute(pool)
        .await?;
    Ok(done.rows_affected())
}

/// Key of the lock under which events are appended: whoever peeks must never see a number while a
/// lower one is still being committed.
const OUTBOX_LOCK: i64 = 0x5354_4f41_0001;

/// Appends in order.
pub(crate) async fn outbox_push(tx: &mut PgConnection, items: &[OutboxItem]) -> Result<(), Fault> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(OUTBOX_LOCK).execute(&mut *tx).await?;
    for i in items {
        let done = sqlx::query("INSERT INTO outbox (event_id, url, app, channel, body) VALUES ($1, $2, $3, $4, $5)")
            .bind(&i.id)
            .bind(&i.url)
            .bind(db(i.app.0))
            .bind(&i.channel)
            .bind(&i.body)
            .execute(&mut *tx)
            .await?;
        one_row("append to the outbox", done.rows_affected())?;
    }
    Ok(())
}

/// The oldest events.
pub(crate) async fn outbox_peek(pool: &PgPool, limit: u32) -> Result<Vec<OutboxItem>, Fault> {
    let rows = sqlx::query("SELECT seq, event_id, url, app, channel, body FROM outbox ORDER BY seq LIMIT $1")
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    let read = |r: &PgRow| -> Result<OutboxItem, Fault> {
        let seq: i64 = r.try_get(0)?;
        let app = u64::try_from(r.try_get::<i64, _>(3)?).map_err(|_| bad_row("outbox", "app", seq))?;
        Ok(OutboxItem {
            seq,
            id: r.try_get(1)?,
            url: r.try_get(2)?,
            app: AppId(app),
            channel: r.try_get(4)?,
            body: r.try_get(5)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Removes one event.
pub(crate) async fn outbox_done(pool: &PgPool, seq: i64) -> Result<(), Fault> {
    sqlx::query("DELETE FROM outbox WHERE seq = $1").bind(seq).execute(pool).await?;
    Ok(())
}
