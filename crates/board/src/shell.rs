//! The port's implementation: one mutex and at most one writing task per board, a bounded queue per session.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use stoa_core::board::{BoardImage, BoardRights, BoardSession, BoardStore, Boards};
use stoa_core::error::{Error, Kind, Result};
use stoa_core::id::{ClassId, UserId};
use stoa_core::ports::Clock;
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore};
use tokio_util::task::TaskTracker;

use crate::board::{Board, Effect, Limits, SessionId};
use crate::document::Document;
use crate::draw;
use crate::outbox::Outbox;

/// How many pictures are drawn at once. One of 4096 × 4096 pixels takes 64 MiB and about a second of one core.
const DRAWING_AT_ONCE: usize = 2;

/// The embedded whiteboards.
#[derive(Clone)]
pub struct Whiteboards {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Whiteboards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Whiteboards").field("open", &self.open_boards()).finish_non_exhaustive()
    }
}

struct Inner {
    store: Arc<dyn BoardStore>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    limits: Limits,
    boards: Mutex<HashMap<ClassId, Arc<Slot>>>,
    sessions: AtomicU64,
    drawing: Semaphore,
}

/// A board in memory.
struct Slot {
    id: ClassId,
    state: Mutex<State>,
    /// Held while the document is loaded, so that it is loaded once.
    loading: AsyncMutex<()>,
    /// Rung when less waits to be stored, and when the board ends.
    relief: Notify,
}

#[derive(Default)]
struct State {
    life: Life,
    outboxes: HashMap<SessionId, Arc<Outbox>>,
    /// Who is waiting for the document, with the rights as they are by now.
    opening: HashMap<SessionId, (UserId, Option<BoardRights>)>,
}

#[derive(Default)]
enum Life {
    #[default]
    New,
    Loaded(Box<Board>),
    /// Out of the map; whoever finds it here takes a new slot.
    Over,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A write that the board asked for.
enum Write {
    Append(Vec<u8>),
    Replace(Vec<u8>),
}

impl State {
    /// Does what the board said, except writing.
    fn perform(&mut self, effects: Vec<Effect>, limits: &Limits) -> Option<Write> {
        let mut write = None;
        let mut todo = std::collections::VecDeque::from(effects);
        while let Some(effect) = todo.pop_front() {
            match effect {
                Effect::Send(to, outgoing) => {
                    let full = self.outboxes.get(&to).is_some_and(|outbox| !outbox.push(outgoing, limits));
                    if full {
                        tracing::info!(board.session = to.0, "a whiteboard session read too slowly and was closed");
                        self.end(to);
                        if let Life::Loaded(board) = &mut self.life {
                            todo.extend(board.disconnect(to));
                        }
                    }
                }
                Effect::Append(bytes) => write = Some(Write::Append(bytes)),
                Effect::Replace(bytes) => write = Some(Write::Replace(bytes)),
                Effect::Close(session) => self.end(session),
            }
        }
        write
    }

    fn end(&mut self, session: SessionId) {
        if let Some(outbox) = self.outboxes.remove(&session) {
            outbox.close();
        }
    }

    /// Nothing of this board is left in memory.
    fn give_up(&mut self) {
        self.life = Life::Over;
        self.outboxes.drain().for_each(|(_, outbox)| outbox.close());
    }
}

impl Whiteboards {
    /// Whiteboards over a store. Writes run as tasks of `tasks`: a shutdown that waits for them loses nothing.
    #[must_use]
    pub fn new(store: Arc<dyn BoardStore>, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self::with_limits(store, clock, tasks, Limits::default())
    }

    /// As [`Whiteboards::new`], with other limits.
    #[must_use]
    pub fn with_limits(store: Arc<dyn BoardStore>, clock: Arc<dyn Clock>, tasks: TaskTracker, limits: Limits) -> Self {
        let drawing = Semaphore::new(DRAWING_AT_ONCE);
        let (boards, sessions) = (Mutex::default(), AtomicU64::new(0));
        Self { inner: Arc::new(Inner { store, clock, tasks, limits, boards, sessions, drawing }) }
    }

    /// Ends all sessions: the process is about to stop. What is being written is still written.
    pub fn stop(&self) {
        let slots: Vec<Arc<Slot>> = lock(&self.inner.boards).values().cloned().collect();
        for slot in slots {
            let mut state = lock(&slot.state);
            let open: Vec<SessionId> = state.outboxes.keys().copied().collect();
            open.into_iter().for_each(|session| state.end(session));
        }
    }

    /// How many boards are in memory; for metrics.
    #[must_use]
    pub fn open_boards(&self) -> usize {
        lock(&self.inner.boards).len()
    }

    /// How many sessions are open on all boards; for metrics.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        let slots: Vec<Arc<Slot>> = lock(&self.inner.boards).values().cloned().collect();
        slots.iter().map(|slot| lock(&slot.state).outboxes.len()).sum()
    }
}

impl Inner {
    fn slot(&self, id: ClassId) -> Arc<Slot> {
        let new =
            || Arc::new(Slot { id, state: Mutex::default(), loading: AsyncMutex::default(), relief: Notify::new() });
        lock(&self.boards).entry(id).or_insert_with(new).clone()
    }

    /// Takes a slot that is over out of the map.
    fn forget(&self, slot: &Arc<Slot>) {
        let mut boards = lock(&self.boards);
        if boards.get(&slot.id).is_some_and(|s| Arc::ptr_eq(s, slot)) {
            boards.remove(&slot.id);
        }
        drop(boards);
        slot.relief.notify_waiters();
    }

    async fn load(&self, id: ClassId) -> Result<(Document, usize)> {
        let rows = self.store.board(id).await?;
        let n = rows.len();
        // Decoding megabytes takes too long for a thread that serves sockets.
        let loaded = tokio::task::spawn_blocking(move || Document::load(&rows)).await;
        let (document, lost) = loaded.map_err(|e| Error::internal_error(format!("loading a whiteboard: {e}")))?;
        if lost > 0 {
            tracing::error!(board.id = %id, board.lost = lost, "stored changes of a whiteboard could not be applied");
        }
        Ok((document, n))
    }

    /// Makes sure the slot's document is loaded. False = the slot is over.
    async fn loaded(&self, slot: &Arc<Slot>) -> Result<bool> {
        let _once = slot.loading.lock().await;
        match lock(&slot.state).life {
            Life::New => {}
            Life::Loaded(_) => return Ok(true),
            Life::Over => return Ok(false),
        }
        let loaded = self.load(slot.id).await;
        let mut state = lock(&slot.state);
        match (loaded, &state.life) {
            (Ok((document, rows)), Life::New) => {
                state.life = Life::Loaded(Box::new(Board::new(document, rows, self.limits.clone())));
                Ok(true)
            }
            (Ok(_), _) => Ok(false),
            (Err(e), _) => {
                state.give_up();
                drop(state);
                self.forget(slot);
                Err(e)
            }
        }
    }

    /// Starts a write if there is one, and unloads a board that nobody looks at.
    fn after(self: &Arc<Self>, slot: &Arc<Slot>, mut state: MutexGuard<'_, State>, write: Option<Write>) {
        if let Some(write) = write {
            drop(state);
            self.tasks.spawn(self.clone().write(slot.clone(), write));
            return;
        }
        let idle = matches!(&state.life, Life::Loaded(board) if board.is_idle()) && state.opening.is_empty();
        if idle {
            state.give_up();
            drop(state);
            self.forget(slot);
        }
    }

    /// Writes until nothing waits. What is gathered meanwhile goes into the next write.
    async fn write(self: Arc<Self>, slot: Arc<Slot>, mut write: Write) {
        loop {
            let done = match &write {
                Write::Append(bytes) => self.store.append_board(slot.id, bytes).await,
                Write::Replace(bytes) => self.store.replace_board(slot.id, bytes).await,
            };
            match done {
                Ok(true) => {}
                Ok(false) => return self.end(&slot),
                Err(e) => {
                    tracing::error!(board.id = %slot.id, error = e.internal().unwrap_or(e.public()), "a whiteboard could not be stored; its sessions end");
                    return self.end(&slot);
                }
            }
            let mut state = lock(&slot.state);
            let Life::Loaded(board) = &mut state.life else { return };
            let Ok(effects) = catch_unwind(AssertUnwindSafe(|| board.stored())) else {
                drop(state);
                return self.end(&slot);
            };
            let next = state.perform(effects, &self.limits);
            slot.relief.notify_waiters();
            match next {
                Some(next) => write = next,
                None => return self.after(&slot, state, None),
            }
        }
    }

    /// Ends a board and all its sessions.
    fn end(&self, slot: &Arc<Slot>) {
        let mut state = lock(&slot.state);
        if let Life::Loaded(board) = &mut state.life {
            board.fail();
        }
        state.give_up();
        drop(state);
        self.forget(slot);
    }

    /// Opens a session in a loaded slot. `None` = the slot is over.
    fn join(self: &Arc<Self>, slot: &Arc<Slot>, id: SessionId) -> Result<Option<Arc<Outbox>>> {
        let mut state = lock(&slot.state);
        let Some((user, rights)) = state.opening.remove(&id) else { return Ok(None) };
        let Life::Loaded(board) = &mut state.life else { return Ok(None) };
        let outbox = Arc::new(Outbox::default());
        let joined = match rights {
            Some(rights) => board.connect(id, user, rights),
            None => Err(Error::new(Kind::Forbidden, "no right to look at this board")),
        };
        let effects = match joined {
            Ok(effects) => effects,
            Err(e) => {
                self.after(slot, state, None);
                return Err(e);
            }
        };
        state.outboxes.insert(id, outbox.clone());
        let write = state.perform(effects, &self.limits);
        self.after(slot, state, write);
        Ok(Some(outbox))
    }
}

/// Takes back an announced opening if its future is dropped while the document loads.
struct Opening<'a> {
    inner: &'a Arc<Inner>,
    slot: &'a Arc<Slot>,
    id: SessionId,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.slot.state);
        if state.opening.remove(&self.id).is_some() {
            self.inner.after(self.slot, state, None);
        }
    }
}

#[async_trait]
impl Boards for Whiteboards {
    async fn open(&self, board: ClassId, user: &UserId, rights: BoardRights) -> Result<Box<dyn BoardSession>> {
        let inner = &self.inner;
        let id = SessionId(inner.sessions.fetch_add(1, Ordering::Relaxed));
        loop {
            let slot = inner.slot(board);
            lock(&slot.state).opening.insert(id, (user.clone(), Some(rights)));
            let _opening = Opening { inner, slot: &slot, id };
            if !inner.loaded(&slot).await? {
                continue;
            }
            if let Some(outbox) = inner.join(&slot, id)? {
                return Ok(Box::new(Session { inner: inner.clone(), slot: slot.clone(), id, outbox }));
            }
        }
    }

    async fn set_rights(&self, board: ClassId, user: &UserId, rights: Option<BoardRights>) {
        let Some(slot) = lock(&self.inner.boards).get(&board).cloned() else { return };
        let mut state = lock(&slot.state);
        state.opening.values_mut().filter(|(u, _)| u == user).for_each(|(_, r)| *r = rights);
        let Life::Loaded(live) = &mut state.life else { return };
        let effects = live.set_rights(user, rights);
        let write = state.perform(effects, &self.inner.limits);
        self.inner.after(&slot, state, write);
    }

    fn is_open(&self, board: ClassId) -> bool {
        lock(&self.inner.boards).contains_key(&board)
    }

    async fn close(&self, board: ClassId) {
        let slot = lock(&self.inner.boards).get(&board).cloned();
        if let Some(slot) = slot {
            self.inner.end(&slot);
        }
    }

    async fn draw(&self, board: ClassId, page: usize, image: BoardImage) -> Result<Vec<u8>> {
        let inner = &self.inner;
        let busy = |_| Error::internal_error("the drawing gate is closed");
        let _turn = inner.drawing.acquire().await.map_err(busy)?;
        let of = |document: &Document| (document.pages(), document.elements(page));
        let slot = lock(&inner.boards).get(&board).cloned();
        let live = slot.and_then(|slot| match &lock(&slot.state).life {
            Life::Loaded(live) => Some(of(live.document())),
            _ => None,
        });
        let (pages, elements) = match live {
            Some(found) => found,
            None => of(&inner.load(board).await?.0),
        };
        if page >= pages {
            return Err(Error::new(Kind::NotFound, "the board has no such page"));
        }
        let drawn = tokio::task::spawn_blocking(move || draw::draw(&elements, image)).await;
        drawn.map_err(|e| Error::internal_error(format!("drawing a whiteboard: {e}")))?
    }
}

/// An open session.
struct Session {
    inner: Arc<Inner>,
    slot: Arc<Slot>,
    id: SessionId,
    outbox: Arc<Outbox>,
}

impl Session {
    /// Gives a message to the board. True = too much waits to be stored.
    fn give(&self, message: &[u8]) -> Result<bool> {
        let mut state = lock(&self.slot.state);
        let Life::Loaded(board) = &mut state.life else { return Ok(false) };
        let now = self.inner.clock.now();
        let heard = catch_unwind(AssertUnwindSafe(|| board.message(self.id, message, now)))
            .unwrap_or_else(|_| Err(Error::internal_error("a message made the whiteboard panic")));
        let full = board.backlog() > self.inner.limits.backlog;
        match heard {
            Ok(effects) => {
                let write = state.perform(effects, &self.inner.limits);
                self.inner.after(&self.slot, state, write);
                Ok(full)
            }
            Err(e) if *e.kind() == Kind::Internal => {
                tracing::error!(board.id = %self.slot.id, error = e.internal().unwrap_or_default(), "a whiteboard broke; its sessions end");
                drop(state);
                self.inner.end(&self.slot);
                Err(e)
            }
            Err(e) => {
                let effects = board.disconnect(self.id);
                state.end(self.id);
                let write = state.perform(effects, &self.inner.limits);
                self.inner.after(&self.slot, state, write);
                Err(e)
            }
        }
    }

    fn backlogged(&self) -> bool {
        let state = lock(&self.slot.state);
        matches!(&state.life, Life::Loaded(board) if board.backlog() > self.inner.limits.backlog)
    }
}

#[async_trait]
impl BoardSession for Session {
    async fn next(&mut self) -> Option<Vec<u8>> {
        self.outbox.next().await
    }

    async fn feed(&mut self, message: &[u8]) -> Result<()> {
        let mut full = self.give(message)?;
        while full {
            let relief = self.slot.relief.notified();
            tokio::pin!(relief);
            relief.as_mut().enable();
            full = self.backlogged();
            if full {
                relief.await;
            }
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut state = lock(&self.slot.state);
        state.end(self.id);
        let Life::Loaded(board) = &mut state.life else { return };
        let effects = board.disconnect(self.id);
        let write = state.perform(effects, &self.inner.limits);
        self.inner.after(&self.slot, state, write);
    }
}
