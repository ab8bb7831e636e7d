//! A room without sockets: what its parts make of what they are told.

mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::data_packet::Value;
use proto::signal_request::Message as Request;
use proto::signal_response::Message as Response;
use stoa_core::app::{App, Apps};
use stoa_core::channel::IdentityType;
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
use stoa_core::media::{LeftReason, MediaFact, MediaGrant, Message, Muted, Permission, Standing, To};
use stoa_core::ports::Clock;
use tokio::sync::mpsc;

use super::{ClientParams, Ctx, Effect, Farewell, Joiner, Link, Owner, Pid, Resumer, Room};
use crate::env::Env;
use crate::fixed::Fixed;
use crate::pc::{Factory, Kind, Lane, OfferLine, Pc, PcSet, Role, scan};

struct Bench {
    env: Env,
    pcs: PcSet<Owner>,
    base: Instant,
    room: Option<Room>,
    effects: Vec<Effect>,
    farewells: Vec<Farewell>,
    /// Of `Bench::join`s in their order.
    sinks: Vec<mpsc::Receiver<bytes::Bytes>>,
    next: Pid,
    /// Since the fixed clock's time.
    passed: Duration,
}

fn app() -> App {
    App {
        id: AppId(1),
        name: "test".to_owned(),
        key: "key".to_owned(),
        secret: "a-secret-of-thirty-two-characters".into(),
        previous_secrets: Vec::new(),
        enabled: true,
        admin_identifiers: Vec::new(),
    }
}

fn standing(revision: u64) -> Standing {
    let permission = Permission { publish: true, update_metadata: true, ..Permission::listener() };
    Standing { permission, muted: Muted::default(), attributes: BTreeMap::new(), revision }
}

impl Bench {
    fn new() -> Self {
        let env = Env::new(crate::Config::default(), Apps::new([app()]), Arc::new(Fixed), Arc::new(Fixed));
        let base = crate::net::base(Duration::ZERO);
        let pcs = PcSet::new(Factory::new(vec!["127.0.0.1:7".parse().unwrap()], vec![]));
        let (effects, farewells) = (Vec::new(), Vec::new());
        let (sinks, passed) = (Vec::new(), Duration::ZERO);
        let mut bench = Self { env, pcs, base, room: None, effects, farewells, sinks, next: 0, passed };
        let key = ChannelKey { app: AppId(1), name: ChannelName::new("r").unwrap() };
        bench.room = Some(bench.ctx(|ctx| Room::new(1, key, ctx)));
        bench
    }

    fn ctx<R>(&mut self, f: impl FnOnce(&mut Ctx<'_>) -> R) -> R {
        let mut now = Fixed.now();
        now.mono += self.passed;
        let (at, effects, farewells) = (self.base + now.mono, &mut self.effects, &mut self.farewells);
        f(&mut Ctx { now, at, pcs: &mut self.pcs, env: &self.env, effects, farewells })
    }

    fn with<R>(&mut self, f: impl FnOnce(&mut Room, &mut Ctx<'_>) -> R) -> R {
        let mut room = self.room.take().unwrap();
        let result = self.ctx(|ctx| f(&mut room, ctx));
        self.room = Some(room);
        result
    }

    /// It comes back over a new WebSocket.
    fn resume(&mut self, pid: Pid, standing: Standing) {
        let p = self.part(pid);
        p.subs.answered_once = true;
        let (who, sink) = (p.who.clone(), self.sink());
        let token = Self::token(who.identity.as_str());
        let resumer = Resumer { sid: who.sid, identity: who.identity, user: who.user, standing, token, sink };
        self.with(|room, ctx| room.resume(ctx, resumer)).unwrap();
    }

    fn part(&mut self, pid: Pid) -> &mut super::Participant {
        self.room.as_mut().unwrap().parts.get_mut(&pid).unwrap()
    }

    /// What a participant was told since the last look.
    fn told(&mut self, pid: Pid) -> Vec<Response> {
        use prost::Message as _;
        let frames = &mut self.sinks[usize::try_from(pid).unwrap() - 1];
        let frames = std::iter::from_fn(|| frames.try_recv().ok());
        frames.filter_map(|f| proto::SignalResponse::decode(f).unwrap().message).collect()
    }

    /// Announces a microphone track; its sid.
    fn announce(&mut self, pid: Pid, cid: &str) -> String {
        let source = proto::TrackSource::Microphone.into();
        let req = proto::AddTrackRequest { cid: cid.to_owned(), source, ..Default::default() };
        self.with(|room, ctx| room.request(ctx, pid, 0, Request::AddTrack(req)));
        let published = |m| if let Response::TrackPublished(p) = m { p.track } else { None };
        self.told(pid).into_iter().find_map(published).expect("announced").sid
    }

    fn grant(&mut self, pid: Pid, revision: u64, publish: bool) {
        let mut standing = standing(revision);
        standing.permission.publish = publish;
        self.with(|room, ctx| room.set_standing_of(ctx, pid, standing));
    }

    /// Line and sid of what a participant publishes.
    fn tracks(&self, pid: Pid) -> Vec<(String, String)> {
        let of = self.room.as_ref().unwrap().tracks_of(pid);
        of.map(|t| (t.mid.to_string(), t.info.sid.clone())).collect()
    }

    fn token(name: &str) -> crate::token::Verified {
        let now = Fixed.now().wall.secs();
        let grant = MediaGrant {
            channel: ChannelName::new("r").unwrap(),
            identity: Identity::new(name).unwrap(),
            user: UserId::new(name).unwrap(),
            identity_type: IdentityType::OnDemand,
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            can_publish: true,
            sources: BTreeSet::new(),
            can_publish_data: true,
            iat_secs: now,
            nbf_secs: now,
            exp_secs: now + 600,
        };
        let text = crate::token::mint(&app(), &grant);
        crate::token::verify(&text, &Apps::new([app()]), Fixed.now().wall).unwrap()
    }

    fn sink(&mut self) -> super::Sink {
        let (sink, frames) = mpsc::channel(1024);
        self.sinks.push(frames);
        sink
    }

    fn join(&mut self, name: &str) -> Pid {
        self.next += 1;
        let joiner = Joiner {
            identity: Identity::new(name).unwrap(),
            user: UserId::new(name).unwrap(),
            standing: standing(5),
            token: Self::token(name),
            client: ClientParams { auto_subscribe: true, ..ClientParams::default() },
            link: Link::Signal(self.sink()),
        };
        let pid = self.next;
        self.with(|room, ctx| room.join(ctx, pid, joiner)).unwrap().0
    }
}

fn data(value: Value) -> Vec<u8> {
    use prost::Message as _;
    proto::DataPacket { value: Some(value), ..Default::default() }.encode_to_vec()
}

#[test]
fn clients_cannot_send_under_the_servers_topics() {
    let mut b = Bench::new();
    let (ann, ben) = (b.join("ann"), b.join("ben"));
    let to = b.part(ben).sub_pc;
    let user = |topic: &str| Value::User(proto::UserPacket { topic: Some(topic.to_owned()), ..Default::default() });
    let header =
        |topic: &str| Value::StreamHeader(proto::data_stream::Header { topic: topic.to_owned(), ..Default::default() });
    for (packet, passes) in [
        (user("stoa.talk.msg"), false),
        (header("stoa.talk.msg"), false),
        (user("stoamax"), true),
        (header("chat"), true),
    ] {
        let waiting = |b: &mut Bench| b.pcs.with(to, |pc| pc.waiting_reliable()).unwrap();
        let before = waiting(&mut b);
        let bytes = data(packet.clone());
        b.with(|room, ctx| room.data_in(ctx, ann, Lane::Reliable, &bytes));
        assert_eq!(waiting(&mut b) > before, passes, "{packet:?}");
    }
}

#[test]
fn what_a_server_sdk_took_stays_taken_until_something_else_is_granted() {
    let mut b = Bench::new();
    let ann = b.join("ann");
    let wanted = proto::ParticipantPermission { can_subscribe: true, can_update_metadata: true, ..Default::default() };
    b.with(|room, ctx| room.narrow(ctx, ann, &wanted));
    assert!(!b.part(ann).standing.permission.publish);
    b.with(|room, ctx| room.refreshed(ctx, ann, Ok(standing(5))));
    assert!(!b.part(ann).standing.permission.publish, "a refresh grants nothing new");
    b.with(|room, ctx| room.refreshed(ctx, ann, Ok(standing(6))));
    assert!(!b.part(ann).standing.permission.publish, "nor does somebody else's seat");
    b.resume(ann, standing(6));
    assert!(!b.part(ann).standing.permission.publish, "nor a resume");
    b.with(|room, ctx| room.silence(ctx, 7));
    let mut seated = standing(8);
    seated.attributes.insert("stoa.seat".to_owned(), "2".to_owned());
    b.with(|room, ctx| room.set_standing_of(ctx, ann, seated));
    assert!(b.part(ann).standing.permission.publish, "a seat does");
}

#[test]
fn what_a_server_sdk_took_it_may_give_back_but_no_more() {
    let mut b = Bench::new();
    let ann = b.join("ann");
    let all = proto::ParticipantPermission { can_publish: true, can_publish_data: true, ..Default::default() };
    b.with(|room, ctx| room.narrow(ctx, ann, &proto::ParticipantPermission::default()));
    b.with(|room, ctx| room.narrow(ctx, ann, &all));
    let have = b.part(ann).standing.permission.clone();
    assert!(have.publish && !have.subscribe);
    b.with(|room, ctx| room.silence(ctx, 9));
    b.with(|room, ctx| room.narrow(ctx, ann, &all));
    assert!(!b.part(ann).standing.permission.publish, "the silence is above it");
}

#[test]
fn attributes_set_by_command_do_not_grow_beyond_their_limit() {
    let mut b = Bench::new();
    let ann = b.join("ann");
    let set = |b: &mut Bench, key: &str, len: usize| {
        let change = [(key.to_owned(), "x".repeat(len))];
        b.with(|room, _| room.update_by_command(ann, "", "", change))
    };
    assert!(set(&mut b, "a", 40_000));
    assert!(!set(&mut b, "b", 40_000), "together they are too long");
    assert!(!b.part(ann).attributes.contains_key("b"));
    assert!(set(&mut b, "a", 0) && set(&mut b, "b", 40_000), "in its place it fits");
}

fn message(body: &str) -> Message {
    Message { topic: "stoa.talk.msg", body: body.to_owned() }
}

/// As it is once its data channel is open.
fn open(b: &mut Bench, pid: Pid) {
    b.part(pid).active_at = Some(Fixed.now().mono);
    b.with(|room, ctx| room.data_open(ctx, pid));
}

#[test]
fn messages_wait_while_a_participant_is_away_and_hidden_ones_are_not_counted() {
    let mut b = Bench::new();
    let (ann, ben) = (b.join("ann"), b.join("ben"));
    b.part(ben).who.hidden = true;
    let waiting = |b: &mut Bench, pid: Pid| {
        let pc = b.part(pid).sub_pc;
        b.pcs.with(pc, |pc| pc.waiting_reliable()).unwrap()
    };
    let send = |b: &mut Bench, to: To| b.with(|room, ctx| room.send(ctx, &to, &message("m")));
    assert_eq!(send(&mut b, To::All), 1, "ben is hidden");
    assert_eq!((waiting(&mut b, ann), waiting(&mut b, ben)), (0, 0), "nobody's channel is open");
    open(&mut b, ann);
    open(&mut b, ben);
    let one = waiting(&mut b, ann);
    assert!(one > 0 && waiting(&mut b, ben) == one);
    assert_eq!(send(&mut b, To::AllBut(UserId::new("ann").unwrap())), 0);
    assert!(waiting(&mut b, ann) == one && waiting(&mut b, ben) > one, "hidden ones get it all the same");

    let epoch = b.part(ann).sink_epoch;
    b.with(|room, ctx| room.signal_lost(ctx, ann, epoch));
    (0..200).for_each(|_| assert_eq!(send(&mut b, To::All), 1));
    assert_eq!(waiting(&mut b, ann), one, "it is away");
    b.resume(ann, standing(5));
    assert_eq!(waiting(&mut b, ann), one, "its media connection is not back yet");
    b.part(ann).resuming = false;
    b.with(super::Room::tick);
    assert_eq!(waiting(&mut b, ann), one * 65, "64 of them waited");
}

#[test]
fn a_slow_one_waits_alone() {
    let mut b = Bench::new();
    let (ann, ben) = (b.join("ann"), b.join("ben"));
    open(&mut b, ann);
    open(&mut b, ben);
    let (anns, bens) = (b.part(ann).sub_pc, b.part(ben).sub_pc);
    let chunk = bytes::Bytes::from(vec![0; 60_000]);
    while b.pcs.with(anns, |pc| pc.send_data(Lane::Reliable, &chunk)).unwrap() {}
    let full = b.pcs.with(anns, |pc| pc.waiting_reliable()).unwrap();
    let long = message(&"x".repeat(60_000));
    assert_eq!(b.with(|room, ctx| room.send(ctx, &To::All, &long)), 2);
    assert_eq!(b.pcs.with(anns, |pc| pc.waiting_reliable()).unwrap(), full);
    assert!(b.pcs.with(bens, |pc| pc.waiting_reliable()).unwrap() > 60_000);
    assert!(b.room.as_ref().unwrap().parts.contains_key(&ann), "nor is it sent away for it");
}

#[test]
fn who_is_removed_is_told_last_and_reported_as_lost_only_when_it_was_away() {
    let mut b = Bench::new();
    let (ann, ben) = (b.join("ann"), b.join("ben"));
    open(&mut b, ann);
    open(&mut b, ben);
    let pc = b.part(ann).sub_pc;
    b.part(ben).lost_at = Some(Duration::from_secs(99));
    b.part(ben).heard = Duration::from_secs(40);
    b.effects.clear();
    for name in ["ann", "ben"] {
        let user = UserId::new(name).unwrap();
        b.with(|room, ctx| room.remove(ctx, &user, Some(&message("kicked"))));
    }
    assert!(b.pcs.with(pc, |pc| pc.waiting_reliable()).unwrap() > 0, "the farewell is on its way");
    let facts: Vec<_> =
        b.effects.iter().filter_map(|e| if let Effect::Event(e) = e { Some(&e.fact) } else { None }).collect();
    let lost = |f: &&MediaFact| match f {
        MediaFact::ParticipantLeft { reason: LeftReason::Removed, lost, .. } => *lost,
        other => panic!("{other:?}"),
    };
    // Its connection is as old as the clock: the last that was heard.
    assert_eq!(facts.iter().map(lost).collect::<Vec<_>>(), [None, Some(Fixed.now().wall)]);
    let left = |frames: &mut mpsc::Receiver<bytes::Bytes>| {
        use prost::Message as _;
        let mut found = false;
        while let Ok(frame) = frames.try_recv() {
            let frame = proto::SignalResponse::decode(frame).unwrap();
            found |= matches!(frame.message, Some(proto::signal_response::Message::Leave(_)));
        }
        found
    };
    let mut farewells = std::mem::take(&mut b.farewells);
    let mut at = |ms: u64| {
        let now = Fixed.now().mono + Duration::from_millis(ms);
        farewells.iter_mut().map(|f| f.step(now, false)).collect::<Vec<_>>()
    };
    assert_eq!(at(49), [false; 2]);
    assert!(!left(&mut b.sinks[0]), "the farewell goes first");
    assert_eq!(at(50), [false; 2]);
    assert!(left(&mut b.sinks[0]));
    assert_eq!(at(100), [true; 2], "the connection closes");
}

#[test]
fn a_wrecked_room_reports_everybody() {
    let mut b = Bench::new();
    let (ann, _ben) = (b.join("ann"), b.join("ben"));
    open(&mut b, ann);
    b.effects.clear();
    b.with(super::Room::wreck);
    let facts: Vec<_> =
        b.effects.iter().filter_map(|e| if let Effect::Event(e) = e { Some(&e.fact) } else { None }).collect();
    assert!(
        matches!(
            facts[..],
            [
                MediaFact::ParticipantLeft { reason: LeftReason::MediaFailure, lost: Some(_), .. },
                MediaFact::ParticipantAborted { reason: LeftReason::MediaFailure, .. },
                MediaFact::ChannelEnded,
            ]
        ),
        "{facts:?}"
    );
    assert_eq!(b.pcs.len(), 0);
}

#[test]
fn a_standing_of_the_same_revision_with_other_content_is_taken() {
    let mut b = Bench::new();
    let ann = b.join("ann");
    let user = UserId::new("ann").unwrap();
    let muted = Standing { muted: Muted { audio: true, video: false }, ..standing(7) };
    b.with(|room, ctx| room.set_standing(ctx, &user, &muted));
    assert!(b.part(ann).standing.muted.audio);
    b.with(|room, ctx| room.set_standing(ctx, &user, &standing(7)));
    assert!(!b.part(ann).standing.muted.audio, "it ran out");
    b.with(|room, ctx| room.set_standing(ctx, &user, &Standing { revision: 6, ..muted.clone() }));
    assert!(!b.part(ann).standing.muted.audio, "older");
}

/// Two that say so do not talk to each other.
const LITE: &str = "a=ice-lite\r\n";

/// The publisher connection of a client.
struct Publisher(Pc);

impl Publisher {
    fn new(b: &Bench) -> Self {
        let factory = Factory::new(vec!["127.0.0.1:9".parse().unwrap()], vec![]);
        Self(factory.make(Role::Subscriber, b.base))
    }

    /// Adds a line; the offer with it, and the line.
    fn offer(&mut self) -> (proto::SessionDescription, OfferLine) {
        let (sdp, _) = self.0.offer(false, &[Kind::Audio], &[], false).unwrap();
        let sdp = sdp.replace(LITE, "");
        let line = scan(&sdp).pop().unwrap();
        assert!(line.sending && line.cid.is_some());
        (proto::SessionDescription { r#type: "offer".to_owned(), sdp, ..Default::default() }, line)
    }

    /// Sends an offer and takes the answer.
    fn send(&mut self, b: &mut Bench, pid: Pid, offer: proto::SessionDescription) {
        b.with(|room, ctx| room.request(ctx, pid, 0, Request::Offer(offer)));
        let answer = b.told(pid).into_iter().find_map(|m| if let Response::Answer(a) = m { Some(a.sdp) } else { None });
        self.0.accept_answer(&answer.expect("answered").replace(LITE, "")).unwrap();
    }
}

#[test]
fn a_seat_left_and_taken_again_while_an_offer_travels_loses_no_track() {
    let mut b = Bench::new();
    let ann = b.join("ann");
    let mut client = Publisher::new(&b);
    let (offer, old) = client.offer();
    let sid = b.announce(ann, old.cid.as_deref().unwrap());
    b.grant(ann, 6, false);
    let back = |m: &Response| matches!(m, Response::TrackUnpublished(u) if u.track_sid == sid);
    assert!(b.told(ann).iter().any(back), "the client thinks that it publishes");
    client.send(&mut b, ann, offer);
    b.grant(ann, 7, true);
    assert_eq!(b.tracks(ann), [], "what was taken back comes not by itself");
    let (offer, new) = client.offer();
    let sid = b.announce(ann, new.cid.as_deref().unwrap());
    assert_eq!(b.tracks(ann), [], "the old line is not the new track's");
    client.send(&mut b, ann, offer);
    assert_eq!(b.tracks(ann), [(new.mid, sid)]);
    // The first track, announced once more.
    let (offer, _) = client.offer();
    let sid = b.announce(ann, old.cid.as_deref().unwrap());
    client.send(&mut b, ann, offer);
    assert!(b.tracks(ann).contains(&(old.mid, sid)));
}

#[test]
fn who_announces_a_track_and_never_offers_it_starts_over() {
    let mut b = Bench::new();
    let ann = b.join("ann");
    let mut client = Publisher::new(&b);
    b.announce(ann, "never");
    b.passed = Duration::from_secs(9);
    b.with(Room::tick);
    assert!(b.room.as_ref().unwrap().parts.contains_key(&ann));
    b.passed = Duration::from_secs(10);
    b.with(Room::tick);
    assert!(!b.room.as_ref().unwrap().parts.contains_key(&ann));
    let leave = b.told(ann).into_iter().find_map(|m| if let Response::Leave(l) = m { Some(l) } else { None });
    assert_eq!(leave.unwrap().action(), proto::leave_request::Action::Reconnect);
    // Whoever offers what was announced stays.
    let ben = b.join("ben");
    let (offer, line) = client.offer();
    b.announce(ben, line.cid.as_deref().unwrap());
    client.send(&mut b, ben, offer);
    b.passed = Duration::from_secs(21);
    b.with(Room::tick);
    assert_eq!(b.tracks(ben).len(), 1);
}

#[test]
fn only_a_client_that_does_not_read_counts_as_slow() {
    let mut b = Bench::new();
    let (ann, ben) = (b.join("ann"), b.join("ben"));
    let slow = Counted::default();
    metrics::with_local_recorder(&slow, || {
        b.sinks[0].close();
        b.part(ann).send(Response::Pong(1));
        assert!(b.part(ann).sink.is_none());
        assert_eq!(slow.0.load(Ordering::Relaxed), 0, "somebody who leaves is not slow");
        while b.part(ben).sink.is_some() {
            b.part(ben).send(Response::Pong(1));
        }
    });
    assert_eq!(slow.0.load(Ordering::Relaxed), 1);
}

/// Counts into one number whatever is counted under the name of slow clients.
#[derive(Default)]
struct Counted(Arc<AtomicU64>);

impl metrics::Recorder for Counted {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        match key.name() {
            "stoa_media_slow_signal_total" => metrics::Counter::from_arc(Arc::clone(&self.0)),
            _ => metrics::Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::noop()
    }

    fn register_histogram(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
        metrics::Histogram::noop()
    }
}

#[test]
fn a_description_too_long_to_read_is_answered_with_a_new_start() {
    let mut b = Bench::new();
    let ann = b.join("ann");
    b.told(ann);
    let sdp = "x".repeat(256 * 1024 + 1);
    let offer = Request::Offer(proto::SessionDescription { r#type: "offer".to_owned(), sdp, ..Default::default() });
    b.with(|room, ctx| room.request(ctx, ann, 0, offer));
    let leave = b.told(ann).into_iter().find_map(|m| if let Response::Leave(l) = m { Some(l) } else { None });
    assert_eq!(leave.expect("told to start over").action(), proto::leave_request::Action::Reconnect);
    assert!(!b.room.as_ref().unwrap().parts.contains_key(&ann));
}
