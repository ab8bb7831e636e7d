//! Call records.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CallsQuery {
    /// Of this app only.
    pub app: Option<String>,
    /// Of this user only.
    pub user: Option<String>,
    /// In this channel only.
    pub channel: Option<String>,
    /// Begun at this instant or later, Unix milliseconds.
    pub from: Option<i64>,
    /// Begun before this instant, Unix milliseconds.
    pub to: Option<i64>,
    /// Rows to skip.
    #[serde(default)]
    #[param(default = 0)]
    pub offset: u64,
    /// Rows to show at most.
    #[serde(default = "super::logs::fifty")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: u32,
}

/// One stay of a user in a channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct Call {
    /// Number of the app.
    pub app: String,
    /// Who.
    pub user: String,
    /// Where.
    pub channel: String,
    /// Its beginning.
    pub joined_at: i64,
    /// Its end; absent = it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_at: Option<i64>,
    /// Its length, until now if it goes on.
    pub seconds: u64,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The last device left.
    Left,
    /// Removed by command.
    Removed,
    /// The channel ended.
    Ended,
    /// The connection was lost and nobody came back in time.
    Lost,
}

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DaysQuery {
    /// Of this app only.
    pub app: Option<String>,
    /// So many days, today included.
    #[serde(default = "month")]
    #[param(minimum = 1, maximum = 90, default = 30)]
    pub days: u32,
}

fn month() -> u32 {
    30
}

/// Totals per day, the oldest first; days without calls are there too.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallDays {
    /// The days, in the server's time zone.
    pub days: Vec<CallDay>,
}

/// Calls that began on one day.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallDay {
    /// Which.
    #[schema(format = Date)]
    pub day: String,
    /// How many.
    pub calls: u64,
    /// Together so long, those that go on until now.
    pub seconds: u64,
    /// Distinct users.
    pub users: u64,
}
