//! `set_talk_mic`: lets a user of identity 2 speak.

use serde::Serialize;
use stoa_core::channel::IdentityType;
use utoipa::ToSchema;

use crate::params::fields::{CHANNEL_ID, GRANTED, USER_ID};
use crate::params::required;
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// What `set_talk_mic` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct MicRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    ChannelID: String,
    /// The user.
    #[schema(min_length = 1, max_length = 255)]
    UserID: String,
    /// 1 = may speak, 0 = may not.
    #[schema(minimum = 0, maximum = 1)]
    Granted: i64,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// What holds now.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct MicBody {
    /// Always 2: the only type that needs a grant.
    #[schema(minimum = 2, maximum = 2)]
    pub IdentityType: u8,
    /// 1 = may speak.
    #[schema(maximum = 1)]
    pub Granted: u8,
}

/// Lets a user of identity 2 speak in an adhoc channel, or takes that back.
#[utoipa::path(post, path = "/v1/im/set_talk_mic", tag = "talk-extensions", operation_id = "set_talk_mic", params(AuthQuery),
    summary = "Let a user speak", request_body = MicRequest,
    responses((status = 200, description = "done, or why not", body = Answer<MicBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&CHANNEL_ID)?;
    let user = call.params.user(&USER_ID)?;
    let granted = call.params.flag(&GRANTED)?.ok_or_else(|| required(&GRANTED))?;
    let done = call.state.talk().set_mic(&channel, &user, granted, &call.identifier).await;
    done.map_err(|e| call.refused(e))?;
    Reply::ok(&MicBody { IdentityType: IdentityType::OnDemand.number(), Granted: granted.into() })
}
