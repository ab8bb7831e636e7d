//! Through the port: tasks, queues, loading and unloading, a store that is slow, fails or is gone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stoa_board::{Limits, Whiteboards};
use stoa_core::board::{BoardImage, BoardRights, BoardSession, BoardStore, Boards};
use stoa_core::error::{Error, Kind, Result};
use stoa_core::id::ClassId;
use stoa_core::ports::Clock;
use stoa_core::time::Now;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::client::{Client, json, read_rows};
use crate::world::{BOTH, DRAW, LOOK, at, user};

pub const CLASS: ClassId = ClassId([7; 16]);

/// A store in memory whose writes a test can hold back or let fail.
pub struct MemoryStore {
    pub rows: Mutex<BTreeMap<ClassId, Vec<Vec<u8>>>>,
    pub writes: AtomicUsize,
    pub reads: AtomicUsize,
    pub fails: AtomicBool,
    pub gone: AtomicBool,
    /// Permits for writes.
    pub gate: Semaphore,
}

impl MemoryStore {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            rows: Mutex::default(),
            writes: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    pub fn rows(&self) -> Vec<Vec<u8>> {
        self.rows.lock().unwrap().get(&CLASS).cloned().unwrap_or_default()
    }

    async fn write(&self, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Result<bool> {
        self.gate.acquire().await.unwrap().forget();
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::internal_error("the disk is full"));
        }
        if self.gone.load(Ordering::SeqCst) {
            return Ok(false);
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        change(self.rows.lock().unwrap().entry(CLASS).or_default());
        Ok(true)
    }
}

#[async_trait]
impl BoardStore for MemoryStore {
    async fn board(&self, board: ClassId) -> Result<Vec<Vec<u8>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::internal_error("the disk is on fire"));
        }
        Ok(self.rows.lock().unwrap().get(&board).cloned().unwrap_or_default())
    }

    async fn append_board(&self, _board: ClassId, update: &[u8]) -> Result<bool> {
        let row = update.to_vec();
        self.write(|rows| rows.push(row)).await
    }

    async fn replace_board(&self, _board: ClassId, snapshot: &[u8]) -> Result<bool> {
        let row = snapshot.to_vec();
        self.write(|rows| *rows = vec![row]).await
    }
}

struct Frozen;

impl Clock for Frozen {
    fn now(&self) -> Now {
        at(0)
    }
}

pub fn boards(store: &Arc<MemoryStore>, limits: Limits) -> (Whiteboards, TaskTracker) {
    let tasks = TaskTracker::new();
    (Whiteboards::with_limits(store.clone(), Arc::new(Frozen), tasks.clone(), limits), tasks)
}

struct Peer {
    client: Client,
    session: Box<dyn BoardSession>,
}

impl Peer {
    async fn open(boards: &Whiteboards, name: &str, id: u64, rights: BoardRights) -> Self {
        let mut session = boards.open(CLASS, &user(name), rights).await.unwrap();
        let client = Client::new(id);
        session.feed(&client.hello()).await.unwrap();
        Self { client, session }
    }

    /// Reads until the client satisfies the condition.
    async fn until(&mut self, done: impl Fn(&Client) -> bool) {
        while !done(&self.client) {
            let message = tokio::time::timeout(Duration::from_secs(20), self.session.next()).await.expect("in time");
            if let Some(answer) = self.client.hear(&message.expect("open")) {
                self.session.feed(&answer).await.unwrap();
            }
        }
    }

    async fn ended(&mut self) {
        let end = async { while self.session.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(20), end).await.expect("ends in time");
    }

    async fn edit(&mut self, change: impl FnOnce(&Client) -> Vec<u8>) -> Result<()> {
        let message = change(&self.client);
        self.session.feed(&message).await
    }
}

async fn finished(tasks: TaskTracker) {
    tasks.close();
    tokio::time::timeout(Duration::from_secs(20), tasks.wait()).await.expect("tasks end");
}

#[tokio::test]
async fn drawn_seen_stored_unloaded_and_loaded_again() {
    let store = MemoryStore::new();
    let (boards, tasks) = boards(&store, Limits::default());
    let mut ann = Peer::open(&boards, "ann", 100, BOTH).await;
    let mut bob = Peer::open(&boards, "bob", 101, LOOK).await;
    ann.edit(|c| c.draw("a")).await.unwrap();
    bob.until(|c| c.elements() == ["a"]).await;
    assert_eq!((boards.open_boards(), boards.open_sessions()), (1, 2));
    drop(bob);
    ann.edit(|c| c.draw("last")).await.unwrap();
    drop(ann);
    finished(tasks).await;
    assert_eq!(boards.open_boards(), 0);
    let mut eve = Peer::open(&boards, "eve", 102, LOOK).await;
    eve.until(|c| c.elements() == ["a", "last"]).await;
    assert_eq!(json(&read_rows(&store.rows())), eve.client.json());
}

#[tokio::test]
async fn many_who_come_at_once_load_the_board_once() {
    let store = MemoryStore::new();
    let (boards, _tasks) = boards(&store, Limits::default());
    let opening = (0..50).map(|i| {
        let boards = boards.clone();
        async move { boards.open(CLASS, &user(&format!("u{i}")), LOOK).await.unwrap() }
    });
    let sessions = futures_util::future::join_all(opening).await;
    assert_eq!(store.reads.load(Ordering::SeqCst), 1);
    assert_eq!(boards.open_sessions(), 50);
    drop(sessions);
    assert_eq!(boards.open_boards(), 0);
}

#[tokio::test]
async fn an_opening_that_is_given_up_leaves_nothing() {
    let store = MemoryStore::new();
    let (boards, _tasks) = boards(&store, Limits::default());
    let ann = user("ann");
    let mut opening = Box::pin(boards.open(CLASS, &ann, LOOK));
    assert!(futures_util::poll!(&mut opening).is_pending());
    drop(opening);
    // The next one is not disturbed by what was left half-way.
    let session = boards.open(CLASS, &ann, LOOK).await.unwrap();
    drop(session);
    assert_eq!(boards.open_boards(), 0);
}

#[tokio::test]
async fn a_ban_while_the_board_loads_is_heeded() {
    let store = MemoryStore::new();
    let (boards, _tasks) = boards(&store, Limits::default());
    let ann = user("ann");
    let mut opening = Box::pin(boards.open(CLASS, &ann, BOTH));
    assert!(futures_util::poll!(&mut opening).is_pending());
    boards.set_rights(CLASS, &ann, None).await;
    assert_eq!(*opening.await.err().unwrap().kind(), Kind::Forbidden);
}

#[tokio::test]
async fn writers_wait_when_the_store_is_slow_and_go_on_after() {
    let store = MemoryStore::new();
    store.gate.forget_permits(usize::MAX);
    let (boards, _tasks) = boards(&store, Limits { backlog: 2000, ..Limits::default() });
    let mut ann = Peer::open(&boards, "ann", 100, BOTH).await;
    let mut drawn = 0;
    // Small changes go through until too much waits.
    loop {
        let message = ann.client.draw(&format!("a{drawn}"));
        drawn += 1;
        let fed = ann.session.feed(&message);
        tokio::pin!(fed);
        if futures_util::poll!(fed.as_mut()).is_pending() {
            assert!(drawn > 5);
            store.gate.add_permits(100);
            fed.await.unwrap();
            break;
        }
    }
    let mut bob = Peer::open(&boards, "bob", 101, LOOK).await;
    bob.until(|c| c.elements().len() == drawn).await;
    assert_eq!(store.writes.load(Ordering::SeqCst), 2, "all that waited went into one write");
}

#[tokio::test]
async fn a_reader_who_does_not_read_is_closed_and_the_others_are_not() {
    let store = MemoryStore::new();
    let (boards, _tasks) = boards(&store, Limits { queue: 20, ..Limits::default() });
    let mut ann = Peer::open(&boards, "ann", 100, BOTH).await;
    let mut slow = Peer::open(&boards, "slow", 101, LOOK).await;
    let mut bob = Peer::open(&boards, "bob", 102, LOOK).await;
    for i in 0..40 {
        ann.edit(|c| c.draw(&format!("a{i}"))).await.unwrap();
        bob.until(|c| c.elements().len() == i + 1).await;
    }
    slow.ended().await;
    assert_eq!(boards.open_sessions(), 2);
    let mut again = Peer::open(&boards, "slow", 101, LOOK).await;
    again.until(|c| c.elements().len() == 40).await;
}

#[tokio::test]
async fn a_store_that_fails_ends_the_sessions_and_nothing_is_lost() {
    let store = MemoryStore::new();
    let (boards, _tasks) = boards(&store, Limits::default());
    let mut ann = Peer::open(&boards, "ann", 100, BOTH).await;
    let mut bob = Peer::open(&boards, "bob", 101, LOOK).await;
    ann.edit(|c| c.draw("a")).await.unwrap();
    bob.until(|c| c.elements() == ["a"]).await;
    store.fails.store(true, Ordering::SeqCst);
    ann.edit(|c| c.draw("b")).await.unwrap();
    ann.ended().await;
    bob.ended().await;
    assert_eq!(bob.client.elements(), ["a"]);
    assert_eq!(boards.open_boards(), 0);
    assert!(boards.open(CLASS, &user("ann"), BOTH).await.is_err());
    assert_eq!(boards.open_boards(), 0);
    store.fails.store(false, Ordering::SeqCst);
    ann.session = boards.open(CLASS, &user("ann"), BOTH).await.unwrap();
    let hello = ann.client.hello();
    ann.session.feed(&hello).await.unwrap();
    let mut bob = Peer::open(&boards, "bob", 101, LOOK).await;
    tokio::select! {
        () = ann.until(|_| false) => unreachable!(),
        () = bob.until(|c| c.elements() == ["a", "b"]) => {}
    }
    assert!(json(&read_rows(&store.rows())).contains("id:b"));
}

#[tokio::test]
async fn rights_change_and_end_on_open_sessions() {
    let store = MemoryStore::new();
    let (boards, _tasks) = boards(&store, Limits::default());
    let mut ann = Peer::open(&boards, "ann", 100, BOTH).await;
    let mut bob = Peer::open(&boards, "bob", 101, LOOK).await;
    bob.edit(|c| c.draw("no")).await.unwrap();
    bob.until(|c| c.denied.len() == 1).await;
    boards.set_rights(CLASS, &user("bob"), Some(DRAW)).await;
    bob.edit(|c| c.draw("yes")).await.unwrap();
    // Bob is asked for what was dropped before, and brings it.
    tokio::select! {
        () = bob.until(|_| false) => unreachable!(),
        () = ann.until(|c| c.elements() == ["no", "yes"]) => {}
    }
    boards.set_rights(CLASS, &user("bob"), None).await;
    bob.ended().await;
    assert_eq!(boards.open_sessions(), 1);
}

#[tokio::test]
async fn a_deleted_class_ends_everything() {
    let store = MemoryStore::new();
    let (boards, _tasks) = boards(&store, Limits::default());
    let mut ann = Peer::open(&boards, "ann", 100, BOTH).await;
    boards.close(CLASS).await;
    ann.ended().await;
    assert_eq!(boards.open_boards(), 0);
    // Deleted by somebody else: the store says so at the next write.
    let mut ann = Peer::open(&boards, "ann", 100, BOTH).await;
    store.gone.store(true, Ordering::SeqCst);
    ann.edit(|c| c.draw("a")).await.unwrap();
    ann.ended().await;
    assert_eq!(boards.open_boards(), 0);
}

#[tokio::test]
async fn a_refused_message_ends_its_session_only() {
    let store = MemoryStore::new();
    let (boards, _tasks) = boards(&store, Limits::default());
    let mut ann = Peer::open(&boards, "ann", 100, BOTH).await;
    let mut bob = Peer::open(&boards, "bob", 101, BOTH).await;
    let e = ann.session.feed(&[0, 2, 3, 1, 1, 1]).await.unwrap_err();
    assert_eq!(*e.kind(), Kind::BadInput { field: "message" });
    ann.ended().await;
    bob.edit(|c| c.draw("b")).await.unwrap();
    assert_eq!(boards.open_sessions(), 1);
}

#[tokio::test]
async fn pages_are_drawn_from_memory_and_from_the_store() {
    let store = MemoryStore::new();
    let (boards, tasks) = boards(&store, Limits::default());
    let mut ann = Peer::open(&boards, "ann", 100, BOTH).await;
    ann.edit(|c| c.draw("a")).await.unwrap();
    let open = boards.draw(CLASS, 0, BoardImage::Svg).await.unwrap();
    assert!(String::from_utf8(open.clone()).unwrap().contains("<rect x=\"10\" y=\"20\" width=\"100\""));
    drop(ann);
    finished(tasks).await;
    assert_eq!(boards.draw(CLASS, 0, BoardImage::Svg).await.unwrap(), open);
    assert_eq!(*boards.draw(CLASS, 1, BoardImage::Svg).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(boards.open_boards(), 0);
}
