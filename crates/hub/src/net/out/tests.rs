use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;

/// A socket that takes so many bytes more.
#[derive(Default)]
struct Fake {
    room: usize,
    broken: bool,
    written: Vec<u8>,
    calls: usize,
}

impl AsyncRead for Fake {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Fake {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.calls += 1;
        if self.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let n = buf.len().min(self.room);
        self.room -= n;
        self.written.extend(&buf[..n]);
        if n == 0 { Poll::Pending } else { Poll::Ready(Ok(n)) }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all: Vec<u8> = bufs.iter().flat_map(|b| b.iter().copied()).collect();
        self.poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Task(std::sync::atomic::AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Task {
    fn woken(&self) -> usize {
        self.0.swap(0, std::sync::atomic::Ordering::Relaxed)
    }
}

/// A connection whose task has looked once.
fn open(room: usize) -> (Out<Fake>, Arc<Task>) {
    let task = Arc::new(Task::default());
    let out = Out::over(Fake { room, ..Fake::default() });
    assert_eq!(look(&out, &task), Poll::Pending);
    (out, task)
}

fn look(out: &Out<Fake>, task: &Arc<Task>) -> Poll<Step> {
    out.poll(&mut Context::from_waker(&Waker::from(task.clone())), &mut Timed::new())
}

fn with_io<T>(out: &Out<Fake>, f: impl FnOnce(&mut Fake) -> T) -> T {
    f(out.wire().io.as_mut().unwrap())
}

fn item(n: usize) -> Bytes {
    Bytes::from(vec![b'x'; n])
}

fn push(out: &Out<Fake>, n: usize) -> Pushed {
    out.push(item(n), Then::Nothing, false).0
}

#[test]
fn a_queue_is_bounded_by_bytes_and_entries() {
    let (out, task) = open(0);
    assert_eq!(push(&out, MAX_BYTES), Pushed::Queued { first: true });
    assert_eq!(push(&out, 1), Pushed::Overflow);
    out.flush();
    // Taken, but not written: it still counts.
    assert_eq!(push(&out, 1), Pushed::Overflow);
    with_io(&out, |io| io.room = MAX_BYTES - 1);
    assert_eq!(look(&out, &task), Poll::Ready(Step::Stuck(0)));
    assert_eq!(push(&out, 1), Pushed::Overflow, "a frame counts until it is written whole");
    with_io(&out, |io| io.room = 1);
    assert_eq!(look(&out, &task), Poll::Pending);
    for _ in 0..MAX_ENTRIES {
        assert!(matches!(push(&out, 0), Pushed::Queued { .. }));
    }
    assert_eq!(push(&out, 0), Pushed::Overflow);
}

#[test]
fn live_only_frames_are_left_out_of_a_filling_queue() {
    let (out, _) = open(0);
    assert_eq!(out.push(item(10), Then::Nothing, true).0, Pushed::Queued { first: true });
    push(&out, LIVE_ONLY_BYTES);
    assert_eq!(out.push(item(10), Then::Nothing, true).0, Pushed::Skipped);
    assert_eq!(push(&out, 10), Pushed::Queued { first: false });
}

#[test]
fn the_first_end_stands_and_comes_last() {
    let (out, task) = open(100);
    push(&out, 1);
    assert!(!out.finish(End::with(4501, "x"), true), "it is to be flushed already");
    out.finish(End::with(3001, "x"), true);
    assert_eq!(push(&out, 1), Pushed::Skipped);
    assert_eq!(look(&out, &task), Poll::Ready(Step::Ended(Ending::Closed(4501))));
    assert_eq!(with_io(&out, |io| io.written.clone()), [b"x\x88\x03", &4501u16.to_be_bytes()[..], b"x"].concat());
    let (cut, task) = open(100);
    push(&cut, 1);
    cut.finish(End::with(3008, ""), false);
    assert_eq!(look(&cut, &task), Poll::Ready(Step::Ended(Ending::Closed(3008))));
    assert_eq!(with_io(&cut, |io| io.written.len()), 4, "what waited is dropped");
}

#[test]
fn a_frame_that_is_half_written_is_finished_before_the_end() {
    let (out, task) = open(3);
    push(&out, 5);
    push(&out, 5);
    out.flush();
    out.finish(End::with(3008, ""), false);
    with_io(&out, |io| io.room = 100);
    assert_eq!(look(&out, &task), Poll::Ready(Step::Ended(Ending::Closed(3008))));
    assert_eq!(with_io(&out, |io| io.written.clone()), [b"xxxxx\x88\x02", &3008u16.to_be_bytes()[..]].concat());
}

#[test]
fn whoever_flushes_writes_and_the_task_goes_on_where_the_socket_did_not_take_it() {
    let (out, task) = open(0);
    assert_eq!(push(&out, 4), Pushed::Queued { first: true });
    assert_eq!(push(&out, 4), Pushed::Queued { first: false });
    assert_eq!(out.flush(), Flushed::default());
    assert_eq!(task.woken(), 1, "it has to watch the clock");
    assert_eq!(push(&out, 4), Pushed::Queued { first: true }, "the flush is over");
    out.flush();
    assert_eq!(task.woken(), 0, "it knows already");
    assert_eq!(look(&out, &task), Poll::Ready(Step::Stuck(0)));
    with_io(&out, |io| io.room = 6);
    assert_eq!(look(&out, &task), Poll::Ready(Step::Stuck(1)));
    with_io(&out, |io| io.room = 100);
    out.flush();
    assert_eq!(task.woken(), 1, "it need not watch the clock any more");
    assert_eq!(with_io(&out, |io| io.written.len()), 12);
    assert_eq!(look(&out, &task), Poll::Pending);
}

#[test]
fn before_its_task_has_looked_nothing_is_written_and_then_everything() {
    let task = Arc::new(Task::default());
    let out = Out::over(Fake { room: 100, ..Fake::default() });
    push(&out, 4);
    out.flush();
    assert_eq!(with_io(&out, |io| io.calls), 0);
    assert_eq!(look(&out, &task), Poll::Pending);
    assert_eq!(with_io(&out, |io| io.written.len()), 4);
}

#[test]
fn many_frames_are_one_write_in_their_order() {
    // Small ones are put together; of larger ones the kernel is given a list, and the pong is one too many for it.
    for (size, writes) in [(1, 1), (TOGETHER / AT_ONCE + 1, 2)] {
        let (out, _) = open(10_000);
        for n in 0..AT_ONCE {
            out.push(Bytes::from(vec![u8::try_from(n).unwrap(); size]), Then::Nothing, false);
        }
        out.pong(b"first");
        out.pong(b"last");
        out.flush();
        let (calls, written) = with_io(&out, |io| (io.calls, io.written.clone()));
        let frames: Vec<u8> = (0..AT_ONCE).flat_map(|n| vec![u8::try_from(n).unwrap(); size]).collect();
        assert_eq!(written, [b"\x8a\x04last", &frames[..]].concat(), "only the last ping is answered");
        assert_eq!(calls, writes, "frames of {size} bytes");
    }
}

#[test]
fn small_frames_put_together_go_on_where_the_socket_stopped() {
    let (out, task) = open(5);
    for frame in ["one", "two", "three"] {
        out.push(Bytes::from_static(frame.as_bytes()), Then::Nothing, false);
    }
    out.flush();
    with_io(&out, |io| io.room = 100);
    while look(&out, &task).is_ready() {}
    assert_eq!(with_io(&out, |io| io.written.clone()), b"onetwothree");
}

#[test]
fn what_was_asked_for_is_told_when_it_is_written() {
    let (out, task) = open(0);
    out.push(item(2), Then::Timed(17), false);
    out.push(item(2), Then::Pinged, false);
    assert_eq!(out.flush(), Flushed::default());
    with_io(&out, |io| io.room = 3);
    assert_eq!(out.flush(), Flushed { pinged: false, timed: Timed::from_slice(&[17]) });
    with_io(&out, |io| io.room = 1);
    assert_eq!(look(&out, &task), Poll::Ready(Step::Pinged));
    assert_eq!(look(&out, &task), Poll::Pending);
}

#[test]
fn a_broken_socket_and_one_that_was_dropped() {
    let (out, task) = open(10);
    with_io(&out, |io| io.broken = true);
    push(&out, 1);
    out.flush();
    assert_eq!(task.woken(), 1);
    assert_eq!(look(&out, &task), Poll::Ready(Step::Ended(Ending::Broken)));
    let (out, _) = open(10);
    out.hang_up();
    assert!(out.wire().io.is_none() && out.wire().task.is_none(), "nothing is held");
    assert_eq!(push(&out, 1), Pushed::Skipped);
    out.flush();
}

#[test]
fn an_idle_connection_keeps_no_buffer() {
    let (out, _) = open(usize::MAX);
    (0..200).for_each(|_| _ = push(&out, 1000));
    out.flush();
    push(&out, 1);
    out.flush();
    assert_eq!((out.wire().unsent.rest.capacity(), out.queue().items.rest.capacity()), (0, 0));
    assert_eq!(out.queue().bytes, 0);
}
