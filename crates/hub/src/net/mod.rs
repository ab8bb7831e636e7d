//! The shell around the engine: sockets, clock, files, tasks.

mod driver;
mod file;
mod flush;
mod gate;
mod handshake;
mod out;
mod port;
mod socket;
mod threads;
mod ws;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use stoa_core::Result;
use stoa_core::hub::HubHooks;
use stoa_core::ports::{Clock, Entropy};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{Config, Engine, Rate};
use crate::proto::code;
use driver::Driver;
use gate::Gate;
pub use socket::{SocketRule, Taken};
use threads::Threads;

/// Between two groups of closes during a stop.
const DRAIN_STEP: Duration = Duration::from_millis(20);
/// Cores for which there is one thread of sockets. One was seen to deliver 119,000 messages a second to small rooms; with
/// two each costs a tenth more, since what they share goes from core to core. The writes of a large room's messages, and
/// whatever the product waits for, are on other threads anyway.
const CORES_PER_THREAD: usize = 4;
/// How long a stop waits for the last sockets after it closed them.
const DRAIN_END: Duration = Duration::from_secs(3);

/// Is this Origin of a browser ours?
pub type OriginRule = Arc<dyn Fn(&str) -> bool + Send + Sync>;
/// The client's address, as the layers before have found it.
pub type PeerRule = Arc<dyn Fn(&Extensions) -> Option<IpAddr> + Send + Sync>;

/// What the shell is told once.
#[derive(Clone)]
pub struct Settings {
    /// Of the engine.
    pub engine: Config,
    /// Which pages may connect. Requests without Origin may.
    pub origin: OriginRule,
    /// Whom connects are counted for.
    pub peer: PeerRule,
    /// Connects of one address (`limits.hub_connects`).
    pub connects: Rate,
    /// Sockets at once; above it the answer is 503.
    pub max_connections: usize,
    /// Where rings and positions are kept over a planned stop. None = nowhere.
    pub snapshot: Option<PathBuf>,
    /// How sockets are taken out of HTTP connections.
    pub socket: SocketRule,
    /// Threads that serve sockets, each its own. More carry more messages at once; a message is cheapest with one.
    /// 0 = the threads that serve HTTP do.
    pub threads: usize,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Settings {
    /// With limits as the specification has them, any Origin, the socket's own address, and threads by the cores there
    /// are.
    #[must_use]
    pub fn new(engine: Config, socket: SocketRule) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            engine,
            origin: Arc::new(|_| true),
            peer: Arc::new(|e| e.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip())),
            connects: Rate { per_sec: 20, burst: 200 },
            max_connections: 200_000,
            snapshot: None,
            socket,
            threads: (cores / CORES_PER_THREAD).max(1),
        }
    }
}

struct Shared {
    settings: Settings,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    gate: Gate,
    driver: Arc<Driver>,
    stopping: AtomicBool,
    sockets: AtomicUsize,
    /// Tasks of sockets. Nobody waits for it: a stop counts the sockets.
    upgraded: TaskTracker,
    restored: Vec<String>,
    threads: Threads,
}

impl Shared {
    /// A UUID of version 4.
    fn client_id(&self) -> String {
        let mut b = [0u8; 16];
        self.entropy.fill(&mut b);
        b[6] = b[6] & 0x0f | 0x40;
        b[8] = b[8] & 0x3f | 0x80;
        let n = u128::from_be_bytes(b);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            n >> 96,
            n >> 80 & 0xffff,
            n >> 64 & 0xffff,
            n >> 48 & 0xffff,
            n & 0xffff_ffff_ffff
        )
    }
}

/// The hub. Clones are the same hub; it is the product's port ([`stoa_core::hub::Hub`]).
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl Hub {
    /// A hub that is not started. A snapshot is taken over and its file deleted.
    #[must_use]
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let mut seed = [0u8; 8];
        entropy.fill(&mut seed);
        let now = clock.now();
        let mut engine = Engine::new(settings.engine.clone(), u64::from_le_bytes(seed), now);
        let mut restored = Vec::new();
        if let Some(path) = &settings.snapshot {
            match file::take(path) {
                Ok(None) => {}
                Ok(Some(bytes)) => match engine.restore(now, &bytes) {
                    Ok(channels) => {
                        tracing::info!(hub.channels = channels, "channels continue where they were");
                        restored = engine.known();
                    }
                    Err(why) => tracing::warn!(hub.why = ?why, "the hub's snapshot is not used, clients reload"),
                },
                Err(error) => tracing::warn!(%error, "the hub's snapshot cannot be taken, clients reload"),
            }
        }
        let shared = Shared {
            gate: Gate::new(settings.connects),
            threads: Threads::start(settings.threads),
            settings,
            driver: Driver::new(engine, clock.clone()),
            clock,
            entropy,
            stopping: AtomicBool::new(false),
            sockets: AtomicUsize::new(0),
            upgraded: TaskTracker::new(),
            restored,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Channels whose streams go on from before a restart: what happens before anybody comes back must be told there too.
    #[must_use]
    pub fn restored(&self) -> Vec<String> {
        self.shared.restored.clone()
    }

    /// Begins to serve. Sockets opened before wait. A second start does nothing.
    pub fn start(&self, hooks: Arc<dyn HubHooks>, tasks: &TaskTracker, hard: CancellationToken) {
        self.shared.driver.start(hooks, tasks, hard);
    }

    /// `/connection/websocket`.
    pub fn router(&self) -> axum::Router {
        axum::Router::new().route("/connection/websocket", axum::routing::get(ws::upgrade)).with_state(self.clone())
    }

    /// Sockets that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.sockets.load(Ordering::Relaxed)
    }

    /// Planned stop: no new sockets, no more publications, snapshot, then everybody is closed with 3001, spread over
    /// `spread` or a millisecond each, whichever is shorter.
    ///
    /// # Errors
    /// The engine is gone.
    pub async fn stop(&self, spread: Duration) -> Result<()> {
        self.shared.stopping.store(true, Ordering::Release);
        let bytes = self.with_engine(Engine::freeze)?;
        if let Some(path) = self.shared.settings.snapshot.clone() {
            let written = tokio::task::spawn_blocking(move || file::write(&path, &bytes)).await;
            if let Ok(Err(error)) = written {
                tracing::error!(%error, "the hub's snapshot is not written, clients will reload");
            }
        }
        let all = self.with_engine(|engine, _| engine.connections())?;
        let spread = spread.min(Duration::from_millis(all.len() as u64));
        let steps = usize::try_from(spread.as_millis() / DRAIN_STEP.as_millis()).unwrap_or(0).max(1);
        for group in all.chunks(all.len().div_ceil(steps).max(1)) {
            self.with_engine(|engine, now| group.iter().for_each(|c| engine.end(now, *c, code::SHUTDOWN)))?;
            tokio::time::sleep(DRAIN_STEP).await;
        }
        let end = self.shared.clock.now().mono + DRAIN_END;
        while self.connections() > 0 && self.shared.clock.now().mono < end {
            tokio::time::sleep(DRAIN_STEP).await;
        }
        Ok(())
    }
}
