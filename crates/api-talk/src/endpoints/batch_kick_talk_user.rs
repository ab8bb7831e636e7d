//! `batch_kick_talk_user`: several kicks at once.

use serde::Serialize;
use utoipa::ToSchema;

use super::admin_kick_user::kick_time;
use crate::params::fields::{CHANNEL_ID, USER_LIST};
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// Users per request.
const USERS: usize = 100;

/// What `batch_kick_talk_user` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct BatchKickRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    ChannelID: String,
    /// User ids, or objects with a `UserID`.
    #[schema(min_items = 1, max_items = 100)]
    UserList: Vec<String>,
    /// Seconds of ban; 0 removes without one and lifts one.
    #[schema(minimum = 0, maximum = 315_360_000, default = 0)]
    kick_time: Option<i64>,
    /// Who did it; else the identifier.
    #[schema(max_length = 255)]
    op_user: Option<String>,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// What came of each kick.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct BatchKickBody {
    /// Kicks that failed.
    pub FailCount: usize,
    /// In the order of the request, each user once.
    pub ResultList: Vec<KickResult>,
}

/// What came of one kick, as `admin_kick_user` answers it.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct KickResult {
    /// Whom.
    pub UserID: String,
    /// 0 = done.
    pub ErrorCode: u32,
    /// Why not; empty when done.
    pub ErrorInfo: String,
}

/// Kicks up to 100 users of a channel, one after the other.
#[utoipa::path(post, path = "/v1/im/batch_kick_talk_user", tag = "talk-extensions", operation_id = "batch_kick_talk_user", params(AuthQuery),
    summary = "Kick or ban several users", request_body = BatchKickRequest,
    responses((status = 200, description = "done, or why not", body = Answer<BatchKickBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&CHANNEL_ID)?;
    let users = call.params.users(&USER_LIST, USERS)?;
    let ban = kick_time(&call)?;
    let by = call.op_user()?;
    let mut results = Vec::with_capacity(users.len());
    for user in users {
        let done = call.state.talk().kick(&channel, &user, ban, &by).await.map_err(|e| call.refused(e));
        results.push(KickResult {
            UserID: user.to_string(),
            ErrorCode: done.as_ref().map_or_else(|r| r.code().number(), |()| 0),
            ErrorInfo: done.map_or_else(|r| r.info().to_owned(), |()| String::new()),
        });
    }
    let failed = results.iter().filter(|r| r.ErrorCode != 0).count();
    Reply::ok(&BatchKickBody { FailCount: failed, ResultList: results })
}
