mod channels;
mod connections;
mod product;
mod property;
mod restart;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use serde_json::{Value, json};
use stoa_core::hub::{HubAdmitted, HubLeft, HubRefusal, HubSubscribed, PublishOptions, SingleLogin};
use stoa_core::time::{Now, UnixMs};

use super::*;
use crate::proto::{Publication, Push, Reply, SubscribeRequest, SubscribeResult};
use crate::token::Verifier;
use crate::token::tests::{KEY, sign};

const START: i64 = 1_893_456_000_000;

/// What the hooks of the world say.
#[derive(Debug, Clone)]
struct Rules {
    policy: SingleLogin,
    connect: Option<HubRefusal>,
    subscribe: Option<HubRefusal>,
    /// Questions stay unanswered until the test answers them.
    hold: bool,
}

/// An engine with clients that only remember.
struct World {
    engine: Engine,
    at: Duration,
    rules: Rules,
    inbox: BTreeMap<ConnId, VecDeque<Reply>>,
    formats: BTreeMap<ConnId, Format>,
    closes: BTreeMap<ConnId, (u32, String)>,
    held: VecDeque<(CallId, HubClient, Ask)>,
    presence: Vec<(String, String, bool, HubLeft)>,
    pings: Vec<ConnId>,
    frames: usize,
    named: u32,
}

fn config() -> Config {
    let mut config = Config::new(Verifier::new(&[KEY], None));
    let test = Namespace {
        name: "test".to_owned(),
        history_size: 400,
        history_ttl: Duration::from_secs(60),
        recover: true,
        presence: false,
    };
    let bare = Namespace { name: "bare".to_owned(), history_size: 0, ..test.clone() };
    config.namespaces.extend([test, bare]);
    config
}

fn token(user: &str, dev: &str) -> String {
    token_until(user, dev, START / 1000 + 1_000_000)
}

fn token_until(user: &str, dev: &str, exp: i64) -> String {
    let meta = json!({"role": "user", "uid": user, "app": 1, "face": "class", "dev": dev});
    sign(&json!({"sub": user, "exp": exp, "aud": "hub", "info": {"n": user}, "meta": meta}))
}

impl World {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: Config) -> Self {
        let at = Duration::from_secs(1);
        let now = Now { wall: UnixMs(START), mono: at };
        Self {
            engine: Engine::new(config, 7, now),
            at,
            rules: Rules { policy: SingleLogin::Cap, connect: None, subscribe: None, hold: false },
            inbox: BTreeMap::new(),
            formats: BTreeMap::new(),
            closes: BTreeMap::new(),
            held: VecDeque::new(),
            presence: Vec::new(),
            pings: Vec::new(),
            frames: 0,
            named: 0,
        }
    }

    fn now(&self) -> Now {
        Now { wall: UnixMs(START).plus(self.at), mono: self.at }
    }

    fn open(&mut self, format: Format) -> ConnId {
        self.named += 1;
        let conn = self.engine.open(self.now(), format, false, &format!("client-{}", self.named));
        self.inbox.insert(conn, VecDeque::new());
        self.formats.insert(conn, format);
        conn
    }

    /// Sends commands in one frame and lets everything happen.
    fn say(&mut self, conn: ConnId, commands: &[Value]) {
        self.say_only(conn, commands);
        self.settle();
    }

    fn say_only(&mut self, conn: ConnId, commands: &[Value]) {
        let frame = match self.formats[&conn] {
            Format::Json => commands.iter().map(Value::to_string).collect::<Vec<_>>().join("\n").into_bytes(),
            Format::Protobuf => {
                let mut out = Vec::new();
                for command in commands {
                    let command: Command = serde_json::from_value(command.clone()).unwrap();
                    command.encode_length_delimited(&mut out).unwrap();
                }
                out
            }
        };
        self.engine.frame(self.now(), conn, Bytes::from(frame));
    }

    /// Carries out effects until there are none.
    fn settle(&mut self) {
        loop {
            let effects = self.engine.effects(self.now());
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.perform(effect);
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Send { conn, format, frame } => self.receive(conn, format, &frame),
            Effect::Fanout { to, format, frame, .. } => {
                for conn in to.iter() {
                    self.receive(*conn, format, &frame);
                }
            }
            Effect::Ping { conn } => self.pings.push(conn),
            Effect::Close { conn, code, reason } => {
                assert!(reason.len() <= code::MAX_REASON);
                assert!(self.closes.insert(conn, (code, reason.into_owned())).is_none(), "closed twice");
            }
            Effect::Hook { call, client, ask } if self.rules.hold => {
                self.held.push_back((call, (*client).clone(), ask));
            }
            Effect::Hook { call, client, ask } => self.reply(call, &client, &ask),
            Effect::Presence { channel, client, came, left } => {
                self.presence.push((channel.to_string(), client.client.clone(), came, left));
            }
            Effect::Closed { .. } => {}
        }
    }

    fn receive(&mut self, conn: ConnId, format: Format, frame: &[u8]) {
        assert_eq!(self.formats[&conn], format);
        assert!(!self.closes.contains_key(&conn), "sent after the close");
        assert!(!frame.is_empty());
        self.frames += 1;
        let inbox = self.inbox.get_mut(&conn).unwrap();
        match format {
            Format::Json => {
                for line in frame.split(|b| *b == b'\n') {
                    inbox.push_back(serde_json::from_slice(line).unwrap());
                }
            }
            Format::Protobuf => {
                let mut rest = frame;
                while !rest.is_empty() {
                    inbox.push_back(Reply::decode_length_delimited(&mut rest).unwrap());
                }
            }
        }
    }

    fn reply(&mut self, call: CallId, client: &HubClient, ask: &Ask) {
        let answer = match ask {
            Ask::Connect => Answer::Connect(match &self.rules.connect {
                Some(refusal) => Err(refusal.clone()),
                None => Ok(HubAdmitted { personal: format!("user:#{}", client.user), policy: self.rules.policy }),
            }),
            Ask::Subscribe { channel } => Answer::Subscribe(match &self.rules.subscribe {
                Some(refusal) => Err(refusal.clone()),
                None => Ok(HubSubscribed { data: None, presence: channel.starts_with("room:") }),
            }),
            Ask::Rpc { data, .. } => Answer::Rpc(Ok(String::from_utf8(data.to_vec()).unwrap())),
        };
        self.engine.answer(self.now(), call, answer);
    }

    /// Answers the oldest held question.
    fn answer_held(&mut self) {
        let (call, client, ask) = self.held.pop_front().unwrap();
        self.reply(call, &client, &ask);
        self.settle();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.at + time;
        loop {
            let next = self.engine.deadline().filter(|d| *d <= end);
            self.at = next.unwrap_or(end).max(self.at);
            self.engine.advance(self.now(), false);
            self.settle();
            if next.is_none() {
                return;
            }
        }
    }

    fn next(&mut self, conn: ConnId) -> Reply {
        self.inbox.get_mut(&conn).unwrap().pop_front().expect("a message")
    }

    fn quiet(&self, conn: ConnId) {
        assert_eq!(self.inbox[&conn], VecDeque::new());
    }

    /// An open connection of a user.
    fn connect(&mut self, format: Format, user: &str, dev: &str) -> ConnId {
        let conn = self.open(format);
        self.say(conn, &[json!({"id": 1, "connect": {"token": token(user, dev)}})]);
        let reply = self.next(conn);
        assert!(reply.connect.is_some(), "{reply:?}");
        conn
    }

    fn subscribe(&mut self, conn: ConnId, channel: &str, since: Option<(u64, &str)>) -> SubscribeResult {
        let (offset, epoch) = since.unwrap_or_default();
        let request = SubscribeRequest {
            channel: channel.to_owned(),
            recover: since.is_some(),
            offset,
            epoch: epoch.to_owned(),
            recoverable: true,
            ..Default::default()
        };
        self.say(conn, &[json!({"id": 2, "subscribe": request})]);
        self.next(conn).subscribe.expect("subscribed")
    }

    fn error(&mut self, conn: ConnId, command: Value) -> u32 {
        self.say(conn, &[command]);
        self.next(conn).error.expect("an error").code
    }

    fn publish(&mut self, channel: &str, data: &Value) -> Position {
        let position = self.engine.publish(self.now(), channel, &data.to_string(), &PublishOptions::default()).unwrap();
        self.settle();
        position
    }

    fn publications(&mut self, conn: ConnId) -> Vec<Publication> {
        self.inbox.get_mut(&conn).unwrap().drain(..).filter_map(|r| r.push).filter_map(|p| p.publication).collect()
    }

    fn push(&mut self, conn: ConnId) -> Push {
        self.next(conn).push.expect("a push")
    }

    fn code(&self, conn: ConnId) -> u32 {
        self.closes.get(&conn).expect("closed").0
    }

    fn wound(&mut self, conn: ConnId, how: Gone) {
        self.engine.closed(self.now(), conn, 1000, how);
        self.settle();
    }
}

fn offsets(all: &[Publication]) -> Vec<u64> {
    all.iter().map(|p| p.offset).collect()
}
