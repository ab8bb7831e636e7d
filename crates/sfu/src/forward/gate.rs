//! May this packet be published? Asked before any counting or fan-out (media.md 1.4).

use stoa_core::media::{Muted, Permission, TrackSource};

/// Why a packet is dropped in the up track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shut {
    /// The media line was never announced, or not matched yet.
    Unannounced,
    /// The participant may not publish at all.
    NotPermitted,
    /// The participant may not publish this source.
    SourceNotPermitted,
    /// Muted by the publisher, by command or by policy.
    Muted,
}

impl Shut {
    /// The label in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unannounced => "unannounced",
            Self::NotPermitted => "not_permitted",
            Self::SourceNotPermitted => "source_not_permitted",
            Self::Muted => "muted",
        }
    }
}

/// Who holds a track muted. It is silent while anybody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MuteState {
    /// The publisher.
    pub by_self: bool,
    /// A command (RoomService). Sticky: the publisher cannot lift it.
    pub by_command: bool,
    /// The user's standing in the channel. Sticky as well.
    pub by_policy: bool,
}

/// What to answer when the publisher changes its mute state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfMute {
    /// Done; the state that others see changed if `visible`.
    Taken {
        /// Whether the track went from heard to silent or back.
        visible: bool,
    },
    /// It is held muted by somebody else: send `mute{true}` back.
    Refused,
}

impl MuteState {
    /// Whether the track is silent.
    #[must_use]
    pub fn is_muted(self) -> bool {
        self.by_self || self.by_command || self.by_policy
    }

    /// The publisher asks to mute or unmute itself. A refused unmute leaves everything as it was: when the
    /// others let go, the track stays silent until its publisher asks again.
    pub fn set_by_self(&mut self, muted: bool) -> SelfMute {
        if !muted && (self.by_command || self.by_policy) {
            return SelfMute::Refused;
        }
        let before = self.is_muted();
        self.by_self = muted;
        SelfMute::Taken { visible: before != self.is_muted() }
    }

    /// A command mutes or unmutes; true when the visible state changed. Unmuting by command lifts only the
    /// command's own mute: nobody's microphone is opened from afar.
    pub fn set_by_command(&mut self, muted: bool) -> bool {
        let before = self.is_muted();
        self.by_command = muted;
        before != self.is_muted()
    }

    /// The standing mutes or unmutes this kind; true when the visible state changed.
    pub fn set_by_policy(&mut self, muted: Muted, source: TrackSource) -> bool {
        let before = self.is_muted();
        self.by_policy = if is_audio(source) { muted.audio } else { muted.video };
        before != self.is_muted()
    }
}

/// Whether tracks of this source carry sound.
#[must_use]
pub fn is_audio(source: TrackSource) -> bool {
    match source {
        TrackSource::Microphone | TrackSource::ScreenShareAudio => true,
        TrackSource::Camera | TrackSource::ScreenShare => false,
    }
}

/// The gate for one media packet. `announced` is the source of the matched announcement, `None` without one.
///
/// # Errors
/// The first reason that shuts it.
pub fn publish(announced: Option<TrackSource>, permission: &Permission, muted: MuteState) -> Result<(), Shut> {
    let source = announced.ok_or(Shut::Unannounced)?;
    if !permission.publish {
        return Err(Shut::NotPermitted);
    }
    if !permission.allows(source) {
        return Err(Shut::SourceNotPermitted);
    }
    if muted.is_muted() { Err(Shut::Muted) } else { Ok(()) }
}

/// The gate for one data packet.
#[must_use]
pub fn data(permission: &Permission) -> bool {
    permission.data
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn speaker(sources: &[TrackSource]) -> Permission {
        Permission { publish: true, sources: BTreeSet::from_iter(sources.iter().copied()), ..Permission::listener() }
    }

    #[test]
    fn each_condition_alone_shuts_the_gate() {
        use TrackSource::{Camera, Microphone};
        let open = MuteState::default();
        assert_eq!(publish(Some(Microphone), &speaker(&[]), open), Ok(()));
        assert_eq!(publish(Some(Microphone), &speaker(&[Microphone]), open), Ok(()));
        assert_eq!(publish(None, &speaker(&[]), open), Err(Shut::Unannounced));
        assert_eq!(publish(Some(Camera), &speaker(&[Microphone]), open), Err(Shut::SourceNotPermitted));
        let silenced = Permission { publish: false, ..speaker(&[Microphone]) };
        assert_eq!(publish(Some(Microphone), &silenced, open), Err(Shut::NotPermitted), "publish=false wins");
        for muted in [
            MuteState { by_self: true, ..open },
            MuteState { by_command: true, ..open },
            MuteState { by_policy: true, ..open },
        ] {
            assert_eq!(publish(Some(Microphone), &speaker(&[]), muted), Err(Shut::Muted));
        }
        assert!(data(&Permission::listener()));
        assert!(!data(&Permission { data: false, ..Permission::listener() }));
    }

    #[test]
    fn a_mute_by_command_is_sticky() {
        let mut m = MuteState::default();
        assert!(m.set_by_command(true));
        assert_eq!(m.set_by_self(false), SelfMute::Refused);
        assert_eq!(m.set_by_self(true), SelfMute::Taken { visible: false });
        assert!(!m.set_by_command(false), "the publisher still holds it");
        assert_eq!(m.set_by_self(false), SelfMute::Taken { visible: true });
        assert!(!m.is_muted());
    }

    #[test]
    fn a_standing_mutes_only_its_kind() {
        let audio = Muted { audio: true, video: false };
        let mut m = MuteState::default();
        assert!(!m.set_by_policy(audio, TrackSource::Camera));
        assert!(m.set_by_policy(audio, TrackSource::ScreenShareAudio));
        assert_eq!(m.set_by_self(false), SelfMute::Refused);
        assert!(m.set_by_policy(Muted::default(), TrackSource::ScreenShareAudio));
    }
}
