//! `delete_talk_ban`: ends a ban before its time.

use serde::Serialize;
use utoipa::ToSchema;

use crate::params::fields::{CHANNEL_ID, USER_ID};
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// What `delete_talk_ban` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct DeleteBanRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    ChannelID: String,
    /// The user.
    #[schema(min_length = 1, max_length = 255)]
    UserID: String,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// Whether there was a ban.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct DeleteBanBody {
    /// 1 = there was one, 0 = there was none.
    #[schema(maximum = 1)]
    pub Removed: u8,
}

/// Ends a ban. Tokens from before the kick stay revoked.
#[utoipa::path(post, path = "/v1/im/delete_talk_ban", tag = "talk-extensions", operation_id = "delete_talk_ban", params(AuthQuery),
    summary = "End a ban", request_body = DeleteBanRequest,
    responses((status = 200, description = "done, or why not", body = Answer<DeleteBanBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&CHANNEL_ID)?;
    let user = call.params.user(&USER_ID)?;
    let removed = call.state.talk().lift_ban(&channel, &user).await.map_err(|e| call.refused(e))?;
    Reply::ok(&DeleteBanBody { Removed: removed.into() })
}
