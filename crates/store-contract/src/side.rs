//! Accounts, secrets, sanctions, outbox.

use std::collections::BTreeSet;

use stoa_core::account::Account;
use stoa_core::id::{AppId, ChannelKey, ChannelName};
use stoa_core::ports::{OutboxItem, PageStart};
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;

use crate::{APP, Subject, user};

/// Nothing is there before anything was stored, and the store says it works.
pub async fn a_fresh_store_is_empty_and_answers(s: impl Subject) {
    let s = s.store();
    s.ping().await.unwrap();
    assert!(s.accounts().await.unwrap().is_empty());
    assert!(s.account(&user("bob")).await.unwrap().is_none());
    assert!(s.list_rooms(APP, PageStart::Offset(0), 10).await.unwrap().is_empty());
    assert!(s.rooms_with_attended_seats().await.unwrap().is_empty());
    assert!(s.outbox_peek(10).await.unwrap().is_empty());
}

/// Of many that bring a fresh secret, all get the same one, for ever.
pub async fn a_secret_is_made_once_whoever_comes_first(mut s: impl Subject) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16u8 {
        let store = s.store();
        tasks.spawn(async move { store.secret("login", &[n; 32]).await.unwrap() });
    }
    let got: BTreeSet<_> = tasks.join_all().await.into_iter().collect();
    assert_eq!(got.len(), 1);
    s.reopen().await;
    let kept = s.store().secret("login", b"another").await.unwrap();
    assert_eq!(got.first(), Some(&kept));
    assert_eq!(s.store().secret("hub", &[0, 255, 0]).await.unwrap(), [0, 255, 0]);
}

fn account(name: &str) -> Account {
    Account {
        user: user(name),
        password_hash: format!("$argon2id$of {name}"),
        admin: name == "root",
        disabled: false,
        revoked_at_secs: 0,
    }
}

/// Accounts are found at once, replaced whole, listed in the order of their bytes, and removed.
pub async fn accounts_are_added_replaced_listed_by_bytes_and_removed(mut s: impl Subject) {
    let store = s.store();
    assert!(store.account(&user("bob")).await.unwrap().is_none());
    for name in ["bob", "Zoe", "用户一", "root", "é", "e\u{301}"] {
        store.put_account(account(name)).await.unwrap();
        assert_eq!(*store.account(&user(name)).await.unwrap().unwrap(), account(name));
    }
    let changed = Account { disabled: true, revoked_at_secs: 1_700_000_000, ..account("bob") };
    store.put_account(changed.clone()).await.unwrap();
    assert_eq!(*store.account(&user("bob")).await.unwrap().unwrap(), changed);
    assert!(store.remove_account(&user("Zoe")).await.unwrap());
    assert!(!store.remove_account(&user("Zoe")).await.unwrap());
    assert!(store.account(&user("Zoe")).await.unwrap().is_none());
    drop(store);
    s.reopen().await;
    let names: Vec<_> = s.store().accounts().await.unwrap().into_iter().map(|a| a.user.to_string()).collect();
    assert_eq!(names, ["bob", "e\u{301}", "root", "é", "用户一"]);
    assert_eq!(*s.store().account(&user("bob")).await.unwrap().unwrap(), changed);
    assert!(s.store().account(&user("Zoe")).await.unwrap().is_none());
}

fn sanction(channel: &str, who: &str, until: UnixMs, not_before_secs: i64) -> Sanction {
    Sanction {
        channel: ChannelKey { app: APP, name: ChannelName::new(channel).unwrap() },
        user: user(who),
        source: Source::Talk,
        by: "ops".into(),
        created: UnixMs(5),
        until,
        not_before_secs,
    }
}

/// One sanction per channel and user; only what neither bans nor revokes any more is forgotten.
pub async fn sanctions_are_replaced_and_purged_when_over(mut s: impl Subject) {
    let store = s.store();
    let forever = sanction("c", "bob", UnixMs::MAX, 10);
    let none = store.sanction(&forever.channel, &forever.user).await.unwrap();
    assert_eq!(none, None);
    store.put_sanction(sanction("c", "bob", UnixMs(1), 3)).await.unwrap();
    store.put_sanction(forever.clone()).await.unwrap();
    assert_eq!(store.sanction(&forever.channel, &forever.user).await.unwrap(), Some(forever.clone()));
    let over = sanction("c", "eve", UnixMs(100), 10);
    let recent = sanction("c", "ann", UnixMs(0), 500);
    let running = sanction("d", "eve", UnixMs(1001), 10);
    for x in [&over, &recent, &running] {
        store.put_sanction(x.clone()).await.unwrap();
        assert_eq!(store.sanction(&x.channel, &x.user).await.unwrap().as_ref(), Some(x));
    }
    let foreign = ChannelKey { app: AppId(2), name: over.channel.name.clone() };
    assert_eq!(store.sanction(&foreign, &over.user).await.unwrap(), None);
    assert_eq!(store.purge_sanctions(UnixMs(1000), 500).await.unwrap(), 1);
    assert_eq!(store.sanction(&over.channel, &over.user).await.unwrap(), None);
    drop(store);
    s.reopen().await;
    assert_eq!(s.store().sanction(&over.channel, &over.user).await.unwrap(), None);
    for x in [&forever, &recent, &running] {
        assert_eq!(s.store().sanction(&x.channel, &x.user).await.unwrap().as_ref(), Some(x));
    }
    assert_eq!(s.store().purge_sanctions(UnixMs(1001), 501).await.unwrap(), 2);
}

fn event(n: i64) -> OutboxItem {
    OutboxItem {
        seq: 0,
        id: format!("EV_{n}"),
        url: "https://example.org/hook".into(),
        app: APP,
        channel: "c".into(),
        body: format!("{{\"n\":{n},\"text\":\"🎤\"}}"),
    }
}

/// Events come out in the order they went in, until they are done; their numbers rise and are never used again.
pub async fn the_outbox_keeps_its_order_until_done(mut s: impl Subject) {
    s.store().outbox_push((0..5).map(event).collect()).await.unwrap();
    s.store().outbox_push(vec![]).await.unwrap();
    s.store().outbox_push(vec![event(5)]).await.unwrap();
    s.reopen().await;
    let store = s.store();
    let all = store.outbox_peek(100).await.unwrap();
    let ids: Vec<_> = all.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["EV_0", "EV_1", "EV_2", "EV_3", "EV_4", "EV_5"]);
    assert!(all.is_sorted_by(|a, b| a.seq < b.seq));
    assert_eq!(OutboxItem { seq: 0, ..all[3].clone() }, event(3));
    assert_eq!(store.outbox_peek(2).await.unwrap(), all[..2]);
    for e in &all {
        store.outbox_done(e.seq).await.unwrap();
    }
    store.outbox_done(all[0].seq).await.unwrap();
    assert!(store.outbox_peek(100).await.unwrap().is_empty());
    store.outbox_push(vec![event(6)]).await.unwrap();
    let last = store.outbox_peek(100).await.unwrap();
    assert!(last[0].seq > all[5].seq, "a number was used twice");
}
