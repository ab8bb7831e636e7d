use stoa_core::app::Apps;
use stoa_core::id::{AppId, ChannelName};
use stoa_core::media::MediaFact;
use stoa_core::ports::Clock;

use super::*;
use crate::fixed::Fixed;
use crate::pc::Factory;

/// A shard with no rooms and one advertised address.
pub(super) fn shard() -> Shard {
    let env = Env::new(crate::Config::default(), Apps::new([]), Arc::new(Fixed), Arc::new(Fixed));
    let factory = Factory::new(vec!["127.0.0.1:7".parse().unwrap()], vec![]);
    Shard::new(Arc::new(env), crate::net::base(Duration::ZERO), PcSet::new(factory))
}

#[test]
fn a_room_that_fails_is_closed_and_says_so() {
    let mut shard = shard();
    let key = ChannelKey { app: AppId(1), name: ChannelName::new("r").unwrap() };
    let now = Fixed.now();
    let ix = shard.ensure(now, &key);
    shard.effects().for_each(drop);
    let done: Option<()> = shard.with_room(now, ix, |_, _| panic!("on purpose"));
    assert_eq!(done, None);
    let facts: Vec<_> = shard.effects().collect();
    assert!(matches!(&facts[..], [Effect::Event(e)] if e.fact == MediaFact::ChannelEnded), "{facts:?}");
    assert!(shard.by_key.is_empty() && shard.rooms.is_empty());
}
