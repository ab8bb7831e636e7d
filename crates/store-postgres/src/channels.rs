//! Adhoc channels and members as rows.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, PgPool, Row};
use stoa_core::channel::{ChannelRecord, IdentityType, Member};
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;
use stoa_core::{Error, Kind};

use crate::fault::{Fault, bad_row, one_row};
use crate::rooms::db;
use crate::tables::read_sanction;

/// What `count(*)` said.
pub(crate) fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// App and channel from the two columns that begin at `at`.
pub(crate) fn read_key(r: &PgRow, at: usize) -> Result<ChannelKey, Fault> {
    let (app, name): (i64, String) = (r.try_get(at)?, r.try_get(at + 1)?);
    let app = AppId(u64::try_from(app).map_err(|_| bad_row("a channel", "app_id", app))?);
    let name = ChannelName::new(name.as_str()).map_err(|_| bad_row("a channel", "channel_id", name))?;
    Ok(ChannelKey { app, name })
}

/// A user from the column `at`.
pub(crate) fn read_user(r: &PgRow, at: usize) -> Result<UserId, Fault> {
    let user: String = r.try_get(at)?;
    Ok(UserId::new(user.as_str()).map_err(|_| bad_row("a user's row", "user_id", user))?)
}

/// Columns in the order [`read_record`] expects.
macro_rules! record_columns {
    () => {
        "app_id, channel_id, created_ms, version"
    };
}

fn read_record(r: &PgRow) -> Result<ChannelRecord, Fault> {
    let key = read_key(r, 0)?;
    let version = u64::try_from(r.try_get::<i64, _>(3)?).map_err(|_| bad_row("talk_channel", "version", &key.name))?;
    Ok(ChannelRecord { key, created: UnixMs(r.try_get(2)?), version })
}

/// Columns in the order [`read_decided`] expects.
macro_rules! decided_columns {
    () => {
        "identity, last_request_id, mic_grant, mute_audio_until_ms, mute_video_until_ms, updated_ms"
    };
}

/// What was decided about a user whose names are known, from the columns that begin at `at`.
fn read_decided(r: &PgRow, at: usize, channel: ChannelKey, user: UserId) -> Result<Member, Fault> {
    let identity = match r.try_get::<Option<i16>, _>(at)? {
        Some(n) => Some(IdentityType::from_number(n.into()).ok_or_else(|| bad_row("talk_member", "identity", n))?),
        None => None,
    };
    Ok(Member {
        channel,
        user,
        identity,
        last_request: r.try_get(at + 1)?,
        mic_grant: r.try_get(at + 2)?,
        mute_audio_until: UnixMs(r.try_get(at + 3)?),
        mute_video_until: UnixMs(r.try_get(at + 4)?),
        updated: UnixMs(r.try_get(at + 5)?),
    })
}

fn read_member(r: &PgRow) -> Result<Member, Fault> {
    read_decided(r, 3, read_key(r, 0)?, read_user(r, 2)?)
}

/// The adhoc channel's record.
pub(crate) async fn record(pool: &PgPool, key: &ChannelKey) -> Result<Option<ChannelRecord>, Fault> {
    let row =
        sqlx::query(concat!("SELECT ", record_columns!(), " FROM talk_channel WHERE app_id = $1 AND channel_id = $2"))
            .bind(db(key.app.0))
            .bind(key.name.as_str())
            .fetch_optional(pool)
            .await?;
    row.as_ref().map(read_record).transpose()
}

/// Locks the record's row until the transaction ends.
pub(crate) async fn lock(tx: &mut PgConnection, key: &ChannelKey) -> Result<Option<ChannelRecord>, Fault> {
    let row = sqlx::query(concat!(
        "SELECT ",
        record_columns!(),
        " FROM talk_channel WHERE app_id = $1 AND channel_id = $2 FOR UPDATE"
    ))
    .bind(db(key.app.0))
    .bind(key.name.as_str())
    .fetch_optional(tx)
    .await?;
    row.as_ref().map(read_record).transpose()
}

/// Adds the record; false = there is one.
pub(crate) async fn insert(db_: impl PgExecutor<'_>, fresh: &ChannelRecord) -> Result<bool, Fault> {
    let made = sqlx::query(concat!(
        "INSERT INTO talk_channel (",
        record_columns!(),
        ") VALUES ($1, $2, $3, $4) ON CONFLICT (app_id, channel_id) DO NOTHING"
    ))
    .bind(db(fresh.key.app.0))
    .bind(fresh.key.name.as_str())
    .bind(fresh.created.0)
    .bind(db(fresh.version))
    .execute(db_)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Makes the record unless there is one. Two statements each in a transaction of its own: the second sees what another
/// process stored while the first one waited for it. Between them the channel may end, hence the loop.
pub(crate) async fn open(pool: &PgPool, fresh: &ChannelRecord) -> Result<(ChannelRecord, bool), Fault> {
    /// Each try needs a channel of the name that began and ended during the last one.
    const TRIES: u32 = 8;
    for _ in 0..TRIES {
        if insert(pool, fresh).await? {
            return Ok((fresh.clone(), true));
        }
        if let Some(there) = record(pool, &fresh.key).await? {
            return Ok((there, false));
        }
    }
    let text = "the channel begins and ends too often, try again";
    Err(Error::new(Kind::Unavailable, text).into())
}

/// Erases the record only; false = there was none.
pub(crate) async fn remove(tx: &mut PgConnection, key: &ChannelKey) -> Result<bool, Fault> {
    let done = sqlx::query("DELETE FROM talk_channel WHERE app_id = $1 AND channel_id = $2")
        .bind(db(key.app.0))
        .bind(key.name.as_str())
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Erases record and members; false = there was no record. Whoever decides about a member holds the record's row, so the
/// second statement finds all there will ever be.
pub(crate) async fn end(tx: &mut PgConnection, key: &ChannelKey) -> Result<bool, Fault> {
    if !remove(tx, key).await? {
        return Ok(false);
    }
    forget_members(tx, key).await?;
    Ok(true)
}

/// Erases what was decided about the channel's users.
pub(crate) async fn forget_members(tx: &mut PgConnection, key: &ChannelKey) -> Result<(), Fault> {
    sqlx::query("DELETE FROM talk_member WHERE app_id = $1 AND channel_id = $2")
        .bind(db(key.app.0))
        .bind(key.name.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// Every adhoc channel.
pub(crate) async fn all(pool: &PgPool) -> Result<Vec<ChannelRecord>, Fault> {
    let rows = sqlx::query(concat!("SELECT ", record_columns!(), " FROM talk_channel ORDER BY app_id, channel_id"))
        .fetch_all(pool)
        .await?;
    rows.iter().map(read_record).collect()
}

/// How many channels the app has, and the names on a page: one statement, so one snapshot. Each kind comes in order from
/// its index, as far as the page reaches; ids of rooms sort as the hexadecimal digits of the names. A running class has
/// no record, so nothing is counted twice.
pub(crate) async fn names(
    pool: &PgPool,
    app: AppId,
    offset: u64,
    limit: u32,
) -> Result<(u64, Vec<ChannelName>), Fault> {
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM voice_rooms WHERE app = $1 AND stopped_ms IS NULL) \
         + (SELECT count(*) FROM talk_channel WHERE app_id = $1) \
         + (SELECT count(*) FROM class WHERE app = $1 AND status = 1), \
         ARRAY(SELECT name FROM (\
         (SELECT encode(id, 'hex') COLLATE \"C\" AS name FROM voice_rooms \
         WHERE app = $1 AND stopped_ms IS NULL ORDER BY id LIMIT $4) UNION ALL \
         (SELECT channel_id FROM talk_channel WHERE app_id = $1 ORDER BY channel_id LIMIT $4) UNION ALL \
         (SELECT meeting FROM class WHERE app = $1 AND status = 1 ORDER BY meeting LIMIT $4)\
         ) all_kinds ORDER BY name LIMIT $2 OFFSET $3)",
    )
    .bind(db(app.0))
    .bind(i64::from(limit))
    .bind(db(offset))
    .bind(db(offset.saturating_add(limit.into())))
    .fetch_one(pool)
    .await?;
    let page: Vec<String> = row.try_get(1)?;
    let read = |name: String| ChannelName::new(name.as_str()).map_err(|_| bad_row("talk_channel", "channel_id", name));
    Ok((count(row.try_get(0)?), page.into_iter().map(read).collect::<Result<_, _>>()?))
}

/// What was decided about a user.
pub(crate) async fn member(db_: impl PgExecutor<'_>, key: &ChannelKey, user: &UserId) -> Result<Option<Member>, Fault> {
    let row = sqlx::query(concat!(
        "SELECT ",
        decided_columns!(),
        " FROM talk_member WHERE app_id = $1 AND channel_id = $2 AND user_id = $3"
    ))
    .bind(db(key.app.0))
    .bind(key.name.as_str())
    .bind(user.as_str())
    .fetch_optional(db_)
    .await?;
    row.map(|r| read_decided(&r, 0, key.clone(), user.clone())).transpose()
}

/// All that is stored of a user in a channel, in one round trip.
pub(crate) async fn about(
    tx: &mut PgConnection,
    key: &ChannelKey,
    user: &UserId,
) -> Result<(Option<Sanction>, Option<Member>), Fault> {
    let row = sqlx::query(concat!(
        "SELECT s.source, s.acted_by, s.created_ms, s.until_ms, s.not_before_secs, m.mic_grant IS NOT NULL, ",
        decided_columns!(),
        " FROM (SELECT) one LEFT JOIN sanctions s ON s.app = $1 AND s.channel = $2 AND s.user_id = $3 \
         LEFT JOIN talk_member m ON m.app_id = $1 AND m.channel_id = $2 AND m.user_id = $3"
    ))
    .bind(db(key.app.0))
    .bind(key.name.as_str())
    .bind(user.as_str())
    .fetch_one(tx)
    .await?;
    let sanction = match row.try_get::<Option<String>, _>(0)? {
        Some(_) => Some(read_sanction(&row, 0, key.clone(), user.clone())?),
        None => None,
    };
    let member = match row.try_get(5)? {
        true => Some(read_decided(&row, 6, key.clone(), user.clone())?),
        false => None,
    };
    Ok((sanction, member))
}

/// Everybody in a channel, by user.
pub(crate) async fn members(pool: &PgPool, key: &ChannelKey) -> Result<Vec<Member>, Fault> {
    let rows = sqlx::query(concat!(
        "SELECT app_id, channel_id, user_id, ",
        decided_columns!(),
        " FROM talk_member WHERE app_id = $1 AND channel_id = $2 ORDER BY user_id"
    ))
    .bind(db(key.app.0))
    .bind(key.name.as_str())
    .fetch_all(pool)
    .await?;
    rows.iter().map(read_member).collect()
}

/// Members whose mute of a kind ends by itself after `now`.
pub(crate) async fn timed_mutes(pool: &PgPool, now: UnixMs) -> Result<Vec<Member>, Fault> {
    let rows = sqlx::query(concat!(
        "SELECT app_id, channel_id, user_id, ",
        decided_columns!(),
        " FROM talk_member WHERE (mute_audio_until_ms > $1 AND mute_audio_until_ms < $2) \
         OR (mute_video_until_ms > $1 AND mute_video_until_ms < $2) ORDER BY app_id, channel_id, user_id"
    ))
    .bind(now.0)
    .bind(UnixMs::MAX.0)
    .fetch_all(pool)
    .await?;
    rows.iter().map(read_member).collect()
}

/// Adds or replaces.
pub(crate) async fn write_member(tx: &mut PgConnection, m: &Member) -> Result<(), Fault> {
    let done = sqlx::query(concat!(
        "INSERT INTO talk_member (app_id, channel_id, user_id, ",
        decided_columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (app_id, channel_id, user_id) DO UPDATE SET identity = excluded.identity, \
         last_request_id = excluded.last_request_id, mic_grant = excluded.mic_grant, \
         mute_audio_until_ms = excluded.mute_audio_until_ms, \
         mute_video_until_ms = excluded.mute_video_until_ms, updated_ms = excluded.updated_ms"
    ))
    .bind(db(m.channel.app.0))
    .bind(m.channel.name.as_str())
    .bind(m.user.as_str())
    .bind(m.identity.map(|t| i16::from(t.number())))
    .bind(m.last_request)
    .bind(m.mic_grant)
    .bind(m.mute_audio_until.0)
    .bind(m.mute_video_until.0)
    .bind(m.updated.0)
    .execute(tx)
    .await?;
    Ok(one_row("write a member", done.rows_affected())?)
}

/// One version on.
pub(crate) async fn bump(tx: &mut PgConnection, record: &ChannelRecord) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE talk_channel SET version = version + 1 WHERE app_id = $1 AND channel_id = $2 AND version = $3",
    )
    .bind(db(record.key.app.0))
    .bind(record.key.name.as_str())
    .bind(db(record.version))
    .execute(tx)
    .await?;
    Ok(one_row("write a channel", done.rows_affected())?)
}
