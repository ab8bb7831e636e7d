//! `query_talk_user_status`: what a user sends, and where.

use serde::Serialize;
use stoa_core::talk::UserMedia;
use utoipa::ToSchema;

use crate::params::fields::USER_ID;
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// What `query_talk_user_status` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct UserStatusRequest {
    /// The user.
    #[schema(min_length = 1, max_length = 255)]
    UserID: String,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// What a user sends.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct UserStatusBody {
    /// The app of the key.
    pub AppID: u64,
    /// The user, as sent.
    pub UserID: String,
    /// One entry per channel where the user is present, in the order of arrival.
    pub Status: Vec<UserInChannel>,
}

/// What a user sends in one channel.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct UserInChannel {
    /// The channel.
    pub ChannelID: String,
    /// 1 = publishes video that is not muted.
    #[schema(maximum = 1)]
    pub UseVideo: u8,
    /// 1 = publishes audio that is not muted.
    #[schema(maximum = 1)]
    pub UseAudio: u8,
    /// Frames per second, the highest of all tracks.
    pub VideoFrameRate: u32,
    /// Sum of all video tracks, kbit/s.
    pub VideoBitRate: u32,
    /// Sum of all audio tracks, kbit/s.
    pub AudioBitRate: u32,
}

impl UserInChannel {
    fn of(m: &UserMedia) -> Self {
        Self {
            ChannelID: m.channel.to_string(),
            UseVideo: m.video.into(),
            UseAudio: m.audio.into(),
            VideoFrameRate: m.video_fps,
            VideoBitRate: m.video_kbps,
            AudioBitRate: m.audio_kbps,
        }
    }
}

/// Where a user is present, and what it sends there.
#[utoipa::path(post, path = "/v1/im/query_talk_user_status", tag = "talk", operation_id = "query_talk_user_status", params(AuthQuery),
    summary = "Status of a user", request_body = UserStatusRequest,
    responses((status = 200, description = "done, or why not", body = Answer<UserStatusBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let user = call.params.user(&USER_ID)?;
    let found = call.state.talk().user_status(call.app.id, &user).await.map_err(|e| call.refused(e))?;
    Reply::ok(&UserStatusBody {
        AppID: call.app.id.0,
        UserID: user.to_string(),
        Status: found.iter().map(UserInChannel::of).collect(),
    })
}
