//! What lasts of message groups, as rows.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use stoa_core::Result;
use stoa_core::group::names::Place;
use stoa_core::group::{Doomed, GroupKey, GroupPatch, GroupState, KEPT_MESSAGES, MessagePage, StoredMessage};
use stoa_core::id::UserId;
use stoa_core::time::UnixMs;

use crate::channels::count;
use crate::errors::{bad_row, one_row, sql};
use crate::rooms::{db, refuse_nul};
use crate::tx::Tx;

/// Everything that hangs on a group.
const TABLES: [&str; 6] = [
    "DELETE FROM hub_group WHERE app = ?1 AND group_id = ?2",
    "DELETE FROM hub_group_info WHERE app = ?1 AND group_id = ?2",
    "DELETE FROM hub_mute WHERE app = ?1 AND group_id = ?2",
    "DELETE FROM hub_visitor WHERE app = ?1 AND group_id = ?2",
    "DELETE FROM hub_amount WHERE app = ?1 AND group_id = ?2",
    "DELETE FROM hub_message WHERE app = ?1 AND group_id = ?2",
];

/// Whether something may be written for the group: its room lives, its class is there, it needs no record.
fn there(tx: &Tx<'_>, group: &GroupKey) -> Result<bool> {
    Ok(match &group.place {
        Place::Room(id) => tx.room(*id)?.is_some_and(|r| r.app == group.app && r.live()),
        Place::Class(id) => tx.class(*id)?.is_some_and(|c| c.app == group.app),
        Place::Talk(_) => true,
    })
}

/// Runs one statement with the group as `?1` and `?2` and what else is given from `?3` on.
fn change(conn: &Connection, group: &GroupKey, statement: &str, rest: &[&dyn ToSql], doing: &str) -> Result<usize> {
    let (app, id) = (db(group.app.0), group.id());
    let mut all: Vec<&dyn ToSql> = vec![&app, &id];
    all.extend_from_slice(rest);
    conn.prepare_cached(statement).and_then(|mut s| s.execute(&*all)).map_err(sql(doing))
}

/// The group's place is gone, and with it everything here.
pub(crate) fn erase(tx: &mut Tx<'_>, group: &GroupKey) -> Result<()> {
    let mut gone = 0;
    for statement in TABLES {
        gone += change(tx.conn, group, statement, &[], "erase a group")?;
    }
    if gone > 0 {
        tx.wrote();
    }
    Ok(())
}

fn read_user(user: String, table: &str) -> Result<UserId> {
    UserId::new(user.as_str()).map_err(|_| bad_row(table, "user_id", user))
}

/// Admins as they are stored.
fn read_admins(text: &str, group: &str) -> Result<Vec<UserId>> {
    let bad = || bad_row("hub_group_info", "admins", group);
    let names: Vec<String> = serde_json::from_str(text).map_err(|_| bad())?;
    names.into_iter().map(|n| UserId::new(n).map_err(|_| bad())).collect()
}

/// The whole state.
pub(crate) fn state(conn: &Connection, group: &GroupKey) -> Result<GroupState> {
    let doing = "read a group";
    let id = group.id();
    let key = params![db(group.app.0), id];
    let number = |r: &Row<'_>, at: usize| r.get::<_, i64>(at).map(count);
    let counters = |r: &Row<'_>| Ok((r.get(0)?, number(r, 1)?, number(r, 2)?, number(r, 3)?));
    let (mute_all, pv, uv, likes) = conn
        .prepare_cached("SELECT mute_all, pv, uv, likes FROM hub_group WHERE app = ?1 AND group_id = ?2")
        .and_then(|mut s| s.query_row(key, counters).optional())
        .map_err(sql(doing))?
        .unwrap_or_default();
    let info: Option<(String, String)> = conn
        .prepare_cached("SELECT meta, admins FROM hub_group_info WHERE app = ?1 AND group_id = ?2")
        .and_then(|mut s| s.query_row(key, |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(sql(doing))?;
    let (meta, admins) = match info {
        Some((meta, admins)) => (meta, read_admins(&admins, &id)?),
        None => Default::default(),
    };
    let muted: Vec<(String, i64)> = conn
        .prepare_cached("SELECT user_id, until_ms FROM hub_mute WHERE app = ?1 AND group_id = ?2 ORDER BY user_id")
        .and_then(|mut s| s.query_map(key, |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(sql(doing))?;
    let muted = muted.into_iter().map(|(u, t)| Ok((read_user(u, "hub_mute")?, UnixMs(t)))).collect::<Result<_>>()?;
    let amounts = conn
        .prepare_cached("SELECT kind, amount FROM hub_amount WHERE app = ?1 AND group_id = ?2")
        .and_then(|mut s| s.query_map(key, |r| Ok((r.get(0)?, number(r, 1)?)))?.collect())
        .map_err(sql(doing))?;
    Ok(GroupState { meta, admins, mute_all, muted, pv, uv, likes, amounts })
}

/// Sets `n` numbers aside; answers the first.
pub(crate) fn reserve(tx: &mut Tx<'_>, group: &GroupKey, n: u32) -> Result<u64> {
    if !there(tx, group)? {
        return Ok(1);
    }
    let last: i64 = tx
        .conn
        .prepare_cached(
            "INSERT INTO hub_group (app, group_id, handed_out) VALUES (?1, ?2, ?3) ON CONFLICT (app, group_id) \
             DO UPDATE SET handed_out = handed_out + excluded.handed_out RETURNING handed_out",
        )
        .and_then(|mut s| s.query_row(params![db(group.app.0), group.id(), n], |r| r.get(0)))
        .map_err(sql("reserve message numbers"))?;
    tx.wrote();
    Ok(count(last - i64::from(n) + 1))
}

/// Counts a join; answers joins and distinct users.
pub(crate) fn visit(tx: &mut Tx<'_>, group: &GroupKey, user: &UserId, extension: &str) -> Result<(u64, u64)> {
    let doing = "count a join";
    if !there(tx, group)? {
        return Ok((0, 0));
    }
    refuse_nul([extension])?;
    let add = "INSERT INTO hub_visitor (app, group_id, user_id, extension) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT DO NOTHING";
    let first = change(tx.conn, group, add, &[&user.as_str(), &extension], doing)?;
    if first == 0 {
        let renew = "UPDATE hub_visitor SET extension = ?4 WHERE app = ?1 AND group_id = ?2 AND user_id = ?3";
        change(tx.conn, group, renew, &[&user.as_str(), &extension], doing)?;
    }
    let counted: (i64, i64) = tx
        .conn
        .prepare_cached(
            "INSERT INTO hub_group (app, group_id, pv, uv) VALUES (?1, ?2, 1, ?3) ON CONFLICT (app, group_id) \
             DO UPDATE SET pv = pv + 1, uv = uv + excluded.uv RETURNING pv, uv",
        )
        .and_then(|mut s| {
            let first = i64::from(first > 0);
            s.query_row(params![db(group.app.0), group.id(), first], |r| Ok((r.get(0)?, r.get(1)?)))
        })
        .map_err(sql(doing))?;
    tx.wrote();
    Ok((count(counted.0), count(counted.1)))
}

/// What a user said of itself.
pub(crate) fn visitor(conn: &Connection, group: &GroupKey, user: &UserId) -> Result<Option<String>> {
    conn.prepare_cached("SELECT extension FROM hub_visitor WHERE app = ?1 AND group_id = ?2 AND user_id = ?3")
        .and_then(|mut s| s.query_row(params![db(group.app.0), group.id(), user.as_str()], |r| r.get(0)).optional())
        .map_err(sql("read a visitor"))
}

/// Adds likes; answers all of them.
pub(crate) fn like(tx: &mut Tx<'_>, group: &GroupKey, n: u32) -> Result<u64> {
    if !there(tx, group)? {
        return Ok(0);
    }
    let likes: i64 = tx
        .conn
        .prepare_cached(
            "INSERT INTO hub_group (app, group_id, likes) VALUES (?1, ?2, ?3) ON CONFLICT (app, group_id) \
             DO UPDATE SET likes = likes + excluded.likes RETURNING likes",
        )
        .and_then(|mut s| s.query_row(params![db(group.app.0), group.id(), n], |r| r.get(0)))
        .map_err(sql("like a group"))?;
    tx.wrote();
    Ok(count(likes))
}

/// Changes the description.
pub(crate) fn patch(tx: &mut Tx<'_>, group: &GroupKey, patch: &GroupPatch) -> Result<()> {
    if !there(tx, group)? || *patch == GroupPatch::default() {
        return Ok(());
    }
    refuse_nul(patch.meta.as_deref())?;
    let names = |admins: &Vec<UserId>| {
        serde_json::Value::from(admins.iter().map(UserId::as_str).collect::<Vec<_>>()).to_string()
    };
    let admins = patch.admins.as_ref().map(names);
    let n = change(
        tx.conn,
        group,
        "INSERT INTO hub_group_info (app, group_id, meta, admins) VALUES (?1, ?2, coalesce(?3, ''), coalesce(?4, '[]')) \
         ON CONFLICT (app, group_id) DO UPDATE SET meta = coalesce(?3, meta), admins = coalesce(?4, admins)",
        &[&patch.meta, &admins],
        "describe a group",
    )?;
    tx.wrote();
    one_row("describe a group", n)
}

/// Mutes everybody, or ends that; false = it was so.
pub(crate) fn mute_all(tx: &mut Tx<'_>, group: &GroupKey, on: bool) -> Result<bool> {
    if !there(tx, group)? {
        return Ok(false);
    }
    let n = change(
        tx.conn,
        group,
        "INSERT INTO hub_group (app, group_id, mute_all) SELECT ?1, ?2, ?3 WHERE ?3 OR EXISTS \
         (SELECT 1 FROM hub_group WHERE app = ?1 AND group_id = ?2) \
         ON CONFLICT (app, group_id) DO UPDATE SET mute_all = excluded.mute_all WHERE mute_all <> excluded.mute_all",
        &[&on],
        "mute a group",
    )?;
    if n > 0 {
        tx.wrote();
    }
    Ok(n > 0)
}

/// Mutes users; 0 = not any more.
pub(crate) fn mute_users(tx: &mut Tx<'_>, group: &GroupKey, users: &[UserId], until: UnixMs) -> Result<()> {
    if users.is_empty() || !there(tx, group)? {
        return Ok(());
    }
    for user in users {
        if until == UnixMs(0) {
            let unmute = "DELETE FROM hub_mute WHERE app = ?1 AND group_id = ?2 AND user_id = ?3";
            change(tx.conn, group, unmute, &[&user.as_str()], "unmute a user")?;
        } else {
            let mute = "INSERT INTO hub_mute (app, group_id, user_id, until_ms) VALUES (?1, ?2, ?3, ?4) \
                        ON CONFLICT (app, group_id, user_id) DO UPDATE SET until_ms = excluded.until_ms";
            change(tx.conn, group, mute, &[&user.as_str(), &until.0], "mute a user")?;
        }
    }
    tx.wrote();
    Ok(())
}

/// Stores a message, counts it and drops what is too much. One whose number or id is there is there already.
pub(crate) fn put(tx: &mut Tx<'_>, group: &GroupKey, m: &StoredMessage) -> Result<()> {
    let doing = "store a message";
    if !there(tx, group)? {
        return Ok(());
    }
    refuse_nul([m.id.as_str(), &m.extension, &m.data, &m.sid])?;
    let n = change(
        tx.conn,
        group,
        "INSERT INTO hub_message (app, group_id, seqnum, id, kind, sender, extension, data, sid, at_ms, level) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
        &[&db(m.seqnum), &m.id, &m.kind, &m.sender.as_str(), &m.extension, &m.data, &m.sid, &m.at.0, &m.level],
        doing,
    )?;
    if n == 0 {
        return Ok(());
    }
    let add = "INSERT INTO hub_amount (app, group_id, kind, amount) VALUES (?1, ?2, ?3, 1) \
               ON CONFLICT (app, group_id, kind) DO UPDATE SET amount = amount + 1";
    change(tx.conn, group, add, &[&m.kind], doing)?;
    let trim = "DELETE FROM hub_message WHERE app = ?1 AND group_id = ?2 AND seqnum <= (SELECT seqnum FROM hub_message \
                WHERE app = ?1 AND group_id = ?2 ORDER BY seqnum DESC LIMIT 1 OFFSET ?3)";
    change(tx.conn, group, trim, &[&db(KEPT_MESSAGES as u64)], doing)?;
    tx.wrote();
    Ok(())
}

/// Columns in the order [`read_message`] expects.
macro_rules! message_columns {
    () => {
        "SELECT seqnum, id, kind, sender, extension, data, sid, at_ms, level FROM hub_message \
         WHERE app = ?1 AND group_id = ?2 "
    };
}

fn read_message(r: &Row<'_>) -> rusqlite::Result<Result<StoredMessage>> {
    let sender: String = r.get(3)?;
    let Ok(sender) = UserId::new(sender.as_str()) else {
        return Ok(Err(bad_row("hub_message", "sender", sender)));
    };
    Ok(Ok(StoredMessage {
        seqnum: count(r.get(0)?),
        id: r.get(1)?,
        kind: r.get(2)?,
        sender,
        extension: r.get(4)?,
        data: r.get(5)?,
        sid: r.get(6)?,
        at: UnixMs(r.get(7)?),
        level: r.get(8)?,
    }))
}

/// One message.
pub(crate) fn message(conn: &Connection, group: &GroupKey, id: &str) -> Result<Option<StoredMessage>> {
    conn.prepare_cached(concat!(message_columns!(), "AND id = ?3"))
        .and_then(|mut s| s.query_row(params![db(group.app.0), group.id(), id], read_message).optional())
        .map_err(sql("read a message"))?
        .transpose()
}

/// A page, ascending, and whether there is more beyond it.
pub(crate) fn messages(
    conn: &Connection,
    group: &GroupKey,
    kinds: &[i64],
    page: &MessagePage,
    limit: u32,
) -> Result<(Vec<StoredMessage>, bool)> {
    macro_rules! page {
        ($order:literal) => {
            concat!(
                message_columns!(),
                "AND seqnum > ?3 AND seqnum < ?4 AND (?5 = '[]' OR kind IN (SELECT value FROM json_each(?5))) \
                 ORDER BY seqnum ",
                $order,
                " LIMIT ?6"
            )
        };
    }
    let (statement, after, before) = match page {
        MessagePage::Newest => (page!("DESC"), -1, i64::MAX),
        MessagePage::Before(n) => (page!("DESC"), -1, db(*n)),
        MessagePage::After(n) => (page!("ASC"), db(*n), i64::MAX),
    };
    let kinds = serde_json::Value::from(kinds).to_string();
    let wanted = params![db(group.app.0), group.id(), after, before, kinds, i64::from(limit) + 1];
    let rows = conn
        .prepare_cached(statement)
        .and_then(|mut s| s.query_map(wanted, read_message)?.collect::<rusqlite::Result<Vec<_>>>())
        .map_err(sql("list messages"))?;
    let mut rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    if !matches!(page, MessagePage::After(_)) {
        rows.reverse();
    }
    Ok((rows, more))
}

/// Deletes messages; answers the ids of those that were there, in their order.
pub(crate) fn delete(tx: &mut Tx<'_>, group: &GroupKey, which: Doomed) -> Result<Vec<String>> {
    macro_rules! delete {
        ($which:literal) => {
            concat!("DELETE FROM hub_message WHERE app = ?1 AND group_id = ?2 AND ", $which, " RETURNING seqnum, id")
        };
    }
    let (statement, which) = match which {
        Doomed::Id(id) => (delete!("id = ?3"), Value::from(id)),
        Doomed::Sids(sids) => {
            // No stored text has U+0000, and JSON readers may end a text there.
            let sids: Vec<_> = sids.into_iter().filter(|s| !s.is_empty() && !s.contains('\0')).collect();
            (
                delete!("sid IN (SELECT value FROM json_each(?3))"),
                Value::from(serde_json::Value::from(sids).to_string()),
            )
        }
    };
    let mut gone: Vec<(i64, String)> = tx
        .conn
        .prepare_cached(statement)
        .and_then(|mut s| {
            s.query_map(params![db(group.app.0), group.id(), which], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
        })
        .map_err(sql("delete messages"))?;
    if !gone.is_empty() {
        tx.wrote();
    }
    gone.sort_unstable();
    Ok(gone.into_iter().map(|(_, id)| id).collect())
}
