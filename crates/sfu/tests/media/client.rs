//! A small media client: signalling over WebSocket, two peer connections, everything it sees in a log.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Request;
use proto::signal_response::Message as Response;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite};

pub const PATIENCE: Duration = Duration::from_secs(30);
/// What the client sends: so many bytes every so often, 32 kbit/s.
const PAYLOAD: usize = 80;
const EVERY: Duration = Duration::from_millis(20);

/// What a client saw.
#[derive(Debug, Clone)]
pub enum Seen {
    /// Its subscriber connection is up.
    Up,
    /// Somebody's media packet.
    Packet,
    /// One of them that begins a key frame.
    KeyFrame,
    /// What is told of somebody.
    Update(Box<proto::ParticipantInfo>),
    /// A data packet over the reliable channel.
    Data(Box<proto::DataPacket>),
    /// Its own track was taken.
    Published,
    /// It sent a media packet.
    Sent,
    Leave(proto::LeaveRequest),
    /// It is back after a resume.
    Resumed,
}

/// Everything a client saw, in its order.
#[derive(Default)]
pub struct Log {
    seen: Mutex<Vec<(Instant, Seen)>>,
    more: Notify,
}

impl Log {
    fn push(&self, what: Seen) {
        self.seen.lock().unwrap().push((now(), what));
        self.more.notify_waiters();
    }

    pub fn all(&self) -> Vec<(Instant, Seen)> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until `found` makes something of what was seen.
    pub async fn until<T>(&self, what: &str, mut found: impl FnMut(&[(Instant, Seen)]) -> Option<T>) -> T {
        let search = async {
            loop {
                let more = self.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(t) = found(&self.seen.lock().unwrap()) {
                    return t;
                }
                more.await;
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
    }

    /// Waits until so many of a kind were seen.
    pub async fn count(&self, what: &str, n: usize, is: impl Fn(&Seen) -> bool) {
        self.until(what, |seen| (seen.iter().filter(|s| is(&s.1)).count() >= n).then_some(())).await;
    }

    /// Bodies of the server's messages.
    pub fn bodies(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().filter_map(|s| body(&s.1)).collect()
    }
}

/// The body of a server's message.
pub fn body(seen: &Seen) -> Option<String> {
    let Seen::Data(packet) = seen else { return None };
    let Some(proto::data_packet::Value::User(user)) = &packet.value else { return None };
    Some(String::from_utf8(user.payload.clone()).unwrap())
}

pub enum Command {
    /// Announces a microphone and sends.
    Publish,
    Mute(bool),
    /// The network is gone: no signalling, no media, in neither direction.
    Offline,
    /// It is back: resumes with this URL.
    Resume(String),
}

/// Whether a payload is the beginning of a VP8 key frame as the tests' publishers send it.
pub fn is_key_frame(payload: &[u8]) -> bool {
    payload.starts_with(&[0x10, 0])
}

#[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
pub fn now() -> Instant {
    Instant::now()
}

struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    wake: Instant,
    pending: Option<SdpPendingOffer>,
}

impl Peer {
    async fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        let mut rtc =
            Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, false).enable_vp8(true).build(now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        Self { rtc, socket, local, wake: now(), pending: None }
    }

    fn answer(&mut self, offer: &str) -> String {
        // As browsers do where the offer leaves the choice: the DTLS client.
        let offer = SdpOffer::from_sdp_string(&offer.replace("a=setup:actpass", "a=setup:passive")).unwrap();
        self.rtc.sdp_api().accept_offer(offer).unwrap().to_sdp_string()
    }

    fn offer_audio(&mut self) -> (String, Mid) {
        let mut api = self.rtc.sdp_api();
        let mid = api.add_media(MediaKind::Audio, Direction::SendOnly, Some("-".into()), Some("mic".into()), None);
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        (offer.to_sdp_string(), mid)
    }

    fn offer_restart(&mut self) -> String {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    fn answered(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    fn drive(&mut self, offline: bool, log: &Log, subscriber: bool) {
        let at = now();
        if at >= self.wake {
            self.rtc.handle_input(Input::Timeout(at)).unwrap();
        }
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(wake) => return self.wake = wake,
                Output::Transmit(t) => {
                    if !offline {
                        // A full socket loses packets, as networks do.
                        let _lost = self.socket.try_send_to(&t.contents, t.destination);
                    }
                }
                Output::Event(e) => match e {
                    Event::Connected if subscriber => log.push(Seen::Up),
                    Event::RtpPacket(p) => {
                        if is_key_frame(&p.payload) {
                            log.push(Seen::KeyFrame);
                        }
                        log.push(Seen::Packet);
                    }
                    Event::ChannelData(d) => {
                        log.push(Seen::Data(Box::new(proto::DataPacket::decode(&d.data[..]).unwrap())));
                    }
                    _ => {}
                },
            }
        }
    }

    fn receive(&mut self, offline: bool, log: &Log, subscriber: bool) {
        let mut buffer = [0; 2048];
        while let Ok((len, from)) = self.socket.try_recv_from(&mut buffer) {
            let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, &buffer[..len]) else { continue };
            let input = Input::Receive(now(), receive);
            if !offline && self.rtc.accepts(&input) {
                let _junk = self.rtc.handle_input(input);
            }
            self.drive(offline, log, subscriber);
        }
    }
}

/// The line it sends on.
struct Line {
    mid: Mid,
    pt: Option<Pt>,
    number: u64,
    next: Instant,
}

/// The task of a client.
pub struct Client {
    ws: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    sub: Peer,
    publ: Peer,
    line: Option<Line>,
    track: String,
    muted: bool,
    offline: bool,
    commands: mpsc::Receiver<Command>,
    log: Arc<Log>,
}

impl Client {
    pub async fn connect(url: &str, log: Arc<Log>, commands: mpsc::Receiver<Command>) -> Self {
        let (ws, _) = connect_async(url).await.unwrap();
        let (sub, publ) = (Peer::new().await, Peer::new().await);
        let track = String::new();
        Self { ws: Some(ws), sub, publ, line: None, track, muted: false, offline: false, commands, log }
    }

    /// Runs until nobody commands it any more.
    pub async fn run(mut self) {
        loop {
            self.send_due();
            self.sub.drive(self.offline, &self.log, true);
            self.publ.drive(self.offline, &self.log, false);
            let line = self.line.as_ref().map_or(self.sub.wake, |l| l.next);
            let wake = self.sub.wake.min(self.publ.wake).min(line);
            tokio::select! {
                // On a busy machine both may be there: what was sent first is read first.
                biased;
                _ready = self.sub.socket.readable() => self.sub.receive(self.offline, &self.log, true),
                _ready = self.publ.socket.readable() => self.publ.receive(self.offline, &self.log, false),
                frame = next(&mut self.ws) => match frame {
                    Some(frame) => self.frame(frame).await,
                    None => self.ws = None,
                },
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command).await,
                    None => return,
                },
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    fn send_due(&mut self) {
        let Some(line) = &mut self.line else { return };
        if self.muted || !self.publ.rtc.is_connected() {
            line.next = now() + EVERY;
            return;
        }
        if line.pt.is_none() {
            line.pt = self.publ.rtc.media(line.mid).and_then(|m| m.remote_pts().first().copied());
        }
        let Some(pt) = line.pt else { return };
        while now() >= line.next {
            let mut direct = self.publ.rtc.direct_api();
            let time = u32::try_from(line.number * 960).unwrap();
            let packet = RtpWrite::new(pt, (line.number + 1).into(), time, now(), vec![7; PAYLOAD]);
            direct.stream_tx_by_mid(line.mid, None).unwrap().write_rtp(packet);
            line.number += 1;
            line.next += EVERY;
            self.publ.rtc.handle_input(Input::Timeout(now())).unwrap();
            self.publ.drive(self.offline, &self.log, false);
            self.log.push(Seen::Sent);
        }
    }

    async fn send(&mut self, request: Request) {
        let bytes = proto::SignalRequest { message: Some(request) }.encode_to_vec();
        if let Some(ws) = &mut self.ws {
            // Whoever was sent away has nobody to talk to.
            let _gone = ws.send(tungstenite::Message::Binary(bytes.into())).await;
        }
    }

    async fn send_sdp(&mut self, kind: &str, sdp: String) {
        let description = proto::SessionDescription { r#type: kind.to_owned(), sdp, ..Default::default() };
        let request = if kind == "offer" { Request::Offer(description) } else { Request::Answer(description) };
        self.send(request).await;
    }

    async fn frame(&mut self, frame: Response) {
        match frame {
            Response::Offer(offer) => {
                let answer = self.sub.answer(&offer.sdp);
                self.send_sdp("answer", answer).await;
            }
            Response::Answer(answer) => self.publ.answered(&answer.sdp),
            Response::TrackPublished(p) => {
                self.track = p.track.unwrap().sid;
                self.log.push(Seen::Published);
                let (offer, mid) = self.publ.offer_audio();
                self.line = Some(Line { mid, pt: None, number: 0, next: now() });
                self.send_sdp("offer", offer).await;
            }
            Response::Update(update) => {
                for info in update.participants {
                    self.log.push(Seen::Update(Box::new(info)));
                }
            }
            Response::Leave(leave) => self.log.push(Seen::Leave(leave)),
            Response::Reconnect(_) => {
                self.log.push(Seen::Resumed);
                if self.line.is_some() {
                    let offer = self.publ.offer_restart();
                    self.send_sdp("offer", offer).await;
                }
            }
            _ => {}
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Publish => {
                let source = proto::TrackSource::Microphone.into();
                let add = proto::AddTrackRequest { cid: "mic".to_owned(), source, ..Default::default() };
                self.send(Request::AddTrack(add)).await;
            }
            Command::Mute(muted) => {
                self.muted = muted;
                let sid = self.track.clone();
                self.send(Request::Mute(proto::MuteTrackRequest { sid, muted })).await;
            }
            Command::Offline => {
                self.offline = true;
                self.ws = None;
            }
            Command::Resume(url) => {
                self.offline = false;
                self.ws = Some(connect_async(url).await.unwrap().0);
            }
        }
    }
}

/// The next frame; `None` when the server closed. Without a WebSocket never.
async fn next(ws: &mut Option<WebSocketStream<MaybeTlsStream<TcpStream>>>) -> Option<Response> {
    let Some(ws) = ws else { return std::future::pending().await };
    loop {
        match ws.next().await? {
            Ok(tungstenite::Message::Binary(b)) => {
                if let Some(frame) = proto::SignalResponse::decode(b).unwrap().message {
                    return Some(frame);
                }
            }
            Ok(tungstenite::Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}
