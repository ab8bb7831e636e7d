//! What waits to be written to one connection. References to shared frames, bounded by bytes and by entries.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::{CloseFrame, Message};
use tokio::sync::Notify;

/// Most bytes that wait for one connection. Less cuts clients on slow networks off sooner; more is held for each that
/// does not read.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// Most frames that wait.
const MAX_ENTRIES: usize = 4_096;
/// Share of the bytes above which publications without an offset are left out.
const LIVE_ONLY_BYTES: usize = MAX_BYTES / 4;
/// One frame that waits.
pub(super) enum Item {
    Data(Message),
    /// The engine wants to know when it is written.
    Ping(Message),
    /// The first of a fan-out, with when its publication came in: a sample of how long it took.
    Timed(Message, u64),
}

/// What the writer does next.
pub(super) enum Next {
    Write(Item),
    Close(CloseFrame),
    /// Nothing yet.
    Wait,
}

/// What is done when a frame is written.
pub(super) enum Then {
    Nothing,
    Pinged,
    Timed(u64),
}

/// What came of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    Queued,
    /// Left out: it has no offset and the queue is filling.
    Skipped,
    /// The queue is full, and is now cut off.
    Overflow,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Item>,
    bytes: usize,
    end: Option<CloseFrame>,
}

/// The queue of one connection.
#[derive(Default)]
pub(super) struct Out {
    state: Mutex<State>,
    wake: Notify,
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(t) => t.len(),
        Message::Binary(b) | Message::Ping(b) | Message::Pong(b) => b.len(),
        Message::Close(_) => 0,
    }
}

impl Item {
    fn size(&self) -> usize {
        let (Self::Data(m) | Self::Ping(m) | Self::Timed(m, _)) = self;
        size(m)
    }

    /// Message, size, and what is done when it is written.
    pub(super) fn apart(self) -> (Message, usize, Then) {
        let size = self.size();
        match self {
            Self::Data(m) => (m, size, Then::Nothing),
            Self::Ping(m) => (m, size, Then::Pinged),
            Self::Timed(m, since) => (m, size, Then::Timed(since)),
        }
    }
}

impl Out {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame. After the end nothing is taken any more.
    pub(super) fn push(&self, item: Item, live_only: bool) -> (Pushed, usize) {
        let mut s = self.state();
        if s.end.is_some() {
            return (Pushed::Skipped, s.bytes);
        }
        let more = item.size();
        if live_only && s.bytes > LIVE_ONLY_BYTES {
            return (Pushed::Skipped, s.bytes);
        }
        if s.bytes + more > MAX_BYTES || s.queue.len() >= MAX_ENTRIES {
            return (Pushed::Overflow, s.bytes);
        }
        s.bytes += more;
        s.queue.push_back(item);
        let bytes = s.bytes;
        drop(s);
        self.wake.notify_one();
        (Pushed::Queued, bytes)
    }

    /// The last thing to write, behind what is queued or instead of it. The first end stands.
    pub(super) fn finish(&self, frame: CloseFrame, flush: bool) {
        let mut s = self.state();
        s.end.get_or_insert(frame);
        if !flush {
            s.bytes = 0;
            s.queue = VecDeque::new();
        }
        drop(s);
        self.wake.notify_one();
    }

    /// What to do now. Bytes taken count as waiting until the next call says that they are written.
    pub(super) fn next(&self, written: usize) -> Next {
        let mut s = self.state();
        s.bytes = s.bytes.saturating_sub(written);
        if let Some(item) = s.queue.pop_front() {
            return Next::Write(item);
        }
        // An idle connection keeps no buffer.
        s.queue = VecDeque::new();
        s.end.clone().map_or(Next::Wait, Next::Close)
    }

    pub(super) async fn wait(&self) {
        self.wake.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn item(n: usize) -> Item {
        Item::Data(Message::Binary(Bytes::from(vec![0; n])))
    }

    fn end(code: u16) -> CloseFrame {
        CloseFrame { code, reason: "x".into() }
    }

    #[test]
    fn a_queue_is_bounded_by_bytes_and_entries() {
        let out = Out::default();
        assert_eq!(out.push(item(MAX_BYTES), false).0, Pushed::Queued);
        assert_eq!(out.push(item(1), false).0, Pushed::Overflow);
        let Next::Write(taken) = out.next(0) else { panic!("something to write") };
        // Taken, but not written: it still counts.
        assert_eq!(out.push(item(1), false).0, Pushed::Overflow);
        assert!(matches!(out.next(taken.size()), Next::Wait));
        for _ in 0..MAX_ENTRIES {
            assert_eq!(out.push(item(0), false).0, Pushed::Queued);
        }
        assert_eq!(out.push(item(0), false).0, Pushed::Overflow);
    }

    #[test]
    fn live_only_frames_are_left_out_of_a_filling_queue() {
        let out = Out::default();
        assert_eq!(out.push(item(10), true).0, Pushed::Queued);
        out.push(item(LIVE_ONLY_BYTES), false);
        assert_eq!(out.push(item(10), true).0, Pushed::Skipped);
        assert_eq!(out.push(item(10), false).0, Pushed::Queued);
    }

    #[test]
    fn the_first_end_stands_and_comes_last() {
        let out = Out::default();
        out.push(item(1), false);
        out.finish(end(4501), true);
        out.finish(end(3001), true);
        assert_eq!(out.push(item(1), false).0, Pushed::Skipped);
        assert!(matches!(out.next(0), Next::Write(_)));
        assert!(matches!(out.next(1), Next::Close(f) if f.code == 4501));
        let cut = Out::default();
        cut.push(item(1), false);
        cut.finish(end(3008), false);
        assert!(matches!(cut.next(0), Next::Close(f) if f.code == 3008));
    }
}
