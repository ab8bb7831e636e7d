//! Deadlines of participants that speak plain HTTP.

use std::time::Duration;

use stoa_core::media::Claims;
use stoa_core::stream::Stream;

use super::super::{Streamed, Streaming};
use super::*;
use crate::pc::{PcEvent, StreamLine};
use crate::token::Verified;

impl Bench {
    fn push(&mut self, name: &str) -> Pid {
        self.next += 1;
        let pid = self.next;
        let identity = Identity::new(name).unwrap();
        let owner = Owner { room: 1, pid, role: Role::Publisher };
        let pc = self.ctx(|ctx| ctx.pcs.open(Role::Publisher, owner, ctx.at));
        let line = StreamLine { mid: "0".to_owned(), kind: Kind::Audio, nth: 0, rids: Vec::new(), stereo: false };
        let what = Streamed::Push(vec![(line, "opus".to_owned())]);
        let streaming = Streaming { id: name.to_owned(), what };
        let channel = self.room.as_ref().unwrap().key.clone();
        let joiner = Joiner {
            user: UserId::new(name).unwrap(),
            standing: standing(5),
            token: Verified::of_stream(&channel, &identity, Claims::default(), &Stream::Push),
            client: ClientParams::default(),
            link: Link::Stream { streaming, pc, lines: Vec::new() },
            identity,
        };
        self.with(|room, ctx| room.join(ctx, pid, joiner)).unwrap().0
    }

    fn pc_event(&mut self, pid: Pid, event: PcEvent) {
        let pc = self.part(pid).sub_pc;
        let owner = Owner { room: 1, pid, role: Role::Publisher };
        self.with(|room, ctx| room.pc_event(ctx, owner, pc, event));
    }

    /// The reason of a departure, if it is due so much later.
    fn left_after(&mut self, secs: u64) -> Option<LeftReason> {
        self.passed += Duration::from_secs(secs);
        self.effects.clear();
        self.with(Room::tick);
        self.effects.iter().find_map(|e| match e {
            Effect::Event(e) => match e.fact {
                MediaFact::ParticipantAborted { reason, .. } | MediaFact::ParticipantLeft { reason, .. } => {
                    Some(reason)
                }
                _ => None,
            },
            Effect::AskRefresh { .. } => panic!("there is no token to refresh"),
        })
    }
}

#[test]
fn a_stream_that_never_connects_does_not_stay() {
    let mut b = Bench::new();
    let ann = b.push("ann");
    assert_eq!(b.tracks(ann), [], "nothing is published before it is connected");
    assert_eq!(b.left_after(59), None, "and it needs no WebSocket");
    assert_eq!(b.left_after(1), Some(LeftReason::JoinFailure));
    assert_eq!(b.pcs.len(), 1, "kept for its last word");
    assert_eq!(b.farewells.len(), 1);
}

#[test]
fn a_stream_lives_as_long_as_its_connection() {
    let mut b = Bench::new();
    let ann = b.push("ann");
    b.pc_event(ann, PcEvent::Connected);
    assert_eq!(b.tracks(ann).len(), 1);
    assert_eq!(b.left_after(3600), None);
    b.pc_event(ann, PcEvent::IceLost);
    assert_eq!(b.left_after(14), None);
    b.pc_event(ann, PcEvent::IceBack);
    assert_eq!(b.left_after(14), None);
    b.pc_event(ann, PcEvent::IceLost);
    assert_eq!(b.left_after(15), Some(LeftReason::ConnectionTimeout));
    let ben = b.push("ben");
    b.pc_event(ben, PcEvent::Connected);
    b.pc_event(ben, PcEvent::Dead);
    assert_eq!(b.left_after(1), None, "its DELETE may be on the way");
    assert!(b.with(|room, ctx| room.end_stream(ctx, "ben")));
    assert!(!b.with(|room, ctx| room.end_stream(ctx, "ben")));
}

#[test]
fn what_others_send_does_not_pile_up_for_a_stream() {
    let mut b = Bench::new();
    let (ann, ben) = (b.push("ann"), b.join("ben"));
    let message = Message { topic: "stoa.talk.msg", body: "hello".to_owned() };
    assert_eq!(b.with(|room, ctx| room.send(ctx, &To::All, &message)), 1);
    let packet = data(Value::User(proto::UserPacket { payload: vec![0; 1000], ..Default::default() }));
    for _ in 0..100 {
        b.with(|room, ctx| room.data_in(ctx, ben, Lane::Reliable, &packet));
    }
    let pc = b.part(ann).sub_pc;
    assert_eq!(b.pcs.with(pc, |pc| pc.waiting_reliable()), Some(0));
    // Nor does it send any.
    b.with(|room, ctx| room.data_in(ctx, ann, Lane::Reliable, &packet));
    let pc = b.part(ben).sub_pc;
    assert_eq!(b.pcs.with(pc, |pc| pc.waiting_reliable()), Some(0));
}
