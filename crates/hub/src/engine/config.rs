//! What the engine is told once.

use std::time::Duration;

pub use stoa_core::rate::{Bucket, Rate};

use crate::token::Verifier;

/// What the channels of one namespace have (hub.md 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Text before the colon.
    pub name: String,
    /// Publications kept. 0 = no history, no offsets.
    pub history_size: usize,
    /// How long after the last publication they are kept.
    pub history_ttl: Duration,
    /// Clients are given positions and recover.
    pub recover: bool,
    /// Clients may ask who is there.
    pub presence: bool,
}

impl Namespace {
    /// `room`, `chat` and `user`.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let ns = |name: &str, history_size, secs, presence| Self {
            name: name.to_owned(),
            history_size,
            history_ttl: Duration::from_secs(secs),
            recover: true,
            presence,
        };
        vec![ns("room", 256, 600, true), ns("chat", 100, 300, false), ns("user", 100, 24 * 3600, false)]
    }
}

/// Times of the protocol. Tests shorten them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Between two pings; clients are told. Shorter finds dead links sooner and costs each idle phone radio time.
    pub ping: Duration,
    /// From a ping on the wire to its answer. The protocol's servers use 8 s.
    pub pong: Duration,
    /// From the open socket to the connect command.
    pub stale: Duration,
    /// How long an expired connection waits for its new token. SDKs repeat a failed refresh after 5 to 10 s.
    pub grace: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(25),
            pong: Duration::from_secs(8),
            stale: Duration::from_secs(10),
            grace: Duration::from_secs(25),
        }
    }
}

/// Rates per connection and user (hub.md 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All commands of one connection (`limits.hub_commands`).
    pub commands: Rate,
    /// Presence and history of one connection (`limits.hub_reads`).
    pub reads: Rate,
    /// Connects of one user (`limits.hub_connects_user`).
    pub connects_user: Rate,
    /// Connections of one user and face (`hub.connections_per_user`).
    pub connections_per_user: usize,
    /// Bytes of all kept publications. Above it the oldest channels lose theirs, but not their positions.
    pub history_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            commands: Rate { per_sec: 50, burst: 150 },
            reads: Rate { per_sec: 5, burst: 20 },
            connects_user: Rate { per_sec: 1, burst: 10 },
            connections_per_user: 8,
            history_bytes: 512 << 20,
        }
    }
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Compares tokens.
    pub verifier: Verifier,
    /// Channels that there are.
    pub namespaces: Vec<Namespace>,
    /// Times.
    pub timing: Timing,
    /// Rates.
    pub limits: Limits,
    /// What clients are told of us.
    pub version: String,
}

impl Config {
    /// With everything as the specification has it.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            namespaces: Namespace::defaults(),
            timing: Timing::default(),
            limits: Limits::default(),
            version: concat!("stoa ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
