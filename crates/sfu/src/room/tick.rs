//! Deadlines: every state of a participant has one, so that nobody stays who is gone.

use std::time::Duration;

use livekit_protocol::leave_request::Action;
use stoa_core::media::LeftReason;

use super::participant::Participant;
use super::{Ctx, Room};

/// Joined but never connected (media.md 2.3). Browsers give up after 15 s by themselves.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// Connected, then no working path for so long. With str0m's own detection of some 8 s nobody stays a ghost for 30 s.
const ICE_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection is over and the client has not said good-bye.
const DEAD_TIMEOUT: Duration = Duration::from_secs(2);

impl Room {
    /// Looks at all deadlines.
    pub(crate) fn tick(&mut self, ctx: &mut Ctx<'_>) {
        let window = ctx.env.cfg.resume_window;
        let mut gone = Vec::new();
        for p in self.parts.values_mut() {
            if p.stream.is_none() && p.sink.as_ref().is_none_or(tokio::sync::mpsc::Sender::is_closed) {
                p.sink = None;
                p.lost_at.get_or_insert(ctx.now.mono);
            }
            if let Some(reason) = overdue(p, ctx.now.mono, window) {
                gone.push((p.pid, reason));
            }
        }
        for (pid, reason) in gone {
            let tell = match reason {
                // It may come back as a new session.
                LeftReason::ConnectionTimeout | LeftReason::MediaFailure => {
                    Some((crate::webhook::disconnect_reason(reason), Action::Reconnect))
                }
                _ => Some((crate::webhook::disconnect_reason(reason), Action::Disconnect)),
            };
            self.leave(ctx, pid, reason, tell);
        }
        self.deliver_all_waiting(ctx);
        self.unanswered(ctx);
        self.unmatched(ctx);
        self.ask_refreshes(ctx);
        self.speakers(ctx);
        self.repeat_key_frames(ctx);
    }
}

fn overdue(p: &Participant, now: Duration, window: Duration) -> Option<LeftReason> {
    let since = |t: Option<Duration>, limit: Duration| t.is_some_and(|t| now.saturating_sub(t) >= limit);
    match () {
        () if since(p.lost_at, window) => Some(LeftReason::SignalClose),
        // Nothing to come back to.
        () if p.lost_at.is_some() && p.media_dead_at.is_some() => Some(LeftReason::SignalClose),
        () if since(p.media_dead_at, DEAD_TIMEOUT) => Some(LeftReason::MediaFailure),
        () if p.active_at.is_none() && since(Some(p.joined.mono), CONNECT_TIMEOUT) => Some(LeftReason::JoinFailure),
        () if since(p.ice_lost_at, ICE_TIMEOUT) => Some(LeftReason::ConnectionTimeout),
        () => None,
    }
}
