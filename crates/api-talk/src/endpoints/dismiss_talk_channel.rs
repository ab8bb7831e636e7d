//! `dismiss_talk_channel`: ends a channel.

use serde::Serialize;
use utoipa::ToSchema;

use crate::params::fields::CHANNEL_ID;
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// What `dismiss_talk_channel` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct DismissRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    ChannelID: String,
    /// Who did it, as clients see it; else the identifier.
    #[schema(max_length = 255)]
    op_user: Option<String>,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// How many were sent away.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct DismissBody {
    /// Users who were present.
    pub UserCount: usize,
}

/// Ends a channel and removes everybody. For a voice room this is its dismissal.
#[utoipa::path(post, path = "/v1/im/dismiss_talk_channel", tag = "talk-extensions", operation_id = "dismiss_talk_channel", params(AuthQuery),
    summary = "End a channel", request_body = DismissRequest,
    responses((status = 200, description = "done, or why not", body = Answer<DismissBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&CHANNEL_ID)?;
    let by = call.op_user()?;
    let users = call.state.talk().dismiss(&channel, &by).await.map_err(|e| call.refused(e))?;
    Reply::ok(&DismissBody { UserCount: users })
}
