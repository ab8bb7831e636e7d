//! `query_talk_channel_status`: whether a channel exists and somebody is present.

use serde::Serialize;
use utoipa::ToSchema;

use super::ChannelRequest;
use crate::params::fields::CHANNEL_ID;
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// Whether a channel exists.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct ChannelStatusBody {
    /// The app of the key.
    pub AppID: u64,
    /// The channel, as sent.
    pub ChannelID: String,
    /// 1 it does not exist, 2 nobody is present, 3 somebody is.
    #[schema(minimum = 1, maximum = 3)]
    pub Status: u8,
}

/// Whether a channel exists, and whether somebody is present.
#[utoipa::path(post, path = "/v1/im/query_talk_channel_status", tag = "talk", operation_id = "query_talk_channel_status", params(AuthQuery),
    summary = "Status of a channel", request_body = ChannelRequest,
    responses((status = 200, description = "done, or why not", body = Answer<ChannelStatusBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&CHANNEL_ID)?;
    let status = call.state.talk().status(&channel).await.map_err(|e| call.refused(e))?;
    Reply::ok(&ChannelStatusBody { AppID: call.app.id.0, ChannelID: channel.name.to_string(), Status: status as u8 })
}
