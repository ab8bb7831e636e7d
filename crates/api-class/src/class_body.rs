//! The class object, one for every answer (classroom.md 4.2), and the shape of a member.

use serde::Serialize;
use stoa_api::Origin;
use stoa_core::class::{Class, ClassMember, ClassView, Shadow};
use stoa_core::cloud::{OutsideCounts, OutsideLook, OutsideMute};
use stoa_core::id::{MeetingId, UserId};
use stoa_core::time::UnixMs;
use stoa_core::{Error, Result};
use stoa_vendor::aliyun::Aliyun;
use utoipa::ToSchema;

use crate::board::board_text;
use crate::config::MediaProvider;
use crate::endpoints::get_rtc_auth_token::VENDOR_TTL_SECS;
use crate::links::{Links, Picture, Sound, stream_name};
use crate::state::ClassState;
use crate::vod::VodInfo;

/// A class, as one user sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassBody<'a> {
    /// 32 lower-case hex digits.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    id: String,
    /// Title.
    title: &'a str,
    /// Announcement, empty if none.
    notice: &'a str,
    /// The owner.
    teacher_id: &'a str,
    /// The owner's nick, empty if none.
    teacher_nick: &'a str,
    /// Opaque text of the app, empty if none.
    extends: &'a str,
    /// 0 preparing or paused, 1 in class, 2 ended.
    #[schema(maximum = 2)]
    status: u8,
    /// 0 open, 1 big, 2 small.
    #[schema(maximum = 2)]
    mode: u8,
    /// When it was made; no mark of the zone.
    #[schema(example = "2023/11/24 11:20:44")]
    created_at: String,
    /// When the record last changed.
    #[schema(example = "2023/11/24 11:46:00")]
    updated_at: String,
    /// Last start.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    /// Last stop; may be older than `started_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_at: Option<String>,
    /// Message group: equal to `aliyun_id`.
    chat_id: String,
    /// Message group: equal to `id`; at the older vendor service its own.
    aliyun_id: String,
    /// Chat room at RongCloud, if the class has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    rong_cloud_id: Option<String>,
    /// Media channel, a UUID.
    #[schema(pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
    meeting_id: String,
    /// JSON text of what `getMeetingInfo` answers.
    #[serde(rename = "meetingInfo")]
    meeting_info: String,
    /// The same.
    #[serde(rename = "meeting_info")]
    meeting_info_published: String,
    /// JSON text about the whiteboard.
    boards: String,
    /// Whether the caller may comment.
    user_status: UserStatus,
    /// Addresses for the caller; absent while the caller is banned.
    #[serde(skip_serializing_if = "Option::is_none")]
    link_info: Option<LinkInfo>,
    /// Addresses for the caller's second publisher; absent while the caller is banned.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_link_info: Option<LinkInfo>,
    /// Counters of the live place.
    metrics: Metrics,
    /// Id of the recording, if a vendor made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    vod_id: Option<String>,
    /// The recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    vod_info: Option<VodInfo>,
    /// Whoever holds the assistant's slot, in class or not.
    #[serde(rename = "assistantPermit", skip_serializing_if = "Option::is_none")]
    assistant_permit: Option<MemberBody<'a>>,
}

/// Whether a user may comment.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserStatus {
    /// May not.
    mute: bool,
    /// `user` = muted alone, `group` = with everybody.
    mute_source: Vec<&'static str>,
}

/// Counters of a class.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Metrics {
    /// Joins of the message group.
    pv: u64,
    /// Distinct users that ever joined it.
    uv: u64,
    /// Likes.
    like_count: u64,
    /// Distinct users with a live connection now.
    online_count: u64,
}

/// Addresses for one publisher.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkInfo {
    /// Where to publish (WHIP, or the vendor's form). In `list` only for the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtc_push_url: Option<String>,
    /// Where others play it (WHEP with a bearer token, or the vendor's form).
    rtc_pull_url: String,
    /// The teacher's streams.
    cdn_pull_info: CdnPullInfo,
    /// Media server, where it is ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtc_url: Option<String>,
    /// Access token for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtc_token: Option<String>,
}

/// Sixteen addresses of the teacher's streams; an empty one is not served.
#[derive(Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "sixteen names of one scheme: what, of which picture, with which sound")]
pub struct CdnPullInfo {
    pub rtmp_url: String,
    pub rts_url: String,
    pub flv_url: String,
    pub hls_url: String,
    pub rtmp_oriaac_url: String,
    pub rts_oriaac_url: String,
    pub flv_oriaac_url: String,
    pub hls_oriaac_url: String,
    pub rtmp_screen_url: String,
    pub rts_screen_url: String,
    pub flv_screen_url: String,
    pub hls_screen_url: String,
    pub rtmp_screen_oriaac_url: String,
    pub rts_screen_oriaac_url: String,
    pub flv_screen_oriaac_url: String,
    pub hls_screen_oriaac_url: String,
}

impl CdnPullInfo {
    /// The vendor's.
    fn of(urls: stoa_vendor::aliyun::url::CdnPullInfo) -> Self {
        let stoa_vendor::aliyun::url::CdnPullInfo { camera, camera_aac, screen, screen_aac } = urls;
        Self {
            rtmp_url: camera.rtmp,
            rts_url: camera.rts,
            flv_url: camera.flv,
            hls_url: camera.hls,
            rtmp_oriaac_url: camera_aac.rtmp,
            rts_oriaac_url: camera_aac.rts,
            flv_oriaac_url: camera_aac.flv,
            hls_oriaac_url: camera_aac.hls,
            rtmp_screen_url: screen.rtmp,
            rts_screen_url: screen.rts,
            flv_screen_url: screen.flv,
            hls_screen_url: screen.hls,
            rtmp_screen_oriaac_url: screen_aac.rtmp,
            rts_screen_oriaac_url: screen_aac.rts,
            flv_screen_oriaac_url: screen_aac.flv,
            hls_screen_oriaac_url: screen_aac.hls,
        }
    }
}

/// A member of a class.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberBody<'a> {
    /// Where; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    class_id: Option<String>,
    /// Who.
    user_id: &'a str,
    /// Shown name.
    user_name: &'a str,
    /// Shown picture, if one was ever given.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_avatar: Option<&'a str>,
    /// 1 student, 2 assistant, 3 teacher.
    #[schema(minimum = 1, maximum = 3)]
    identity: u8,
    /// 1 in class, 2 left, 3 kicked.
    #[schema(minimum = 1, maximum = 3)]
    status: u8,
    /// When it joined.
    #[schema(example = "2023/11/24 11:45:11")]
    join_time: String,
}

impl<'a> MemberBody<'a> {
    /// As one of a list.
    pub(crate) fn of(v: &ClassState, m: &'a ClassMember) -> Self {
        Self {
            class_id: None,
            user_id: m.user.as_str(),
            user_name: &m.name,
            user_avatar: m.avatar.as_deref(),
            identity: m.identity.number(),
            status: m.status.number(),
            join_time: v.slashed(m.joined),
        }
    }
}

impl Metrics {
    /// Of this class, as seen now. `pv` and `uv` count joins of the message group: 0 for a class used only over HTTP.
    pub(crate) fn of(v: &ClassState, view: &ClassView, outside: Option<OutsideCounts>) -> Self {
        if let Some(c) = outside {
            return Self { pv: c.pv, uv: c.uv, like_count: c.likes, online_count: c.online };
        }
        let (g, online) = (&view.group, v.classes().online(&view.class));
        Self { pv: g.pv, uv: g.uv, like_count: g.likes, online_count: u64::try_from(online).unwrap_or(u64::MAX) }
    }
}

/// What vendors tell of these classes, in their order.
pub(crate) async fn looks(v: &ClassState, views: &[ClassView], user: &UserId) -> Vec<OutsideLook> {
    match v.classes().cloud() {
        Some(cloud) => {
            let classes: Vec<&Class> = views.iter().map(|view| &*view.class).collect();
            cloud.look(&classes, user).await
        }
        None => vec![OutsideLook::default(); views.len()],
    }
}

/// Renders classes for the answers to one request.
pub(crate) struct Painter<'a> {
    v: &'a ClassState,
    media: Media<'a>,
}

/// Whose media it is, for the addresses of one answer.
enum Media<'a> {
    Embedded { links: Links<'a>, rtc_url: String },
    Aliyun { aliyun: &'a Aliyun, ends: i64, now: UnixMs },
}

/// Which addresses an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One class: the user's own.
    Alone,
    /// In a list: the owner's, and those to publish only to the owner.
    Listed,
}

impl<'a> Painter<'a> {
    pub(crate) fn new(v: &'a ClassState, origin: &Origin) -> Self {
        let now = v.now();
        let media = match &v.config().media {
            MediaProvider::Embedded { key, ttl } => {
                Media::Embedded { links: v.links(origin, key, *ttl), rtc_url: v.websocket_base(origin) }
            }
            MediaProvider::Aliyun(aliyun) => {
                Media::Aliyun { aliyun, ends: now.secs().saturating_add(VENDOR_TTL_SECS), now }
            }
        };
        Self { v, media }
    }

    /// The class as the whole answer for this user, whose view it is.
    pub(crate) async fn alone<'b>(&self, view: &'b ClassView, user: &UserId) -> Result<ClassBody<'b>> {
        let outside = looks(self.v, std::slice::from_ref(view), user).await;
        self.paint(view, user, Form::Alone, outside.into_iter().next().unwrap_or_default())
    }

    /// The class as one of a list.
    pub(crate) fn listed<'b>(&self, view: &'b ClassView, user: &UserId, outside: OutsideLook) -> Result<ClassBody<'b>> {
        self.paint(view, user, Form::Listed, outside)
    }

    fn paint<'b>(&self, view: &'b ClassView, user: &UserId, form: Form, outside: OutsideLook) -> Result<ClassBody<'b>> {
        let (class, v): (&Class, _) = (&view.class, self.v);
        let now = v.now();
        let banned = view.banned(now);
        let link = |shadow| if banned { Ok(None) } else { self.link_info(view, user, shadow, form).map(Some) };
        let id = class.id.to_string();
        let meeting_info = class.info.to_value().to_string();
        let mute = outside.mute.unwrap_or_else(|| {
            let own = view.chat_mute(user, now);
            OutsideMute { user: own.user, group: own.group }
        });
        let sources = [(mute.user, "user"), (mute.group, "group")];
        let group = class.outside.group.clone().unwrap_or_else(|| id.clone());
        Ok(ClassBody {
            title: &class.title,
            notice: &class.notice,
            teacher_id: class.teacher.as_str(),
            teacher_nick: &class.teacher_nick,
            extends: &class.extends,
            status: class.status.number(),
            mode: class.mode.number(),
            created_at: v.slashed(class.created),
            updated_at: v.slashed(class.updated),
            started_at: class.started.map(|t| v.slashed(t)),
            stopped_at: class.stopped.map(|t| v.slashed(t)),
            chat_id: group.clone(),
            aliyun_id: group,
            rong_cloud_id: class.outside.rong_cloud.then(|| id.clone()),
            id,
            meeting_id: class.meeting.to_string(),
            meeting_info: meeting_info.clone(),
            meeting_info_published: meeting_info,
            boards: board_text(&v.config().board, class),
            user_status: UserStatus {
                mute: mute.user || mute.group,
                mute_source: sources.into_iter().filter_map(|(on, word)| on.then_some(word)).collect(),
            },
            link_info: link(Shadow::No)?,
            shadow_link_info: link(Shadow::Yes)?,
            metrics: Metrics::of(v, view, outside.counts),
            vod_id: outside.recording.as_ref().map(|r| r.id.clone()),
            vod_info: outside.recording.map(VodInfo::of),
            assistant_permit: view
                .assistant
                .as_ref()
                .map(|m| MemberBody { class_id: Some(class.id.to_string()), ..MemberBody::of(v, m) }),
        })
    }

    fn link_info(&self, view: &ClassView, user: &UserId, shadow: Shadow, form: Form) -> Result<LinkInfo> {
        let class = &view.class;
        let (me, owner) = (shadow.of(user), shadow.of(&class.teacher));
        let publishes = form == Form::Alone || class.teacher == *user;
        let played = if form == Form::Alone { &me } else { &owner };
        match &self.media {
            Media::Embedded { links, rtc_url } => {
                let rtc_token = if publishes {
                    let grant = self.v.classes().grant(view, user, shadow, links.expires)?;
                    Some(self.v.tokens().mint(self.v.app(), &grant))
                } else {
                    None
                };
                Ok(LinkInfo {
                    rtc_push_url: publishes.then(|| links.push(class.meeting, &me)),
                    rtc_pull_url: links.pull(class.meeting, played),
                    cdn_pull_info: self.cdn(links, class.meeting, &owner, user),
                    rtc_url: publishes.then(|| rtc_url.clone()),
                    rtc_token,
                })
            }
            Media::Aliyun { aliyun, ends, now } => {
                let meeting = class.meeting.to_string();
                let urls = |who: &str| aliyun.rtc_urls(&meeting, who, *ends).map_err(Error::internal_error);
                let cdn = aliyun.cdn_pull_info(&meeting, &owner, *now).map_err(Error::internal_error)?;
                Ok(LinkInfo {
                    rtc_push_url: if publishes { Some(urls(&me)?.push) } else { None },
                    rtc_pull_url: urls(played)?.pull,
                    cdn_pull_info: CdnPullInfo::of(cdn),
                    rtc_url: None,
                    rtc_token: None,
                })
            }
        }
    }

    /// RTMP and RTS are not served; FLV and HLS are signed for the viewer.
    fn cdn(&self, links: &Links<'_>, meeting: MeetingId, owner: &str, viewer: &UserId) -> CdnPullInfo {
        let app = &self.v.config().im_app_id;
        let url = |picture, sound, ending: &str| {
            links.play(&(stream_name(app, meeting, owner, picture, sound) + ending), viewer)
        };
        let flv = |picture, sound| url(picture, sound, ".flv");
        let hls = |picture, sound| url(picture, sound, ".m3u8");
        CdnPullInfo {
            rtmp_url: String::new(),
            rts_url: String::new(),
            flv_url: flv(Picture::Camera, Sound::Original),
            hls_url: hls(Picture::Camera, Sound::Original),
            rtmp_oriaac_url: String::new(),
            rts_oriaac_url: String::new(),
            flv_oriaac_url: flv(Picture::Camera, Sound::Aac),
            hls_oriaac_url: hls(Picture::Camera, Sound::Aac),
            rtmp_screen_url: String::new(),
            rts_screen_url: String::new(),
            flv_screen_url: flv(Picture::Screen, Sound::Original),
            hls_screen_url: hls(Picture::Screen, Sound::Original),
            rtmp_screen_oriaac_url: String::new(),
            rts_screen_oriaac_url: String::new(),
            flv_screen_oriaac_url: flv(Picture::Screen, Sound::Aac),
            hls_screen_oriaac_url: hls(Picture::Screen, Sound::Aac),
        }
    }
}
