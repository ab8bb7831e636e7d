//! One connection: what waits to be written to it, and the socket itself. Whoever has something for it queues it and
//! writes at once if the socket takes it; the connection's own task goes on only where a socket did not.
//!
//! Frames are shared: a queue holds references, and no connection has a write buffer of its own.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::proto::code;
use crate::wire;

/// Most bytes that wait for one connection. Less cuts clients on slow networks off sooner; more is held for each that
/// does not read.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// Most frames that wait.
const MAX_ENTRIES: usize = 4_096;
/// Share of the bytes above which publications without an offset are left out.
const LIVE_ONLY_BYTES: usize = MAX_BYTES / 4;
/// Most frames of one write. The kernel takes 1,024; what a queue holds between two looks is rarely more than a few.
const AT_ONCE: usize = 64;
/// Small frames of one write are put together up to so many bytes.
const TOGETHER: usize = 1_536;
/// Most bytes of one read. It is on the stack of whoever reads, so an idle connection has no read buffer.
const READ: usize = 2 * 1024;

/// What is done when a frame is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// The engine wants to know.
    Pinged,
    /// The first of a fan-out, with when its publication came in (ms): a sample of how long it took.
    Timed(u64),
}

/// What came of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// `first` = nobody was told to flush yet.
    Queued { first: bool },
    /// Left out: it has no offset and the queue is filling, or the connection is at its end.
    Skipped,
    /// The queue is full, and is now cut off.
    Overflow,
}

/// The last thing that happens to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// A close frame, and its code.
    Close(Bytes, u32),
    /// Nothing can be written any more.
    Gone,
}

impl End {
    pub(super) fn close((code, reason): code::Close) -> Self {
        Self::with(code, reason)
    }

    /// To a close frame of the client: its own code comes back (RFC 6455 5.5.1).
    pub(super) fn answer(code: Option<u16>) -> Self {
        Self::Close(wire::close(code, ""), code.map_or(1005, u32::from))
    }

    pub(super) fn with(code: u32, reason: &str) -> Self {
        Self::Close(wire::close(Some(u16::try_from(code).unwrap_or(3004)), reason), code)
    }
}

/// How writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The close frame of this code is written.
    Closed(u32),
    /// The socket does not take any more.
    Broken,
    /// There was nothing to write an end to.
    Gone,
}

/// What the connection's task has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Tell the engine that a ping is on the wire.
    Pinged,
    /// The socket takes nothing at the moment; so many frames were written before.
    Stuck(u64),
    Ended(Ending),
}

/// What came of a flush by somebody else than the connection's task.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Flushed {
    /// The engine is to be told that a ping is on the wire.
    pub pinged: bool,
    /// Fan-outs whose first frame is on the wire.
    pub timed: Timed,
}

/// When fan-outs came in (ms). One write rarely ends more than one of them.
pub(super) type Timed = SmallVec<[u64; 2]>;

/// Frames in order. A single one, which is what most connections have at most, costs no allocation.
#[derive(Default)]
struct Fifo {
    /// None = there is none at all.
    first: Option<(Bytes, Then)>,
    rest: VecDeque<(Bytes, Then)>,
}

impl Fifo {
    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn first(&self) -> Option<&Bytes> {
        self.first.as_ref().map(|(frame, _)| frame)
    }

    fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.first.iter().chain(&self.rest).map(|(frame, _)| frame)
    }

    fn push(&mut self, frame: Bytes, then: Then) {
        match &self.first {
            None => self.first = Some((frame, then)),
            Some(_) => self.rest.push_back((frame, then)),
        }
    }

    fn push_front(&mut self, frame: Bytes, then: Then) {
        if let Some(second) = self.first.replace((frame, then)) {
            self.rest.push_front(second);
        }
    }

    fn pop(&mut self) -> Option<(Bytes, Then)> {
        std::mem::replace(&mut self.first, self.rest.pop_front())
    }

    /// Keeps only the first.
    fn keep_first(&mut self) {
        self.rest = VecDeque::new();
    }
}

#[derive(Default)]
struct Queue {
    items: Fifo,
    /// Waiting, or being written.
    bytes: usize,
    /// Payload of the last ping that is not answered yet.
    pong: Option<Bytes>,
    end: Option<End>,
    /// Somebody is going to flush.
    flushing: bool,
}

struct Wire<I> {
    /// None = hung up.
    io: Option<I>,
    /// Being written, and how much of the first is.
    unsent: Fifo,
    offset: usize,
    /// Frames written.
    frames: u64,
    /// The last write was not taken, and the connection's task knows it.
    stuck: bool,
    /// Code of the close frame, which is the last in `unsent`.
    closing: Option<u32>,
    ending: Option<Ending>,
    /// The connection's task. None = it has not looked yet, and will.
    task: Option<Waker>,
    /// Of pings that were written, and that the engine was not told of.
    pinged: bool,
    /// The system gave up on the other side: it answers nothing any more.
    vanished: bool,
}

/// A connection. Shared by its task and by whoever writes to it.
pub(super) struct Out<I = TcpStream> {
    queue: Mutex<Queue>,
    /// Locked before `queue` if both are.
    wire: Mutex<Wire<I>>,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Out<I> {
    pub(super) fn over(io: I) -> Self {
        let wire = Wire {
            io: Some(io),
            unsent: Fifo::default(),
            offset: 0,
            frames: 0,
            stuck: false,
            closing: None,
            ending: None,
            task: None,
            pinged: false,
            vanished: false,
        };
        Self { queue: Mutex::default(), wire: Mutex::new(wire) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wire(&self) -> MutexGuard<'_, Wire<I>> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame; the bytes that wait now are the second answer. After the end nothing is taken any more.
    pub(super) fn push(&self, frame: Bytes, then: Then, live_only: bool) -> (Pushed, usize) {
        let mut q = self.queue();
        if q.end.is_some() || (live_only && q.bytes > LIVE_ONLY_BYTES) {
            return (Pushed::Skipped, q.bytes);
        }
        if q.bytes + frame.len() > MAX_BYTES || q.items.len() >= MAX_ENTRIES {
            return (Pushed::Overflow, q.bytes);
        }
        q.bytes += frame.len();
        q.items.push(frame, then);
        let first = !std::mem::replace(&mut q.flushing, true);
        (Pushed::Queued { first }, q.bytes)
    }

    /// Answers a ping. Of many that came at once only the last needs an answer (RFC 6455 5.5.3).
    pub(super) fn pong(&self, payload: &[u8]) {
        let mut q = self.queue();
        if q.end.is_none() {
            q.pong = Some(wire::pong(payload));
        }
    }

    /// The last thing to write, behind what is queued or instead of it. The first end stands. True = to be flushed.
    pub(super) fn finish(&self, end: End, flush: bool) -> bool {
        let mut w = self.wire();
        let mut q = self.queue();
        if !flush {
            w.cut(end == End::Gone);
            q.items = Fifo::default();
            q.pong = None;
            q.bytes = w.unsent.iter().map(Bytes::len).sum();
        }
        q.end.get_or_insert(end);
        !std::mem::replace(&mut q.flushing, true)
    }

    /// Writes what waits, as far as the socket takes it now. The connection's task goes on with the rest.
    pub(super) fn flush(&self) -> Flushed {
        let mut w = self.wire();
        self.queue().flushing = false;
        let mut flushed = Flushed::default();
        // Before its first look the task knows of nothing, and then it looks.
        let Some(task) = w.task.take() else { return flushed };
        let was_stuck = w.stuck;
        let written = w.write(self, &mut Context::from_waker(&task), &mut flushed.timed);
        flushed.pinged = std::mem::take(&mut w.pinged);
        w.stuck = written.is_pending();
        let tell = w.ending.is_some() || w.stuck != was_stuck;
        if tell {
            task.wake_by_ref();
        }
        w.task = Some(task);
        flushed
    }

    /// The connection's task: writes what waits. Pending = all is written.
    pub(super) fn poll(&self, cx: &mut Context<'_>, timed: &mut Timed) -> Poll<Step> {
        let mut w = self.wire();
        if w.task.as_ref().is_none_or(|t| !t.will_wake(cx.waker())) {
            w.task = Some(cx.waker().clone());
        }
        let written = w.write(self, cx, timed);
        if std::mem::take(&mut w.pinged) {
            return Poll::Ready(Step::Pinged);
        }
        if let Some(ending) = w.ending {
            return Poll::Ready(Step::Ended(ending));
        }
        w.stuck = written.is_pending();
        if w.stuck { Poll::Ready(Step::Stuck(w.frames)) } else { Poll::Pending }
    }

    /// Reads once, and hands what came to `eat`. False = the socket is at its end.
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, eat: impl FnOnce(&[u8])) -> Poll<bool> {
        let mut room = [const { MaybeUninit::uninit() }; READ];
        let mut buf = ReadBuf::uninit(&mut room);
        let mut w = self.wire();
        let Some(io) = &mut w.io else { return Poll::Ready(false) };
        let read = std::task::ready!(Pin::new(io).poll_read(cx, &mut buf));
        w.vanished |= read.as_ref().is_err_and(gave_up);
        drop(w);
        let more = read.is_ok() && !buf.filled().is_empty();
        if more {
            eat(buf.filled());
        }
        Poll::Ready(more)
    }

    /// Whether the socket ended because nobody answers any more. Of those who read and write only one is told so.
    pub(super) fn vanished(&self) -> bool {
        self.wire().vanished
    }

    /// Says to the other side that nothing more comes.
    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire().io {
            Some(io) => Pin::new(io).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Drops the socket, whoever still knows the connection.
    pub(super) fn hang_up(&self) {
        self.finish(End::Gone, false);
        let mut w = self.wire();
        // The task's memory lives as long as its waker.
        let gone = (w.io.take(), w.task.take());
        drop(w);
        drop(gone);
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Wire<I> {
    /// Ready = nothing waits, or nothing can be written any more.
    fn write(&mut self, out: &Out<I>, cx: &mut Context<'_>, timed: &mut Timed) -> Poll<()> {
        let mut written = 0;
        loop {
            if self.ending.is_some() || !self.refill(out, &mut written) {
                return Poll::Ready(());
            }
            let Some(io) = &mut self.io else { return Poll::Ready(()) };
            let result = match self.unsent.first() {
                Some(frame) if self.unsent.len() == 1 => Pin::new(io).poll_write(cx, &frame[self.offset..]),
                _ if self.unsent.iter().map(Bytes::len).sum::<usize>() <= TOGETHER => {
                    // Two or three small frames: a copy is cheaper than a write in pieces.
                    let mut together = [0; TOGETHER];
                    let mut n = 0;
                    for frame in self.unsent.iter() {
                        together[n..n + frame.len()].copy_from_slice(frame);
                        n += frame.len();
                    }
                    Pin::new(io).poll_write(cx, &together[self.offset..n])
                }
                _ => {
                    let mut slices = [IoSlice::new(&[]); AT_ONCE];
                    let mut n = 0;
                    for (slice, frame) in slices.iter_mut().zip(self.unsent.iter()) {
                        *slice = IoSlice::new(if n == 0 { &frame[self.offset..] } else { frame });
                        n += 1;
                    }
                    Pin::new(io).poll_write_vectored(cx, &slices[..n])
                }
            };
            match result {
                Poll::Ready(Ok(n)) if n > 0 => written += self.sent(n, timed),
                Poll::Ready(result) => {
                    self.vanished |= result.as_ref().is_err_and(gave_up);
                    self.ending = Some(Ending::Broken);
                }
                Poll::Pending => {
                    if written > 0 {
                        out.queue().written(written);
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Drops what waits. A frame that is half written is not dropped, unless nobody reads it any more, nor is the end.
    fn cut(&mut self, all: bool) {
        if all {
            self.ending.get_or_insert(Ending::Gone);
            self.unsent = Fifo::default();
        } else if self.closing.is_none() {
            self.unsent.keep_first();
            if self.offset == 0 {
                self.unsent = Fifo::default();
            }
        }
    }

    /// Takes what is queued if all that was taken is written. False = there is nothing to write.
    fn refill(&mut self, out: &Out<I>, written: &mut usize) -> bool {
        if !self.unsent.is_empty() {
            return true;
        }
        if let Some(code) = self.closing {
            self.ending = Some(Ending::Closed(code));
            return false;
        }
        let mut q = out.queue();
        q.written(std::mem::take(written));
        if let Some(pong) = q.pong.take() {
            q.bytes += pong.len();
            q.items.push_front(pong, Then::Nothing);
        }
        // An idle connection keeps no buffer.
        self.unsent = std::mem::take(&mut q.items);
        match q.end.take() {
            Some(End::Close(frame, code)) => {
                q.end = Some(End::Gone);
                self.closing = Some(code);
                q.bytes += frame.len();
                self.unsent.push(frame, Then::Nothing);
            }
            Some(End::Gone) => {
                q.end = Some(End::Gone);
                self.ending = Some(Ending::Gone);
            }
            None => {}
        }
        !self.unsent.is_empty()
    }

    /// Moves on by `n` bytes; answers the size of the frames that are now written.
    fn sent(&mut self, n: usize, timed: &mut Timed) -> usize {
        let mut done = 0;
        self.offset += n;
        while let Some(frame) = self.unsent.first()
            && self.offset >= frame.len()
            && let Some((frame, then)) = self.unsent.pop()
        {
            self.offset -= frame.len();
            self.frames += 1;
            done += frame.len();
            match then {
                Then::Nothing => {}
                Then::Pinged => self.pinged = true,
                Then::Timed(since) => timed.push(since),
            }
        }
        done
    }
}

/// What a system says of a peer that it has not heard of for too long, and of the way there.
fn gave_up(e: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable, TimedOut};
    matches!(e.kind(), TimedOut | HostUnreachable | NetworkUnreachable | NetworkDown)
}

impl Queue {
    fn written(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
