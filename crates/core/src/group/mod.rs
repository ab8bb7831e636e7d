//! Message groups: the live places of the hub where a voice room, a class or a Talk channel talks to itself.
//!
//! Who may send what is decided here, by the kind of the group and the number of the message (voice-room.md 7.3,
//! classroom.md 7.5, hub.md 5), from records and never from what a message claims.

mod class_rules;
mod crowd;
pub(crate) mod events;
mod heart;
mod message;
pub mod names;
mod outlet;
mod room_rules;
mod service;
mod session;
mod store;

pub use class_rules::{ClassEffect, ClassSender, Scene, Talks, judge_class};
pub use crowd::Crowd;
pub use heart::GroupRates;
pub use message::{Incoming, Lane, Refusal};
pub use names::{GroupKey, Names};
pub use outlet::{ClassChange, Happening, Outlet};
pub use room_rules::{RoomEffect, RoomSender, judge_room, judge_room_direct};
pub use service::{Client, Groups, GroupsConfig};
pub use session::{Renewed, SessionConfig, Sessions};
pub use store::{
    Doomed, Exchanged, GroupPatch, GroupState, GroupStore, KEPT_MESSAGES, MessagePage, RefreshToken, StoredMessage,
};
