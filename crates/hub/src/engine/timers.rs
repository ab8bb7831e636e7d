//! Deadlines. Each connection has its earliest one in the queue; entries that are no longer the one it remembers are
//! passed over, so that nothing needs to be taken out.

use std::cmp::Reverse;
use std::time::Duration;

use stoa_core::time::Now;

use super::{ChanId, ConnId, Due, Effect, Engine, Ms, millis};
use crate::proto::code;

/// Between two looks at positions of channels nobody came back to.
const SWEEP_MS: Ms = 3_600_000;
/// How much later a pong may come when inputs wait to be read: it may be among them.
const BEHIND_MS: Ms = 1_000;

impl Engine {
    /// When [`Engine::advance`] has something to do, on the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.timers.peek().map(|Reverse((at, _))| Duration::from_millis(*at))
    }

    /// Does what is due. `behind` = inputs are waiting: missing answers are not held against clients yet.
    pub fn advance(&mut self, now: Now, behind: bool) {
        self.now = now;
        let ms = self.ms();
        while let Some(Reverse((at, due))) = self.timers.peek().copied() {
            if at > ms {
                break;
            }
            self.timers.pop();
            match due {
                Due::Conn(conn) => self.conn_due(conn, at, behind),
                Due::Flush(chan) => self.flush_due(chan),
                Due::Ring(chan) => self.ring_due(chan),
            }
        }
        if ms >= self.sweep_at {
            self.sweep_at = ms + SWEEP_MS;
            self.idle.retain(|_, m| m.until > ms);
        }
        self.forget_repeats();
    }

    pub(super) fn arm_conn(&mut self, conn: ConnId) {
        let Some(c) = self.conns.get_mut(conn) else { return };
        let at = c.deadline();
        if at < c.scheduled {
            c.scheduled = at;
            self.timers.push(Reverse((at, Due::Conn(conn))));
        }
    }

    fn conn_due(&mut self, conn: ConnId, at: Ms, behind: bool) {
        let (now, interval) = (self.ms(), millis(self.config.timing.ping));
        let due = |t: Ms| t > 0 && t <= now;
        let Some(c) = self.conns.get_mut(conn) else { return };
        if c.scheduled != at {
            return;
        }
        c.scheduled = Ms::MAX;
        if due(c.stale_at) {
            return self.close(conn, code::STALE);
        }
        if due(c.expire_at) {
            return self.close(conn, code::EXPIRED);
        }
        if due(c.pong_at) {
            if !behind {
                let (code, reason) = code::NO_PONG;
                let left = self.silent(conn);
                return self.close_with(conn, code, reason.into(), left);
            }
            c.pong_at = now + BEHIND_MS;
        }
        if due(c.ping_at) {
            c.ping_at = now + interval;
            if !c.pinged {
                c.pinged = true;
                self.effects.push(Effect::Ping { conn });
            }
        }
        self.arm_conn(conn);
    }

    fn flush_due(&mut self, chan: ChanId) {
        let now = self.ms();
        // A batch that went out early has left its entry behind.
        if self.channels.get(chan).and_then(|ch| ch.flush_at).is_some_and(|t| t <= now) {
            self.flush(chan);
        }
    }

    /// One entry per channel: what was published since has only moved the end.
    fn ring_due(&mut self, chan: ChanId) {
        let now = self.ms();
        let Some(ch) = self.channels.get_mut(chan) else { return };
        if ch.ring_until > now {
            self.timers.push(Reverse((ch.ring_until, Due::Ring(chan))));
            return;
        }
        ch.ring_armed = false;
        let freed = ch.forget();
        self.history_changed(-freed.cast_signed());
        self.rest_if_idle(chan);
    }
}
