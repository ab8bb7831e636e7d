//! A client's socket: taken out of the HTTP connection that it came in, so that it lives on a thread of the hub.

use std::any::Any;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::net::TcpStream;

/// How a socket is taken out of an upgraded connection: who serves HTTP knows what it had wrapped the socket in.
pub type SocketRule = Arc<dyn Fn(Upgraded) -> io::Result<Taken> + Send + Sync>;

/// A socket that is not HTTP's any more, and that no thread waits for yet.
pub struct Taken {
    pub(super) stream: std::net::TcpStream,
    pub(super) early: Bytes,
    pub(super) place: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Taken {
    /// `early` was read behind the request; `place` is dropped after the socket.
    ///
    /// # Errors
    /// The system does not let the socket go.
    pub fn new(stream: TcpStream, early: Bytes, place: Box<dyn Any + Send>) -> io::Result<Self> {
        Ok(Self { stream: stream.into_std()?, early, place })
    }

    /// Of a server that wraps sockets as `axum::serve` does.
    ///
    /// # Errors
    /// It is wrapped in something else.
    pub fn of_axum(upgraded: Upgraded) -> io::Result<Self> {
        let parts = downcast::<TokioIo<TcpStream>>(upgraded).map_err(|_| Self::unknown())?;
        Self::new(parts.io.into_inner(), parts.read_buf, Box::new(()))
    }

    /// What a rule says of a connection that it does not know.
    #[must_use]
    pub fn unknown() -> io::Error {
        io::Error::other("the socket is wrapped in something unknown")
    }
}
