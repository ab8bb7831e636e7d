//! The handle by which the rest of the process holds the engine.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use stoa_core::app::Apps;
use stoa_core::media::{Media, MediaHooks};
use stoa_core::ports::{Clock, Entropy};
use stoa_core::stream::Streams;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::env::Env;
use crate::net::{self, Thread};
use crate::pc::{Factory, PcSet};
use crate::port::Port;
use crate::shard::{Command, Shard};
use crate::signal::Buckets;

/// Commands that may wait for a shard. When full, joins are refused with 503 and everything else waits.
const COMMAND_QUEUE: usize = 8192;

/// Longest window of rates in seconds: what counters keep.
const MAX_STATS_WINDOW: u32 = 10;

/// How the engine runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address the media socket is bound to.
    pub udp_bind: IpAddr,
    /// Its port, 0 = a free one.
    pub udp_port: u16,
    /// Addresses clients are told to send media to. At least one.
    pub advertised: Vec<IpAddr>,
    /// Port for ICE over TCP on the advertised addresses: the HTTP port. `None` = UDP only.
    pub ice_tcp_port: Option<u16>,
    /// Presence after a lost WebSocket.
    pub resume_window: Duration,
    /// Participants per channel, 0 = no limit.
    pub max_participants: u32,
    /// Published tracks per participant.
    pub max_tracks: u32,
    /// Signal requests per connection: per second, burst. 0 per second = no limit.
    pub signals: (u32, u32),
    /// Joins per address: per second, burst. 0 per second = no limit.
    pub joins: (u32, u32),
    /// Whole seconds that rates of tracks are the mean of, 1 to 10. More are smoother and later.
    pub stats_window: u32,
    /// Clients may ask for faults, and participants may be made up (development only).
    pub simulate: bool,
    /// Name of this server in join answers.
    pub node_id: String,
}

impl Default for Config {
    /// Loopback, a free port, limits as documented.
    fn default() -> Self {
        Self {
            udp_bind: IpAddr::from([127, 0, 0, 1]),
            udp_port: 0,
            advertised: vec![IpAddr::from([127, 0, 0, 1])],
            ice_tcp_port: None,
            resume_window: Duration::from_secs(15),
            max_participants: 0,
            max_tracks: 8,
            signals: (50, 200),
            joins: (20, 200),
            stats_window: 3,
            simulate: false,
            node_id: "ND_stoa".to_owned(),
        }
    }
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The media socket could not be bound.
    #[error("cannot bind the media socket")]
    Bind(#[source] std::io::Error),
    /// No address to tell clients.
    #[error("no address to advertise to media clients")]
    NoAddress,
}

struct Parts {
    shard: Shard,
    commands: mpsc::Receiver<Command>,
    socket: UdpSocket,
}

pub(crate) struct Inner {
    pub env: Arc<Env>,
    pub port: Port,
    pub udp: SocketAddr,
    pub hooks: OnceLock<Arc<dyn MediaHooks>>,
    pub tasks: OnceLock<(TaskTracker, CancellationToken)>,
    pub joins: Buckets<IpAddr>,
    parts: Mutex<Option<Parts>>,
}

/// The media engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

impl Engine {
    /// Binds the media socket. Nothing runs before [`Engine::start`], for the hooks need [`Engine::media`] first.
    /// The metrics recorder must be installed before.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(
        mut cfg: Config,
        apps: Apps,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StartError> {
        if cfg.advertised.is_empty() {
            return Err(StartError::NoAddress);
        }
        let socket = net::bind(SocketAddr::new(cfg.udp_bind, cfg.udp_port)).map_err(StartError::Bind)?;
        let udp = socket.local_addr().map_err(StartError::Bind)?;
        let on = |port: u16| cfg.advertised.iter().map(move |ip| SocketAddr::new(*ip, port)).collect::<Vec<_>>();
        let factory = Factory::new(on(udp.port()), cfg.ice_tcp_port.map(on).unwrap_or_default());
        cfg.stats_window = cfg.stats_window.clamp(1, MAX_STATS_WINDOW);
        let base = net::base(clock.now().mono);
        let joins = Buckets::new(cfg.joins);
        let env = Arc::new(Env::new(cfg, apps, clock, entropy));
        let (commands, receiver) = mpsc::channel(COMMAND_QUEUE);
        let shard = Shard::new(env.clone(), base, PcSet::new(factory));
        let port = Port {
            commands,
            memory: shard.memory.clone(),
            pictures: shard.pictures.clone(),
            stats_window: env.cfg.stats_window,
            clock: Arc::clone(&env.clock),
        };
        let parts = Mutex::new(Some(Parts { shard, commands: receiver, socket }));
        let inner = Inner { env, port, udp, hooks: OnceLock::new(), tasks: OnceLock::new(), joins, parts };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Starts the media thread. It ends when `stop` is cancelled; `tasks` waits for it. Must be called inside a tokio
    /// runtime; a second call does nothing.
    pub fn start(&self, hooks: Arc<dyn MediaHooks>, tasks: &TaskTracker, stop: CancellationToken) {
        let parts = self.inner.parts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Parts { shard, commands, socket }) = parts else { return };
        // Both are set once: the parts are taken once.
        let _first = self.inner.hooks.set(hooks.clone());
        let _first = self.inner.tasks.set((tasks.clone(), stop.clone()));
        let env = self.inner.env.clone();
        let back = self.inner.port.commands.clone();
        Thread { shard, commands, socket, env, hooks, back, tasks: tasks.clone(), stop }.start();
    }

    /// The port to it.
    #[must_use]
    pub fn media(&self) -> Arc<dyn Media> {
        self.inner.port.shared()
    }

    /// The door for publishers and viewers that speak plain HTTP.
    #[must_use]
    pub fn streams(&self) -> Arc<dyn Streams> {
        Arc::new(self.clone())
    }

    /// Where media arrives.
    #[must_use]
    pub fn udp_addr(&self) -> SocketAddr {
        self.inner.udp
    }

    /// Other tenants from now on.
    pub fn set_apps(&self, apps: Apps) {
        self.inner.env.set_apps(apps);
    }

    /// The signalling routes: `/rtc`, `/rtc/validate`, and the 404s of `/rtc/v1` that make clients fall back.
    pub fn router(&self) -> axum::Router {
        crate::signal::router(self.clone())
    }

    /// Takes over a TCP connection on which a client speaks ICE (first byte below 0x10, RFC 4571 framing).
    pub fn ice_tcp(&self, stream: tokio::net::TcpStream, peer: SocketAddr) {
        crate::tcp::serve(&self.inner, stream, peer);
    }

    /// Tells every client to join again elsewhere or later, and lets nobody in any more.
    pub async fn drain(&self) {
        // An engine too busy to drain is stopped all the same.
        let _drained = self.inner.port.call(Shard::drain).await;
    }
}
