//! Writing what was queued under the engine's lock: few connections at once, many by tasks that share them.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use stoa_core::ports::Clock;

use super::driver::Driver;
use super::out::Out;
use crate::engine::ConnId;

/// Connections that whoever caused it writes to. It saves waking others; a fan-out to more than a small room is shared
/// with other threads.
const INLINE: usize = 16;
/// Connections of one task: about a millisecond of writes.
const CHUNK: usize = 64;

/// Connections that have something to write.
#[derive(Default)]
pub(super) struct Flushes {
    due: Vec<(ConnId, Arc<Out>)>,
}

thread_local! {
    /// What the call that this thread works on has caused so far.
    static HELD: RefCell<Option<Flushes>> = const { RefCell::new(None) };
}

impl Flushes {
    pub(super) fn reserve(&mut self, n: usize) {
        self.due.reserve(n);
    }

    pub(super) fn add(&mut self, conn: ConnId, out: &Arc<Out>) {
        self.due.push((conn, out.clone()));
    }
}

/// Works on a call: at once as far as it goes without waiting, and in a task of its own from there on. Most calls wait
/// for nothing, and cost no task. What a call causes inside another one is not nested in it.
pub(super) fn begin(driver: &Arc<Driver>, call: BoxFuture<'static, ()>) {
    let mut call = Together { driver: driver.clone(), call };
    let nested = HELD.with_borrow(Option::is_some);
    // A task begins with a look of its own, so nobody needs to be woken by what this one waits for.
    if !nested {
        let _home = driver.at_home();
        if Pin::new(&mut call).poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
    }
    driver.spawn(call);
}

/// A call that collects what is to be written while it is worked on: its answer leaves with what it published. Nothing
/// waits longer than until the call itself has to wait.
struct Together {
    driver: Arc<Driver>,
    call: BoxFuture<'static, ()>,
}

impl Future for Together {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let me = &mut *self;
        let _hold = Hold::begin(&me.driver);
        me.call.as_mut().poll(cx)
    }
}

struct Hold<'a>(&'a Arc<Driver>);

impl<'a> Hold<'a> {
    fn begin(driver: &'a Arc<Driver>) -> Self {
        HELD.set(Some(Flushes::default()));
        Self(driver)
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if let Some(held) = HELD.take() {
            write(self.0, held);
        }
    }
}

/// Writes, now or with the rest of the call.
pub(super) fn write(driver: &Arc<Driver>, flushes: Flushes) {
    if flushes.due.is_empty() {
        return;
    }
    let now = HELD.with_borrow_mut(|held| match held {
        Some(held) if held.due.is_empty() => {
            *held = flushes;
            None
        }
        Some(held) => {
            held.due.extend(flushes.due);
            None
        }
        None => Some(flushes),
    });
    let Some(Flushes { due }) = now else { return };
    if due.len() <= INLINE {
        return due.iter().for_each(|(conn, out)| write_one(driver, *conn, out));
    }
    let mut due = due.into_iter().peekable();
    while due.peek().is_some() {
        let (mine, chunk) = (driver.clone(), due.by_ref().take(CHUNK).collect::<Vec<_>>());
        // The writes of a chunk are what one turn of a task is made for.
        driver.spawn(tokio::task::unconstrained(async move {
            chunk.iter().for_each(|(conn, out)| write_one(&mine, *conn, out));
        }));
    }
}

/// Writes what waits for one connection.
pub(super) fn write_one(driver: &Arc<Driver>, conn: ConnId, out: &Out) {
    let flushed = out.flush();
    flushed.timed.into_iter().for_each(|since| delivered(driver.clock(), since));
    if flushed.pinged {
        driver.with(|engine, now| engine.ping_written(now, conn));
    }
}

/// A publication that came in at `since` (ms) is on the wire.
pub(super) fn delivered(clock: &dyn Clock, since: u64) {
    let now = u64::try_from(clock.now().mono.as_millis()).unwrap_or(u64::MAX);
    let took = Duration::from_millis(now.saturating_sub(since));
    metrics::histogram!("stoa_hub_delivery_seconds").record(took.as_secs_f64());
}
