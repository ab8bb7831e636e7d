//! What hangs on classes: courseware, roll calls, whiteboards.

use rusqlite::{Connection, OptionalExtension, Row, params};
use stoa_core::Result;
use stoa_core::class::{CheckIn, CheckInRecord, Doc};
use stoa_core::id::{AppId, CheckInId, ClassId, UserId};
use stoa_core::time::UnixMs;

use crate::errors::{bad_row, one_row, sql};
use crate::files::{self, file_columns};
use crate::rooms::{db, refuse_nul};
use crate::tx::Tx;

/// Adds the documents whose ids are new.
pub(crate) fn add_docs(tx: &mut Tx<'_>, class: ClassId, docs: Vec<Doc>) -> Result<Option<Vec<Doc>>> {
    if tx.class(class)?.is_none() {
        return Ok(None);
    }
    let mut stmt = tx
        .conn
        .prepare_cached(
            "INSERT INTO class_doc (class_id, doc_id, server, data, created_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (class_id, doc_id) DO NOTHING",
        )
        .map_err(sql("add a document"))?;
    let mut added = Vec::new();
    for doc in docs {
        refuse_nul([doc.id.as_str(), &doc.data].into_iter().chain(doc.server.as_deref()))?;
        let n = stmt
            .execute(params![class.0, doc.id, doc.server, doc.data, doc.created.0])
            .map_err(sql("add a document"))?;
        if n == 1 {
            added.push(doc);
        }
    }
    if !added.is_empty() {
        tx.wrote();
    }
    Ok(Some(added))
}

/// Removes documents; answers which were there.
pub(crate) fn delete_docs(tx: &mut Tx<'_>, class: ClassId, ids: Vec<String>) -> Result<Vec<String>> {
    let mut stmt = tx
        .conn
        .prepare_cached("DELETE FROM class_doc WHERE class_id = ?1 AND doc_id = ?2")
        .map_err(sql("delete a document"))?;
    let mut gone = Vec::new();
    for id in ids {
        if stmt.execute(params![class.0, id]).map_err(sql("delete a document"))? == 1 {
            gone.push(id);
        }
    }
    if !gone.is_empty() {
        tx.wrote();
    }
    Ok(gone)
}

/// A class's documents in order.
pub(crate) fn docs(conn: &Connection, class: ClassId) -> Result<Vec<Doc>> {
    let read = |r: &Row<'_>| -> rusqlite::Result<Result<Doc>> {
        let file = match files::read(r, 4)? {
            Ok(file) => file,
            Err(e) => return Ok(Err(e)),
        };
        Ok(Ok(Doc { id: r.get(0)?, server: r.get(1)?, data: r.get(2)?, created: UnixMs(r.get(3)?), file }))
    };
    conn.prepare_cached(concat!(
        "SELECT d.doc_id, d.server, d.data, d.created_ms, ",
        file_columns!(),
        " FROM class_doc d LEFT JOIN class_file f ON f.class_id = d.class_id AND f.doc_id = d.doc_id \
         WHERE d.class_id = ?1 ORDER BY d.created_ms, d.doc_id"
    ))
    .and_then(|mut s| s.query_map([class.0], read)?.collect::<rusqlite::Result<Vec<_>>>())
    .map_err(sql("list documents"))?
    .into_iter()
    .collect()
}

/// Begins a check-in unless one runs.
pub(crate) fn start_check_in(tx: &mut Tx<'_>, c: &CheckIn) -> Result<Option<bool>> {
    let doing = "begin a check-in";
    if tx.class(c.class)?.is_none() {
        return Ok(None);
    }
    let runs: bool = tx
        .conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM class_check_in \
             WHERE class_id = ?1 AND start_ms < ?3 AND ?2 < start_ms + secs * 1000)",
        )
        .and_then(|mut s| s.query_row(params![c.class.0, c.start.0, c.end().0], |r| r.get(0)))
        .map_err(sql(doing))?;
    if runs {
        return Ok(Some(false));
    }
    let n = tx
        .conn
        .prepare_cached(
            "INSERT INTO class_check_in (id, class_id, begun_by, start_ms, secs) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut s| s.execute(params![c.id.0, c.class.0, c.by.as_str(), c.start.0, c.secs]))
        .map_err(sql(doing))?;
    one_row(doing, n)?;
    tx.wrote();
    Ok(Some(true))
}

fn read_check_in(r: &Row<'_>) -> rusqlite::Result<Result<CheckIn>> {
    let (id, by) = (CheckInId(r.get(0)?), r.get::<_, String>(2)?);
    let Ok(by) = UserId::new(by) else { return Ok(Err(bad_row("class_check_in", "begun_by", id))) };
    Ok(Ok(CheckIn { id, class: ClassId(r.get(1)?), by, start: UnixMs(r.get(3)?), secs: r.get(4)? }))
}

/// A check-in of the app.
pub(crate) fn check_in(conn: &Connection, app: AppId, id: CheckInId) -> Result<Option<CheckIn>> {
    conn.prepare_cached(
        "SELECT i.id, i.class_id, i.begun_by, i.start_ms, i.secs FROM class_check_in i \
         JOIN class c ON c.id = i.class_id WHERE i.id = ?1 AND c.app = ?2",
    )
    .and_then(|mut s| s.query_row(params![id.0, db(app.0)], read_check_in).optional())
    .map_err(sql("read a check-in"))?
    .transpose()
}

/// A class's check-ins in order.
pub(crate) fn check_ins(conn: &Connection, class: ClassId) -> Result<Vec<CheckIn>> {
    conn.prepare_cached(
        "SELECT id, class_id, begun_by, start_ms, secs FROM class_check_in WHERE class_id = ?1 ORDER BY start_ms, id",
    )
    .and_then(|mut s| s.query_map([class.0], read_check_in)?.collect::<rusqlite::Result<Vec<_>>>())
    .map_err(sql("list check-ins"))?
    .into_iter()
    .collect()
}

/// Records an answer; false = there is one, or the check-in went with its class.
pub(crate) fn record_check_in(tx: &mut Tx<'_>, id: CheckInId, user: &UserId, at: UnixMs) -> Result<bool> {
    let n = tx
        .conn
        .prepare_cached(
            "INSERT INTO class_check_in_record (check_in_id, user_id, at_ms) \
             SELECT id, ?2, ?3 FROM class_check_in WHERE id = ?1 ON CONFLICT (check_in_id, user_id) DO NOTHING",
        )
        .and_then(|mut s| s.execute(params![id.0, user.as_str(), at.0]))
        .map_err(sql("record a check-in"))?;
    if n == 1 {
        tx.wrote();
    }
    Ok(n == 1)
}

/// Who answered, in order.
pub(crate) fn check_in_records(conn: &Connection, id: CheckInId, user: Option<&UserId>) -> Result<Vec<CheckInRecord>> {
    let read = |r: &Row<'_>| -> rusqlite::Result<Result<CheckInRecord>> {
        let user: String = r.get(0)?;
        let at = UnixMs(r.get(1)?);
        Ok(match UserId::new(user.as_str()) {
            Ok(user) => Ok(CheckInRecord { user, at }),
            Err(_) => Err(bad_row("class_check_in_record", "user_id", user)),
        })
    };
    conn.prepare_cached(
        "SELECT user_id, at_ms FROM class_check_in_record \
         WHERE check_in_id = ?1 AND (?2 IS NULL OR user_id = ?2) ORDER BY at_ms, user_id",
    )
    .and_then(|mut s| s.query_map(params![id.0, user.map(UserId::as_str)], read)?.collect::<rusqlite::Result<Vec<_>>>())
    .map_err(sql("list check-in records"))?
    .into_iter()
    .collect()
}

/// Everything appended to a board.
pub(crate) fn board(conn: &Connection, board: ClassId) -> Result<Vec<Vec<u8>>> {
    conn.prepare_cached("SELECT data FROM class_board WHERE class_id = ?1 ORDER BY seq")
        .and_then(|mut s| s.query_map([board.0], |r| r.get(0))?.collect())
        .map_err(sql("read a board"))
}

/// Appends to a board.
pub(crate) fn append_board(tx: &mut Tx<'_>, board: ClassId, update: &[u8]) -> Result<bool> {
    let n = tx
        .conn
        .prepare_cached("INSERT INTO class_board (class_id, data) SELECT id, ?2 FROM class WHERE id = ?1")
        .and_then(|mut s| s.execute(params![board.0, update]))
        .map_err(sql("write a board"))?;
    tx.wrote();
    Ok(n == 1)
}

/// Replaces all of a board.
pub(crate) fn replace_board(tx: &mut Tx<'_>, board: ClassId, snapshot: &[u8]) -> Result<bool> {
    tx.conn
        .prepare_cached("DELETE FROM class_board WHERE class_id = ?1")
        .and_then(|mut s| s.execute([board.0]))
        .map_err(sql("write a board"))?;
    append_board(tx, board, snapshot)
}
