//! Members of classes as rows, and all that is stored of a user in a class.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use stoa_core::channel::IdentityType;
use stoa_core::class::{
    Class, ClassCommand, ClassFacts, ClassIdentity, ClassMember, ClassView, GroupFacts, Known, MemberFilter,
    MemberStatus,
};
use stoa_core::id::{AppId, ChannelKey, ClassId, UserId};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;

use super::record::{CLASS_COLUMNS, class_columns, read_class};
use crate::channels::{count, read_key, read_user};
use crate::fault::{Fault, bad_row, one_row};
use crate::rooms::db;
use crate::tables::read_sanction;

/// Columns in the order [`read_member`] expects, of the table with this alias.
macro_rules! member_columns {
    ($of:literal) => {
        concat!(
            $of,
            ".user_id, ",
            $of,
            ".user_name, ",
            $of,
            ".avatar, ",
            $of,
            ".identity, ",
            $of,
            ".status, ",
            $of,
            ".joined_ms, ",
            $of,
            ".asked_ms, ",
            $of,
            ".connected"
        )
    };
}

/// How many columns [`member_columns`] are.
const MEMBER_COLUMNS: usize = 8;

/// The row from the columns that begin at `at`, if the join found one.
fn read_member(r: &PgRow, at: usize, class: ClassId) -> Result<Option<ClassMember>, Fault> {
    if r.try_get::<Option<&str>, _>(at)?.is_none() {
        return Ok(None);
    }
    let bad = |column: &str| bad_row("class_member", column, class);
    Ok(Some(ClassMember {
        class,
        user: read_user(r, at)?,
        name: r.try_get(at + 1)?,
        avatar: r.try_get(at + 2)?,
        identity: ClassIdentity::from_number(r.try_get::<i16, _>(at + 3)?.into()).ok_or_else(|| bad("identity"))?,
        status: MemberStatus::from_number(r.try_get::<i16, _>(at + 4)?.into()).ok_or_else(|| bad("status"))?,
        joined: UnixMs(r.try_get(at + 5)?),
        asked: UnixMs(r.try_get(at + 6)?),
        connected: r.try_get(at + 7)?,
    }))
}

/// The sanction from the columns that begin at `at`, if the join found one.
fn read_found(r: &PgRow, at: usize, channel: &ChannelKey, user: &UserId) -> Result<Option<Sanction>, Fault> {
    match r.try_get::<Option<&str>, _>(at)? {
        Some(_) => Ok(Some(read_sanction(r, at, channel.clone(), user.clone())?)),
        None => Ok(None),
    }
}

/// One member.
pub(crate) async fn member(pool: &PgPool, class: ClassId, user: &UserId) -> Result<Option<ClassMember>, Fault> {
    let row = sqlx::query(concat!(
        "SELECT ",
        member_columns!("m"),
        " FROM class_member m WHERE m.class_id = $1 AND m.user_id = $2"
    ))
    .bind(&class.0[..])
    .bind(user.as_str())
    .fetch_optional(pool)
    .await?;
    row.map_or(Ok(None), |r| read_member(&r, 0, class))
}

/// How many members match, and those on a page: one statement, so one snapshot. An empty page is one row without a
/// member.
pub(crate) async fn members(
    pool: &PgPool,
    class: ClassId,
    filter: MemberFilter,
    offset: u64,
    limit: u32,
) -> Result<(u64, Vec<ClassMember>), Fault> {
    macro_rules! matching {
        () => {
            " FROM class_member WHERE class_id = $1 AND ($2::SMALLINT IS NULL OR identity = $2) \
             AND ($3::SMALLINT IS NULL OR status = $3)"
        };
    }
    let rows = sqlx::query(concat!(
        "SELECT t.total, ",
        member_columns!("m"),
        " FROM (SELECT count(*) AS total",
        matching!(),
        ") t LEFT JOIN LATERAL (SELECT *",
        matching!(),
        " ORDER BY identity DESC, status, joined_ms DESC, user_id LIMIT $4 OFFSET $5) m ON TRUE \
         ORDER BY m.identity DESC, m.status, m.joined_ms DESC, m.user_id"
    ))
    .bind(&class.0[..])
    .bind(filter.identity.map(|i| i16::from(i.number())))
    .bind(filter.status.map(|s| i16::from(s.number())))
    .bind(i64::from(limit))
    .bind(db(offset))
    .fetch_all(pool)
    .await?;
    let mut total = 0;
    let mut members = Vec::with_capacity(rows.len());
    for r in &rows {
        total = count(r.try_get(0)?);
        members.extend(read_member(r, 1, class)?);
    }
    Ok((total, members))
}

/// Members in class that had a live connection.
pub(crate) async fn connected(pool: &PgPool) -> Result<Vec<(ChannelKey, UserId)>, Fault> {
    let rows = sqlx::query(
        "SELECT c.app, c.meeting, m.user_id FROM class_member m JOIN class c ON c.id = m.class_id \
         WHERE m.status = 1 AND m.connected ORDER BY c.app, c.meeting, m.user_id",
    )
    .fetch_all(pool)
    .await?;
    rows.iter().map(|r| Ok((read_key(r, 0)?, read_user(r, 2)?))).collect()
}

/// A row's new state. Who loses the slot is written before who gets it: one row at most has it at any time.
pub(crate) async fn write(tx: &mut PgConnection, mut rows: Vec<ClassMember>) -> Result<(), Fault> {
    rows.sort_by_key(|m| m.identity == ClassIdentity::Assistant);
    for m in &rows {
        write_one(tx, m).await?;
    }
    Ok(())
}

async fn write_one(tx: &mut PgConnection, m: &ClassMember) -> Result<(), Fault> {
    let done = sqlx::query(
        "INSERT INTO class_member (class_id, user_id, user_name, avatar, identity, status, joined_ms, asked_ms, \
         connected) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (class_id, user_id) DO UPDATE SET \
         user_name = excluded.user_name, avatar = excluded.avatar, identity = excluded.identity, \
         status = excluded.status, joined_ms = excluded.joined_ms, asked_ms = excluded.asked_ms, \
         connected = excluded.connected",
    )
    .bind(&m.class.0[..])
    .bind(m.user.as_str())
    .bind(&m.name)
    .bind(m.avatar.as_deref())
    .bind(i16::from(m.identity.number()))
    .bind(i16::from(m.status.number()))
    .bind(m.joined.0)
    .bind(m.asked.0)
    .bind(m.connected)
    .execute(tx)
    .await?;
    Ok(one_row("write a class's member", done.rows_affected())?)
}

/// What a decision looks at beside the record, as of the class's lock.
pub(crate) struct Stored {
    users: Vec<(UserId, Option<ClassMember>, Option<Sanction>)>,
    listeners: Vec<UserId>,
}

impl Stored {
    /// Reads it, in one round trip; a second one where the stage may grow.
    pub(crate) async fn read(tx: &mut PgConnection, class: &Class, command: &ClassCommand) -> Result<Self, Fault> {
        let asked = [command.caller().map(|c| &c.user), command.subject()];
        let asked: Vec<&str> = asked.into_iter().flatten().map(UserId::as_str).collect();
        let channel = class.channel();
        let rows = sqlx::query(concat!(
            "SELECT u.user_id, ",
            member_columns!("m"),
            ", s.source, s.acted_by, s.created_ms, s.until_ms, s.not_before_secs \
             FROM (SELECT unnest($2::TEXT[]) COLLATE \"C\" AS user_id UNION \
             SELECT user_id FROM class_member WHERE class_id = $1 AND identity = 2) u \
             LEFT JOIN class_member m ON m.class_id = $1 AND m.user_id = u.user_id \
             LEFT JOIN sanctions s ON s.app = $3 AND s.channel = $4 AND s.user_id = u.user_id"
        ))
        .bind(&class.id.0[..])
        .bind(asked)
        .bind(db(class.app.0))
        .bind(channel.name.as_str())
        .fetch_all(&mut *tx)
        .await?;
        let read = |r: &PgRow| {
            let user = read_user(r, 0)?;
            let sanction = read_found(r, 1 + MEMBER_COLUMNS, &channel, &user)?;
            Ok((user, read_member(r, 1, class.id)?, sanction))
        };
        let users = rows.iter().map(read).collect::<Result<_, Fault>>()?;
        let listeners = match command {
            ClassCommand::Meeting { .. } | ClassCommand::Stage { .. } => listeners(tx, &channel).await?,
            _ => Vec::new(),
        };
        Ok(Self { users, listeners })
    }

    /// As the decision wants it.
    pub(crate) fn facts(&self, command: &ClassCommand) -> ClassFacts<'_> {
        let known = |user: Option<&UserId>| {
            let found = self.users.iter().find(|(u, ..)| Some(u) == user);
            found.map_or_else(Known::default, |(_, row, sanction)| Known {
                row: row.as_ref(),
                sanction: sanction.as_ref(),
            })
        };
        let mut rows = self.users.iter().filter_map(|(_, row, _)| row.as_ref());
        ClassFacts {
            caller: known(command.caller().map(|c| &c.user)),
            subject: known(command.subject()),
            assistant: rows.find(|r| r.identity == ClassIdentity::Assistant),
            listeners: &self.listeners,
        }
    }
}

/// Users who may only listen in the channel.
async fn listeners(tx: &mut PgConnection, channel: &ChannelKey) -> Result<Vec<UserId>, Fault> {
    let rows = sqlx::query("SELECT user_id FROM talk_member WHERE app_id = $1 AND channel_id = $2 AND identity = $3")
        .bind(db(channel.app.0))
        .bind(channel.name.as_str())
        .bind(i16::from(IdentityType::Listener.number()))
        .fetch_all(tx)
        .await?;
    rows.iter().map(|r| read_user(r, 0)).collect()
}

/// Classes with all that a view of user `$2` has in app `$1`: one statement, so one snapshot.
macro_rules! views {
    ($classes:expr) => {
        concat!(
            "SELECT ",
            class_columns!(),
            ", coalesce(g.mute_all, FALSE), coalesce(g.likes, 0), coalesce(g.pv, 0), coalesce(g.uv, 0), \
             coalesce(u.until_ms, 0), ",
            member_columns!("a"),
            ", ",
            member_columns!("m"),
            ", s.source, s.acted_by, s.created_ms, s.until_ms, s.not_before_secs FROM ",
            $classes,
            " c LEFT JOIN hub_group g ON g.app = $1 AND g.group_id = encode(c.id, 'hex') \
             LEFT JOIN hub_mute u ON u.app = $1 AND u.group_id = encode(c.id, 'hex') AND u.user_id = $2 \
             LEFT JOIN class_member a ON a.class_id = c.id AND a.identity = 2 \
             LEFT JOIN class_member m ON m.class_id = c.id AND m.user_id = $2 \
             LEFT JOIN sanctions s ON s.app = $1 AND s.channel = c.meeting AND s.user_id = $2 "
        )
    };
}

fn read_view(r: &PgRow, user: &UserId) -> Result<ClassView, Fault> {
    const GROUP: usize = CLASS_COLUMNS;
    const ASSISTANT: usize = GROUP + 5;
    const ROW: usize = ASSISTANT + MEMBER_COLUMNS;
    const SANCTION: usize = ROW + MEMBER_COLUMNS;
    let class = read_class(r)?;
    Ok(ClassView {
        assistant: read_member(r, ASSISTANT, class.id)?,
        group: GroupFacts {
            mute_all: r.try_get(GROUP)?,
            likes: count(r.try_get(GROUP + 1)?),
            pv: count(r.try_get(GROUP + 2)?),
            uv: count(r.try_get(GROUP + 3)?),
        },
        row: read_member(r, ROW, class.id)?,
        sanction: read_found(r, SANCTION, &class.channel(), user)?,
        muted_until: UnixMs(r.try_get(GROUP + 4)?),
        class: class.into(),
    })
}

/// A class as a user sees it.
pub(crate) async fn view(pool: &PgPool, app: AppId, id: ClassId, user: &UserId) -> Result<Option<ClassView>, Fault> {
    let row = sqlx::query(concat!(views!("class"), "WHERE c.app = $1 AND c.id = $3"))
        .bind(db(app.0))
        .bind(user.as_str())
        .bind(&id.0[..])
        .fetch_optional(pool)
        .await?;
    row.map(|r| read_view(&r, user)).transpose()
}

/// A page of the app's classes as a user sees them, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    app: AppId,
    user: &UserId,
    offset: u64,
    limit: u32,
) -> Result<Vec<ClassView>, Fault> {
    let rows = sqlx::query(concat!(
        views!("(SELECT * FROM class WHERE app = $1 ORDER BY created_ms DESC, id DESC LIMIT $3 OFFSET $4)"),
        "ORDER BY c.created_ms DESC, c.id DESC"
    ))
    .bind(db(app.0))
    .bind(user.as_str())
    .bind(i64::from(limit))
    .bind(db(offset))
    .fetch_all(pool)
    .await?;
    rows.iter().map(|r| read_view(r, user)).collect()
}
