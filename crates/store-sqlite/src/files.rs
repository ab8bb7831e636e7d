//! Uploaded courseware, in parts.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use stoa_core::Result;
use stoa_core::class::{ClassFile, Doc, FileKind, FileSpace, FileStore};
use stoa_core::id::{AppId, ClassId, FileId};
use stoa_core::time::UnixMs;

use crate::class_side::add_docs;
use crate::errors::{bad_row, sql};
use crate::rooms::{db, refuse_nul};
use crate::store::SqliteStore;
use crate::tx::Tx;

/// Parts that one step of a sweep removes: each is about 64 pages that go to the list of free ones.
const SWEEP_PARTS: i64 = 16;

/// Columns in the order [`read`] expects, of `class_file f`.
macro_rules! file_columns {
    () => {
        "f.id, f.class_id, f.name, f.kind, f.size, f.created_ms"
    };
}
pub(crate) use file_columns;

/// A file from the columns from `at` on; `None` = there is none in this row.
pub(crate) fn read(r: &Row<'_>, at: usize) -> rusqlite::Result<Result<Option<ClassFile>>> {
    let Some(id) = r.get::<_, Option<[u8; 16]>>(at)?.map(FileId) else { return Ok(Ok(None)) };
    let size = u64::try_from(r.get::<_, i64>(at + 4)?);
    let (Some(kind), Ok(size)) = (FileKind::from_number(r.get(at + 3)?), size) else {
        return Ok(Err(bad_row("class_file", "kind or size", id)));
    };
    let (class, name) = (ClassId(r.get(at + 1)?), r.get(at + 2)?);
    Ok(Ok(Some(ClassFile { id, class, name, kind, size, created: UnixMs(r.get(at + 5)?) })))
}

fn size(conn: &Connection, class: ClassId) -> Result<u64> {
    let size: i64 = conn
        .prepare_cached("SELECT coalesce(sum(size), 0) FROM class_file WHERE class_id = ?1")
        .and_then(|mut s| s.query_row([class.0], |r| r.get(0)))
        .map_err(sql("sum up files"))?;
    Ok(u64::try_from(size).unwrap_or(0))
}

fn begin(tx: &mut Tx<'_>, f: &ClassFile, total: u64) -> Result<FileSpace> {
    if tx.class(f.class)?.is_none() {
        return Ok(FileSpace::NoClass);
    }
    if size(tx.conn, f.class)?.saturating_add(f.size) > total {
        return Ok(FileSpace::Full);
    }
    refuse_nul([f.name.as_str()])?;
    tx.conn
        .prepare_cached(
            "INSERT INTO class_file (id, class_id, name, kind, size, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut s| s.execute(params![f.id.0, f.class.0, f.name, f.kind.number(), db(f.size), f.created.0]))
        .map_err(sql("begin a file"))?;
    tx.wrote();
    Ok(FileSpace::Reserved)
}

fn put_part(tx: &mut Tx<'_>, id: FileId, part: u32, data: &[u8]) -> Result<bool> {
    let n = tx
        .conn
        .prepare_cached(
            "INSERT INTO class_file_part (file_id, part, data) \
             SELECT id, ?2, ?3 FROM class_file WHERE id = ?1 AND doc_id IS NULL",
        )
        .and_then(|mut s| s.execute(params![id.0, part, data]))
        .map_err(sql("write a part of a file"))?;
    tx.wrote();
    Ok(n == 1)
}

fn finish(tx: &mut Tx<'_>, class: ClassId, id: FileId, doc: Doc) -> Result<bool> {
    let doing = "finish a file";
    let waits: bool = tx
        .conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM class_file WHERE id = ?1 AND class_id = ?2 AND doc_id IS NULL)")
        .and_then(|mut s| s.query_row(params![id.0, class.0], |r| r.get(0)))
        .map_err(sql(doing))?;
    let name = doc.id.clone();
    if !waits || add_docs(tx, class, vec![doc])?.is_none_or(|added| added.is_empty()) {
        return Ok(false);
    }
    tx.conn
        .prepare_cached("UPDATE class_file SET doc_id = ?2 WHERE id = ?1")
        .and_then(|mut s| s.execute(params![id.0, name]))
        .map_err(sql(doing))?;
    Ok(true)
}

fn drop_unfinished(tx: &mut Tx<'_>, id: FileId) -> Result<()> {
    tx.conn
        .prepare_cached("DELETE FROM class_file WHERE id = ?1 AND doc_id IS NULL")
        .and_then(|mut s| s.execute([id.0]))
        .map_err(sql("drop a file"))?;
    tx.wrote();
    Ok(())
}

fn find(conn: &Connection, app: AppId, id: FileId) -> Result<Option<ClassFile>> {
    let found = conn
        .prepare_cached(concat!(
            "SELECT ",
            file_columns!(),
            " FROM class_file f JOIN class c ON c.id = f.class_id \
             WHERE f.id = ?1 AND c.app = ?2 AND f.doc_id IS NOT NULL"
        ))
        .and_then(|mut s| s.query_row(params![id.0, db(app.0)], |r| read(r, 0)).optional())
        .map_err(sql("read a file"))?;
    Ok(found.transpose()?.flatten())
}

fn part(conn: &Connection, id: FileId, part: u32) -> Result<Option<Vec<u8>>> {
    conn.prepare_cached(
        "SELECT p.data FROM class_file_part p JOIN class_file f ON f.id = p.file_id \
         WHERE p.file_id = ?1 AND p.part = ?2 AND f.doc_id IS NOT NULL",
    )
    .and_then(|mut s| s.query_row(params![id.0, part], |r| r.get(0)).optional())
    .map_err(sql("read a part of a file"))
}

/// First files that never ended, then some parts of files that are gone, then the notes that they are.
fn sweep(tx: &mut Tx<'_>, before: UnixMs) -> Result<u64> {
    let run = |statement: &str, value: i64| {
        tx.conn
            .prepare_cached(statement)
            .and_then(|mut s| s.execute([value]))
            .map(|n| n as u64)
            .map_err(sql("sweep files"))
    };
    let mut done = run("DELETE FROM class_file WHERE doc_id IS NULL AND created_ms < ?1", before.0)?;
    done += run(
        "DELETE FROM class_file_part WHERE rowid IN (SELECT p.rowid FROM class_file_gone g \
         CROSS JOIN class_file_part p ON p.file_id = g.file_id LIMIT ?1)",
        SWEEP_PARTS,
    )?;
    done += run(
        "DELETE FROM class_file_gone WHERE NOT EXISTS \
         (SELECT 1 FROM class_file_part p WHERE p.file_id = class_file_gone.file_id) AND ?1 > 0",
        1,
    )?;
    if done > 0 {
        tx.wrote();
    }
    Ok(done)
}

/// Whether a sweep would find anything: most find nothing, and those need no writer.
fn swept(conn: &Connection, before: UnixMs) -> Result<bool> {
    conn.prepare_cached(
        "SELECT NOT EXISTS (SELECT 1 FROM class_file_gone) \
         AND NOT EXISTS (SELECT 1 FROM class_file WHERE doc_id IS NULL AND created_ms < ?1)",
    )
    .and_then(|mut s| s.query_row([before.0], |r| r.get(0)))
    .map_err(sql("look for files to sweep"))
}

#[async_trait]
impl FileStore for SqliteStore {
    async fn begin_file(&self, file: ClassFile, total: u64) -> Result<FileSpace> {
        self.writer.submit(move |tx| begin(tx, &file, total)).await
    }

    async fn put_file_part(&self, id: FileId, part: u32, data: Vec<u8>) -> Result<bool> {
        self.writer.submit(move |tx| put_part(tx, id, part, &data)).await
    }

    async fn finish_file(&self, class: ClassId, id: FileId, doc: Doc) -> Result<bool> {
        self.writer.submit(move |tx| finish(tx, class, id, doc)).await
    }

    async fn drop_file(&self, id: FileId) -> Result<()> {
        self.writer.submit(move |tx| drop_unfinished(tx, id)).await
    }

    async fn file(&self, app: AppId, id: FileId) -> Result<Option<ClassFile>> {
        self.read(move |c| find(c, app, id)).await
    }

    async fn file_part(&self, id: FileId, n: u32) -> Result<Option<Vec<u8>>> {
        self.read(move |c| part(c, id, n)).await
    }

    async fn files_size(&self, class: ClassId) -> Result<u64> {
        self.read(move |c| size(c, class)).await
    }

    async fn sweep_files(&self, before: UnixMs) -> Result<u64> {
        if self.read(move |c| swept(c, before)).await? {
            return Ok(0);
        }
        self.writer.submit(move |tx| sweep(tx, before)).await
    }
}
