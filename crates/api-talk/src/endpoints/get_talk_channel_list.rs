//! `get_talk_channel_list`: every existing channel of the app.

use serde::Serialize;
use stoa_core::id::ChannelName;
use utoipa::ToSchema;

use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// What `get_talk_channel_list` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct ChannelListRequest {
    /// The app of the key, if given.
    AppID: Option<u64>,
    /// Rows to skip.
    #[schema(minimum = 0, default = 0)]
    StartSeq: Option<i64>,
    /// Rows to show. With neither of the two the whole list is shown.
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    Limit: Option<i64>,
}

/// Channels of the app.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct ChannelListBody {
    /// The app of the key.
    pub AppID: u64,
    /// How many there are, also when only a page is shown.
    pub Total: u64,
    /// In the order of the bytes of their ids.
    pub ChannelList: Vec<ListedChannel>,
}

/// A channel, as lists show it.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct ListedChannel {
    /// Its id.
    #[schema(value_type = String)]
    pub ChannelID: ChannelName,
    /// Users present.
    pub UserCount: usize,
}

/// Every existing channel of the app, idle ones included.
#[utoipa::path(post, path = "/v1/im/get_talk_channel_list", tag = "talk", operation_id = "get_talk_channel_list", params(AuthQuery),
    summary = "Channels of the app", request_body = ChannelListRequest,
    responses((status = 200, description = "done, or why not", body = Answer<ChannelListBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let page = call.params.page()?;
    let found = call.state.talk().channels(call.app.id, page).await.map_err(|e| call.refused(e))?;
    let row = |(name, users): (ChannelName, usize)| ListedChannel { ChannelID: name, UserCount: users };
    Reply::ok(&ChannelListBody {
        AppID: call.app.id.0,
        Total: found.total,
        ChannelList: found.rows.into_iter().map(row).collect(),
    })
}
