//! Voice rooms: eight seats around an owner (voice-room.md 5).

mod decide;
mod room;

pub use decide::{Applied, Command, Decision, Freed, Outcome, decide};
pub use room::{NewRoom, Room, RoomPatch, Seat, SeatIndex, Taken};
