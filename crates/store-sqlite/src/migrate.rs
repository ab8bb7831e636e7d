//! The schema's history: forward only, embedded, a copy of the file before the first step.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use stoa_core::{Error, Result};

use crate::errors::sql;

/// Number and name of each step, the same in both stores.
const STEPS: &[(&str, &str)] = &[
    ("0001_rooms_seats_accounts_sanctions", include_str!("../migrations/0001_rooms_seats_accounts_sanctions.sql")),
    ("0002_channels_members_calls", include_str!("../migrations/0002_channels_members_calls.sql")),
    ("0003_classes", include_str!("../migrations/0003_classes.sql")),
    ("0004_groups", include_str!("../migrations/0004_groups.sql")),
    ("0005_audit", include_str!("../migrations/0005_audit.sql")),
    ("0006_outside", include_str!("../migrations/0006_outside.sql")),
    ("0007_class_files", include_str!("../migrations/0007_class_files.sql")),
];

/// Names of all migrations in order, `0001_…` first.
#[must_use]
pub fn migration_names() -> Vec<&'static str> {
    STEPS.iter().map(|(name, _)| *name).collect()
}

fn version(conn: &Connection) -> Result<usize> {
    let at: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(sql("read schema version"))?;
    usize::try_from(at).map_err(|_| Error::internal_error(format!("schema version {at}")))
}

/// Whether nothing is pending.
pub(crate) fn is_current(conn: &Connection) -> Result<bool> {
    Ok(version(conn)? == STEPS.len())
}

/// Brings the file up to date. A file that already holds something is copied first, to
/// `<file>.before-<first pending step>`; an older copy of that name is replaced.
pub(crate) fn migrate(conn: &mut Connection, path: &Path) -> Result<()> {
    run(conn, path, STEPS)
}

fn run(conn: &mut Connection, path: &Path, steps: &[(&str, &str)]) -> Result<()> {
    let at = version(conn)?;
    if at > steps.len() {
        return Err(Error::internal_error(format!(
            "the database has schema {at}, this program knows {}: it was made by a newer version",
            steps.len()
        )));
    }
    if at == steps.len() {
        return Ok(());
    }
    if at > 0 {
        let copy = copy_name(path, steps[at].0);
        crate::open::copy_database(conn, &copy, true)?;
        tracing::info!(store.backup = %copy.display(), "database copied before migration");
    }
    Migrations::new(steps.iter().map(|(_, up)| M::up(up)).collect())
        .to_latest(conn)
        .map_err(|e| Error::internal_error(format!("migrate {}: {e}", path.display())))
}

fn copy_name(path: &Path, step: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".before-{step}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: (&str, &str) = ("0001_a", "CREATE TABLE a (n INTEGER) STRICT; INSERT INTO a VALUES (7);");
    const SECOND: (&str, &str) = ("0002_b", "ALTER TABLE a ADD COLUMN m INTEGER; UPDATE a SET n = 8;");
    const WRONG: (&str, &str) = ("0003_c", "UPDATE a SET n = 9; this is not SQL;");

    #[test]
    fn a_file_is_copied_before_it_is_migrated_and_stays_as_it_was_when_a_step_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        let n = |c: &Connection| c.query_row("SELECT n FROM a", [], |r| r.get::<_, i64>(0)).unwrap();
        run(&mut conn, &path, &[FIRST]).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().filter(has_copy).count(), 0);
        run(&mut conn, &path, &[FIRST, SECOND]).unwrap();
        assert_eq!(n(&conn), 8);
        let copy = crate::open::writer(&folder.path().join("x.db.before-0002_b")).unwrap();
        assert_eq!((n(&copy), version(&copy).unwrap()), (7, 1));
        assert!(run(&mut conn, &path, &[FIRST, SECOND, WRONG]).is_err());
        assert_eq!((n(&conn), version(&conn).unwrap()), (8, 2));
        assert!(run(&mut conn, &path, &[FIRST]).is_err(), "a newer file was accepted");
    }

    #[test]
    fn rooms_and_bans_made_before_the_talk_tables_are_listed_after_them() {
        use stoa_core::id::{AppId, RoomId};
        use stoa_core::ports::SanctionFilter;
        use stoa_core::time::UnixMs;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        run(&mut conn, &path, &STEPS[..1]).unwrap();
        conn.execute_batch(
            "INSERT INTO voice_rooms VALUES (x'000102030405060708090a0b0c0d0e0f', 1, 1, 5, 5, 5, NULL, 7, 't', '', '', \
             '', 'owner', ''); INSERT INTO sanctions VALUES (1, 'c', 'bob', 'room', 'owner', 5, 900, 1);",
        )
        .unwrap();
        migrate(&mut conn, &path).unwrap();
        let names = crate::channels::names(&conn, AppId(1)).unwrap();
        let id = RoomId::parse("000102030405060708090a0b0c0d0e0f").unwrap();
        assert_eq!(names, [(id.channel(), crate::lists::Why::Room)]);
        let filter = SanctionFilter { app: AppId(1), channel: None, user: None };
        assert_eq!(crate::tables::bans(&conn, &filter, UnixMs(899), 0, 10).unwrap().0, 1);
        assert!(path.with_file_name("x.db.before-0002_channels_members_calls").exists());
    }

    #[test]
    fn channels_with_a_record_made_before_classes_go_on_after_them() {
        use stoa_core::channel::ChannelRecord;
        use stoa_core::class::Meeting;
        use stoa_core::id::{AppId, MeetingId};
        use stoa_core::time::UnixMs;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        run(&mut conn, &path, &STEPS[..2]).unwrap();
        let text = "e65c9abd-0def-49c3-b7db-29380dbc0001";
        conn.execute("INSERT INTO talk_channel VALUES (1, ?1, 5, 3), (1, 'raid', 6, 1)", [text]).unwrap();
        migrate(&mut conn, &path).unwrap();
        let meeting = MeetingId::parse(text).unwrap();
        let named = crate::classes::name(&conn, (AppId(1), meeting)).unwrap();
        assert_eq!(named.look(|_| Ok(None)).unwrap(), Meeting::Unknown);
        let all = crate::channels::all(&conn).unwrap();
        let key = stoa_core::id::ChannelKey::of_meeting(AppId(1), meeting);
        assert_eq!(all[0], ChannelRecord { key, created: UnixMs(5), version: 3 });
        assert_eq!(crate::channels::names(&conn, AppId(1)).unwrap().len(), 2);
        assert!(path.with_file_name("x.db.before-0003_classes").exists());
    }

    #[test]
    fn mutes_and_likes_of_classes_go_on_as_their_groups_and_rooms_keep_their_microphones() {
        use stoa_core::class::GroupFacts;
        use stoa_core::group::{GroupKey, GroupState};
        use stoa_core::id::{AppId, ClassId, RoomId, UserId};
        use stoa_core::time::UnixMs;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        run(&mut conn, &path, &STEPS[..3]).unwrap();
        conn.execute_batch(
            "INSERT INTO voice_rooms VALUES (x'000102030405060708090a0b0c0d0e0f', 1, 1, 5, 5, 5, NULL, 7, 't', '', '', \
             '', 'owner', ''); \
             INSERT INTO class SELECT id, 214, printf('00000000-0000-4000-8000-%012x', n), 1, n, 5, NULL, NULL, 't', '', \
             'owner', '', '', 0, 0, 't', NULL, NULL, NULL, NULL, '{\"members\":[]}', '{\"on\":[]}' \
             FROM (SELECT x'AA0102030405060708090a0b0c0d0e0f' AS id, 1 AS n UNION ALL \
             SELECT x'BB0102030405060708090a0b0c0d0e0f', 2); \
             INSERT INTO class_group VALUES (x'AA0102030405060708090a0b0c0d0e0f', 1, 9); \
             INSERT INTO class_mute VALUES (x'AA0102030405060708090a0b0c0d0e0f', 'bob', 900), \
             (x'AA0102030405060708090a0b0c0d0e0f', 'eve', 0), (x'BB0102030405060708090a0b0c0d0e0f', 'bob', 7);",
        )
        .unwrap();
        migrate(&mut conn, &path).unwrap();
        let (app, bob) = (AppId(214), UserId::new("bob").unwrap());
        let id = |first: u8| {
            let mut id = RoomId::parse("000102030405060708090a0b0c0d0e0f").unwrap().0;
            id[0] = first;
            ClassId(id)
        };
        let state = crate::groups::state(&conn, &GroupKey::class(app, id(0xaa))).unwrap();
        let muted = vec![(bob.clone(), UnixMs(900))];
        assert_eq!(state, GroupState { mute_all: true, likes: 9, muted, ..GroupState::default() });
        let view = |first| crate::class_views::view(&conn, app, id(first), &bob).unwrap().unwrap();
        let facts = GroupFacts { mute_all: true, likes: 9, ..GroupFacts::default() };
        assert_eq!((view(0xaa).group, view(0xaa).muted_until), (facts, UnixMs(900)));
        assert_eq!((view(0xbb).group, view(0xbb).muted_until), (GroupFacts::default(), UnixMs(7)));
        let gone = "SELECT count(*) FROM sqlite_schema WHERE name IN ('class_group', 'class_mute')";
        assert_eq!(conn.query_row(gone, [], |r| r.get::<_, i64>(0)).unwrap(), 0);
        let room = crate::rooms::load(&conn, RoomId(id(0).0)).unwrap().unwrap();
        assert!(!room.mics_off);
        assert!(path.with_file_name("x.db.before-0004_groups").exists());
    }

    fn has_copy(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
        entry.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().contains(".before-"))
    }
}
