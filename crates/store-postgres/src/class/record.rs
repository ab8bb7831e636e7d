//! The record of a class as a row.

use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use stoa_core::Error;
use stoa_core::class::{Class, ClassMode, ClassStatus, Meeting, MeetingInfo, Permit, Stage};
use stoa_core::cloud::Outside;
use stoa_core::id::{AppId, ClassId, MeetingId, UserId};
use stoa_core::time::UnixMs;

use crate::fault::{Fault, bad_row, one_row};
use crate::rooms::db;

/// Columns in the order [`read_class`] expects.
macro_rules! class_columns {
    () => {
        "c.id, c.app, c.meeting, c.version, c.created_ms, c.updated_ms, c.started_ms, c.stopped_ms, c.title, \
         c.notice, c.teacher_id, c.teacher_nick, c.extends, c.mode, c.status, c.board_title, c.permit, \
         c.permit_only, c.permit_created_ms, c.permit_updated_ms, c.meeting_info, c.stage, c.outside"
    };
}
pub(crate) use class_columns;

/// How many columns [`class_columns`] are.
pub(crate) const CLASS_COLUMNS: usize = 23;

/// An id from the column `at`.
pub(crate) fn read_id(r: &PgRow, at: usize) -> Result<[u8; 16], Fault> {
    let id: Vec<u8> = r.try_get(at)?;
    Ok(id.try_into().map_err(|_| bad_row("a class's row", "id", "of another length"))?)
}

fn read_permit(r: &PgRow, bad: impl Fn(&str) -> Error) -> Result<Option<Permit>, Fault> {
    let Some(text) = r.try_get(16)? else { return Ok(None) };
    let only: Option<String> = r.try_get(17)?;
    Ok(Some(Permit {
        text,
        only: only.map(UserId::new).transpose().map_err(|_| bad("permit_only"))?,
        created: UnixMs(r.try_get(18)?),
        updated: UnixMs(r.try_get(19)?),
    }))
}

/// A row that begins with [`class_columns`].
pub(crate) fn read_class(r: &PgRow) -> Result<Class, Fault> {
    let id = ClassId(read_id(r, 0)?);
    let bad = |column: &str| bad_row("class", column, id);
    let started: Option<i64> = r.try_get(6)?;
    let stopped: Option<i64> = r.try_get(7)?;
    let outside: Option<String> = r.try_get(22)?;
    Ok(Class {
        id,
        app: AppId(u64::try_from(r.try_get::<i64, _>(1)?).map_err(|_| bad("app"))?),
        meeting: MeetingId::parse(r.try_get(2)?).ok_or_else(|| bad("meeting"))?,
        version: u64::try_from(r.try_get::<i64, _>(3)?).map_err(|_| bad("version"))?,
        created: UnixMs(r.try_get(4)?),
        updated: UnixMs(r.try_get(5)?),
        started: started.map(UnixMs),
        stopped: stopped.map(UnixMs),
        title: r.try_get(8)?,
        notice: r.try_get(9)?,
        teacher: UserId::new(r.try_get::<String, _>(10)?).map_err(|_| bad("teacher_id"))?,
        teacher_nick: r.try_get(11)?,
        extends: r.try_get(12)?,
        mode: ClassMode::from_number(r.try_get::<i16, _>(13)?.into()).ok_or_else(|| bad("mode"))?,
        status: ClassStatus::from_number(r.try_get::<i16, _>(14)?.into()).ok_or_else(|| bad("status"))?,
        board_title: r.try_get(15)?,
        outside: match outside {
            Some(text) => Outside::parse(&text).ok_or_else(|| bad("outside"))?,
            None => Outside::default(),
        },
        permit: read_permit(r, bad)?,
        info: MeetingInfo::parse(r.try_get(20)?).ok_or_else(|| bad("meeting_info"))?,
        stage: Stage::parse(r.try_get(21)?).ok_or_else(|| bad("stage"))?,
    })
}

/// The record.
pub(crate) async fn load(pool: &PgPool, app: AppId, id: ClassId) -> Result<Option<Class>, Fault> {
    let row = sqlx::query(concat!("SELECT ", class_columns!(), " FROM class c WHERE c.id = $1 AND c.app = $2"))
        .bind(&id.0[..])
        .bind(db(app.0))
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(read_class).transpose()
}

/// Locks the class's row until the transaction ends. What hangs on the class is read by later statements: their
/// snapshots begin after the lock was granted.
pub(crate) async fn lock(tx: &mut PgConnection, app: AppId, id: ClassId) -> Result<Option<Class>, Fault> {
    let row =
        sqlx::query(concat!("SELECT ", class_columns!(), " FROM class c WHERE c.id = $1 AND c.app = $2 FOR UPDATE"))
            .bind(&id.0[..])
            .bind(db(app.0))
            .fetch_optional(tx)
            .await?;
    row.as_ref().map(read_class).transpose()
}

/// The same for who needs nothing of the record. False = there is no such class.
pub(crate) async fn lock_id(tx: &mut PgConnection, id: ClassId) -> Result<bool, Fault> {
    let row = sqlx::query("SELECT FROM class WHERE id = $1 FOR UPDATE").bind(&id.0[..]).fetch_optional(tx).await?;
    Ok(row.is_some())
}

/// The same for the class whose channel this is.
pub(crate) async fn lock_meeting(
    tx: &mut PgConnection,
    app: AppId,
    meeting: MeetingId,
) -> Result<Option<Class>, Fault> {
    let row = sqlx::query(concat!(
        "SELECT ",
        class_columns!(),
        " FROM class c WHERE c.app = $1 AND c.meeting = $2 FOR UPDATE"
    ))
    .bind(db(app.0))
    .bind(meeting.to_string())
    .fetch_optional(tx)
    .await?;
    row.as_ref().map(read_class).transpose()
}

/// What there is under a channel's name. The second statement sees at least what the first one saw, so a class deleted
/// between them is found as one of both.
pub(crate) async fn meeting(pool: &PgPool, app: AppId, meeting: MeetingId) -> Result<Meeting, Fault> {
    let row = sqlx::query(concat!("SELECT ", class_columns!(), " FROM class c WHERE c.app = $1 AND c.meeting = $2"))
        .bind(db(app.0))
        .bind(meeting.to_string())
        .fetch_optional(pool)
        .await?;
    if let Some(row) = row {
        return Ok(Meeting::Class(Arc::new(read_class(&row)?)));
    }
    let gone: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM class_gone WHERE app = $1 AND meeting = $2)")
        .bind(db(app.0))
        .bind(meeting.to_string())
        .fetch_one(pool)
        .await?;
    Ok(if gone { Meeting::Deleted } else { Meeting::Unknown })
}

/// Inserts the class.
pub(crate) async fn insert(pool: &PgPool, c: &Class) -> Result<(), Fault> {
    let done = sqlx::query(
        "INSERT INTO class (id, app, meeting, version, created_ms, updated_ms, title, notice, \
         teacher_id, teacher_nick, extends, mode, status, board_title, meeting_info, stage, \
         outside) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(&c.id.0[..])
    .bind(db(c.app.0))
    .bind(c.meeting.to_string())
    .bind(db(c.version))
    .bind(c.created.0)
    .bind(c.updated.0)
    .bind(&c.title)
    .bind(&c.notice)
    .bind(c.teacher.as_str())
    .bind(&c.teacher_nick)
    .bind(&c.extends)
    .bind(i16::from(c.mode.number()))
    .bind(i16::from(c.status.number()))
    .bind(&c.board_title)
    .bind(c.info.to_value().to_string())
    .bind(c.stage.to_value().to_string())
    .bind(c.outside.to_text())
    .execute(pool)
    .await?;
    Ok(one_row("create a class", done.rows_affected())?)
}

/// Writes everything that may change after creation; `old` is what the locked row says now.
pub(crate) async fn update(tx: &mut PgConnection, old: &Class, new: &Class) -> Result<(), Fault> {
    let permit = new.permit.as_ref();
    let done = sqlx::query(
        "UPDATE class SET version = $1, updated_ms = $2, started_ms = $3, stopped_ms = $4, title = $5, notice = $6, \
         extends = $7, status = $8, permit = $9, permit_only = $10, permit_created_ms = $11, permit_updated_ms = $12, \
         meeting_info = $13, stage = $14 WHERE id = $15 AND version = $16",
    )
    .bind(db(new.version))
    .bind(new.updated.0)
    .bind(new.started.map(|t| t.0))
    .bind(new.stopped.map(|t| t.0))
    .bind(&new.title)
    .bind(&new.notice)
    .bind(&new.extends)
    .bind(i16::from(new.status.number()))
    .bind(permit.map(|p| p.text.as_str()))
    .bind(permit.and_then(|p| p.only.as_ref()).map(UserId::as_str))
    .bind(permit.map(|p| p.created.0))
    .bind(permit.map(|p| p.updated.0))
    .bind(new.info.to_value().to_string())
    .bind(new.stage.to_value().to_string())
    .bind(&new.id.0[..])
    .bind(db(old.version))
    .execute(tx)
    .await?;
    Ok(one_row("write a class", done.rows_affected())?)
}

/// Deletes the class with all that hangs on it; its channel's name stays used.
pub(crate) async fn delete(tx: &mut PgConnection, class: &Class) -> Result<(), Fault> {
    let done = sqlx::query("DELETE FROM class WHERE id = $1").bind(&class.id.0[..]).execute(&mut *tx).await?;
    one_row("delete a class", done.rows_affected())?;
    let done = sqlx::query("INSERT INTO class_gone (app, meeting) VALUES ($1, $2)")
        .bind(db(class.app.0))
        .bind(class.meeting.to_string())
        .execute(tx)
        .await?;
    Ok(one_row("remember a deleted class", done.rows_affected())?)
}

/// Whether the user owns an open class, or is in one as its assistant.
pub(crate) async fn manages(pool: &PgPool, app: AppId, user: &UserId) -> Result<bool, Fault> {
    let manages = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM class WHERE app = $1 AND teacher_id = $2 AND status <> 2) \
         OR EXISTS (SELECT FROM class_member m JOIN class c ON c.id = m.class_id \
         WHERE m.user_id = $2 AND m.identity = 2 AND m.status = 1 AND c.app = $1 AND c.status <> 2)",
    )
    .bind(db(app.0))
    .bind(user.as_str())
    .fetch_one(pool)
    .await?;
    Ok(manages)
}
