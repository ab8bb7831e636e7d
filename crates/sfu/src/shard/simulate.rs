//! Participants without anybody behind them coming in.

use std::time::Duration;

use stoa_core::id::ChannelKey;
use stoa_core::time::Now;

use super::Shard;
use crate::pc::{PcEvent, PcId, Role};
use crate::room::{Joiner, Owner, Refusal};

impl Shard {
    /// Takes them in and says of each that its connection is up, which there is none of.
    pub(crate) fn simulate(
        &mut self,
        now: Now,
        asked: Duration,
        key: &ChannelKey,
        joiners: Vec<Joiner>,
    ) -> Result<(), Refusal> {
        for joiner in joiners {
            let session = self.join(now, key, asked, joiner)?;
            let owner = Owner { room: session.room, pid: session.pid, role: Role::Publisher };
            self.with_room(now, session.room, |r, ctx| r.pc_event(ctx, owner, PcId::NONE, PcEvent::Connected));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stoa_core::id::{AppId, ChannelName, Identity, UserId};
    use stoa_core::media::{Claims, LeftReason, MediaFact, Muted, Permission, Standing, TrackSource};
    use stoa_core::ports::Clock;
    use stoa_core::stream::Stream;

    use super::super::tests::shard;
    use super::*;
    use crate::fixed::Fixed;
    use crate::room::{ClientParams, Effect, Link, Streamed, Streaming};
    use crate::token::Verified;

    fn key() -> ChannelKey {
        ChannelKey { app: AppId(1), name: ChannelName::new("r").unwrap() }
    }

    fn joiner(name: &str, speaks: bool) -> Joiner {
        let (identity, claims) = (Identity::new(name).unwrap(), Claims::default());
        let permission = Permission { publish: speaks, ..Permission::listener() };
        let streaming = Streaming { id: name.to_owned(), what: Streamed::Push(crate::simulate::lines(speaks)) };
        Joiner {
            token: Verified::of_stream(&key(), &identity, claims, &Stream::Push),
            identity,
            user: UserId::new(name).unwrap(),
            standing: Standing { permission, muted: Muted::default(), attributes: BTreeMap::new(), revision: 1 },
            client: ClientParams::default(),
            link: Link::Stream { streaming, pc: PcId::NONE, lines: Vec::new() },
        }
    }

    /// Names and numbers of tracks, as the port would answer.
    fn seen(shard: &mut Shard) -> Vec<(String, usize)> {
        let picture = shard.pictures.get(&key()).or_else(|| shard.picture(&key()));
        let views = picture.map_or_else(Vec::new, |p| p.views(None, Fixed.now().mono, 3));
        views.into_iter().filter(|p| p.active).map(|p| (p.who.user.to_string(), p.tracks.len())).collect()
    }

    #[test]
    fn they_are_held_told_and_taken_out_like_others_and_hold_no_connection() {
        let mut shard = shard();
        let now = Fixed.now();
        let crowd = vec![joiner("a", true), joiner("b", false)];
        shard.simulate(now, Duration::ZERO, &key(), crowd).unwrap();
        assert_eq!(seen(&mut shard), [("a".to_owned(), 1), ("b".to_owned(), 0)]);
        assert_eq!(shard.pcs.len(), 0);
        let facts = |shard: &mut Shard| {
            let event = |e| if let Effect::Event(e) = e { Some(e.fact) } else { None };
            shard.effects().filter_map(event).collect::<Vec<_>>()
        };
        let told = facts(&mut shard);
        assert_eq!(told.iter().filter(|f| matches!(f, MediaFact::ParticipantJoined(_))).count(), 2);
        let mic = |f: &&MediaFact| matches!(f, MediaFact::TrackPublished { source: TrackSource::Microphone, .. });
        assert_eq!(told.iter().filter(mic).count(), 1);

        let later = Now { mono: now.mono + Duration::from_secs(3600), ..now };
        shard.pump(later);
        assert_eq!(seen(&mut shard).len(), 2, "no deadline ends them");
        let ix = shard.by_key[&key()];
        shard.with_room(later, ix, |r, ctx| r.remove(ctx, &UserId::new("a").unwrap(), None));
        assert_eq!(seen(&mut shard), [("b".to_owned(), 0)]);
        let left = |f: &MediaFact| matches!(f, MediaFact::ParticipantLeft { reason: LeftReason::Removed, .. });
        assert!(facts(&mut shard).iter().any(left));
        shard.pump(later);
    }

    #[test]
    fn who_speaks_and_sends_is_what_the_views_say() {
        let mut shard = shard();
        let now = Fixed.now();
        shard
            .simulate(now, Duration::ZERO, &key(), vec![joiner("a", true), joiner("b", false), joiner("c", true)])
            .unwrap();
        let ix = shard.by_key[&key()];
        let check = |shard: &mut Shard, speaks: &[&str]| {
            let picture = shard.picture(&key()).unwrap();
            let views = picture.views(None, Fixed.now().mono, 3);
            let by_rule: Vec<_> = views.iter().filter(|p| p.speaks()).map(|p| p.who.user.clone()).collect();
            assert_eq!(picture.speakers(), by_rule);
            let mut names: Vec<_> = by_rule.iter().map(UserId::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, speaks);
            for name in ["a", "b", "c", "nobody"] {
                let user = UserId::new(name).unwrap();
                let own = picture.views(Some(&user), Fixed.now().mono, 3);
                let shown: Vec<_> = own.iter().filter(|p| p.shown()).flat_map(|p| p.tracks.clone()).collect();
                let expected = (!own.is_empty()).then_some(shown);
                assert_eq!(picture.tracks(&user, Fixed.now().mono, 3), expected, "{name}");
            }
        };
        check(&mut shard, &["a", "c"]);
        shard.with_room(now, ix, |r, ctx| r.remove(ctx, &UserId::new("a").unwrap(), None));
        check(&mut shard, &["c"]);
        shard.with_room(now, ix, |r, ctx| r.silence(ctx, 2));
        check(&mut shard, &[]);
    }

    #[test]
    fn a_picture_stays_until_something_changes() {
        let mut shard = shard();
        let now = Fixed.now();
        shard.simulate(now, Duration::ZERO, &key(), vec![joiner("a", true)]).unwrap();
        assert!(shard.pictures.get(&key()).is_none(), "nobody asked");
        assert_eq!(seen(&mut shard).len(), 1);
        // A round of looks at deadlines that finds nothing.
        shard.pump(Now { mono: now.mono + Duration::from_secs(1), ..now });
        assert!(shard.pictures.get(&key()).is_some());
        shard.simulate(now, Duration::ZERO, &key(), vec![joiner("b", false)]).unwrap();
        assert!(shard.pictures.get(&key()).is_none());
        assert_eq!(seen(&mut shard).len(), 2);
        let ix = shard.by_key[&key()];
        shard.end(now, ix, LeftReason::RoomDeleted, livekit_protocol::leave_request::Action::Disconnect);
        assert!(shard.pictures.get(&key()).is_none());
        assert_eq!(seen(&mut shard), []);
    }
}
