//! Deadlines. Each connection and channel has its earliest one in the queue; entries that are no longer the one it
//! remembers are passed over, so that nothing needs to be taken out.

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
                Due::Chan(chan) => self.chan_due(chan, at),
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

    pub(super) fn arm_chan(&mut self, chan: ChanId, at: Ms) {
        let Some(ch) = self.channels.get_mut(chan) else { return };
        if at < ch.scheduled {
            ch.scheduled = at;
            self.timers.push(Reverse((at, Due::Chan(chan))));
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
                return self.close(conn, code::NO_PONG);
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

    fn chan_due(&mut self, chan: ChanId, at: Ms) {
        let now = self.ms();
        let Some(ch) = self.channels.get_mut(chan) else { return };
        if ch.scheduled != at {
            return;
        }
        ch.scheduled = Ms::MAX;
        if ch.ring_until > 0 && ch.ring_until <= now {
            ch.ring_until = 0;
            let freed = ch.forget();
            self.history_changed(-freed.cast_signed());
        }
        if self.channels.get(chan).and_then(|ch| ch.flush_at).is_some_and(|t| t <= now) {
            self.flush(chan);
        }
        self.rearm_chan(chan);
        self.rest_if_idle(chan);
    }

    pub(super) fn rearm_chan(&mut self, chan: ChanId) {
        let Some(ch) = self.channels.get(chan) else { return };
        let ring = if ch.ring_until > 0 { ch.ring_until } else { Ms::MAX };
        let next = ring.min(ch.flush_at.unwrap_or(Ms::MAX));
        if next < Ms::MAX {
            self.arm_chan(chan, next);
        }
    }
}
