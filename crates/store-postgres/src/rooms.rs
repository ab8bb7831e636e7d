//! Rooms and seats as rows.

use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, PgPool, Row};
use stoa_core::Error;
use stoa_core::id::{AppId, RoomId, UserId};
use stoa_core::ports::PageStart;
use stoa_core::time::UnixMs;
use stoa_core::voice::{NewRoom, Room, Seat, SeatIndex, Taken, too_many_rooms};

use crate::fault::{Fault, bad_row, one_row};

/// An unsigned number as a database integer. Versions and app numbers stay far below the sign.
pub(crate) fn db(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Columns in the order [`read_room`] expects.
macro_rules! room_columns {
    () => {
        "r.id, r.app, r.version, r.created_ms, r.updated_ms, r.started_ms, r.stopped_ms, r.show_code, \
         r.title, r.notice, r.extends, r.cover_url, r.anchor_id, r.anchor_nick, r.mics_off"
    };
}

/// A room with its seats as arrays: one statement, so one snapshot.
macro_rules! whole_rooms {
    ($rooms:expr) => {
        concat!(
            "SELECT ",
            room_columns!(),
            ", s.users, s.texts, s.joins, s.stays, s.attends FROM ",
            $rooms,
            " r CROSS JOIN LATERAL (SELECT array_agg(user_id ORDER BY seat) users, \
             array_agg(extends ORDER BY seat) texts, array_agg(join_ms ORDER BY seat) joins, \
             array_agg(stay ORDER BY seat) stays, array_agg(attended ORDER BY seat) attends \
             FROM voice_seats WHERE room_id = r.id) s "
        )
    };
}

/// The row without its seats.
fn read_room(r: &PgRow) -> Result<Room, Fault> {
    let id = r.try_get::<Vec<u8>, _>(0)?;
    let id = RoomId(id.try_into().map_err(|_| bad_row("voice_rooms", "id", "of another length"))?);
    let bad = |column: &str| bad_row("voice_rooms", column, id);
    Ok(Room {
        id,
        app: AppId(u64::try_from(r.try_get::<i64, _>(1)?).map_err(|_| bad("app"))?),
        version: u64::try_from(r.try_get::<i64, _>(2)?).map_err(|_| bad("version"))?,
        created: UnixMs(r.try_get(3)?),
        updated: UnixMs(r.try_get(4)?),
        started: UnixMs(r.try_get(5)?),
        stopped: r.try_get::<Option<i64>, _>(6)?.map(UnixMs),
        show_code: u32::try_from(r.try_get::<i64, _>(7)?).map_err(|_| bad("show_code"))?,
        title: r.try_get(8)?,
        notice: r.try_get(9)?,
        extends: r.try_get(10)?,
        cover_url: r.try_get(11)?,
        anchor: UserId::new(r.try_get::<String, _>(12)?).map_err(|_| bad("anchor_id"))?,
        anchor_nick: r.try_get(13)?,
        mics_off: r.try_get(14)?,
        seats: Default::default(),
    })
}

type Holder = (Option<String>, Option<i64>, Option<i64>, bool);

fn read_holder((user, since, stay, attended): Holder, room: RoomId) -> Result<Option<Taken>, Fault> {
    let bad = || bad_row("voice_seats", "user_id, join_ms, stay", room);
    match (user, since, stay) {
        (None, None, None) => Ok(None),
        (Some(user), Some(since), Some(stay)) => Ok(Some(Taken {
            user: UserId::new(user).map_err(|_| bad())?,
            since: UnixMs(since),
            stay: u64::try_from(stay).map_err(|_| bad())?,
            attended,
        })),
        _ => Err(bad().into()),
    }
}

/// A row of [`whole_rooms`].
fn read_whole(r: &PgRow) -> Result<Arc<Room>, Fault> {
    let mut room = read_room(r)?;
    let users: Vec<Option<String>> = r.try_get(15)?;
    let texts: Vec<Option<String>> = r.try_get(16)?;
    let joins: Vec<Option<i64>> = r.try_get(17)?;
    let stays: Vec<Option<i64>> = r.try_get(18)?;
    let attends: Vec<bool> = r.try_get(19)?;
    if [users.len(), texts.len(), joins.len(), stays.len(), attends.len()] != [SeatIndex::COUNT; 5] {
        return Err(bad_row("voice_seats", "seat", room.id).into());
    }
    let holders = users.into_iter().zip(joins).zip(stays).zip(attends);
    for (slot, ((((user, since), stay), attended), extends)) in holders.zip(texts).enumerate() {
        room.seats[slot] = Seat { extends, taken: read_holder((user, since, stay, attended), room.id)? };
    }
    Ok(Arc::new(room))
}

/// The room with its seats, as of one commit.
pub(crate) async fn load(pool: &PgPool, app: AppId, id: RoomId) -> Result<Option<Arc<Room>>, Fault> {
    let row = sqlx::query(concat!(whole_rooms!("voice_rooms"), "WHERE r.id = $1 AND r.app = $2"))
        .bind(&id.0[..])
        .bind(db(app.0))
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(read_whole).transpose()
}

/// Locks the room's row until the transaction ends, then reads the room.
pub(crate) async fn lock(tx: &mut PgConnection, app: AppId, id: RoomId) -> Result<Option<Room>, Fault> {
    let row = sqlx::query(concat!(
        "SELECT ",
        room_columns!(),
        " FROM voice_rooms r WHERE r.id = $1 AND r.app = $2 FOR UPDATE"
    ))
    .bind(&id.0[..])
    .bind(db(app.0))
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let mut room = read_room(&row)?;
    // A statement of its own: its snapshot begins after the lock was granted. Joined to the one
    // above it would show the seats as they were before the wait.
    let seats =
        sqlx::query("SELECT seat, user_id, extends, join_ms, stay, attended FROM voice_seats WHERE room_id = $1")
            .bind(&id.0[..])
            .fetch_all(tx)
            .await?;
    for r in &seats {
        let index = SeatIndex::new(r.try_get::<i16, _>(0)?.into()).map_err(|_| bad_row("voice_seats", "seat", id))?;
        let holder = (r.try_get(1)?, r.try_get(3)?, r.try_get(4)?, r.try_get(5)?);
        room.seats[index.slot()] = Seat { extends: r.try_get(2)?, taken: read_holder(holder, id)? };
    }
    Ok(Some(room))
}

/// A page of live rooms, newest first: one statement, whatever its size.
pub(crate) async fn list(pool: &PgPool, app: AppId, start: PageStart, limit: u32) -> Result<Vec<Arc<Room>>, Fault> {
    // Ids have 16 bytes, so 17 of the largest stand behind every room of the last instant.
    let (before_ms, before_id, offset) = match start {
        PageStart::Offset(n) => (i64::MAX, vec![0xff_u8; 17], n),
        PageStart::After(at, id) => (at.0, id.0.to_vec(), 0),
    };
    let rows = sqlx::query(concat!(
        whole_rooms!(
            "(SELECT * FROM voice_rooms WHERE app = $1 AND stopped_ms IS NULL AND (created_ms, id) < ($2, $3) \
             ORDER BY created_ms DESC, id DESC LIMIT $4 OFFSET $5)"
        ),
        "ORDER BY r.created_ms DESC, r.id DESC"
    ))
    .bind(db(app.0))
    .bind(before_ms)
    .bind(before_id)
    .bind(i64::from(limit))
    .bind(db(offset))
    .fetch_all(pool)
    .await?;
    rows.iter().map(read_whole).collect()
}

/// Live rooms with a holder whose presence counts.
pub(crate) async fn attended(pool: &PgPool) -> Result<Vec<Arc<Room>>, Fault> {
    let rows = sqlx::query(concat!(
        whole_rooms!("voice_rooms"),
        "WHERE r.stopped_ms IS NULL AND r.id IN \
         (SELECT room_id FROM voice_seats WHERE user_id IS NOT NULL AND attended) ORDER BY r.id"
    ))
    .fetch_all(pool)
    .await?;
    rows.iter().map(read_whole).collect()
}

/// Inserts the room under the first free code, and its eight seats.
pub(crate) async fn insert(tx: &mut PgConnection, new: NewRoom, codes: &[u32], max: u32) -> Result<Room, Fault> {
    if max > 0 {
        check_limit(tx, &new, max).await?;
    }
    let mut room = new.into_room(0);
    for code in codes {
        room.show_code = *code;
        if insert_row(tx, &room).await? == 1 {
            let seats = sqlx::query("INSERT INTO voice_seats (room_id, seat) SELECT $1, generate_series(1, 8)")
                .bind(&room.id.0[..])
                .execute(tx)
                .await?;
            if seats.rows_affected() != SeatIndex::COUNT as u64 {
                return Err(Error::internal_error("a room without its eight seats").into());
            }
            return Ok(room);
        }
    }
    Err(Error::internal_error(format!("all {} show codes are taken", codes.len())).into())
}

/// Counts under a lock of this owner, which the transaction holds: two creates at once must not
/// both see room for one more.
async fn check_limit(tx: &mut PgConnection, new: &NewRoom, max: u32) -> Result<(), Fault> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))")
        .bind(new.anchor.as_str())
        .bind(db(new.app.0))
        .execute(&mut *tx)
        .await?;
    if live_of(tx, new.app, &new.anchor).await? >= max { Err(too_many_rooms().into()) } else { Ok(()) }
}

/// How many live rooms the owner has.
pub(crate) async fn live_of(conn: impl PgExecutor<'_>, app: AppId, owner: &UserId) -> Result<u32, Fault> {
    let live: i64 =
        sqlx::query_scalar("SELECT count(*) FROM voice_rooms WHERE app = $1 AND anchor_id = $2 AND stopped_ms IS NULL")
            .bind(db(app.0))
            .bind(owner.as_str())
            .fetch_one(conn)
            .await?;
    Ok(u32::try_from(live).unwrap_or(u32::MAX))
}

async fn insert_row(tx: &mut PgConnection, room: &Room) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO voice_rooms (id, app, version, created_ms, updated_ms, started_ms, stopped_ms, show_code, \
         title, notice, extends, cover_url, anchor_id, anchor_nick, mics_off) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (app, show_code) DO NOTHING",
    )
    .bind(&room.id.0[..])
    .bind(db(room.app.0))
    .bind(db(room.version))
    .bind(room.created.0)
    .bind(room.updated.0)
    .bind(room.started.0)
    .bind(room.stopped.map(|t| t.0))
    .bind(i64::from(room.show_code))
    .bind(&room.title)
    .bind(&room.notice)
    .bind(&room.extends)
    .bind(&room.cover_url)
    .bind(room.anchor.as_str())
    .bind(&room.anchor_nick)
    .bind(room.mics_off)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

/// Writes the rows in which `new` differs from `old`, which is what the locked rows say now.
pub(crate) async fn write_changes(tx: &mut PgConnection, old: &Room, new: &Room) -> Result<(), Fault> {
    // Holders leave before others come: a user that changed places must never be on two seats.
    for index in SeatIndex::all() {
        if let (Some(was), None) = (&old.seat(index).taken, &new.seat(index).taken) {
            empty_seat(tx, new, index, was).await?;
        }
    }
    for index in SeatIndex::all() {
        let (was, is) = (old.seat(index), new.seat(index));
        match (&was.taken, &is.taken) {
            (None, Some(t)) => fill_seat(tx, new, index, t).await?,
            (Some(_), Some(t)) if was != is => change_seat(tx, new, index, t).await?,
            _ => {}
        }
    }
    write_room(tx, old, new).await
}

async fn empty_seat(tx: &mut PgConnection, room: &Room, index: SeatIndex, was: &Taken) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE voice_seats SET user_id = NULL, join_ms = NULL, stay = NULL, attended = FALSE, extends = $1 \
         WHERE room_id = $2 AND seat = $3 AND user_id = $4",
    )
    .bind(room.seat(index).extends.as_deref())
    .bind(&room.id.0[..])
    .bind(i16::from(index.get()))
    .bind(was.user.as_str())
    .execute(tx)
    .await?;
    Ok(one_row("free a seat", done.rows_affected())?)
}

async fn fill_seat(tx: &mut PgConnection, room: &Room, index: SeatIndex, t: &Taken) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE voice_seats SET user_id = $1, join_ms = $2, stay = $3, attended = $4, extends = $5 \
         WHERE room_id = $6 AND seat = $7 AND user_id IS NULL",
    )
    .bind(t.user.as_str())
    .bind(t.since.0)
    .bind(db(t.stay))
    .bind(t.attended)
    .bind(room.seat(index).extends.as_deref())
    .bind(&room.id.0[..])
    .bind(i16::from(index.get()))
    .execute(tx)
    .await?;
    Ok(one_row("take a seat", done.rows_affected())?)
}

/// The same holder with other particulars.
async fn change_seat(tx: &mut PgConnection, room: &Room, index: SeatIndex, t: &Taken) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE voice_seats SET join_ms = $1, stay = $2, attended = $3, extends = $4 \
         WHERE room_id = $5 AND seat = $6 AND user_id = $7",
    )
    .bind(t.since.0)
    .bind(db(t.stay))
    .bind(t.attended)
    .bind(room.seat(index).extends.as_deref())
    .bind(&room.id.0[..])
    .bind(i16::from(index.get()))
    .bind(t.user.as_str())
    .execute(tx)
    .await?;
    Ok(one_row("change a seat", done.rows_affected())?)
}

async fn write_room(tx: &mut PgConnection, old: &Room, new: &Room) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE voice_rooms SET version = $1, updated_ms = $2, stopped_ms = $3, title = $4, notice = $5, \
         extends = $6, cover_url = $7, anchor_nick = $8, mics_off = $9 WHERE id = $10 AND version = $11",
    )
    .bind(db(new.version))
    .bind(new.updated.0)
    .bind(new.stopped.map(|t| t.0))
    .bind(&new.title)
    .bind(&new.notice)
    .bind(&new.extends)
    .bind(&new.cover_url)
    .bind(&new.anchor_nick)
    .bind(new.mics_off)
    .bind(&new.id.0[..])
    .bind(db(old.version))
    .execute(tx)
    .await?;
    Ok(one_row("write a room", done.rows_affected())?)
}
