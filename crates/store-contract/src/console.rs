//! Lists and totals over everything, as administrators see them.

use stoa_core::account::Account;
use stoa_core::audit::AuditEntry;
use stoa_core::channel::{CallOp, ChannelRecord, CloseReason};
use stoa_core::class::ClassStatus;
use stoa_core::console::{AuditFilter, CallDay, CallSearch, CallSpan, Census};
use stoa_core::id::{AppId, ChannelKey};
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;

use crate::channels::channel;
use crate::classes::{done, make_class, status};
use crate::{APP, Subject, apply, dismiss, good, make_room, user};

const OTHER: AppId = AppId(APP.0 + 1);
const DAY: i64 = 86_400_000;

fn of_other(key: &ChannelKey) -> ChannelKey {
    ChannelKey { app: OTHER, ..key.clone() }
}

/// Of all apps, as of now.
pub async fn what_there_is_is_counted(mut s: impl Subject) {
    let store = s.store();
    assert_eq!(good(store.census(UnixMs(1)).await), Census::default());
    make_room(&*store, 1, 1).await;
    let over = make_room(&*store, 2, 1).await;
    apply(&*store, over.id, dismiss(), 2).await;
    let (class, idle) = (make_class(&*store, 1, 1).await, make_class(&*store, 2, 1).await);
    done(&*store, class.id, status(ClassStatus::Running), 5).await;
    // A class that is paused has a record of its channel, and is no Talk channel.
    done(&*store, idle.id, status(ClassStatus::Running), 5).await;
    done(&*store, idle.id, status(ClassStatus::Idle), 6).await;
    for key in [channel("raid"), of_other(&channel("raid"))] {
        good(store.open_channel(ChannelRecord::new(key, UnixMs(1))).await);
    }
    for (who, until) in [("bob", UnixMs(100)), ("eve", UnixMs::MAX), ("joe", UnixMs(0))] {
        let (channel, user, by, created) = (channel("raid"), user(who), "root".to_owned(), UnixMs(1));
        let ban = Sanction { channel, user, source: Source::Console, by, created, until, not_before_secs: 1 };
        good(store.put_sanction(ban).await);
    }
    let account = |name| Account {
        user: user(name),
        password_hash: "x".to_owned(),
        admin: false,
        disabled: true,
        revoked_at_secs: 0,
    };
    good(store.put_account(account("ann")).await);
    drop(store);
    s.reopen().await;
    let all = Census { rooms: 1, classes: 1, adhoc: 2, bans: 2, accounts: 1 };
    assert_eq!(good(s.store().census(UnixMs(99)).await), all);
    assert_eq!(good(s.store().census(UnixMs(100)).await), Census { bans: 1, ..all });
}

/// By app, by a part of account, command or target; ASCII letters in any case, all others as they are.
pub async fn commands_of_all_apps_are_searched_and_paged(s: impl Subject) {
    let store = s.store();
    let entry = |n: i64, app, identifier: &str, command: &str, target: &str| AuditEntry {
        at: UnixMs(n),
        app,
        identifier: identifier.to_owned(),
        op_user: String::new(),
        command: command.to_owned(),
        target: target.to_owned(),
        result: 0,
        request_id: format!("r-{n}"),
    };
    let rows = [
        entry(1, APP, "Root", "console.kick", "raid\u{1f}bob"),
        entry(2, OTHER, "admin", "admin_kick_user", "raid\u{1f}ROOT"),
        entry(3, AppId(0), "root", "console.account_add", "100%_x"),
        entry(4, APP, "ÄNNE", "console.mute", "raid"),
    ];
    for e in &rows {
        good(store.audit(e.clone()).await);
    }
    let find = async |app: Option<AppId>, text: Option<&str>, offset, limit| {
        let filter = AuditFilter { app, text: text.map(str::to_owned) };
        let (total, found) = good(store.audit_page(&filter, offset, limit).await);
        (total, found.iter().map(|e| e.at.0).collect::<Vec<_>>())
    };
    assert_eq!(find(None, None, 0, 10).await, (4, vec![4, 3, 2, 1]));
    assert_eq!(find(None, None, 1, 2).await, (4, vec![3, 2]));
    assert_eq!(find(None, None, 9, 2).await, (4, vec![]));
    assert_eq!(find(Some(APP), None, 0, 10).await, (2, vec![4, 1]));
    assert_eq!(find(None, Some("rOOt"), 0, 10).await, (3, vec![3, 2, 1]));
    assert_eq!(find(None, Some("kick"), 0, 10).await, (2, vec![2, 1]));
    assert_eq!(find(Some(OTHER), Some("kick"), 0, 10).await, (1, vec![2]));
    // What are wildcards elsewhere stand for themselves.
    assert_eq!(find(None, Some("%_x"), 0, 10).await, (1, vec![3]));
    assert_eq!(find(None, Some("a%b"), 0, 10).await, (0, vec![]));
    assert_eq!(find(None, Some("änne"), 0, 10).await, (0, vec![]));
    assert_eq!(find(None, Some("Änne"), 0, 10).await, (1, vec![4]));
    let filter = AuditFilter { app: Some(AppId(0)), text: None };
    assert_eq!(good(store.audit_page(&filter, 0, 10).await), (1, vec![rows[2].clone()]));
}

/// By any mix of app, user, channel and time; the last begun first.
pub async fn call_records_of_all_users_are_searched_and_paged(mut s: impl Subject) {
    let store = s.store();
    let run = good(store.boot(UnixMs(0)).await);
    let (a, b) = (channel("raid"), channel("B"));
    let open = |channel: &ChannelKey, who, join| CallOp::Open {
        channel: channel.clone(),
        user: user(who),
        join: UnixMs(join),
    };
    let close = |channel: &ChannelKey, who, leave, reason| CallOp::Close {
        channel: channel.clone(),
        user: user(who),
        leave: UnixMs(leave),
        reason,
    };
    let ops = vec![
        open(&a, "bob", 100),
        open(&b, "bob", 200),
        open(&a, "eve", 200),
        open(&of_other(&a), "bob", 300),
        close(&a, "bob", 500, CloseReason::Removed),
        close(&b, "bob", 600, CloseReason::Lost),
        close(&a, "eve", 700, CloseReason::Ended),
    ];
    good(store.write_calls(run, ops).await);
    drop(store);
    s.reopen().await;
    let store = s.store();
    let all = CallSearch { app: None, user: None, channel: None, from: UnixMs(0), until: UnixMs::MAX };
    let find = async |search: &CallSearch, offset, limit| {
        let (total, found) = good(store.search_calls(search, offset, limit).await);
        let seen = |c: &stoa_core::console::CallSeen| {
            (c.call.channel.app, c.call.user.to_string(), c.call.join.0, c.call.leave.map(|l| l.0), c.reason)
        };
        (total, found.iter().map(seen).collect::<Vec<_>>())
    };
    let bob = |app, join, leave, reason| (app, "bob".to_owned(), join, leave, reason);
    let eve = (APP, "eve".to_owned(), 200, Some(700), Some(CloseReason::Ended));
    let every = vec![
        bob(OTHER, 300, None, None),
        eve.clone(),
        bob(APP, 200, Some(600), Some(CloseReason::Lost)),
        bob(APP, 100, Some(500), Some(CloseReason::Removed)),
    ];
    assert_eq!(find(&all, 0, 10).await, (4, every.clone()));
    assert_eq!(find(&all, 1, 2).await, (4, every[1..3].to_vec()));
    assert_eq!(find(&all, 7, 2).await, (4, vec![]));
    let of_app = CallSearch { app: Some(OTHER), ..all.clone() };
    assert_eq!(find(&of_app, 0, 10).await, (1, every[..1].to_vec()));
    let of_eve = CallSearch { user: Some(user("eve")), ..all.clone() };
    assert_eq!(find(&of_eve, 0, 10).await, (1, vec![eve]));
    let in_b = CallSearch { channel: Some(b.name.clone()), app: Some(APP), ..all.clone() };
    assert_eq!(find(&in_b, 0, 10).await, (1, every[2..3].to_vec()));
    let span = CallSearch { from: UnixMs(200), until: UnixMs(300), ..all };
    assert_eq!(find(&span, 0, 10).await, (2, every[1..3].to_vec()));
}

/// Days begin where the calendar says, also on the days on which clocks change.
pub async fn calls_are_added_up_by_calendar_days(s: impl Subject) {
    let store = s.store();
    let run = good(store.boot(UnixMs(0)).await);
    let (a, b) = (channel("raid"), channel("B"));
    let hour = DAY / 24;
    // Two hours ahead until noon UTC of day 101, one hour from then on.
    let changes = 101 * DAY + 12 * hour;
    let mut ops = Vec::new();
    let mut stay = |channel: &ChannelKey, who: &str, join: i64, ms: Option<i64>| {
        let (user, channel) = (user(who), channel.clone());
        ops.push(CallOp::Open { channel: channel.clone(), user: user.clone(), join: UnixMs(join) });
        if let Some(ms) = ms {
            let (leave, reason) = (UnixMs(join + ms), CloseReason::Left);
            ops.push(CallOp::Close { channel, user, leave, reason });
        }
    };
    stay(&a, "early", 100 * DAY - 2 * hour - 1, Some(1));
    stay(&a, "bob", 100 * DAY - 2 * hour, Some(1_000));
    stay(&b, "bob", 100 * DAY, Some(2_000));
    stay(&of_other(&a), "bob", 100 * DAY, Some(4_000));
    stay(&a, "eve", 101 * DAY - 2 * hour - 1, Some(8_000));
    stay(&a, "eve", 101 * DAY - 2 * hour, Some(16_000));
    // Still the same day: the clocks were set back.
    stay(&a, "eve", 102 * DAY - hour - 1, Some(32_000));
    stay(&a, "bob", 102 * DAY - hour, None);
    good(store.write_calls(run, ops).await);
    let (from, until) = (UnixMs(100 * DAY - 2 * hour), UnixMs(103 * DAY - hour));
    let after = (UnixMs(changes), hour);
    let now = UnixMs(102 * DAY - hour + 64_000);
    let span = CallSpan { app: None, from, until, now, offsets: [(from, 2 * hour), after, after, after] };
    let day = |day, calls, ms, users| CallDay { day, calls, ms, users };
    let all = [day(100, 4, 15_000, 3), day(101, 2, 48_000, 1), day(102, 1, 64_000, 1)];
    assert_eq!(good(store.call_days(&span).await), all);
    let one = CallSpan { app: Some(OTHER), ..span.clone() };
    assert_eq!(good(store.call_days(&one).await), [day(100, 1, 4_000, 1)]);
    let none = CallSpan { until: from, ..span };
    assert_eq!(good(store.call_days(&none).await), []);
}
