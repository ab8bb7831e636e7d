//! The hub's state machine: connections that say anything, in any order, while time passes, channels are published to and connections
//! end. It answers or closes, sends nothing to whom it closed, and remembers nobody who is gone.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use stoa_core::hub::{HubAdmitted, HubSubscribed, PublishOptions, SingleLogin};
use stoa_core::time::{Now, UnixMs};
use stoa_hub::engine::{Answer, Ask, CallId, ConnId, Effect, Engine, Gone};
use stoa_hub::proto::Format;
use stoa_hub::{Config, Verifier};

/// The demo key of the tests, and two users' tokens signed with it, valid until 2030.
const KEY: &str = "hub-demo-secret-32-bytes-long!!!";
const TOKENS: [&str; 2] = [
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1IiwiZXhwIjoxODk0NDU2MDAwLCJhdWQiOiJodWIiLCJpbmZvIjp7Im4iOiJ1In0sIm1ldGEiOnsicm9sZSI6InVzZXIiLCJ1aWQiOiJ1IiwiYXBwIjoxLCJmYWNlIjoiY2xhc3MiLCJkZXYiOiJkIn19.HN9pACyTCquVLCB7Bdqp6Vg9IiFl6JC3lAKCS4YxhnM",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ2IiwiZXhwIjoxODk0NDU2MDAwLCJhdWQiOiJodWIiLCJpbmZvIjp7Im4iOiJ2In0sIm1ldGEiOnsicm9sZSI6InVzZXIiLCJ1aWQiOiJ2IiwiYXBwIjoxLCJmYWNlIjoiY2xhc3MiLCJkZXYiOiJkIn19.QkCvyJiBa1ZA2x5__oG8Wh-T6vAjNWv1Id6ZHvQglsU",
];
const CHANNELS: [&str; 4] = ["room:a", "chat:a", "user:#u", "room:b"];
/// Before the tokens expire.
const START: i64 = 1_893_456_000_000;

#[derive(Debug, Arbitrary)]
enum Step<'a> {
    Open {
        protobuf: bool,
    },
    /// Bytes of the fuzzer's own.
    Raw(u8, &'a [u8]),
    Connect(u8, bool),
    Subscribe {
        conn: u8,
        channel: u8,
        recover: bool,
        offset: u16,
        epoch: &'a str,
    },
    Unsubscribe(u8, u8),
    History {
        conn: u8,
        channel: u8,
        limit: i8,
        since: Option<u16>,
        reverse: bool,
    },
    Publish {
        channel: u8,
        live: bool,
        key: Option<u8>,
    },
    Pass {
        ms: u16,
        behind: bool,
    },
    Pinged(u8),
    Ends(u8, bool),
    Bar(bool, u8),
    Answer {
        first: bool,
        refused: bool,
    },
}

struct World {
    engine: Engine,
    at: Duration,
    conns: Vec<(ConnId, Format)>,
    closed: BTreeSet<ConnId>,
    asked: BTreeMap<CallId, Ask>,
}

impl World {
    fn now(&self) -> Now {
        Now { wall: UnixMs(START).plus(self.at), mono: self.at }
    }

    fn pick(&self, n: u8) -> Option<(ConnId, Format)> {
        self.conns.get(usize::from(n) % self.conns.len().max(1)).copied()
    }

    /// A JSON command; for the other format only the fuzzer's own bytes.
    fn say(&mut self, conn: u8, command: String) {
        if let Some((conn, Format::Json)) = self.pick(conn) {
            let now = self.now();
            self.engine.frame(now, conn, Bytes::from(command));
        }
    }

    fn settle(&mut self) {
        loop {
            let now = self.now();
            let effects = self.engine.effects(now);
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Send { conn, frame, .. } => {
                        assert!(!self.closed.contains(&conn), "sent after the close");
                        assert!(!frame.is_empty());
                    }
                    Effect::Fanout { to, .. } => {
                        assert!(to.iter().all(|c| !self.closed.contains(c)), "sent after the close")
                    }
                    Effect::Close { conn, .. } => {
                        assert!(self.closed.insert(conn), "closed twice");
                        self.conns.retain(|(c, _)| *c != conn);
                    }
                    Effect::Hook { call, ask, .. } => _ = self.asked.insert(call, ask),
                    Effect::Ping { .. } | Effect::Presence { .. } | Effect::Closed { .. } => {}
                }
            }
        }
    }

    fn answer(&mut self, call: CallId, ask: &Ask, refused: bool) {
        let no = stoa_core::hub::HubRefusal::INTERNAL;
        let answer = match ask {
            Ask::Connect if refused => Answer::Connect(Err(no)),
            Ask::Subscribe { .. } if refused => Answer::Subscribe(Err(no)),
            Ask::Rpc { .. } if refused => Answer::Rpc(Err(no)),
            Ask::Connect => {
                Answer::Connect(Ok(HubAdmitted { personal: "user:#u".to_owned(), policy: SingleLogin::Cap }))
            }
            Ask::Subscribe { .. } => Answer::Subscribe(Ok(HubSubscribed { data: None, presence: true })),
            Ask::Rpc { .. } => Answer::Rpc(Ok("{}".to_owned())),
        };
        let now = self.now();
        self.engine.answer(now, call, answer);
    }

    fn step(&mut self, n: usize, step: Step<'_>) {
        let now = self.now();
        let channel = |c: u8| CHANNELS[usize::from(c) % CHANNELS.len()];
        match step {
            Step::Open { protobuf } => {
                let format = if protobuf { Format::Protobuf } else { Format::Json };
                let conn = self.engine.open(now, format, false, &format!("client-{n}"));
                self.closed.remove(&conn);
                self.conns.push((conn, format));
            }
            Step::Raw(conn, bytes) => {
                if let Some((conn, _)) = self.pick(conn) {
                    self.engine.frame(now, conn, Bytes::copy_from_slice(bytes));
                }
            }
            Step::Connect(conn, other) => {
                self.say(conn, format!("{{\"id\":1,\"connect\":{{\"token\":\"{}\"}}}}", TOKENS[usize::from(other)]));
            }
            Step::Subscribe { conn, channel: c, recover, offset, epoch } => {
                let epoch: String = epoch.chars().filter(char::is_ascii_alphanumeric).collect();
                let (c, id) = (channel(c), n + 2);
                self.say(conn, format!("{{\"id\":{id},\"subscribe\":{{\"channel\":\"{c}\",\"recover\":{recover},\"offset\":{offset},\"epoch\":\"{epoch}\"}}}}"));
            }
            Step::Unsubscribe(conn, c) => {
                self.say(conn, format!("{{\"id\":{},\"unsubscribe\":{{\"channel\":\"{}\"}}}}", n + 2, channel(c)));
            }
            Step::History { conn, channel: c, limit, since, reverse } => {
                let since = since.map_or(String::new(), |o| format!(",\"since\":{{\"offset\":{o}}}"));
                let (c, id) = (channel(c), n + 2);
                self.say(conn, format!("{{\"id\":{id},\"history\":{{\"channel\":\"{c}\",\"limit\":{limit},\"reverse\":{reverse}{since}}}}}"));
            }
            Step::Publish { channel: c, live, key } => {
                let options = PublishOptions { skip_history: live, idempotency_key: key.map(|k| k.to_string()) };
                _ = self.engine.publish(now, channel(c), "{\"n\":1}", &options);
            }
            Step::Pass { ms, behind } => {
                self.at += Duration::from_millis(u64::from(ms));
                let now = self.now();
                self.engine.advance(now, behind);
            }
            Step::Pinged(conn) => {
                if let Some((conn, _)) = self.pick(conn) {
                    self.engine.ping_written(now, conn);
                }
            }
            Step::Ends(conn, silent) => {
                if let Some((conn, _)) = self.pick(conn) {
                    self.engine.closed(now, conn, 1006, if silent { Gone::Silent } else { Gone::Cut });
                    self.conns.retain(|(c, _)| *c != conn);
                }
            }
            Step::Bar(other, c) => self.engine.bar_user(now, if other { "v" } else { "u" }, channel(c)),
            Step::Answer { first, refused } => {
                let next = if first { self.asked.pop_first() } else { self.asked.pop_last() };
                if let Some((call, ask)) = next {
                    self.answer(call, &ask, refused);
                }
            }
        }
        self.settle();
    }
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let config = Config::new(Verifier::new(&[KEY], None));
    let at = Duration::from_secs(1);
    let engine = Engine::new(config, 7, Now { wall: UnixMs(START), mono: at });
    let mut w = World { engine, at, conns: Vec::new(), closed: BTreeSet::new(), asked: BTreeMap::new() };
    for (n, step) in steps.into_iter().take(300).enumerate() {
        w.step(n, step);
    }
    for (conn, _) in std::mem::take(&mut w.conns) {
        let now = w.now();
        w.engine.closed(now, conn, 1006, Gone::Cut);
        w.settle();
    }
    // Whoever is gone is not remembered beyond the grace, whatever the product still thinks about.
    w.at += Duration::from_secs(120);
    let now = w.now();
    w.engine.advance(now, false);
    w.settle();
    assert!(w.engine.connections().is_empty());
    for channel in CHANNELS {
        assert_eq!(w.engine.presence_stats(channel).unwrap_or_default(), (0, 0), "{channel}");
    }
});
