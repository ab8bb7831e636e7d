use super::*;
use crate::time::UnixMs;

fn at(ms: u64) -> Now {
    Now { wall: UnixMs(1_000_000), mono: Duration::from_millis(ms) }
}

fn user(s: &str) -> UserId {
    UserId::new(s).unwrap()
}

fn names(users: impl IntoIterator<Item = UserId>) -> Vec<String> {
    users.into_iter().map(|u| u.to_string()).collect()
}

#[test]
fn d7_two_devices_are_one_member_and_d4_a_lost_one_counts_until_its_grace_ends() {
    let mut h = Heart::new(at(0));
    h.introduce(&user("a"), "{}".into());
    assert!(h.came(&user("a"), "1") && !h.came(&user("a"), "2"));
    assert!(h.plan_changes() && !h.plan_changes());
    assert_eq!(names(h.take_changes().joined.into_keys()), ["a"]);
    assert_eq!(h.went(&user("a"), "1", HubLeft::Lost(Duration::ZERO), at(1)), Went::Still);
    let Went::Grace(first) = h.went(&user("a"), "2", HubLeft::Lost(Duration::ZERO), at(2)) else { panic!() };
    assert!(h.has(&user("a")), "within the grace it is a member");
    assert!(!h.came(&user("a"), "3"), "and its return is no news");
    assert!(!h.grace_ended(&user("a"), first), "that grace is void");
    let Went::Grace(second) = h.went(&user("a"), "3", HubLeft::Lost(Duration::ZERO), at(3)) else { panic!() };
    assert!(h.grace_ended(&user("a"), second) && !h.has(&user("a")));
    let left = h.take_changes().left;
    assert_eq!(left[&user("a")], ("{}".to_owned(), Why::Lost));
}

#[test]
fn d6_who_says_goodbye_is_out_at_once_and_d10_only_with_that_connection() {
    let mut h = Heart::new(at(0));
    h.came(&user("a"), "old");
    h.came(&user("a"), "new");
    assert!(h.leaves(&user("a"), "old") && !h.leaves(&user("a"), "other"));
    assert_eq!(h.went(&user("a"), "old", HubLeft::Server, at(1)), Went::Still);
    assert!(h.has(&user("a")));
    assert!(h.leaves(&user("a"), "new"));
    assert_eq!(h.went(&user("a"), "new", HubLeft::Itself, at(1)), Went::Out);
    let changes = h.take_changes();
    assert!(changes.joined.is_empty(), "the last word counts");
    assert_eq!(changes.left[&user("a")].1, Why::Left, "and a list that was read in between must hear it");
}

#[test]
fn a_kicked_user_is_no_member_while_its_subscriptions_linger() {
    let mut h = Heart::new(at(0));
    h.came(&user("a"), "1");
    h.came(&user("a"), "2");
    h.take_changes();
    assert!(h.kick(&user("a")) && !h.has(&user("a")) && !h.kick(&user("a")));
    assert_eq!(h.lingering(&user("a")), ["1", "2"]);
    assert_eq!(h.went(&user("a"), "1", HubLeft::Itself, at(1)), Went::Still);
    assert!(h.came(&user("a"), "1"), "it may have come back, which ends its linger");
    assert_eq!(h.lingering(&user("a")), ["2"]);
    let changes = h.take_changes();
    assert!(changes.left.is_empty() && changes.joined.contains_key(&user("a")), "out and in again");
}

#[test]
fn repeats_are_answered_again_for_a_while() {
    let mut h = Heart::new(at(0));
    let sent = Sent { id: "m".into(), seqnum: 3, at: 5 };
    h.remember(&user("a"), "r", &sent, Duration::from_secs(60), at(0));
    assert_eq!(h.repeated(&user("a"), "r", at(59_999)), Some(sent));
    assert_eq!(h.repeated(&user("b"), "r", at(1)), None);
    assert_eq!(h.repeated(&user("a"), "r", at(60_000)), None);
}

#[test]
fn rates_are_counted_per_user_and_kind() {
    let rate = |per_sec, burst| Rate { per_sec, burst };
    let rates = GroupRates { signals: rate(20, 40), comments: rate(10, 20), reads: rate(5, 20) };
    let mut h = Heart::new(at(0));
    let mut pass = |u: &str, what, ms| h.count(&user(u), what, &rates, at(ms)).is_ok();
    assert_eq!((0..30).filter(|_| pass("a", Counted::Comment, 0)).count(), 20);
    assert!(pass("b", Counted::Comment, 0) && pass("a", Counted::Signal, 0));
    assert!(pass("a", Counted::Comment, 100) && !pass("a", Counted::Comment, 100));
}

#[test]
fn departures_are_taken_once_by_their_own() {
    let mut h = Heart::new(at(0));
    let told = |offset| Placed { id: format!("m{offset}"), offset };
    for (who, offset) in [("a", 1), ("b", 2), ("a", 3)] {
        h.departed(&user(who), told(offset));
    }
    assert_eq!(h.take_departures(&user("a")), [told(1), told(3)]);
    assert_eq!(h.take_departures(&user("a")), []);
    (0..1_000).for_each(|n| h.departed(&user("c"), told(n)));
    assert_eq!(h.take_departures(&user("b")), [], "out of the window");
    assert_eq!(h.take_departures(&user("c")).len(), MAX_DEPARTURES);
}

#[test]
fn who_is_put_out_hears_for_a_moment_and_may_come_again() {
    let mut h = Heart::new(at(0));
    h.came(&user("a"), "1");
    assert!(!h.is_out(&user("a")) && h.kick(&user("a")) && h.is_out(&user("a")));
    h.came(&user("a"), "2");
    assert!(!h.is_out(&user("a")), "back by another connection");
    h.kick(&user("a"));
    for client in ["1", "2"] {
        assert_eq!(h.went(&user("a"), client, HubLeft::Server, at(1)), Went::Still);
    }
    assert!(!h.is_out(&user("a")) && !h.is_out(&user("b")));
}
