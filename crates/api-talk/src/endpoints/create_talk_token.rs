//! `create_talk_token`: a media token for a user.

use std::time::Duration;

use serde::Serialize;
use stoa_core::channel::IdentityType;
use stoa_core::id::DeviceId;
use stoa_core::talk::TokenWish;
use utoipa::ToSchema;

use crate::params::fields::{CHANNEL_ID, DEVICE_ID, IDENTITY_TYPE, METADATA, MUST_EXIST, NAME, TTL, USER_ID};
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// Bounds of a token's life in seconds: clients are refreshed while connected, so it only has to last until they are.
const TTL_LEAST: i64 = 60;
const TTL_MOST: i64 = 604_800;
/// Longest display name and metadata, in bytes.
const NAME_BYTES: usize = 255;
const METADATA_BYTES: usize = 4096;

/// What `create_talk_token` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct TokenRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    ChannelID: String,
    /// The user.
    #[schema(min_length = 1, max_length = 255)]
    UserID: String,
    /// Adhoc channels only.
    #[schema(minimum = 1, maximum = 6)]
    IdentityType: Option<i64>,
    /// Life in seconds.
    #[schema(minimum = 60, maximum = 604_800, default = 600)]
    TTL: Option<i64>,
    /// Lets a user be there with several devices.
    #[schema(max_length = 64)]
    DeviceID: Option<String>,
    /// Display name.
    #[schema(max_length = 255)]
    Name: Option<String>,
    /// Passed through to clients.
    #[schema(max_length = 4096)]
    Metadata: Option<String>,
    /// 1 = the join is refused unless the channel exists.
    #[schema(minimum = 0, maximum = 1, default = 0)]
    MustExist: Option<i64>,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// A media token.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct TokenBody {
    /// The app of the key.
    pub AppID: u64,
    /// The channel, as sent.
    pub ChannelID: String,
    /// The user, as sent.
    pub UserID: String,
    /// Identity of the participant.
    pub Identity: String,
    /// The type that counts: an administrator's word beats the request.
    #[schema(minimum = 1, maximum = 6)]
    pub IdentityType: u8,
    /// LiveKit access token.
    pub Token: String,
    /// Where to join.
    pub Url: String,
    /// When the token ends, Unix seconds.
    pub ExpireTime: i64,
}

/// Makes a media token. Nothing else comes of it: the channel begins with the join.
#[utoipa::path(post, path = "/v1/im/create_talk_token", tag = "talk-extensions", operation_id = "create_talk_token", params(AuthQuery),
    summary = "Make a media token", request_body = TokenRequest,
    responses((status = 200, description = "done, or why not", body = Answer<TokenBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let p = &call.params;
    let channel = call.channel(&CHANNEL_ID)?;
    let user = p.user(&USER_ID)?;
    let identity = p.within(&IDENTITY_TYPE, 1, 6)?.and_then(IdentityType::from_number);
    let ttl = p.within(&TTL, TTL_LEAST, TTL_MOST)?.map(|s| Duration::from_secs(s.unsigned_abs()));
    let device = p.short_id(&DEVICE_ID, DeviceId::MAX_BYTES)?;
    let name = p.short_text(&NAME, NAME_BYTES)?.unwrap_or_default();
    let metadata = p.short_text(&METADATA, METADATA_BYTES)?.unwrap_or_default();
    let must_exist = p.flag(&MUST_EXIST)?.unwrap_or(false);
    let device = device.as_deref();
    let wish = TokenWish { channel: &channel, user: &user, identity, ttl, device, name, metadata, must_exist };
    let made = call.state.talk().token(wish).await.map_err(|e| call.refused(e))?;
    Reply::ok(&TokenBody {
        AppID: call.app.id.0,
        ChannelID: channel.name.to_string(),
        UserID: user.to_string(),
        Identity: made.grant.identity.to_string(),
        IdentityType: made.identity.number(),
        Token: call.state.tokens().mint(&call.app, &made.grant),
        Url: call.origin.websocket_base(call.state.config().public_url.as_deref()),
        ExpireTime: made.grant.exp_secs,
    })
}
