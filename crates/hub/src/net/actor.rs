//! The one task that owns the engine: inputs in, effects out, in order.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use stoa_core::hub::{HubClient, HubHooks, HubRefusal};
use stoa_core::ports::Clock;
use stoa_core::time::Now;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::flush::Flushes;
use super::out::{End, Out, Pushed, Then};
use crate::engine::{Answer, Ask, CallId, ConnId, Effect, Engine};
use crate::proto::{Format, code};
use crate::wire;

/// How long the product may think (hub.md 1.3). SDKs give up after 5 s.
const HOOK_TIMEOUT: Duration = Duration::from_secs(1);
/// Inputs handled before effects are carried out. More batches better under load; fewer keeps one turn short.
const TURN: usize = 256;
/// Longest sleep, so that a clock that was set while asleep is noticed.
const MAX_SLEEP: Duration = Duration::from_secs(1);

/// What is done after the effects of a command are carried out.
pub(super) type After = Box<dyn FnOnce() + Send>;
/// A command of the product.
pub(super) type Command = Box<dyn FnOnce(&mut Engine, Now) -> After + Send>;

/// What goes to the engine.
pub(super) enum Input {
    Open { format: Format, native_ping: bool, client: String, out: Arc<Out>, done: oneshot::Sender<ConnId> },
    Frame(ConnId, Bytes),
    NativePong(ConnId),
    PingWritten(ConnId),
    Gone { conn: ConnId, code: u32, in_order: bool },
    Answer(CallId, Answer),
    Run(Command),
}

struct Place {
    conn: ConnId,
    out: Arc<Out>,
    native_ping: bool,
    format: Format,
}

pub(super) struct Actor {
    pub engine: Engine,
    pub clock: Arc<dyn Clock>,
    pub hooks: Arc<dyn HubHooks>,
    pub tasks: TaskTracker,
    pub inputs: mpsc::Sender<Input>,
    /// Most bytes that waited for one connection since the figure was last shown.
    high_water: usize,
    places: Vec<Option<Place>>,
    flushes: Flushes,
}

impl Actor {
    pub(super) fn new(
        engine: Engine,
        clock: Arc<dyn Clock>,
        hooks: Arc<dyn HubHooks>,
        tasks: TaskTracker,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let (places, flushes) = (Vec::new(), Flushes::default());
        Self { engine, clock, hooks, tasks, inputs, high_water: 0, places, flushes }
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>, hard: CancellationToken) {
        let mut turn = Vec::with_capacity(TURN);
        let mut after: Vec<After> = Vec::new();
        loop {
            let now = self.clock.now();
            let sleep = self
                .engine
                .deadline()
                .map_or(MAX_SLEEP, |d| d.saturating_sub(now.mono))
                .clamp(Duration::ZERO, MAX_SLEEP);
            tokio::select! {
                biased;
                () = hard.cancelled() => return,
                _count = inputs.recv_many(&mut turn, TURN) => {}
                () = tokio::time::sleep(sleep) => {}
            }
            let now = self.clock.now();
            for input in turn.drain(..) {
                self.input(input, now, &mut after);
            }
            self.engine.advance(now, !inputs.is_empty());
            self.perform(now);
            // Whoever waits for an answer goes on while this task writes.
            after.drain(..).for_each(|then| then());
            self.flush(now);
            // Fan-outs are long: readers and writers on this thread get their turn.
            tokio::task::yield_now().await;
        }
    }

    fn input(&mut self, input: Input, now: Now, after: &mut Vec<After>) {
        match input {
            Input::Open { format, native_ping, client, out, done } => {
                let conn = self.engine.open(now, format, native_ping, &client);
                let index = conn.index as usize;
                if self.places.len() <= index {
                    self.places.resize_with(index + 1, || None);
                }
                self.places[index] = Some(Place { conn, out, native_ping, format });
                if done.send(conn).is_err() {
                    self.gone(now, conn, 1006, false);
                }
            }
            Input::Frame(conn, frame) => self.engine.frame(now, conn, frame),
            Input::NativePong(conn) => self.engine.native_pong(now, conn),
            Input::PingWritten(conn) => self.engine.ping_written(now, conn),
            Input::Gone { conn, code, in_order } => self.gone(now, conn, code, in_order),
            Input::Answer(call, answer) => self.engine.answer(now, call, answer),
            Input::Run(command) => after.push(command(&mut self.engine, now)),
        }
    }

    fn gone(&mut self, now: Now, conn: ConnId, code: u32, in_order: bool) {
        self.engine.closed(now, conn, code, in_order);
        self.vacate(conn);
    }

    fn vacate(&mut self, conn: ConnId) -> Option<Place> {
        self.places.get_mut(conn.index as usize)?.take_if(|p| p.conn == conn)
    }

    fn place(&self, conn: ConnId) -> Option<&Place> {
        self.places.get(conn.index as usize)?.as_ref().filter(|p| p.conn == conn)
    }

    /// Carries out effects; those of connections cut off on the way come last.
    fn perform(&mut self, now: Now) {
        loop {
            let effects = self.engine.effects(now);
            if effects.is_empty() {
                break;
            }
            let mut slow = Vec::new();
            for effect in effects {
                self.effect(effect, &mut slow);
            }
            for conn in slow {
                if let Some(place) = self.vacate(conn) {
                    let (code, reason) = code::SLOW;
                    self.finish(&place, End::with(code, reason), false);
                    self.engine.closed(now, conn, code, false);
                }
            }
        }
        let high = std::mem::take(&mut self.high_water);
        if high > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a histogram")]
            metrics::histogram!("stoa_hub_queue_high_water_bytes").record(high as f64);
        }
    }

    fn effect(&mut self, effect: Effect, slow: &mut Vec<ConnId>) {
        match effect {
            Effect::Send { conn, format, frame } => {
                self.push(conn, framed(format, &frame), Then::Nothing, false, slow);
            }
            Effect::Ping { conn } => {
                let Some(place) = self.place(conn) else { return };
                let ping = if place.native_ping { wire::ping() } else { framed(place.format, place.format.ping()) };
                self.push(conn, ping, Then::Pinged, false, slow);
            }
            Effect::Fanout { to, format, frame, publications, live_only, since } => {
                metrics::counter!("stoa_hub_deliveries_total").increment(u64::from(publications) * to.len() as u64);
                let frame = framed(format, &frame);
                for (n, conn) in to.iter().enumerate() {
                    let then = if n == 0 { Then::Timed(since) } else { Then::Nothing };
                    self.push(*conn, frame.clone(), then, live_only, slow);
                }
            }
            Effect::Close { conn, code, reason } => {
                if let Some(place) = self.vacate(conn) {
                    self.finish(&place, End::with(code, &reason), true);
                }
            }
            Effect::Hook { call, client, ask } => self.hook(call, client, ask),
            Effect::Presence { channel, client, came, left } => self.hooks.presence(&channel, &client, came, left),
            Effect::Closed { client, code } => self.hooks.closed(&client, code),
        }
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

    /// Writes what this turn has queued.
    fn flush(&mut self, now: Now) {
        let engine = &mut self.engine;
        self.flushes.run(&self.clock, &self.tasks, &self.inputs, |conn| engine.ping_written(now, conn));
    }

    /// Asks the product in a task of its own; silence and panics become an error that SDKs repeat.
    fn hook(&self, call: CallId, client: Arc<HubClient>, ask: Ask) {
        let (hooks, inputs, clock) = (self.hooks.clone(), self.inputs.clone(), self.clock.clone());
        self.tasks.spawn(async move {
            let started = clock.now().mono;
            let (name, answer) = match ask {
                Ask::Connect => ("connect", Answer::Connect(patient("connect", hooks.connect(&client)).await)),
                Ask::Subscribe { channel } => {
                    ("subscribe", Answer::Subscribe(patient("subscribe", hooks.subscribe(&client, &channel)).await))
                }
                Ask::Rpc { method, data } => {
                    let data = String::from_utf8_lossy(&data);
                    ("rpc", Answer::Rpc(patient("rpc", hooks.rpc(&client, &method, &data)).await))
                }
            };
            let took = clock.now().mono.saturating_sub(started);
            metrics::histogram!("stoa_hub_hook_seconds", "hook" => name).record(took.as_secs_f64());
            // Nobody waits for it any more when the engine is gone.
            let _gone = inputs.send(Input::Answer(call, answer)).await;
        });
    }
}

async fn patient<T>(name: &'static str, asked: impl Future<Output = Result<T, HubRefusal>>) -> Result<T, HubRefusal> {
    let answer = tokio::time::timeout(HOOK_TIMEOUT, AssertUnwindSafe(asked).catch_unwind()).await;
    let why = match answer {
        Ok(Ok(answer)) => return answer,
        Ok(Err(_)) => "panicked",
        Err(_) => "too slow",
    };
    metrics::counter!("stoa_hub_hook_failures_total", "hook" => name).increment(1);
    tracing::warn!(hub.hook = name, hub.why = why, "a question of the hub was not answered");
    Err(HubRefusal::INTERNAL)
}

/// One frame for everybody who gets it: clones share the bytes.
fn framed(format: Format, payload: &[u8]) -> Bytes {
    match format {
        Format::Json => wire::text(payload),
        Format::Protobuf => wire::binary(payload),
    }
}
