//! One peer connection of a bot. The only module that knows str0m besides [`crate::link`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use livekit_protocol::SessionDescription;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Receive, Transmit};
use str0m::rtp::{ExtensionValues, RtpWrite, Ssrc};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

use crate::clock;
use crate::link::{Link, Transport};

/// Packets taken from the socket before timers and signalling get a turn.
const BATCH: usize = 64;
/// Timers run in a row. A timer that stays due is taken up again after the sockets had their turn.
const TIMERS: usize = 8;

/// What a peer connection reports.
pub(crate) enum Happening {
    /// ICE and DTLS are up.
    Connected,
    /// ICE found the path dead.
    Disconnected,
    /// A decrypted media packet.
    Packet { mid: Mid, seq: u64, payload: std::sync::Arc<[u8]>, at: Instant },
}

/// A media line we send on.
pub(crate) struct Outgoing {
    pub mid: Mid,
    pt: Option<Pt>,
    seq: u64,
    rtp_time: u32,
}

pub(crate) struct Pc {
    rtc: Rtc,
    pending: Option<SdpPendingOffer>,
    transport: Transport,
    link: Option<Link>,
    wake: Instant,
    mids: HashMap<Ssrc, Mid>,
    offer_id: u32,
    /// When ICE and DTLS were up first.
    pub up: Option<Instant>,
    /// Packets the local socket had no room for.
    pub unsent: u64,
    /// Descriptions or candidates came since the last look at the timers.
    renegotiated: bool,
}

impl Pc {
    pub fn new(transport: Transport) -> Self {
        let now = clock::now();
        let rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(true)
            .build(now);
        Self {
            rtc,
            pending: None,
            transport,
            link: None,
            wake: now,
            mids: HashMap::new(),
            offer_id: 0,
            up: None,
            unsent: 0,
            renegotiated: false,
        }
    }

    /// Answers the server's offer, as the DTLS client where it leaves the choice (browsers do so too).
    pub async fn answer(&mut self, offer: &str) -> Result<String> {
        let text = offer.replace("a=setup:actpass", "a=setup:passive");
        let parsed = SdpOffer::from_sdp_string(&text).map_err(|e| anyhow!("offer does not parse: {e}"))?;
        // The link first: its candidate belongs into the answer.
        self.open_link(offer).await?;
        let answer = self.rtc.sdp_api().accept_offer(parsed).context("offer not accepted")?;
        Ok(answer.to_sdp_string())
    }

    /// An offer with a new audio line announced as `cid`, or none but a renegotiation.
    pub fn offer(&mut self, cid: Option<&str>, ice_restart: bool) -> Result<(SessionDescription, Option<Mid>)> {
        let mut changes = self.rtc.sdp_api();
        let mid = cid.map(|cid| {
            changes.add_media(MediaKind::Audio, Direction::SendOnly, Some("-".into()), Some(cid.into()), None)
        });
        if ice_restart {
            changes.ice_restart(true);
        }
        let made = changes_of(changes)?;
        Ok((self.begin(made), mid))
    }

    /// An offer that makes a line inactive: unpublishing.
    pub fn offer_inactive(&mut self, mid: Mid) -> Result<SessionDescription> {
        let mut changes = self.rtc.sdp_api();
        changes.set_direction(mid, Direction::Inactive);
        let made = changes_of(changes)?;
        Ok(self.begin(made))
    }

    fn begin(&mut self, (offer, pending): (SdpOffer, SdpPendingOffer)) -> SessionDescription {
        self.pending = Some(pending);
        self.offer_id += 1;
        SessionDescription {
            r#type: "offer".into(),
            sdp: offer.to_sdp_string(),
            id: self.offer_id,
            mid_to_track_id: HashMap::new(),
        }
    }

    /// Takes the answer to our newest offer; older ones are ignored.
    /// False = it was not for that one.
    pub async fn answered(&mut self, answer: &SessionDescription) -> Result<bool> {
        if answer.id != 0 && answer.id != self.offer_id {
            return Ok(false);
        }
        let Some(pending) = self.pending.take() else { return Ok(false) };
        let parsed = SdpAnswer::from_sdp_string(&answer.sdp).map_err(|e| anyhow!("answer does not parse: {e}"))?;
        self.rtc.sdp_api().accept_answer(pending, parsed).context("answer not accepted")?;
        self.open_link(&answer.sdp).await?;
        Ok(true)
    }

    /// Takes a trickled candidate (`RTCIceCandidateInit` as JSON).
    pub async fn trickled(&mut self, init: &str) -> Result<()> {
        let value: serde_json::Value = serde_json::from_str(init).context("trickle")?;
        let Some(line) = value.get("candidate").and_then(|c| c.as_str()) else { return Ok(()) };
        if let Ok(candidate) = Candidate::from_sdp_string(line) {
            self.rtc.add_remote_candidate(candidate);
            self.open_link(line).await?;
        }
        Ok(())
    }

    async fn open_link(&mut self, sdp: &str) -> Result<()> {
        self.renegotiated = true;
        if self.link.is_none()
            && let Some(link) = Link::open(self.transport, sdp).await.context("media socket")?
        {
            self.rtc.add_local_candidate(link.candidate().context("local candidate")?);
            self.link = Some(link);
        }
        Ok(())
    }

    /// Queues one Opus packet; false before the line can send. Call [`Pc::settle`] after it.
    pub fn send_audio(&mut self, line: &mut Outgoing, payload: &[u8], samples: u32, at: Instant) -> bool {
        if !self.rtc.is_connected() {
            return false;
        }
        let pt = match line.pt {
            Some(pt) => pt,
            None => {
                let found = self.rtc.media(line.mid).and_then(|m| m.remote_pts().first().copied()).filter(|pt| {
                    self.rtc.codec_config().params().iter().any(|p| p.pt() == *pt && p.spec().codec == Codec::Opus)
                });
                let Some(pt) = found else { return false };
                line.pt = Some(pt);
                pt
            }
        };
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(line.mid, None) else { return false };
        let levels = ExtensionValues { audio_level: Some(-20), voice_activity: Some(true), ..Default::default() };
        let first = line.seq == 1;
        stream.write_rtp(RtpWrite::new(pt, line.seq.into(), line.rtp_time, at, payload).marker(first).ext_vals(levels));
        line.seq += 1;
        line.rtp_time = line.rtp_time.wrapping_add(samples);
        true
    }

    /// Resolves when the socket has something; never without a socket.
    pub async fn ready(&self) {
        match &self.link {
            // An error shows again, and is handled, in `receive`.
            Some(link) => drop(link.ready().await),
            None => std::future::pending().await,
        }
    }

    /// When [`Pc::settle`] wants to be called at the latest.
    pub fn wake(&self) -> Instant {
        self.wake
    }

    /// Reads what the socket holds, up to a batch.
    pub fn receive(&mut self, out: &mut Vec<Happening>) -> Result<()> {
        for _ in 0..BATCH {
            let Some(link) = &mut self.link else { return Ok(()) };
            link.flush();
            let (local, proto) = (link.local(), link.protocol());
            let packet = match link.receive() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(()),
                Err(_) => {
                    self.link = None;
                    out.push(Happening::Disconnected);
                    return Ok(());
                }
            };
            let at = clock::now();
            let (from, bytes) = packet;
            if let Ok(receive) = Receive::new(proto, from, local, &bytes) {
                let input = Input::Receive(at, receive);
                if self.rtc.accepts(&input) {
                    // A junk packet is no reason to end: the state machine says when it is over.
                    let _junk = self.rtc.handle_input(input);
                }
            }
            self.drain(at, out)?;
        }
        Ok(())
    }

    /// Takes out what the last change caused, then runs timers that are due.
    pub fn settle(&mut self, now: Instant, out: &mut Vec<Happening>) -> Result<()> {
        // Candidates start no timer by themselves: without media the first check would wait for the next one, up to 1 s.
        if std::mem::take(&mut self.renegotiated) {
            self.rtc.handle_input(Input::Timeout(now)).context("timeout")?;
        }
        self.drain(now, out)?;
        for _ in 0..TIMERS {
            if self.wake > now {
                break;
            }
            self.rtc.handle_input(Input::Timeout(now)).context("timeout")?;
            self.drain(now, out)?;
        }
        Ok(())
    }

    fn drain(&mut self, at: Instant, out: &mut Vec<Happening>) -> Result<()> {
        loop {
            match self.rtc.poll_output().context("peer connection")? {
                Output::Timeout(wake) => {
                    // A dead instance asks for a time far away; the loop still wants a sane sleep.
                    self.wake = wake.min(at + Duration::from_secs(5));
                    return Ok(());
                }
                Output::Transmit(t) => self.transmit(&t),
                Output::Event(event) => self.event(event, at, out),
            }
        }
    }

    fn transmit(&mut self, t: &Transmit) {
        if let Some(link) = &mut self.link
            && !link.send(t.destination, &t.contents)
        {
            self.unsent += 1;
        }
    }

    fn event(&mut self, event: Event, at: Instant, out: &mut Vec<Happening>) {
        match event {
            Event::Connected => {
                self.up.get_or_insert(at);
                out.push(Happening::Connected);
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => out.push(Happening::Disconnected),
            Event::RtpPacket(packet) => {
                let ssrc = packet.header.ssrc;
                let mid = match self.mids.get(&ssrc) {
                    Some(mid) => *mid,
                    None => {
                        let Some(mid) = self.rtc.direct_api().stream_rx(&ssrc).map(|s| s.mid()) else { return };
                        self.mids.insert(ssrc, mid);
                        mid
                    }
                };
                out.push(Happening::Packet { mid, seq: *packet.seq_no, payload: packet.payload, at });
            }
            _ => {}
        }
    }

    /// The track sid a line was announced with in the offer text (`PA_…|TR_… TR_…`).
    pub fn announced_track(&self, mid: Mid) -> Option<String> {
        let media = self.rtc.media(mid)?;
        [media.track_id(), media.stream_id().rsplit('|').next().unwrap_or_default()]
            .into_iter()
            .find(|id| id.starts_with("TR"))
            .map(str::to_owned)
    }
}

impl Outgoing {
    pub fn new(mid: Mid) -> Self {
        Self { mid, pt: None, seq: 1, rtp_time: 0 }
    }
}

fn changes_of(changes: str0m::change::SdpApi<'_>) -> Result<(SdpOffer, SdpPendingOffer)> {
    changes.apply().ok_or_else(|| anyhow!("nothing to negotiate"))
}
