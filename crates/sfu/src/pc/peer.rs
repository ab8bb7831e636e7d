//! A str0m instance behind the small surface the rooms need.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use bytes::Bytes;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsCert;
use str0m::format::{Codec as StrCodec, PayloadParams};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Pt};
use str0m::net::{Protocol, TcpType};
use str0m::rtp::{Extension, ExtensionMap, ExtensionValues, RtpPacket, RtpWrite, Ssrc, Vp8Descriptor};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

use super::sdp::{self, OpusAnswer};
use super::{Codec, Datagram, InPacket, Kind, Lane, Mid, OutPacket, Passed, PcError, PcEvent, Rid, Role, Via};

/// Bytes that may wait in str0m over all data channels of a connection. It caps the bytes per round trip; the queue
/// in front of it is bounded by [`RELIABLE_QUEUE_BYTES`].
const SCTP_BUFFER: usize = 1024 * 1024;
/// Bytes of reliable data packets that may wait for a slow subscriber. More forgives longer stalls and costs memory.
const RELIABLE_QUEUE_BYTES: usize = 4 * 1024 * 1024;
/// Lossy packets are dropped while more than this is buffered towards the subscriber.
const LOSSY_BUFFER: usize = 64 * 1024;
/// Data channels a client may open on its publisher connection (media.md 5.6).
const MAX_CHANNELS: usize = 8;
/// Streams a client may send at once on one connection; each costs a few KiB.
const MAX_SSRCS: usize = 64;
/// What may be sent again of a line: packets, their age, and the share of all that is sent. What str0m starts with.
const RESEND_PACKETS: usize = 1024;
const RESEND_AGE: Duration = Duration::from_secs(3);
const RESEND_RATIO: f32 = 0.15;
/// Far enough to mean "no timer".
const NEVER: Duration = Duration::from_secs(3600);

/// What all connections have in common.
pub(crate) struct Factory {
    cert: Option<DtlsCert>,
    udp: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
}

impl Factory {
    /// `udp` and `tcp` are the addresses clients are told.
    pub(crate) fn new(udp: Vec<SocketAddr>, tcp: Vec<SocketAddr>) -> Self {
        let provider = str0m::crypto::from_feature_flags();
        let cert = provider.dtls_provider.generate_certificate();
        provider.install_process_default();
        Self { cert, udp, tcp }
    }

    /// The candidate address that datagrams of this kind count as received on. Behind address translation the
    /// advertised address is the only one str0m knows, so the bound one is never shown to it.
    pub(crate) fn local(&self, via: Via, peer: SocketAddr) -> Option<SocketAddr> {
        let list = if via == Via::Udp { &self.udp } else { &self.tcp };
        list.iter().find(|a| a.is_ipv4() == peer.is_ipv4()).copied()
    }

    fn config(&self, role: Role) -> RtcConfig {
        let mut exts = ExtensionMap::empty();
        if role == Role::Publisher {
            exts.set(1, Extension::AudioLevel);
            exts.set(10, Extension::RtpStreamId);
            exts.set(11, Extension::RepairedRtpStreamId);
        } else {
            exts.set(6, Extension::PlayoutDelay);
        }
        exts.set(3, Extension::TransportSequenceNumber);
        exts.set(4, Extension::RtpMid);
        exts.set(5, Extension::AbsoluteCaptureTime);
        exts.set(13, Extension::VideoOrientation);
        let mut config = RtcConfig::new()
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(true)
            .set_extension_map(exts)
            .set_stats_interval(None)
            .set_sctp_max_buffered_amount(SCTP_BUFFER);
        if let Some(cert) = &self.cert {
            config = config.set_dtls_cert(cert.clone());
        }
        config
    }

    /// A new connection.
    pub(crate) fn make(&self, role: Role, now: Instant) -> Pc {
        let mut rtc = self.config(role).build(now);
        for addr in &self.udp {
            if let Ok(c) = Candidate::host(*addr, "udp") {
                rtc.add_local_candidate(c);
            }
        }
        for addr in &self.tcp {
            if let Ok(c) = Candidate::builder().tcp().host(*addr).tcptype(TcpType::Passive).build() {
                rtc.add_local_candidate(c);
            }
        }
        Pc {
            rtc,
            role,
            pending: None,
            streams: HashMap::new(),
            channels: Vec::new(),
            queue: VecDeque::new(),
            queued: 0,
            wrote: false,
            dead: false,
            dead_told: false,
        }
    }
}

/// A down line's payload types, valid until the next negotiation.
#[derive(Debug, Clone, Default)]
pub(crate) struct DownLine {
    pts: Vec<(Codec, Pt)>,
}

/// One peer connection.
pub(crate) struct Pc {
    rtc: Rtc,
    role: Role,
    pending: Option<SdpPendingOffer>,
    /// Where a source's packets belong: header extensions say so only in the first packets.
    streams: HashMap<Ssrc, (Mid, Option<Rid>)>,
    channels: Vec<(ChannelId, Lane)>,
    queue: VecDeque<Bytes>,
    queued: usize,
    wrote: bool,
    dead: bool,
    dead_told: bool,
}

impl Pc {
    /// The name ICE checks of the client carry for us. Changes with every ICE restart.
    pub(crate) fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Applies a client's offer and answers it.
    pub(crate) fn accept_offer(&mut self, offer: &str, opus: impl Fn(&str) -> OpusAnswer) -> Result<String, PcError> {
        let answer = self.accept_as_it_is(offer)?;
        Ok(sdp::edit_answer(&answer, opus))
    }

    /// The same; the answer says of directions what the offer lets it.
    pub(crate) fn accept_as_it_is(&mut self, offer: &str) -> Result<String, PcError> {
        if self.dead {
            return Err(PcError::Closed);
        }
        self.streams.clear();
        let offer = SdpOffer::from_sdp_string(offer).map_err(|_| PcError::Sdp)?;
        let answer = guard(|| self.rtc.sdp_api().accept_offer(offer)).ok_or(PcError::Closed);
        if answer.is_err() {
            self.dead = true;
        }
        let answer = answer?.map_err(|_| PcError::Negotiation)?;
        Ok(answer.to_sdp_string())
    }

    /// Makes an offer: new send lines, lines switched on or off, maybe new ICE credentials. Returns the mids of the new
    /// lines with the offer; `None` when there is nothing to negotiate. A pending offer is given up.
    pub(crate) fn offer(
        &mut self,
        channels: bool,
        add: &[Kind],
        directions: &[(Mid, bool)],
        ice_restart: bool,
    ) -> Option<(String, Vec<Mid>)> {
        if self.dead {
            return None;
        }
        self.pending = None;
        let mut api = self.rtc.sdp_api();
        if channels {
            let lossy = Reliability::MaxRetransmits { retransmits: 0 };
            for (label, ordered, reliability) in
                [("_reliable", true, Reliability::Reliable), ("_lossy", false, lossy), ("_data_track", false, lossy)]
            {
                let label = label.to_owned();
                api.add_channel_with_config(ChannelConfig { label, ordered, reliability, ..Default::default() });
            }
        }
        let kind = |k: &Kind| if *k == Kind::Audio { MediaKind::Audio } else { MediaKind::Video };
        let mids = add.iter().map(|k| api.add_media(kind(k), Direction::SendOnly, None, None, None)).collect();
        for (mid, on) in directions {
            api.set_direction(*mid, if *on { Direction::SendOnly } else { Direction::Inactive });
        }
        if ice_restart {
            api.ice_restart(true);
        }
        let (offer, pending) = api.apply()?;
        self.pending = Some(pending);
        Some((offer.to_sdp_string(), mids))
    }

    /// Applies the client's answer to the pending offer.
    pub(crate) fn accept_answer(&mut self, answer: &str) -> Result<(), PcError> {
        let pending = self.pending.take().ok_or(PcError::Negotiation)?;
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|_| PcError::Sdp)?;
        match guard(|| self.rtc.sdp_api().accept_answer(pending, answer)) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(PcError::Negotiation),
            None => {
                self.dead = true;
                Err(PcError::Closed)
            }
        }
    }

    /// The payload types of a line after a negotiation.
    pub(crate) fn down_line(&self, mid: Mid) -> DownLine {
        let Some(media) = self.rtc.media(mid) else { return DownLine::default() };
        let params = self.rtc.codec_config().params();
        let of = |pt: &Pt| params.iter().find(|p| p.pt() == *pt).and_then(|p| Some((codec_of(p)?, *pt)));
        DownLine { pts: media.remote_pts().iter().filter_map(of).collect() }
    }

    /// Whether this datagram may come from this connection's client: a STUN check with valid integrity, or anything
    /// from a source that passed one.
    pub(crate) fn accepts(&self, input: &Input<'_>) -> bool {
        self.rtc.accepts(input)
    }

    /// Takes in a datagram that [`Pc::accepts`] let pass. Errors are the datagram's fault, not the connection's.
    pub(crate) fn receive(&mut self, input: Input<'_>) -> bool {
        match guard(|| self.rtc.handle_input(input)) {
            Some(result) => result.is_ok(),
            None => {
                self.dead = true;
                false
            }
        }
    }

    /// Queues a packet on a line. False when the subscriber did not negotiate the codec.
    pub(crate) fn write(&mut self, mid: Mid, line: &DownLine, packet: &OutPacket<'_>) -> bool {
        let from = packet.from;
        let Some(pt) = pick_pt(&line.pts, from.codec) else { return false };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else { return false };
        let ext = ExtensionValues {
            abs_capture_time: from.passed.capture,
            video_orientation: from.passed.orientation,
            ..ExtensionValues::default()
        };
        let mut write = RtpWrite::new(pt, packet.seq.into(), packet.time, from.at, from.payload.clone())
            .marker(packet.marker)
            .nackable(from.codec != Codec::Opus)
            .ext_vals(ext);
        if let Some(fields) = packet.vp8
            && let Ok(descriptor) = Vp8Descriptor::parse(&from.payload)
        {
            let mut patch = descriptor.patch();
            if let Some(v) = fields.picture_id {
                patch = patch.picture_id(v);
            }
            if let Some(v) = fields.tl0_pic_idx {
                patch = patch.tl0_pic_idx(v);
            }
            if let Some(v) = fields.key_idx {
                patch = patch.key_idx(v);
            }
            if let Ok(patch) = patch.build() {
                write = write.vp8_patch(patch);
            }
        }
        stream.write_rtp(write);
        self.wrote = true;
        true
    }

    /// Asks the client for a key frame of one layer of a line.
    pub(crate) fn ask_key_frame(&mut self, mid: Mid, rid: Option<Rid>) {
        let mut api = self.rtc.direct_api();
        if let Some(stream) = api.stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Sends a data packet, or keeps a reliable one until the channel is open and has room. False: the queue is full.
    pub(crate) fn send_data(&mut self, lane: Lane, bytes: &Bytes) -> bool {
        match lane {
            Lane::Lossy => {
                if let Some((id, _)) = self.channels.iter().find(|c| c.1 == Lane::Lossy)
                    && let Some(mut ch) = self.rtc.channel(*id)
                    && ch.buffered_amount() <= LOSSY_BUFFER
                {
                    let _lost = ch.write(true, bytes);
                    self.wrote = true;
                }
                true
            }
            Lane::Reliable => {
                if self.queued + bytes.len() > RELIABLE_QUEUE_BYTES {
                    return false;
                }
                self.queued += bytes.len();
                self.queue.push_back(bytes.clone());
                self.flush_reliable();
                true
            }
        }
    }

    /// Whether the client has confirmed every reliable packet.
    pub(crate) fn drained(&mut self) -> bool {
        let Some((id, _)) = self.channels.iter().find(|c| c.1 == Lane::Reliable) else { return self.queue.is_empty() };
        self.dead || (self.queue.is_empty() && self.rtc.channel(*id).is_none_or(|mut ch| ch.buffered_amount() == 0))
    }

    /// Whether packets go through now.
    pub(crate) fn is_up(&self) -> bool {
        !self.dead && self.rtc.is_connected()
    }

    /// Forgets what was sent on a line, so that nothing of it is sent again.
    pub(crate) fn forget_sent(&mut self, mid: Mid) {
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.set_rtx_cache(RESEND_PACKETS, RESEND_AGE, Some(RESEND_RATIO));
        }
    }

    /// Bytes of reliable packets not handed to the channel yet.
    #[cfg(test)]
    pub(crate) fn waiting_reliable(&self) -> usize {
        self.queued
    }

    fn flush_reliable(&mut self) {
        let Some((id, _)) = self.channels.iter().find(|c| c.1 == Lane::Reliable) else { return };
        let Some(mut ch) = self.rtc.channel(*id) else { return };
        while let Some(next) = self.queue.front() {
            // An error means that this packet can never be sent, e.g. over the client's size limit.
            if matches!(ch.write(true, next), Ok(false)) {
                break;
            }
            self.queued -= next.len();
            self.queue.pop_front();
            self.wrote = true;
        }
        if !self.queue.is_empty() {
            ch.set_buffered_amount_low_threshold(SCTP_BUFFER / 4);
        }
    }

    /// Tells the client, on the connection itself, that it is over.
    pub(crate) fn hang_up(&mut self) {
        // Whoever was never connected has nothing to be told over.
        let _said = guard(|| self.rtc.close());
        self.wrote = true;
    }

    /// Drops the connection without a word to the client.
    pub(crate) fn kill(&mut self) {
        self.rtc.disconnect();
        self.dead = true;
        self.dead_told = true;
    }

    /// Drives time forward to `now` when `timer` or when something was written, then takes everything out. Returns when
    /// to call again at the latest.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        timer: bool,
        out: &mut Vec<Datagram>,
        events: &mut Vec<PcEvent>,
    ) -> Instant {
        let far = now + NEVER;
        if self.dead {
            if !self.dead_told {
                self.dead_told = true;
                events.push(PcEvent::Dead);
            }
            return far;
        }
        if timer || self.wrote {
            self.wrote = false;
            self.receive(Input::Timeout(now));
        }
        loop {
            match guard(|| self.rtc.poll_output()) {
                Some(Ok(Output::Timeout(at))) => {
                    if self.wrote {
                        self.wrote = false;
                        self.receive(Input::Timeout(now));
                        continue;
                    }
                    if !self.rtc.is_alive() {
                        self.dead = true;
                        return self.poll(now, false, out, events);
                    }
                    return at.min(far);
                }
                Some(Ok(Output::Transmit(t))) => out.push(Datagram {
                    via: if t.proto == Protocol::Udp { Via::Udp } else { Via::Tcp },
                    to: t.destination,
                    bytes: t.contents,
                }),
                Some(Ok(Output::Event(e))) => self.event(e, events),
                failed @ (Some(Err(_)) | None) => {
                    if let Some(Err(why)) = failed {
                        tracing::debug!(error = %why, "media connection failed");
                    }
                    self.rtc.disconnect();
                    self.dead = true;
                    return self.poll(now, false, out, events);
                }
            }
        }
    }

    fn event(&mut self, event: Event, events: &mut Vec<PcEvent>) {
        match event {
            Event::RtpPacket(p) => {
                if let Some(p) = self.in_packet(p) {
                    events.push(PcEvent::Rtp(p));
                }
            }
            Event::KeyframeRequest(k) => events.push(PcEvent::KeyFrame(k.mid)),
            Event::Connected => events.push(PcEvent::Connected),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => events.push(PcEvent::IceLost),
            Event::IceConnectionStateChange(IceConnectionState::Connected | IceConnectionState::Completed) => {
                events.push(PcEvent::IceBack);
            }
            Event::ChannelOpen(id, label) => events.extend(self.channel_open(id, &label)),
            Event::ChannelClose(id) => self.channels.retain(|c| c.0 != id),
            Event::ChannelBufferedAmountLow(_) => self.flush_reliable(),
            Event::ChannelData(d) if self.role == Role::Publisher => {
                if let Some((_, lane)) = self.channels.iter().find(|c| c.0 == d.id) {
                    events.push(PcEvent::Data(*lane, d.data));
                }
            }
            Event::Closed => self.dead = true,
            _ => {}
        }
    }

    fn channel_open(&mut self, id: ChannelId, label: &str) -> Option<PcEvent> {
        let lane = match label {
            "_reliable" => Lane::Reliable,
            "_lossy" => Lane::Lossy,
            _ => return None,
        };
        if self.channels.len() < MAX_CHANNELS {
            self.channels.push((id, lane));
        }
        let down = self.role == Role::Subscriber && lane == Lane::Reliable;
        if down {
            self.flush_reliable();
        }
        down.then_some(PcEvent::DataOpen)
    }

    fn in_packet(&mut self, p: RtpPacket) -> Option<InPacket> {
        let ssrc = p.header.ssrc;
        let (mid, rid) = match self.streams.get(&ssrc) {
            Some(found) => *found,
            None => {
                let mut api = self.rtc.direct_api();
                let stream = api.stream_rx(&ssrc)?;
                let found = (stream.mid(), stream.rid());
                if self.streams.len() >= MAX_SSRCS {
                    return None;
                }
                self.streams.insert(ssrc, found);
                found
            }
        };
        let params = self.rtc.codec_config().params();
        let codec = params.iter().find(|c| c.pt() == p.header.payload_type).and_then(codec_of)?;
        let ext = &p.header.ext_vals;
        Some(InPacket {
            mid,
            rid,
            codec,
            seq: *p.seq_no,
            time: p.header.timestamp,
            marker: p.header.marker,
            level: ext.audio_level.map(i8::unsigned_abs),
            passed: Passed { capture: ext.abs_capture_time, orientation: ext.video_orientation },
            at: p.timestamp,
            payload: p.payload,
            ssrc: *ssrc,
        })
    }
}

/// Runs `f`; a panic inside str0m is a bug there and costs this connection only.
fn guard<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f))
        .inspect_err(|_| metrics::counter!("stoa_media_connection_panics_total").increment(1))
        .ok()
}

fn codec_of(p: &PayloadParams) -> Option<Codec> {
    let spec = p.spec();
    match spec.codec {
        StrCodec::Opus => Some(Codec::Opus),
        StrCodec::Vp8 => Some(Codec::Vp8),
        StrCodec::H264 => Some(Codec::H264(
            spec.format.profile_level_id.unwrap_or(0x42_00_1f),
            spec.format.packetization_mode.unwrap_or(0),
        )),
        _ => None,
    }
}

/// The subscriber's payload type for a codec. H264 matches by profile and packetization mode; levels may differ.
fn pick_pt(pts: &[(Codec, Pt)], codec: Codec) -> Option<Pt> {
    let same = |have: Codec| match (have, codec) {
        (Codec::H264(p, m), Codec::H264(q, n)) => p >> 8 == q >> 8 && m == n,
        (a, b) => a == b,
    };
    pts.iter().find(|(c, _)| same(*c)).map(|(_, pt)| *pt)
}
