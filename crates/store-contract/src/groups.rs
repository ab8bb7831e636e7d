//! What lasts of message groups.

use stoa_core::group::{Doomed, GroupKey, GroupPatch, GroupState, MessagePage, StoredMessage};
use stoa_core::ports::Store;
use stoa_core::time::UnixMs;

use crate::{good, user};

/// Message number `n` of a test.
#[must_use]
pub fn message(n: u64) -> StoredMessage {
    StoredMessage {
        seqnum: n,
        id: format!("m{n:025}"),
        kind: 10_001,
        sender: user("用户一"),
        extension: String::new(),
        data: format!("{{\"content\":\"{n} 🦀\"}}"),
        sid: String::new(),
        at: UnixMs(1_000),
        level: 0,
    }
}

/// Something of every kind.
pub(crate) async fn fill(store: &dyn Store, group: &GroupKey) {
    assert_eq!(good(store.reserve_seqnums(group, 3).await), 1);
    assert_eq!(good(store.visit_group(group, &user("bob")).await), (1, 1));
    assert_eq!(good(store.like_group(group, 4).await), 4);
    let patch = GroupPatch { meta: Some("{\"a\":1}".into()), admins: Some(vec![user("ann")]) };
    good(store.patch_group(group, patch).await);
    assert!(good(store.mute_group(group, true).await));
    good(store.mute_in_group(group, &[user("bob")], UnixMs(9)).await);
    good(store.put_message(group, message(1)).await);
}

/// What [`fill`] left is there, all of it.
pub(crate) async fn assert_full(store: &dyn Store, group: &GroupKey) {
    let state = GroupState {
        meta: "{\"a\":1}".into(),
        admins: vec![user("ann")],
        mute_all: true,
        muted: vec![(user("bob"), UnixMs(9))],
        pv: 1,
        uv: 1,
        likes: 4,
        amounts: [(10_001, 1)].into(),
    };
    assert_eq!(good(store.group(group).await), state);
    assert_eq!(good(store.messages(group, &[], MessagePage::Newest, 9).await), (vec![message(1)], false));
}

/// Nothing is there.
pub(crate) async fn assert_empty(store: &dyn Store, group: &GroupKey) {
    assert_eq!(good(store.group(group).await), GroupState::default());
    assert_eq!(good(store.messages(group, &[], MessagePage::Newest, 9).await), (vec![], false));
    assert_eq!(good(store.message(group, &message(1).id).await), None);
}

/// The place is gone, or never was: writes succeed and leave nothing.
pub(crate) async fn assert_refused(store: &dyn Store, group: &GroupKey) {
    assert_empty(store, group).await;
    assert_eq!(good(store.reserve_seqnums(group, 3).await), 1);
    assert_eq!(good(store.visit_group(group, &user("bob")).await), (0, 0));
    assert_eq!(good(store.like_group(group, 4).await), 0);
    let patch = GroupPatch { meta: Some("{\"a\":1}".into()), admins: Some(vec![user("ann")]) };
    good(store.patch_group(group, patch).await);
    assert!(!good(store.mute_group(group, true).await));
    good(store.mute_in_group(group, &[user("bob")], UnixMs(9)).await);
    good(store.put_message(group, message(1)).await);
    assert!(good(store.delete_messages(group, Doomed::Id(message(1).id)).await).is_empty());
    assert_empty(store, group).await;
}
