//! Data packets: stamped, checked, passed on as they are (media.md 2.8).

use livekit_protocol as proto;
use prost::Message as _;
use proto::data_packet::Value;

use super::participant::Pid;
use super::{Ctx, Room, view};
use crate::pc::Lane;

/// Longest data packet in bytes (media.md 5.6). Clients send at most 64,000.
const MAX_PACKET: usize = 64 * 1024;

impl Room {
    /// A packet from a client. What does not parse or may not be sent is dropped and counted.
    pub(super) fn data_in(&mut self, ctx: &mut Ctx<'_>, pid: Pid, lane: Lane, bytes: &[u8]) {
        let dropped =
            |why: &'static str| metrics::counter!("stoa_media_data_dropped_total", "reason" => why).increment(1);
        let Some(p) = self.parts.get_mut(&pid).filter(|p| p.stream.is_none()) else { return dropped("stream") };
        if !crate::forward::gate::data(&p.standing.permission) {
            return dropped("not_permitted");
        }
        if !p.may_send(ctx.now.mono, bytes.len()) {
            return dropped("rate");
        }
        if bytes.len() > MAX_PACKET {
            return dropped("too_long");
        }
        let Ok(mut packet) = proto::DataPacket::decode(bytes) else { return dropped("malformed") };
        if !relayed(&packet) {
            return dropped("kind");
        }
        if reserved(&packet) {
            return dropped("reserved");
        }
        if lane == Lane::Reliable && packet.sequence > 0 {
            if packet.sequence <= p.last_seq {
                return dropped("repeated");
            }
            p.last_seq = packet.sequence;
        }
        let (identity, sid) = match p.who.hidden {
            true => (String::new(), String::new()),
            false => (p.who.identity.to_string(), p.who.sid.clone()),
        };
        let to = stamp(&mut packet, lane, identity, sid);
        self.send_data(ctx, Some(pid), lane, &packet, &to);
    }

    /// A packet to the participants named, or to all but the sender.
    pub(crate) fn send_data(
        &mut self,
        ctx: &mut Ctx<'_>,
        from: Option<Pid>,
        lane: Lane,
        packet: &proto::DataPacket,
        to: &Recipients,
    ) {
        let bytes = bytes::Bytes::from(packet.encode_to_vec());
        let mut slow = Vec::new();
        let reachable = self.parts.values().filter(|p| p.stream.is_none());
        for p in reachable.filter(|p| Some(p.pid) != from && to.includes(&p.who)) {
            if ctx.pcs.with(p.sub_pc, |pc| pc.send_data(lane, &bytes)) == Some(false) {
                slow.push(p.pid);
            }
        }
        for pid in slow {
            metrics::counter!("stoa_media_slow_data_total").increment(1);
            self.reconnect(ctx, pid, stoa_core::media::LeftReason::MediaFailure);
        }
    }
}

/// Whom a packet is for; both lists empty = all.
#[derive(Debug, Default)]
pub(crate) struct Recipients {
    pub identities: Vec<String>,
    pub sids: Vec<String>,
}

impl Recipients {
    fn includes(&self, who: &stoa_core::media::Who) -> bool {
        (self.identities.is_empty() && self.sids.is_empty())
            || self.identities.iter().any(|i| i == who.identity.as_str())
            || self.sids.contains(&who.sid)
    }
}

/// Kinds of packets that go from client to client.
fn relayed(packet: &proto::DataPacket) -> bool {
    match &packet.value {
        Some(
            Value::User(_)
            | Value::ChatMessage(_)
            | Value::RpcRequest(_)
            | Value::RpcAck(_)
            | Value::RpcResponse(_)
            | Value::StreamHeader(_)
            | Value::StreamChunk(_)
            | Value::StreamTrailer(_)
            | Value::EncryptedPacket(_)
            | Value::SipDtmf(_),
        ) => true,
        // Transcriptions come from agents only, metrics are not broadcast, the rest is old or unknown.
        _ => false,
    }
}

/// Whether it carries a topic only the server writes (`stoa.*`, talk.md 6): clients believe what comes under these.
fn reserved(packet: &proto::DataPacket) -> bool {
    match &packet.value {
        Some(Value::User(user)) => user.topic.as_deref().is_some_and(view::is_ours),
        Some(Value::StreamHeader(header)) => view::is_ours(&header.topic),
        _ => false,
    }
}

/// Writes who sent it, whatever the client wrote, and takes out for whom it is.
#[expect(deprecated, reason = "older clients read and write these copies")]
fn stamp(packet: &mut proto::DataPacket, lane: Lane, identity: String, sid: String) -> Recipients {
    packet.kind = match lane {
        Lane::Reliable => proto::data_packet::Kind::Reliable,
        Lane::Lossy => proto::data_packet::Kind::Lossy,
    }
    .into();
    let mut to = Recipients { identities: packet.destination_identities.clone(), sids: Vec::new() };
    if let Some(Value::User(user)) = &mut packet.value {
        if to.identities.is_empty() {
            to.identities.clone_from(&user.destination_identities);
            to.sids.clone_from(&user.destination_sids);
        }
        user.participant_identity.clone_from(&identity);
        user.participant_sid.clone_from(&sid);
    }
    packet.participant_identity = identity;
    packet.participant_sid = sid;
    to
}
