//! A client of plain HTTP streams: one offer, one peer connection, everything it receives in a log.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};

use crate::client::{PATIENCE, is_key_frame, now};

/// Every so often a packet goes out on each line, in steps of the line's clock.
const EVERY: Duration = Duration::from_millis(20);
const AUDIO_STEP: u32 = 960;
const VIDEO_STEP: u32 = 1800;

/// What the client offers.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    pub direction: Direction,
    pub audio: usize,
    pub video: usize,
    /// The video lines have these layers.
    pub rids: &'static [&'static str],
    /// Last byte of every payload, by which receivers tell publishers apart.
    pub tag: u8,
}

pub const PUSH: Offer = Offer { direction: Direction::SendOnly, audio: 1, video: 1, rids: &[], tag: 1 };
pub const PLAY: Offer = Offer { direction: Direction::RecvOnly, ..PUSH };

/// A packet that was received.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Its line among all lines.
    pub line: usize,
    pub seq: u64,
    pub time: u32,
    pub at: Instant,
    pub tag: u8,
    pub key: bool,
    pub ssrc: u32,
}

/// What a stream client saw.
#[derive(Default)]
pub struct StreamLog {
    heard: Mutex<Vec<Heard>>,
    /// Key frames it was asked for, by line and layer.
    asked: Mutex<Vec<(usize, Option<String>)>>,
    over: Mutex<bool>,
    up: Mutex<bool>,
    more: Notify,
}

impl StreamLog {
    pub fn all(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub fn asked(&self) -> Vec<(usize, Option<String>)> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until `found` makes something of it.
    pub async fn until<T>(&self, what: &str, mut found: impl FnMut(&Self) -> Option<T>) -> T {
        let search = async {
            loop {
                let more = self.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(t) = found(self) {
                    return t;
                }
                more.await;
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
    }

    /// Waits for so many packets on a line from a publisher; they all, in the order they came.
    pub async fn hears(&self, line: usize, tag: u8, n: usize) -> Vec<Heard> {
        let of = |log: &Self| log.all().into_iter().filter(|h| h.line == line && h.tag == tag).collect::<Vec<_>>();
        self.until("packets", |log| Some(of(log)).filter(|list| list.len() >= n)).await
    }

    pub async fn up(&self) {
        self.until("a connection", |log| log.up.lock().unwrap().then_some(())).await;
    }

    /// Waits until the server ended the connection.
    pub async fn over(&self) {
        self.until("the end", |log| log.over.lock().unwrap().then_some(())).await;
    }

    pub fn is_over(&self) -> bool {
        *self.over.lock().unwrap()
    }
}

pub enum StreamCommand {
    /// Asks for a key frame on this line.
    AskKeyFrame(usize),
    /// Nothing goes out or in any more.
    Offline,
}

struct Line {
    mid: Mid,
    video: bool,
    pt: Option<Pt>,
    number: u32,
    key_due: bool,
}

/// The client's task.
pub struct StreamClient {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    pending: Option<SdpPendingOffer>,
    lines: Vec<Line>,
    offer: Offer,
    next: Instant,
    wake: Instant,
    offline: bool,
    log: Arc<StreamLog>,
    commands: mpsc::Receiver<StreamCommand>,
}

impl StreamClient {
    /// A client and its offer.
    pub async fn new(offer: Offer, log: Arc<StreamLog>, commands: mpsc::Receiver<StreamCommand>) -> (Self, String) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        let builder = Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, false).enable_vp8(true);
        let mut rtc = builder.build(now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        let mut api = rtc.sdp_api();
        let layer = |rid: &&str| SimulcastLayer::new(rid);
        let simulcast = || {
            let send = offer.rids.iter().map(layer).collect();
            (!offer.rids.is_empty()).then_some(Simulcast { send, recv: Vec::new() })
        };
        let mut lines = Vec::new();
        for n in 0..offer.audio + offer.video {
            let video = n >= offer.audio;
            let kind = if video { MediaKind::Video } else { MediaKind::Audio };
            let layers = if video { simulcast() } else { None };
            let mid = api.add_media(kind, offer.direction, None, None, layers);
            lines.push(Line { mid, video, pt: None, number: 0, key_due: true });
        }
        let (sdp, pending) = api.apply().unwrap();
        let (next, wake, pending) = (now(), now(), Some(pending));
        (
            Self { rtc, socket, local, pending, lines, offer, next, wake, offline: false, log, commands },
            sdp.to_sdp_string(),
        )
    }

    /// Runs with this answer until nobody commands it any more.
    pub async fn run(mut self, answer: String) {
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
        loop {
            self.send_due();
            self.drive();
            if !self.rtc.is_alive() {
                *self.log.over.lock().unwrap() = true;
                self.log.more.notify_waiters();
                return;
            }
            let wake = if self.offer.direction.is_sending() { self.wake.min(self.next) } else { self.wake };
            tokio::select! {
                biased;
                _ready = self.socket.readable() => self.receive(),
                command = self.commands.recv() => match command {
                    Some(StreamCommand::AskKeyFrame(line)) => {
                        let mut api = self.rtc.direct_api();
                        let stream = api.stream_rx_by_mid(self.lines[line].mid, None).unwrap();
                        stream.request_keyframe(KeyframeRequestKind::Pli);
                        self.wake = now();
                    }
                    Some(StreamCommand::Offline) => self.offline = true,
                    None => return,
                },
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    fn send_due(&mut self) {
        if !self.offer.direction.is_sending() {
            return;
        }
        while now() >= self.next {
            self.next += EVERY;
            if !self.rtc.is_connected() {
                continue;
            }
            for n in 0..self.lines.len() {
                self.send_line(n);
            }
            self.rtc.handle_input(Input::Timeout(now())).unwrap();
            self.drive();
        }
    }

    fn send_line(&mut self, n: usize) {
        let Line { mid, video, pt, number, key_due } = &mut self.lines[n];
        if pt.is_none() {
            *pt = self.rtc.media(*mid).and_then(|m| m.remote_pts().first().copied());
        }
        let Some(pt) = *pt else { return };
        let step = if *video { VIDEO_STEP } else { AUDIO_STEP };
        let key = *video && std::mem::take(key_due);
        let rids: Vec<Option<Rid>> = match self.offer.rids {
            list if *video && !list.is_empty() => list.iter().map(|r| Some(Rid::from(*r))).collect(),
            _ => vec![None],
        };
        let (mid, seq, time) = (*mid, u64::from(*number) + 1, *number * step);
        *number += 1;
        for (layer, rid) in (0u8..).zip(rids) {
            let mut payload = if *video { vec![0x10, u8::from(!key), layer] } else { vec![7; 60] };
            payload.push(self.offer.tag + 16 * layer);
            let ext_vals = ExtensionValues { mid: Some(mid), rid, ..ExtensionValues::default() };
            let packet = RtpWrite::new(pt, seq.into(), time, now(), payload).marker(*video).ext_vals(ext_vals);
            let mut direct = self.rtc.direct_api();
            // A line that was not taken has no stream.
            if let Some(stream) = direct.stream_tx_by_mid(mid, rid) {
                stream.write_rtp(packet);
            }
        }
    }

    fn line(&self, mid: Mid) -> usize {
        self.lines.iter().position(|l| l.mid == mid).unwrap()
    }

    fn drive(&mut self) {
        if now() >= self.wake {
            self.rtc.handle_input(Input::Timeout(now())).unwrap();
        }
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(wake) => return self.wake = wake,
                Output::Transmit(t) => {
                    if !self.offline {
                        // A full socket loses packets, as networks do.
                        let _lost = self.socket.try_send_to(&t.contents, t.destination);
                    }
                }
                Output::Event(e) => self.event(e),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => *self.log.up.lock().unwrap() = true,
            Event::KeyframeRequest(k) => {
                let line = self.line(k.mid);
                self.lines[line].key_due = true;
                self.log.asked.lock().unwrap().push((line, k.rid.map(|r| r.to_string())));
            }
            Event::RtpPacket(p) => {
                let mid = self.rtc.direct_api().stream_rx(&p.header.ssrc).unwrap().mid();
                let heard = Heard {
                    line: self.line(mid),
                    seq: *p.seq_no,
                    time: p.header.timestamp,
                    at: now(),
                    tag: *p.payload.last().unwrap(),
                    key: is_key_frame(&p.payload),
                    ssrc: *p.header.ssrc,
                };
                self.log.heard.lock().unwrap().push(heard);
            }
            _ => return,
        }
        self.log.more.notify_waiters();
    }

    fn receive(&mut self) {
        let mut buffer = [0; 2048];
        while let Ok((len, from)) = self.socket.try_recv_from(&mut buffer) {
            let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, &buffer[..len]) else { continue };
            let input = Input::Receive(now(), receive);
            if !self.offline && self.rtc.accepts(&input) {
                let _junk = self.rtc.handle_input(input);
            }
            self.drive();
        }
    }
}
