//! Rooms, classes and Talk channels.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which channels.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ChannelsQuery {
    /// Of this kind only.
    pub kind: Option<Kind>,
    /// Of this app only.
    pub app: Option<String>,
    /// Part of the name, title or owner, in any case.
    pub q: Option<String>,
    /// Rows to skip.
    #[serde(default)]
    #[param(default = 0)]
    pub offset: u64,
    /// Rows to show at most.
    #[serde(default = "super::logs::fifty")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: u32,
}

/// What a channel belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A voice room.
    Room,
    /// A class.
    Class,
    /// Nothing: its first join made it.
    Talk,
}

/// What goes on in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Somebody is there.
    Live,
    /// A class that has not begun yet.
    Preparing,
    /// A class that began and does not run now.
    Paused,
    /// Nobody is there.
    Empty,
}

/// A channel in the list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Channel {
    /// Number of its app.
    pub app: String,
    /// Its name.
    pub channel: String,
    /// What it belongs to.
    pub kind: Kind,
    /// Title of the room or class; absent for Talk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Owner of the room or teacher of the class; absent for Talk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Distinct users who are there, by media or in the group.
    pub online: u64,
    /// Tracks that are published.
    pub publications: u64,
    /// What comes in, payload of all layers.
    pub bits_in_per_s: f64,
    /// When it was made.
    pub created_at: i64,
    /// What goes on in it.
    pub status: Status,
}

/// The list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelPage {
    /// Rows of the whole list.
    pub total: u64,
    /// Rows of this part: those with somebody in them first, then the newest.
    pub items: Vec<Channel>,
    /// False: there are more rooms or classes than are looked through; the oldest are left out.
    pub complete: bool,
}

/// All of a channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelDetail {
    /// As in the list.
    #[serde(flatten)]
    pub channel: Channel,
    /// Announcement of the room or class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The eight seats of a room; empty for others.
    pub seats: Vec<Seat>,
    /// The class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<ClassInfo>,
    /// Who is there by media: one row for each connection.
    pub participants: Vec<Participant>,
    /// Users who are only in the group of the message hub.
    pub group_only: Vec<String>,
    /// Who may not come in, at most 200.
    pub bans: Vec<Ban>,
}

/// A seat.
#[derive(Debug, Serialize, ToSchema)]
pub struct Seat {
    /// 1 to 8.
    pub seat: u8,
    /// Who sits there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The server silences that user's sound.
    pub muted: bool,
}

/// A class.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassInfo {
    /// Its id.
    pub id: String,
    /// Where in its life.
    pub status: ClassState,
    /// When it last began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// Everybody who ever joined.
    pub members_total: u64,
}

/// Where a class is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassState {
    /// Not begun yet.
    Preparing,
    /// In progress.
    Running,
    /// Begun, and stopped for now.
    Paused,
}

/// A connection of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct Participant {
    /// Who.
    pub user: String,
    /// Name for display, may be empty.
    pub name: String,
    /// Identity of the token: the user, perhaps with a device.
    pub identity: String,
    /// Of this stay.
    pub session: String,
    /// When it came.
    pub joined_at: i64,
    /// Its media is connected.
    pub connected: bool,
    /// Others do not see it.
    pub hidden: bool,
    /// What the server silences.
    pub muted: Muted,
    /// May send sound or video at all.
    pub may_publish: bool,
    /// What it sends.
    pub tracks: Vec<Track>,
    /// Tracks it receives.
    pub subscriptions: u64,
}

/// What the server silences.
#[derive(Debug, Serialize, ToSchema)]
pub struct Muted {
    /// Sound.
    pub audio: bool,
    /// Video.
    pub video: bool,
}

/// A published track. Rates are means over the last whole seconds; 0 while it is muted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Track {
    /// Its id.
    pub sid: String,
    /// What it shows.
    pub source: TrackSource,
    /// Sound or video.
    pub kind: TrackKind,
    /// By whomever.
    pub muted: bool,
    /// Payload of all layers.
    pub bits_per_s: f64,
    /// Of the highest layer; absent for sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_per_s: Option<f64>,
    /// As announced; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// As announced; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// From low to high; empty where there is one only.
    pub layers: Vec<Layer>,
}

/// What a track shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackSource {
    /// Camera.
    Camera,
    /// Microphone.
    Microphone,
    /// Shared screen.
    ScreenShare,
    /// Its sound.
    ScreenShareAudio,
}

/// Sound or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Video.
    Video,
}

/// A layer of a video.
#[derive(Debug, Serialize, ToSchema)]
pub struct Layer {
    /// What the publisher calls it.
    pub rid: String,
    /// Payload.
    pub bits_per_s: f64,
    /// Something came in during the last seconds.
    pub active: bool,
}

/// Somebody who may not come into a channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ban {
    /// Number of the app.
    pub app: String,
    /// Where.
    pub channel: String,
    /// Who.
    pub user: String,
    /// Through which door it was made: `talk`, `room`, `class` or `console`.
    pub source: String,
    /// By which account.
    pub by: String,
    /// When.
    pub created_at: i64,
    /// Until when; absent = for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// Which bans.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BansQuery {
    /// Of this app only.
    pub app: Option<String>,
    /// In this channel only.
    pub channel: Option<String>,
    /// On this user only.
    pub user: Option<String>,
    /// Rows to skip.
    #[serde(default)]
    #[param(default = 0)]
    pub offset: u64,
    /// Rows to show at most.
    #[serde(default = "super::logs::fifty")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: u32,
}

/// Whom to remove.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Kick {
    /// Whom.
    #[schema(min_length = 1, max_length = 255)]
    pub user: String,
    /// For how long the user stays out; 0 = may come back at once.
    #[schema(minimum = 0, maximum = 3_153_600_000_u64)]
    pub ban_seconds: u64,
}

/// Whom to silence. What is absent stays as it is; false lifts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// Whom.
    #[schema(min_length = 1, max_length = 255)]
    pub user: String,
    /// Sound.
    pub audio: Option<bool>,
    /// Video.
    pub video: Option<bool>,
    /// For how long; 0 = until it is lifted.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 3_153_600_000_u64, default = 0)]
    pub seconds: u64,
}

/// Which ban ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lift {
    /// Number of the app.
    #[schema(pattern = "^[0-9]{1,16}$")]
    pub app: String,
    /// Where.
    #[schema(min_length = 1, max_length = 256)]
    pub channel: String,
    /// Whose.
    #[schema(min_length = 1, max_length = 255)]
    pub user: String,
}
