//! What a user is in a channel (talk.md 1.5).

use std::collections::BTreeSet;

use crate::media::TrackSource;

/// One of the six identity types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityType {
    /// May speak.
    FreeTalker = 1,
    /// May speak with a mic grant only.
    OnDemand = 2,
    /// Never speaks.
    Listener = 3,
    /// May speak, and share sound.
    Commander = 4,
    /// As a commander.
    Host = 5,
    /// As a free talker.
    Guest = 6,
}

impl IdentityType {
    /// All six.
    pub const ALL: [Self; 6] =
        [Self::FreeTalker, Self::OnDemand, Self::Listener, Self::Commander, Self::Host, Self::Guest];

    /// From the wire's number.
    #[must_use]
    pub fn from_number(n: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|t| i64::from(t.number()) == n)
    }

    /// The wire's number, 1 to 6.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// As the attribute `stoa.identity` shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FreeTalker => "1",
            Self::OnDemand => "2",
            Self::Listener => "3",
            Self::Commander => "4",
            Self::Host => "5",
            Self::Guest => "6",
        }
    }

    /// Reads the attribute.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == s)
    }

    /// Whether it may speak, given whether it holds a mic grant.
    #[must_use]
    pub fn speaks(self, granted: bool) -> bool {
        match self {
            Self::FreeTalker | Self::Commander | Self::Host | Self::Guest => true,
            Self::OnDemand => granted,
            Self::Listener => false,
        }
    }

    /// What it may publish when it speaks.
    #[must_use]
    pub fn sources(self) -> BTreeSet<TrackSource> {
        let mut out = BTreeSet::from([TrackSource::Microphone, TrackSource::Camera, TrackSource::ScreenShare]);
        if matches!(self, Self::Commander | Self::Host) {
            out.insert(TrackSource::ScreenShareAudio);
        }
        out
    }
}
