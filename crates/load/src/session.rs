//! The task behind a [`crate::bot::Bot`]: one signalling socket, two peer connections, one loop.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use livekit_protocol as proto;
use livekit_protocol::{signal_request as req, signal_response as resp};
use str0m::media::Mid;
use tokio::sync::{mpsc, oneshot};

use crate::bot::{Command, Config, Publish, Shared, View};
use crate::clock;
use crate::link::Transport;
use crate::pc::{Happening, Outgoing, Pc};
use crate::signal::{Ask, JoinError, Signal};
use crate::stats::{Meter, Stamp};

/// SDKs give up on a join or resume without first frame after this long.
const FIRST_FRAME: Duration = Duration::from_secs(5);
/// SDKs wait this long for `track_published` and for an answer.
const REQUEST: Duration = Duration::from_secs(10);
/// A sender this late starts anew instead of sending a burst nobody would send.
const CATCH_UP: Duration = Duration::from_millis(200);

/// Something the publisher connection has to negotiate, one after the other.
enum Want {
    Line(Publish, Option<oneshot::Sender<Result<String>>>),
    Inactive(Mid, Option<oneshot::Sender<Result<()>>>),
    IceRestart,
}

/// A track being sent.
struct Line {
    publish: Publish,
    sid: String,
    out: Outgoing,
    number: u32,
    next: Instant,
    paused: bool,
}

pub(crate) struct Session {
    shared: Arc<Shared>,
    signal: Option<Signal>,
    sub: Option<Pc>,
    publ: Option<Pc>,
    transport: Transport,
    auto_subscribe: bool,
    meter: Arc<Meter>,
    tracks: HashMap<Mid, String>,
    announced: HashMap<String, (Publish, oneshot::Sender<Result<String>>, Instant)>,
    wants: VecDeque<Want>,
    /// The offer under way, the line it adds, and since when.
    negotiating: Option<(Want, Option<Mid>, Instant)>,
    lines: Vec<Line>,
    happenings: Vec<Happening>,
    ping_every: Duration,
    ping_at: Instant,
}

impl Session {
    /// Opens the signalling socket and takes the server's `join`.
    pub async fn join(config: &Config, shared: Arc<Shared>) -> Result<Self, JoinError> {
        let ask = Ask { url: &config.url, token: &config.token, auto_subscribe: config.auto_subscribe, resume: None };
        let (signal, first) = first_frame(&ask).await?;
        let resp::Message::Join(join) = first else { return Err(unexpected("join", &first)) };
        let ping_every = Duration::from_secs(u64::try_from(join.ping_interval).unwrap_or(0).max(1));
        shared.update(|v| take_join(v, join));
        Ok(Self {
            shared,
            signal: Some(signal),
            sub: None,
            publ: None,
            transport: config.transport,
            auto_subscribe: config.auto_subscribe,
            meter: Arc::clone(&config.meter),
            tracks: HashMap::new(),
            announced: HashMap::new(),
            wants: VecDeque::new(),
            negotiating: None,
            lines: Vec::new(),
            happenings: Vec::new(),
            ping_every,
            ping_at: clock::now() + ping_every,
        })
    }

    /// Runs until the session is over.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let fault = self.serve(&mut inbox).await.err().map(|e| format!("{e:#}"));
        self.shared.update(|v| {
            v.ended = true;
            v.fault = fault;
        });
    }

    async fn serve(&mut self, inbox: &mut mpsc::Receiver<Command>) -> Result<()> {
        loop {
            let now = clock::now();
            self.tick(now).await?;
            self.report();
            let wake = tokio::time::Instant::from_std(self.wake());
            tokio::select! {
                message = next_message(&mut self.signal) => {
                    if !self.message(message).await? {
                        return Ok(());
                    }
                }
                command = inbox.recv() => {
                    let Some(command) = command else { return Ok(()) };
                    if !self.command(command).await? {
                        return Ok(());
                    }
                }
                () = ready(self.sub.as_ref()) => receive(self.sub.as_mut(), &mut self.happenings)?,
                () = ready(self.publ.as_ref()) => receive(self.publ.as_mut(), &mut self.happenings)?,
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    fn wake(&self) -> Instant {
        let pcs = [&self.sub, &self.publ].into_iter().flatten().map(Pc::wake);
        let lines = self.lines.iter().filter(|l| !l.paused).map(|l| l.next);
        pcs.chain(lines).fold(self.ping_at, Instant::min)
    }

    async fn tick(&mut self, now: Instant) -> Result<()> {
        self.send_due(now)?;
        for pc in [&mut self.sub, &mut self.publ].into_iter().flatten() {
            pc.settle(now, &mut self.happenings)?;
        }
        if now >= self.ping_at {
            self.ping_at = now + self.ping_every;
            let timestamp = i64::try_from(clock::unix_secs() * 1000).unwrap_or(0);
            self.send(req::Message::PingReq(proto::Ping { timestamp, rtt: 0 })).await;
            self.give_up(now)?;
        }
        self.negotiate().await
    }

    fn give_up(&mut self, now: Instant) -> Result<()> {
        let late = |since: Instant| now.saturating_duration_since(since) > REQUEST;
        for (cid, (_, reply, _)) in self.announced.extract_if(|_, (.., since)| late(*since)) {
            drop(reply.send(Err(anyhow!("{cid} was not confirmed within {REQUEST:?}"))));
        }
        if self.signal.is_some() && self.negotiating.as_ref().is_some_and(|(.., since)| late(*since)) {
            bail!("no answer to our offer within {REQUEST:?}");
        }
        Ok(())
    }

    fn send_due(&mut self, now: Instant) -> Result<()> {
        let Some(pc) = &mut self.publ else { return Ok(()) };
        for line in self.lines.iter_mut().filter(|l| !l.paused && l.next <= now) {
            let every = Duration::from_secs(1) / line.publish.rate.max(1);
            if now.saturating_duration_since(line.next) > CATCH_UP {
                line.next = now;
            }
            line.next += every;
            let sent = clock::nanos();
            // Opus at speech rates: 80 to 160 bytes, varying so that padding tricks show.
            let len = 80 + (line.number as usize * 37) % 81;
            let stamp = Stamp { sent, number: line.number, tag: line.publish.tag };
            let samples = 48_000 / line.publish.rate.max(1);
            if pc.send_audio(&mut line.out, &stamp.payload(len), samples, now) {
                line.number = line.number.wrapping_add(1);
                self.meter.count_sent(sent);
            }
            pc.settle(now, &mut self.happenings)?;
        }
        Ok(())
    }

    /// Moves what the connections reported into the view.
    fn report(&mut self) {
        if self.happenings.is_empty() {
            return;
        }
        let mut news = false;
        let mut view = self.shared.lock();
        for happening in self.happenings.drain(..) {
            let Happening::Packet { mid, seq, payload, at } = happening else {
                news = true;
                continue;
            };
            // Lines without a track in the offer's map are named after what their msid says.
            let track = self.tracks.entry(mid).or_insert_with(|| {
                news = true;
                self.sub.as_ref().and_then(|s| s.announced_track(mid)).unwrap_or_else(|| format!("mid:{mid}"))
            });
            view.media.add(track, seq, &payload, at, &self.meter);
        }
        view.media.unsent = [&self.sub, &self.publ].into_iter().flatten().map(|p| p.unsent).sum();
        view.subscriber_up = self.sub.as_ref().and_then(|p| p.up);
        view.publisher_up = self.publ.as_ref().and_then(|p| p.up);
        drop(view);
        if news {
            self.shared.changed.send_replace(());
        }
    }

    async fn send(&mut self, message: req::Message) {
        let Some(signal) = &mut self.signal else { return };
        if signal.send(message).await.is_err() {
            self.signal = None;
            self.shared.update(|v| v.signal_lost = true);
        }
    }

    /// Handles a signalling message; false = the session is over.
    async fn message(&mut self, message: Option<Result<resp::Message, JoinError>>) -> Result<bool> {
        let Some(message) = message else {
            self.signal = None;
            self.shared.update(|v| v.signal_lost = true);
            let over = self.shared.lock().left.is_some();
            return Ok(!over || self.stubborn());
        };
        match message? {
            resp::Message::Offer(offer) => self.offered(offer).await?,
            resp::Message::Answer(answer) => self.answered(answer).await?,
            resp::Message::Trickle(t) => {
                let pc =
                    if t.target == proto::SignalTarget::Subscriber as i32 { &mut self.sub } else { &mut self.publ };
                if let Some(pc) = pc {
                    pc.trickled(&t.candidate_init).await?;
                }
            }
            resp::Message::TrackPublished(p) => self.track_published(p),
            resp::Message::RequestResponse(r) => self.request_answered(r),
            resp::Message::TrackUnpublished(u) => {
                self.obey(&u.track_sid, true);
                self.shared.update(|v| v.unpublished.push(u.track_sid));
            }
            resp::Message::Mute(m) => {
                self.obey(&m.sid, m.muted);
                self.shared.update(|v| {
                    v.muted_by_server.insert(m.sid, m.muted);
                });
            }
            resp::Message::Leave(l) => {
                self.shared.update(|v| v.left = Some((l.reason, l.action)));
                // RESUME keeps the session; everything else ends it, for clients that listen.
                return Ok(l.action == proto::leave_request::Action::Resume as i32 || self.stubborn());
            }
            other => self.shared.update(|v| take_news(v, other)),
        }
        Ok(true)
    }

    async fn offered(&mut self, offer: proto::SessionDescription) -> Result<()> {
        let transport = self.transport;
        let sub = self.sub.get_or_insert_with(|| Pc::new(transport));
        let sdp = sub.answer(&offer.sdp).await?;
        self.tracks = offer.mid_to_track_id.iter().map(|(mid, sid)| (Mid::from(mid.as_str()), sid.clone())).collect();
        sub.settle(clock::now(), &mut self.happenings)?;
        // The Rust SDKs answer without an id; the server must take that for its newest offer.
        let answer = proto::SessionDescription { r#type: "answer".into(), sdp, id: 0, mid_to_track_id: HashMap::new() };
        self.send(req::Message::Answer(answer)).await;
        Ok(())
    }

    async fn answered(&mut self, answer: proto::SessionDescription) -> Result<()> {
        let Some(pc) = &mut self.publ else { bail!("answer without an offer") };
        if !pc.answered(&answer).await? {
            return Ok(());
        }
        pc.settle(clock::now(), &mut self.happenings)?;
        match self.negotiating.take() {
            Some((Want::Line(publish, reply), Some(mid), _)) => self.start_line(publish, reply, mid),
            Some((Want::Inactive(_, Some(reply)), ..)) => drop(reply.send(Ok(()))),
            _ => {}
        }
        Ok(())
    }

    fn start_line(&mut self, publish: Publish, reply: Option<oneshot::Sender<Result<String>>>, mid: Mid) {
        let sid = self.shared.lock().published.get(&publish.cid).map(|t| t.sid.clone()).unwrap_or_default();
        // Senders of one process spread over the packet interval, as independent clients would.
        let phase = Duration::from_micros(publish.tag.wrapping_mul(7_919) % 20_000);
        let next = clock::now() + phase;
        self.lines.push(Line { publish, sid: sid.clone(), out: Outgoing::new(mid), number: 0, next, paused: false });
        if let Some(reply) = reply {
            drop(reply.send(Ok(sid)));
        }
    }

    fn track_published(&mut self, p: proto::TrackPublishedResponse) {
        let Some(track) = p.track else { return };
        self.shared.update(|v| {
            v.published.insert(p.cid.clone(), track);
        });
        if let Some((publish, reply, _)) = self.announced.remove(&p.cid) {
            self.wants.push_back(Want::Line(publish, Some(reply)));
        }
    }

    fn request_answered(&mut self, r: proto::RequestResponse) {
        let cid = match &r.request {
            Some(proto::request_response::Request::AddTrack(a)) => a.cid.clone(),
            // A refusal need not say of what: with one announcement open it is that one.
            None if self.announced.len() == 1 => self.announced.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        };
        if let Some((publish, reply, _)) = self.announced.remove(&cid) {
            if publish.stubborn {
                self.wants.push_back(Want::Line(publish, Some(reply)));
            } else {
                drop(reply.send(Err(anyhow!("publishing refused, reason {}: {}", r.reason, r.message))));
            }
        }
        self.shared.update(|v| v.answers.push(r));
    }

    /// Whether a patched client is played, which goes on sending whatever it is told.
    fn stubborn(&self) -> bool {
        self.lines.iter().any(|l| l.publish.stubborn)
    }

    /// Stops or restarts a track the server muted or took back, unless the bot plays a patched client.
    fn obey(&mut self, sid: &str, stop: bool) {
        for line in self.lines.iter_mut().filter(|l| l.sid == sid && !l.publish.stubborn) {
            line.paused = stop;
            line.next = clock::now();
        }
    }

    /// Handles a command; false = the session is over.
    async fn command(&mut self, command: Command) -> Result<bool> {
        match command {
            Command::Publish(publish, reply) if publish.announce => {
                let add = proto::AddTrackRequest {
                    cid: publish.cid.clone(),
                    name: publish.cid.clone(),
                    r#type: proto::TrackType::Audio as i32,
                    source: proto::TrackSource::Microphone as i32,
                    ..Default::default()
                };
                self.announced.insert(publish.cid.clone(), (publish, reply, clock::now()));
                self.send(req::Message::AddTrack(add)).await;
            }
            Command::Publish(publish, reply) => self.wants.push_back(Want::Line(publish, Some(reply))),
            Command::Unpublish(cid, reply) => match self.lines.iter().position(|l| l.publish.cid == cid) {
                Some(at) => {
                    let line = self.lines.swap_remove(at);
                    self.wants.push_back(Want::Inactive(line.out.mid, Some(reply)));
                }
                None => drop(reply.send(Err(anyhow!("no track {cid}")))),
            },
            Command::Pause(cid, paused) => {
                for line in self.lines.iter_mut().filter(|l| l.publish.cid == cid) {
                    line.paused = paused;
                    line.next = clock::now();
                }
            }
            Command::Send(message) => self.send(*message).await,
            Command::CutSignal => {
                self.signal = None;
                self.shared.update(|v| v.signal_lost = true);
            }
            Command::Resume { url, token, reply } => {
                let done = self.resume(&url, &token).await;
                drop(reply.send(done));
            }
            Command::Leave => {
                self.send(req::Message::Leave(proto::LeaveRequest {
                    reason: proto::DisconnectReason::ClientInitiated as i32,
                    action: proto::leave_request::Action::Disconnect as i32,
                    ..Default::default()
                }))
                .await;
                if let Some(signal) = self.signal.take() {
                    signal.close().await;
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn resume(&mut self, url: &str, token: &str) -> Result<(), JoinError> {
        self.signal = None;
        let sid = self.shared.lock().sid.clone();
        let ask = Ask { url, token, auto_subscribe: self.auto_subscribe, resume: Some(&sid) };
        let (signal, first) = first_frame(&ask).await?;
        if !matches!(first, resp::Message::Reconnect(_)) {
            return Err(unexpected("reconnect", &first));
        }
        self.signal = Some(signal);
        self.shared.update(|v| {
            v.resumed += 1;
            v.signal_lost = false;
            v.left = None;
        });
        if self.publ.is_some() {
            // An offer the old socket lost is void: what it wanted goes first, then the restart.
            if let Some((want, ..)) = self.negotiating.take() {
                self.wants.push_front(want);
            }
            self.wants.push_front(Want::IceRestart);
        }
        self.send(req::Message::SyncState(proto::SyncState::default())).await;
        Ok(())
    }

    async fn negotiate(&mut self) -> Result<()> {
        if self.negotiating.is_some() || self.signal.is_none() {
            return Ok(());
        }
        let Some(want) = self.wants.pop_front() else { return Ok(()) };
        let transport = self.transport;
        let pc = self.publ.get_or_insert_with(|| Pc::new(transport));
        let (offer, mid) = match &want {
            Want::Line(publish, _) => pc.offer(Some(&publish.cid), false)?,
            Want::IceRestart => pc.offer(None, true)?,
            Want::Inactive(mid, _) => (pc.offer_inactive(*mid)?, None),
        };
        pc.settle(clock::now(), &mut self.happenings)?;
        self.negotiating = Some((want, mid, clock::now()));
        self.send(req::Message::Offer(offer)).await;
        Ok(())
    }
}

async fn first_frame(ask: &Ask<'_>) -> Result<(Signal, resp::Message), JoinError> {
    let late = || JoinError::Protocol(format!("no first frame within {FIRST_FRAME:?}"));
    let open = async {
        let mut signal = Signal::connect(ask).await?;
        let first = signal.next().await.ok_or_else(|| JoinError::Socket("closed before the first frame".into()))??;
        Ok((signal, first))
    };
    let (signal, first) = tokio::time::timeout(FIRST_FRAME, open).await.map_err(|_| late())??;
    if let resp::Message::Leave(l) = &first {
        return Err(JoinError::Left { reason: l.reason, action: l.action });
    }
    Ok((signal, first))
}

fn unexpected(wanted: &str, got: &resp::Message) -> JoinError {
    let text = format!("{got:?}");
    let name = text.split(['(', ' ']).next().unwrap_or_default();
    JoinError::Protocol(format!("first frame is {name}, not {wanted}"))
}

fn take_join(v: &mut View, join: proto::JoinResponse) {
    v.room_sid = join.room.map(|r| r.sid).unwrap_or_default();
    if let Some(me) = join.participant {
        v.sid = me.sid;
        v.identity = me.identity;
        v.permission = me.permission;
    }
    v.others = join.other_participants.into_iter().map(|p| (p.identity.clone(), p)).collect();
}

fn take_news(v: &mut View, message: resp::Message) {
    match message {
        resp::Message::Update(update) => {
            for p in update.participants {
                if p.sid == v.sid {
                    v.permission = p.permission;
                } else if p.state == proto::participant_info::State::Disconnected as i32 {
                    // A leaver's news may come after the news of his next stay.
                    if v.others.get(&p.identity).is_some_and(|known| known.sid == p.sid) {
                        v.others.remove(&p.identity);
                    }
                } else {
                    v.others.insert(p.identity.clone(), p);
                }
            }
        }
        resp::Message::RefreshToken(token) => v.refreshed_token = Some(token),
        resp::Message::SpeakersChanged(s) => {
            for speaker in s.speakers {
                if speaker.active {
                    v.speakers.insert(speaker.sid, speaker.level);
                } else {
                    v.speakers.remove(&speaker.sid);
                }
            }
        }
        _ => {}
    }
}

async fn next_message(signal: &mut Option<Signal>) -> Option<Result<resp::Message, JoinError>> {
    match signal {
        Some(signal) => signal.next().await,
        None => std::future::pending().await,
    }
}

async fn ready(pc: Option<&Pc>) {
    match pc {
        Some(pc) => pc.ready().await,
        None => std::future::pending().await,
    }
}

fn receive(pc: Option<&mut Pc>, out: &mut Vec<Happening>) -> Result<()> {
    pc.map_or(Ok(()), |pc| pc.receive(out))
}
