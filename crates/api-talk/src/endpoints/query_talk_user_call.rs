//! `query_talk_user_call`: a user's calls of one day.

use serde::Serialize;
use stoa_api::Zone;
use stoa_core::channel::Call as Record;
use stoa_core::talk::{CallQuery, Page};
use stoa_core::time::UnixMs;
use utoipa::ToSchema;

use crate::params::fields::{INCLUDE_OPEN, QUERY_DATE, USER_ID};
use crate::params::required;
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// Rows shown when no `Limit` is given, and at most.
const LIMIT_DEFAULT: u32 = 1;
const LIMIT_MAX: u32 = 100;

/// What `query_talk_user_call` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct UserCallRequest {
    /// The user.
    #[schema(min_length = 1, max_length = 255)]
    UserID: String,
    /// The day of the beginning, `YYYYMMDD`, in the server's time zone.
    QueryDate: i64,
    /// Rows to skip.
    #[schema(minimum = 0, default = 0)]
    StartSeq: Option<i64>,
    /// Rows to show.
    #[schema(minimum = 1, maximum = 100, default = 1)]
    Limit: Option<i64>,
    /// The app of the key, if given.
    AppID: Option<u64>,
    /// 1 = also calls that have not ended, with `LeaveTime` 0.
    #[schema(minimum = 0, maximum = 1, default = 0)]
    IncludeOpen: Option<i64>,
}

/// Calls of one day.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct UserCallBody {
    /// The app of the key.
    pub AppID: u64,
    /// The user, as sent.
    pub UserID: String,
    /// Rows of that day.
    pub Total: u64,
    /// In the order of their beginning.
    pub Call: Vec<CallRow>,
}

/// One call.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct CallRow {
    /// Where.
    pub ChannelID: String,
    /// Its beginning, Unix seconds.
    pub JoinTime: i64,
    /// Its end, Unix seconds; 0 = it has not ended.
    pub LeaveTime: i64,
    /// Seconds.
    pub CallDuration: i64,
}

impl CallRow {
    fn of(record: &Record, now: UnixMs) -> Self {
        let join = record.join.secs();
        let end = record.leave.unwrap_or(now).secs();
        Self {
            ChannelID: record.channel.name.to_string(),
            JoinTime: join,
            LeaveTime: record.leave.map_or(0, UnixMs::secs),
            CallDuration: (end - join).max(0),
        }
    }
}

/// The instants of a day written `YYYYMMDD`; `None` = there is no such day.
fn day(number: i64, zone: &Zone) -> Option<(UnixMs, UnixMs)> {
    let year = i16::try_from(number / 10_000).ok().filter(|y| (1970..=9999).contains(y))?;
    let (month, day) = (i8::try_from(number / 100 % 100).ok()?, i8::try_from(number % 100).ok()?);
    zone.day(year, month, day)
}

/// A user's calls that began on one day.
#[utoipa::path(post, path = "/v1/im/query_talk_user_call", tag = "talk", operation_id = "query_talk_user_call", params(AuthQuery),
    summary = "Call records of a user", request_body = UserCallRequest,
    responses((status = 200, description = "done, or why not", body = Answer<UserCallBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let user = call.params.user(&USER_ID)?;
    let date = call.params.integer(&QUERY_DATE)?.ok_or_else(|| required(&QUERY_DATE))?;
    let (from, until) = day(date, &call.state.config().time_zone)
        .ok_or_else(|| Refusal::bad_param(QUERY_DATE.shown, "must be a calendar day as YYYYMMDD"))?;
    let start = call.params.start()?.unwrap_or(0);
    let limit = call.params.limit(LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    let open = call.params.flag(&INCLUDE_OPEN)?.unwrap_or(false);
    let query = CallQuery { user: user.clone(), from, until, open, page: Page { start, limit } };
    let found = call.state.talk().calls(call.app.id, query).await.map_err(|e| call.refused(e))?;
    let now = call.state.api().clock().now().wall;
    Reply::ok(&UserCallBody {
        AppID: call.app.id.0,
        UserID: user.to_string(),
        Total: found.total,
        Call: found.rows.iter().map(|r| CallRow::of(r, now)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r04_r08_a_day_is_eight_digits_of_the_calendar() {
        let zone: Zone = "+08:00".parse().unwrap();
        let secs = |n| day(n, &zone).map(|(a, b)| (a.secs(), b.secs()));
        assert_eq!(secs(20_231_115), Some((1_699_977_600, 1_700_064_000)));
        assert!(secs(20_240_229).is_some() && secs(19_700_101).is_some() && secs(99_991_231).is_some());
        for bad in
            [20_230_229, 20_231_301, 2_023_111, 19_691_231, 0, -20_231_115, 202_311_150, i64::MAX, i64::MIN, 20_230_100]
        {
            assert_eq!(secs(bad), None, "{bad}");
        }
    }
}
