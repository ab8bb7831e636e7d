//! The engine behind a lock: inputs in, effects out, in order. Whoever has an input brings it itself, so a message costs
//! no hand-over between tasks; what is to be written is queued under the lock and written after it.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use stoa_core::hub::{HubClient, HubHooks, HubRefusal};
use stoa_core::ports::Clock;
use stoa_core::time::Now;
use tokio::runtime::{EnterGuard, Handle};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::flush::{self, Flushes};
use super::out::{End, Out, Pushed, Then};
use crate::engine::{Answer, Ask, CallId, ConnId, Effect, Engine, Gone};
use crate::proto::{Format, code};
use crate::wire;

/// How long the product may think (hub.md 1.3). SDKs give up after 5 s.
const HOOK_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest sleep, so that a clock that was set while asleep is noticed.
const MAX_SLEEP: Duration = Duration::from_secs(1);
/// Deadlines that are looked at so late are those of a server that is behind: what clients have sent may be unread.
const BEHIND: Duration = Duration::from_millis(100);

struct Place {
    conn: ConnId,
    out: Arc<Out>,
    native_ping: bool,
    format: Format,
}

struct State {
    engine: Engine,
    places: Vec<Option<Place>>,
    flushes: Flushes,
    /// Questions to the product.
    asks: Vec<BoxFuture<'static, ()>>,
    /// Most bytes that waited for one connection since the figure was last shown.
    high_water: usize,
    /// When the timer looks next, on the monotonic clock.
    looks_at: Duration,
    /// The product, from the start on.
    hooks: Option<Arc<dyn HubHooks>>,
}

/// Owns the engine.
pub(super) struct Driver {
    /// None = it is over.
    state: Mutex<Option<State>>,
    clock: Arc<dyn Clock>,
    /// A deadline is earlier than the timer knows.
    earlier: Notify,
    started: CancellationToken,
    home: OnceLock<Home>,
}

/// Where the hub's work beside its sockets runs: the product's questions, and the writes of large fan-outs.
struct Home {
    tasks: TaskTracker,
    runtime: Handle,
}

impl Driver {
    pub(super) fn new(engine: Engine, clock: Arc<dyn Clock>) -> Arc<Self> {
        let state = State {
            engine,
            places: Vec::new(),
            flushes: Flushes::default(),
            asks: Vec::new(),
            high_water: 0,
            looks_at: Duration::MAX,
            hooks: None,
        };
        let (earlier, started) = (Notify::new(), CancellationToken::new());
        Arc::new(Self { state: Mutex::new(Some(state)), clock, earlier, started, home: OnceLock::new() })
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Begins to ask the product. A second start does nothing.
    pub(super) fn start(self: &Arc<Self>, hooks: Arc<dyn HubHooks>, tasks: &TaskTracker, hard: CancellationToken) {
        if let Some(state) = &mut *self.state()
            && state.hooks.is_none()
        {
            state.hooks = Some(hooks);
            let home = Home { tasks: tasks.clone(), runtime: Handle::current() };
            tasks.spawn(self.clone().run(hard));
            _ = self.home.set(home);
            self.started.cancel();
        }
    }

    /// Begins a task of the product, whatever thread calls.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(home) = self.home.get() {
            home.tasks.spawn_on(task, &home.runtime);
        }
    }

    /// What the product begins meanwhile runs where its tasks do.
    pub(super) fn at_home(&self) -> Option<EnterGuard<'_>> {
        self.home.get().map(|home| home.runtime.enter())
    }

    /// Sockets wait for it.
    pub(super) async fn started(&self) {
        self.started.cancelled().await;
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(|poisoned| {
            // A bug in the engine. What it holds is not to be trusted, so nobody is served from it.
            let mut state = poisoned.into_inner();
            *state = None;
            state
        })
    }

    /// One input. None = it is over.
    pub(super) fn with<T>(self: &Arc<Self>, input: impl FnOnce(&mut Engine, Now) -> T) -> Option<T> {
        self.locked(|state, now| input(&mut state.engine, now))
    }

    fn locked<T>(self: &Arc<Self>, input: impl FnOnce(&mut State, Now) -> T) -> Option<T> {
        let mut guard = self.state();
        let state = guard.as_mut()?;
        let now = self.clock.now();
        let done = input(state, now);
        self.perform(state, now);
        if let Some(at) = state.engine.deadline().filter(|at| *at < state.looks_at) {
            state.looks_at = at;
            self.earlier.notify_one();
        }
        let (due, asks) = (std::mem::take(&mut state.flushes), std::mem::take(&mut state.asks));
        drop(guard);
        flush::write(self, due);
        for ask in asks {
            flush::begin(self, ask);
        }
        Some(done)
    }

    /// A socket is open.
    pub(super) fn open(
        self: &Arc<Self>,
        format: Format,
        native_ping: bool,
        client: &str,
        out: &Arc<Out>,
    ) -> Option<ConnId> {
        self.locked(|state, now| {
            let conn = state.engine.open(now, format, native_ping, client);
            let index = conn.index as usize;
            if state.places.len() <= index {
                state.places.resize_with(index + 1, || None);
            }
            state.places[index] = Some(Place { conn, out: out.clone(), native_ping, format });
            conn
        })
    }

    /// A socket is gone.
    pub(super) fn gone(self: &Arc<Self>, conn: ConnId, code: u32, how: Gone) {
        self.locked(|state, now| {
            state.engine.closed(now, conn, code, how);
            drop(state.vacate(conn));
        });
    }

    /// Deadlines.
    async fn run(self: Arc<Self>, hard: CancellationToken) {
        loop {
            let now = self.clock.now().mono;
            let at = {
                let mut guard = self.state();
                let Some(state) = guard.as_mut() else { return };
                let at = state.engine.deadline().unwrap_or(Duration::MAX).min(now + MAX_SLEEP);
                state.looks_at = at;
                at
            };
            tokio::select! {
                biased;
                () = hard.cancelled() => {
                    let over = self.state().take();
                    drop(over);
                    return;
                }
                () = self.earlier.notified() => continue,
                () = tokio::time::sleep(at.saturating_sub(now)) => {}
            }
            self.with(|engine, now| engine.advance(now, now.mono.saturating_sub(at) > BEHIND));
        }
    }

    /// Carries out effects; those of connections cut off on the way come last.
    fn perform(self: &Arc<Self>, state: &mut State, now: Now) {
        loop {
            let effects = state.engine.effects(now);
            if effects.is_empty() {
                break;
            }
            let mut slow = Vec::new();
            for effect in effects {
                self.effect(state, effect, &mut slow);
            }
            for conn in slow {
                if let Some(place) = state.vacate(conn) {
                    state.finish(&place, End::close(code::SLOW), false);
                    state.engine.closed(now, conn, code::SLOW.0, Gone::Silent);
                }
            }
        }
        let high = std::mem::take(&mut state.high_water);
        if high > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a histogram")]
            metrics::histogram!("stoa_hub_queue_high_water_bytes").record(high as f64);
        }
    }

    fn effect(self: &Arc<Self>, state: &mut State, effect: Effect, slow: &mut Vec<ConnId>) {
        match effect {
            Effect::Send { conn, format, frame } => {
                state.push(conn, framed(format, &frame), Then::Nothing, false, slow);
            }
            Effect::Ping { conn } => {
                let Some(place) = state.place(conn) else { return };
                let ping = if place.native_ping { wire::ping() } else { framed(place.format, place.format.ping()) };
                state.push(conn, ping, Then::Pinged, false, slow);
            }
            Effect::Fanout { to, format, frame, publications, live_only, since } => {
                metrics::counter!("stoa_hub_deliveries_total").increment(u64::from(publications) * to.len() as u64);
                let frame = framed(format, &frame);
                // One more: whoever caused it gets an answer beside.
                state.flushes.reserve(to.len() + 1);
                for (n, conn) in to.iter().enumerate() {
                    let then = if n == 0 { Then::Timed(since) } else { Then::Nothing };
                    state.push(*conn, frame.clone(), then, live_only, slow);
                }
            }
            Effect::Close { conn, code, reason } => {
                if let Some(place) = state.vacate(conn) {
                    state.finish(&place, End::with(code, &reason), true);
                }
            }
            Effect::Hook { call, client, ask } => {
                if let Some(hooks) = &state.hooks {
                    state.asks.push(self.clone().ask(hooks.clone(), call, client, ask).boxed());
                }
            }
            Effect::Presence { channel, client, came, left } => {
                if let Some(hooks) = &state.hooks {
                    hooks.presence(&channel, &client, came, left);
                }
            }
            Effect::Closed { client, code } => {
                if let Some(hooks) = &state.hooks {
                    hooks.closed(&client, code);
                }
            }
        }
    }

    /// Asks the product; silence and panics become an error that SDKs repeat.
    async fn ask(self: Arc<Self>, hooks: Arc<dyn HubHooks>, call: CallId, client: Arc<HubClient>, ask: Ask) {
        let started = self.clock.now().mono;
        let took = |name| {
            let took = self.clock.now().mono.saturating_sub(started);
            metrics::histogram!("stoa_hub_hook_seconds", "hook" => name).record(took.as_secs_f64());
        };
        // Nobody waits for an answer any more when the engine is over.
        let answer = |answer| _ = self.with(|engine, now| engine.answer(now, call, answer));
        match ask {
            Ask::Connect => {
                let (got, _) = patient("connect", hooks.connect(&client).as_mut()).await;
                took("connect");
                answer(Answer::Connect(got));
            }
            Ask::Subscribe { channel } => {
                let (got, _) = patient("subscribe", hooks.subscribe(&client, &channel).as_mut()).await;
                took("subscribe");
                answer(Answer::Subscribe(got));
            }
            Ask::Rpc { method, data } => {
                let data = String::from_utf8_lossy(&data);
                let mut asked = hooks.rpc(&client, &method, &data);
                let (got, late) = patient("rpc", asked.as_mut()).await;
                took("rpc");
                answer(Answer::Rpc(got));
                if late {
                    // What a client asked for is carried out, though nobody waits for it any more.
                    let _unheard = AssertUnwindSafe(asked).catch_unwind().await;
                }
            }
        }
    }
}

impl State {
    fn vacate(&mut self, conn: ConnId) -> Option<Place> {
        self.places.get_mut(conn.index as usize)?.take_if(|p| p.conn == conn)
    }

    fn place(&self, conn: ConnId) -> Option<&Place> {
        self.places.get(conn.index as usize)?.as_ref().filter(|p| p.conn == conn)
    }

    fn push(&mut self, conn: ConnId, frame: Bytes, then: Then, live_only: bool, slow: &mut Vec<ConnId>) {
        let Some(place) = self.places.get(conn.index as usize).and_then(Option::as_ref).filter(|p| p.conn == conn)
        else {
            return;
        };
        let (pushed, bytes) = place.out.push(frame, then, live_only);
        match pushed {
            Pushed::Queued { first: true } => self.flushes.add(conn, &place.out),
            Pushed::Queued { first: false } => {}
            Pushed::Skipped => metrics::counter!("stoa_hub_live_only_dropped_total").increment(1),
            Pushed::Overflow => slow.push(conn),
        }
        self.high_water = self.high_water.max(bytes);
    }

    fn finish(&mut self, place: &Place, end: End, flush: bool) {
        if place.out.finish(end, flush) {
            self.flushes.add(place.conn, &place.out);
        }
    }
}

/// An answer in time, and whether the question is still being answered.
async fn patient<T>(
    name: &'static str,
    asked: Pin<&mut (dyn Future<Output = Result<T, HubRefusal>> + Send)>,
) -> (Result<T, HubRefusal>, bool) {
    let answer = tokio::time::timeout(HOOK_TIMEOUT, AssertUnwindSafe(asked).catch_unwind()).await;
    let (why, late) = match answer {
        Ok(Ok(answer)) => return (answer, false),
        Ok(Err(_)) => ("panicked", false),
        Err(_) => ("too slow", true),
    };
    metrics::counter!("stoa_hub_hook_failures_total", "hook" => name).increment(1);
    tracing::warn!(hub.hook = name, hub.why = why, "a question of the hub was not answered");
    (Err(HubRefusal::INTERNAL), late)
}

/// One frame for everybody who gets it: clones share the bytes.
fn framed(format: Format, payload: &[u8]) -> Bytes {
    match format {
        Format::Json => wire::text(payload),
        Format::Protobuf => wire::binary(payload),
    }
}
