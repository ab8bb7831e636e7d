//! A way to the server that can be cut, led elsewhere, and that counts connections and pings.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A ping or pong of the protocol as the payload of a WebSocket frame: an empty object, or the length 0.
const EMPTY: [(u8, u8); 2] = [(0x81, 2), (0x82, 1)];

struct State {
    target: Mutex<SocketAddr>,
    open: AtomicBool,
    cuts: watch::Sender<usize>,
    counts: watch::Sender<Counts>,
    accepted: AtomicUsize,
}

/// What went by.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub pings: usize,
    pub pongs: usize,
}

/// Listens on a port of its own until dropped.
pub struct Proxy {
    pub addr: SocketAddr,
    state: Arc<State>,
    _accepts: JoinSet<()>,
}

impl Proxy {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target: Mutex::new(target),
            open: AtomicBool::new(true),
            cuts: watch::Sender::new(0),
            counts: watch::Sender::new(Counts::default()),
            accepted: AtomicUsize::new(0),
        });
        let mut accepts = JoinSet::new();
        accepts.spawn(accept(listener, state.clone()));
        Self { addr, state, _accepts: accepts }
    }

    /// Lets nobody else through until [`Proxy::open`].
    pub fn shut(&self) {
        self.state.open.store(false, Ordering::SeqCst);
    }

    /// The same, and resets what is connected.
    pub fn cut(&self) {
        self.shut();
        self.state.cuts.send_modify(|n| *n += 1);
    }

    pub fn open(&self) {
        self.state.open.store(true, Ordering::SeqCst);
    }

    /// Where new connections go.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.state.target.lock().unwrap() = target;
    }

    /// Connections that were let through so far.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.state.counts.subscribe()
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut links = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if state.open.load(Ordering::SeqCst) {
            state.accepted.fetch_add(1, Ordering::SeqCst);
            links.spawn(link(client, state.clone()));
        }
    }
}

async fn link(mut client: TcpStream, state: Arc<State>) {
    let mut cuts = state.cuts.subscribe();
    let target = *state.target.lock().unwrap();
    // Where a server is down, the client sees its connection end.
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    for end in [&client, &server] {
        end.set_nodelay(true).unwrap();
    }
    let cut = carry(&mut client, &mut server, &mut cuts, &state).await;
    if cut {
        // Without a goodbye, as a network does it.
        for end in [&client, &server] {
            end.set_zero_linger().unwrap();
        }
    }
}

/// Until both sides have ended, or the cut: whether it was that.
async fn carry(
    client: &mut TcpStream,
    server: &mut TcpStream,
    cuts: &mut watch::Receiver<usize>,
    state: &State,
) -> bool {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let down = pump(&mut from_server, &mut to_client, |chunk| {
        if EMPTY.iter().any(|(op, len)| chunk.starts_with(&[*op, *len]) && chunk.len() == 2 + usize::from(*len)) {
            state.counts.send_modify(|c| c.pings += 1);
        }
    });
    let up = pump(&mut from_client, &mut to_server, |chunk| {
        // From clients the length has the mask bit, and the mask follows.
        if EMPTY.iter().any(|(op, len)| chunk.starts_with(&[*op, 0x80 | *len]) && chunk.len() == 6 + usize::from(*len))
        {
            state.counts.send_modify(|c| c.pongs += 1);
        }
    });
    tokio::select! {
        _ = cuts.changed() => true,
        // The end of one side is passed on to the other first.
        () = async { tokio::join!(down, up); } => false,
    }
}

async fn pump(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), mut see: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        see(&buffer[..n]);
        if to.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _gone = to.shutdown().await;
}
