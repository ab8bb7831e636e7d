//! Voice rooms: eight seats around an owner (voice-room.md 5).

mod decide;
mod room;
mod service;

pub use decide::{About, Applied, Command, Decision, Freed, Outcome, decide, vacate};
pub use room::{NewRoom, Room, RoomPatch, Seat, SeatIndex, Taken};
pub use service::{CreateRoom, Voice, VoiceConfig, banned, too_many_rooms};
