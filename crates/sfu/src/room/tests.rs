//! A room without sockets: what its parts make of what they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::data_packet::Value;
use stoa_core::app::{App, Apps};
use stoa_core::channel::IdentityType;
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
use stoa_core::media::{MediaGrant, Muted, Permission, Standing};
use stoa_core::ports::{Clock, Entropy};
use stoa_core::time::{Now, UnixMs};
use tokio::sync::mpsc;

use super::{ClientParams, Ctx, Effect, Farewell, Joiner, Owner, Pid, Resumer, Room};
use crate::env::Env;
use crate::pc::{Factory, Lane, PcSet};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Now {
        Now { wall: UnixMs::from_secs(1_000_000), mono: Duration::from_secs(100) }
    }
}

impl Entropy for Fixed {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).unwrap();
    }
}

struct Bench {
    env: Env,
    pcs: PcSet<Owner>,
    base: Instant,
    room: Option<Room>,
    effects: Vec<Effect>,
    farewells: Vec<Farewell>,
    sinks: Vec<mpsc::Receiver<bytes::Bytes>>,
    next: Pid,
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
        let mut bench = Self { env, pcs, base, room: None, effects, farewells, sinks: Vec::new(), next: 0 };
        let key = ChannelKey { app: AppId(1), name: ChannelName::new("r").unwrap() };
        bench.room = Some(bench.ctx(|ctx| Room::new(1, key, ctx)));
        bench
    }

    fn ctx<R>(&mut self, f: impl FnOnce(&mut Ctx<'_>) -> R) -> R {
        let now = Fixed.now();
        let (at, effects, farewells) = (self.base + now.mono, &mut self.effects, &mut self.farewells);
        f(&mut Ctx { now, at, pcs: &mut self.pcs, env: &self.env, effects, farewells })
    }

    fn with<R>(&mut self, f: impl FnOnce(&mut Room, &mut Ctx<'_>) -> R) -> R {
        let mut room = self.room.take().unwrap();
        let result = self.ctx(|ctx| f(&mut room, ctx));
        self.room = Some(room);
        result
    }

    fn part(&mut self, pid: Pid) -> &mut super::Participant {
        self.room.as_mut().unwrap().parts.get_mut(&pid).unwrap()
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
            sink: self.sink(),
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
    let sid = b.part(ann).who.sid.clone();
    b.part(ann).subs.answered_once = true;
    let resumer = Resumer {
        sid,
        identity: Identity::new("ann").unwrap(),
        user: UserId::new("ann").unwrap(),
        standing: standing(6),
        token: Bench::token("ann"),
        sink: b.sink(),
    };
    b.with(|room, ctx| room.resume(ctx, resumer)).unwrap();
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
