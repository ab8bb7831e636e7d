//! All connections of a shard: who is meant by a datagram, and whose timer is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

use str0m::Input;
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive};

use super::{Datagram, Factory, Pc, PcEvent, Role, Via};

/// Names a connection for good: the generation makes old names dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PcId {
    index: u32,
    generation: u32,
}

impl PcId {
    /// Names no connection, now and later: for participants without one.
    pub(crate) const NONE: Self = Self { index: u32::MAX, generation: 0 };
}

/// A datagram as it came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inbound<'a> {
    pub via: Via,
    pub from: SocketAddr,
    pub bytes: &'a [u8],
}

/// Source addresses that may be learned for one connection. Clients have a handful of interfaces and networks.
const MAX_SOURCES: usize = 32;
/// Old ICE names kept per connection, so that checks under way during a restart still find it.
const MAX_UFRAGS: usize = 4;

struct Slot<T> {
    pc: Pc,
    owner: T,
    id: PcId,
    ufrags: Vec<String>,
    sources: Vec<(Via, SocketAddr)>,
    /// When something of the client came in last.
    heard: Instant,
    deadline: Instant,
    /// The time this slot's entry in the heap says, when it has one.
    scheduled: Option<Instant>,
    dirty: bool,
    timer: bool,
}

/// The connections, each with what its owner wants to know about it.
pub(crate) struct PcSet<T> {
    factory: Factory,
    slots: Vec<Option<Slot<T>>>,
    free: Vec<u32>,
    generation: u32,
    by_source: HashMap<(Via, SocketAddr), PcId>,
    by_ufrag: HashMap<String, PcId>,
    timers: BinaryHeap<Reverse<(Instant, PcId)>>,
    dirty: Vec<PcId>,
}

impl<T: Copy> PcSet<T> {
    pub(crate) fn new(factory: Factory) -> Self {
        Self {
            factory,
            slots: Vec::new(),
            free: Vec::new(),
            generation: 0,
            by_source: HashMap::new(),
            by_ufrag: HashMap::new(),
            timers: BinaryHeap::new(),
            dirty: Vec::new(),
        }
    }

    /// Live connections.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// A new connection.
    pub(crate) fn open(&mut self, role: Role, owner: T, now: Instant) -> PcId {
        let pc = self.factory.make(role, now);
        self.generation = self.generation.wrapping_add(1);
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let id = PcId { index, generation: self.generation };
        self.slots[index as usize] = Some(Slot {
            pc,
            owner,
            id,
            ufrags: Vec::new(),
            sources: Vec::new(),
            heard: now,
            deadline: now,
            scheduled: None,
            dirty: false,
            timer: false,
        });
        self.renamed(id);
        id
    }

    /// Ends a connection at once and in silence.
    pub(crate) fn close(&mut self, id: PcId) {
        if self.slot(id).is_none() {
            return;
        }
        if let Some(mut slot) = self.slots[id.index as usize].take() {
            self.free.push(id.index);
            slot.pc.kill();
            for name in &slot.ufrags {
                self.by_ufrag.remove(name);
            }
            for source in &slot.sources {
                if self.by_source.get(source) == Some(&id) {
                    self.by_source.remove(source);
                }
            }
        }
    }

    /// Changes a connection; it is polled before the shard waits again.
    pub(crate) fn with<R>(&mut self, id: PcId, f: impl FnOnce(&mut Pc) -> R) -> Option<R> {
        let slot = self.slots.get_mut(id.index as usize)?.as_mut().filter(|s| s.id == id)?;
        let result = f(&mut slot.pc);
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(id);
        }
        Some(result)
    }

    /// When something of its client came in last; its beginning counts.
    pub(crate) fn heard(&self, id: PcId) -> Option<Instant> {
        self.slots.get(id.index as usize)?.as_ref().filter(|s| s.id == id).map(|s| s.heard)
    }

    /// Whether the client has confirmed every reliable packet, or cannot any more.
    pub(crate) fn drained(&mut self, id: PcId) -> bool {
        self.slot(id).is_none_or(|s| s.pc.drained())
    }

    /// Reads the connection's ICE name again, after a negotiation.
    pub(crate) fn renamed(&mut self, id: PcId) {
        let Some(name) = self.with(id, Pc::ufrag) else { return };
        let Some(slot) = self.slot(id) else { return };
        if slot.ufrags.last() == Some(&name) {
            return;
        }
        slot.ufrags.push(name.clone());
        let old = (slot.ufrags.len() > MAX_UFRAGS).then(|| slot.ufrags.remove(0));
        if let Some(old) = old {
            self.by_ufrag.remove(&old);
        }
        self.by_ufrag.insert(name, id);
    }

    /// Gives a datagram to the connection it is for, and takes out what comes of it. `Err` says why it was dropped.
    ///
    /// DTLS and RTP reach a connection only from a source that passed an ICE check: str0m does not look at the source
    /// itself, and a forged hello must neither reach the handshake nor end the session. And it holds one received
    /// packet at a time, so it is drained after each datagram, never after a batch.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        d: Inbound<'_>,
        out: &mut Vec<Datagram>,
        events: &mut Vec<PcEvent>,
    ) -> Result<(PcId, T), &'static str> {
        let first = *d.bytes.first().ok_or("empty")?;
        let known = self.by_source.get(&(d.via, d.from)).copied();
        let stun = first < 4;
        let id = if stun {
            let message = StunMessage::parse(d.bytes).map_err(|_| "malformed")?;
            let named = message.split_username().and_then(|(local, _)| self.by_ufrag.get(local).copied());
            named.or(known).ok_or("unknown_user")?
        } else {
            known.ok_or("unknown_source")?
        };
        let local = self.factory.local(d.via, d.from).ok_or("no_candidate")?;
        let proto = if d.via == Via::Udp { Protocol::Udp } else { Protocol::Tcp };
        let receive = Receive::new(proto, d.from, local, d.bytes).map_err(|_| "malformed")?;
        let input = Input::Receive(now, receive);
        if !self.slot(id).ok_or("gone")?.pc.accepts(&input) {
            return Err("not_accepted");
        }
        self.drain(id, now, out, events);
        let slot = self.slot(id).ok_or("gone")?;
        // What is wrong with a datagram is its own fault; the connection is judged by its state.
        let ok = slot.pc.receive(input);
        slot.dirty = true;
        if ok {
            slot.heard = now;
        }
        let owner = slot.owner;
        self.drain(id, now, out, events);
        if !ok {
            metrics::counter!("stoa_media_datagrams_dropped_total", "reason" => "rejected").increment(1);
        }
        if stun && known != Some(id) {
            self.learn(id, (d.via, d.from));
        }
        Ok((id, owner))
    }

    fn learn(&mut self, id: PcId, source: (Via, SocketAddr)) {
        let Some(slot) = self.slot(id) else { return };
        slot.sources.push(source);
        let old = (slot.sources.len() > MAX_SOURCES).then(|| slot.sources.remove(0));
        if let Some(old) = old
            && self.by_source.get(&old) == Some(&id)
        {
            self.by_source.remove(&old);
        }
        self.by_source.insert(source, id);
    }

    /// Marks the connections whose time has come.
    pub(crate) fn fire(&mut self, now: Instant) {
        while let Some(Reverse((at, id))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            let Some(slot) = self.slots.get_mut(id.index as usize).and_then(Option::as_mut).filter(|s| s.id == id)
            else {
                continue;
            };
            if slot.scheduled != Some(at) {
                continue;
            }
            slot.scheduled = None;
            if slot.deadline > now {
                slot.scheduled = Some(slot.deadline);
                self.timers.push(Reverse((slot.deadline, id)));
            } else {
                slot.timer = true;
                if !slot.dirty {
                    slot.dirty = true;
                    self.dirty.push(id);
                }
            }
        }
    }

    /// When [`PcSet::fire`] has something to do.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes everything out of the next changed connection. `None`: no connection is changed.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        out: &mut Vec<Datagram>,
        events: &mut Vec<PcEvent>,
    ) -> Option<(PcId, T)> {
        loop {
            let id = self.dirty.pop()?;
            if let Some(owner) = self.drain(id, now, out, events) {
                return Some((id, owner));
            }
        }
    }

    /// Takes everything out of a connection, if it was changed.
    fn drain(&mut self, id: PcId, now: Instant, out: &mut Vec<Datagram>, events: &mut Vec<PcEvent>) -> Option<T> {
        let slot = self.slots.get_mut(id.index as usize)?.as_mut().filter(|s| s.id == id && s.dirty)?;
        slot.dirty = false;
        let timer = std::mem::take(&mut slot.timer);
        let at = slot.pc.poll(now, timer, out, events);
        slot.deadline = at;
        if slot.scheduled.is_none_or(|s| at < s) {
            slot.scheduled = Some(at);
            self.timers.push(Reverse((at, id)));
        }
        Some(slot.owner)
    }

    fn slot(&mut self, id: PcId) -> Option<&mut Slot<T>> {
        self.slots.get_mut(id.index as usize)?.as_mut().filter(|s| s.id == id)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// A STUN binding request with this user name and an integrity nobody made.
    fn check(username: &str) -> Vec<u8> {
        let mut attrs = vec![0, 6];
        attrs.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
        attrs.extend(username.as_bytes());
        attrs.resize(attrs.len().next_multiple_of(4), 0);
        attrs.extend([0, 0x24, 0, 4, 1, 2, 3, 4]);
        attrs.extend([0, 8, 0, 20]);
        attrs.extend([0x55; 20]);
        let mut out = vec![0, 1];
        out.extend(u16::try_from(attrs.len()).unwrap().to_be_bytes());
        out.extend([0x21, 0x12, 0xa4, 0x42]);
        out.extend([7; 12]);
        out.extend(attrs);
        out
    }

    struct Bench {
        set: PcSet<()>,
        id: PcId,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let now = crate::net::base(Duration::ZERO);
            let mut set = PcSet::new(Factory::new(vec!["127.0.0.1:7".parse().unwrap()], vec![]));
            let id = set.open(Role::Subscriber, (), now);
            Self { set, id, now }
        }

        fn receive(&mut self, bytes: &[u8]) -> Result<(PcId, ()), &'static str> {
            let from = "127.0.0.1:4000".parse().unwrap();
            let (mut out, mut events) = (Vec::new(), Vec::new());
            let result = self.set.receive(self.now, Inbound { via: Via::Udp, from, bytes }, &mut out, &mut events);
            assert!(out.is_empty(), "no answer to who cannot prove anything");
            result
        }
    }

    #[test]
    fn nothing_from_an_unproven_source_reaches_a_connection() {
        let mut b = Bench::new();
        let hello = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0];
        let rtp = [0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3];
        assert_eq!(b.receive(&hello), Err("unknown_source"));
        assert_eq!(b.receive(&rtp), Err("unknown_source"));
        assert_eq!(b.receive(&check("nobody:x")), Err("unknown_user"));
        let name = b.set.with(b.id, Pc::ufrag).unwrap();
        assert_eq!(b.receive(&check(&format!("{name}:x"))), Err("not_accepted"), "the name is right, the proof is not");
        assert_eq!(b.receive(&hello), Err("unknown_source"), "and taught us nothing");
    }

    #[test]
    fn a_closed_connection_is_gone_under_all_its_names() {
        let mut b = Bench::new();
        let name = b.set.with(b.id, Pc::ufrag).unwrap();
        b.set.close(b.id);
        assert_eq!(b.set.len(), 0);
        assert_eq!(b.receive(&check(&format!("{name}:x"))), Err("unknown_user"));
        let next = b.set.open(Role::Publisher, (), b.now);
        assert!(b.set.with(b.id, |_| ()).is_none() && b.set.with(next, |_| ()).is_some());
    }

    proptest! {
        #[test]
        fn no_datagram_breaks_the_demultiplexer(bytes in prop::collection::vec(any::<u8>(), 0..200), stun in any::<bool>()) {
            let mut b = Bench::new();
            let mut bytes = bytes;
            if stun && bytes.len() >= 8 {
                bytes[..2].copy_from_slice(&[0, 1]);
                bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            }
            prop_assert!(b.receive(&bytes).is_err());
        }
    }
}
