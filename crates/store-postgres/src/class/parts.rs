//! What hangs on a class beside its members: courseware, roll calls, the whiteboard.
//!
//! Every write takes the class's row first and its own rows after that, as a deletion does, so none of them waits for
//! another in a circle. Writes that do not depend on the record share the row (`FOR KEY SHARE`): they wait for commands
//! and deletions, not for each other.

use std::collections::HashSet;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use stoa_core::class::{CheckIn, CheckInRecord, Doc};
use stoa_core::id::{AppId, CheckInId, ClassId, UserId};
use stoa_core::time::UnixMs;

use super::files::{self, file_columns};
use super::record::read_id;
use crate::channels::read_user;
use crate::fault::{Fault, bad_row, one_row};
use crate::rooms::db;

/// Adds what the class does not have, and answers that. The class is locked.
pub(crate) async fn add_docs(tx: &mut PgConnection, class: ClassId, mut docs: Vec<Doc>) -> Result<Vec<Doc>, Fault> {
    let mut seen = HashSet::new();
    docs.retain(|d| seen.insert(d.id.clone()));
    let ids: Vec<&str> = docs.iter().map(|d| d.id.as_str()).collect();
    let servers: Vec<Option<&str>> = docs.iter().map(|d| d.server.as_deref()).collect();
    let texts: Vec<&str> = docs.iter().map(|d| d.data.as_str()).collect();
    let created: Vec<i64> = docs.iter().map(|d| d.created.0).collect();
    let added: Vec<String> = sqlx::query_scalar(
        "INSERT INTO class_doc (class_id, doc_id, server, data, created_ms) \
         SELECT $1, * FROM unnest($2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[]) \
         ON CONFLICT (class_id, doc_id) DO NOTHING RETURNING doc_id",
    )
    .bind(&class.0[..])
    .bind(ids)
    .bind(servers)
    .bind(texts)
    .bind(created)
    .fetch_all(tx)
    .await?;
    let added: HashSet<String> = added.into_iter().collect();
    docs.retain(|d| added.contains(&d.id));
    Ok(docs)
}

/// Removes documents; those that were there, in the order asked. The class is locked.
pub(crate) async fn delete_docs(tx: &mut PgConnection, class: ClassId, ids: &[String]) -> Result<Vec<String>, Fault> {
    let gone: Vec<String> =
        sqlx::query_scalar("DELETE FROM class_doc WHERE class_id = $1 AND doc_id = ANY($2) RETURNING doc_id")
            .bind(&class.0[..])
            .bind(ids)
            .fetch_all(tx)
            .await?;
    let mut gone: HashSet<String> = gone.into_iter().collect();
    Ok(ids.iter().filter(|id| gone.remove(*id)).cloned().collect())
}

/// A class's documents.
pub(crate) async fn docs(pool: &PgPool, class: ClassId) -> Result<Vec<Doc>, Fault> {
    let rows = sqlx::query(concat!(
        "SELECT d.doc_id, d.server, d.data, d.created_ms, ",
        file_columns!(),
        " FROM class_doc d LEFT JOIN class_file f ON f.class_id = d.class_id AND f.doc_id = d.doc_id \
         WHERE d.class_id = $1 ORDER BY d.created_ms, d.doc_id"
    ))
    .bind(&class.0[..])
    .fetch_all(pool)
    .await?;
    let read = |r: &PgRow| {
        let created = UnixMs(r.try_get(3)?);
        Ok(Doc { id: r.try_get(0)?, server: r.try_get(1)?, data: r.try_get(2)?, created, file: files::read(r, 4)? })
    };
    rows.iter().map(read).collect()
}

/// Begins a check-in unless one runs at its start. The class is locked.
pub(crate) async fn start_check_in(tx: &mut PgConnection, c: &CheckIn) -> Result<bool, Fault> {
    let done = sqlx::query(
        "INSERT INTO class_check_in (id, class_id, begun_by, start_ms, secs) SELECT $1, $2, $3, $4, $5 \
         WHERE NOT EXISTS (SELECT FROM class_check_in \
         WHERE class_id = $2 AND start_ms < $4 + $5::BIGINT * 1000 AND start_ms + secs * 1000 > $4)",
    )
    .bind(&c.id.0[..])
    .bind(&c.class.0[..])
    .bind(c.by.as_str())
    .bind(c.start.0)
    .bind(i64::from(c.secs))
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn read_check_in(r: &PgRow) -> Result<CheckIn, Fault> {
    let id = CheckInId(read_id(r, 0)?);
    Ok(CheckIn {
        id,
        class: ClassId(read_id(r, 1)?),
        by: read_user(r, 2)?,
        start: UnixMs(r.try_get(3)?),
        secs: u32::try_from(r.try_get::<i64, _>(4)?).map_err(|_| bad_row("class_check_in", "secs", id))?,
    })
}

/// A check-in of the app.
pub(crate) async fn check_in(pool: &PgPool, app: AppId, id: CheckInId) -> Result<Option<CheckIn>, Fault> {
    let row = sqlx::query(
        "SELECT i.id, i.class_id, i.begun_by, i.start_ms, i.secs FROM class_check_in i \
         JOIN class c ON c.id = i.class_id WHERE i.id = $1 AND c.app = $2",
    )
    .bind(&id.0[..])
    .bind(db(app.0))
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(read_check_in).transpose()
}

/// A class's check-ins.
pub(crate) async fn check_ins(pool: &PgPool, class: ClassId) -> Result<Vec<CheckIn>, Fault> {
    let rows = sqlx::query(
        "SELECT id, class_id, begun_by, start_ms, secs FROM class_check_in WHERE class_id = $1 ORDER BY start_ms, id",
    )
    .bind(&class.0[..])
    .fetch_all(pool)
    .await?;
    rows.iter().map(read_check_in).collect()
}

/// Records an answer; false = had answered, or the check-in is gone with its class.
pub(crate) async fn record_check_in(pool: &PgPool, id: CheckInId, user: &UserId, at: UnixMs) -> Result<bool, Fault> {
    let done = sqlx::query(
        "WITH there AS (SELECT id FROM class_check_in WHERE id = $1 FOR KEY SHARE) \
         INSERT INTO class_check_in_record (check_in_id, user_id, at_ms) SELECT id, $2, $3 FROM there \
         ON CONFLICT (check_in_id, user_id) DO NOTHING",
    )
    .bind(&id.0[..])
    .bind(user.as_str())
    .bind(at.0)
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Who answered.
pub(crate) async fn records(pool: &PgPool, id: CheckInId, user: Option<&UserId>) -> Result<Vec<CheckInRecord>, Fault> {
    let rows = sqlx::query(
        "SELECT user_id, at_ms FROM class_check_in_record \
         WHERE check_in_id = $1 AND ($2::TEXT IS NULL OR user_id = $2) ORDER BY at_ms, user_id",
    )
    .bind(&id.0[..])
    .bind(user.map(UserId::as_str))
    .fetch_all(pool)
    .await?;
    rows.iter().map(|r| Ok(CheckInRecord { user: read_user(r, 0)?, at: UnixMs(r.try_get(1)?) })).collect()
}

/// Everything stored of a whiteboard.
pub(crate) async fn board(pool: &PgPool, class: ClassId) -> Result<Vec<Vec<u8>>, Fault> {
    Ok(sqlx::query_scalar("SELECT change FROM class_board WHERE class_id = $1 ORDER BY seq")
        .bind(&class.0[..])
        .fetch_all(pool)
        .await?)
}

/// Appends a change; its number is drawn when the class's row is held.
pub(crate) async fn append_board(pool: &PgPool, class: ClassId, change: &[u8]) -> Result<bool, Fault> {
    let done = sqlx::query(
        "WITH there AS (SELECT id FROM class WHERE id = $1 FOR KEY SHARE) \
         INSERT INTO class_board (class_id, change) SELECT id, $2 FROM there",
    )
    .bind(&class.0[..])
    .bind(change)
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces everything by one change. The class is locked, so no append is under way.
pub(crate) async fn replace_board(tx: &mut PgConnection, class: ClassId, change: &[u8]) -> Result<(), Fault> {
    sqlx::query("DELETE FROM class_board WHERE class_id = $1").bind(&class.0[..]).execute(&mut *tx).await?;
    let done = sqlx::query("INSERT INTO class_board (class_id, change) VALUES ($1, $2)")
        .bind(&class.0[..])
        .bind(change)
        .execute(tx)
        .await?;
    Ok(one_row("replace a whiteboard", done.rows_affected())?)
}
