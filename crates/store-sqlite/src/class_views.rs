//! Classes as their readers see them: one statement each.

use std::cmp::Reverse;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use stoa_core::Result;
use stoa_core::class::{ClassIdentity, ClassMember, ClassView, GroupFacts, MemberFilter, MemberStatus};
use stoa_core::id::{AppId, ChannelKey, ChannelName, ClassId, UserId};
use stoa_core::time::UnixMs;

use crate::channels::count;
use crate::classes::{CLASS_COLUMNS, MEMBER_COLUMNS, class_columns, class_member_columns, read_class, read_member};
use crate::errors::{bad_row, sql};
use crate::rooms::db;
use crate::tables::read_sanction;

/// The classes that `$which` picks, with what is stored of the user `?1` in each. The inner query has the limit, so
/// that what is skipped is not joined. Left alone, SQLite would look through all members for the one with the slot.
macro_rules! views {
    ($which:literal) => {
        concat!(
            "SELECT c.*, ",
            class_member_columns!("a"),
            ", ",
            class_member_columns!("m"),
            ", s.source, s.acted_by, s.created_ms, s.until_ms, s.not_before_secs, \
             coalesce(g.mute_all, 0), coalesce(g.likes, 0), coalesce(g.pv, 0), coalesce(g.uv, 0), coalesce(u.until_ms, 0) FROM (SELECT ",
            class_columns!(),
            " FROM class WHERE ",
            $which,
            ") c LEFT JOIN class_member a INDEXED BY class_member_slot ON a.class_id = c.id AND a.identity = 2 \
             LEFT JOIN class_member m ON m.class_id = c.id AND m.user_id = ?1 \
             LEFT JOIN sanctions s ON s.app = c.app AND s.channel = c.meeting AND s.user_id = ?1 \
             LEFT JOIN hub_group g ON g.app = c.app AND g.group_id = lower(hex(c.id)) \
             LEFT JOIN hub_mute u ON u.app = c.app AND u.group_id = lower(hex(c.id)) AND u.user_id = ?1"
        )
    };
}

macro_rules! one {
    () => {
        views!("app = ?2 AND id = ?3")
    };
}

macro_rules! page {
    () => {
        views!("app = ?2 ORDER BY created_ms DESC, id DESC LIMIT ?3 OFFSET ?4")
    };
}

/// The row of a left join from `at` on, if it found one.
fn joined<T>(
    r: &Row<'_>,
    at: usize,
    read: impl FnOnce() -> rusqlite::Result<Result<T>>,
) -> rusqlite::Result<Result<Option<T>>> {
    if r.get_ref(at)? == ValueRef::Null { Ok(Ok(None)) } else { read().map(|inner| inner.map(Some)) }
}

fn read_view(r: &Row<'_>, user: &UserId) -> rusqlite::Result<Result<ClassView>> {
    const ASSISTANT: usize = CLASS_COLUMNS;
    const ROW: usize = ASSISTANT + MEMBER_COLUMNS;
    const SANCTION: usize = ROW + MEMBER_COLUMNS;
    const GROUP: usize = SANCTION + 5;
    let class = match read_class(r)? {
        Ok(class) => Arc::new(class),
        Err(e) => return Ok(Err(e)),
    };
    let channel = class.channel();
    let assistant = joined(r, ASSISTANT, || read_member(r, ASSISTANT))?;
    let row = joined(r, ROW, || read_member(r, ROW))?;
    let sanction = joined(r, SANCTION, || read_sanction(r, SANCTION, &channel, user))?;
    let number = |at: usize| r.get(GROUP + at).map(count);
    let group = GroupFacts { mute_all: r.get(GROUP)?, likes: number(1)?, pv: number(2)?, uv: number(3)? };
    let muted_until = UnixMs(r.get(GROUP + 4)?);
    Ok(assistant
        .and_then(|assistant| Ok(ClassView { class, assistant, group, row: row?, sanction: sanction?, muted_until })))
}

/// The class as one user sees it.
pub(crate) fn view(conn: &Connection, app: AppId, id: ClassId, user: &UserId) -> Result<Option<ClassView>> {
    conn.prepare_cached(one!())
        .and_then(|mut s| {
            let mut rows = s.query_map(params![user.as_str(), db(app.0), id.0], |r| read_view(r, user))?;
            rows.next().transpose()
        })
        .map_err(sql("read a class"))?
        .transpose()
}

/// A page of classes, newest first.
pub(crate) fn list(conn: &Connection, app: AppId, user: &UserId, offset: u64, limit: u32) -> Result<Vec<ClassView>> {
    let page = params![user.as_str(), db(app.0), limit, db(offset)];
    let views = conn
        .prepare_cached(page!())
        .and_then(|mut s| s.query_map(page, |r| read_view(r, user))?.collect::<rusqlite::Result<Vec<_>>>())
        .map_err(sql("list classes"))?;
    let mut views = views.into_iter().collect::<Result<Vec<_>>>()?;
    // The inner query picks the page in order, the joins promise none.
    views.sort_by_key(|v| Reverse((v.class.created, v.class.id)));
    Ok(views)
}

/// Members that match: `?1` class, `?2` identity, `?3` status, `?4` limit, `?5` offset.
macro_rules! members {
    ($what:expr, $page:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM class_member m INDEXED BY class_member_list WHERE m.class_id = ?1 \
             AND (?2 IS NULL OR m.identity = ?2) AND (?3 IS NULL OR m.status = ?3) ",
            $page
        )
    };
}

macro_rules! member_page {
    () => {
        members!(
            class_member_columns!("m"),
            "ORDER BY m.identity DESC, m.status, m.joined_ms DESC, m.user_id LIMIT ?4 OFFSET ?5"
        )
    };
}

/// How many members match, and those on a page.
pub(crate) fn members(
    conn: &Connection,
    class: ClassId,
    filter: MemberFilter,
    offset: u64,
    limit: u32,
) -> Result<(u64, Vec<ClassMember>)> {
    let doing = "list class members";
    let (identity, status) = (filter.identity.map(ClassIdentity::number), filter.status.map(MemberStatus::number));
    let total: i64 = conn
        .prepare_cached(members!("count(*)", ""))
        .and_then(|mut s| s.query_row(params![class.0, identity, status], |r| r.get(0)))
        .map_err(sql(doing))?;
    let page = conn
        .prepare_cached(member_page!())
        .and_then(|mut s| {
            let page = params![class.0, identity, status, limit, db(offset)];
            s.query_map(page, |r| read_member(r, 0))?.collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(sql(doing))?;
    Ok((count(total), page.into_iter().collect::<Result<_>>()?))
}

macro_rules! connected {
    () => {
        "SELECT c.app, c.meeting, m.user_id \
         FROM class_member m INDEXED BY class_member_connected JOIN class c ON c.id = m.class_id \
         WHERE m.status = 1 AND m.connected = 1 ORDER BY m.class_id, m.user_id"
    };
}

/// Members in class that had a live connection.
pub(crate) fn connected(conn: &Connection) -> Result<Vec<(ChannelKey, UserId)>> {
    let read = |r: &Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?));
    let rows = conn
        .prepare_cached(connected!())
        .and_then(|mut s| s.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>())
        .map_err(sql("list connected members"))?;
    rows.into_iter()
        .map(|(app, meeting, user)| {
            let app = AppId(u64::try_from(app).map_err(|_| bad_row("class", "app", app))?);
            let name = ChannelName::new(meeting.as_str()).map_err(|_| bad_row("class", "meeting", &meeting))?;
            let user = UserId::new(user).map_err(|_| bad_row("class_member", "user_id", meeting))?;
            Ok((ChannelKey { app, name }, user))
        })
        .collect()
}

macro_rules! manages {
    () => {
        "SELECT EXISTS (SELECT 1 FROM class WHERE app = ?1 AND teacher_id = ?2 AND status < 2) \
         OR EXISTS (SELECT 1 FROM class_member m JOIN class c ON c.id = m.class_id \
         WHERE m.user_id = ?2 AND m.identity = 2 AND m.status = 1 AND c.app = ?1 AND c.status < 2)"
    };
}

/// Whether the user owns an open class, or assists in one.
pub(crate) fn manages(conn: &Connection, app: AppId, user: &UserId) -> Result<bool> {
    conn.prepare_cached(manages!())
        .and_then(|mut s| s.query_row(params![db(app.0), user.as_str()], |r| r.get(0)))
        .map_err(sql("look for managed classes"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rusqlite::trace::{TraceEvent, TraceEventCodes};

    use super::*;

    static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

    fn count_statement(event: TraceEvent<'_>) {
        if let TraceEvent::Stmt(..) = event {
            STATEMENTS.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Classes with a few members each, the first one with very many.
    fn filled(classes: u32, members: u32) -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = crate::open::writer(&path).unwrap();
        crate::migrate::migrate(&mut conn, &path).unwrap();
        conn.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
             INSERT INTO class SELECT randomblob(16), 1, printf('00000000-0000-4000-8000-%012x', i), 1, i / 3, i, \
             NULL, NULL, 't', '', 'owner', '', '', 0, i % 3, 't', NULL, NULL, NULL, NULL, '{\"members\":[]}', \
             '{\"on\":[]}', NULL FROM n",
            [classes],
        )
        .unwrap();
        let rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
                    INSERT INTO class_member SELECT c.id, 'user ' || i, 'n', NULL, iif(i = 1, 2, 1), 1 + i % 3, i / 5, \
                    i, 1 FROM n, class c";
        conn.execute(&format!("{rows} WHERE c.updated_ms > 1"), [3]).unwrap();
        conn.execute(&format!("{rows} WHERE c.updated_ms = 1"), [members]).unwrap();
        (folder, conn)
    }

    fn plan(conn: &Connection, statement: &str, args: &[&dyn rusqlite::ToSql]) -> Vec<String> {
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        plan.query_map(args, |r| r.get(3)).unwrap().map(std::result::Result::unwrap).collect()
    }

    fn bob() -> UserId {
        UserId::new("user 2").unwrap()
    }

    #[test]
    fn a_page_of_500_classes_takes_as_many_statements_as_one_of_10() {
        let (_folder, conn) = filled(600, 3);
        conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(count_statement));
        let mut statements = Vec::new();
        for limit in [10, 500] {
            STATEMENTS.store(0, Ordering::Relaxed);
            let page = list(&conn, AppId(1), &bob(), 7, limit).unwrap();
            assert_eq!(page.len(), limit as usize);
            assert!(page.iter().all(|v| v.row.is_some() && v.assistant.is_some()));
            assert!(page.is_sorted_by_key(|v| Reverse((v.class.created, v.class.id))));
            statements.push(STATEMENTS.load(Ordering::Relaxed));
        }
        assert_eq!(statements, [1, 1]);
    }

    #[test]
    fn a_page_of_classes_walks_an_index_looks_every_row_up_and_sorts_nothing() {
        let (_folder, conn) = filled(1, 1);
        for (statement, args) in
            [(page!(), params!["bob", 1, 10, 0]), (one!(), params!["bob", 1, vec![0_u8; 16]])] as [(&str, &[_]); 2]
        {
            let steps = plan(&conn, statement, args);
            let own = if args.len() == 4 { "class_newest" } else { "sqlite_autoindex_class_1" };
            assert!(steps.iter().any(|s| s.contains(own)), "{steps:?}");
            assert!(steps.iter().any(|s| s.contains("class_member_slot")), "{steps:?}");
            assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{steps:?}");
            // What is scanned is the page itself, already cut to its limit.
            let scans = steps.iter().filter(|s| s.starts_with("SCAN")).all(|s| s.starts_with("SCAN c"));
            assert!(scans && !steps.iter().any(|s| s.contains("AUTOMATIC")), "{steps:?}");
        }
    }

    #[test]
    fn a_page_of_members_walks_an_index_also_among_20_000() {
        let (_folder, conn) = filled(2, 20_000);
        let class: [u8; 16] = conn.query_row("SELECT id FROM class WHERE updated_ms = 1", [], |r| r.get(0)).unwrap();
        let none: Option<u8> = None;
        let steps = plan(&conn, member_page!(), params![class, none, none, 10, 0]);
        assert!(steps.iter().any(|s| s.contains("class_member_list")), "{steps:?}");
        assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{steps:?}");
        let mut s = conn.prepare(member_page!()).unwrap();
        let read = s.query_map(params![class, none, none, 10, 0], |r| read_member(r, 0)).unwrap().count();
        // Counted in steps of the database's machine and not in time, which says more about the test's neighbours.
        let steps = s.get_status(rusqlite::StatementStatus::VmStep);
        assert!(read == 10 && steps < 1_000, "{steps} steps for the first page");
        let last = MemberFilter { identity: None, status: Some(MemberStatus::Kicked) };
        let (total, rows) = members(&conn, ClassId(class), last, 6_660, 10).unwrap();
        assert_eq!((total, rows.len()), (6_667, 7));
    }

    #[test]
    fn who_manages_and_who_was_connected_is_found_by_index() {
        let (_folder, conn) = filled(1, 1);
        for steps in [plan(&conn, manages!(), params![1, "bob"]), plan(&conn, connected!(), params![])] {
            assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{steps:?}");
            let scans = steps.iter().filter(|s| s.starts_with("SCAN") && *s != "SCAN CONSTANT ROW");
            assert!(scans.clone().all(|s| s.contains("class_member_connected")), "{steps:?}");
        }
        let steps = plan(&conn, manages!(), params![1, "bob"]);
        assert!(steps.iter().any(|s| s.contains("class_teacher")), "{steps:?}");
        assert!(steps.iter().any(|s| s.contains("class_member_assists")), "{steps:?}");
    }
}
