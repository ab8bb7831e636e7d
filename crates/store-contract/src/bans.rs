//! Lists of bans, and their end by command.

use stoa_core::channel::ChannelRecord;
use stoa_core::id::{AppId, ChannelKey};
use stoa_core::ports::{SanctionFilter, Store};
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;
use stoa_core::voice::{Command, Outcome};

use crate::channels::{channel, channel_of};
use crate::{APP, Subject, apply, good, make_room, seat, take, user};

fn ban(key: ChannelKey, who: &str, created: i64, until: UnixMs) -> Sanction {
    Sanction {
        channel: key,
        user: user(who),
        source: Source::Talk,
        by: "ops".into(),
        created: UnixMs(created),
        until,
        not_before_secs: 6,
    }
}

fn of(channel: Option<&str>, who: Option<&str>) -> SanctionFilter {
    SanctionFilter { app: APP, channel: channel.map(|name| crate::channels::channel(name).name), user: who.map(user) }
}

async fn all(store: &dyn Store, filter: &SanctionFilter, now: i64) -> Vec<Sanction> {
    let (total, bans) = good(store.bans(filter, UnixMs(now), 0, 1000).await);
    assert_eq!(total, bans.len() as u64);
    bans
}

/// Bans that run, by creation, channel and user, of one channel, one user or both; pages join to the whole.
pub async fn bans_are_listed_in_order_by_channel_and_by_user(mut s: impl Subject) {
    let store = s.store();
    let far = UnixMs(1_000_000);
    let listed = [
        ban(channel("z"), "bob", 1, UnixMs(5001)),
        ban(channel("B"), "eve", 2, far),
        ban(channel("a"), "Bob", 2, far),
        ban(channel("a"), "ann", 2, UnixMs::MAX),
        ban(channel("中"), "ann", 2, far),
        ban(channel("a"), "bob", 3, far),
    ];
    for ban in listed.iter().rev() {
        store.put_sanction(ban.clone()).await.unwrap();
    }
    // Ended, revoked only, of another app.
    store.put_sanction(ban(channel("a"), "over", 1, UnixMs(5000))).await.unwrap();
    store.put_sanction(ban(channel("a"), "revoked", 1, UnixMs(0))).await.unwrap();
    store.put_sanction(ban(channel_of(AppId(2), "a"), "bob", 1, far)).await.unwrap();
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(all(&*store, &of(None, None), 5000).await, listed);
    assert_eq!(all(&*store, &of(None, None), 5001).await, listed[1..]);
    let pick = |wanted: [usize; 3]| wanted.map(|n| listed[n].clone());
    assert_eq!(all(&*store, &of(Some("a"), None), 5000).await, pick([2, 3, 5]));
    assert_eq!(all(&*store, &of(None, Some("bob")), 5000).await, [&listed[0], &listed[5]].map(Clone::clone));
    assert_eq!(all(&*store, &of(Some("a"), Some("bob")), 5000).await, listed[5..]);
    assert_eq!(all(&*store, &of(Some("a"), Some("over")), 5000).await, []);
    assert_eq!(all(&*store, &of(Some("A"), None), 5000).await, []);
    for (filter, whole) in [(of(None, None), 6), (of(Some("a"), None), 3), (of(None, Some("ann")), 2)] {
        let mut pages = Vec::new();
        while pages.len() < whole {
            let (total, page) = store.bans(&filter, UnixMs(5000), pages.len() as u64, 2).await.unwrap();
            assert_eq!(total, whole as u64);
            assert_eq!(page.len(), 2.min(whole - pages.len()));
            pages.extend(page);
        }
        assert_eq!(pages, all(&*store, &filter, 5000).await);
        assert_eq!(store.bans(&filter, UnixMs(5000), 6, 2).await.unwrap(), (whole as u64, vec![]));
        assert_eq!(store.bans(&filter, UnixMs(5000), u64::MAX, 2).await.unwrap(), (whole as u64, vec![]));
    }
}

/// A ban ends once by command, its mark stays, and the seat is free to it again.
pub async fn a_ban_is_lifted_once_and_its_mark_stays(mut s: impl Subject) {
    let store = s.store();
    let room = make_room(&*store, 1, 10).await;
    let key = room.channel();
    let kick = Command::Kick { user: user("bob"), source: Source::Room, by: "owner".into(), until: UnixMs(90_000) };
    apply(&*store, room.id, kick, 5000).await;
    assert!(!store.lift_ban(&key, &user("eve"), UnixMs(6000)).await.unwrap());
    assert!(!store.lift_ban(&channel("raid"), &user("bob"), UnixMs(6000)).await.unwrap());
    assert!(!store.lift_ban(&key, &user("bob"), UnixMs(90_000)).await.unwrap(), "it had ended");
    let mut ban = store.sanction(&key, &user("bob")).await.unwrap().unwrap();
    assert_eq!(apply(&*store, room.id, take("bob", None), 6000).await.outcome, Outcome::Banned(UnixMs(90_000)));
    assert!(store.lift_ban(&key, &user("bob"), UnixMs(6000)).await.unwrap());
    assert!(!store.lift_ban(&key, &user("bob"), UnixMs(6000)).await.unwrap());
    ban.until = UnixMs(0);
    assert_eq!(store.sanction(&key, &user("bob")).await.unwrap().as_ref(), Some(&ban));
    assert_eq!(all(&*store, &SanctionFilter { app: APP, channel: None, user: None }, 6000).await, []);
    assert_eq!(apply(&*store, room.id, take("bob", None), 6000).await.outcome, Outcome::Seated(seat(1)));
    drop(store);
    s.reopen().await;
    assert_eq!(s.store().sanction(&key, &user("bob")).await.unwrap(), Some(ban));
}

/// A permanent ban outlasts its adhoc channel, is listed all the same, and is lifted without it.
pub async fn a_ban_needs_no_channel(s: impl Subject) {
    let store = s.store();
    let key = channel("raid");
    store.open_channel(ChannelRecord::new(key.clone(), UnixMs(1))).await.unwrap();
    store.put_sanction(ban(key.clone(), "bob", 2, UnixMs::MAX)).await.unwrap();
    store.end_channel(&key).await.unwrap();
    assert_eq!(all(&*store, &of(Some("raid"), None), i64::MAX - 1).await.len(), 1);
    assert!(store.lift_ban(&key, &user("bob"), UnixMs(i64::MAX - 1)).await.unwrap());
    assert_eq!(all(&*store, &of(Some("raid"), None), 0).await, []);
}
