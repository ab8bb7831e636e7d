//! Who may do what in a channel, from live state and the token (talk.md 1.5, voice-room.md 5.5).

use std::collections::BTreeMap;

use super::identity::IdentityType;
use super::member::Member;
use super::{ATTR_IDENTITY, ATTR_MIC, ATTR_MUTED, ATTR_SEAT, ATTR_USER};
use crate::id::UserId;
use crate::media::{Claims, Judge, Muted, Permission, Standing, TrackSource};
use crate::time::UnixMs;
use crate::voice::SeatIndex;

/// What the operator chose for all channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Identity 3 may send data packets.
    pub listener_can_send_data: bool,
    /// In classes every present member may publish, as if on stage (classroom.md 5.6).
    pub open_stage: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { listener_can_send_data: true, open_stage: false }
    }
}

/// What kind of channel it is, and what the user is in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// No record: the token says what its holder is.
    Adhoc,
    /// A voice room.
    Room {
        /// Not dismissed.
        live: bool,
        /// The user owns it.
        owner: bool,
        /// The user sits there.
        seat: Option<SeatIndex>,
        /// What the owner switched off of everybody else.
        muted: Muted,
    },
    /// A class.
    Class {
        /// Not ended.
        open: bool,
        /// The user owns it.
        teacher: bool,
        /// The user is on stage.
        stage: bool,
        /// What the teacher switched off there.
        muted: Muted,
    },
}

impl Place {
    fn muted(self) -> Muted {
        match self {
            Self::Room { muted, .. } | Self::Class { muted, .. } => muted,
            Self::Adhoc => Muted::default(),
        }
    }
}

/// A user's rights in a channel as of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Whose.
    pub user: UserId,
    /// Where.
    pub place: Place,
    /// Set by an administrator: beats every token.
    pub sticky: Option<IdentityType>,
    /// May speak though on demand; adhoc channels only.
    pub mic_grant: bool,
    /// Silenced by the server.
    pub muted: Muted,
    /// The operator's choice.
    pub policy: Policy,
    /// The channel's version.
    pub revision: u64,
}

/// What is silenced of a member at `now`.
#[must_use]
pub fn muted_at(member: &Member, now: UnixMs) -> Muted {
    Muted { audio: now < member.mute_audio_until, video: now < member.mute_video_until }
}

impl Rights {
    /// Rights of a user about whom nothing was decided, or with what was decided.
    #[must_use]
    pub fn new(
        user: &UserId,
        place: Place,
        member: Option<&Member>,
        policy: Policy,
        revision: u64,
        now: UnixMs,
    ) -> Self {
        Self {
            user: user.clone(),
            place,
            sticky: member.and_then(|m| m.identity),
            mic_grant: member.is_some_and(|m| m.mic_grant),
            muted: member.map_or(Muted::default(), |m| muted_at(m, now)).and(place.muted()),
            policy,
            revision,
        }
    }

    /// The identity type that counts. Precedence: an administrator's word, then (adhoc only) the token, then the default.
    #[must_use]
    pub fn identity(&self, claims: &Claims) -> IdentityType {
        if let Some(sticky) = self.sticky {
            return sticky;
        }
        match self.place {
            Place::Room { owner: true, .. } | Place::Class { teacher: true, .. } => IdentityType::Host,
            Place::Room { owner: false, .. } | Place::Class { teacher: false, .. } => IdentityType::OnDemand,
            Place::Adhoc => {
                let named = claims.attributes.get(ATTR_IDENTITY).and_then(|s| IdentityType::parse(s));
                let default = match claims.can_publish {
                    Some(false) => IdentityType::Listener,
                    _ => IdentityType::FreeTalker,
                };
                named.unwrap_or(default)
            }
        }
    }

    /// Whether a participant with this token may publish, server mutes aside.
    #[must_use]
    pub fn may_publish(&self, claims: &Claims) -> bool {
        let ended = matches!(self.place, Place::Room { live: false, .. } | Place::Class { open: false, .. });
        !ended && self.identity(claims).speaks(self.holds_grant())
    }

    /// Whether the user holds what lets an on-demand talker speak: a grant, a seat, a place on stage.
    #[must_use]
    pub fn holds_grant(&self) -> bool {
        match self.place {
            Place::Room { seat, .. } => seat.is_some(),
            Place::Class { stage, .. } => stage,
            Place::Adhoc => self.mic_grant,
        }
    }

    fn attributes(&self, identity: IdentityType, publish: bool) -> BTreeMap<String, String> {
        let muted = match (self.muted.audio, self.muted.video) {
            (false, false) => "",
            (true, false) => "a",
            (false, true) => "v",
            (true, true) => "av",
        };
        let mut out = BTreeMap::from([
            (ATTR_USER.to_owned(), self.user.to_string()),
            (ATTR_IDENTITY.to_owned(), identity.as_str().to_owned()),
            (ATTR_MIC.to_owned(), if publish { "1" } else { "0" }.to_owned()),
            (ATTR_MUTED.to_owned(), muted.to_owned()),
        ]);
        if let Place::Room { seat, .. } = self.place {
            out.insert(ATTR_SEAT.to_owned(), seat.map_or(0, SeatIndex::get).to_string());
        }
        out
    }
}

impl Judge for Rights {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn standing(&self, claims: &Claims) -> Standing {
        let ours = claims.attributes.contains_key(ATTR_IDENTITY);
        let identity = self.identity(claims);
        let publish = self.may_publish(claims);
        let mut permission = Permission { publish, ..Permission::listener() };
        // A foreign token in an adhoc channel is its own limit: no list of ours narrows which sources it may use.
        let unlisted = !ours && self.sticky.is_none() && self.place == Place::Adhoc;
        if publish && !unlisted {
            permission.sources = identity.sources();
        }
        permission.data = identity != IdentityType::Listener || self.policy.listener_can_send_data;
        if !ours && self.place == Place::Adhoc {
            permission.update_metadata = claims.can_update_own_metadata;
        }
        // An administrator's word ends the token's say.
        if !ours && self.sticky.is_none() {
            narrow(&mut permission, claims);
        }
        let attributes = self.attributes(identity, permission.publish);
        Standing { permission, muted: self.muted, attributes, revision: self.revision }
    }
}

/// A foreign token can only narrow what live state allows (voice-room.md 5.5).
fn narrow(p: &mut Permission, claims: &Claims) {
    p.publish &= claims.can_publish.unwrap_or(true);
    if p.publish && !claims.can_publish_sources.is_empty() {
        let both: std::collections::BTreeSet<TrackSource> = if p.sources.is_empty() {
            claims.can_publish_sources.clone()
        } else {
            p.sources.intersection(&claims.can_publish_sources).copied().collect()
        };
        // An empty list would mean "all": nothing in common means nothing at all.
        p.publish = !both.is_empty();
        p.sources = both;
    }
    p.subscribe &= claims.can_subscribe.unwrap_or(true);
    p.data &= claims.can_publish_data.or(claims.can_publish).unwrap_or(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(place: Place) -> Rights {
        Rights::new(&UserId::new("u").unwrap(), place, None, Policy::default(), 1, UnixMs(0))
    }

    fn room(owner: bool, seat: Option<i64>) -> Rights {
        rights(Place::Room {
            live: true,
            owner,
            seat: seat.map(|n| SeatIndex::new(n).unwrap()),
            muted: Muted::default(),
        })
    }

    fn foreign(can_publish: Option<bool>, sources: &[TrackSource]) -> Claims {
        Claims { can_publish, can_publish_sources: sources.iter().copied().collect(), ..Claims::default() }
    }

    fn ours(kind: &str) -> Claims {
        let mut c = Claims { can_publish: Some(false), ..Claims::default() };
        c.attributes.insert(ATTR_IDENTITY.into(), kind.into());
        c
    }

    #[test]
    fn a_foreign_token_narrows_and_never_widens() {
        assert!(!room(false, None).standing(&foreign(Some(true), &[])).permission.publish);
        assert!(!room(true, None).standing(&foreign(Some(false), &[])).permission.publish);
        let mic = room(true, None).standing(&foreign(None, &[TrackSource::Microphone])).permission;
        assert!(mic.allows(TrackSource::Microphone) && !mic.allows(TrackSource::Camera));
        let none = room(false, Some(1)).standing(&foreign(None, &[TrackSource::ScreenShareAudio])).permission;
        assert!(!none.publish, "nothing in common is nothing at all");
    }

    #[test]
    fn a_token_of_ours_is_no_upper_bound_and_widens_nothing_in_a_room() {
        assert!(room(true, None).standing(&ours("2")).permission.publish);
        assert!(!room(false, None).standing(&ours("5")).permission.publish);
    }

    #[test]
    fn adhoc_identities_follow_the_table_of_talk_1_5() {
        let of = |kind: &str| rights(Place::Adhoc).standing(&ours(kind)).permission;
        for kind in ["1", "4", "5", "6"] {
            let p = of(kind);
            assert!(p.publish && p.subscribe && p.data && !p.update_metadata, "{kind}");
            let listed = [TrackSource::Microphone, TrackSource::Camera, TrackSource::ScreenShare];
            assert!(listed.iter().all(|s| p.allows(*s)), "{kind}");
            assert_eq!(p.allows(TrackSource::ScreenShareAudio), kind == "4" || kind == "5", "{kind}");
        }
        assert!(!of("2").publish && !of("3").publish && of("3").data);
        let mut strict = rights(Place::Adhoc);
        strict.policy.listener_can_send_data = false;
        assert!(!strict.standing(&ours("3")).permission.data);
        let foreign_default = rights(Place::Adhoc).standing(&Claims::default());
        assert_eq!(foreign_default.attributes[ATTR_IDENTITY], "1");
        assert!(foreign_default.permission.allows(TrackSource::ScreenShareAudio));
        let listener = rights(Place::Adhoc).standing(&foreign(Some(false), &[]));
        assert_eq!(listener.attributes[ATTR_IDENTITY], "3");
        assert!(!listener.permission.publish && !listener.permission.data);
    }

    #[test]
    fn an_administrators_word_beats_every_token() {
        let mut r = rights(Place::Adhoc);
        r.sticky = Some(IdentityType::Listener);
        assert!(!r.standing(&ours("5")).permission.publish);
        r.sticky = Some(IdentityType::Host);
        assert!(r.standing(&foreign(Some(false), &[])).permission.publish);
        let mut seated = room(false, Some(3));
        seated.sticky = Some(IdentityType::Listener);
        assert!(!seated.standing(&ours("2")).permission.publish);
        let mut unseated = room(false, None);
        unseated.sticky = Some(IdentityType::Guest);
        assert!(unseated.standing(&ours("2")).permission.publish);
    }

    #[test]
    fn on_demand_speaks_with_a_grant() {
        let mut r = rights(Place::Adhoc);
        assert!(!r.may_publish(&ours("2")));
        r.mic_grant = true;
        assert!(r.may_publish(&ours("2")));
        assert!(!r.may_publish(&ours("3")));
        assert_eq!(r.standing(&ours("2")).attributes[ATTR_MIC], "1");
    }

    #[test]
    fn nobody_publishes_in_a_dismissed_room() {
        let mut r = rights(Place::Room { live: false, owner: true, seat: None, muted: Muted::default() });
        r.sticky = Some(IdentityType::Host);
        assert!(!r.standing(&ours("5")).permission.publish);
    }

    #[test]
    fn in_a_class_teacher_and_stage_publish_until_it_ends() {
        let of = |open, teacher, stage| rights(Place::Class { open, teacher, stage, muted: Muted::default() });
        let publishes = |r: &Rights| r.standing(&ours("2")).permission.publish;
        assert!(publishes(&of(true, true, false)) && publishes(&of(true, false, true)));
        assert!(!publishes(&of(true, false, false)) && !publishes(&of(false, true, true)));
        let mut bound = of(true, true, false);
        bound.sticky = Some(IdentityType::OnDemand);
        assert!(!publishes(&bound), "set on a teacher, 2 binds the teacher too");
        let mut kept_off = of(true, false, true);
        kept_off.sticky = Some(IdentityType::Listener);
        assert!(!publishes(&kept_off));
        assert_eq!(of(true, true, false).standing(&ours("2")).attributes[ATTR_IDENTITY], "5");
    }

    #[test]
    fn mutes_are_shown_and_end_by_themselves() {
        let user = UserId::new("u").unwrap();
        let key = crate::id::ChannelKey { app: crate::id::AppId(1), name: crate::id::ChannelName::new("c").unwrap() };
        let m =
            Member { mute_audio_until: UnixMs(100), mute_video_until: UnixMs::MAX, ..Member::blank(key, user.clone()) };
        let at =
            |now| Rights::new(&user, Place::Adhoc, Some(&m), Policy::default(), 1, UnixMs(now)).standing(&ours("1"));
        assert_eq!(at(99).attributes[ATTR_MUTED], "av");
        assert_eq!(at(100).attributes[ATTR_MUTED], "v");
        assert!(!at(100).muted.audio && at(100).muted.video);
    }
}
