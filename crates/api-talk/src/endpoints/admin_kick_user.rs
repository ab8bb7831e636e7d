//! `admin_kick_user`: out of the channel, perhaps for a time.

use std::time::Duration;

use utoipa::ToSchema;

use super::LONGEST_SECS;
use crate::params::fields::{KICK_CHANNEL_ID, KICK_TIME, KICK_USER_ID};
use crate::refuse::Refusal;
use crate::reply::{Envelope, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// What `admin_kick_user` reads.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub struct KickRequest {
    /// The app of the key, if given.
    app_id: Option<u64>,
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    channel_id: String,
    /// The user.
    #[schema(min_length = 1, max_length = 255)]
    kick_user_id: String,
    /// Seconds of ban; 0 removes without one and lifts one.
    #[schema(minimum = 0, maximum = 315_360_000, default = 0)]
    kick_time: Option<i64>,
    /// Who did it, as clients and the list of bans show it; else the identifier.
    #[schema(max_length = 255)]
    op_user: Option<String>,
}

/// Removes a user from a channel, revokes the user's tokens for it and bans the user for `kick_time` seconds.
#[utoipa::path(post, path = "/v1/im/admin_kick_user", tag = "talk", operation_id = "admin_kick_user", params(AuthQuery),
    summary = "Kick or ban a user", request_body = KickRequest,
    responses((status = 200, description = "done, or why not", body = Envelope<'_>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&KICK_CHANNEL_ID)?;
    let user = call.params.user(&KICK_USER_ID)?;
    let ban = kick_time(&call)?;
    let by = call.op_user()?;
    call.state.talk().kick(&channel, &user, ban, &by).await.map_err(|e| call.refused(e))?;
    Reply::bare()
}

/// `kick_time` as a duration.
pub(super) fn kick_time(call: &Call) -> Result<Duration, Refusal> {
    let secs = call.params.within(&KICK_TIME, 0, LONGEST_SECS)?.unwrap_or(0);
    Ok(Duration::from_secs(secs.unsigned_abs()))
}
