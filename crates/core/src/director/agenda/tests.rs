use super::*;
use crate::id::{AppId, MeetingId, RoomId};
use crate::time::UnixMs;

fn at(secs: u64) -> Now {
    Now { wall: UnixMs(0), mono: Duration::from_secs(secs) }
}

fn agenda() -> Agenda {
    Agenda::new(DirectorConfig {
        seat_grace: Duration::from_secs(30),
        seat_restart_grace: Duration::from_secs(60),
        dismiss_announce: Duration::from_secs(1),
        dismiss_media: Duration::from_secs(2),
        linger: Duration::from_secs(60),
        call_grace: Duration::from_secs(60),
        member_grace: Duration::from_secs(10),
        leave_grace: Duration::from_secs(10),
        class_restart_grace: Duration::from_secs(60),
    })
}

fn bob() -> (ChannelKey, UserId) {
    (ChannelKey::of_room(AppId(1), RoomId([1; 16])), UserId::new("bob").unwrap())
}

#[test]
fn an_absent_holder_is_released_after_the_grace_and_not_before() {
    let (channel, user) = bob();
    let mut a = agenda();
    a.handle(at(10), Input::Absent { channel: channel.clone(), user: user.clone(), silent: Duration::ZERO });
    assert_eq!(a.next_deadline(), Some(Duration::from_secs(40)));
    assert!(a.take_due(at(39)).is_empty());
    assert_eq!(a.take_due(at(40)), [Effect::Release(channel, user)]);
    assert_eq!(a.next_deadline(), None);
}

#[test]
fn a_return_stops_the_timer_and_a_new_absence_starts_it_anew() {
    let (channel, user) = bob();
    let mut a = agenda();
    let absent = Input::Absent { channel: channel.clone(), user: user.clone(), silent: Duration::ZERO };
    a.handle(at(0), absent.clone());
    let done = a.handle(at(20), Input::Present { channel: channel.clone(), user: user.clone() });
    assert_eq!(done, [Effect::Attend(channel, user)]);
    assert_eq!(a.next_deadline(), None);
    a.handle(at(25), absent.clone());
    a.handle(at(28), absent);
    assert_eq!(a.take_due(at(57)).len(), 0);
    assert_eq!(a.take_due(at(58)).len(), 1);
}

#[test]
fn a_clock_jump_of_the_wall_fires_nothing() {
    let (channel, user) = bob();
    let mut a = agenda();
    a.handle(at(0), Input::Absent { channel, user, silent: Duration::ZERO });
    assert!(a.take_due(Now { wall: UnixMs(i64::MAX), mono: Duration::from_secs(1) }).is_empty());
}

fn adhoc() -> ChannelKey {
    ChannelKey { app: AppId(1), name: crate::id::ChannelName::new("raid-7").unwrap() }
}

#[test]
fn adhoc_channels_have_no_seats_to_free() {
    let mut a = agenda();
    let user = UserId::new("bob").unwrap();
    assert!(a.handle(at(0), Input::Present { channel: adhoc(), user: user.clone() }).is_empty());
    a.handle(at(0), Input::Absent { channel: adhoc(), user, silent: Duration::ZERO });
    assert_eq!(a.next_deadline(), None);
}

#[test]
fn a_deserted_channel_ends_after_its_linger_unless_somebody_comes() {
    let mut a = agenda();
    let user = UserId::new("bob").unwrap();
    a.handle(at(0), Input::Opened { channel: adhoc(), linger: None });
    a.handle(at(1), Input::Present { channel: adhoc(), user: user.clone() });
    assert_eq!(a.next_deadline(), None);
    a.handle(at(10), Input::Deserted { channel: adhoc() });
    assert!(a.take_due(at(69)).is_empty());
    a.handle(at(69), Input::Present { channel: adhoc(), user });
    a.handle(at(70), Input::Deserted { channel: adhoc() });
    assert!(a.take_due(at(129)).is_empty(), "the timer began anew");
    assert_eq!(a.take_due(at(130)), [Effect::EndDeserted(adhoc())]);
}

#[test]
fn without_linger_it_ends_at_once_but_not_before_the_first_one_is_in() {
    let mut a = agenda();
    a.config.linger = Duration::ZERO;
    a.handle(at(0), Input::Opened { channel: adhoc(), linger: None });
    assert!(a.take_due(at(4)).is_empty());
    assert_eq!(a.handle(at(4), Input::Deserted { channel: adhoc() }), [Effect::EndDeserted(adhoc())]);
}

fn stu() -> (ChannelKey, UserId) {
    (ChannelKey::of_meeting(AppId(1), MeetingId([1; 16])), UserId::new("stu").unwrap())
}

fn leave(online: bool, age: u64) -> Input {
    let (channel, user) = stu();
    Input::LeaveAsked { channel, user, online, age: Duration::from_secs(age) }
}

fn came() -> Input {
    let (channel, user) = stu();
    Input::Present { channel, user }
}

fn went() -> Input {
    let (channel, user) = stu();
    Input::Absent { channel, user, silent: Duration::ZERO }
}

fn joined() -> Input {
    let (channel, user) = stu();
    Input::Joined { channel, user }
}

fn released_at(a: &mut Agenda) -> Option<u64> {
    let at = a.next_deadline()?;
    let (channel, user) = stu();
    assert_eq!(a.take_due(Now { wall: UnixMs(0), mono: at }), [Effect::Release(channel, user)]);
    Some(at.as_secs())
}

#[test]
fn v08_a_lost_member_leaves_after_the_grace_and_v09_not_if_it_is_back() {
    let mut a = agenda();
    assert_eq!(a.handle(at(0), came()).len(), 1);
    a.handle(at(100), went());
    assert_eq!(a.next_deadline(), Some(Duration::from_secs(110)));
    a.handle(at(105), came());
    assert_eq!(a.next_deadline(), None);
    a.handle(at(200), went());
    assert_eq!(released_at(&mut a), Some(210));
}

#[test]
fn a_member_who_was_silent_for_long_has_that_much_less_grace() {
    let silent = |secs| {
        let (channel, user) = stu();
        Input::Absent { channel, user, silent: Duration::from_secs(secs) }
    };
    let mut a = agenda();
    a.handle(at(0), came());
    a.handle(at(100), silent(4));
    assert_eq!(released_at(&mut a), Some(106));
    a.handle(at(150), came());
    a.handle(at(200), silent(33));
    assert_eq!(released_at(&mut a), Some(200));
}

#[test]
fn v04_a_goodbye_while_connected_takes_effect_when_the_connection_ends() {
    let mut a = agenda();
    a.handle(at(0), came());
    a.handle(at(100), leave(true, 100));
    a.handle(at(103), went());
    assert_eq!(released_at(&mut a), Some(103));
}

#[test]
fn v05_a_late_goodbye_of_the_old_page_does_not_end_the_new_one() {
    let mut a = agenda();
    a.handle(at(0), came());
    a.handle(at(100), went());
    a.handle(at(101), joined());
    a.handle(at(102), leave(false, 1));
    assert_eq!(a.next_deadline(), Some(Duration::from_secs(111)), "the join is too young");
    a.handle(at(104), came());
    assert_eq!(a.next_deadline(), None);
    a.handle(at(150), went());
    assert_eq!(released_at(&mut a), Some(160), "the goodbye is void by then");
}

#[test]
fn v06_a_goodbye_after_the_new_connection_is_void_when_that_lasts() {
    let mut a = agenda();
    a.handle(at(100), came());
    a.handle(at(101), leave(true, 2));
    a.handle(at(111), went());
    assert_eq!(released_at(&mut a), Some(121));
}

#[test]
fn a_goodbye_whose_page_never_comes_back_counts_when_the_join_is_old_enough() {
    let mut a = agenda();
    a.handle(at(100), came());
    a.handle(at(101), leave(true, 2));
    a.handle(at(103), went());
    assert_eq!(released_at(&mut a), Some(109));
}

#[test]
fn a_join_puts_a_planned_leave_off() {
    let mut a = agenda();
    a.handle(at(0), came());
    a.handle(at(100), went());
    a.handle(at(109), joined());
    assert_eq!(released_at(&mut a), Some(119));
}

#[test]
fn p02_members_of_a_restart_have_the_longer_grace() {
    let mut a = agenda();
    a.handle(at(5), Input::MembersRestored { members: vec![stu()] });
    assert_eq!(released_at(&mut a), Some(65));
}
