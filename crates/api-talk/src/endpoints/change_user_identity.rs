//! `change_user_Identity`: what a user is in a channel.

use stoa_core::channel::IdentityType;
use stoa_core::talk::{IdentityChange, IdentityWish};
use utoipa::ToSchema;

use crate::params::fields::{CHANNEL_ID, IDENTITY_TYPE, REQUST_ID, USER_ID};
use crate::params::required;
use crate::refuse::{Code, Refusal};
use crate::reply::{IdentityAnswer, IdentityEcho, Reply};
use crate::routes::AuthQuery;
use crate::serve::{Call, Failure};

/// What `change_user_Identity` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct IdentityRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    ChannelID: String,
    /// The user.
    #[schema(min_length = 1, max_length = 255)]
    UserID: String,
    /// 1 free talker, 2 speaks with a mic grant or seat, 3 listener, 4 commander, 5 host, 6 guest.
    #[schema(minimum = 1, maximum = 6)]
    IdentityType: i64,
    /// Rising number: a request below the highest processed one is refused.
    RequstId: Option<i64>,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// Changes a user's identity in a channel, for as long as the channel lives. Every answer has `Code`.
#[utoipa::path(post, path = "/v1/im/change_user_Identity", tag = "talk", operation_id = "change_user_identity", params(AuthQuery),
    summary = "Change a user's identity", request_body = IdentityRequest,
    responses((status = 200, description = "done, or why not", body = IdentityAnswer)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Failure> {
    let channel = call.channel(&CHANNEL_ID);
    let user = call.params.user(&USER_ID);
    let kind = call.params.within(&IDENTITY_TYPE, 1, 6);
    let request = call.params.integer(&REQUST_ID);
    let id = request.as_ref().ok().copied().flatten();
    let echo = IdentityEcho {
        ChannelID: channel.as_ref().ok().map(|c| c.name.to_string()),
        UserID: user.as_ref().ok().map(ToString::to_string),
        ResponetId: id,
        ResponseId: id.filter(|_| call.state.config().emit_response_id),
        Code: 0,
    };
    let work = async {
        let (channel, user) = (channel?, user?);
        let to = kind?.and_then(IdentityType::from_number).ok_or_else(|| required(&IDENTITY_TYPE))?;
        let wish = IdentityWish { channel: &channel, user: &user, to, request: request?, by: &call.identifier };
        let changed = call.state.talk().set_identity(wish).await.map_err(|e| call.refused(e).in_identity())?;
        match changed {
            IdentityChange::Done | IdentityChange::Replay => Reply::ok(&echo),
            IdentityChange::Stale { last } => {
                let id = id.unwrap_or_default();
                let info = format!("RequstId {id} is lower than the last processed {last}");
                Err(Refusal::new(Code::IDENTITY_STALE, info))
            }
        }
    };
    work.await.map_err(|refusal| Failure { refusal, echo: echo.clone() })
}
