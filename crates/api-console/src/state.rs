//! What the handlers stand on.

use std::sync::Arc;

use stoa_api::{ApiState, Zone};
use stoa_core::console::{Accounts, Console, Sample, Series};
use stoa_core::time::UnixMs;

use crate::body::logs::RequestLine;
use crate::body::overview::CloudState;

/// State of the dialect. Cheap to clone.
#[derive(Clone)]
pub struct ConsoleState(Arc<Inner>);

struct Inner {
    api: ApiState,
    console: Console,
    accounts: Accounts,
    machine: Arc<dyn Machine>,
    about: About,
}

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// What does not change while the process runs.
#[derive(Debug, Clone)]
pub struct About {
    /// Of the server.
    pub version: &'static str,
    /// When it started.
    pub started: UnixMs,
    /// `server.time_zone`.
    pub zone: Zone,
    /// The same as it is written.
    pub zone_name: String,
    /// The database.
    pub store: StoreKind,
    /// Where media comes in.
    pub udp_ports: Vec<u16>,
    /// Logins need no password worth the name.
    pub demo: bool,
    /// Reached over a network without encryption.
    pub bare: bool,
}

/// A vendor cloud's interface.
#[derive(Debug, Clone)]
pub struct Health {
    /// Which.
    pub part: &'static str,
    /// Whether calls pass.
    pub state: CloudState,
    /// The newest failure.
    pub last_error: Option<&'static str>,
}

/// What is measured of the process and the machine.
pub trait Machine: Send + Sync {
    /// The newest sample: not older than 5 s, unless nothing is measured yet.
    fn newest(&self) -> Option<Sample>;
    /// The last minutes.
    fn series(&self, minutes: u32, now: UnixMs) -> Series;
    /// The last requests, the newest first.
    fn requests(&self) -> Vec<RequestLine>;
    /// Vendor clouds in use.
    fn clouds(&self) -> Vec<Health>;
    /// Tracks published at the media engine.
    fn publications(&self) -> u64;
    /// Participants of the media engine.
    fn participants(&self) -> u64;
    /// Connections to the message hub.
    fn connections(&self) -> u64;
    /// Load of the machine over one minute.
    fn load(&self) -> Option<f64>;
    /// Files and sockets that are open, and how many may be.
    fn files(&self) -> (Option<u64>, Option<u64>);
}

impl ConsoleState {
    /// All parts.
    #[must_use]
    pub fn new(api: ApiState, console: Console, accounts: Accounts, machine: Arc<dyn Machine>, about: About) -> Self {
        Self(Arc::new(Inner { api, console, accounts, machine, about }))
    }

    /// What all dialects share.
    #[must_use]
    pub fn api(&self) -> &ApiState {
        &self.0.api
    }

    pub(crate) fn console(&self) -> &Console {
        &self.0.console
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    pub(crate) fn machine(&self) -> &dyn Machine {
        &*self.0.machine
    }

    pub(crate) fn about(&self) -> &About {
        &self.0.about
    }

    pub(crate) fn now(&self) -> UnixMs {
        self.0.api.clock().now().wall
    }
}
