//! Refresh tokens and names that work once.

use stoa_core::group::{Exchanged, RefreshToken};
use stoa_core::id::AppId;
use stoa_core::ports::Store;
use stoa_core::time::UnixMs;
use tokio::task::JoinSet;

use crate::{APP, Subject, good, user};

/// End of the tokens of most tests.
const END: UnixMs = UnixMs(10_000);

fn hash(n: u64) -> [u8; 32] {
    let mut hash = [0xa7; 32];
    hash[..8].copy_from_slice(&n.to_be_bytes());
    hash
}

/// Token number `n`, in a family of its own.
fn token(n: u64) -> RefreshToken {
    let mut family = [0x0f; 16];
    family[..8].copy_from_slice(&n.to_be_bytes());
    RefreshToken {
        hash: hash(n),
        family,
        app: APP,
        user: user("用户一"),
        face: "class".into(),
        device: "dev".into(),
        device_type: "web".into(),
        expires: END,
    }
}

async fn exchange(store: &dyn Store, old: u64, fresh: u64, now: i64) -> Exchanged {
    good(store.exchange_refresh(hash(old), "dev", hash(fresh), END, UnixMs(now)).await)
}

/// Each works once and says what it was made for; the new one says the same, but for its own end.
pub async fn a_refresh_token_is_exchanged_for_one_of_its_family(mut s: impl Subject) {
    let store = s.store();
    assert_eq!(exchange(&*store, 1, 2, 5).await, Exchanged::Refused, "unknown");
    good(store.put_refresh(token(1)).await);
    drop(store);
    s.reopen().await;
    let store = s.store();
    let other_end = UnixMs(20_000);
    let first = good(store.exchange_refresh(hash(1), "dev", hash(2), other_end, UnixMs(5)).await);
    assert_eq!(first, Exchanged::Done(token(1)));
    drop(store);
    s.reopen().await;
    let store = s.store();
    let second = RefreshToken { hash: hash(2), expires: other_end, ..token(1) };
    assert_eq!(exchange(&*store, 2, 3, 10_001).await, Exchanged::Done(second));
}

/// Whoever shows a spent token ends all that came of its login, at once and for good, and nothing else.
pub async fn a_spent_refresh_token_ends_its_family(mut s: impl Subject) {
    let store = s.store();
    good(store.put_refresh(token(1)).await);
    good(store.put_refresh(token(100)).await);
    for n in 1..4 {
        assert!(matches!(exchange(&*store, n, n + 1, 5).await, Exchanged::Done(_)));
    }
    drop(store);
    s.reopen().await;
    let store = s.store();
    // From another device too: it is the token that was stolen.
    let stolen = store.exchange_refresh(hash(2), "thief", hash(50), END, UnixMs(6)).await;
    assert_eq!(good(stolen), Exchanged::Refused);
    drop(store);
    s.reopen().await;
    let store = s.store();
    for n in [1, 2, 3, 4, 50] {
        assert_eq!(exchange(&*store, n, 60 + n, 7).await, Exchanged::Refused, "token {n}");
    }
    assert_eq!(exchange(&*store, 100, 101, 7).await, Exchanged::Done(token(100)));
}

/// One of them gets a token. The others come with a spent one, so that the family ends there and then: what the first
/// one got is worth nothing.
pub async fn of_exchanges_of_one_token_at_once_one_succeeds_and_the_family_ends(s: impl Subject) {
    for round in 0..20_u64 {
        let first = round * 1_000;
        good(s.store().put_refresh(token(first)).await);
        let mut tasks = JoinSet::new();
        for n in 1..=if round % 2 == 0 { 2 } else { 16 } {
            let store = s.store();
            tasks.spawn(async move { (first + n, exchange(&*store, first, first + n, 5).await) });
        }
        let answers = tasks.join_all().await;
        let done: Vec<_> = answers.iter().filter(|(_, a)| matches!(a, Exchanged::Done(_))).collect();
        assert_eq!(done.len(), 1, "round {round}");
        assert_eq!(exchange(&*s.store(), done[0].0, first + 99, 6).await, Exchanged::Refused);
    }
}

/// A thief with an old token against the client with the current one: whoever comes first, the family is gone.
pub async fn a_family_that_ends_leaves_nobody_a_fresh_token(s: impl Subject) {
    for round in 0..20_u64 {
        let first = round * 1_000;
        good(s.store().put_refresh(token(first)).await);
        assert!(matches!(exchange(&*s.store(), first, first + 1, 5).await, Exchanged::Done(_)));
        let (a, b) = (s.store(), s.store());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { assert_eq!(exchange(&*a, first, first + 2, 5).await, Exchanged::Refused) });
        tasks.spawn(async move { drop(exchange(&*b, first + 1, first + 3, 5).await) });
        tasks.join_all().await;
        for n in 0..4 {
            assert_eq!(exchange(&*s.store(), first + n, first + 10 + n, 6).await, Exchanged::Refused, "token {n}");
        }
    }
}

/// Of another device: refused, and it goes on for its own. At its end: refused, spent or not, and forgotten.
pub async fn refresh_tokens_are_bound_to_a_device_and_end(s: impl Subject) {
    let store = s.store();
    good(store.put_refresh(token(1)).await);
    for device in ["", "de", "dev2", "DEV"] {
        let other = store.exchange_refresh(hash(1), device, hash(9), END, UnixMs(5)).await;
        assert_eq!(good(other), Exchanged::Refused, "{device:?}");
    }
    assert!(matches!(exchange(&*store, 1, 2, 9_999).await, Exchanged::Done(_)));
    good(store.put_refresh(token(5)).await);
    assert_eq!(exchange(&*store, 5, 6, 10_000).await, Exchanged::Refused);
    // Their rows are gone, which shows by the hashes being free.
    for n in [1, 2, 5] {
        good(store.put_refresh(RefreshToken { expires: UnixMs(30_000), ..token(n) }).await);
        assert!(matches!(exchange(&*store, n, 40 + n, 20_000).await, Exchanged::Done(_)));
    }
}

/// Above 16 of one user, face and device the oldest go; spent ones do not count, others are left alone.
pub async fn of_many_refresh_tokens_of_one_device_the_newest_16_work(s: impl Subject) {
    let store = s.store();
    let others = [
        RefreshToken { user: user("eve"), ..token(100) },
        RefreshToken { face: "voice".into(), ..token(101) },
        RefreshToken { app: AppId(APP.0 + 1), ..token(103) },
    ];
    for t in others.clone() {
        good(store.put_refresh(t).await);
    }
    let elsewhere = RefreshToken { device: "tablet".into(), ..token(102) };
    good(store.put_refresh(elsewhere.clone()).await);
    good(store.put_refresh(token(50)).await);
    assert!(matches!(exchange(&*store, 50, 51, 5).await, Exchanged::Done(_)));
    for n in 1..=17 {
        good(store.put_refresh(token(n)).await);
    }
    for n in [51, 1] {
        assert_eq!(exchange(&*store, n, 200 + n, 5).await, Exchanged::Refused, "token {n}");
    }
    for n in 2..=17 {
        assert!(matches!(exchange(&*store, n, 300 + n, 5).await, Exchanged::Done(_)), "token {n}");
    }
    for (n, t) in (400..).zip(others) {
        let other = store.exchange_refresh(t.hash, "dev", hash(n), END, UnixMs(5)).await;
        assert_eq!(good(other), Exchanged::Done(t));
    }
    let at_home = store.exchange_refresh(elsewhere.hash, "tablet", hash(500), END, UnixMs(5)).await;
    assert_eq!(good(at_home), Exchanged::Done(elsewhere));
}

/// Whoever comes first; also after reopening; after its end it is forgotten.
pub async fn a_name_is_used_once(mut s: impl Subject) {
    for round in 0..10 {
        let mut tasks = JoinSet::new();
        for _ in 0..32 {
            let store = s.store();
            let name = format!("登录 {round}");
            tasks.spawn(async move { good(store.use_once(&name, UnixMs(100), UnixMs(50)).await) });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|first| *first).count(), 1, "round {round}");
    }
    s.reopen().await;
    let store = s.store();
    for now in [50, 100] {
        assert!(!good(store.use_once("登录 3", UnixMs(900), UnixMs(now)).await));
    }
    assert!(good(store.use_once("登录", UnixMs(900), UnixMs(50)).await));
    assert!(good(store.use_once("登录 3", UnixMs(900), UnixMs(101)).await));
    assert!(!good(store.use_once("登录 3", UnixMs(900), UnixMs(101)).await));
}
