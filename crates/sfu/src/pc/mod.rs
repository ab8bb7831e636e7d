//! One WebRTC peer connection. The only module that names str0m.
//!
//! A [`Pc`] has no socket and no clock: datagrams, commands and the time go in, datagrams and events come out of
//! [`Pc::poll`]. Whoever changes one must poll it before it waits for anything.

mod offer;
mod payload;
mod peer;
mod sdp;
mod set;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

pub(crate) use offer::{StreamLine, StreamOffer, Way, answered, read_stream, show_candidates};
pub(crate) use payload::{Read, read as read_payload};
pub(crate) use peer::{DownLine, Factory, Pc};
pub(crate) use sdp::{Kind, OfferLine, OpusAnswer, scan, set_msids};
pub(crate) use set::{Inbound, PcId, PcSet};

/// Id of a media line, fixed for the life of a connection.
pub(crate) type Mid = str0m::media::Mid;
/// Name of a simulcast layer on the wire: `q`, `h`, `f`.
pub(crate) type Rid = str0m::media::Rid;

/// Which way of a participant's two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Client to server; the client offers.
    Publisher,
    /// Server to client; we offer.
    Subscriber,
}

/// What a payload is encoded with, as far as payload types are chosen by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Opus,
    Vp8,
    /// Profile and level; packetization mode.
    H264(u32, u8),
}

/// Header extensions that belong to the media and not to the hop.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Passed {
    capture: Option<str0m::rtp::AbsCaptureTime>,
    orientation: Option<str0m::rtp::VideoOrientation>,
}

/// An RTP packet from a client, decrypted.
#[derive(Debug, Clone)]
pub(crate) struct InPacket {
    pub mid: Mid,
    pub rid: Option<Rid>,
    pub codec: Codec,
    /// Extended by rollovers.
    pub seq: u64,
    pub time: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// Loudness as the wire counts it: 0 loudest, 127 silent.
    pub level: Option<u8>,
    pub passed: Passed,
    pub at: Instant,
    pub ssrc: u32,
}

/// VP8 descriptor fields as they shall be on the wire.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Vp8Fields {
    pub picture_id: Option<u16>,
    pub tl0_pic_idx: Option<u8>,
    pub key_idx: Option<u8>,
}

/// An RTP packet to a client; numbers are final.
#[derive(Debug)]
pub(crate) struct OutPacket<'a> {
    pub seq: u64,
    pub time: u32,
    pub marker: bool,
    pub vp8: Option<Vp8Fields>,
    pub from: &'a InPacket,
}

/// The two kinds of data channels that carry packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Reliable,
    Lossy,
}

/// What happened on a connection.
#[derive(Debug)]
pub(crate) enum PcEvent {
    /// ICE and DTLS are up.
    Connected,
    /// No candidate pair works; may come back.
    IceLost,
    /// Works again.
    IceBack,
    /// It is over; nothing comes after this.
    Dead,
    Rtp(InPacket),
    /// The receiver of this line wants a key frame.
    KeyFrame(Mid),
    Data(Lane, Vec<u8>),
    /// Reliable data packets to the client go through.
    DataOpen,
}

/// How a datagram travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Via {
    Udp,
    Tcp,
}

/// A datagram to send.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub via: Via,
    pub to: SocketAddr,
    pub bytes: str0m::net::DatagramSend,
}

/// Why a description was refused. Carries no addresses and no SDP.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PcError {
    #[error("session description does not parse")]
    Sdp,
    #[error("negotiation refused")]
    Negotiation,
    #[error("connection is closed")]
    Closed,
}
