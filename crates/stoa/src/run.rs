//! The life of a serving process: start, ready, reload, drain, end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use async_trait::async_trait;
use stoa_core::id::UserId;
use stoa_core::ports::{Clock, Store};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::clock::RealClock;
use crate::cmd::DEFAULT_CONFIG;
use crate::config::types::{AuthMode, Tls};
use crate::config::{Loaded, Settings, Sources, checks};
use crate::listener::IceSink;
use crate::logs::LogHandle;
use crate::ready::{Ready, ReadyFile};
use crate::simulate::{self, Crowd};
use crate::spawner::Spawner;
use crate::wire::{self, Given, Parts};
use crate::{admin, banner, files, listener, logs, ops, stores};

/// The hub's clients are closed over at most this long: longer would spread their return better, and make every restart
/// last longer.
const DRAIN_HUB: Duration = Duration::from_secs(1);
/// Longest wait for the engine to tell its clients to come back later.
const DRAIN_MEDIA: Duration = Duration::from_secs(2);
/// Longest wait for requests under way: longer than the store's 5 s queue would be in vain.
const DRAIN_REQUESTS: Duration = Duration::from_secs(5);
/// Longest wait for tasks after the hard end. All three together stay below the promised 10 s.
const DRAIN_TASKS: Duration = Duration::from_secs(1);

/// How to start.
pub struct Start {
    /// Where the configuration comes from, for reloads too.
    pub sources: Sources,
    /// `stoa dev`.
    pub dev: bool,
    /// Print where things are.
    pub banner: bool,
    /// Whom to make up before it is ready; only with `dev`, the engine refuses it otherwise.
    pub simulate: Option<Crowd>,
    /// Where the pages are, if not in the binary.
    pub pages: Option<std::path::PathBuf>,
}

/// Runs until a signal ends it.
///
/// # Errors
/// What stands in the way of a start.
pub fn run(start: Start, loaded: Loaded, findings: checks::Findings) -> anyhow::Result<()> {
    let logs = logs::start(&loaded.settings.server.log)?;
    for w in loaded.warnings.iter().chain(&findings.warnings) {
        tracing::warn!("{w}");
    }
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    let result = rt.block_on(serve(start, loaded, logs));
    // What still blocks a thread now would be cut anyway.
    rt.shutdown_timeout(DRAIN_TASKS);
    result
}

async fn serve(start: Start, mut loaded: Loaded, logs: LogHandle) -> anyhow::Result<()> {
    let clock = RealClock::new();
    let dir = loaded.settings.server.data_dir.clone();
    // Signals first: one that comes during the start must end it in order.
    let mut signals = Signals::new()?;
    let addr = checks::listen_addr(&loaded.settings.http.listen).map_err(|e| anyhow!(e))?;
    let tcp = listener::bind(addr)?;
    let http = tcp.local_addr()?;
    let demo_admins = start.dev && demo_admin(&mut loaded.settings, http);
    let s = &loaded.settings;
    files::make_data_dir(&dir)?;
    let _lock = lock(&dir)?;
    let spawner = Spawner::default();
    let (metrics, tally) = ops::start_metrics(&spawner)?;
    let store = stores::open(s).await?;
    let shared: Arc<dyn Clock> = Arc::new(clock);
    let given = Given {
        store: Arc::clone(&store),
        clock: Arc::clone(&shared),
        metrics,
        tally,
        http,
        dev: start.dev,
        demo_admins,
        pages: start.pages,
    };
    let parts = Arc::new(wire::build(s, given, &spawner).await?);
    let nobody = !start.dev && no_admin(s, &*store).await?;
    let hint = nobody.then(|| first_admin(&start.sources, &dir));
    let control = Arc::new(Control { sources: start.sources, parts: Arc::clone(&parts), logs });
    let as_control: Arc<dyn admin::Control> = Arc::clone(&control) as _;
    let admin_socket = admin::serve(&dir, store, shared, as_control, &spawner)?;

    let ice: IceSink = {
        let engine = parts.engine.clone();
        Arc::new(move |stream, peer| {
            engine.ice_tcp(stream, peer);
            Box::pin(std::future::ready(()))
        })
    };
    let routes = parts.routes.clone();
    spawner.spawn("listener", listener::serve(tcp, Arc::new(move || routes.current()), ice, spawner.clone()));
    parts.director.restore().await.map_err(|e| anyhow!("cannot read the rooms: {}", stores::explain(&e)))?;
    if let Some(crowd) = start.simulate {
        simulate::fill(&parts, s, crowd).await?;
    }
    let udp = parts.engine.udp_addr().port();
    let ready = Ready::new(http, udp);
    let ready_file = ReadyFile::write(&dir, &ready)?;
    let ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(http.port = http.port(), udp.port = udp, start.ms = ms, "ready");
    if start.banner {
        banner::print(&ready.http, udp, &dir.display().to_string(), demo_admins);
    }
    if let Some(command) = hint {
        println!("Nobody can sign in to the console yet. This makes an administrator: {command}");
    }

    while signals.next().await == Asked::Reload {
        match admin::Control::reload(&*control) {
            Ok(text) => tracing::info!("{text}"),
            Err(e) => tracing::error!(error = format!("{e:#}"), "nothing reloaded"),
        }
    }
    // Whoever looks from now on finds no server here.
    drop((ready_file, admin_socket));
    tokio::select! {
        () = drain(&parts, &spawner) => tracing::info!("stopped"),
        () = signals.end() => {
            spawner.hard.cancel();
            tracing::warn!("stopped at once by a second signal");
        }
    }
    Ok(())
}

/// With `stoa dev` somebody signs in to the console without any set-up: the name `admin`, with itself as the password.
/// Only where nobody but this machine can, and where the operator named no administrators.
fn demo_admin(s: &mut Settings, http: SocketAddr) -> bool {
    let alone = http.ip().is_loopback() && s.http.tls != Tls::Proxy;
    let wanted = alone && s.auth.mode == AuthMode::Demo && s.auth.admins.0.is_empty();
    if wanted {
        s.auth.admins.0.push(banner::DEMO_ADMIN.to_owned());
    }
    wanted
}

/// Whether there is no administrator at all.
async fn no_admin(s: &Settings, store: &dyn Store) -> anyhow::Result<bool> {
    let accounts = store.accounts().await.map_err(|e| anyhow!("cannot read the accounts: {}", stores::explain(&e)))?;
    Ok(s.auth.admins.0.is_empty() && !accounts.iter().any(|a| a.admin && !a.disabled))
}

/// The command that makes one, for this server.
fn first_admin(sources: &Sources, dir: &Path) -> String {
    let mut command = "stoa user add NAME --admin".to_owned();
    if let Some(file) = sources.file.as_ref().filter(|f| **f != Path::new(DEFAULT_CONFIG)) {
        command += &format!(" --config {}", file.display());
    }
    if !sources.sets.is_empty() {
        command += &format!(" --data {}", dir.display());
    }
    command
}

/// Refuse new work, tell clients, finish what runs, drop the rest.
async fn drain(parts: &Parts, spawner: &Spawner) {
    tracing::info!("stopping: no new work is taken");
    parts.draining.store(true, Ordering::Release);
    parts.api.set_ready(false);
    if timeout(DRAIN_MEDIA, parts.engine.drain()).await.is_err() {
        tracing::warn!("the media engine did not drain in time");
    }
    // Everybody's departure is in the call records before the store is closed.
    if let Err(e) = parts.world.facts().settled().await {
        tracing::warn!(error = e.internal(), "the last departures are not stored");
    }
    parts.boards.stop();
    // Last: what happened until here is in the streams that clients go on with.
    if let Err(e) = parts.hub.stop(DRAIN_HUB).await {
        tracing::warn!(error = e.internal().unwrap_or(e.public()), "the message hub did not stop in order");
    }
    spawner.soft.cancel();
    spawner.connections.close();
    spawner.tracker.close();
    let work = async { tokio::join!(spawner.connections.wait(), spawner.tracker.wait()) };
    if timeout(DRAIN_REQUESTS, work).await.is_err() {
        tracing::warn!(connections = spawner.connections.len(), tasks = spawner.tracker.len(), "cut what still ran");
    }
    spawner.hard.cancel();
    spawner.last.close();
    if timeout(DRAIN_TASKS, spawner.last.wait()).await.is_err() {
        tracing::warn!(tasks = spawner.last.len(), "the media engine does not end");
    }
}

/// One process owns a data folder, whichever store it uses. The lock ends with the process.
fn lock(dir: &Path) -> anyhow::Result<std::fs::File> {
    let path = dir.join("stoa.lock");
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("the data folder {} is not writable", dir.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => bail!("another stoa runs on the data folder {}", dir.display()),
        Err(std::fs::TryLockError::Error(e)) => Err(e).with_context(|| format!("cannot lock {}", path.display())),
    }
}

struct Control {
    sources: Sources,
    parts: Arc<Parts>,
    logs: LogHandle,
}

#[async_trait]
impl admin::Control for Control {
    async fn signed_out(&self, user: &UserId, banned: bool) {
        self.parts.groups.signed_out(user, banned).await;
    }

    fn reload(&self) -> anyhow::Result<String> {
        let loaded = self.sources.load()?;
        let findings = checks::check(&loaded.settings);
        if !findings.errors.is_empty() {
            bail!("{}", findings.errors.join("; "));
        }
        self.logs.set(&loaded.settings.server.log)?;
        self.parts.set_apps(checks::registry(&loaded.settings.apps))?;
        Ok(format!(
            "reloaded {} apps and the log level; other keys count from the next start",
            loaded.settings.apps.len()
        ))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    End,
    Reload,
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.term.recv() => Asked::End,
            _ = self.int.recv() => Asked::End,
            _ = self.hup.recv() => Asked::Reload,
        }
    }

    async fn end(&mut self) {
        while self.next().await != Asked::End {}
    }
}
