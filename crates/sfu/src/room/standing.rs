//! Rights that change while connected. The next packet is judged by them.

use livekit_protocol as proto;
use livekit_protocol::leave_request::Action;
use proto::DisconnectReason;
use proto::signal_response::Message;
use stoa_core::id::UserId;
use stoa_core::media::{Judge, LeftReason, Message as ServerMessage, Permission, Standing, TrackSource};

use super::participant::Pid;
use super::wire::source_to_wire;
use super::{Ctx, Room};
use crate::forward::gate::Shut;

impl Room {
    /// Judges every participant of a user anew.
    pub(crate) fn set_standing(&mut self, ctx: &mut Ctx<'_>, user: &UserId, rights: &dyn Judge) {
        for pid in self.of_user(user) {
            let Some(p) = self.parts.get(&pid) else { continue };
            let standing = rights.standing(&p.token.claims);
            self.set_standing_of(ctx, pid, standing);
        }
    }

    /// Participants of a user.
    pub(crate) fn of_user(&self, user: &UserId) -> Vec<Pid> {
        self.parts.values().filter(|p| p.who.user == *user).map(|p| p.pid).collect()
    }

    /// Applies a standing unless a newer one is in force. One that grants the same as before, only newer, leaves what a
    /// server SDK took away: the room's revision grows with every seat that anybody takes.
    pub(super) fn set_standing_of(&mut self, ctx: &mut Ctx<'_>, pid: Pid, standing: Standing) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        if standing.revision < p.granted.revision || standing == p.granted {
            return;
        }
        if (&standing.permission, standing.muted, &standing.attributes)
            != (&p.granted.permission, p.granted.muted, &p.granted.attributes)
        {
            p.narrowed = None;
        }
        p.granted = standing;
        self.put_in_force(ctx, pid);
    }

    /// Makes what is granted, and left of it, the standing in force.
    fn put_in_force(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        let mut standing = p.granted.clone();
        if let Some(wanted) = &p.narrowed {
            narrow(&mut standing.permission, wanted);
        }
        let before = std::mem::replace(&mut p.standing, standing);
        tracing::debug!(participant.sid = p.who.sid, publish = p.standing.permission.publish, "standing changed");
        let subscribes = p.standing.permission.subscribe;
        let shown = before.permission != p.standing.permission || before.attributes != p.standing.attributes;
        let rights = before.permission != p.standing.permission;
        let mut changed = shown;
        // The gates close before anything is told.
        for (tid, lost) in self.judge_tracks(pid) {
            changed |= self.settle_mute(ctx, tid);
            if lost {
                self.unpublish(ctx, tid, true);
                changed = true;
            }
        }
        self.drop_unallowed_announcements(pid);
        if changed {
            self.tell_changed(pid, true);
        }
        if rights {
            self.refresh_token(ctx, pid);
        }
        match (before.permission.subscribe, subscribes) {
            (true, false) => {
                let received: Vec<_> =
                    self.tracks.values().filter(|t| t.subs.iter().any(|s| s.0 == pid)).map(|t| t.tid).collect();
                for tid in received {
                    self.unsubscribe(ctx, pid, tid);
                }
            }
            (false, true) => {
                self.subscribe_to_all(ctx, pid);
                self.fill_lines(ctx, pid);
            }
            _ => {}
        }
        self.publish_lines(ctx, pid);
    }

    /// Each track of a participant, its policy mute set anew, and whether its right is lost.
    fn judge_tracks(&mut self, pid: Pid) -> Vec<(super::Tid, bool)> {
        let Some(p) = self.parts.get_mut(&pid) else { return Vec::new() };
        let (muted, permission) = (p.standing.muted, p.standing.permission.clone());
        let mut out = Vec::new();
        for track in self.tracks.values_mut().filter(|t| t.pid == pid) {
            let was = track.mute.by_policy;
            track.mute.set_by_policy(muted, track.source);
            track.judge(&permission);
            if track.mute.by_policy && !was {
                p.send(Message::Mute(proto::MuteTrackRequest { sid: track.info.sid.clone(), muted: true }));
            }
            out.push((track.tid, !permission.allows(track.source)));
        }
        out
    }

    /// An announcement made with a right that is gone does not wait for its line any more.
    fn drop_unallowed_announcements(&mut self, pid: Pid) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        let permission = p.standing.permission.clone();
        let gone = p.announced.withdraw(|k| permission.allows(super::wire::source_of(k.info.source, k.kind)));
        p.tell_withdrawn(gone);
    }

    /// Nobody publishes any more whose standing is older than `revision`.
    pub(crate) fn silence(&mut self, ctx: &mut Ctx<'_>, revision: u64) {
        let older: Vec<_> = self.parts.values_mut().filter(|p| p.granted.revision < revision).collect();
        let pids: Vec<_> = older.iter().map(|p| p.pid).collect();
        for p in older {
            p.granted = silenced(&p.granted, revision);
        }
        for pid in pids {
            self.put_in_force(ctx, pid);
        }
    }

    /// A permission set by a server SDK: of no effect beyond what is granted, and only until something else is.
    pub(crate) fn narrow(&mut self, ctx: &mut Ctx<'_>, pid: Pid, wanted: &proto::ParticipantPermission) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        p.narrowed = Some(wanted.clone());
        self.put_in_force(ctx, pid);
    }

    /// Takes out every participant of a user, the media of all of them first.
    pub(crate) fn remove(&mut self, ctx: &mut Ctx<'_>, user: &UserId, farewell: Option<&ServerMessage>) {
        let pids = self.of_user(user);
        for track in self.tracks.values_mut().filter(|t| pids.contains(&t.pid)) {
            track.shut = Some(Shut::NotPermitted);
        }
        let farewell = farewell.map(|m| self.farewell(user, m));
        let tell = Some((DisconnectReason::ParticipantRemoved, Action::Disconnect));
        for pid in pids {
            self.take_out(ctx, pid, LeftReason::Removed, tell, farewell.as_ref());
        }
    }

    /// Mutes or unmutes a track by command; true = there is such a track.
    pub(crate) fn mute_by_command(&mut self, ctx: &mut Ctx<'_>, pid: Pid, sid: &str, muted: bool) -> bool {
        let Some(track) = self.tracks.values_mut().find(|t| t.pid == pid && t.info.sid == sid) else { return false };
        let was = track.mute.by_command;
        track.mute.set_by_command(muted);
        let (tid, told) = (track.tid, muted && !was);
        if let Some(p) = self.parts.get_mut(&pid)
            && told
        {
            p.send(Message::Mute(proto::MuteTrackRequest { sid: sid.to_owned(), muted: true }));
        }
        if self.settle_mute(ctx, tid) {
            self.tell_changed(pid, true);
        }
        true
    }
}

/// Takes away what is not wanted.
fn narrow(have: &mut Permission, wanted: &proto::ParticipantPermission) {
    have.publish &= wanted.can_publish;
    have.subscribe &= wanted.can_subscribe;
    have.data &= wanted.can_publish_data;
    have.update_metadata &= wanted.can_update_metadata;
    if wanted.can_publish_sources.is_empty() {
        return;
    }
    let listed: std::collections::BTreeSet<_> =
        TrackSource::ALL.into_iter().filter(|s| wanted.can_publish_sources.contains(&source_to_wire(*s))).collect();
    have.sources = match have.sources.is_empty() {
        true => listed,
        false => have.sources.intersection(&listed).copied().collect(),
    };
    // An empty list would allow every source.
    have.publish &= !have.sources.is_empty();
}

/// The same standing without the right to publish, as of `revision`.
pub(crate) fn silenced(standing: &Standing, revision: u64) -> Standing {
    let mut out = standing.clone();
    out.permission.publish = false;
    out.revision = revision;
    out
}
