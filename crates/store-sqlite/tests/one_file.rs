//! The file: who may open it, copies of it, tools beside the server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use stoa_core::Kind;
use stoa_core::account::Account;
use stoa_core::channel::{IdentityType, MemberCommand};
use stoa_core::id::ChannelKey;
use stoa_core::ports::{ChannelStore, Store};
use stoa_core::time::UnixMs;
use stoa_store_contract::{APP, apply, make_room, read, take, user};
use stoa_store_sqlite::{Config, SqliteStore, backup_file};

fn folder() -> (tempfile::TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::new(folder.path().join("stoa.db"));
    (folder, config)
}

#[test]
fn the_linked_sqlite_is_new_enough_for_two_connections_on_one_log() {
    assert!(rusqlite::version_number() >= stoa_store_sqlite::MIN_SQLITE_VERSION);
}

#[test]
fn a_second_server_on_the_same_database_is_refused_until_the_first_ends() {
    let (_folder, config) = folder();
    let first = SqliteStore::open(&config).unwrap();
    let e = SqliteStore::open(&config).unwrap_err();
    assert_eq!(*e.kind(), Kind::Unavailable);
    drop(first);
    SqliteStore::open(&config).unwrap();
}

#[test]
fn a_missing_folder_or_a_foreign_file_is_an_error() {
    let (folder, config) = folder();
    assert!(SqliteStore::open(&Config::new(folder.path().join("no/such/folder.db"))).is_err());
    std::fs::write(&config.path, "this is not a database, just a text of some length".repeat(100)).unwrap();
    assert!(SqliteStore::open(&config).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_opens_and_holds_everything_answered_before_it() {
    let (folder, config) = folder();
    let store = Arc::new(SqliteStore::open(&config).unwrap());
    let room = make_room(&*store, 1, 10).await.id;
    let before = apply(&*store, room, take("bob", None), 20).await.room;
    let mut load = tokio::task::JoinSet::new();
    load.spawn({
        let store = store.clone();
        async move {
            for n in 2..200 {
                make_room(&*store, n, 10).await;
            }
        }
    });
    let copy = folder.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    assert_eq!(*store.backup(&copy).await.unwrap_err().kind(), Kind::BadInput { field: "path" });
    let second = folder.path().join("second.db");
    backup_file(&config.path, &second).unwrap();
    load.join_all().await;
    for copy in [copy, second] {
        let copy = SqliteStore::open(&Config::new(copy)).unwrap();
        assert_eq!(read(&copy, room).await, before);
        apply(&copy, room, take("eve", None), 30).await;
    }
    assert_eq!(read(&*store, room).await, before);
    assert!(!folder.path().join("copy.db.partial").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tool_writes_beside_the_server_is_seen_by_the_next_decision_and_soon_by_reads() {
    let (_folder, config) = folder();
    let server = SqliteStore::open(&config).unwrap();
    let room = make_room(&server, 1, 10).await.id;
    assert!(server.account(&user("root")).await.unwrap().is_none());
    let tool = SqliteStore::open_tool(&config).unwrap();
    let account =
        Account { user: user("root"), password_hash: "h".into(), admin: true, disabled: false, revoked_at_secs: 0 };
    tool.put_account(account.clone()).await.unwrap();
    for n in 1..=8 {
        apply(&tool, room, take(&format!("user {n}"), None), 20).await;
    }
    let refused = apply(&server, room, take("bob", None), 20).await;
    assert_eq!(refused.outcome, stoa_core::voice::Outcome::Full);
    assert_eq!(server.account(&user("root")).await.unwrap().as_deref(), Some(&account));
    let key = ChannelKey::of_room(APP, room);
    assert_eq!(server.members(&key).await.unwrap(), []);
    let demote = MemberCommand::SetIdentity { to: IdentityType::Listener, request: None };
    tool.apply_member(&key, &user("user 1"), demote, UnixMs(30)).await.unwrap().unwrap();
    let refused = apply(&server, room, take("user 1", None), 40).await;
    assert_eq!(refused.outcome, stoa_core::voice::Outcome::Listener);
    assert_eq!(server.members(&key).await.unwrap().len(), 1);
    tool.remove_account(&user("root")).await.unwrap();
    drop(tool);
    // No write of the server's own follows: it must notice by itself.
    let noticed = async {
        while server.account(&user("root")).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), noticed).await.expect("the removal was never seen");
}
