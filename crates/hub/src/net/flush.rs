//! Writing after a turn of the engine: few connections at once, many by tasks that share them.

use std::sync::Arc;
use std::time::Duration;

use stoa_core::ports::Clock;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::actor::Input;
use super::out::{Flushed, Out};
use crate::engine::ConnId;

/// Connections that the engine's own task writes to after a turn. It saves waking others; but while it writes, inputs
/// wait, so a fan-out to more than a small room is left to tasks.
const INLINE: usize = 16;
/// Connections of one task: about a millisecond of writes.
const CHUNK: usize = 64;

/// Connections that have something to write.
#[derive(Default)]
pub(super) struct Flushes {
    due: Vec<(ConnId, Arc<Out>)>,
}

impl Flushes {
    pub(super) fn add(&mut self, conn: ConnId, out: &Arc<Out>) {
        self.due.push((conn, out.clone()));
    }

    /// Writes; `pinged` hears of pings that are on the wire. What is left to tasks tells the engine itself.
    pub(super) fn run(
        &mut self,
        clock: &Arc<dyn Clock>,
        tasks: &TaskTracker,
        inputs: &mpsc::Sender<Input>,
        mut pinged: impl FnMut(ConnId),
    ) {
        if self.due.len() <= INLINE {
            for (conn, out) in self.due.drain(..) {
                if flush(&**clock, &out).pinged {
                    pinged(conn);
                }
            }
            return;
        }
        let mut due = std::mem::take(&mut self.due).into_iter();
        loop {
            let chunk: Vec<_> = due.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                return;
            }
            let (clock, inputs) = (clock.clone(), inputs.clone());
            // The writes of a chunk are what one turn of a task is made for.
            tasks.spawn(tokio::task::unconstrained(async move {
                for (conn, out) in chunk {
                    if flush(&*clock, &out).pinged {
                        // The engine may be gone, and then nobody waits for pongs.
                        let _stopped = inputs.send(Input::PingWritten(conn)).await;
                    }
                }
            }));
        }
    }
}

fn flush(clock: &dyn Clock, out: &Out) -> Flushed {
    let mut flushed = out.flush();
    flushed.timed.drain(..).for_each(|since| delivered(clock, since));
    flushed
}

/// A publication that came in at `since` (ms) is on the wire.
pub(super) fn delivered(clock: &dyn Clock, since: u64) {
    let now = u64::try_from(clock.now().mono.as_millis()).unwrap_or(u64::MAX);
    let took = Duration::from_millis(now.saturating_sub(since));
    metrics::histogram!("stoa_hub_delivery_seconds").record(took.as_secs_f64());
}
