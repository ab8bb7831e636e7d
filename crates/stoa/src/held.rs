//! A socket that keeps its place for as long as it lives: also after an upgrade, when the HTTP
//! connection has long ended and a WebSocket goes on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use stoa_hub::Taken;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A connection, its place among the allowed ones, and its mark for whoever waits for the last one.
pub struct Held {
    /// The socket.
    pub stream: TcpStream,
    /// Dropped after the socket.
    place: (OwnedSemaphorePermit, TaskTrackerToken),
}

impl Held {
    /// Keeps `slot` and `mark` until the socket is dropped.
    pub fn new(stream: TcpStream, slot: OwnedSemaphorePermit, mark: TaskTrackerToken) -> Self {
        Self { stream, place: (slot, mark) }
    }

    /// The socket by itself, out of an upgraded connection of our listener: for whoever serves it elsewhere.
    ///
    /// # Errors
    /// It is another's connection, or the system does not let the socket go.
    pub fn taken(upgraded: Upgraded) -> io::Result<Taken> {
        let parts = upgraded.downcast::<TokioIo<Self>>().map_err(|_| Taken::unknown())?;
        let Self { stream, place } = parts.io.into_inner();
        Taken::new(stream, parts.read_buf, Box::new(place))
    }
}

impl AsyncRead for Held {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Held {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
