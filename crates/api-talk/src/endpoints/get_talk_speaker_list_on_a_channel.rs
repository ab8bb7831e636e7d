//! `get_talk_speaker_list_on_a_channel`.

use super::{ChannelPageRequest, UsersBody, listed};
use crate::params::fields::CHANNEL_ID;
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// Who may speak and has an open microphone, in the order of arrival.
#[utoipa::path(post, path = "/v1/im/get_talk_speaker_list_on_a_channel", tag = "talk", operation_id = "get_talk_speaker_list_on_a_channel", params(AuthQuery),
    summary = "Speakers of a channel", request_body = ChannelPageRequest,
    responses((status = 200, description = "done, or why not", body = Answer<UsersBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&CHANNEL_ID)?;
    let page = call.params.page()?;
    let found = call.state.talk().speakers(&channel, page).await.map_err(|e| call.refused(e))?;
    Reply::ok(&UsersBody {
        AppID: call.app.id.0,
        ChannelID: channel.name.to_string(),
        Total: found.total,
        UserList: listed(found.rows),
    })
}
