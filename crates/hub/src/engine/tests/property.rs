//! Random clients, cuts and publications: whoever is told nothing of a loss has the exact sequence.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Connect(usize),
    Cut(usize),
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    Publish(usize, usize),
    Live(usize),
    Answer,
    Pass(u64),
    Kick(usize, usize),
    Forget(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (client, channel) = (0..CLIENTS, 0..CHANNELS);
    prop_oneof![
        3 => client.clone().prop_map(Step::Connect),
        2 => client.clone().prop_map(Step::Cut),
        6 => (client.clone(), channel.clone()).prop_map(|(a, b)| Step::Subscribe(a, b)),
        2 => (client.clone(), channel.clone()).prop_map(|(a, b)| Step::Unsubscribe(a, b)),
        8 => (channel.clone(), 1..6usize).prop_map(|(a, b)| Step::Publish(a, b)),
        1 => channel.clone().prop_map(Step::Live),
        8 => Just(Step::Answer),
        2 => (1..300u64).prop_map(Step::Pass),
        1 => (client, channel.clone()).prop_map(|(a, b)| Step::Kick(a, b)),
        1 => channel.prop_map(Step::Forget),
    ]
}

const CLIENTS: usize = 5;
const CHANNELS: usize = 2;
/// Listeners that make the channel a batching one.
const CROWD: usize = 200;

/// What a client knows of one channel, as an SDK keeps it.
#[derive(Debug, Default, Clone)]
struct Known {
    position: Option<(u64, String)>,
    subscribed: bool,
    asked: bool,
}

#[derive(Default)]
struct Client {
    conn: Option<ConnId>,
    channels: [Known; CHANNELS],
}

struct Run {
    w: World,
    clients: [Client; CLIENTS],
    /// Every publication, by channel: the data of offset n is the number n.
    sent: [u64; CHANNELS],
    delivered: usize,
}

const NAMES: [&str; CHANNELS] = ["room:r", "chat:r"];

impl Run {
    fn new(crowd: bool) -> Self {
        let mut config = config();
        config.limits.connects_user.per_sec = 0;
        config.limits.commands.per_sec = 0;
        let mut w = World::with(config);
        for n in 0..if crowd { CROWD } else { 0 } {
            let conn = w.connect(Format::ALL[n % 2], &format!("crowd{n}"), "d");
            w.subscribe(conn, NAMES[0], None);
        }
        w.rules.hold = true;
        Self { w, clients: Default::default(), sent: [0; CHANNELS], delivered: 0 }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Connect(n) if self.clients[n].conn.is_none() => {
                let conn = self.w.open(Format::ALL[n % 2]);
                self.w.say(conn, &[json!({"id": 1, "connect": {"token": token(&format!("u{n}"), "d")}})]);
                self.clients[n].conn = Some(conn);
            }
            Step::Cut(n) => {
                if let Some(conn) = self.clients[n].conn.take() {
                    self.w.wound(conn, Gone::Cut);
                    self.clients[n].channels.iter_mut().for_each(|k| (k.subscribed, k.asked) = (false, false));
                }
            }
            Step::Subscribe(n, ch) => {
                let known = &mut self.clients[n].channels[ch];
                if let Some(conn) = self.clients[n].conn.filter(|_| !known.subscribed && !known.asked) {
                    known.asked = true;
                    let (offset, epoch) = known.position.clone().unwrap_or_default();
                    let recover = known.position.is_some();
                    let request = json!({"channel": NAMES[ch], "recover": recover, "offset": offset, "epoch": epoch});
                    self.w.say(conn, &[json!({"id": 10 + ch, "subscribe": request})]);
                }
            }
            Step::Unsubscribe(n, ch) => {
                if let Some(conn) = self.clients[n].conn.filter(|_| self.clients[n].channels[ch].subscribed) {
                    self.clients[n].channels[ch].subscribed = false;
                    self.w.say(conn, &[json!({"id": 20 + ch, "unsubscribe": {"channel": NAMES[ch]}})]);
                }
            }
            Step::Publish(ch, times) => {
                for _ in 0..times {
                    self.sent[ch] += 1;
                    assert_eq!(self.w.publish(NAMES[ch], &json!(self.sent[ch])).offset, self.sent[ch]);
                }
            }
            Step::Live(ch) => {
                let live = PublishOptions { skip_history: true, idempotency_key: None };
                self.w.engine.publish(self.w.now(), NAMES[ch], "\"live\"", &live).unwrap();
                self.w.settle();
            }
            Step::Answer if !self.w.held.is_empty() => self.w.answer_held(),
            Step::Pass(ms) => self.w.pass(Duration::from_millis(ms)),
            Step::Kick(n, ch) => {
                self.w.engine.unsubscribe_user(self.w.now(), &format!("u{n}"), NAMES[ch], None).unwrap();
                self.w.settle();
            }
            Step::Forget(ch) => self.w.engine.history_remove(self.w.now(), NAMES[ch]).unwrap(),
            Step::Connect(_) | Step::Answer => {}
        }
        self.read();
        self.check();
    }

    /// Clients read what they got and compare with what they must get.
    fn read(&mut self) {
        for n in 0..CLIENTS {
            let Some(conn) = self.clients[n].conn else { continue };
            while let Some(reply) = self.w.inbox.get_mut(&conn).unwrap().pop_front() {
                self.reply(n, reply);
            }
        }
    }

    fn reply(&mut self, n: usize, reply: Reply) {
        if (10..20).contains(&reply.id) {
            let ch = usize::try_from(reply.id - 10).unwrap();
            let known = &mut self.clients[n].channels[ch];
            known.asked = false;
            let Some(s) = reply.subscribe else { return };
            known.subscribed = true;
            let before = known.position.take();
            known.position = Some((s.offset, s.epoch.clone()));
            if s.recovered {
                let (offset, epoch) = before.expect("asked to recover");
                assert_eq!((s.offset, &s.epoch), (offset, &epoch));
            } else {
                assert!(s.publications.is_empty());
                assert!(s.offset <= self.sent[ch]);
            }
            for p in s.publications {
                self.publication(n, ch, &p);
            }
            return;
        }
        let Some(push) = reply.push else { return };
        let Some(ch) = NAMES.iter().position(|c| *c == push.channel) else { return };
        if push.unsubscribe.is_some() {
            self.clients[n].channels[ch].subscribed = false;
        }
        if let Some(p) = push.publication {
            self.publication(n, ch, &p);
        }
    }

    fn publication(&mut self, n: usize, ch: usize, p: &Publication) {
        let known = &mut self.clients[n].channels[ch];
        assert!(known.subscribed, "a push before the answer, or after the end");
        if p.offset == 0 {
            assert_eq!(&p.data[..], b"\"live\"");
            return;
        }
        let (offset, _) = known.position.as_mut().unwrap();
        *offset += 1;
        assert_eq!(p.offset, *offset, "a gap, a repetition or another order");
        assert_eq!(p.data, p.offset.to_string());
        self.delivered += 1;
    }

    /// Presence is the set of admitted subscriptions.
    fn check(&mut self) {
        let engine = &self.w.engine;
        for (key, ch) in engine.channels.iter() {
            let listed: BTreeSet<ConnId> =
                Format::ALL.iter().flat_map(|f| engine.channels.get(key).unwrap().members(*f)).collect();
            let subscribed: BTreeSet<ConnId> =
                engine.conns.iter().filter(|(_, c)| c.sub(key).is_some()).map(|(k, _)| k).collect();
            assert_eq!(listed, subscribed);
            assert_eq!(listed.len(), ch.subscribers());
            if ch.name.starts_with("room:") {
                assert_eq!(ch.present, listed);
                let users: u32 = ch.users.values().sum();
                assert_eq!(users as usize, listed.len());
            }
        }
        let sum: usize = engine.channels.iter().map(|(_, c)| c.ring_bytes()).sum();
        assert_eq!(sum, engine.history_bytes);
    }

    /// In the end everybody who is subscribed has everything.
    fn finish(mut self) {
        while !self.w.held.is_empty() {
            self.step(Step::Answer);
        }
        self.step(Step::Pass(1_000));
        for client in &self.clients {
            for (ch, known) in client.channels.iter().enumerate() {
                assert!(!known.asked, "an answer is missing");
                if known.subscribed {
                    assert_eq!(known.position.as_ref().unwrap().0, self.sent[ch]);
                }
            }
        }
        for n in 0..CLIENTS {
            self.step(Step::Cut(n));
        }
        assert!(self.w.engine.calls.is_empty());
        assert!(self.w.engine.timers.len() < 10 * CROWD);
        for (ch, name) in NAMES.iter().enumerate() {
            assert_eq!(self.w.engine.history(name, None, 0).unwrap().1.offset, self.sent[ch]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn g2_exact_or_told(steps in prop::collection::vec(step(), 1..120)) {
        let mut run = Run::new(false);
        steps.into_iter().for_each(|s| run.step(s));
        run.finish();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, ..ProptestConfig::default() })]

    #[test]
    fn c11_exact_or_told_while_batching(steps in prop::collection::vec(step(), 1..120)) {
        let mut run = Run::new(true);
        steps.into_iter().for_each(|s| run.step(s));
        run.finish();
    }

    /// A16, short: no input panics, and nothing is left of those who are gone.
    #[test]
    fn a16_any_commands(frames in prop::collection::vec((0..6usize, any_command()), 1..200)) {
        let mut w = World::new();
        let mut conns = BTreeMap::new();
        for (n, command) in frames {
            let conn = *conns.entry(n).or_insert_with(|| w.open(Format::ALL[n % 2]));
            w.say_only(conn, &[command]);
            w.at += Duration::from_millis(50);
            w.engine.advance(w.now(), false);
            w.settle();
            if w.closes.contains_key(&conn) {
                conns.remove(&n);
            }
        }
        for conn in conns.into_values() {
            w.wound(conn, Gone::Cut);
        }
        prop_assert_eq!(w.engine.conns.len(), 0);
        prop_assert!(w.engine.users.is_empty() && w.engine.calls.is_empty());
        prop_assert!(w.engine.channels.iter().all(|(_, c)| c.subscribers() == 0 && c.present.is_empty()));
    }
}

fn any_command() -> impl Strategy<Value = Value> {
    let channel =
        prop_oneof![Just("room:a"), Just("chat:a"), Just("user:#u"), Just("none:x"), Just(""), Just("room:#")];
    let body = prop_oneof![
        5 => Just(json!({"connect": {"token": token("u", "d")}})),
        1 => Just(json!({"connect": {"token": "x"}})),
        5 => (channel.clone(), any::<u64>(), any::<bool>(), 0..4i64).prop_map(|(c, offset, recover, flag)| {
            json!({"subscribe": {"channel": c, "offset": offset, "recover": recover, "flag": flag}})
        }),
        3 => channel.clone().prop_map(|c| json!({"unsubscribe": {"channel": c}})),
        1 => channel.clone().prop_map(|c| json!({"publish": {"channel": c, "data": {}}})),
        1 => channel.clone().prop_map(|c| json!({"presence": {"channel": c}})),
        1 => channel.clone().prop_map(|c| json!({"presence_stats": {"channel": c}})),
        1 => (channel.clone(), any::<i32>(), any::<u64>(), any::<bool>()).prop_map(|(c, limit, offset, reverse)| {
            json!({"history": {"channel": c, "limit": limit, "since": {"offset": offset}, "reverse": reverse}})
        }),
        1 => Just(json!({"rpc": {"method": "m", "data": [1]}})),
        1 => Just(json!({"rpc": {}})),
        1 => Just(json!({"refresh": {"token": token("u", "d")}})),
        1 => channel.prop_map(|c| json!({"sub_refresh": {"channel": c}})),
        1 => Just(json!({"send": {}})),
        1 => Just(json!({"ping": {}})),
        1 => Just(json!({})),
    ];
    (0..5u32, body).prop_map(|(id, mut body)| {
        body["id"] = json!(id);
        body
    })
}
