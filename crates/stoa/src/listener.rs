//! One TCP port for everything: the first byte tells ICE over TCP (a length below 4096) from HTTP (a letter).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::TcpKeepalive;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::held::Held;
use crate::spawner::Spawner;

/// Longest wait for the first byte of a connection, and for a request's head. Shorter sheds idle
/// sockets sooner; longer spares slow phones. Also how long a kept-alive connection may be silent.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest head of a request in bytes: tokens of 4 KiB in the query string fit with room to spare.
const MAX_HEAD: usize = 32 << 10;
/// Connections at once. Each costs a descriptor and some kilobytes; beyond it new ones are closed at once.
const MAX_CONNECTIONS: usize = 20_000;
/// Descriptors kept for everything that is no connection.
const SPARE_DESCRIPTORS: u64 = 256;
/// Pause after `accept` failed for want of descriptors, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A silent peer is asked for a sign of life after so long, by the system's own probes: no application wakes up for them.
/// Shorter keeps the radio of idle phones awake for nothing else; longer finds vanished hosts later.
const PROBE_AFTER: Duration = Duration::from_secs(9);
/// Between two probes that are not answered. There are [`PROBES`], because on bad networks single ones get lost.
const PROBE_EVERY: Duration = Duration::from_secs(1);
const PROBES: u32 = 5;
/// What was sent must be acknowledged within this, and a silent peer must have answered a probe by then, or the
/// connection is over. A peer that vanishes may be sent something just before its probes have failed, so finding it takes
/// up to twice as long: with this, a member whose host vanished is out of its groups within 30 s. Shorter cuts clients
/// off that are in a tunnel, and those that pause a download: a receiver whose window stays closed counts as one that is
/// gone.
const UNANSWERED: Duration = Duration::from_secs(14);
/// First bytes below this are a two-byte frame length (RFC 4571), never the first letter of a method.
const ICE_FIRST_BYTE: u8 = 0x10;

/// Takes an ICE-TCP stream whose first frame is still unread.
pub type IceSink = Arc<dyn Fn(TcpStream, SocketAddr) -> BoxFuture<'static, ()> + Send + Sync>;

/// Binds the port. An unspecified IPv6 address takes IPv4 as well; machines without IPv6 get IPv4.
///
/// # Errors
/// Port taken, address not of this machine, no right to low ports.
pub fn bind(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    let first = try_bind(addr);
    let listener = match first {
        Err(e) if addr.is_ipv6() && addr.ip().is_unspecified() && e.kind() != std::io::ErrorKind::AddrInUse => {
            try_bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port())))
        }
        other => other,
    };
    listener.with_context(|| format!("cannot listen on {addr} (`stoa doctor` looks for the reason)"))
}

fn try_bind(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, None)?;
    if addr.is_ipv6() {
        socket.set_only_v6(!addr.ip().is_unspecified())?;
    }
    // A restart must not wait for the last connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    find_vanished(&socket)?;
    socket.bind(&addr.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

/// Peers whose host or network is gone without a word. Accepted sockets inherit it, so that no connection pays for it.
fn find_vanished(socket: &socket2::Socket) -> std::io::Result<()> {
    let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY).with_retries(PROBES);
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNANSWERED))?;
    Ok(())
}

/// The routes as they are at this moment.
pub type CurrentRoutes = Arc<dyn Fn() -> Router + Send + Sync>;

/// Serves until the soft end, then lets running requests finish.
pub async fn serve(listener: TcpListener, routes: CurrentRoutes, ice: IceSink, spawner: Spawner) {
    let slots = Arc::new(Semaphore::new(connection_cap()));
    loop {
        let accepted = tokio::select! {
            a = listener.accept() => a,
            () = spawner.soft.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(pair) => pair,
            Err(e) => {
                tracing::warn!(error = %e, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            metrics::counter!("stoa_connections_refused_total").increment(1);
            continue;
        };
        let (routes, ice, soft) = (Arc::clone(&routes), Arc::clone(&ice), spawner.soft.clone());
        let held = Held::new(stream, slot, spawner.connections.token());
        spawner.spawn_connection(connection(held, plain(peer), routes, ice, soft));
    }
}

/// IPv4 clients of a dual-stack socket are shown as IPv4.
fn plain(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

fn connection_cap() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit.saturating_sub(SPARE_DESCRIPTORS)).unwrap_or(MAX_CONNECTIONS).clamp(64, MAX_CONNECTIONS)
}

async fn connection(
    held: Held,
    peer: SocketAddr,
    routes: CurrentRoutes,
    ice: IceSink,
    soft: tokio_util::sync::CancellationToken,
) {
    let mut first = [0u8; 1];
    match tokio::time::timeout(HEAD_TIMEOUT, held.stream.peek(&mut first)).await {
        Ok(Ok(1)) => {}
        _ => return,
    }
    // Small answers and media frames must not wait for more bytes. A socket that refuses is gone anyway.
    if held.stream.set_nodelay(true).is_err() {
        return;
    }
    if first[0] < ICE_FIRST_BYTE {
        ice(held.stream, peer).await;
        return;
    }
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        routes().oneshot(request.map(axum::body::Body::new) as Request)
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD.max(8192))
        .serve_connection(TokioIo::new(held), service)
        .with_upgrades();
    tokio::pin!(served);
    let ended = tokio::select! {
        r = served.as_mut() => r,
        () = soft.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(e) = ended {
        // Clients that vanish or send rubbish are everyday; whoever hunts one raises the log level.
        tracing::debug!(error = %e, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn start() -> (SocketAddr, Spawner, tokio::sync::mpsc::Receiver<Vec<u8>>) {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local_addr().unwrap();
        let (tx, rx) = tokio::sync::mpsc::channel(8);
        let ice: IceSink = Arc::new(move |mut s: TcpStream, _| {
            let tx = tx.clone();
            Box::pin(async move {
                let mut buf = [0u8; 4];
                s.read_exact(&mut buf).await.unwrap();
                tx.send(buf.to_vec()).await.unwrap();
            })
        });
        let peer = |ConnectInfo(p): ConnectInfo<SocketAddr>| async move { p.ip().to_string() };
        let spawner = Spawner::default();
        spawner.spawn(
            "listener",
            serve(listener, Arc::new(move || Router::new().route("/", get(peer))), ice, spawner.clone()),
        );
        (addr, spawner, rx)
    }

    #[tokio::test]
    async fn one_port_tells_http_from_ice() {
        let (addr, _spawner, mut ice) = start().await;
        let mut http = TcpStream::connect(addr).await.unwrap();
        http.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        http.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
        let mut stun = TcpStream::connect(addr).await.unwrap();
        stun.write_all(&[0, 2, 1, 1]).await.unwrap();
        assert_eq!(ice.recv().await.unwrap(), [0, 2, 1, 1]);
    }

    #[tokio::test]
    async fn accepted_sockets_find_vanished_peers() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let socket = socket2::SockRef::from(&accepted);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), PROBE_AFTER);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), PROBE_EVERY);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNANSWERED));
        // A probe is still answered when the time for it is over, and the sum of both ends stays below the promise.
        assert!(PROBE_AFTER + PROBE_EVERY * PROBES <= UNANSWERED && UNANSWERED * 2 < Duration::from_secs(30));
    }

    #[tokio::test]
    async fn the_soft_end_closes_idle_connections_and_the_port() {
        let (addr, spawner, _ice) = start().await;
        let mut http = TcpStream::connect(addr).await.unwrap();
        http.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut buf = [0u8; 512];
        assert!(http.read(&mut buf).await.unwrap() > 0);
        spawner.soft.cancel();
        spawner.connections.close();
        spawner.connections.wait().await;
        spawner.tracker.close();
        spawner.tracker.wait().await;
        assert_eq!(http.read(&mut buf).await.unwrap(), 0);
        assert!(TcpStream::connect(addr).await.is_err());
    }
}
