//! A bot against an echo: a one-client server that sends the client's own audio back on its subscriber connection.
//! It proves the client side (signalling, ICE, DTLS, SRTP, stamps) without any part of the real engine.

#![expect(clippy::unwrap_used, reason = "a test server fails by panicking")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use livekit_protocol as proto;
use livekit_protocol::{signal_request as req, signal_response as resp};
use prost::Message as _;
use stoa_load::bot::{Bot, Config, Publish};
use stoa_load::clock;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const LIMIT: Duration = Duration::from_secs(10);

/// One server-side peer connection on its own socket.
struct Side {
    rtc: Rtc,
    socket: UdpSocket,
    wake: Instant,
}

impl Side {
    async fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut rtc = Rtc::builder().set_rtp_mode(true).set_ice_lite(true).build(clock::now());
        rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
        Self { rtc, socket, wake: clock::now() }
    }

    /// Runs until nothing is due; returns received packets.
    fn settle(&mut self) -> Vec<(u64, Vec<u8>)> {
        let mut got = Vec::new();
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) if at <= clock::now() => {
                    self.rtc.handle_input(Input::Timeout(clock::now())).unwrap();
                }
                Output::Timeout(at) => {
                    self.wake = at;
                    return got;
                }
                Output::Transmit(t) => drop(self.socket.try_send_to(&t.contents, t.destination)),
                Output::Event(Event::RtpPacket(p)) => got.push((*p.seq_no, p.payload.to_vec())),
                Output::Event(_) => {}
            }
        }
    }

    fn receive(&mut self) {
        let mut buf = [0; 2048];
        if let Ok((n, from)) = self.socket.try_recv_from(&mut buf) {
            let to = self.socket.local_addr().unwrap();
            if let Ok(r) = Receive::new(Protocol::Udp, from, to, &buf[..n]) {
                let input = Input::Receive(clock::now(), r);
                if self.rtc.accepts(&input) {
                    self.rtc.handle_input(input).unwrap();
                }
            }
        }
    }
}

struct Echo {
    ws: WebSocketStream<TcpStream>,
    publ: Side,
    sub: Side,
    pending: Option<SdpPendingOffer>,
    down: Option<Mid>,
    cids_in_offers: Vec<String>,
}

impl Echo {
    async fn send(&mut self, m: resp::Message) {
        let frame = proto::SignalResponse { message: Some(m) }.encode_to_vec();
        self.ws.send(Message::Binary(frame.into())).await.unwrap();
    }

    async fn offer_echo_line(&mut self) {
        let mut changes = self.sub.rtc.sdp_api();
        let mid = changes.add_media(
            MediaKind::Audio,
            Direction::SendOnly,
            Some("PA_echo|TR_AMecho".into()),
            Some("TR_AMecho".into()),
            None,
        );
        let (offer, pending) = changes.apply().unwrap();
        self.pending = Some(pending);
        self.down = Some(mid);
        let mid_to_track_id = HashMap::from([(mid.to_string(), "TR_AMecho".to_owned())]);
        let sdp = offer.to_sdp_string();
        self.send(resp::Message::Offer(proto::SessionDescription {
            r#type: "offer".into(),
            sdp,
            id: 1,
            mid_to_track_id,
        }))
        .await;
    }

    async fn request(&mut self, m: req::Message) -> bool {
        match m {
            req::Message::AddTrack(a) => {
                let track = proto::TrackInfo { sid: "TR_AMup".into(), name: a.name, ..Default::default() };
                self.send(resp::Message::TrackPublished(proto::TrackPublishedResponse {
                    cid: a.cid,
                    track: Some(track),
                }))
                .await;
            }
            req::Message::Offer(o) => {
                let msids = o.sdp.lines().filter_map(|l| l.strip_prefix("a=msid:- "));
                self.cids_in_offers.extend(msids.map(str::to_owned));
                let answer = self.publ.rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(&o.sdp).unwrap()).unwrap();
                let sdp = answer.to_sdp_string();
                self.send(resp::Message::Answer(proto::SessionDescription {
                    r#type: "answer".into(),
                    sdp,
                    id: o.id,
                    mid_to_track_id: HashMap::new(),
                }))
                .await;
            }
            req::Message::Answer(a) => {
                assert!(a.sdp.contains("a=setup:active"), "the client chooses the active side like browsers do");
                let answer = SdpAnswer::from_sdp_string(&a.sdp).unwrap();
                self.sub.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
            }
            req::Message::Leave(_) => return false,
            _ => {}
        }
        true
    }

    fn echo(&mut self, packets: Vec<(u64, Vec<u8>)>) {
        let Some(mid) = self.down else { return };
        for (seq, payload) in packets {
            let Some(pt) = self.sub.rtc.media(mid).and_then(|m| m.remote_pts().first().copied()) else { return };
            let mut direct = self.sub.rtc.direct_api();
            let Some(tx) = direct.stream_tx_by_mid(mid, None) else { return };
            let time = u32::try_from(seq).unwrap() * 960;
            tx.write_rtp(RtpWrite::new(pt, seq.into(), time, clock::now(), payload));
            drop(self.sub.settle());
        }
    }

    /// Serves one client until it leaves or is gone; returns the cids its offers carried.
    async fn run(mut self) -> Vec<String> {
        let me = proto::ParticipantInfo { sid: "PA_me".into(), identity: "me".into(), ..Default::default() };
        let room = proto::Room { sid: "RM_echo".into(), ..Default::default() };
        self.send(resp::Message::Join(proto::JoinResponse {
            room: Some(room),
            participant: Some(me),
            ping_interval: 5,
            ..Default::default()
        }))
        .await;
        self.offer_echo_line().await;
        loop {
            let packets = self.publ.settle();
            self.echo(packets);
            drop(self.sub.settle());
            let wake = tokio::time::Instant::from_std(self.publ.wake.min(self.sub.wake));
            tokio::select! {
                frame = self.ws.next() => match frame {
                    Some(Ok(Message::Binary(b))) => {
                        let m = proto::SignalRequest::decode(b).unwrap().message.unwrap();
                        if !self.request(m).await {
                            return self.cids_in_offers;
                        }
                    }
                    Some(Ok(_)) => {}
                    _ => return self.cids_in_offers,
                },
                _ = self.publ.socket.readable() => self.publ.receive(),
                _ = self.sub.socket.readable() => self.sub.receive(),
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }
}

/// Starts the echo for one client; its URL and its end.
async fn echo() -> (String, impl Future<Output = Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let mut served = tokio::task::JoinSet::new();
    served.spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let ws = tokio_tungstenite::accept_async(tcp).await.unwrap();
        let (publ, sub) = (Side::new().await, Side::new().await);
        Echo { ws, publ, sub, pending: None, down: None, cids_in_offers: Vec::new() }.run().await
    });
    (url, async move { served.join_next().await.unwrap().unwrap() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_hears_its_own_packets_through_real_srtp() {
    let (url, served) = echo().await;
    let bot = Bot::join(Config::new(&url, "any")).await.unwrap();
    bot.wait("subscriber", LIMIT, |v| v.subscriber_up.is_some()).await.unwrap();
    assert_eq!(bot.publish(Publish::microphone(42)).await.unwrap(), "TR_AMup");
    let heard = |v: &stoa_load::bot::View| v.media.subs.get("TR_AMecho").is_some_and(|s| s.packets >= 50);
    bot.wait("50 packets", LIMIT, heard).await.unwrap();
    bot.view(|v| {
        let sub = &v.media.subs["TR_AMecho"];
        assert_eq!((sub.tag, sub.gaps, sub.late_or_repeated), (Some(42), 0, 0));
        assert_eq!(sub.last_number.map(|n| u64::from(n) + 1), Some(sub.packets), "every packet sent came back");
        assert_eq!((v.sid.as_str(), v.room_sid.as_str()), ("PA_me", "RM_echo"));
    });
    bot.leave().await;
    assert_eq!(served.await, ["mic-42"], "the offer names the track by its cid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patched_client_sends_without_announcing() {
    let (url, served) = echo().await;
    let bot = Bot::join(Config::new(&url, "any")).await.unwrap();
    let wild = Publish { announce: false, ..Publish::microphone(7) };
    assert_eq!(bot.publish(wild).await.unwrap(), "", "no sid without an announcement");
    bot.wait("a packet", LIMIT, |v| v.media.packets() > 0).await.unwrap();
    drop(bot);
    assert_eq!(served.await, ["mic-7"], "a vanished bot closes its socket without goodbye");
}

#[tokio::test]
async fn a_refusal_before_the_upgrade_is_reported_with_its_status() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let refuse = async {
        let (tcp, _) = listener.accept().await.unwrap();
        tcp.readable().await.unwrap();
        tcp.try_write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\nbanned").unwrap();
        tcp
    };
    let (joined, _tcp) = tokio::join!(Bot::join(Config::new(&url, "any")), refuse);
    let Err(stoa_load::JoinError::Refused { status, text }) = joined.map(drop) else { panic!("not refused") };
    assert_eq!((status, text.as_str()), (403, "banned"));
}
