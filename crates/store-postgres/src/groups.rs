//! What lasts of message groups, as rows.
//!
//! Every write shares the row of the group's room or class (`FOR KEY SHARE`), or an advisory lock of an adhoc channel,
//! which needs no row: it waits for commands and for the end of the place, not for other writes. Who ends the place has
//! the lock alone, and so finds all rows there will ever be.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, PgPool, Postgres, Row};
use stoa_core::group::names::Place;
use stoa_core::group::{Doomed, GroupKey, GroupPatch, GroupState, KEPT_MESSAGES, MessagePage, StoredMessage};
use stoa_core::id::UserId;
use stoa_core::time::UnixMs;

use crate::channels::count;
use crate::fault::{Fault, bad_row};
use crate::rooms::db;

/// Begins a statement: `there` has one row, and its lock is held, when something may be written for the group. `$1` app,
/// `$2` group, `$3` kind of place, `$4` id of room or class.
macro_rules! there {
    ($statement:expr) => {
        concat!(
            "WITH room AS (SELECT 1 FROM voice_rooms \
             WHERE $3 = 0 AND id = $4 AND app = $1 AND stopped_ms IS NULL FOR KEY SHARE), \
             lesson AS (SELECT 1 FROM class WHERE $3 = 1 AND id = $4 AND app = $1 FOR KEY SHARE), \
             talk AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended($2, $1)) WHERE $3 = 2), \
             there AS MATERIALIZED (SELECT 1 FROM room UNION ALL SELECT 1 FROM lesson UNION ALL SELECT 1 FROM talk)",
            $statement
        )
    };
}

type Statement = Query<'static, Postgres, PgArguments>;

/// The statement with `$1` to `$4` bound.
fn of(statement: &'static str, group: &GroupKey) -> Statement {
    let (kind, id): (i16, Option<Vec<u8>>) = match &group.place {
        Place::Room(id) => (0, Some(id.0.to_vec())),
        Place::Class(id) => (1, Some(id.0.to_vec())),
        Place::Talk(_) => (2, None),
    };
    sqlx::query(statement).bind(db(group.app.0)).bind(group.id()).bind(kind).bind(id)
}

/// The statement with `$1` and `$2` bound.
fn at(statement: &'static str, group: &GroupKey) -> Statement {
    sqlx::query(statement).bind(db(group.app.0)).bind(group.id())
}

fn names(users: &[UserId]) -> Vec<String> {
    users.iter().map(UserId::to_string).collect()
}

/// The group's room or class, locked by the caller, is gone, and with it everything here.
pub(crate) async fn erase(tx: &mut PgConnection, group: &GroupKey) -> Result<(), Fault> {
    for statement in [
        "DELETE FROM hub_group WHERE app = $1 AND group_id = $2",
        "DELETE FROM hub_group_info WHERE app = $1 AND group_id = $2",
        "DELETE FROM hub_mute WHERE app = $1 AND group_id = $2",
        "DELETE FROM hub_visitor WHERE app = $1 AND group_id = $2",
        "DELETE FROM hub_amount WHERE app = $1 AND group_id = $2",
        "DELETE FROM hub_message WHERE app = $1 AND group_id = $2",
    ] {
        at(statement, group).execute(&mut *tx).await?;
    }
    Ok(())
}

/// The adhoc channel ends.
pub(crate) async fn erase_talk(tx: &mut PgConnection, group: &GroupKey) -> Result<(), Fault> {
    at("SELECT pg_advisory_xact_lock(hashtextextended($2, $1))", group).execute(&mut *tx).await?;
    erase(tx, group).await
}

fn read_users(all: Vec<String>, column: &str) -> Result<Vec<UserId>, Fault> {
    let read = |name: String| UserId::new(name.as_str()).map_err(|_| bad_row("a group's row", column, name).into());
    all.into_iter().map(read).collect()
}

/// The whole state: one statement, so one snapshot.
pub(crate) async fn state(pool: &PgPool, group: &GroupKey) -> Result<GroupState, Fault> {
    let row = at(
        "SELECT coalesce(g.mute_all, FALSE), coalesce(g.pv, 0), coalesce(g.uv, 0), coalesce(g.likes, 0), \
         coalesce(i.meta, ''), coalesce(i.admins, '{}'), \
         ARRAY(SELECT user_id FROM hub_mute WHERE app = $1 AND group_id = $2 ORDER BY user_id), \
         ARRAY(SELECT until_ms FROM hub_mute WHERE app = $1 AND group_id = $2 ORDER BY user_id), \
         ARRAY(SELECT kind FROM hub_amount WHERE app = $1 AND group_id = $2 ORDER BY kind), \
         ARRAY(SELECT amount FROM hub_amount WHERE app = $1 AND group_id = $2 ORDER BY kind) \
         FROM (SELECT) one LEFT JOIN hub_group g ON g.app = $1 AND g.group_id = $2 \
         LEFT JOIN hub_group_info i ON i.app = $1 AND i.group_id = $2",
        group,
    )
    .fetch_one(pool)
    .await?;
    let (kinds, amounts): (Vec<i64>, Vec<i64>) = (row.try_get(8)?, row.try_get(9)?);
    let ends: Vec<i64> = row.try_get(7)?;
    let muted = read_users(row.try_get(6)?, "user_id")?;
    Ok(GroupState {
        meta: row.try_get(4)?,
        admins: read_users(row.try_get(5)?, "admins")?,
        mute_all: row.try_get(0)?,
        muted: muted.into_iter().zip(ends.into_iter().map(UnixMs)).collect(),
        pv: count(row.try_get(1)?),
        uv: count(row.try_get(2)?),
        likes: count(row.try_get(3)?),
        amounts: kinds.into_iter().zip(amounts.into_iter().map(count)).collect(),
    })
}

/// Sets `n` numbers aside; answers the first.
pub(crate) async fn reserve(pool: &PgPool, group: &GroupKey, n: u32) -> Result<u64, Fault> {
    let row = of(
        there!(
            "INSERT INTO hub_group (app, group_id, handed_out) SELECT $1, $2, $5 FROM there ON CONFLICT (app, group_id) \
             DO UPDATE SET handed_out = hub_group.handed_out + excluded.handed_out RETURNING handed_out"
        ),
        group,
    )
    .bind(i64::from(n))
    .fetch_optional(pool)
    .await?;
    row.map_or(Ok(1), |r| Ok(count(r.try_get::<i64, _>(0)? - i64::from(n) + 1)))
}

/// Counts a join; answers joins and distinct users.
pub(crate) async fn visit(
    pool: &PgPool,
    group: &GroupKey,
    user: &UserId,
    extension: &str,
) -> Result<(u64, u64), Fault> {
    let row = of(
        there!(
            ", came AS (INSERT INTO hub_visitor (app, group_id, user_id, extension) SELECT $1, $2, $5, $6 FROM there \
             ON CONFLICT (app, group_id, user_id) DO UPDATE SET extension = excluded.extension \
             RETURNING xmax = 0 AS fresh) \
             INSERT INTO hub_group (app, group_id, pv, uv) \
             SELECT $1, $2, 1, (SELECT count(*) FROM came WHERE fresh) FROM there \
             ON CONFLICT (app, group_id) DO UPDATE SET pv = hub_group.pv + 1, uv = hub_group.uv + excluded.uv \
             RETURNING pv, uv"
        ),
        group,
    )
    .bind(user.to_string())
    .bind(extension.to_owned())
    .fetch_optional(pool)
    .await?;
    row.map_or(Ok((0, 0)), |r| Ok((count(r.try_get(0)?), count(r.try_get(1)?))))
}

/// What a user said of itself.
pub(crate) async fn visitor(pool: &PgPool, group: &GroupKey, user: &UserId) -> Result<Option<String>, Fault> {
    let sql = "SELECT extension FROM hub_visitor WHERE app = $1 AND group_id = $2 AND user_id = $3";
    let row = at(sql, group).bind(user.to_string()).fetch_optional(pool).await?;
    row.map(|r| r.try_get(0)).transpose().map_err(Into::into)
}

/// Adds likes; answers all of them.
pub(crate) async fn like(pool: &PgPool, group: &GroupKey, n: u32) -> Result<u64, Fault> {
    let row = of(
        there!(
            "INSERT INTO hub_group (app, group_id, likes) SELECT $1, $2, $5 FROM there ON CONFLICT (app, group_id) \
             DO UPDATE SET likes = hub_group.likes + excluded.likes RETURNING likes"
        ),
        group,
    )
    .bind(i64::from(n))
    .fetch_optional(pool)
    .await?;
    row.map_or(Ok(0), |r| Ok(count(r.try_get(0)?)))
}

/// Changes the description.
pub(crate) async fn patch(pool: &PgPool, group: &GroupKey, patch: &GroupPatch) -> Result<(), Fault> {
    of(
        there!(
            "INSERT INTO hub_group_info (app, group_id, meta, admins) \
             SELECT $1, $2, coalesce($5, ''), coalesce($6, '{}') FROM there ON CONFLICT (app, group_id) \
             DO UPDATE SET meta = coalesce($5, hub_group_info.meta), admins = coalesce($6, hub_group_info.admins)"
        ),
        group,
    )
    .bind(patch.meta.clone())
    .bind(patch.admins.as_deref().map(names))
    .execute(pool)
    .await?;
    Ok(())
}

/// Mutes everybody, or ends that; false = it was so.
pub(crate) async fn mute_all(pool: &PgPool, group: &GroupKey, on: bool) -> Result<bool, Fault> {
    let done = of(
        there!(
            "INSERT INTO hub_group (app, group_id, mute_all) SELECT $1, $2, $5 FROM there \
             WHERE $5 OR EXISTS (SELECT FROM hub_group WHERE app = $1 AND group_id = $2) \
             ON CONFLICT (app, group_id) DO UPDATE SET mute_all = excluded.mute_all \
             WHERE hub_group.mute_all <> excluded.mute_all"
        ),
        group,
    )
    .bind(on)
    .execute(pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Mutes users; 0 = not any more. In an order, so that two calls never wait for each other.
pub(crate) async fn mute_users(pool: &PgPool, group: &GroupKey, users: &[UserId], until: UnixMs) -> Result<(), Fault> {
    if until == UnixMs(0) {
        at("DELETE FROM hub_mute WHERE app = $1 AND group_id = $2 AND user_id = ANY($3)", group)
            .bind(names(users))
            .execute(pool)
            .await?;
        return Ok(());
    }
    of(
        there!(
            "INSERT INTO hub_mute (app, group_id, user_id, until_ms) SELECT $1, $2, u, $6 FROM there, \
             (SELECT DISTINCT unnest($5::TEXT[]) COLLATE \"C\" AS u ORDER BY u) users \
             ON CONFLICT (app, group_id, user_id) DO UPDATE SET until_ms = excluded.until_ms"
        ),
        group,
    )
    .bind(names(users))
    .bind(until.0)
    .execute(pool)
    .await?;
    Ok(())
}

/// Stores a message, counts it and drops what is too much. One whose number or id is there is there already. Whoever
/// stores holds the group's row, so that none counts without what another one adds.
pub(crate) async fn put(tx: &mut PgConnection, group: &GroupKey, m: &StoredMessage) -> Result<(), Fault> {
    let held = of(
        there!(
            "INSERT INTO hub_group (app, group_id) SELECT $1, $2 FROM there ON CONFLICT (app, group_id) \
             DO UPDATE SET handed_out = hub_group.handed_out"
        ),
        group,
    )
    .execute(&mut *tx)
    .await?;
    if held.rows_affected() == 0 {
        return Ok(());
    }
    let stored = at(
        "WITH fresh AS (INSERT INTO hub_message \
         (app, group_id, seqnum, id, kind, sender, extension, data, sid, at_ms, level) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING kind) \
         INSERT INTO hub_amount (app, group_id, kind, amount) SELECT $1, $2, kind, 1 FROM fresh \
         ON CONFLICT (app, group_id, kind) DO UPDATE SET amount = hub_amount.amount + 1",
        group,
    )
    .bind(db(m.seqnum))
    .bind(m.id.clone())
    .bind(m.kind)
    .bind(m.sender.to_string())
    .bind(m.extension.clone())
    .bind(m.data.clone())
    .bind(m.sid.clone())
    .bind(m.at.0)
    .bind(i16::from(m.level))
    .execute(&mut *tx)
    .await?;
    if stored.rows_affected() > 0 {
        at(
            "DELETE FROM hub_message WHERE app = $1 AND group_id = $2 AND seqnum <= (SELECT seqnum FROM hub_message \
             WHERE app = $1 AND group_id = $2 ORDER BY seqnum DESC LIMIT 1 OFFSET $3)",
            group,
        )
        .bind(db(KEPT_MESSAGES as u64))
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// Columns in the order [`read_message`] expects.
macro_rules! message_columns {
    () => {
        "SELECT seqnum, id, kind, sender, extension, data, sid, at_ms, level FROM hub_message \
         WHERE app = $1 AND group_id = $2 "
    };
}

fn read_message(r: &PgRow) -> Result<StoredMessage, Fault> {
    let bad = |column: &str| bad_row("hub_message", column, "a message");
    Ok(StoredMessage {
        seqnum: count(r.try_get(0)?),
        id: r.try_get(1)?,
        kind: r.try_get(2)?,
        sender: UserId::new(r.try_get::<String, _>(3)?).map_err(|_| bad("sender"))?,
        extension: r.try_get(4)?,
        data: r.try_get(5)?,
        sid: r.try_get(6)?,
        at: UnixMs(r.try_get(7)?),
        level: u8::try_from(r.try_get::<i16, _>(8)?).map_err(|_| bad("level"))?,
    })
}

/// One message. No stored text has U+0000, and the server refuses to look for it.
pub(crate) async fn message(pool: &PgPool, group: &GroupKey, id: &str) -> Result<Option<StoredMessage>, Fault> {
    if id.contains('\0') {
        return Ok(None);
    }
    let row = at(concat!(message_columns!(), "AND id = $3"), group).bind(id.to_owned()).fetch_optional(pool).await?;
    row.as_ref().map(read_message).transpose()
}

/// A page, ascending, and whether there is more beyond it.
pub(crate) async fn messages(
    pool: &PgPool,
    group: &GroupKey,
    kinds: &[i64],
    page: &MessagePage,
    limit: u32,
) -> Result<(Vec<StoredMessage>, bool), Fault> {
    macro_rules! page {
        ($order:literal) => {
            concat!(
                message_columns!(),
                "AND seqnum > $3 AND seqnum < $4 AND (cardinality($5::BIGINT[]) = 0 OR kind = ANY($5)) ORDER BY seqnum ",
                $order,
                " LIMIT $6"
            )
        };
    }
    let (statement, after, before) = match page {
        MessagePage::Newest => (page!("DESC"), -1, i64::MAX),
        MessagePage::Before(n) => (page!("DESC"), -1, db(*n)),
        MessagePage::After(n) => (page!("ASC"), db(*n), i64::MAX),
    };
    let rows = at(statement, group)
        .bind(after)
        .bind(before)
        .bind(kinds.to_vec())
        .bind(i64::from(limit) + 1)
        .fetch_all(pool)
        .await?;
    let mut rows = rows.iter().map(read_message).collect::<Result<Vec<_>, Fault>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    if !matches!(page, MessagePage::After(_)) {
        rows.reverse();
    }
    Ok((rows, more))
}

/// Deletes messages; answers the ids of those that were there, in their order.
pub(crate) async fn delete(pool: &PgPool, group: &GroupKey, which: &Doomed) -> Result<Vec<String>, Fault> {
    macro_rules! delete {
        ($which:literal) => {
            concat!(
                "DELETE FROM hub_message WHERE app = $1 AND group_id = $2 AND seqnum IN (SELECT seqnum FROM hub_message \
                 WHERE app = $1 AND group_id = $2 AND ",
                $which,
                " ORDER BY seqnum FOR UPDATE) RETURNING seqnum, id"
            )
        };
    }
    let (statement, which) = match which {
        Doomed::Id(id) => (delete!("id = ANY($3)"), std::slice::from_ref(id)),
        Doomed::Sids(sids) => (delete!("sid = ANY($3)"), sids.as_slice()),
    };
    // See `message` for the second half; an empty mark is none.
    let which: Vec<String> = which.iter().filter(|w| !w.is_empty() && !w.contains('\0')).cloned().collect();
    let rows = at(statement, group).bind(which).fetch_all(pool).await?;
    let mut gone = Vec::with_capacity(rows.len());
    for r in &rows {
        gone.push((r.try_get::<i64, _>(0)?, r.try_get::<String, _>(1)?));
    }
    gone.sort_unstable();
    Ok(gone.into_iter().map(|(_, id)| id).collect())
}
