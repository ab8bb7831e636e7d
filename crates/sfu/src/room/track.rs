//! A published track.

use livekit_protocol::TrackInfo;
use stoa_core::media::{Permission, TrackSource};

use super::forward::Up;
use super::participant::Pid;
use crate::forward::gate::{self, MuteState, Shut};
use crate::pc::{Kind, Mid, PcId};

/// Name of a track inside its room; never reused.
pub(crate) type Tid = u32;

/// A track that was announced and matched to a media line.
pub(crate) struct Track {
    pub tid: Tid,
    pub pid: Pid,
    pub owner_sid: String,
    pub info: TrackInfo,
    pub source: TrackSource,
    pub kind: Kind,
    pub pc: PcId,
    pub mid: Mid,
    pub mute: MuteState,
    /// The gate (media.md 1.4): why packets are dropped now, if they are. Judged anew at every change of what it
    /// depends on, so that packets need only look.
    pub shut: Option<Shut>,
    /// What the gate was when its change was last acted on.
    pub was_open: bool,
    /// Participants that receive it, with the index of their line.
    pub subs: Vec<(Pid, usize)>,
    pub told_subscribed: bool,
    pub up: Up,
}

impl Track {
    /// Whether it is silent, whoever wants that.
    pub(crate) fn muted(&self) -> bool {
        self.mute.is_muted()
    }

    /// Sets the gate.
    pub(crate) fn judge(&mut self, permission: &Permission) {
        self.shut = gate::publish(Some(self.source), permission, self.mute).err();
    }
}
