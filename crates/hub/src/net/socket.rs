//! A client's socket: taken out of the HTTP connection that it came in, so that it lives on a thread of the hub.

use std::any::Any;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How a socket is taken out of an upgraded connection. Who serves HTTP knows what it had wrapped the socket in; the
/// answer to something else is what came.
pub type SocketRule = Arc<dyn Fn(Upgraded) -> Result<Taken, Upgraded> + Send + Sync>;

/// A socket that is not HTTP's any more.
pub struct Taken {
    stream: TcpStream,
    early: Bytes,
    place: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Taken {
    /// `early` was read behind the request; `place` is dropped after the socket.
    #[must_use]
    pub fn new(stream: TcpStream, early: Bytes, place: Box<dyn Any + Send>) -> Self {
        Self { stream, early, place }
    }

    /// Of a server that wraps sockets as `axum::serve` does.
    ///
    /// # Errors
    /// It is wrapped in something else.
    pub fn of_axum(upgraded: Upgraded) -> Result<Self, Upgraded> {
        let parts = downcast::<TokioIo<TcpStream>>(upgraded)?;
        Ok(Self::new(parts.io.into_inner(), parts.read_buf, Box::new(())))
    }
}

/// What the hub reads from and writes to.
pub(super) struct Socket {
    stream: TcpStream,
    /// Let go as soon as it is read: it holds all of the buffer that HTTP read into, also when it is empty.
    early: Option<Bytes>,
    /// Declared last: kept until the socket is closed.
    _place: Box<dyn Any + Send>,
}

/// A socket that no thread waits for: on its way from HTTP's to the hub's.
pub(super) struct Loose {
    stream: std::net::TcpStream,
    early: Bytes,
    place: Box<dyn Any + Send>,
}

impl Loose {
    /// Out of the connection.
    ///
    /// # Errors
    /// The system does not let it go, or the server that it comes from is unknown.
    pub(super) fn take(upgraded: Upgraded, rule: &SocketRule) -> io::Result<Self> {
        let unknown = |_| io::Error::other("the socket is wrapped in something unknown");
        let Taken { stream, early, place } = rule(upgraded).map_err(unknown)?;
        Ok(Self { stream: stream.into_std()?, early, place })
    }

    /// On the thread that calls.
    ///
    /// # Errors
    /// The system does not take it.
    pub(super) fn settle(self) -> io::Result<Socket> {
        let early = Some(self.early).filter(|e| !e.is_empty());
        Ok(Socket { stream: TcpStream::from_std(self.stream)?, early, _place: self.place })
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(early) = &mut self.early {
            let n = early.len().min(buf.remaining());
            buf.put_slice(&early.split_to(n));
            self.early.take_if(|e| e.is_empty());
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
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
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
