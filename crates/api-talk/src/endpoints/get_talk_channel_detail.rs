//! `get_talk_channel_detail`: everything about a channel, for operators.

use serde::Serialize;
use stoa_core::talk::{ChannelKind, MemberDetail};
use utoipa::ToSchema;

use super::ChannelPageRequest;
use crate::params::fields::CHANNEL_ID;
use crate::refuse::Refusal;
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// A channel.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct DetailBody {
    /// The app of the key.
    pub AppID: u64,
    /// The channel, as sent.
    pub ChannelID: String,
    /// `adhoc` or `room`.
    pub Kind: &'static str,
    /// 2 nobody is present, 3 somebody is.
    #[schema(minimum = 2, maximum = 3)]
    pub Status: u8,
    /// When it came to life, Unix seconds.
    pub CreateTime: i64,
    /// How many users are present.
    pub Total: u64,
    /// In the order of arrival.
    pub UserList: Vec<DetailedUser>,
}

/// A present user. Flags are 0 or 1.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct DetailedUser {
    /// Who.
    pub UserID: String,
    /// Type in force.
    #[schema(minimum = 1, maximum = 6)]
    pub IdentityType: u8,
    /// The type was set by an administrator.
    #[schema(maximum = 1)]
    pub Sticky: u8,
    /// Holds a grant or a seat.
    #[schema(maximum = 1)]
    pub MicGrant: u8,
    /// Silenced by the server.
    #[schema(maximum = 1)]
    pub AudioMuted: u8,
    /// Silenced by the server.
    #[schema(maximum = 1)]
    pub VideoMuted: u8,
    /// Start of the current presence, Unix seconds.
    pub JoinTime: i64,
    /// Connected devices.
    pub Devices: usize,
    /// Speaks, as the list of speakers has it.
    #[schema(maximum = 1)]
    pub Speaker: u8,
    /// All layers of all video tracks, kbit/s.
    pub VideoUplinkBitRate: u32,
}

impl DetailedUser {
    fn of(m: &MemberDetail) -> Self {
        Self {
            UserID: m.user.to_string(),
            IdentityType: m.identity.number(),
            Sticky: m.sticky.into(),
            MicGrant: m.mic_grant.into(),
            AudioMuted: m.audio_muted.into(),
            VideoMuted: m.video_muted.into(),
            JoinTime: m.since.secs(),
            Devices: m.devices,
            Speaker: m.speaker.into(),
            VideoUplinkBitRate: m.video_uplink_kbps,
        }
    }
}

/// Everything about a channel and who is present.
#[utoipa::path(post, path = "/v1/im/get_talk_channel_detail", tag = "talk-extensions", operation_id = "get_talk_channel_detail", params(AuthQuery),
    summary = "Everything about a channel", request_body = ChannelPageRequest,
    responses((status = 200, description = "done, or why not", body = Answer<DetailBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.channel(&CHANNEL_ID)?;
    let page = call.params.always_page()?;
    let found = call.state.talk().detail(&channel, page).await.map_err(|e| call.refused(e))?;
    let kind = match found.kind {
        ChannelKind::Adhoc => "adhoc",
        ChannelKind::Room => "room",
        ChannelKind::Class => "class",
    };
    Reply::ok(&DetailBody {
        AppID: call.app.id.0,
        ChannelID: channel.name.to_string(),
        Kind: kind,
        Status: found.status as u8,
        CreateTime: found.created.secs(),
        Total: found.users.total,
        UserList: found.users.rows.iter().map(DetailedUser::of).collect(),
    })
}
