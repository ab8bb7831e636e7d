//! `push_mcu_msg`: a text to everybody in a channel, or to one user.

use utoipa::ToSchema;

use crate::params::fields::{CONTENT, MEETING_ID, RECEIVER_ID, SENDER_ID};
use crate::params::required;
use crate::refuse::Refusal;
use crate::reply::{Envelope, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// Longest text, in bytes of UTF-8: the published limit.
const CONTENT_BYTES: usize = 2048;

/// What `push_mcu_msg` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct PushRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    meeting_id: String,
    /// 1 to 2048 bytes of UTF-8, sent as it is.
    #[schema(min_length = 1, max_length = 2048)]
    content: String,
    /// Passed through to clients; need not exist.
    #[schema(max_length = 255)]
    user_id: Option<String>,
    /// Empty = everybody.
    #[schema(max_length = 255)]
    receiver_id: Option<String>,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// Sends a text. Nothing is kept; who comes later does not get it.
#[utoipa::path(post, path = "/v1/im/push_mcu_msg", tag = "talk", operation_id = "push_mcu_msg", params(AuthQuery),
    summary = "Send a text to a channel", request_body = PushRequest,
    responses((status = 200, description = "done, or why not", body = Envelope<'_>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&MEETING_ID)?;
    let content = call.params.short_text(&CONTENT, CONTENT_BYTES)?.filter(|c| !c.is_empty());
    let content = content.ok_or_else(|| required(&CONTENT))?;
    let sender = call.params.maybe_user(&SENDER_ID)?;
    let receiver = call.params.maybe_user(&RECEIVER_ID)?;
    call.state.check_push_rate(&channel).map_err(|e| call.refused(e))?;
    let label = sender.as_ref().map_or("", |u| u.as_str());
    call.state.talk().push(&channel, label, receiver.as_ref(), content).await.map_err(|e| call.refused(e))?;
    Reply::bare()
}
