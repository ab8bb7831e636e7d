//! The port to the media engine, LiveKit's server API in shape, and the questions the engine asks.
//!
//! The engine knows no seats and no sanctions. It asks [`MediaHooks::admit`] who may come in, is
//! told standings through [`Media`], enforces them on every packet, and reports facts as [`MediaEvent`]s.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::channel::IdentityType;
use crate::error::Result;
use crate::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
use crate::time::UnixMs;

/// What a track shows, LiveKit's `TrackSource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackSource {
    /// Camera picture; a video track of unknown source counts as this.
    Camera,
    /// Microphone; an audio track of unknown source counts as this.
    Microphone,
    /// Shared screen.
    ScreenShare,
    /// Sound of the shared screen.
    ScreenShareAudio,
}

impl TrackSource {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Camera, Self::Microphone, Self::ScreenShare, Self::ScreenShareAudio];

    /// The spelling of token grants (`canPublishSources`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::ScreenShare => "screen_share",
            Self::ScreenShareAudio => "screen_share_audio",
        }
    }

    /// Reads the spelling of token grants.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == s)
    }
}

/// What a participant may do. `publish = false` wins over `sources`; empty `sources` allows all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// May send audio and video.
    pub publish: bool,
    /// Which sources; empty = all.
    pub sources: BTreeSet<TrackSource>,
    /// May receive.
    pub subscribe: bool,
    /// May send data packets.
    pub data: bool,
    /// May change its own name, metadata and attributes (never `stoa.*`).
    pub update_metadata: bool,
}

impl Permission {
    /// Receive and send data, publish nothing.
    #[must_use]
    pub fn listener() -> Self {
        Self { publish: false, sources: BTreeSet::new(), subscribe: true, data: true, update_metadata: false }
    }

    /// Whether a track of this source may be published.
    #[must_use]
    pub fn allows(&self, source: TrackSource) -> bool {
        self.publish && (self.sources.is_empty() || self.sources.contains(&source))
    }
}

/// Kinds of a user's media that the server silences, whatever the client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Muted {
    /// Every audio track.
    pub audio: bool,
    /// Every video track.
    pub video: bool,
}

impl Muted {
    /// What either silences.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { audio: self.audio || other.audio, video: self.video || other.video }
    }
}

/// A user's effective standing in one channel, decided from live state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is allowed now.
    pub permission: Permission,
    /// What the server silences.
    pub muted: Muted,
    /// The `stoa.*` attributes to show. They replace all earlier `stoa.*` attributes of the participant.
    pub attributes: BTreeMap<String, String>,
    /// Grows with every change of this (channel, user); the engine ignores an older one than it has.
    pub revision: u64,
}

/// A user's rights in a channel as of one commit, before a token is looked at: the rule that gives each of the user's
/// participants its [`Standing`].
pub trait Judge: fmt::Debug + Send + Sync {
    /// As [`Standing::revision`], the same for every token.
    fn revision(&self) -> u64;
    /// The standing of a participant that came with this token.
    fn standing(&self, claims: &Claims) -> Standing;
}

/// The same standing whatever the token says.
impl Judge for Standing {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn standing(&self, _: &Claims) -> Standing {
        self.clone()
    }
}

/// A verified media token, as far as admission cares (media.md 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    /// `nbf` in seconds, 0 when absent.
    pub nbf_secs: i64,
    /// Participant attributes of the token.
    pub attributes: BTreeMap<String, String>,
    /// Display name.
    pub name: String,
    /// Metadata of the token.
    pub metadata: String,
    /// `canPublish`; absent = true.
    pub can_publish: Option<bool>,
    /// `canPublishSources`; empty = all.
    pub can_publish_sources: BTreeSet<TrackSource>,
    /// `canSubscribe`; absent = true.
    pub can_subscribe: Option<bool>,
    /// `canPublishData`; absent = follows `canPublish`.
    pub can_publish_data: Option<bool>,
    /// `canUpdateOwnMetadata`.
    pub can_update_own_metadata: bool,
    /// Not shown to others.
    pub hidden: bool,
}

/// What a verified media token says of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Where.
    pub channel: ChannelKey,
    /// Who.
    pub identity: Identity,
    /// The rest.
    pub claims: Claims,
}

/// What a media token minted here says (media.md 3.2). The use-case decides all of it; the signer adds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaGrant {
    /// The one channel it opens.
    pub channel: ChannelName,
    /// `sub`: who joins.
    pub identity: Identity,
    /// The user behind the identity, attribute `stoa.user`.
    pub user: UserId,
    /// Attribute `stoa.identity`, which marks the token as ours.
    pub identity_type: IdentityType,
    /// Display name, may be empty.
    pub name: String,
    /// Metadata of the participant, may be empty.
    pub metadata: String,
    /// More attributes to show, beside the two above.
    pub attributes: BTreeMap<String, String>,
    /// Hint for the client; the live right is the standing's.
    pub can_publish: bool,
    /// Hint as well: which sources; empty = all.
    pub sources: BTreeSet<TrackSource>,
    /// Hint as well: data packets.
    pub can_publish_data: bool,
    /// When it was made, Unix seconds.
    pub iat_secs: i64,
    /// First second of its life: max(now, revocation mark + 1).
    pub nbf_secs: i64,
    /// End of its life, Unix seconds.
    pub exp_secs: i64,
}

/// The question asked at every join, resume, refresh and validate (media.md 1.6).
#[derive(Debug, Clone)]
pub struct Admission<'a> {
    /// The channel asked for.
    pub channel: &'a ChannelKey,
    /// Who the token says it is.
    pub identity: &'a Identity,
    /// The verified claims.
    pub claims: &'a Claims,
    /// Somebody is about to come in; false = only asked (validate, resume, refresh), which brings no channel to life.
    pub joins: bool,
    /// Wall clock at the question.
    pub now: UnixMs,
}

/// The engine may let the participant in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The user behind the identity.
    pub user: UserId,
    /// The effective standing.
    pub standing: Standing,
}

/// Why the door stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Banned until the instant given: 403.
    Banned(UnixMs),
    /// The token was revoked by a kick: 401.
    Revoked,
    /// The room is dismissed or the class over: 404.
    NoSuchChannel,
    /// The token's names are not usable: 403.
    BadIdentity,
    /// The app is disabled or a limit is reached: 403.
    Limit,
    /// The answer could not be found out: 503, closed doors.
    Unavailable,
}

impl fmt::Display for Refused {
    /// The plain text that signalling clients see; two of these are matched by SDKs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Banned(until) => write!(f, "banned from channel until {}", until.secs()),
            Self::Revoked => f.write_str("token revoked"),
            Self::NoSuchChannel => f.write_str("requested room does not exist"),
            Self::BadIdentity => f.write_str("identity not allowed"),
            Self::Limit => f.write_str("limit reached"),
            Self::Unavailable => f.write_str("try again later"),
        }
    }
}

/// What the engine asks and tells. Implemented by the use-cases, handed to the engine at start.
#[async_trait]
pub trait MediaHooks: Send + Sync {
    /// May this token's holder be in this channel, and as what? Fails closed.
    async fn admit(&self, ask: Admission<'_>) -> std::result::Result<Admitted, Refused>;

    /// RoomService `RemoveParticipant`: a kick with time 0 of the user behind the identity (talk.md 5),
    /// sanction first, then [`Media::remove`]. `user` is what admission said of that identity, when it is present.
    async fn kick_asked(&self, channel: &ChannelKey, user: &UserId) -> Result<()>;

    /// RoomService `DeleteRoom`: ends the room or channel of that name, with all that belongs to it, and answers true;
    /// false = no record, the engine ends the channel itself.
    async fn delete_asked(&self, channel: &ChannelKey) -> Result<bool>;

    /// RoomService `CreateRoom`: brings a channel of this name to life, which lasts `linger` without anybody in it
    /// (`None` = the operator's usual time). False for ended rooms.
    async fn may_open(&self, channel: &ChannelKey, linger: Option<Duration>) -> Result<bool>;

    /// A fact, in the channel's order. Must not block; the receiver queues it.
    fn event(&self, event: MediaEvent);
}

/// Why a participant left (wire value = LiveKit `DisconnectReason`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftReason {
    /// Left by itself.
    ClientInitiated,
    /// The same identity joined again.
    DuplicateIdentity,
    /// The process stops.
    ServerShutdown,
    /// Kick, ban, seat rule.
    Removed,
    /// The channel was ended by command.
    RoomDeleted,
    /// Last one out.
    RoomClosed,
    /// Never connected.
    JoinFailure,
    /// Signal lost, no resume.
    SignalClose,
    /// ICE gone.
    ConnectionTimeout,
    /// Media dead.
    MediaFailure,
}

/// Who a participant is, in events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Identity of the token.
    pub identity: Identity,
    /// The user behind it.
    pub user: UserId,
    /// `PA_…` sid of this stay.
    pub sid: String,
    /// Not shown to others and not counted.
    pub hidden: bool,
}

/// What happened (media.md 1.3). Statistics and speakers are asked for, not pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaFact {
    /// First join or ensure.
    ChannelStarted,
    /// Last departure timeout, or end command.
    ChannelEnded,
    /// State became ACTIVE: first media connection up.
    ParticipantJoined(Who),
    /// Left before ever being ACTIVE.
    ParticipantAborted {
        /// Who.
        who: Who,
        /// Why.
        reason: LeftReason,
    },
    /// Once per sid, always after `Joined`.
    ParticipantLeft {
        /// Who.
        who: Who,
        /// Why.
        reason: LeftReason,
        /// How long it was connected.
        connected: Duration,
        /// The connection had been lost: when the last packet or frame of it came in. `None` = it left, or was made
        /// to leave, while it was connected.
        lost: Option<UnixMs>,
    },
    /// A media line was matched to its announcement.
    TrackPublished {
        /// Whose.
        who: Who,
        /// `TR_…` sid.
        track: String,
        /// Source.
        source: TrackSource,
        /// `audio/opus`, `video/VP8`, …
        mime: String,
    },
    /// Line inactive, permission lost, or the publisher left.
    TrackUnpublished {
        /// Whose.
        who: Who,
        /// `TR_…` sid.
        track: String,
        /// Source.
        source: TrackSource,
    },
    /// Really changed.
    TrackMuted {
        /// Whose.
        who: Who,
        /// `TR_…` sid.
        track: String,
        /// New state.
        muted: bool,
    },
}

/// One fact about one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaEvent {
    /// Where.
    pub channel: ChannelKey,
    /// `RM_…` sid: the epoch of this life of the channel.
    pub channel_sid: String,
    /// Rises by one per channel life.
    pub seq: u64,
    /// `EV_…`, stable over retries.
    pub id: String,
    /// When.
    pub at: UnixMs,
    /// What.
    pub fact: MediaFact,
}

/// Why a participant is removed; decides the reason on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveCause {
    /// Kick or ban.
    Kick,
}

/// A participant as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParticipantView {
    /// Who.
    pub who: Who,
    /// Display name, may be empty.
    pub name: String,
    /// When it came.
    pub joined: UnixMs,
    /// First media connection is up.
    pub active: bool,
    /// Standing in force: what was granted, less what a server SDK took away.
    pub standing: Standing,
    /// What it publishes.
    pub tracks: Vec<TrackView>,
    /// How many tracks it receives.
    pub subscriptions: usize,
}

/// Whether a participant speaks (talk.md 4.2): it may, the server does not silence it, and its microphone is open.
/// `tracks`: what it publishes, and whether that is muted.
pub fn speaks(active: bool, who: &Who, standing: &Standing, tracks: impl Iterator<Item = (TrackSource, bool)>) -> bool {
    let heard = active && !who.hidden && standing.permission.publish && !standing.muted.audio;
    let mut open = tracks.filter(|(source, muted)| *source == TrackSource::Microphone && !muted);
    heard && open.next().is_some()
}

impl ParticipantView {
    /// Whether it is connected and not hidden.
    #[must_use]
    pub fn shown(&self) -> bool {
        self.active && !self.who.hidden
    }

    /// See [`speaks`].
    #[must_use]
    pub fn speaks(&self) -> bool {
        speaks(self.active, &self.who, &self.standing, self.tracks.iter().map(|t| (t.source, t.muted)))
    }
}

/// A published track, and what came in on it lately.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackView {
    /// `TR_…` sid.
    pub sid: String,
    /// What it shows.
    pub source: TrackSource,
    /// Muted, by whomever.
    pub muted: bool,
    /// Measured where its packets come in (talk.md 4.1); all zero while muted.
    pub rate: Rate,
    /// Width and height in pixels, as announced; 0 = not said.
    pub size: (u32, u32),
    /// From low to high; empty where there is one only.
    pub layers: Vec<LayerView>,
}

/// One of several encodings of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerView {
    /// What the publisher calls it.
    pub rid: String,
    /// Payload bits per second.
    pub bits_per_sec: f64,
    /// Something came in during the last seconds.
    pub active: bool,
}

/// What came in on a track: the mean over the last whole seconds (media.md 1.3, talk.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rate {
    /// Payload bits per second of the top live layer.
    pub bits_per_sec: f64,
    /// Distinct frames per second of that layer; 0 for sound.
    pub frames_per_sec: f64,
    /// Payload bits per second of all layers together.
    pub uplink_bits_per_sec: f64,
    /// Something came in during those seconds, however little.
    pub any: bool,
}

impl TrackSource {
    /// Whether it is sound.
    #[must_use]
    pub fn is_audio(self) -> bool {
        matches!(self, Self::Microphone | Self::ScreenShareAudio)
    }
}

/// A data packet of the server: reliable, without a sender (talk.md 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `UserPacket.topic`.
    pub topic: &'static str,
    /// The body, JSON.
    pub body: String,
}

/// Whom a [`Message`] is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Every participant.
    All,
    /// Every participant of this user.
    User(UserId),
    /// Everybody but this user.
    AllBut(UserId),
}

/// How a user is taken out of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Why.
    pub cause: RemoveCause,
    /// Tokens with an older `nbf` are refused, for joins already under way.
    pub not_before_secs: i64,
    /// End of the ban, for the same; 0 = none.
    pub until: UnixMs,
    /// Told to the user once its media is cut. Best effort: nothing waits for it longer than 100 ms.
    pub farewell: Option<Message>,
}

/// Commands to the media engine. All are idempotent. Each resolves within 2 s: an engine that
/// cannot confirm by then answers [`crate::Kind::Unavailable`] and keeps working on it.
///
/// Errors: `NotFound` (channel, participant or track), `LimitReached`/`Forbidden` (limit or policy),
/// `BadInput`, `Unavailable`.
#[async_trait]
pub trait Media: Send + Sync {
    /// Makes every participant of `user` judged by `rights` from the next packet on, and tells the
    /// channel. Nobody there is success: the engine remembers them for a join under way.
    async fn set_standing(&self, channel: &ChannelKey, user: &UserId, rights: Arc<dyn Judge>) -> Result<()>;

    /// Takes the right to publish from everybody in the channel, now and for joins admitted before
    /// `revision`; no packet is forwarded after this resolves.
    async fn silence(&self, channel: &ChannelKey, revision: u64) -> Result<()>;

    /// `leave{ROOM_DELETED}` to all, then the channel is gone. None there is success.
    async fn end_channel(&self, channel: &ChannelKey) -> Result<()>;

    /// Media of every participant of `user` is cut, then it is told, then closed. When this resolves no packet of
    /// the user is forwarded, and the facts of the departure have been handed to the hooks. Absent is success.
    async fn remove(&self, channel: &ChannelKey, user: &UserId, removal: Removal) -> Result<()>;

    /// Queues a message to every addressed participant, in the order of the calls; those in the resume window get it
    /// when they come back. Answers how many were addressed; no such channel is 0. What is queued is still delivered
    /// (best effort) when the participant is removed or the channel ended right after.
    async fn send(&self, channel: &ChannelKey, to: &To, message: &Message) -> Result<usize>;

    /// Who is in the channel, connected or about to be, hidden ones included; one consistent snapshot. Empty when the
    /// channel is not live.
    async fn participants(&self, channel: &ChannelKey) -> Result<Vec<ParticipantView>>;

    /// The same of one user only.
    async fn participants_of(&self, channel: &ChannelKey, user: &UserId) -> Result<Vec<ParticipantView>>;

    /// What a user's participants publish that are connected and not hidden. `None`: it has no participant there, not even
    /// one that is about to be connected.
    async fn tracks_of(&self, channel: &ChannelKey, user: &UserId) -> Result<Option<Vec<TrackView>>> {
        let there = self.participants_of(channel, user).await?;
        let shown = |p: ParticipantView| if p.shown() { p.tracks } else { Vec::new() };
        Ok((!there.is_empty()).then(|| there.into_iter().flat_map(shown).collect()))
    }

    /// Users of whose participants one [speaks](ParticipantView::speaks), in no order; one with several that do may be
    /// named more than once.
    async fn speakers(&self, channel: &ChannelKey) -> Result<Vec<UserId>> {
        let there = self.participants(channel).await?;
        Ok(there.into_iter().filter(ParticipantView::speaks).map(|p| p.who.user).collect())
    }

    /// Live channels of an app with the number of active, visible participants.
    async fn channels(&self, app: AppId) -> Result<Vec<(ChannelName, usize)>>;
}
