//! Uploaded courseware, in parts. The class's row is locked before a file's, as everywhere below a class.

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use stoa_core::Result;
use stoa_core::class::{ClassFile, Doc, FileKind, FileSpace, FileStore};
use stoa_core::id::{AppId, ClassId, FileId};
use stoa_core::time::UnixMs;

use super::parts;
use super::record::{self, read_id};
use crate::fault::{Fault, bad_row, one_row, retry};
use crate::rooms::db;
use crate::store::PostgresStore;

/// Parts that one step of a sweep removes.
const SWEEP_PARTS: i64 = 16;

/// Columns in the order [`read`] expects, of `class_file f`.
macro_rules! file_columns {
    () => {
        "f.id, f.class_id, f.name, f.kind, f.size, f.created_ms"
    };
}
pub(crate) use file_columns;

/// A file from the columns from `at` on; `None` = there is none in this row.
pub(crate) fn read(r: &PgRow, at: usize) -> Result<Option<ClassFile>, Fault> {
    if r.try_get::<Option<Vec<u8>>, _>(at)?.is_none() {
        return Ok(None);
    }
    let id = FileId(read_id(r, at)?);
    let bad = |column: &str| bad_row("class_file", column, id);
    Ok(Some(ClassFile {
        id,
        class: ClassId(read_id(r, at + 1)?),
        name: r.try_get(at + 2)?,
        kind: FileKind::from_number(r.try_get::<i16, _>(at + 3)?.into()).ok_or_else(|| bad("kind"))?,
        size: u64::try_from(r.try_get::<i64, _>(at + 4)?).map_err(|_| bad("size"))?,
        created: UnixMs(r.try_get(at + 5)?),
    }))
}

const SIZE: &str = "SELECT coalesce(sum(size), 0)::BIGINT FROM class_file WHERE class_id = $1";

async fn size(pool: &PgPool, class: ClassId) -> Result<u64, Fault> {
    let size: i64 = sqlx::query_scalar(SIZE).bind(&class.0[..]).fetch_one(pool).await?;
    Ok(u64::try_from(size).unwrap_or(0))
}

async fn begin(pool: &PgPool, f: &ClassFile, total: u64) -> Result<FileSpace, Fault> {
    let mut tx = pool.begin().await?;
    if !record::lock_id(&mut tx, f.class).await? {
        return Ok(FileSpace::NoClass);
    }
    let has: i64 = sqlx::query_scalar(SIZE).bind(&f.class.0[..]).fetch_one(&mut *tx).await?;
    if u64::try_from(has).unwrap_or(0).saturating_add(f.size) > total {
        return Ok(FileSpace::Full);
    }
    let done = sqlx::query(
        "INSERT INTO class_file (id, class_id, name, kind, size, created_ms) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&f.id.0[..])
    .bind(&f.class.0[..])
    .bind(&f.name)
    .bind(i16::from(f.kind.number()))
    .bind(db(f.size))
    .bind(f.created.0)
    .execute(&mut *tx)
    .await?;
    one_row("begin a file", done.rows_affected())?;
    tx.commit().await?;
    Ok(FileSpace::Reserved)
}

/// The file's row is shared, so a deletion waits: no part comes after its file's end.
async fn put_part(pool: &PgPool, id: FileId, part: u32, data: &[u8]) -> Result<bool, Fault> {
    let done = sqlx::query(
        "WITH there AS (SELECT id FROM class_file WHERE id = $1 AND doc_id IS NULL FOR KEY SHARE) \
         INSERT INTO class_file_part (file_id, part, data) SELECT id, $2, $3 FROM there \
         ON CONFLICT (file_id, part) DO UPDATE SET data = EXCLUDED.data",
    )
    .bind(&id.0[..])
    .bind(i32::try_from(part).unwrap_or(i32::MAX))
    .bind(data)
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn finish(pool: &PgPool, class: ClassId, id: FileId, doc: &Doc) -> Result<bool, Fault> {
    let mut tx = pool.begin().await?;
    if !record::lock_id(&mut tx, class).await? {
        return Ok(false);
    }
    let name = doc.id.clone();
    if parts::add_docs(&mut tx, class, vec![doc.clone()]).await?.is_empty() {
        return Ok(false);
    }
    let done = sqlx::query("UPDATE class_file SET doc_id = $3 WHERE id = $1 AND class_id = $2 AND doc_id IS NULL")
        .bind(&id.0[..])
        .bind(&class.0[..])
        .bind(name)
        .execute(&mut *tx)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

async fn drop_unfinished(pool: &PgPool, id: FileId) -> Result<(), Fault> {
    sqlx::query("DELETE FROM class_file WHERE id = $1 AND doc_id IS NULL").bind(&id.0[..]).execute(pool).await?;
    Ok(())
}

async fn find(pool: &PgPool, app: AppId, id: FileId) -> Result<Option<ClassFile>, Fault> {
    let row = sqlx::query(concat!(
        "SELECT ",
        file_columns!(),
        " FROM class_file f JOIN class c ON c.id = f.class_id WHERE f.id = $1 AND c.app = $2 AND f.doc_id IS NOT NULL"
    ))
    .bind(&id.0[..])
    .bind(db(app.0))
    .fetch_optional(pool)
    .await?;
    row.as_ref().map_or(Ok(None), |r| read(r, 0))
}

async fn part(pool: &PgPool, id: FileId, part: u32) -> Result<Option<Vec<u8>>, Fault> {
    Ok(sqlx::query_scalar(
        "SELECT p.data FROM class_file_part p JOIN class_file f ON f.id = p.file_id \
         WHERE p.file_id = $1 AND p.part = $2 AND f.doc_id IS NOT NULL",
    )
    .bind(&id.0[..])
    .bind(i32::try_from(part).unwrap_or(i32::MAX))
    .fetch_optional(pool)
    .await?)
}

async fn sweep(pool: &PgPool, before: UnixMs) -> Result<u64, Fault> {
    let unfinished = sqlx::query("DELETE FROM class_file WHERE doc_id IS NULL AND created_ms < $1")
        .bind(before.0)
        .execute(pool)
        .await?;
    let parts = sqlx::query(
        "DELETE FROM class_file_part WHERE (file_id, part) IN (SELECT p.file_id, p.part FROM class_file_gone g \
         JOIN class_file_part p ON p.file_id = g.file_id LIMIT $1)",
    )
    .bind(SWEEP_PARTS)
    .execute(pool)
    .await?;
    let notes = sqlx::query(
        "DELETE FROM class_file_gone g \
         WHERE NOT EXISTS (SELECT FROM class_file_part p WHERE p.file_id = g.file_id)",
    )
    .execute(pool)
    .await?;
    Ok(unfinished.rows_affected() + parts.rows_affected() + notes.rows_affected())
}

#[async_trait]
impl FileStore for PostgresStore {
    async fn begin_file(&self, file: ClassFile, total: u64) -> Result<FileSpace> {
        let _turn = self.turn_in(file.class).await?;
        retry("begin a file", || begin(&self.pool, &file, total)).await
    }

    async fn put_file_part(&self, id: FileId, part: u32, data: Vec<u8>) -> Result<bool> {
        retry("write a part of a file", || put_part(&self.pool, id, part, &data)).await
    }

    async fn finish_file(&self, class: ClassId, id: FileId, doc: Doc) -> Result<bool> {
        let _turn = self.turn_in(class).await?;
        retry("finish a file", || finish(&self.pool, class, id, &doc)).await
    }

    async fn drop_file(&self, id: FileId) -> Result<()> {
        retry("drop a file", || drop_unfinished(&self.pool, id)).await
    }

    async fn file(&self, app: AppId, id: FileId) -> Result<Option<ClassFile>> {
        retry("read a file", || find(&self.pool, app, id)).await
    }

    async fn file_part(&self, id: FileId, n: u32) -> Result<Option<Vec<u8>>> {
        retry("read a part of a file", || part(&self.pool, id, n)).await
    }

    async fn files_size(&self, class: ClassId) -> Result<u64> {
        retry("sum up files", || size(&self.pool, class)).await
    }

    async fn sweep_files(&self, before: UnixMs) -> Result<u64> {
        retry("sweep files", || sweep(&self.pool, before)).await
    }
}
