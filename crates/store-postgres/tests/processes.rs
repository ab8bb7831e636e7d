//! Several processes on one database, and what happens when one of them or the server dies.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stoa_core::Kind;
use stoa_core::class::{ClassCommand, ClassMode, ClassStore, GroupFacts, NewClass};
use stoa_core::cloud::Outside;
use stoa_core::group::{GroupKey, GroupState, GroupStore as _};
use stoa_core::id::{AppId, ClassId, MeetingId, RoomId};
use stoa_core::ports::{PageStart, Store};
use stoa_core::sanction::Source;
use stoa_core::time::UnixMs;
use stoa_core::voice::Outcome;
use stoa_store_contract::crash::{Model, prepare, run_and_kill, to_stdout, write};
use stoa_store_contract::pg::Server;
use stoa_store_contract::races::{assert_eight_winners, race};
use stoa_store_contract::{APP, apply, good, make_room, read, seated, take, user};
use stoa_store_postgres::{PostgresStore, migration_names};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn database() -> String {
    tokio::task::spawn_blocking(|| Server::shared().database().unwrap()).await.unwrap()
}

#[test]
fn both_stores_have_the_same_migrations_by_number_and_name() {
    assert_eq!(migration_names(), stoa_store_sqlite::migration_names());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_sharing_the_race_for_eight_seats_have_eight_winners() {
    let url = database().await;
    // At once, on an empty database: only one of them may migrate.
    let (a, b) = tokio::join!(PostgresStore::connect(&url), PostgresStore::connect(&url));
    let stores: [Arc<dyn Store>; 2] = [Arc::new(good(a)), Arc::new(good(b))];
    let mut rounds = Vec::new();
    for n in 0..50 {
        let room = make_room(&*stores[0], n, 1000).await.id;
        rounds.push((room, race(&stores, room).await));
    }
    let fresh = good(PostgresStore::connect(&url).await);
    for (room, answers) in &rounds {
        assert_eight_winners(answers, &*read(&fresh, *room).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_user_in_two_processes_at_once_gets_one_seat() {
    let url = database().await;
    let stores = [good(PostgresStore::connect(&url).await), good(PostgresStore::connect(&url).await)];
    let stores = stores.map(Arc::new);
    for n in 0..10 {
        let room = make_room(&*stores[0], n, 1000).await.id;
        let mut tasks = tokio::task::JoinSet::new();
        for k in 0..64 {
            let store = stores[k % 2].clone();
            tasks.spawn(async move { apply(&*store, room, take("bob", None), 5000).await.outcome });
        }
        let outcomes = tasks.join_all().await;
        assert_eq!(outcomes.iter().filter_map(seated).count(), 1);
        let others = outcomes.iter().filter(|o| matches!(o, Outcome::AlreadySeated(_))).count();
        assert_eq!(others, 63);
        assert_eq!(read(&*stores[1], room).await.holders().count(), 1);
    }
}

/// Forwards connections to the server and counts the statements that go through. Returns its port.
async fn counting_proxy(server: u16, statements: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut connections = tokio::task::JoinSet::new();
    // Ends with the test's runtime.
    std::mem::drop(tokio::task::spawn_local(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            connections.spawn_local(forward(client, server, statements.clone()));
        }
    }));
    port
}

async fn forward(client: TcpStream, server: TcpStream, statements: Arc<AtomicUsize>) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::io::copy(&mut from_server, &mut to_client);
    let requests = async {
        // The first message has no kind, the others have: kind, then length with itself.
        let mut kind = None;
        loop {
            let length = from_client.read_u32().await?;
            let mut body = vec![0; length as usize - 4];
            from_client.read_exact(&mut body).await?;
            // Execute, simple query.
            if matches!(kind, Some(b'E' | b'Q')) {
                statements.fetch_add(1, Ordering::Relaxed);
            }
            to_server.write_all(kind.as_slice()).await?;
            to_server.write_u32(length).await?;
            to_server.write_all(&body).await?;
            kind = Some(from_client.read_u8().await?);
        }
    };
    let _: (_, std::io::Result<()>) = tokio::join!(answers, requests);
}

/// A store whose statements are counted.
async fn counted(url: &str, count: &Arc<AtomicUsize>) -> PostgresStore {
    let (server, name) = url.rsplit_once('/').unwrap();
    let (host, port) = server.rsplit_once(':').unwrap();
    let port = counting_proxy(port.parse().unwrap(), count.clone()).await;
    let store = good(PostgresStore::connect(&format!("{host}:{port}/{name}?sslmode=disable")).await);
    assert!(count.load(Ordering::Relaxed) > 0, "the proxy counts nothing");
    store
}

#[tokio::test(flavor = "local")]
async fn a_page_of_500_rooms_takes_as_many_statements_as_one_of_10() {
    let url = database().await;
    let count = Arc::new(AtomicUsize::new(0));
    let direct = good(PostgresStore::connect(&url).await);
    for n in 0..500 {
        make_room(&direct, n, 1000).await;
    }
    let store = counted(&url, &count).await;
    let mut statements = Vec::new();
    for limit in [10, 500] {
        count.store(0, Ordering::Relaxed);
        assert_eq!(good(store.list_rooms(APP, PageStart::Offset(0), limit).await).len(), limit as usize);
        statements.push(count.load(Ordering::Relaxed));
    }
    assert_eq!(statements, [1, 1]);
}

#[tokio::test(flavor = "local")]
async fn a_view_of_a_class_and_a_page_of_500_take_one_statement() {
    let url = database().await;
    let count = Arc::new(AtomicUsize::new(0));
    let direct = good(PostgresStore::connect(&url).await);
    let (bob, now) = (user("bob"), UnixMs(5000));
    for n in 0..500_u128 {
        let id = n.to_be_bytes();
        let new = NewClass {
            id: ClassId(id),
            app: APP,
            meeting: MeetingId(id),
            created: UnixMs(1000),
            title: "t".into(),
            notice: String::new(),
            teacher: user("teacher"),
            teacher_nick: String::new(),
            extends: String::new(),
            mode: ClassMode::Open,
            outside: Outside::default(),
        };
        good(direct.create_class(new).await);
        let join = ClassCommand::Join { user: bob.clone(), name: "Bob".into(), avatar: None, wish: None };
        good(direct.apply_class(APP, ClassId(id), join, now).await).unwrap();
    }
    let store = counted(&url, &count).await;
    let taken = || count.swap(0, Ordering::Relaxed);
    taken();
    assert!(good(store.class_view(APP, ClassId([0; 16]), &bob).await).unwrap().row.is_some());
    assert_eq!(taken(), 1);
    for limit in [10, 500] {
        let page = good(store.list_classes(APP, &bob, 0, limit).await);
        assert!(page.len() == limit as usize && page.iter().all(|v| v.row.is_some()));
        assert_eq!(taken(), 1);
    }
    let kick =
        ClassCommand::Kick { caller: None, user: bob.clone(), source: Source::Class, by: "x".into(), until: now };
    good(store.apply_class(APP, ClassId([0; 16]), kick, now).await).unwrap();
    // BEGIN, lock, facts; row, sanction, class; COMMIT.
    assert_eq!(taken(), 7);
}

/// Set for the process that is killed: its database.
const DATABASE: &str = "STOA_CRASH_PG";
/// Set for the process that is killed: seed of what it does.
const SEED: &str = "STOA_CRASH_SEED";

/// Also what the killed process runs, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_nobody_kills_leaves_no_room_behind_locked() {
    if let Ok(url) = std::env::var(DATABASE) {
        let seed = std::env::var(SEED).unwrap().parse().unwrap();
        write(Arc::new(good(PostgresStore::connect(&url).await)), seed, u64::MAX, to_stdout).await;
        return;
    }
    let url = database().await;
    let store = Arc::new(good(PostgresStore::connect(&url).await));
    prepare(&*store).await;
    write(store, 1, 5, |_| {}).await;
    let fresh = good(PostgresStore::connect(&url).await);
    for room in good(fresh.list_rooms(APP, PageStart::Offset(0), 4).await) {
        apply(&fresh, room.id, take("somebody new", None), 5000).await;
    }
}

/// The server may still be finishing what the killed client sent last.
async fn wait_until_the_dead_are_gone(url: &str) {
    let name = url.rsplit_once('/').unwrap().1;
    let wait = format!(
        "DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{name}') LOOP \
         PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$"
    );
    tokio::task::spawn_blocking(move || Server::shared().psql(&wait).unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_is_there_after_each_of_10_killed_clients() {
    let url = database().await;
    prepare(&good(PostgresStore::connect(&url).await)).await;
    let mut model = Model::default();
    for round in 0..10 {
        let variables = [(DATABASE, url.as_str()), (SEED, &format!("{round}"))];
        tokio::task::block_in_place(|| {
            let test = "a_client_that_nobody_kills_leaves_no_room_behind_locked";
            run_and_kill(&mut model, test, &variables, Duration::from_millis(300));
        });
        wait_until_the_dead_are_gone(&url).await;
        model.check(&good(PostgresStore::connect(&url).await)).await;
    }
    assert!(model.answers > 200, "hardly any load: {} answers", model.answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_the_store_is_unavailable_and_no_error_shows_the_url() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://someone:topsecret@127.0.0.1:{port}/x");
    let e = PostgresStore::connect(&url).await.unwrap_err();
    assert_eq!(*e.kind(), Kind::Unavailable);
    assert!(!format!("{e:?} {e} {:?}", e.internal()).contains("topsecret"));
    let e = PostgresStore::connect("not a url topsecret").await.unwrap_err();
    assert!(!format!("{e:?} {e} {:?}", e.internal()).contains("topsecret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_server_cut_all_connections_the_store_works_again() {
    let url = database().await;
    let store = good(PostgresStore::connect(&url).await);
    let room = make_room(&store, 1, 1000).await.id;
    let name = url.rsplit_once('/').unwrap().1.to_owned();
    tokio::task::spawn_blocking(move || {
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        Server::shared().psql(&cut).unwrap();
    })
    .await
    .unwrap();
    // Each dead connection is noticed once, as "unavailable", and never as another answer.
    for _ in 0..64 {
        match store.apply(APP, room, take("bob", None), UnixMs(5000)).await {
            Ok(done) => {
                assert!(seated(&done.unwrap().outcome).is_some());
                return;
            }
            Err(e) => assert_eq!(*e.kind(), Kind::Unavailable, "{:?}", e.internal()),
        }
    }
    panic!("the store never came back");
}

/// A database made before the generic groups goes on with what classes had of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutes_and_likes_of_classes_go_on_as_their_groups_and_rooms_keep_their_microphones() {
    let url = database().await;
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let all = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"));
    for name in &migration_names()[..3] {
        let file = format!("{name}.sql");
        std::fs::copy(all.join(&file), folder.path().join(&file)).unwrap();
    }
    sqlx::migrate::Migrator::new(folder.path()).await.unwrap().run(&pool).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO voice_rooms VALUES ('\\x000102030405060708090a0b0c0d0e0f', 214, 1, 5, 5, 5, NULL, 7, 't', '', '', \
         '', 'owner', ''); \
         INSERT INTO voice_seats (room_id, seat) \
         SELECT '\\x000102030405060708090a0b0c0d0e0f', generate_series(1, 8); \
         INSERT INTO class (id, app, meeting, version, created_ms, updated_ms, title, notice, teacher_id, teacher_nick, \
         extends, mode, status, board_title, meeting_info, stage) SELECT decode(repeat(h, 16), 'hex'), 214, \
         '00000000-0000-4000-8000-0000000000' || h, 1, 5, 5, 't', '', 'owner', '', '', 0, 0, 't', '{\"members\":[]}', \
         '{\"on\":[]}' FROM unnest(ARRAY['aa', 'bb']) h; \
         INSERT INTO class_group SELECT id, get_byte(id, 0) = 170, (170 - get_byte(id, 0)) / 17 + 1 FROM class; \
         INSERT INTO class_mute SELECT id, 'bob', get_byte(id, 0) FROM class; \
         INSERT INTO class_mute SELECT id, 'eve', 0 FROM class;",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let store = good(PostgresStore::connect(&url).await);
    let app = AppId(214);
    let (first, other) = (ClassId([0xaa; 16]), ClassId([0xbb; 16]));
    let state = good(store.group(&GroupKey::class(app, first)).await);
    let muted = vec![(user("bob"), UnixMs(170))];
    assert_eq!(state, GroupState { mute_all: true, likes: 1, muted, ..GroupState::default() });
    for (id, mute_all, likes, until) in [(first, true, 1, 170), (other, false, 0, 187)] {
        let view = good(store.class_view(app, id, &user("bob")).await).unwrap();
        let facts = GroupFacts { mute_all, likes, ..GroupFacts::default() };
        assert_eq!((view.group, view.muted_until), (facts, UnixMs(until)));
    }
    let room = RoomId::parse("000102030405060708090a0b0c0d0e0f").unwrap();
    assert!(!good(store.room(app, room).await).unwrap().mics_off);
}
