//! Call records: one stay of one user in one channel, over runs of the server.

use stoa_core::channel::{Boot, Call, CallOp, CallRow, CloseReason};
use stoa_core::id::{AppId, ChannelKey};
use stoa_core::ports::{CallFilter, Store};
use stoa_core::time::UnixMs;
use tokio::task::JoinSet;

use crate::channels::{channel, channel_of};
use crate::{APP, Subject, good, user};

fn open(key: &ChannelKey, who: &str, join: i64) -> CallOp {
    CallOp::Open { channel: key.clone(), user: user(who), join: UnixMs(join) }
}

fn lost(key: &ChannelKey, who: &str, lost: Option<i64>) -> CallOp {
    CallOp::Lost { channel: key.clone(), user: user(who), lost: lost.map(UnixMs) }
}

fn close(key: &ChannelKey, who: &str, leave: i64) -> CallOp {
    CallOp::Close { channel: key.clone(), user: user(who), leave: UnixMs(leave), reason: CloseReason::Left }
}

fn call(key: &ChannelKey, who: &str, join: i64, leave: Option<i64>) -> Call {
    Call { channel: key.clone(), user: user(who), join: UnixMs(join), leave: leave.map(UnixMs) }
}

fn row(key: &ChannelKey, who: &str, join: i64, lost: Option<i64>, heartbeat: i64) -> CallRow {
    CallRow {
        channel: key.clone(),
        user: user(who),
        join: UnixMs(join),
        lost: lost.map(UnixMs),
        heartbeat: UnixMs(heartbeat),
    }
}

fn of(who: &str, open: bool) -> CallFilter {
    CallFilter { app: APP, user: user(who), from: UnixMs(0), until: UnixMs::MAX, open }
}

async fn boot(store: &dyn Store, now: i64) -> Boot {
    good(store.boot(UnixMs(now)).await)
}

async fn write(store: &dyn Store, boot: Boot, ops: &[CallOp]) {
    good(store.write_calls(boot, ops.to_vec()).await);
}

async fn calls(store: &dyn Store, who: &str) -> Vec<Call> {
    let (total, calls) = good(store.calls(&of(who, true), 0, 1000).await);
    assert_eq!(total, calls.len() as u64);
    calls
}

async fn left_open(store: &dyn Store, boot: Boot) -> Vec<CallRow> {
    let mut rows = good(store.open_calls(boot).await);
    rows.sort_by(|a, b| (&a.channel, &a.user).cmp(&(&b.channel, &b.user)));
    rows
}

/// Runs get rising numbers, also after a purge and when several begin at once.
pub async fn every_run_has_a_higher_number(mut s: impl Subject) {
    let first = boot(&*s.store(), 10).await;
    assert_eq!(first.started, UnixMs(10));
    s.store().heartbeat(first, UnixMs(20)).await.unwrap();
    s.reopen().await;
    let second = boot(&*s.store(), 30).await;
    assert!(second.id > first.id);
    s.store().purge_calls(UnixMs::MAX).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let store = s.store();
        tasks.spawn(async move { boot(&*store, 40).await.id });
    }
    let mut ids = tasks.join_all().await;
    ids.sort_unstable();
    assert!(ids[0] > second.id);
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "a number was used twice: {ids:?}");
    // A run whose row was purged is alive all the same.
    s.store().heartbeat(second, UnixMs(50)).await.unwrap();
    s.store().heartbeat(second, UnixMs(60)).await.unwrap();
}

/// Open, lost, back, closed: one record; what does not fit changes nothing.
pub async fn a_stay_is_one_record_from_join_to_leave(mut s: impl Subject) {
    let store = s.store();
    let (a, b) = (channel("raid-7"), channel("B"));
    let run = boot(&*store, 0).await;
    write(&*store, run, &[]).await;
    write(&*store, run, &[close(&a, "bob", 5), lost(&a, "bob", Some(6))]).await;
    assert_eq!(calls(&*store, "bob").await, []);
    write(&*store, run, &[open(&a, "bob", 100), open(&b, "bob", 150), open(&a, "bob", 160)]).await;
    assert_eq!(calls(&*store, "bob").await, [call(&a, "bob", 100, None), call(&b, "bob", 150, None)]);
    write(&*store, run, &[lost(&a, "bob", Some(200)), lost(&a, "bob", None), close(&a, "bob", 532)]).await;
    write(&*store, run, &[close(&a, "bob", 9999), lost(&a, "bob", Some(9999))]).await;
    // A record never ends before it began, and the next stay is the next record.
    write(&*store, run, &[close(&b, "bob", 149), open(&a, "bob", 533), open(&a, "eve", 1)]).await;
    let expected = [call(&a, "bob", 100, Some(532)), call(&b, "bob", 150, Some(150)), call(&a, "bob", 533, None)];
    assert_eq!(calls(&*store, "bob").await, expected);
    drop(store);
    s.reopen().await;
    assert_eq!(calls(&*s.store(), "bob").await, expected);
    assert_eq!(calls(&*s.store(), "eve").await, [call(&a, "eve", 1, None)]);
}

/// A record that a change does not fit is no reason to drop the others.
pub async fn changes_are_carried_out_in_order(s: impl Subject) {
    let store = s.store();
    let run = boot(&*store, 0).await;
    let a = channel("raid");
    let mut ops = Vec::new();
    for n in 0..50 {
        ops.extend([open(&a, "bob", n * 10), lost(&a, "bob", Some(n * 10 + 3)), close(&a, "bob", n * 10 + 5)]);
    }
    write(&*store, run, &ops).await;
    let expected: Vec<_> = (0..50).map(|n| call(&a, "bob", n * 10, Some(n * 10 + 5))).collect();
    assert_eq!(calls(&*store, "bob").await, expected);
    assert_eq!(left_open(&*store, boot(&*store, 600).await).await, []);
}

/// A restart finds what the run before it left open, with its last heartbeat, and takes over what goes on.
pub async fn a_restart_finds_open_records_and_takes_over_those_that_go_on(mut s: impl Subject) {
    let store = s.store();
    let (a, b) = (channel("a"), channel_of(AppId(2000), "a"));
    let first = boot(&*store, 1000).await;
    let begun = [open(&a, "back", 2000), open(&a, "bob", 2000), open(&a, "gone", 2000), open(&b, "bob", 2500)];
    write(&*store, first, &begun).await;
    write(&*store, first, &[lost(&a, "gone", Some(3000)), open(&a, "left", 2000), close(&a, "left", 3000)]).await;
    store.heartbeat(first, UnixMs(11_000)).await.unwrap();
    store.heartbeat(first, UnixMs(21_000)).await.unwrap();
    assert_eq!(left_open(&*store, first).await, [], "its own records are not of an earlier run");
    drop(store);
    s.reopen().await;
    let store = s.store();
    let second = boot(&*store, 30_000).await;
    let expected = [
        row(&a, "back", 2000, None, 21_000),
        row(&a, "bob", 2000, None, 21_000),
        row(&a, "gone", 2000, Some(3000), 21_000),
        row(&b, "bob", 2500, None, 21_000),
    ];
    assert_eq!(left_open(&*store, second).await, expected);
    // One comes back, one opens again without a word of its loss, one is waited for.
    write(&*store, second, &[lost(&a, "back", Some(21_000)), lost(&a, "back", None)]).await;
    write(&*store, second, &[open(&a, "bob", 31_000), lost(&a, "gone", Some(3000))]).await;
    assert_eq!(left_open(&*store, second).await, [row(&b, "bob", 2500, None, 21_000)]);
    store.heartbeat(second, UnixMs(40_000)).await.unwrap();
    drop(store);
    s.reopen().await;
    let store = s.store();
    let third = boot(&*store, 50_000).await;
    let expected = [
        row(&a, "back", 2000, None, 40_000),
        row(&a, "bob", 2000, None, 40_000),
        row(&a, "gone", 2000, Some(3000), 40_000),
        row(&b, "bob", 2500, None, 21_000),
    ];
    assert_eq!(left_open(&*store, third).await, expected, "an old heartbeat would cut the second run off");
    let leave =
        CallOp::Close { channel: b.clone(), user: user("bob"), leave: UnixMs(21_000), reason: CloseReason::Lost };
    write(&*store, third, &[leave]).await;
    assert_eq!(left_open(&*store, third).await, expected[..3]);
}

/// A run that never sent a heartbeat counts from its start.
pub async fn a_run_without_a_heartbeat_was_alive_at_its_start(s: impl Subject) {
    let store = s.store();
    let run = boot(&*store, 1000).await;
    write(&*store, run, &[open(&channel("a"), "bob", 1500)]).await;
    let next = boot(&*store, 9000).await;
    assert_eq!(left_open(&*store, next).await, [row(&channel("a"), "bob", 1500, None, 1000)]);
}

/// By beginning, then as made; the span's start belongs to it and its end does not; open ones on request; per app.
pub async fn records_are_paged_by_beginning(s: impl Subject) {
    let store = s.store();
    let run = boot(&*store, 0).await;
    let names = ["z", "B", "a", "中"];
    let mut ops = Vec::new();
    for (n, name) in (0i64..).zip(names) {
        let key = channel(name);
        ops.extend([open(&key, "bob", 1000), close(&key, "bob", 1000 + n)]);
    }
    let key = channel("a");
    ops.extend([open(&key, "bob", 2000), open(&channel("late"), "bob", 1999), close(&channel("late"), "bob", 2001)]);
    ops.extend([open(&channel("early"), "bob", 999), close(&channel("early"), "bob", 5000)]);
    ops.extend([open(&key, "eve", 1000), close(&key, "eve", 1001)]);
    let foreign = channel_of(AppId(2), "a");
    ops.extend([open(&foreign, "bob", 1000), close(&foreign, "bob", 1001)]);
    write(&*store, run, &ops).await;
    let mut whole: Vec<_> =
        (0i64..).zip(names).map(|(n, name)| call(&channel(name), "bob", 1000, Some(1000 + n))).collect();
    whole.push(call(&channel("late"), "bob", 1999, Some(2001)));
    let day = CallFilter { from: UnixMs(1000), until: UnixMs(2000), ..of("bob", false) };
    assert_eq!(store.calls(&day, 0, 100).await.unwrap(), (5, whole.clone()));
    for offset in 0..7 {
        let (total, page) = store.calls(&day, offset as u64, 2).await.unwrap();
        let from = offset.min(5);
        assert_eq!((total, &page[..]), (5, &whole[from..(from + 2).min(5)]));
    }
    assert_eq!(store.calls(&day, u64::MAX, 2).await.unwrap(), (5, vec![]));
    assert_eq!(store.calls(&day, 0, 0).await.unwrap(), (5, vec![]));
    let later = CallFilter { until: UnixMs(2001), ..day.clone() };
    assert_eq!(store.calls(&later, 0, 100).await.unwrap().0, 5, "the open one was not asked for");
    let with_open = store.calls(&CallFilter { open: true, ..later }, 5, 100).await.unwrap();
    assert_eq!(with_open, (6, vec![call(&key, "bob", 2000, None)]));
    let sooner = CallFilter { from: UnixMs(999), ..day };
    assert_eq!(store.calls(&sooner, 0, 1).await.unwrap(), (6, vec![call(&channel("early"), "bob", 999, Some(5000))]));
    let theirs = CallFilter { app: AppId(2), ..of("bob", true) };
    assert_eq!(store.calls(&theirs, 0, 9).await.unwrap(), (1, vec![call(&foreign, "bob", 1000, Some(1001))]));
}

/// Numbers that look random and are the same in every run.
fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    }
}

/// The records as a list says they are.
#[derive(Default)]
struct Model(Vec<Call>);

impl Model {
    fn write(&mut self, op: &CallOp) {
        let (channel, user) = op.of();
        let open = self.0.iter_mut().find(|c| c.leave.is_none() && (&c.channel, &c.user) == (channel, user));
        match (op, open) {
            (CallOp::Open { join, .. }, None) => {
                self.0.push(Call { channel: channel.clone(), user: user.clone(), join: *join, leave: None });
            }
            (CallOp::Close { leave, .. }, Some(call)) => call.leave = Some(call.join.max(*leave)),
            _ => {}
        }
    }

    fn list(&self, f: &CallFilter, offset: usize, limit: usize) -> (u64, Vec<Call>) {
        let wanted = |c: &&Call| {
            c.channel.app == f.app
                && c.user == f.user
                && (f.from..f.until).contains(&c.join)
                && (f.open || c.leave.is_some())
        };
        let mut all: Vec<_> = self.0.iter().filter(wanted).cloned().collect();
        all.sort_by_key(|c| c.join);
        (all.len() as u64, all.into_iter().skip(offset).take(limit).collect())
    }
}

/// Whatever is written, purged or reopened in between, an answer that was asked for before is not given again: every
/// list is the one that a walk along all records gives.
pub async fn lists_follow_every_change_at_once(mut s: impl Subject) {
    let (mut n, mut model) = (numbers(7), Model::default());
    let mut run = boot(&*s.store(), 0).await;
    for step in 0..400u64 {
        let store = s.store();
        let now = i64::try_from(step).unwrap() * 10;
        let mut ops = Vec::new();
        for _ in 0..n(4) {
            let (key, who) =
                (channel_of([APP, AppId(2)][usize::from(n(8) == 0)], ["a", "b", "c"][n(3) as usize]), n(3));
            let who = ["bob", "eve", "ann"][who as usize];
            ops.push(match n(5) {
                0 | 1 => open(&key, who, now - i64::try_from(n(30)).unwrap()),
                2 => lost(&key, who, Some(now)),
                _ => close(&key, who, now),
            });
        }
        write(&*store, run, &ops).await;
        ops.iter().for_each(|op| model.write(op));
        if n(40) == 0 {
            let before = UnixMs(now - 1000);
            good(store.purge_calls(before).await);
            model.0.retain(|c| c.leave.is_none_or(|leave| leave >= before));
        }
        for who in ["bob", "eve", "ann"] {
            for _ in 0..2 {
                let from = UnixMs([0, now / 2, now - 100][n(3) as usize]);
                let app = [APP, AppId(2)][usize::from(n(8) == 0)];
                let filter = CallFilter { app, from, open: n(2) == 0, ..of(who, false) };
                let (offset, limit) = (n(4), n(5) as u32 + 98 * u32::from(n(3) == 0));
                let listed = good(store.calls(&filter, offset, limit).await);
                assert_eq!(listed, model.list(&filter, offset as usize, limit as usize), "step {step}: {filter:?}");
            }
        }
        drop(store);
        if n(100) == 0 {
            s.reopen().await;
            run = boot(&*s.store(), now).await;
        }
    }
}

/// What ended before the instant is forgotten, however much it is; the rest and open ones stay.
pub async fn old_records_are_purged_and_open_ones_never(mut s: impl Subject) {
    let store = s.store();
    let a = channel("a");
    let run = boot(&*store, 0).await;
    let mut ops = vec![open(&channel("open"), "bob", 1)];
    for n in 0..4500 {
        ops.extend([open(&a, "bob", n), close(&a, "bob", n)]);
    }
    ops.extend([open(&a, "bob", 100), close(&a, "bob", 4500), open(&a, "bob", 4600), close(&a, "bob", 4700)]);
    write(&*store, run, &ops).await;
    let before = boot(&*store, 5000).await;
    assert_eq!(store.purge_calls(UnixMs(4500)).await.unwrap(), 4500);
    assert_eq!(store.purge_calls(UnixMs(4500)).await.unwrap(), 0);
    drop(store);
    s.reopen().await;
    let store = s.store();
    let kept =
        [call(&channel("open"), "bob", 1, None), call(&a, "bob", 100, Some(4500)), call(&a, "bob", 4600, Some(4700))];
    assert_eq!(calls(&*store, "bob").await, kept);
    let expected = [row(&channel("open"), "bob", 1, None, 0)];
    assert_eq!(left_open(&*store, before).await, expected, "the run of an open record is referred to");
}

/// Sixteen that open one stay at once make one record, and so do sixteen that end it.
pub async fn a_stay_opened_at_once_by_many_is_one_record(s: impl Subject) {
    let run = boot(&*s.store(), 0).await;
    let a = channel("a");
    for n in 0..10 {
        for op in [open(&a, "bob", n * 10), close(&a, "bob", n * 10 + 5)] {
            let mut tasks = JoinSet::new();
            for _ in 0..16 {
                let (store, op) = (s.store(), op.clone());
                tasks.spawn(async move { write(&*store, run, &[op]).await });
            }
            tasks.join_all().await;
        }
    }
    let expected: Vec<_> = (0..10).map(|n| call(&a, "bob", n * 10, Some(n * 10 + 5))).collect();
    assert_eq!(calls(&*s.store(), "bob").await, expected);
}
