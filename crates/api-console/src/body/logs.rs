//! What happened lately.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub(super) fn fifty() -> u32 {
    50
}

/// Nothing may be asked with it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

/// Which part of a list without a filter.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Rows to skip.
    #[serde(default)]
    #[param(default = 0)]
    pub offset: u64,
    /// Rows to show at most.
    #[serde(default = "fifty")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: u32,
}

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RequestsQuery {
    /// Of this class only.
    pub status: Option<StatusClass>,
    /// Part of the path or the request id, in any case.
    pub q: Option<String>,
    /// Rows to skip.
    #[serde(default)]
    #[param(default = 0)]
    pub offset: u64,
    /// Rows to show at most.
    #[serde(default = "fifty")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: u32,
}

/// Classes of HTTP statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub enum StatusClass {
    /// Done.
    #[serde(rename = "2xx")]
    Done,
    /// The caller's fault.
    #[serde(rename = "4xx")]
    Refused,
    /// Our fault.
    #[serde(rename = "5xx")]
    Failed,
}

/// A request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RequestLine {
    /// When it was answered.
    pub at: i64,
    /// `GET`, …
    pub method: String,
    /// Without query; what names a session is replaced.
    pub path: String,
    /// HTTP status.
    pub status: u16,
    /// How long it took.
    pub ms: f64,
    /// As in the log and in the answer.
    pub request_id: String,
    /// Which part of the server answered.
    pub dialect: Dialect,
}

/// Parts of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Voice rooms and `/login`.
    Voice,
    /// Classes.
    Class,
    /// Talk commands.
    Talk,
    /// The message hub.
    Hub,
    /// Signalling, WHIP, WHEP, RoomService.
    Media,
    /// This one.
    Console,
    /// Health, readiness, metrics.
    Operations,
    /// Pages and documents.
    Pages,
}

/// Which commands.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Of this app only.
    pub app: Option<String>,
    /// Part of the account, the command or the target; upper and lower case of ASCII letters are one.
    pub q: Option<String>,
    /// Rows to skip.
    #[serde(default)]
    #[param(default = 0)]
    pub offset: u64,
    /// Rows to show at most.
    #[serde(default = "fifty")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: u32,
}

/// A command.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLine {
    /// When.
    pub at: i64,
    /// Number of the app; absent where it is about the whole server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The acting account.
    pub identifier: String,
    /// On whose behalf, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_user: Option<String>,
    /// What.
    pub command: String,
    /// About what: a channel, users.
    pub target: Vec<String>,
    /// 0 = done, else the code that was answered.
    pub result: u32,
    /// As in the log and in the answer.
    pub request_id: String,
}
