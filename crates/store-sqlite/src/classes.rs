//! Classes and their members as rows, and the commands that change them.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;
use stoa_core::Result;
use stoa_core::channel::ChannelRecord;
use stoa_core::class::{
    Class, ClassApplied, ClassCommand, ClassFacts, ClassIdentity, ClassMember, ClassMode, ClassOutcome, ClassStatus,
    Known, Meeting, MeetingInfo, MemberStatus, NewClass, OnStage, Permit, Stage, decide_class,
};
use stoa_core::cloud::Outside;
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ClassId, MeetingId, UserId};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;

use crate::channels::Erase;
use crate::errors::{bad_row, one_row, sql};
use crate::rooms::{db, refuse_nul};
use crate::tx::Tx;
use crate::{channels, groups, tables};

/// A media channel's name that may be a class's.
pub(crate) type MeetingKey = (AppId, MeetingId);

/// What such a name stands for. It changes when a class is made and when it is deleted, never in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// This class.
    Class(ClassId),
    /// A class that was deleted.
    Gone,
    /// Nothing, so far.
    Unknown,
}

impl Named {
    /// With the class, which `class` reads. A class that went while the caller looked is gone.
    pub(crate) fn look(self, class: impl FnOnce(ClassId) -> Result<Option<Arc<Class>>>) -> Result<Meeting> {
        Ok(match self {
            Self::Class(id) => class(id)?.map_or(Meeting::Deleted, Meeting::Class),
            Self::Gone => Meeting::Deleted,
            Self::Unknown => Meeting::Unknown,
        })
    }
}

/// Columns in the order [`read_class`] expects.
macro_rules! class_columns {
    () => {
        "id, app, meeting, version, created_ms, updated_ms, started_ms, stopped_ms, title, notice, teacher_id, \
         teacher_nick, extends, mode, status, board_title, permit, permit_only, permit_created_ms, \
         permit_updated_ms, meeting_info, stage, outside"
    };
}
/// How many they are.
pub(crate) const CLASS_COLUMNS: usize = 23;

/// Columns in the order [`read_member`] expects, of the table called `$t`.
macro_rules! class_member_columns {
    ($t:literal) => {
        concat!(
            $t,
            ".class_id, ",
            $t,
            ".user_id, ",
            $t,
            ".name, ",
            $t,
            ".avatar, ",
            $t,
            ".identity, ",
            $t,
            ".status, ",
            $t,
            ".joined_ms, ",
            $t,
            ".asked_ms, ",
            $t,
            ".connected"
        )
    };
}
/// How many they are.
pub(crate) const MEMBER_COLUMNS: usize = 9;
pub(crate) use {class_columns, class_member_columns};

/// `None` = not valid.
fn read_permit(r: &Row<'_>) -> rusqlite::Result<Option<Option<Permit>>> {
    let (text, only) = (r.get::<_, Option<String>>(16)?, r.get::<_, Option<String>>(17)?);
    let Some(text) = text else { return Ok(Some(None)) };
    let Ok(only) = only.map(UserId::new).transpose() else { return Ok(None) };
    Ok(Some(Some(Permit { text, only, created: UnixMs(r.get(18)?), updated: UnixMs(r.get(19)?) })))
}

/// The first columns of the row. The outer error is the database's, the inner one is ours.
pub(crate) fn read_class(r: &Row<'_>) -> rusqlite::Result<Result<Class>> {
    let id = ClassId(r.get(0)?);
    let bad = |columns| Ok(Err(bad_row("class", columns, id)));
    let (Ok(app), Some(meeting), Ok(version), Ok(teacher)) = (
        u64::try_from(r.get::<_, i64>(1)?),
        MeetingId::parse(&r.get::<_, String>(2)?),
        u64::try_from(r.get::<_, i64>(3)?),
        UserId::new(r.get::<_, String>(10)?),
    ) else {
        return bad("app, meeting, version or teacher_id");
    };
    let (Some(mode), Some(status), Some(permit)) =
        (ClassMode::from_number(r.get(13)?), ClassStatus::from_number(r.get(14)?), read_permit(r)?)
    else {
        return bad("mode, status or permit_only");
    };
    let outside = match r.get::<_, Option<String>>(22)? {
        Some(text) => Outside::parse(&text),
        None => Some(Outside::default()),
    };
    let (Some(info), Some(stage), Some(outside)) =
        (MeetingInfo::parse(&r.get::<_, String>(20)?), Stage::parse(&r.get::<_, String>(21)?), outside)
    else {
        return bad("meeting_info, stage or outside");
    };
    Ok(Ok(Class {
        id,
        app: AppId(app),
        meeting,
        created: UnixMs(r.get(4)?),
        updated: UnixMs(r.get(5)?),
        started: r.get::<_, Option<i64>>(6)?.map(UnixMs),
        stopped: r.get::<_, Option<i64>>(7)?.map(UnixMs),
        title: r.get(8)?,
        notice: r.get(9)?,
        teacher,
        teacher_nick: r.get(11)?,
        extends: r.get(12)?,
        mode,
        status,
        board_title: r.get(15)?,
        outside,
        permit,
        info,
        stage,
        version,
    }))
}

/// The class.
pub(crate) fn load(conn: &Connection, id: ClassId) -> Result<Option<Class>> {
    conn.prepare_cached(concat!("SELECT ", class_columns!(), " FROM class WHERE id = ?1"))
        .and_then(|mut s| s.query_row([id.0], read_class).optional())
        .map_err(sql("read a class"))?
        .transpose()
}

/// What the name stands for.
pub(crate) fn name(conn: &Connection, (app, meeting): MeetingKey) -> Result<Named> {
    let id: Option<Option<[u8; 16]>> = conn
        .prepare_cached(
            "SELECT id FROM class WHERE app = ?1 AND meeting = ?2 \
             UNION ALL SELECT NULL FROM class_gone WHERE app = ?1 AND meeting = ?2",
        )
        .and_then(|mut s| s.query_row(params![db(app.0), meeting.to_string()], |r| r.get(0)).optional())
        .map_err(sql("look up a meeting"))?;
    Ok(id.map_or(Named::Unknown, |id| id.map_or(Named::Gone, |id| Named::Class(ClassId(id)))))
}

/// About how many bytes the class takes in memory.
pub(crate) fn weight(c: &Class) -> usize {
    fn value(v: &Value) -> usize {
        /// A key or an element with its slot in the tree.
        const NODE: usize = 64;
        match v {
            Value::String(s) => NODE + s.len(),
            Value::Array(a) => NODE + a.iter().map(value).sum::<usize>(),
            Value::Object(o) => NODE + o.iter().map(|(k, v)| NODE + k.len() + value(v)).sum::<usize>(),
            Value::Null | Value::Bool(_) | Value::Number(_) => NODE,
        }
    }
    let texts = [&c.title, &c.notice, &c.teacher_nick, &c.extends, &c.board_title];
    let permit = c.permit.as_ref().map_or(0, |p| p.text.len());
    let outside = c.outside.to_text().map_or(0, |t| t.len());
    let shared = c.info.members.iter().flat_map(|m| &m.entry).map(|(k, v)| k.len() + value(v));
    let stage = c.stage.on.iter().map(|s| s.user.as_str().len() + size_of::<OnStage>());
    size_of::<Class>()
        + texts.iter().map(|t| t.len()).sum::<usize>()
        + permit
        + outside
        + shared.sum::<usize>()
        + stage.sum::<usize>()
}

fn refuse_nul_in(c: &Class) -> Result<()> {
    let texts = [c.title.as_str(), &c.notice, &c.teacher_nick, &c.extends, &c.board_title];
    refuse_nul(texts.into_iter().chain(c.permit.as_ref().map(|p| p.text.as_str())))
}

/// Inserts a class.
pub(crate) fn create(tx: &mut Tx<'_>, new: NewClass) -> Result<Arc<Class>> {
    let c = Arc::new(new.into_class());
    refuse_nul_in(&c)?;
    let n = tx
        .conn
        .prepare_cached(
            "INSERT INTO class (id, app, meeting, version, created_ms, updated_ms, title, notice, teacher_id, \
             teacher_nick, extends, mode, status, board_title, meeting_info, stage, outside) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )
        .and_then(|mut s| {
            s.execute(params![
                c.id.0,
                db(c.app.0),
                c.meeting.to_string(),
                db(c.version),
                c.created.0,
                c.updated.0,
                c.title,
                c.notice,
                c.teacher.as_str(),
                c.teacher_nick,
                c.extends,
                c.mode.number(),
                c.status.number(),
                c.board_title,
                c.info.to_value().to_string(),
                c.stage.to_value().to_string(),
                c.outside.to_text()
            ])
        })
        .map_err(sql("create a class"))?;
    one_row("create a class", n)?;
    tx.made_class(c.clone());
    Ok(c)
}

/// Writes what differs of the row, which says `old` now.
pub(crate) fn write_changes(conn: &Connection, old: &Class, new: &Class) -> Result<()> {
    let only_version = Class { version: new.version, ..old.clone() } == *new;
    let n = if only_version {
        conn.prepare_cached("UPDATE class SET version = ?1 WHERE id = ?2 AND version = ?3")
            .and_then(|mut s| s.execute(params![db(new.version), new.id.0, db(old.version)]))
    } else {
        refuse_nul_in(new)?;
        let permit = new.permit.as_ref();
        conn.prepare_cached(
            "UPDATE class SET version = ?1, updated_ms = ?2, started_ms = ?3, stopped_ms = ?4, title = ?5, \
             notice = ?6, extends = ?7, status = ?8, permit = ?9, permit_only = ?10, permit_created_ms = ?11, \
             permit_updated_ms = ?12, meeting_info = ?13, stage = ?14 WHERE id = ?15 AND version = ?16",
        )
        .and_then(|mut s| {
            s.execute(params![
                db(new.version),
                new.updated.0,
                new.started.map(|t| t.0),
                new.stopped.map(|t| t.0),
                new.title,
                new.notice,
                new.extends,
                new.status.number(),
                permit.map(|p| p.text.as_str()),
                permit.and_then(|p| p.only.as_ref()).map(UserId::as_str),
                permit.map(|p| p.created.0),
                permit.map(|p| p.updated.0),
                new.info.to_value().to_string(),
                new.stage.to_value().to_string(),
                new.id.0,
                db(old.version)
            ])
        })
    };
    one_row("write a class", n.map_err(sql("write a class"))?)
}

/// The columns from `at` on.
pub(crate) fn read_member(r: &Row<'_>, at: usize) -> rusqlite::Result<Result<ClassMember>> {
    let (class, user) = (ClassId(r.get(at)?), r.get::<_, String>(at + 1)?);
    let (Ok(user), Some(identity), Some(status)) =
        (UserId::new(user), ClassIdentity::from_number(r.get(at + 4)?), MemberStatus::from_number(r.get(at + 5)?))
    else {
        return Ok(Err(bad_row("class_member", "user_id, identity or status", class)));
    };
    Ok(Ok(ClassMember {
        class,
        user,
        name: r.get(at + 2)?,
        avatar: r.get(at + 3)?,
        identity,
        status,
        joined: UnixMs(r.get(at + 6)?),
        asked: UnixMs(r.get(at + 7)?),
        connected: r.get(at + 8)?,
    }))
}

/// A member's row.
pub(crate) fn member(conn: &Connection, class: ClassId, user: &UserId) -> Result<Option<ClassMember>> {
    conn.prepare_cached(concat!(
        "SELECT ",
        class_member_columns!("m"),
        " FROM class_member m WHERE m.class_id = ?1 AND m.user_id = ?2"
    ))
    .and_then(|mut s| s.query_row(params![class.0, user.as_str()], |r| read_member(r, 0)).optional())
    .map_err(sql("read a class member"))?
    .transpose()
}

/// The row with the slot.
fn assistant(conn: &Connection, class: ClassId) -> Result<Option<ClassMember>> {
    conn.prepare_cached(concat!(
        "SELECT ",
        class_member_columns!("m"),
        " FROM class_member m INDEXED BY class_member_slot WHERE m.class_id = ?1 AND m.identity = 2"
    ))
    .and_then(|mut s| s.query_row([class.0], |r| read_member(r, 0)).optional())
    .map_err(sql("read an assistant"))?
    .transpose()
}

fn write_member(conn: &Connection, m: &ClassMember) -> Result<()> {
    refuse_nul([m.name.as_str()].into_iter().chain(m.avatar.as_deref()))?;
    let n = conn
        .prepare_cached(
            "INSERT INTO class_member (class_id, user_id, name, avatar, identity, status, joined_ms, asked_ms, \
             connected) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (class_id, user_id) DO UPDATE SET \
             name = excluded.name, avatar = excluded.avatar, identity = excluded.identity, \
             status = excluded.status, joined_ms = excluded.joined_ms, asked_ms = excluded.asked_ms, \
             connected = excluded.connected",
        )
        .and_then(|mut s| {
            s.execute(params![
                m.class.0,
                m.user.as_str(),
                m.name,
                m.avatar,
                m.identity.number(),
                m.status.number(),
                m.joined.0,
                m.asked.0,
                m.connected
            ])
        })
        .map_err(sql("write a class member"))?;
    one_row("write a class member", n)
}

/// What is stored of one user of a command.
#[derive(Default)]
struct User {
    row: Option<ClassMember>,
    sanction: Option<Sanction>,
}

impl User {
    fn load(tx: &Tx<'_>, class: &Class, user: Option<&UserId>) -> Result<Self> {
        let Some(user) = user else { return Ok(Self::default()) };
        let sanction = tx.sanction(&(class.channel(), user.clone()))?;
        Ok(Self { row: member(tx.conn, class.id, user)?, sanction })
    }

    fn known(&self) -> Known<'_> {
        Known { row: self.row.as_ref(), sanction: self.sanction.as_ref() }
    }
}

/// Decides and writes one command.
pub(crate) fn apply(
    tx: &mut Tx<'_>,
    app: AppId,
    id: ClassId,
    command: &ClassCommand,
    now: UnixMs,
) -> Result<Option<ClassApplied>> {
    let Some(class) = tx.class(id)?.filter(|c| c.app == app) else { return Ok(None) };
    let caller = User::load(tx, &class, command.caller().map(|c| &c.user))?;
    let subject = User::load(tx, &class, command.subject())?;
    let assistant = assistant(tx.conn, id)?;
    let listeners = match command {
        ClassCommand::Meeting { .. } | ClassCommand::Stage { .. } => tx.channel(&class.channel())?.listeners(),
        _ => Vec::new(),
    };
    let facts = ClassFacts {
        caller: caller.known(),
        subject: subject.known(),
        assistant: assistant.as_ref(),
        listeners: &listeners,
    };
    let mut decision = decide_class(&class, facts, command, now);
    // Whoever loses the slot is written before whoever gets it: at no moment two rows have it.
    decision.rows.sort_by_key(|r| r.identity == ClassIdentity::Assistant);
    for row in &decision.rows {
        write_member(tx.conn, row)?;
        tx.wrote();
    }
    if let Some(s) = decision.sanction {
        tables::put_sanction(tx.conn, &s)?;
        tx.wrote_sanction((s.channel.clone(), s.user.clone()), Some(s));
    }
    let class = match decision.class {
        Some(next) => {
            write_changes(tx.conn, &class, &next)?;
            follow_status(tx, &class, &next, now)?;
            let next = Arc::new(next);
            tx.wrote_class(next.clone());
            next
        }
        None => class,
    };
    if decision.outcome == ClassOutcome::Deleted {
        delete(tx, &class)?;
    }
    Ok(Some(ClassApplied { class, rights: decision.rights, news: decision.news, outcome: decision.outcome }))
}

/// A running class's channel exists by that; an idle one's when it has a record; an ended one's not at all.
fn follow_status(tx: &mut Tx<'_>, old: &Class, new: &Class, now: UnixMs) -> Result<()> {
    let channel = new.channel();
    match (old.status, new.status) {
        (was, is) if was == is => Ok(()),
        (ClassStatus::Running, ClassStatus::Idle) => channels::make(tx, ChannelRecord::new(channel, now)),
        (_, ClassStatus::Idle) => Ok(()),
        (_, ClassStatus::Running) => channels::erase(tx, &channel, Erase::Record),
        (_, ClassStatus::Ended) => channels::erase(tx, &channel, Erase::All),
    }
}

/// Erases the class with all below it, and keeps its channel's name.
fn delete(tx: &mut Tx<'_>, class: &Class) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached("DELETE FROM class WHERE id = ?1 AND version = ?2")
        .and_then(|mut s| s.execute(params![class.id.0, db(class.version)]))
        .map_err(sql("delete a class"))?;
    one_row("delete a class", n)?;
    let n = tx
        .conn
        .prepare_cached("INSERT INTO class_gone (app, meeting) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![db(class.app.0), class.meeting.to_string()]))
        .map_err(sql("keep a deleted class's name"))?;
    one_row("keep a deleted class's name", n)?;
    channels::erase(tx, &class.channel(), Erase::All)?;
    groups::erase(tx, &GroupKey::class(class.app, class.id))?;
    tx.deleted_class(class);
    Ok(())
}
