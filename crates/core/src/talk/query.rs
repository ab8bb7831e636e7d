//! Questions. They change nothing and are answered from what the engine does now; only call records come from the store.

use super::{Talk, no_channel};
use crate::channel::{ATTR_IDENTITY, Call, IdentityType};
use crate::error::Result;
use crate::id::{AppId, ChannelKey, ChannelName, UserId};
use crate::live::Present;
use crate::media::{ParticipantView, TrackView};
use crate::ports::CallFilter;
use crate::time::UnixMs;
use crate::world::Found;

/// Channels read from the store at once where a whole list is wanted.
const CHUNK: u32 = 10_000;

/// Channels counted at once: the engine's facts wait for so long, some 100 µs.
const COUNTED: usize = 1000;

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows to skip.
    pub start: u64,
    /// Rows to show at most.
    pub limit: u32,
}

impl Page {
    fn cut<T>(page: Option<Self>, all: Vec<T>) -> Listed<T> {
        let total = all.len() as u64;
        let rows = match page {
            None => all,
            Some(p) => {
                let start = usize::try_from(p.start).unwrap_or(usize::MAX);
                all.into_iter().skip(start).take(p.limit as usize).collect()
            }
        };
        Listed { total, rows }
    }
}

/// Rows, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// Of the whole list.
    pub total: u64,
    /// Of the page.
    pub rows: Vec<T>,
}

/// Names a state of an app's list of channels: while the edition stays, so does the whole list, counts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    /// Of the names, as the store counts it.
    names: u64,
    /// Of the numbers of users.
    counts: u64,
}

/// Whether a channel exists, and whether somebody is present (talk.md 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelStatus {
    /// It does not exist.
    Absent = 1,
    /// Nobody is present.
    Idle = 2,
    /// Somebody is.
    Busy = 3,
}

/// What made a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// Its first join.
    Adhoc,
    /// A voice room.
    Room,
    /// A class.
    Class,
}

/// What a user sends in one channel, over all devices (talk.md 4.1). Rates are rounded half up; whatever comes in at all
/// is at least 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserMedia {
    /// Where.
    pub channel: ChannelName,
    /// A video track is published and not muted.
    pub video: bool,
    /// An audio track is published and not muted.
    pub audio: bool,
    /// Highest of all tracks, frames per second.
    pub video_fps: u32,
    /// Sum over tracks, kbit/s of the top layers.
    pub video_kbps: u32,
    /// Sum over tracks, kbit/s.
    pub audio_kbps: u32,
}

/// Which call records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallQuery {
    /// Whose.
    pub user: UserId,
    /// Begun in this span of time: one day of the operator's zone.
    pub from: UnixMs,
    /// End of the span.
    pub until: UnixMs,
    /// Also open ones.
    pub open: bool,
    /// Which part.
    pub page: Page,
}

/// A user as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDetail {
    /// Who.
    pub user: UserId,
    /// Type in force.
    pub identity: IdentityType,
    /// Set by an administrator.
    pub sticky: bool,
    /// Holds a grant: `set_talk_mic` in an adhoc channel, a seat in a room, a place on a class's stage.
    pub mic_grant: bool,
    /// Silenced by the server.
    pub audio_muted: bool,
    /// Silenced by the server.
    pub video_muted: bool,
    /// Start of the current presence.
    pub since: UnixMs,
    /// Connected devices.
    pub devices: usize,
    /// Speaks, as the list of speakers has it.
    pub speaker: bool,
    /// All layers of all video tracks, kbit/s.
    pub video_uplink_kbps: u32,
}

/// A channel as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelDetail {
    /// What made it.
    pub kind: ChannelKind,
    /// Idle or busy.
    pub status: ChannelStatus,
    /// When it came to life.
    pub created: UnixMs,
    /// Who is present.
    pub users: Listed<MemberDetail>,
}

/// Half up; at least 1 when anything came in.
fn rounded(value: f64, any: bool) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded and not negative")]
    let n = (value + 0.5).floor().clamp(0.0, f64::from(u32::MAX)) as u32;
    n.max(u32::from(any))
}

/// Adds up the tracks of one user's participants in one channel.
fn user_media(channel: ChannelName, tracks: &[TrackView]) -> UserMedia {
    let open = |audio: bool| tracks.iter().filter(move |t| !t.muted && t.source.is_audio() == audio);
    let sum = |audio: bool| {
        let any = open(audio).any(|t| t.rate.any);
        rounded(open(audio).map(|t| t.rate.bits_per_sec).sum::<f64>() / 1000.0, any)
    };
    let fps = open(false).map(|t| t.rate.frames_per_sec).fold(0.0, f64::max);
    UserMedia {
        channel,
        video: open(false).next().is_some(),
        audio: open(true).next().is_some(),
        video_fps: rounded(fps, open(false).any(|t| t.rate.any)),
        video_kbps: sum(false),
        audio_kbps: sum(true),
    }
}

impl Talk {
    /// Users present in a channel; 0 where there is none.
    ///
    /// # Errors
    /// Store faults.
    pub async fn user_count(&self, channel: &ChannelKey) -> Result<usize> {
        // The channel of a dismissed room empties over some seconds: it does not exist any more all the same.
        Ok(if self.world.find(channel).await?.exists() { self.world.live.online(channel) } else { 0 })
    }

    /// Users present, in the order of arrival.
    ///
    /// # Errors
    /// Store faults.
    pub async fn users(&self, channel: &ChannelKey, page: Option<Page>) -> Result<Listed<UserId>> {
        let exists = self.world.find(channel).await?.exists();
        Ok(Page::cut(page, if exists { self.world.live.users(channel) } else { Vec::new() }))
    }

    /// Which edition of [`Talk::channels`] holds now; `None` where nobody can tell without making the list.
    ///
    /// A list belongs to an edition that held both before and after it was made. It holds again when the same edition is
    /// found later: neither number ever comes back, so counts of this edition were there all the time until they were
    /// looked at, and the names with them when those were looked at before.
    ///
    /// # Errors
    /// Store faults.
    pub async fn channels_edition(&self, app: AppId) -> Result<Option<Edition>> {
        let names = self.world.store.channel_names_edition(app).await?;
        Ok(names.map(|names| Edition { names, counts: self.world.live.edition(app) }))
    }

    /// Every existing channel of the app with the number of its users, by name (bytes).
    ///
    /// # Errors
    /// Store faults.
    pub async fn channels(&self, app: AppId, page: Option<Page>) -> Result<Listed<(ChannelName, usize)>> {
        let store = &self.world.store;
        let (total, names) = match page {
            Some(p) => store.channel_names(app, p.start, p.limit).await?,
            None => {
                let (mut total, mut names) = store.channel_names(app, 0, CHUNK).await?;
                while (names.len() as u64) < total {
                    let (now, more) = store.channel_names(app, names.len() as u64, CHUNK).await?;
                    if more.is_empty() {
                        break;
                    }
                    total = now;
                    names.extend(more);
                }
                (total.min(names.len() as u64), names)
            }
        };
        let counts: Vec<_> = names.chunks(COUNTED).flat_map(|some| self.world.live.online_each(app, some)).collect();
        Ok(Listed { total, rows: names.into_iter().zip(counts).collect() })
    }

    /// Whether the channel exists, and whether somebody is present.
    ///
    /// # Errors
    /// Store faults.
    pub async fn status(&self, channel: &ChannelKey) -> Result<ChannelStatus> {
        Ok(match self.world.find(channel).await?.exists() {
            false => ChannelStatus::Absent,
            // The same number as the count, so that the two never disagree.
            true if self.world.live.online(channel) == 0 => ChannelStatus::Idle,
            true => ChannelStatus::Busy,
        })
    }

    /// What a user sends, in every channel where it is present, in the order of arrival.
    ///
    /// # Errors
    /// Store and engine faults.
    pub async fn user_status(&self, app: AppId, user: &UserId) -> Result<Vec<UserMedia>> {
        let mut out = Vec::new();
        for name in self.world.live.channels_of(app, user) {
            let key = ChannelKey { app, name };
            if !self.world.find(&key).await?.exists() {
                continue;
            }
            let tracks = self.world.media().tracks_of(&key, user).await?;
            // Gone since the look at who is present; or evicted by a newcomer that is not connected yet.
            if tracks.is_none() && !self.world.live.is_online(&key, user) {
                continue;
            }
            out.push(user_media(key.name, &tracks.unwrap_or_default()));
        }
        Ok(out)
    }

    /// A user's call records of a span of time.
    ///
    /// # Errors
    /// Store faults.
    pub async fn calls(&self, app: AppId, query: CallQuery) -> Result<Listed<Call>> {
        let open = query.open || self.config.include_open_calls;
        let filter = CallFilter { app, user: query.user, from: query.from, until: query.until, open };
        let (total, rows) = self.world.store.calls(&filter, query.page.start, query.page.limit).await?;
        Ok(Listed { total, rows })
    }

    /// Users who speak now, in the order of arrival.
    ///
    /// # Errors
    /// Store and engine faults.
    pub async fn speakers(&self, channel: &ChannelKey, page: Option<Page>) -> Result<Listed<UserId>> {
        let speakers = self.world.media().speakers(channel).await?;
        let exists = self.world.find(channel).await?.exists();
        Ok(Page::cut(page, if exists { self.world.live.in_order(channel, speakers) } else { Vec::new() }))
    }

    /// Everything about a channel and who is present.
    ///
    /// # Errors
    /// `NotFound`, store and engine faults.
    pub async fn detail(&self, channel: &ChannelKey, page: Page) -> Result<ChannelDetail> {
        let found = self.world.find(channel).await?;
        let (kind, created) = match &found {
            Found::Room(room) => (ChannelKind::Room, room.created),
            Found::Class(class, record) if found.exists() => {
                let begun = record.as_ref().map(|r| r.created).or(class.started);
                (ChannelKind::Class, begun.unwrap_or(class.created))
            }
            Found::Adhoc(record) => (ChannelKind::Adhoc, record.created),
            Found::Class(..) | Found::Ended(_) | Found::Nothing => return Err(no_channel()),
        };
        let there = self.world.media().participants(channel).await?;
        let present = self.world.live.present(channel);
        let status = if present.is_empty() { ChannelStatus::Idle } else { ChannelStatus::Busy };
        let listed = Page::cut(Some(page), present);
        let mut rows = Vec::with_capacity(listed.rows.len());
        for p in listed.rows {
            rows.push(self.member_detail(&found, channel, p, &there).await?);
        }
        Ok(ChannelDetail { kind, status, created, users: Listed { total: listed.total, rows } })
    }

    async fn member_detail(
        &self,
        found: &Found,
        channel: &ChannelKey,
        present: Present,
        there: &[ParticipantView],
    ) -> Result<MemberDetail> {
        let own: Vec<_> = there.iter().filter(|p| p.who.user == present.user && !p.who.hidden).collect();
        let rights = self.world.rights_in(found, channel, &present.user).await?;
        let videos = || own.iter().flat_map(|p| &p.tracks).filter(|t| !t.source.is_audio()).map(|t| t.rate);
        let shown = own.first().and_then(|p| p.standing.attributes.get(ATTR_IDENTITY));
        let identity = shown.and_then(|s| IdentityType::parse(s));
        Ok(MemberDetail {
            identity: identity.unwrap_or_else(|| rights.identity(&crate::media::Claims::default())),
            sticky: rights.sticky.is_some(),
            mic_grant: rights.holds_grant(),
            audio_muted: rights.muted.audio,
            video_muted: rights.muted.video,
            since: present.since,
            devices: present.devices,
            speaker: own.iter().any(|p| p.speaks()),
            video_uplink_kbps: rounded(
                videos().map(|r| r.uplink_bits_per_sec).sum::<f64>() / 1000.0,
                videos().any(|r| r.any),
            ),
            user: present.user,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::id::Identity;
    use crate::media::{Muted, Permission, Rate, Standing, TrackSource, Who};

    fn track(source: TrackSource, muted: bool, bits: f64, frames: f64) -> TrackView {
        let rate =
            Rate { bits_per_sec: bits, frames_per_sec: frames, uplink_bits_per_sec: bits * 2.0, any: bits > 0.0 };
        let rate = if muted { Rate::default() } else { rate };
        TrackView { sid: "TR".into(), source, muted, rate, size: (0, 0), layers: Vec::new() }
    }

    fn participant(tracks: Vec<TrackView>) -> ParticipantView {
        let user = UserId::new("u").unwrap();
        ParticipantView {
            who: Who { identity: Identity::new("u").unwrap(), user, sid: "PA".into(), hidden: false },
            name: String::new(),
            joined: UnixMs(0),
            active: true,
            standing: Standing {
                permission: Permission { publish: true, ..Permission::listener() },
                muted: Muted::default(),
                attributes: BTreeMap::new(),
                revision: 1,
            },
            tracks,
            subscriptions: 0,
        }
    }

    fn media(tracks: Vec<TrackView>) -> UserMedia {
        user_media(ChannelName::new("c").unwrap(), &tracks)
    }

    #[test]
    fn bit_rates_add_up_and_the_highest_frame_rate_counts() {
        let m = media(vec![
            track(TrackSource::Camera, false, 470_400.0, 14.5),
            track(TrackSource::ScreenShare, false, 100_200.0, 5.0),
            track(TrackSource::Microphone, false, 31_500.0, 0.0),
        ]);
        assert_eq!((m.video_kbps, m.video_fps, m.audio_kbps), (571, 15, 32));
        assert!(m.audio && m.video);
    }

    #[test]
    fn a_trickle_counts_as_one_and_silence_as_zero() {
        let m = media(vec![track(TrackSource::Microphone, false, 3.0, 0.0)]);
        assert_eq!((m.audio_kbps, m.audio), (1, true));
        let m = media(vec![track(TrackSource::Microphone, false, 0.0, 0.0)]);
        assert_eq!((m.audio_kbps, m.audio), (0, true), "published and silent is still in use");
        let m = media(vec![track(TrackSource::Camera, true, 9e6, 30.0)]);
        assert_eq!((m.video_kbps, m.video_fps, m.video), (0, 0, false));
    }

    #[test]
    fn a_speaker_may_speak_and_has_an_open_microphone() {
        let mic = || vec![track(TrackSource::Microphone, false, 1.0, 0.0)];
        assert!(participant(mic()).speaks());
        assert!(!participant(vec![track(TrackSource::Microphone, true, 1.0, 0.0)]).speaks());
        assert!(!participant(vec![track(TrackSource::ScreenShareAudio, false, 1.0, 0.0)]).speaks());
        let mut silenced = participant(mic());
        silenced.standing.muted.audio = true;
        assert!(!silenced.speaks());
        let mut forbidden = participant(mic());
        forbidden.standing.permission.publish = false;
        assert!(!forbidden.speaks());
    }

    #[test]
    fn pages_join_to_the_whole() {
        let all: Vec<u32> = (0..7).collect();
        let page = |start, limit| Page::cut(Some(Page { start, limit }), all.clone());
        assert_eq!(page(0, 3).rows, [0, 1, 2]);
        assert_eq!(page(6, 3).rows, [6]);
        assert!(page(u64::MAX, 3).rows.is_empty());
        assert_eq!(page(9, 1).total, 7);
    }
}
