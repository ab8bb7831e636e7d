//! What every store must do, as one named test per behaviour.
//!
//! A store crate writes a function that makes a [`Subject`] on an empty database and calls
//! [`store_contract!`] with it. [`pg`] runs a throw-away PostgreSQL for those who need one.

#![expect(clippy::unwrap_used, reason = "a crate of tests: a panic is how they fail")]

pub mod audit;
pub mod bans;
pub mod calls;
pub mod channels;
pub mod class_channels;
pub mod class_fold;
pub mod class_lists;
pub mod class_races;
pub mod class_side;
pub mod classes;
pub mod console;
pub mod crash;
pub mod credentials;
pub mod files;
pub mod fold;
pub mod groups;
pub mod paging;
pub mod pg;
pub mod races;
pub mod rooms;
pub mod side;

use std::sync::Arc;

use async_trait::async_trait;
use stoa_core::caller::Caller;
use stoa_core::id::{AppId, RoomId, UserId};
use stoa_core::ports::Store;
use stoa_core::time::UnixMs;
use stoa_core::voice::{Applied, Command, NewRoom, Outcome, Room, SeatIndex};

/// A store under test, on a database of its own.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The store that is open now.
    fn store(&self) -> Arc<dyn Store>;
    /// Closes it and opens the same data again, so that nothing in memory helps. Callers have
    /// dropped what [`Subject::store`] gave them.
    async fn reopen(&mut self);
}

/// Expands to one test per behaviour. `$make` is an async function without arguments that returns a [`Subject`].
#[macro_export]
macro_rules! store_contract {
    ($make:path) => {
        $crate::store_contract!(@tests $make;
            side: a_fresh_store_is_empty_and_answers, a_secret_is_made_once_whoever_comes_first,
                accounts_are_added_replaced_listed_by_bytes_and_removed, sanctions_are_replaced_and_purged_when_over,
                the_outbox_keeps_its_order_until_done;
            rooms: a_room_is_stored_with_eight_free_seats_and_survives_reopening,
                a_taken_show_code_is_redrawn_also_that_of_a_dismissed_room,
                when_every_show_code_is_taken_nothing_is_stored, two_apps_share_neither_rooms_nor_codes,
                an_owner_at_its_limit_of_live_rooms_is_refused, an_unknown_room_is_none_and_not_an_error,
                what_a_command_answers_is_what_the_next_read_shows, four_byte_text_comes_back_as_it_was,
                a_nul_in_a_text_is_refused_and_changes_nothing, a_kick_stores_its_ban_with_the_freed_seat,
                attended_rooms_are_found_after_reopening, a_dismissed_room_keeps_its_record;
            paging: rooms_made_in_one_instant_appear_exactly_once_over_pages,
                a_page_shows_live_rooms_newest_first_with_their_seats,
                a_cursor_walk_shows_every_lasting_room_once_while_rooms_come_and_go;
            races: sixty_four_tasks_racing_for_eight_seats_have_eight_winners_in_each_of_200_rounds,
                the_same_user_sixty_four_times_gets_one_seat, two_users_wanting_one_seat_get_it_and_the_lowest_free,
                nobody_sits_after_a_dismissal_was_answered, an_old_release_never_frees_a_seat_taken_anew,
                nobody_is_ever_seated_and_banned_at_once, two_hundred_creates_at_once_get_distinct_codes,
                an_owner_never_gets_over_its_limit_by_racing, reads_never_go_back_in_time;
            channels: an_adhoc_channel_begins_once_lasts_and_ends_once, opening_at_once_makes_one_record,
                nothing_is_decided_about_users_of_a_channel_that_does_not_exist,
                what_is_decided_about_a_member_is_kept, a_demotion_in_a_room_frees_the_seat_and_refuses_the_next,
                a_dismissal_erases_members_and_keeps_sanctions, the_end_of_an_adhoc_channel_keeps_sanctions,
                of_200_identity_changes_at_once_the_highest_number_stands, changes_of_a_member_at_once_lose_nothing,
                nobody_is_ever_seated_and_a_listener_at_once, nothing_decided_outlives_the_end_of_its_channel,
                names_of_channels_are_listed_by_bytes, names_of_one_edition_are_the_same, mutes_that_end_by_themselves_are_found;
            audit: commands_are_logged_newest_first_and_old_ones_forgotten;
            console: what_there_is_is_counted, commands_of_all_apps_are_searched_and_paged,
                call_records_of_all_users_are_searched_and_paged, calls_are_added_up_by_calendar_days;
            bans: bans_are_listed_in_order_by_channel_and_by_user, a_ban_is_lifted_once_and_its_mark_stays,
                a_ban_needs_no_channel;
            calls: every_run_has_a_higher_number, a_stay_is_one_record_from_join_to_leave,
                changes_are_carried_out_in_order, a_restart_finds_open_records_and_takes_over_those_that_go_on,
                a_run_without_a_heartbeat_was_alive_at_its_start, records_are_paged_by_beginning, lists_follow_every_change_at_once,
                old_records_are_purged_and_open_ones_never, a_stay_opened_at_once_by_many_is_one_record;
            fold: random_commands_give_the_rooms_that_folding_decide_in_memory_gives;
            classes: a_class_keeps_every_field, a_member_of_a_class_keeps_every_field,
                a_nul_in_a_text_of_a_class_is_refused_and_changes_nothing, two_apps_share_no_classes,
                what_a_class_command_answers_is_what_the_next_read_shows,
                the_slot_goes_from_one_assistant_to_the_next, a_late_leave_of_a_reloaded_page_changes_nothing,
                a_view_shows_what_is_stored_about_one_user;
            class_lists: classes_are_listed_newest_first, members_of_a_class_are_listed_in_order,
                connected_members_are_found_after_reopening, who_manages_a_class_is_known;
            class_channels: the_channel_of_a_class_follows_its_status,
                users_of_a_classs_channel_are_decided_about, names_of_running_classes_are_listed_with_the_others,
                a_deletion_erases_everything_but_sanctions_and_the_name,
                nothing_decided_outlives_the_end_of_a_class;
            class_side: documents_are_added_once_listed_in_order_and_removed, check_ins_run_one_at_a_time,
                answers_to_a_roll_call_are_recorded_once, boards_keep_their_changes_in_order;
            files: a_file_is_there_once_it_is_finished, a_file_takes_no_documents_place,
                files_of_a_class_have_a_limit_together, a_file_goes_with_its_document_and_its_class;
            class_races: of_200_joins_of_one_user_all_succeed_and_make_one_row,
                two_assistants_racing_for_the_slot_have_one_winner_in_each_of_200_rounds,
                of_50_documents_of_one_id_one_is_added, of_100_check_ins_at_once_one_begins,
                of_50_answers_of_one_user_one_is_recorded, kicks_of_one_user_at_once_leave_one_ban,
                changes_of_the_meeting_at_once_lose_no_key, of_many_deletions_one_succeeds,
                changes_of_status_at_once_leave_the_channel_of_the_last, reads_of_a_class_never_go_back_in_time;
            class_fold: random_commands_leave_what_they_leave_in_a_store_of_maps;
            groups: a_nul_in_a_text_of_a_group_is_refused_and_changes_nothing;
        );
        $crate::group_contract!($make);
    };
    (@tests $make:path; $($module:ident: $($name:ident),+;)+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                $crate::$module::$name($make().await).await;
            }
        )+)+
    };
}

/// The part about groups and credentials.
#[macro_export]
macro_rules! group_contract {
    ($make:path) => {
        $crate::store_contract!(@tests $make;
            groups: what_is_decided_of_a_group_lasts, joins_and_likes_at_once_are_counted_exactly,
                a_message_number_is_handed_out_once, of_250_messages_the_newest_200_are_kept,
                messages_are_paged_in_both_directions, messages_are_deleted_by_id_and_by_mark,
                what_is_stored_of_a_group_goes_with_its_place,
                nothing_is_stored_for_a_room_or_class_that_is_not_there,
                nothing_of_a_group_outlives_the_dismissal_of_its_room, switched_off_microphones_last;
            credentials: a_refresh_token_is_exchanged_for_one_of_its_family, a_spent_refresh_token_ends_its_family,
                of_exchanges_of_one_token_at_once_one_succeeds_and_the_family_ends,
                a_family_that_ends_leaves_nobody_a_fresh_token, refresh_tokens_are_bound_to_a_device_and_end,
                of_many_refresh_tokens_of_one_device_the_newest_16_work, a_name_is_used_once;
        );
    };
}

/// Like `unwrap`, and shows the text that only the log may see.
pub fn good<T>(result: stoa_core::Result<T>) -> T {
    match result {
        Ok(done) => done,
        Err(e) => panic!("{e:?}: {}", e.internal().unwrap_or("no more is known")),
    }
}

/// The app of most tests.
pub const APP: AppId = AppId(1000);

/// A user by name.
#[must_use]
pub fn user(name: &str) -> UserId {
    UserId::new(name).expect("a valid name")
}

/// A seat by number.
#[must_use]
pub fn seat(n: i64) -> SeatIndex {
    SeatIndex::new(n).expect("1 to 8")
}

/// Room number `n` of the test, made at `created` by `owner`.
#[must_use]
pub fn new_room(n: u64, created: i64) -> NewRoom {
    let mut id = [0x5a; 16];
    // Spread like random ids, distinct for distinct numbers.
    id[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    NewRoom {
        id: RoomId(id),
        app: APP,
        created: UnixMs(created),
        title: format!("room {n}"),
        notice: String::new(),
        extends: String::new(),
        anchor: user("owner"),
        anchor_nick: "Owner".into(),
    }
}

/// A show code that no other room of the test uses.
#[must_use]
pub fn code(n: u64) -> u32 {
    10_000_000 + u32::try_from(n).expect("a small number")
}

/// Makes room number `n`.
pub async fn make_room(store: &dyn Store, n: u64, created: i64) -> Arc<Room> {
    good(store.create_room(new_room(n, created), &[code(n)], 0).await)
}

/// A request for a seat.
#[must_use]
pub fn take(who: &str, wish: Option<i64>) -> Command {
    Command::TakeSeat { user: user(who), wish: wish.map(seat), extends: format!("ext of {who}"), attended: false }
}

/// A user giving up its own seat.
#[must_use]
pub fn leave(who: &str) -> Command {
    Command::LeaveSeat { caller: Caller::user(user(who)), target: user(who), index: None }
}

/// The owner's dismissal.
#[must_use]
pub fn dismiss() -> Command {
    Command::Dismiss { caller: Caller::user(user("owner")) }
}

/// Applies to a room that must exist.
pub async fn apply(store: &dyn Store, room: RoomId, command: Command, now: i64) -> Applied {
    good(store.apply(APP, room, command, UnixMs(now)).await).expect("the room exists")
}

/// Reads a room that must exist.
pub async fn read(store: &dyn Store, room: RoomId) -> Arc<Room> {
    good(store.room(APP, room).await).expect("the room exists")
}

/// No user on two seats, whatever happened.
pub fn assert_distinct_holders(room: &Room) {
    let holders: Vec<_> = room.holders().map(|(_, t)| t.user.clone()).collect();
    let distinct: std::collections::BTreeSet<_> = holders.iter().collect();
    assert_eq!(distinct.len(), holders.len(), "somebody sits twice: {holders:?}");
}

/// The seat that an outcome gave.
#[must_use]
pub fn seated(outcome: &Outcome) -> Option<SeatIndex> {
    match outcome {
        Outcome::Seated(i) => Some(*i),
        _ => None,
    }
}
