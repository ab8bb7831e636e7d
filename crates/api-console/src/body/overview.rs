//! The server as a whole.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Who asks, and where.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The administrator.
    pub user: String,
    /// Of the server.
    pub version: String,
    /// The server's clock.
    pub now: i64,
    /// Zone of the days in lists: an offset or an IANA name.
    pub time_zone: String,
}

/// What the server does now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overview {
    /// Of the server.
    pub version: String,
    /// When the process started.
    pub started_at: i64,
    /// The server's clock.
    pub now: i64,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Voice rooms that are not dismissed.
    pub rooms_live: u64,
    /// Classes in progress.
    pub classes_live: u64,
    /// Channels that are neither a room nor a class in progress.
    pub talk_channels: u64,
    /// Channels with somebody in them.
    pub channels_live: u64,
    /// Participants of the media engine.
    pub participants: u64,
    /// Tracks that are published.
    pub publications: u64,
    /// Connections to the message hub.
    pub hub_connections: u64,
    /// Groups of the hub with somebody in them.
    pub hub_groups: u64,
    /// Bans that run.
    pub bans: u64,
    /// Accounts.
    pub accounts: u64,
    /// Resident memory of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Of one core, over the last 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Load of the machine over one minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_1m: Option<f64>,
    /// Files and sockets the process has open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// How many it may have; absent = no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_files: Option<u64>,
    /// The database.
    pub store: Store,
    /// The media engine.
    pub media: Media,
    /// The message hub.
    pub messages: Messages,
    /// Requests, this page's own included.
    pub http: Http,
    /// Vendor clouds in use.
    pub clouds: Vec<Cloud>,
    /// What an operator should look at.
    pub warnings: Vec<Warning>,
}

/// The database.
#[derive(Debug, Serialize, ToSchema)]
pub struct Store {
    /// Which.
    pub kind: StoreName,
    /// How long a trivial read took just now; absent = it did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping_ms: Option<f64>,
}

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoreName {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// Media packets, without those the engine drops. Rates are absent for the first 5 s.
#[derive(Debug, Serialize, ToSchema)]
pub struct Media {
    /// Where media comes in.
    pub udp_ports: Vec<u16>,
    /// From publishers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets_in_per_s: Option<f64>,
    /// To subscribers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets_out_per_s: Option<f64>,
    /// Payload from publishers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits_in_per_s: Option<f64>,
    /// Payload to subscribers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits_out_per_s: Option<f64>,
}

/// Messages of the hub. Rates are absent for the first 5 s.
#[derive(Debug, Serialize, ToSchema)]
pub struct Messages {
    /// Into channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_per_s: Option<f64>,
    /// To connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_per_s: Option<f64>,
}

/// Requests. Rates are absent for the first 5 s.
#[derive(Debug, Serialize, ToSchema)]
pub struct Http {
    /// All.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_s: Option<f64>,
    /// Those answered with a status of 500 or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors_per_s: Option<f64>,
}

/// A vendor cloud's interface.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cloud {
    /// Which.
    pub part: String,
    /// Whether calls pass.
    pub state: CloudState,
    /// The newest failure, also one that was since made good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Whether calls of a cloud pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloudState {
    /// They do.
    Ok,
    /// One is tried now and then.
    Degraded,
    /// They fail at once.
    Down,
}

/// What an operator should look at.
#[derive(Debug, Serialize, ToSchema)]
pub struct Warning {
    /// What kind, for translations.
    pub code: WarningCode,
    /// The same in English.
    pub text: String,
}

/// Kinds of warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// The database does not answer.
    StoreAway,
    /// Nine tenths of the files the process may open are open.
    ManyFiles,
    /// A vendor cloud's calls fail at once.
    CloudDown,
    /// Demo logins: the password is the user name.
    DemoLogins,
    /// Whoever signs in here talks to the server without encryption over a network.
    NoTls,
}

/// Which stretch of time.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SeriesQuery {
    /// So many minutes until now.
    #[serde(default = "hour")]
    #[param(minimum = 1, maximum = 360, default = 60)]
    pub minutes: u32,
}

fn hour() -> u32 {
    60
}

/// Measurements at even steps, the oldest first. Rates are per second.
#[derive(Debug, Serialize, ToSchema)]
pub struct Series {
    /// Between two measurements: 5 s for up to an hour, a minute beyond.
    pub step_ms: i64,
    /// Time of the first one.
    pub from: i64,
    /// The rows there are.
    pub names: Vec<String>,
    /// All of one length; null where nothing was measured.
    pub rows: Rows,
}

/// The rows.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Rows {
    /// Of one core.
    pub cpu_percent: Vec<Option<f64>>,
    /// Resident memory.
    pub memory_bytes: Vec<Option<f64>>,
    /// Participants of the media engine.
    pub participants: Vec<Option<f64>>,
    /// Connections to the message hub.
    pub connections: Vec<Option<f64>>,
    /// Media packets from publishers.
    pub packets_in: Vec<Option<f64>>,
    /// Media packets to subscribers.
    pub packets_out: Vec<Option<f64>>,
    /// Media payload from publishers.
    pub bits_in: Vec<Option<f64>>,
    /// Media payload to subscribers.
    pub bits_out: Vec<Option<f64>>,
    /// Messages into the hub's channels.
    pub published: Vec<Option<f64>>,
    /// Messages to the hub's connections.
    pub delivered: Vec<Option<f64>>,
    /// HTTP requests.
    pub requests: Vec<Option<f64>>,
    /// Those answered with a status of 500 or more.
    pub errors: Vec<Option<f64>>,
}
