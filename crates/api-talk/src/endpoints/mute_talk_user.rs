//! `mute_talk_user`: silences a user, whatever its client shows.

use std::time::Duration;

use stoa_core::talk::MuteWish;
use utoipa::ToSchema;

use super::LONGEST_SECS;
use crate::params::fields::{AUDIO, CHANNEL_ID, DURATION, USER_ID, VIDEO};
use crate::refuse::Refusal;
use crate::reply::{Envelope, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// What `mute_talk_user` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct MuteRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    ChannelID: String,
    /// The user.
    #[schema(min_length = 1, max_length = 255)]
    UserID: String,
    /// 1 = silence, 0 = let go. At least one of the two.
    #[schema(minimum = 0, maximum = 1)]
    Audio: Option<i64>,
    /// 1 = silence, 0 = let go. At least one of the two.
    #[schema(minimum = 0, maximum = 1)]
    Video: Option<i64>,
    /// Seconds; 0 = until lifted or the channel ends.
    #[schema(minimum = 0, maximum = 315_360_000, default = 0)]
    Duration: Option<i64>,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// Silences a user's audio or video in a channel, or lets go of it.
#[utoipa::path(post, path = "/v1/im/mute_talk_user", tag = "talk-extensions", operation_id = "mute_talk_user", params(AuthQuery),
    summary = "Silence a user", request_body = MuteRequest,
    responses((status = 200, description = "done, or why not", body = Envelope<'_>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let p = &call.params;
    let channel = call.channel(&CHANNEL_ID)?;
    let user = p.user(&USER_ID)?;
    let (audio, video) = (p.flag(&AUDIO)?, p.flag(&VIDEO)?);
    if audio.is_none() && video.is_none() {
        return Err(Refusal::bad_param("Audio, Video", "at least one is required"));
    }
    let secs = p.within(&DURATION, 0, LONGEST_SECS)?.unwrap_or(0);
    let duration = Duration::from_secs(secs.unsigned_abs());
    let wish = MuteWish { channel: &channel, user: &user, audio, video, duration, by: &call.identifier };
    call.state.talk().mute(wish).await.map_err(|e| call.refused(e))?;
    Reply::bare()
}
