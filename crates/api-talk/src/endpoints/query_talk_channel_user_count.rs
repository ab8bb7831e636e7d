//! `query_talk_channel_user_count`: how many users are present.

use serde::Serialize;
use utoipa::ToSchema;

use super::ChannelRequest;
use crate::params::fields::CHANNEL_ID;
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// How many users are present.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct UserCountBody {
    /// The channel, as sent.
    pub ChannelID: String,
    /// Users present, each counted once; 0 for an unknown channel.
    pub UserCount: usize,
}

/// How many users are present in a channel.
#[utoipa::path(post, path = "/v1/im/query_talk_channel_user_count", tag = "talk", operation_id = "query_talk_channel_user_count", params(AuthQuery),
    summary = "Number of users in a channel", request_body = ChannelRequest,
    responses((status = 200, description = "done, or why not", body = Answer<UserCountBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&CHANNEL_ID)?;
    let users = call.state.talk().user_count(&channel).await.map_err(|e| call.refused(e))?;
    Reply::ok(&UserCountBody { ChannelID: channel.name.to_string(), UserCount: users })
}
