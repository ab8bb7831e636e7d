//! Adhoc channels and members as rows.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use stoa_core::channel::{ChannelRecord, IdentityType, Member, MemberApplied, MemberCommand, Subject, decide_member};
use stoa_core::class::{ClassStatus, Meeting};
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
use stoa_core::time::UnixMs;
use stoa_core::{Error, Result};

use crate::classes;
use crate::errors::{bad_row, one_row, sql};
use crate::groups;
use crate::lists::{List, Why};
use crate::rooms::{self, db};
use crate::tx::Tx;

/// All that is stored of a channel by its name, as of one commit. A voice room's has no record here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Channel {
    /// The adhoc channel's record.
    pub(crate) record: Option<ChannelRecord>,
    /// By user. Shared, so that a change of one among many copies no texts.
    members: Vec<Arc<Member>>,
}

impl Channel {
    /// What was decided about the user.
    pub(crate) fn member(&self, user: &UserId) -> Option<&Member> {
        self.members.binary_search_by(|m| m.user.cmp(user)).ok().map(|at| &*self.members[at])
    }

    /// Users made listeners.
    pub(crate) fn listeners(&self) -> Vec<UserId> {
        let listens = self.members.iter().filter(|m| m.identity == Some(IdentityType::Listener));
        listens.map(|m| m.user.clone()).collect()
    }

    /// Everybody, by user.
    pub(crate) fn members(&self) -> Vec<Member> {
        self.members.iter().map(|m| Member::clone(m)).collect()
    }

    /// Whether nothing was decided about anybody.
    pub(crate) fn memberless(&self) -> bool {
        self.members.is_empty()
    }

    /// The same channel with this member.
    fn with(&self, member: Member) -> Self {
        let mut next = self.clone();
        let member = Arc::new(member);
        match next.members.binary_search_by(|m| m.user.cmp(&member.user)) {
            Ok(at) => next.members[at] = member,
            Err(at) => next.members.insert(at, member),
        }
        next
    }

    /// About how many bytes the channel takes in memory.
    pub(crate) fn weight(&self, key: &ChannelKey) -> usize {
        /// A key and its record, with the slots that hold them.
        const ENTRY: usize = 192;
        /// A member beside its texts: the row, its slot, the allocations.
        const MEMBER: usize = size_of::<Member>() + 64;
        let name = key.name.as_str().len();
        let members = self.members.iter().map(|m| MEMBER + name + m.user.as_str().len());
        ENTRY + 2 * name + members.sum::<usize>()
    }
}

fn read_version(r: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(u64::try_from(r.get::<_, i64>(column)?).ok())
}

fn read_key(app: i64, name: String) -> Result<ChannelKey> {
    let app = AppId(u64::try_from(app).map_err(|_| bad_row("talk_channel", "app_id", app))?);
    let name = ChannelName::new(name.as_str()).map_err(|_| bad_row("talk_channel", "channel_id", name))?;
    Ok(ChannelKey { app, name })
}

/// Columns in the order [`read_member`] expects.
macro_rules! member_columns {
    () => {
        "app_id, channel_id, user_id, identity, last_request_id, mic_grant, mute_audio_until_ms, \
         mute_video_until_ms, updated_ms"
    };
}

fn read_member(r: &Row<'_>) -> rusqlite::Result<Result<Member>> {
    let (app, channel, user) = (r.get(0)?, r.get(1)?, r.get::<_, String>(2)?);
    let identity = match r.get::<_, Option<i64>>(3)?.map(|n| IdentityType::from_number(n).ok_or(n)).transpose() {
        Ok(identity) => identity,
        Err(n) => return Ok(Err(bad_row("talk_member", "identity", n))),
    };
    let names = read_key(app, channel)
        .and_then(|c| Ok((c, UserId::new(user.as_str()).map_err(|_| bad_row("talk_member", "user_id", user))?)));
    let (channel, user) = match names {
        Ok(names) => names,
        Err(e) => return Ok(Err(e)),
    };
    Ok(Ok(Member {
        channel,
        user,
        identity,
        last_request: r.get(4)?,
        mic_grant: r.get(5)?,
        mute_audio_until: UnixMs(r.get(6)?),
        mute_video_until: UnixMs(r.get(7)?),
        updated: UnixMs(r.get(8)?),
    }))
}

/// The channel, inside the caller's snapshot.
pub(crate) fn load(conn: &Connection, key: &ChannelKey) -> Result<Channel> {
    let by_name = params![db(key.app.0), key.name.as_str()];
    let record = conn
        .prepare_cached("SELECT created_ms, version FROM talk_channel WHERE app_id = ?1 AND channel_id = ?2")
        .and_then(|mut s| s.query_row(by_name, |r| Ok((r.get(0)?, read_version(r, 1)?))).optional())
        .map_err(sql("read a channel"))?;
    let record = match record {
        Some((created, Some(version))) => Some(ChannelRecord { key: key.clone(), created: UnixMs(created), version }),
        Some((_, None)) => return Err(bad_row("talk_channel", "version", &key.name)),
        None => None,
    };
    let members = conn
        .prepare_cached(concat!(
            "SELECT ",
            member_columns!(),
            " FROM talk_member WHERE app_id = ?1 AND channel_id = ?2 ORDER BY user_id"
        ))
        .and_then(|mut s| s.query_map(by_name, read_member)?.collect::<rusqlite::Result<Vec<_>>>())
        .map_err(sql("read members"))?;
    let members = members.into_iter().map(|m| m.map(Arc::new)).collect::<Result<_>>()?;
    Ok(Channel { record, members })
}

/// Every adhoc channel.
pub(crate) fn all(conn: &Connection) -> Result<Vec<ChannelRecord>> {
    let read = |r: &Row<'_>| Ok((r.get(0)?, r.get(1)?, r.get(2)?, read_version(r, 3)?));
    let rows = conn
        .prepare_cached("SELECT app_id, channel_id, created_ms, version FROM talk_channel ORDER BY app_id, channel_id")
        .and_then(|mut s| s.query_map([], read)?.collect::<rusqlite::Result<Vec<(i64, String, i64, Option<u64>)>>>())
        .map_err(sql("list channels"))?;
    rows.into_iter()
        .map(|(app, name, created, version)| {
            let version = version.ok_or_else(|| bad_row("talk_channel", "version", &name))?;
            Ok(ChannelRecord { key: read_key(app, name)?, created: UnixMs(created), version })
        })
        .collect()
}

/// Names of live rooms' and running classes' channels and of those with a record: all three indexes are in this order,
/// so nothing is sorted.
macro_rules! names {
    () => {
        "SELECT lower(hex(id)), 0 FROM voice_rooms WHERE app = ?1 AND stopped_ms IS NULL \
         UNION ALL SELECT meeting, 1 FROM class WHERE app = ?1 AND status = 1 \
         UNION ALL SELECT channel_id, 2 FROM talk_channel WHERE app_id = ?1 ORDER BY 1"
    };
}

/// The channels of an app, by name, and for the same name by reason.
pub(crate) fn names(conn: &Connection, app: AppId) -> Result<List> {
    let rows: Vec<(String, i64)> = conn
        .prepare_cached(names!())
        .and_then(|mut s| s.query_map([db(app.0)], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(sql("list channel names"))?;
    let read = |(name, why): (String, i64)| {
        let found = ChannelName::new(name.as_str()).ok().zip(Why::of_number(why));
        found.ok_or_else(|| bad_row("talk_channel", "channel_id", name))
    };
    let mut list = rows.into_iter().map(read).collect::<Result<List>>()?;
    // In order but for the reasons of one name.
    list.sort();
    Ok(list)
}

/// A part of a list, and how long it is in all.
pub(crate) fn page(list: &List, offset: u64, limit: u32) -> (u64, Vec<ChannelName>) {
    let from = usize::try_from(offset).unwrap_or(usize::MAX).min(list.len());
    let until = from.saturating_add(limit as usize).min(list.len());
    (list.len() as u64, list[from..until].iter().map(|(name, _)| name.clone()).collect())
}

/// What `count(*)` said.
pub(crate) fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// Members whose mute of a kind ends by itself after `now`.
pub(crate) fn timed_mutes(conn: &Connection, now: UnixMs) -> Result<Vec<Member>> {
    conn.prepare_cached(concat!(
        "SELECT ",
        member_columns!(),
        " FROM talk_member WHERE (mute_audio_until_ms > ?1 AND mute_audio_until_ms < ?2) \
         OR (mute_video_until_ms > ?1 AND mute_video_until_ms < ?2) ORDER BY app_id, channel_id, user_id"
    ))
    .and_then(|mut s| s.query_map([now.0, UnixMs::MAX.0], read_member)?.collect::<rusqlite::Result<Vec<_>>>())
    .map_err(sql("list timed mutes"))?
    .into_iter()
    .collect()
}

/// Makes the record unless there is one, or the name is that of a class that runs, has ended or is gone.
pub(crate) fn open(tx: &mut Tx<'_>, fresh: ChannelRecord) -> Result<(ChannelRecord, bool)> {
    match tx.meeting(&fresh.key)? {
        Meeting::Class(class) if class.status != ClassStatus::Idle => return Ok((fresh, false)),
        Meeting::Deleted => return Ok((fresh, false)),
        Meeting::Class(_) | Meeting::Unknown => {}
    }
    if let Some(record) = &tx.channel(&fresh.key)?.record {
        return Ok((record.clone(), false));
    }
    make(tx, fresh.clone())?;
    Ok((fresh, true))
}

/// Makes the record, in place of one that is there.
pub(crate) fn make(tx: &mut Tx<'_>, fresh: ChannelRecord) -> Result<()> {
    let channel = tx.channel(&fresh.key)?;
    let n = tx
        .conn
        .prepare_cached(
            "INSERT INTO talk_channel (app_id, channel_id, created_ms, version) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (app_id, channel_id) DO UPDATE SET created_ms = excluded.created_ms, \
             version = excluded.version",
        )
        .and_then(|mut s| {
            s.execute(params![db(fresh.key.app.0), fresh.key.name.as_str(), fresh.created.0, db(fresh.version)])
        })
        .map_err(sql("open a channel"))?;
    one_row("open a channel", n)?;
    let key = fresh.key.clone();
    let next = Channel { record: Some(fresh), ..Channel::clone(&channel) };
    tx.wrote_channel(key, Arc::new(next));
    Ok(())
}

/// Erases record and members; false = there was no record.
pub(crate) fn end(tx: &mut Tx<'_>, key: &ChannelKey) -> Result<bool> {
    let had = tx.channel(key)?.record.is_some();
    if had {
        erase(tx, key, Erase::All)?;
    }
    // Of a channel without a record too: its group needs none.
    groups::erase(tx, &GroupKey::talk(key.app, key.name.clone()))?;
    Ok(had)
}

/// What is erased of a channel, as far as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Erase {
    /// The record.
    Record,
    /// What was decided about its users.
    Members,
    /// Both.
    All,
}

/// Erases. Once in a job: what a job wrote of a channel it does not read back.
pub(crate) fn erase(tx: &mut Tx<'_>, key: &ChannelKey, what: Erase) -> Result<()> {
    let channel = tx.channel(key)?;
    let mut next = Channel::clone(&channel);
    if what != Erase::Members && next.record.take().is_some() {
        let n = tx
            .conn
            .prepare_cached("DELETE FROM talk_channel WHERE app_id = ?1 AND channel_id = ?2")
            .and_then(|mut s| s.execute(params![db(key.app.0), key.name.as_str()]))
            .map_err(sql("end a channel"))?;
        one_row("end a channel", n)?;
    }
    if what != Erase::Record && !next.memberless() {
        delete_members(tx.conn, key, &channel)?;
        next.members = Vec::new();
    }
    if next.record != channel.record || next.members.len() != channel.members.len() {
        tx.wrote_channel(key.clone(), Arc::new(next));
    }
    Ok(())
}

fn delete_members(conn: &Connection, key: &ChannelKey, channel: &Channel) -> Result<()> {
    let doing = "erase members";
    let n = conn
        .prepare_cached("DELETE FROM talk_member WHERE app_id = ?1 AND channel_id = ?2")
        .and_then(|mut s| s.execute(params![db(key.app.0), key.name.as_str()]))
        .map_err(sql(doing))?;
    let expected = channel.members.len();
    if n == expected { Ok(()) } else { Err(Error::internal_error(format!("{doing}: {n} rows instead of {expected}"))) }
}

/// Decides and writes one command about a member.
pub(crate) fn apply_member(
    tx: &mut Tx<'_>,
    key: &ChannelKey,
    user: &UserId,
    command: &MemberCommand,
    now: UnixMs,
) -> Result<Option<MemberApplied>> {
    let room = match key.room_id() {
        Some(id) => tx.room(id)?.filter(|r| r.app == key.app),
        None => None,
    };
    let class = match tx.meeting(key)? {
        Meeting::Class(class) => Some(class),
        Meeting::Deleted | Meeting::Unknown => None,
    };
    let channel = tx.channel(key)?;
    let subject = match (&room, &class, &channel.record) {
        (Some(room), _, _) if room.live() => Subject::Room(room),
        (None, Some(class), record) if class.status == ClassStatus::Running || record.is_some() => {
            Subject::Class(class)
        }
        (None, None, Some(record)) => Subject::Adhoc(record),
        _ => return Ok(None),
    };
    let before = channel.member(user).cloned().unwrap_or_else(|| Member::blank(key.clone(), user.clone()));
    let decision = decide_member(&subject, &before, command, now);
    if let (Some(old), Some(next)) = (&room, decision.room) {
        rooms::write_changes(tx.conn, old, &next)?;
        tx.wrote_room(Arc::new(next));
    }
    if let (Some(old), Some(next)) = (&class, decision.class) {
        classes::write_changes(tx.conn, old, &next)?;
        tx.wrote_class(Arc::new(next));
    }
    let mut next = match &decision.member {
        Some(member) => {
            write_member(tx.conn, member)?;
            channel.with(member.clone())
        }
        None => Channel::clone(&channel),
    };
    if let Some(record) = next.record.as_mut().filter(|_| decision.bump) {
        bump(tx.conn, record)?;
    }
    if decision.member.is_some() || decision.bump {
        tx.wrote_channel(key.clone(), Arc::new(next));
    }
    let after = decision.member.unwrap_or_else(|| before.clone());
    Ok(Some(MemberApplied { before, after, outcome: decision.outcome }))
}

fn write_member(conn: &Connection, m: &Member) -> Result<()> {
    let n = conn
        .prepare_cached(concat!(
            "INSERT INTO talk_member (",
            member_columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
             ON CONFLICT (app_id, channel_id, user_id) DO UPDATE SET identity = excluded.identity, \
             last_request_id = excluded.last_request_id, mic_grant = excluded.mic_grant, \
             mute_audio_until_ms = excluded.mute_audio_until_ms, \
             mute_video_until_ms = excluded.mute_video_until_ms, updated_ms = excluded.updated_ms"
        ))
        .and_then(|mut s| {
            s.execute(params![
                db(m.channel.app.0),
                m.channel.name.as_str(),
                m.user.as_str(),
                m.identity.map(IdentityType::number),
                m.last_request,
                m.mic_grant,
                m.mute_audio_until.0,
                m.mute_video_until.0,
                m.updated.0
            ])
        })
        .map_err(sql("write a member"))?;
    one_row("write a member", n)
}

/// One version on, in the row and in `record`.
fn bump(conn: &Connection, record: &mut ChannelRecord) -> Result<()> {
    let was = record.version;
    record.version += 1;
    let n = conn
        .prepare_cached("UPDATE talk_channel SET version = ?1 WHERE app_id = ?2 AND channel_id = ?3 AND version = ?4")
        .and_then(|mut s| {
            s.execute(params![db(record.version), db(record.key.app.0), record.key.name.as_str(), db(was)])
        })
        .map_err(sql("write a channel"))?;
    one_row("write a channel", n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_along_indexes_also_among_100_000_rooms() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        crate::migrate::migrate(&mut conn, &path).unwrap();
        let steps: Vec<String> = conn
            .prepare(concat!("EXPLAIN QUERY PLAN ", names!()))
            .unwrap()
            .query_map([1], |r| r.get(3))
            .unwrap()
            .map(std::result::Result::unwrap)
            .collect();
        assert!(steps.iter().any(|s| s.contains("voice_rooms_channel")), "{steps:?}");
        assert!(steps.iter().any(|s| s.contains("class_running")), "{steps:?}");
        assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{steps:?}");
        conn.execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
             INSERT INTO voice_rooms SELECT randomblob(16), 1, 1, i, i, i, iif(i % 10 = 0, i, NULL), i, 't', '', '', \
             '', 'owner', '', 0 FROM n; \
             INSERT INTO talk_channel VALUES (1, 'B', 1, 1), (1, 'a', 1, 1), (2, 'b', 1, 1), (1, '中', 1, 1);",
        )
        .unwrap();
        let list = names(&conn, AppId(1)).unwrap();
        assert!(list.is_sorted());
        let (total, last) = page(&list, 90_000, 10);
        assert_eq!((total, last.len()), (90_003, 3));
        assert_eq!(last[2].as_str(), "中");
        assert_eq!(page(&list, 90_003, 10), (90_003, Vec::new()));
        assert_eq!(page(&list, u64::MAX, u32::MAX), (90_003, Vec::new()));
    }
}
