//! `get_talk_channel_list`: every existing channel of the app.

use std::sync::Arc;

use serde::Serialize;
use stoa_core::id::ChannelName;
use stoa_core::talk::Edition;
use utoipa::ToSchema;

use crate::listing::Whole;
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
    let edition = call.edition().await?;
    if let Some(whole) = edition.and_then(|e| call.state.listings().get(call.app.id, e)) {
        return page.map_or_else(|| Ok(whole.reply()), |page| whole.part(page));
    }
    let Some(page) = page else {
        return Ok(call.whole(edition).await?.reply());
    };
    let found = call.state.talk().channels(call.app.id, Some(page)).await.map_err(|e| call.refused(e))?;
    if edition.is_some_and(|e| call.state.listings().missed(call.app.id, e, found.rows.len(), found.total)) {
        return call.whole(edition).await?.part(page);
    }
    Whole::of(call.app.id, found).map(|part| part.reply())
}

impl Call {
    async fn edition(&self) -> Result<Option<Edition>, Refusal> {
        self.state.talk().channels_edition(self.app.id).await.map_err(|e| self.refused(e))
    }

    /// The whole list, which is kept if `edition`, known from before, still holds.
    async fn whole(&self, edition: Option<Edition>) -> Result<Arc<Whole>, Refusal> {
        let app = self.app.id;
        let found = self.state.talk().channels(app, None).await.map_err(|e| self.refused(e))?;
        let held = edition.is_some() && self.edition().await? == edition;
        let whole = Arc::new(Whole::of(app, found)?);
        if let Some(edition) = edition.filter(|_| held) {
            self.state.listings().keep(app, edition, whole.clone());
        }
        Ok(whole)
    }
}
