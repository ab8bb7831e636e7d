//! Refresh tokens and names that work once, as rows.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use stoa_core::group::{Exchanged, RefreshToken};
use stoa_core::id::AppId;
use stoa_core::time::UnixMs;

use crate::channels::read_user;
use crate::fault::{Fault, bad_row, one_row};
use crate::rooms::db;

/// Unspent tokens of one user, face and device: more browsers of one device id than anybody has.
const KEPT_TOKENS: i64 = 16;

/// Rows that one write forgets at most: each write adds one, so nothing piles up, and none waits for a great cleaning.
const FORGET_ROWS: i64 = 64;

/// Forgets what is over, but for rows that somebody else holds.
pub(crate) async fn forget(pool: &PgPool, now: UnixMs) -> Result<(), Fault> {
    for statement in [
        "DELETE FROM hub_refresh WHERE seq = ANY(ARRAY(\
         SELECT seq FROM hub_refresh WHERE expires_ms <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        "DELETE FROM hub_used WHERE name = ANY(ARRAY(\
         SELECT name FROM hub_used WHERE until_ms < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
    ] {
        sqlx::query(statement).bind(now.0).bind(FORGET_ROWS).execute(pool).await?;
    }
    Ok(())
}

async fn insert(tx: &mut PgConnection, t: &RefreshToken) -> Result<(), Fault> {
    let done = sqlx::query(
        "INSERT INTO hub_refresh (hash, family, app, user_id, face, device, device_type, expires_ms, spent) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, FALSE)",
    )
    .bind(&t.hash[..])
    .bind(&t.family[..])
    .bind(db(t.app.0))
    .bind(t.user.as_str())
    .bind(&t.face)
    .bind(&t.device)
    .bind(&t.device_type)
    .bind(t.expires.0)
    .execute(tx)
    .await?;
    Ok(one_row("store a refresh token", done.rows_affected())?)
}

/// Keeps a token; of its user, face and device the oldest go. Under a lock of the user: of two at once each would count
/// without the other.
pub(crate) async fn put(tx: &mut PgConnection, t: &RefreshToken) -> Result<(), Fault> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('refresh ' || $1, $2))")
        .bind(t.user.as_str())
        .bind(db(t.app.0))
        .execute(&mut *tx)
        .await?;
    insert(tx, t).await?;
    sqlx::query(
        "DELETE FROM hub_refresh WHERE NOT spent AND seq IN (SELECT seq FROM hub_refresh WHERE app = $1 \
         AND user_id = $2 AND face = $3 AND device = $4 AND NOT spent ORDER BY seq DESC OFFSET $5)",
    )
    .bind(db(t.app.0))
    .bind(t.user.as_str())
    .bind(&t.face)
    .bind(&t.device)
    .bind(KEPT_TOKENS)
    .execute(tx)
    .await?;
    Ok(())
}

fn read_token(r: &PgRow) -> Result<(RefreshToken, bool), Fault> {
    let bad = |column: &str| bad_row("hub_refresh", column, "a token");
    let token = RefreshToken {
        hash: r.try_get::<Vec<u8>, _>(0)?.try_into().map_err(|_| bad("hash"))?,
        family: r.try_get::<Vec<u8>, _>(1)?.try_into().map_err(|_| bad("family"))?,
        app: AppId(u64::try_from(r.try_get::<i64, _>(2)?).map_err(|_| bad("app"))?),
        user: read_user(r, 3)?,
        face: r.try_get(4)?,
        device: r.try_get(5)?,
        device_type: r.try_get(6)?,
        expires: UnixMs(r.try_get(7)?),
    };
    Ok((token, r.try_get(8)?))
}

async fn find(tx: &mut PgConnection, hash: &[u8; 32]) -> Result<Option<(RefreshToken, bool)>, Fault> {
    let row = sqlx::query(
        "SELECT hash, family, app, user_id, face, device, device_type, expires_ms, spent FROM hub_refresh \
         WHERE hash = $1 FOR UPDATE",
    )
    .bind(&hash[..])
    .fetch_optional(tx)
    .await?;
    row.as_ref().map(read_token).transpose()
}

/// Exchanges a token. One that was spent before ends its family at once: of two who show it one is a thief, and nobody
/// can say which. Under a lock of the family: who ends it must find the token that somebody else is just getting.
pub(crate) async fn exchange(
    tx: &mut PgConnection,
    hash: [u8; 32],
    device: &str,
    fresh: [u8; 32],
    expires: UnixMs,
    now: UnixMs,
) -> Result<Exchanged, Fault> {
    let known = sqlx::query("SELECT family FROM hub_refresh WHERE hash = $1").bind(&hash[..]);
    let Some(known) = known.fetch_optional(&mut *tx).await? else { return Ok(Exchanged::Refused) };
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'base64'), 0))")
        .bind(known.try_get::<Vec<u8>, _>(0)?)
        .execute(&mut *tx)
        .await?;
    // A statement of its own: its snapshot begins after the lock was granted.
    let Some((old, spent)) = find(tx, &hash).await?.filter(|(t, _)| now < t.expires) else {
        return Ok(Exchanged::Refused);
    };
    if spent {
        sqlx::query("DELETE FROM hub_refresh WHERE family = $1").bind(&old.family[..]).execute(tx).await?;
        return Ok(Exchanged::Refused);
    }
    if old.device != device {
        return Ok(Exchanged::Refused);
    }
    let done = sqlx::query("UPDATE hub_refresh SET spent = TRUE WHERE hash = $1").bind(&hash[..]);
    one_row("spend a refresh token", done.execute(&mut *tx).await?.rows_affected())?;
    insert(tx, &RefreshToken { hash: fresh, expires, ..old.clone() }).await?;
    Ok(Exchanged::Done(old))
}

/// Uses a name up; false = it was used before and that is not over.
pub(crate) async fn use_once(pool: &PgPool, name: &str, until: UnixMs, now: UnixMs) -> Result<bool, Fault> {
    let done = sqlx::query(
        "INSERT INTO hub_used (name, until_ms) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET until_ms = excluded.until_ms WHERE hub_used.until_ms < $3",
    )
    .bind(name)
    .bind(until.0)
    .bind(now.0)
    .execute(pool)
    .await?;
    Ok(done.rows_affected() > 0)
}
