//! Refresh tokens and names that work once, as rows.

use rusqlite::{Connection, OptionalExtension, Row, params};
use stoa_core::Result;
use stoa_core::group::{Exchanged, RefreshToken};
use stoa_core::id::{AppId, UserId};
use stoa_core::time::UnixMs;

use crate::errors::{bad_row, one_row, sql};
use crate::rooms::{db, refuse_nul};
use crate::tx::Tx;

/// Unspent tokens of one user, face and device: more browsers of one device id than anybody has.
const KEPT_TOKENS: i64 = 16;

/// Rows that one write forgets at most: each write adds one, so nothing piles up, and none waits for a great cleaning.
const FORGET_ROWS: i64 = 64;

const OVER_TOKENS: &str =
    "DELETE FROM hub_refresh WHERE seq IN (SELECT seq FROM hub_refresh WHERE expires_ms <= ?1 LIMIT ?2)";
const OVER_NAMES: &str = "DELETE FROM hub_used WHERE name IN (SELECT name FROM hub_used WHERE until_ms < ?1 LIMIT ?2)";
const TOO_MANY: &str = "DELETE FROM hub_refresh WHERE seq IN (SELECT seq FROM hub_refresh WHERE app = ?1 AND user_id = ?2 \
                        AND face = ?3 AND device = ?4 AND spent = 0 ORDER BY seq DESC LIMIT -1 OFFSET ?5)";
const FAMILY: &str = "DELETE FROM hub_refresh WHERE family = ?1";

/// Forgets what is over.
fn forget(tx: &mut Tx<'_>, now: UnixMs) -> Result<()> {
    for statement in [OVER_TOKENS, OVER_NAMES] {
        let gone = tx
            .conn
            .prepare_cached(statement)
            .and_then(|mut s| s.execute(params![now.0, FORGET_ROWS]))
            .map_err(sql("forget what is over"))?;
        if gone > 0 {
            tx.wrote();
        }
    }
    Ok(())
}

fn insert(conn: &Connection, t: &RefreshToken) -> Result<()> {
    refuse_nul([t.face.as_str(), &t.device, &t.device_type])?;
    let n = conn
        .prepare_cached(
            "INSERT INTO hub_refresh (hash, family, app, user_id, face, device, device_type, expires_ms, spent) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
        )
        .and_then(|mut s| {
            let user = t.user.as_str();
            s.execute(params![t.hash, t.family, db(t.app.0), user, t.face, t.device, t.device_type, t.expires.0])
        })
        .map_err(sql("store a refresh token"))?;
    one_row("store a refresh token", n)
}

/// Keeps a token; of its user, face and device the oldest go.
pub(crate) fn put(tx: &mut Tx<'_>, t: &RefreshToken) -> Result<()> {
    insert(tx.conn, t)?;
    tx.conn
        .prepare_cached(TOO_MANY)
        .and_then(|mut s| s.execute(params![db(t.app.0), t.user.as_str(), t.face, t.device, KEPT_TOKENS]))
        .map_err(sql("drop old refresh tokens"))?;
    tx.wrote();
    Ok(())
}

fn read_token(r: &Row<'_>) -> rusqlite::Result<Result<(RefreshToken, bool)>> {
    let (app, user): (i64, String) = (r.get(2)?, r.get(3)?);
    let (Ok(app), Ok(user)) = (u64::try_from(app), UserId::new(user)) else {
        return Ok(Err(bad_row("hub_refresh", "app or user_id", app)));
    };
    let token = RefreshToken {
        hash: r.get(0)?,
        family: r.get(1)?,
        app: AppId(app),
        user,
        face: r.get(4)?,
        device: r.get(5)?,
        device_type: r.get(6)?,
        expires: UnixMs(r.get(7)?),
    };
    Ok(Ok((token, r.get(8)?)))
}

fn find(conn: &Connection, hash: &[u8; 32]) -> Result<Option<(RefreshToken, bool)>> {
    conn.prepare_cached(
        "SELECT hash, family, app, user_id, face, device, device_type, expires_ms, spent FROM hub_refresh \
         WHERE hash = ?1",
    )
    .and_then(|mut s| s.query_row([hash], read_token).optional())
    .map_err(sql("read a refresh token"))?
    .transpose()
}

/// Exchanges a token. One that was spent before ends its family at once: of two who show it one is a thief, and nobody
/// can say which.
pub(crate) fn exchange(
    tx: &mut Tx<'_>,
    hash: [u8; 32],
    device: &str,
    fresh: [u8; 32],
    expires: UnixMs,
    now: UnixMs,
) -> Result<Exchanged> {
    let doing = "exchange a refresh token";
    forget(tx, now)?;
    let Some((old, spent)) = find(tx.conn, &hash)?.filter(|(t, _)| now < t.expires) else {
        return Ok(Exchanged::Refused);
    };
    if spent {
        tx.conn.prepare_cached(FAMILY).and_then(|mut s| s.execute([old.family])).map_err(sql(doing))?;
        tx.wrote();
        return Ok(Exchanged::Refused);
    }
    if old.device != device {
        return Ok(Exchanged::Refused);
    }
    let n = tx
        .conn
        .prepare_cached("UPDATE hub_refresh SET spent = 1 WHERE hash = ?1")
        .and_then(|mut s| s.execute([hash]))
        .map_err(sql(doing))?;
    one_row(doing, n)?;
    insert(tx.conn, &RefreshToken { hash: fresh, expires, ..old.clone() })?;
    tx.wrote();
    Ok(Exchanged::Done(old))
}

/// Uses a name up; false = it was used before and that is not over.
pub(crate) fn use_once(tx: &mut Tx<'_>, name: &str, until: UnixMs, now: UnixMs) -> Result<bool> {
    refuse_nul([name])?;
    forget(tx, now)?;
    let n = tx
        .conn
        .prepare_cached(
            "INSERT INTO hub_used (name, until_ms) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET until_ms = excluded.until_ms WHERE hub_used.until_ms < ?3",
        )
        .and_then(|mut s| s.execute(params![name, until.0, now.0]))
        .map_err(sql("use a name up"))?;
    if n > 0 {
        tx.wrote();
    }
    Ok(n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_by_their_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        crate::migrate::migrate(&mut conn, &path).unwrap();
        for (statement, index) in [
            (OVER_TOKENS, "hub_refresh_over"),
            (OVER_NAMES, "hub_used_over"),
            (TOO_MANY, "hub_refresh_device"),
            (FAMILY, "hub_refresh_family"),
        ] {
            let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let args = vec![rusqlite::types::Value::Null; plan.parameter_count()];
            let args = rusqlite::params_from_iter(args);
            let steps: Vec<String> =
                plan.query_map(args, |r| r.get(3)).unwrap().map(std::result::Result::unwrap).collect();
            assert!(steps.iter().any(|s| s.contains(index)), "{steps:?}");
            assert!(!steps.iter().any(|s| s.starts_with("SCAN") || s.contains("TEMP B-TREE")), "{steps:?}");
        }
    }
}
