//! Messages of the server to participants (talk.md 6), and the last moment of those who are taken out.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use livekit_protocol as proto;
use prost::Message as _;
use proto::data_packet::Value;
use stoa_core::id::UserId;
use stoa_core::media::{Message, To};

use super::participant::{Participant, Pid, Sink};
use super::{Ctx, Room};
use crate::pc::{Lane, PcId};

/// Messages, and bytes of them, that wait for a participant who cannot get them now. Beyond it the oldest go: who comes
/// back wants to know how things are now.
const MAX_WAITING: usize = 64;
const MAX_WAITING_BYTES: usize = 64 * 1024;
/// Identities that a message names, in bytes. A message longer than clients take would reach nobody, and routing is
/// ours anyway: a list that is longer is left out.
const MAX_NAMED_BYTES: usize = 16 * 1024;
/// How long the connection of somebody who was taken out stays for what is on its way.
const LINGER: Duration = Duration::from_millis(100);
/// How much later than its last data packets it is told to leave, for clients drop at once what comes after that. They
/// travel by different ways, and their confirmation may take 200 ms. Longer loses fewer, and keeps clients waiting.
const HEAD_START: Duration = Duration::from_millis(50);

/// Messages that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    queue: VecDeque<Bytes>,
    bytes: usize,
}

impl Waiting {
    fn push(&mut self, message: Bytes) {
        self.bytes += message.len();
        self.queue.push_back(message);
        while self.queue.len() > MAX_WAITING || self.bytes > MAX_WAITING_BYTES {
            self.pop();
            metrics::counter!("stoa_media_messages_dropped_total").increment(1);
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        let message = self.queue.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// Somebody who was taken out, while its last data packets are on their way.
pub(crate) struct Farewell {
    pub pc: PcId,
    sink: Option<Sink>,
    leave: Option<Bytes>,
    leave_at: Duration,
    close_at: Duration,
}

impl Farewell {
    /// Nobody to tell; the connection itself says that it ends.
    pub(super) fn hung_up(pc: PcId, now: Duration) -> Self {
        Self { pc, sink: None, leave: None, leave_at: now, close_at: now + LINGER }
    }

    /// Tells it to leave when that is due, and lets its WebSocket end. True: it is over, the connection can close.
    /// `drained`: nothing is on its way any more.
    pub(crate) fn step(&mut self, now: Duration, drained: bool) -> bool {
        if now >= self.leave_at || drained {
            self.tell();
        }
        now >= self.close_at || drained
    }

    /// Tells it to leave.
    pub(crate) fn tell(&mut self) {
        if let (Some(sink), Some(leave)) = (self.sink.take(), self.leave.take()) {
            // A client that does not read learns it from the end of its WebSocket.
            let _slow = sink.try_send(leave);
        }
    }

    /// When [`Farewell::step`] has something to do.
    pub(crate) fn next(&self) -> Duration {
        if self.sink.is_some() { self.leave_at } else { self.close_at }
    }
}

impl Participant {
    /// Whether a data packet sent now would arrive.
    fn reachable(&self) -> bool {
        self.data_open && !self.resuming && self.lost_at.is_none() && self.ice_lost_at.is_none()
    }

    /// Hands it a message, or keeps it until it can be handed.
    fn deliver(&mut self, ctx: &mut Ctx<'_>, message: &Bytes) {
        let clear = self.reachable() && self.waiting.is_empty();
        if !clear || ctx.pcs.with(self.sub_pc, |pc| pc.send_data(Lane::Reliable, message)) != Some(true) {
            self.waiting.push(message.clone());
        }
    }

    pub(super) fn deliver_waiting(&mut self, ctx: &mut Ctx<'_>) {
        while self.reachable()
            && let Some(next) = self.waiting.queue.front()
        {
            if ctx.pcs.with(self.sub_pc, |pc| pc.send_data(Lane::Reliable, next)) != Some(true) {
                return;
            }
            self.waiting.pop();
        }
    }

    /// Says good-bye to somebody who is taken out: what waits for it, then the farewell, then `leave`.
    pub(super) fn see_off(mut self, ctx: &mut Ctx<'_>, leave: Option<Bytes>, farewell: Option<&Bytes>) {
        while let Some(message) = self.waiting.pop() {
            ctx.pcs.with(self.sub_pc, |pc| pc.send_data(Lane::Reliable, &message));
        }
        if let Some(message) = farewell {
            ctx.pcs.with(self.sub_pc, |pc| pc.send_data(Lane::Reliable, message));
        }
        // Over a connection that never came up nothing is on its way.
        let (head_start, linger) = if self.data_open { (HEAD_START, LINGER) } else { Default::default() };
        let (leave_at, close_at) = (ctx.now.mono + head_start, ctx.now.mono + linger);
        ctx.farewells.push(Farewell { pc: self.sub_pc, sink: self.sink.take(), leave, leave_at, close_at });
    }
}

impl Room {
    /// A message to those addressed; returns how many that are, of those that may be known of.
    pub(crate) fn send(&mut self, ctx: &mut Ctx<'_>, to: &To, message: &Message) -> usize {
        let addressed = |p: &&mut Participant| match to {
            // Nothing but media reaches these.
            _ if p.stream.is_some() => false,
            To::All => true,
            To::User(user) => p.who.user == *user,
            To::AllBut(user) => p.who.user != *user,
        };
        let named = match to {
            To::All => Vec::new(),
            To::User(user) => self.identities_of(user),
            // Everybody gets the list: who is hidden is not in it.
            To::AllBut(user) => {
                let others = self.parts.values().filter(|p| p.who.user != *user && p.visible());
                others.map(|p| p.who.identity.to_string()).collect()
            }
        };
        let bytes = packet(message, named);
        let mut count = 0;
        for p in self.parts.values_mut().filter(addressed) {
            p.deliver(ctx, &bytes);
            count += usize::from(p.visible());
        }
        count
    }

    /// A message to one user, ready for [`Participant::see_off`].
    pub(super) fn farewell(&self, user: &UserId, message: &Message) -> Bytes {
        packet(message, self.identities_of(user))
    }

    fn identities_of(&self, user: &UserId) -> Vec<String> {
        self.parts.values().filter(|p| p.who.user == *user).map(|p| p.who.identity.to_string()).collect()
    }

    /// Hands a participant what waits for it, if it can get it now.
    pub(super) fn deliver_waiting(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        if let Some(p) = self.parts.get_mut(&pid) {
            p.deliver_waiting(ctx);
        }
    }

    /// The same for everybody: some become reachable without an event of their own.
    pub(super) fn deliver_all_waiting(&mut self, ctx: &mut Ctx<'_>) {
        for p in self.parts.values_mut().filter(|p| !p.waiting.is_empty()) {
            p.deliver_waiting(ctx);
        }
    }
}

fn packet(message: &Message, mut named: Vec<String>) -> Bytes {
    if named.iter().map(String::len).sum::<usize>() > MAX_NAMED_BYTES {
        named.clear();
    }
    let payload = message.body.clone().into_bytes();
    let user = proto::UserPacket { payload, topic: Some(message.topic.to_owned()), ..Default::default() };
    #[expect(deprecated, reason = "older clients read the kind")]
    let packet = proto::DataPacket {
        kind: proto::data_packet::Kind::Reliable.into(),
        destination_identities: named,
        value: Some(Value::User(user)),
        ..Default::default()
    };
    packet.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_the_oldest_goes() {
        let mut waiting = Waiting::default();
        (0..100u8).for_each(|n| waiting.push(vec![n].into()));
        assert_eq!((waiting.queue.len(), waiting.bytes), (MAX_WAITING, MAX_WAITING));
        assert_eq!(waiting.pop().unwrap()[0], 36);
        waiting.push(vec![0; MAX_WAITING_BYTES - 10].into());
        assert!(waiting.bytes <= MAX_WAITING_BYTES && waiting.queue.len() == 11);
        waiting.push(vec![0; MAX_WAITING_BYTES + 1].into());
        assert!(waiting.is_empty() && waiting.bytes == 0);
    }
}
