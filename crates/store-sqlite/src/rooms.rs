//! Rooms and seats as rows.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use stoa_core::id::{AppId, RoomId, UserId};
use stoa_core::ports::PageStart;
use stoa_core::time::UnixMs;
use stoa_core::voice::{NewRoom, Room, Seat, SeatIndex, Taken, too_many_rooms};
use stoa_core::{Error, Result};

use crate::errors::{bad_row, one_row, sql};

/// An unsigned number as a database integer. Versions and app numbers stay far below the sign.
pub(crate) fn db(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Columns in the order [`read_room`] expects.
macro_rules! room_columns {
    () => {
        "id, app, version, created_ms, updated_ms, started_ms, stopped_ms, show_code, \
         title, notice, extends, cover_url, anchor_id, anchor_nick, mics_off"
    };
}

/// Columns in the order [`read_seat`] expects.
macro_rules! seat_columns {
    () => {
        "seat, user_id, extends, join_ms, stay, attended, room_id"
    };
}

/// All columns of a room, in the order of the columns.
macro_rules! room_params {
    ($r:expr) => {
        params![
            $r.id.0,
            db($r.app.0),
            db($r.version),
            $r.created.0,
            $r.updated.0,
            $r.started.0,
            $r.stopped.map(|t| t.0),
            $r.show_code,
            $r.title,
            $r.notice,
            $r.extends,
            $r.cover_url,
            $r.anchor.as_str(),
            $r.anchor_nick,
            $r.mics_off,
        ]
    };
}
/// The row without its seats. The outer error is the database's, the inner one is ours.
fn read_room(r: &Row<'_>) -> rusqlite::Result<Result<Room>> {
    let id = RoomId(r.get(0)?);
    let anchor = r.get::<_, String>(12)?;
    let (Ok(app), Ok(version), Ok(anchor)) =
        (u64::try_from(r.get::<_, i64>(1)?), u64::try_from(r.get::<_, i64>(2)?), UserId::new(anchor))
    else {
        return Ok(Err(bad_row("voice_rooms", "app, version or anchor_id", id)));
    };
    Ok(Ok(Room {
        id,
        app: AppId(app),
        version,
        created: UnixMs(r.get(3)?),
        updated: UnixMs(r.get(4)?),
        started: UnixMs(r.get(5)?),
        stopped: r.get::<_, Option<i64>>(6)?.map(UnixMs),
        show_code: r.get(7)?,
        title: r.get(8)?,
        notice: r.get(9)?,
        extends: r.get(10)?,
        cover_url: r.get(11)?,
        anchor,
        anchor_nick: r.get(13)?,
        mics_off: r.get(14)?,
        seats: Default::default(),
    }))
}

fn read_seat(r: &Row<'_>) -> rusqlite::Result<Result<(SeatIndex, Seat)>> {
    let number: i64 = r.get(0)?;
    let Ok(index) = SeatIndex::new(number) else {
        return Ok(Err(bad_row("voice_seats", "seat", number)));
    };
    let seat = |taken| Seat { extends: None, taken };
    let mut seat = match (r.get::<_, Option<String>>(1)?, r.get::<_, Option<i64>>(3)?, r.get::<_, Option<i64>>(4)?) {
        (None, None, None) => seat(None),
        (Some(user), Some(since), Some(stay)) => {
            let (Ok(user), Ok(stay)) = (UserId::new(user), u64::try_from(stay)) else {
                return Ok(Err(bad_row("voice_seats", "user_id or stay", number)));
            };
            seat(Some(Taken { user, since: UnixMs(since), stay, attended: r.get(5)? }))
        }
        _ => return Ok(Err(bad_row("voice_seats", "user_id, join_ms, stay", number))),
    };
    seat.extends = r.get(2)?;
    Ok(Ok((index, seat)))
}

/// The room and its seats, inside the caller's snapshot.
pub(crate) fn load(conn: &Connection, id: RoomId) -> Result<Option<Room>> {
    let doing = "read a room";
    let mut stmt = conn
        .prepare_cached(concat!("SELECT ", room_columns!(), " FROM voice_rooms WHERE id = ?1"))
        .map_err(sql(doing))?;
    let Some(room) = stmt.query_row([id.0], read_room).optional().map_err(sql(doing))? else {
        return Ok(None);
    };
    let mut room = room?;
    let mut stmt = conn
        .prepare_cached(concat!("SELECT ", seat_columns!(), " FROM voice_seats WHERE room_id = ?1"))
        .map_err(sql(doing))?;
    let mut rows = stmt.query([id.0]).map_err(sql(doing))?;
    while let Some(row) = rows.next().map_err(sql(doing))? {
        let (index, seat) = read_seat(row).map_err(sql(doing))??;
        room.seats[index.slot()] = seat;
    }
    Ok(Some(room))
}

/// Which live rooms of the app come on a page. `?1` app, `?2`/`?3` position, `?4` limit, `?5` offset.
macro_rules! page {
    ($what:expr) => {
        concat!(
            "SELECT ",
            $what,
            " FROM voice_rooms WHERE app = ?1 AND stopped_ms IS NULL AND (created_ms, id) < (?2, ?3) ",
            "ORDER BY created_ms DESC, id DESC LIMIT ?4 OFFSET ?5"
        )
    };
}

/// A page of live rooms, newest first: two statements, whatever its size.
pub(crate) fn list(conn: &Connection, app: AppId, start: PageStart, limit: u32) -> Result<Vec<Arc<Room>>> {
    // Ids have 16 bytes, so 17 of the largest stand behind every room of the last instant.
    let (before_ms, before_id, offset) = match start {
        PageStart::Offset(n) => (i64::MAX, vec![0xff_u8; 17], n),
        PageStart::After(at, id) => (at.0, id.0.to_vec(), 0),
    };
    let page = params![db(app.0), before_ms, before_id, limit, db(offset)];
    let rooms = conn
        .prepare_cached(page!(room_columns!()))
        .and_then(|mut s| s.query_map(page, read_room)?.collect::<rusqlite::Result<Vec<_>>>())
        .map_err(sql("list rooms"))?;
    let seats = concat!("SELECT ", seat_columns!(), " FROM voice_seats WHERE room_id IN (", page!("id"), ")");
    with_seats(conn, rooms, seats, page)
}

/// Live rooms with a holder whose presence counts.
pub(crate) fn attended(conn: &Connection) -> Result<Vec<Arc<Room>>> {
    macro_rules! occupied {
        () => {
            "SELECT room_id FROM voice_seats INDEXED BY voice_seats_holder \
             WHERE user_id IS NOT NULL AND attended = 1"
        };
    }
    let rooms = conn
        .prepare_cached(concat!(
            "SELECT ",
            room_columns!(),
            " FROM voice_rooms WHERE stopped_ms IS NULL AND id IN (",
            occupied!(),
            ") ORDER BY id"
        ))
        .and_then(|mut s| s.query_map([], read_room)?.collect::<rusqlite::Result<Vec<_>>>())
        .map_err(sql("list attended rooms"))?;
    let seats = concat!("SELECT ", seat_columns!(), " FROM voice_seats WHERE room_id IN (", occupied!(), ")");
    with_seats(conn, rooms, seats, params![])
}

fn with_seats(
    conn: &Connection,
    rooms: Vec<Result<Room>>,
    statement: &'static str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Arc<Room>>> {
    let doing = "list seats";
    let mut rooms = rooms.into_iter().collect::<Result<Vec<_>>>()?;
    let slots: HashMap<RoomId, usize> = rooms.iter().enumerate().map(|(n, r)| (r.id, n)).collect();
    let mut stmt = conn.prepare_cached(statement).map_err(sql(doing))?;
    let mut rows = stmt.query(params).map_err(sql(doing))?;
    while let Some(row) = rows.next().map_err(sql(doing))? {
        let id = RoomId(row.get(6).map_err(sql(doing))?);
        let (index, seat) = read_seat(row).map_err(sql(doing))??;
        if let Some(n) = slots.get(&id) {
            rooms[*n].seats[index.slot()] = seat;
        }
    }
    Ok(rooms.into_iter().map(Arc::new).collect())
}

/// PostgreSQL cannot store U+0000 in a text, so neither store does. The edge refuses it with a
/// field error; what arrives here all the same is a fault of ours.
pub(crate) fn refuse_nul<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<()> {
    if texts.into_iter().any(|t| t.as_bytes().contains(&0)) {
        return Err(Error::internal_error("a text with U+0000 reached the store"));
    }
    Ok(())
}

/// How many live rooms the owner has.
pub(crate) fn live_of(conn: &Connection, app: AppId, owner: &UserId) -> Result<u32> {
    conn.prepare_cached("SELECT count(*) FROM voice_rooms WHERE app = ?1 AND anchor_id = ?2 AND stopped_ms IS NULL")
        .and_then(|mut s| s.query_row(params![db(app.0), owner.as_str()], |r| r.get(0)))
        .map_err(sql("count an owner's rooms"))
}

/// Inserts the room under the first free code, and its eight seats.
pub(crate) fn insert(conn: &Connection, new: NewRoom, codes: &[u32], max_live: u32) -> Result<Room> {
    let doing = "create a room";
    refuse_nul([new.title.as_str(), &new.notice, &new.extends, &new.anchor_nick])?;
    if max_live > 0 && live_of(conn, new.app, &new.anchor)? >= max_live {
        return Err(too_many_rooms());
    }
    let mut room = new.into_room(0);
    let mut stmt = conn
        .prepare_cached(concat!(
            "INSERT INTO voice_rooms (",
            room_columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ",
            "ON CONFLICT (app, show_code) DO NOTHING"
        ))
        .map_err(sql(doing))?;
    for code in codes {
        room.show_code = *code;
        if stmt.execute(room_params!(room)).map_err(sql(doing))? == 1 {
            insert_seats(conn, &room)?;
            return Ok(room);
        }
    }
    Err(Error::internal_error(format!("all {} show codes are taken", codes.len())))
}

fn insert_seats(conn: &Connection, room: &Room) -> Result<()> {
    let mut stmt = conn
        .prepare_cached(
            "INSERT INTO voice_seats (room_id, seat) \
             VALUES (?1, 1), (?1, 2), (?1, 3), (?1, 4), (?1, 5), (?1, 6), (?1, 7), (?1, 8)",
        )
        .map_err(sql("insert seats"))?;
    let n = stmt.execute([room.id.0]).map_err(sql("insert seats"))?;
    if n == SeatIndex::COUNT { Ok(()) } else { Err(Error::internal_error(format!("{n} seats inserted"))) }
}

/// Writes the rows in which `new` differs from `old`, which is what the rows say now.
pub(crate) fn write_changes(conn: &Connection, old: &Room, new: &Room) -> Result<()> {
    let seats = new.seats.iter().filter_map(|s| s.extends.as_deref());
    let texts = [new.title.as_str(), &new.notice, &new.extends, &new.cover_url, &new.anchor_nick];
    refuse_nul(texts.into_iter().chain(seats))?;
    // Holders leave before others come: a user that changed places must never be on two seats.
    for index in SeatIndex::all() {
        if let (Some(was), None) = (&old.seat(index).taken, &new.seat(index).taken) {
            empty_seat(conn, new, index, was)?;
        }
    }
    for index in SeatIndex::all() {
        let (was, is) = (old.seat(index), new.seat(index));
        match (&was.taken, &is.taken) {
            (None, Some(t)) => fill_seat(conn, new, index, is.extends.as_deref(), t)?,
            (Some(_), Some(t)) if was != is => change_seat(conn, new, index, is.extends.as_deref(), t)?,
            _ => {}
        }
    }
    write_room(conn, old, new)
}

fn empty_seat(conn: &Connection, room: &Room, index: SeatIndex, was: &Taken) -> Result<()> {
    let n = conn
        .prepare_cached(
            "UPDATE voice_seats SET user_id = NULL, join_ms = NULL, stay = NULL, attended = 0, extends = ?1 \
             WHERE room_id = ?2 AND seat = ?3 AND user_id = ?4",
        )
        .and_then(|mut s| s.execute(params![room.seat(index).extends, room.id.0, index.get(), was.user.as_str()]))
        .map_err(sql("free a seat"))?;
    one_row("free a seat", n)
}

fn fill_seat(conn: &Connection, room: &Room, index: SeatIndex, extends: Option<&str>, t: &Taken) -> Result<()> {
    let n = conn
        .prepare_cached(
            "UPDATE voice_seats SET user_id = ?1, join_ms = ?2, stay = ?3, attended = ?4, extends = ?5 \
             WHERE room_id = ?6 AND seat = ?7 AND user_id IS NULL",
        )
        .and_then(|mut s| {
            s.execute(params![t.user.as_str(), t.since.0, db(t.stay), t.attended, extends, room.id.0, index.get()])
        })
        .map_err(sql("take a seat"))?;
    one_row("take a seat", n)
}

/// The same holder with other particulars.
fn change_seat(conn: &Connection, room: &Room, index: SeatIndex, extends: Option<&str>, t: &Taken) -> Result<()> {
    let n = conn
        .prepare_cached(
            "UPDATE voice_seats SET join_ms = ?1, stay = ?2, attended = ?3, extends = ?4 \
             WHERE room_id = ?5 AND seat = ?6 AND user_id = ?7",
        )
        .and_then(|mut s| {
            s.execute(params![t.since.0, db(t.stay), t.attended, extends, room.id.0, index.get(), t.user.as_str()])
        })
        .map_err(sql("change a seat"))?;
    one_row("change a seat", n)
}

fn write_room(conn: &Connection, old: &Room, new: &Room) -> Result<()> {
    let texts =
        |r: &Room| (r.updated, r.stopped, r.title.clone(), r.notice.clone(), r.extends.clone(), r.cover_url.clone());
    let only_version = texts(old) == texts(new) && old.anchor_nick == new.anchor_nick && old.mics_off == new.mics_off;
    let n = if only_version {
        conn.prepare_cached("UPDATE voice_rooms SET version = ?1 WHERE id = ?2 AND version = ?3")
            .and_then(|mut s| s.execute(params![db(new.version), new.id.0, db(old.version)]))
    } else {
        conn.prepare_cached(
            "UPDATE voice_rooms SET version = ?1, updated_ms = ?2, stopped_ms = ?3, title = ?4, notice = ?5, \
             extends = ?6, cover_url = ?7, anchor_nick = ?8, mics_off = ?9 WHERE id = ?10 AND version = ?11",
        )
        .and_then(|mut s| {
            s.execute(params![
                db(new.version),
                new.updated.0,
                new.stopped.map(|t| t.0),
                new.title,
                new.notice,
                new.extends,
                new.cover_url,
                new.anchor_nick,
                new.mics_off,
                new.id.0,
                db(old.version)
            ])
        })
    };
    one_row("write a room", n.map_err(sql("write a room"))?)
}

/// About how many bytes the room takes in memory.
pub(crate) fn weight(room: &Room) -> usize {
    let texts = [&room.title, &room.notice, &room.extends, &room.cover_url, &room.anchor_nick];
    let seats = room
        .seats
        .iter()
        .map(|s| s.extends.as_ref().map_or(0, String::len) + s.taken.as_ref().map_or(0, |t| t.user.as_str().len()));
    size_of::<Room>() + texts.iter().map(|t| t.len()).sum::<usize>() + seats.sum::<usize>() + 128
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rusqlite::trace::{TraceEvent, TraceEventCodes};

    use super::*;

    static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

    fn count(_: TraceEvent<'_>) {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
    }

    fn filled(rooms: u32) -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        crate::migrate::migrate(&mut conn, &path).unwrap();
        let tx = conn.transaction().unwrap();
        for n in 0..rooms {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
            let new = NewRoom {
                id: RoomId(id),
                app: AppId(1),
                created: UnixMs((n / 3).into()),
                title: "t".into(),
                notice: String::new(),
                extends: String::new(),
                anchor: UserId::new("owner").unwrap(),
                anchor_nick: String::new(),
            };
            insert(&tx, new, &[n], 0).unwrap();
        }
        tx.commit().unwrap();
        (folder, conn)
    }

    #[test]
    fn a_page_of_500_rooms_takes_as_many_statements_as_one_of_10() {
        let (_folder, conn) = filled(500);
        conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(count));
        let mut statements = Vec::new();
        for limit in [10, 500] {
            STATEMENTS.store(0, Ordering::Relaxed);
            assert_eq!(list(&conn, AppId(1), PageStart::Offset(0), limit).unwrap().len(), limit as usize);
            statements.push(STATEMENTS.load(Ordering::Relaxed));
        }
        assert_eq!(statements, [2, 2]);
    }

    #[test]
    fn lists_walk_an_index_and_sort_nothing() {
        let (_folder, conn) = filled(1);
        for statement in [page!(room_columns!()), concat!("SELECT 1 WHERE x'00' IN (", page!("id"), ")")] {
            let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let args = params![1, i64::MAX, vec![0xff_u8; 17], 10, 0];
            let steps: Vec<String> =
                plan.query_map(args, |r| r.get(3)).unwrap().map(std::result::Result::unwrap).collect();
            assert!(steps.iter().any(|s| s.contains("voice_rooms_newest")), "{steps:?}");
            assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{steps:?}");
        }
    }
}
